/* Scan: bytes of a file are looked at for malicious code: rules of YARA, hashes that lists know to
 * be bad, and ClamAV's daemon where one runs. Nothing is unpacked, run or written here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/cur.h"
#include "base/fail.h"
#include "decode/decode.h"
#include "intel/intel.h"

#define SCAN_BYTES_DEFAULT ((size_t)64 << 20)
#define SCAN_MATCHES_MAX   32u
#define SCAN_NAME_BYTES    128u
#define SCAN_TEXT_BYTES    240u

enum scan_by { SCAN_YARA, SCAN_INTEL, SCAN_CLAMAV };
const char *scan_by_name(enum scan_by by); /* "yara", "intel", "clamav" */

struct scan_match { /* texts are safe to print */
	enum scan_by by;
	char name[SCAN_NAME_BYTES]; /* of the rule, the indicator, the signature */
	char text[SCAN_TEXT_BYTES]; /* what its author says of it, or "" */
};

struct scan_result {
	uint64_t bytes;
	char md5[33], sha1[41]; /* "" where no list has such */
	char sha256[65];
	char type[SCAN_NAME_BYTES]; /* MIME, by content; "" not known; safe to print */
	struct scan_match match[SCAN_MATCHES_MAX];
	size_t matches;
	uint64_t more;        /* matches that found no room */
	char gap[FAIL_BYTES]; /* "": all was done; else what was not, and why */
};

struct scan_options {             /* borrowed for the scanner's life, but the rules' paths */
	const char *const *rules; /* files of YARA rules, as text or compiled */
	size_t rules_count;
	const struct intel *intel; /* NULL none */
	const char *clamd;         /* path of its socket; NULL: not asked */
	int timeout_s;             /* of the rules over one file, and of clamd; 1 or more */
};

struct scanner;

/* Compiles the rules. A compiled file is a program: only from those one trusts.
 * Fails: -EINVAL (a rule, with its file and line), -errno, -ENOMEM, -ENOTCONN (no clamd there). */
MUST_USE int scanner_new(
	struct scanner **ret, const struct scan_options *options, struct fail *why);
void scanner_free(struct scanner *s); /* NULL is fine */
size_t scanner_rules(const struct scanner *s);

/* Never fails: what could not be done is in ret->gap. */
void scan_bytes(struct scanner *s, struct span bytes, struct scan_result *ret);

/* ---- what a scan does, for whoever asks later ---- */

#define SCAN_STATE_BYTES_MAX ((size_t)65536)

struct scan_state { /* as scan --state wrote it; texts are safe to print */
	int64_t at_ns, begun_ns;
	char iface[64]; /* "": files were looked at, not an interface */
	bool clamd;
	uint64_t rules, indicators;
	int64_t rules_ns, lists_ns; /* when the newest file of them was changed; 0 none */
	uint64_t files, matching, gaps;
	uint64_t files_lost, packets_lost; /* that passed the interface and were not looked at */
	int64_t matched_ns;                /* the latest match; 0: there was none */
	char match[SCAN_NAME_BYTES], sha256[65];
};

/* Fails: -EINVAL, -E2BIG, -ENOMEM. */
MUST_USE int scan_state_parse(
	struct scan_state *ret, const char *name, struct cur text, struct fail *why);

/* ---- archives: zip, tar, 7z, rar, cab, cpio, ar; gzip, bzip2, xz, zstd, compress ---- */

struct archived {          /* borrowed until the callback returns */
	struct span bytes; /* may be empty, where gap says why; ptr is never NULL */
	const char *name;  /* "a.zip > b.txt" below an archive in the archive; NOT safe to print */
	const char *gap;   /* NULL: all of it is here */
};

struct archive_options {
	size_t bytes_max;     /* of one member */
	uint64_t total_bytes; /* of all members together, those of inner archives too */
	uint32_t members;
	unsigned depth; /* archives in one another; 0: none is opened */
	void (*take)(void *context, const struct archived *file);
	void *context;
};

/* Tells each file in it, unpacked in memory. What is no archive has none. */
void archive_open(struct span bytes, const struct archive_options *options);

/* ---- what HTTP, SMTP and FTP carry ---- */

struct carried { /* a file on its way; all borrowed until the callback returns */
	struct span bytes;
	int64_t at_ns; /* of its first byte */
	struct addr from, to;
	uint16_t from_port, to_port;
	bool upload;          /* the client sent it */
	const char *protocol; /* "http", "smtp", "ftp", "smb" */
	/* HTTP: as asked for; SMTP: who sent it, the name of the part; FTP: "", the name;
	 * SMB: the share, the path.
	 * "" not known; NOT safe to print. */
	const char *host, *uri;
	const char *gap; /* NULL: all of it is here; else why not */
};

struct carry_options {
	size_t bytes_max; /* of one file, packed and unpacked; what is longer is told cut */
	/* Each file of 1 byte and more, or with a gap, as soon as it is whole, or the end came
	 * before that. */
	void (*take)(void *context, const struct carried *file);
	void *context;
};

struct carry_stats {
	uint64_t files, cut;
	uint64_t streams; /* conversations of a protocol that is looked into */
	uint64_t holes;   /* bytes of those that the capture does not have */
	uint64_t refused; /* conversations that found no room */
};

struct carry;

/* Fails: -ENOMEM. */
MUST_USE int carry_new(struct carry **ret, const struct carry_options *options);
void carry_free(struct carry *c);
/* Packets in the order of the capture. */
void carry_add(struct carry *c, const struct packet *packet);
/* No more will come. */
void carry_finish(struct carry *c);
struct carry_stats carry_stats(const struct carry *c);
