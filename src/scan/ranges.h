/* Inside scan/: files that come in parts by several messages, on any connections: ranges of HTTP
 * (RFC 9110, 14), downloads that are resumed, REST of FTP (RFC 3659, 5). They are told once: when
 * all of a file is there, or when no more of it is waited for, and then with what is missing. */
#pragma once

#include "scan/pieces.h"

#define RANGES_MAX 64u /* files at once; the longest untouched gives way */
/* In all of their pieces together. */
#define RANGES_BYTES_MAX ((size_t)256 << 20)
/* No further part of a file is waited for so long after its latest. */
#define RANGES_AGE_NS (INT64_C(600) * 1000000000)

struct place {     /* what Content-Range says; all zero: nothing */
	bool said; /* there is such a field */
	bool ok;   /* and it names a range */
	bool sized;
	uint64_t first, last, size; /* last: of the range, its last byte itself */
};

struct range {                      /* borrowed for the call */
	struct carried file;        /* the part; without its gap */
	uint64_t target, validator; /* by hash: what was asked for; ETag or Last-Modified; 0 none */
	const char *coding;         /* of the file, as HTTP names it; "" none */
	uint64_t at;
	bool sized;  /* of the whole, size is known */
	bool lacks;  /* zeros stand for some of it */
	bool behind; /* it belongs behind what there is (APPE): at and size follow from that */
	uint64_t size;
};

/* "bytes 0-99/1234"; an asterisk for a size that is not known. */
struct place range_place(struct span field);
/* NULL: it was taken and is told with the others. Else nobody will tell it but the caller, and why
 * is said; "": nothing is wrong with it. */
const char *ranges_put(struct carry_shared *x, const struct range *r);
/* Tells what no part came of for too long. */
void ranges_age(struct carry_shared *x, int64_t now_ns);
/* Tells all. */
void ranges_finish(struct carry_shared *x);
/* Tells nothing. */
void ranges_free(struct carry_shared *x);
