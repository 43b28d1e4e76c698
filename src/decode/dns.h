/* DNS messages (RFC 1035, 3596, 6891, 9460) over UDP or, without the length prefix, TCP. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/cur.h"

#define DNS_NAME_BYTES  1024 /* 255 wire octets, each at most \DDD, and the NUL (RFC 4343 2.1) */
#define DNS_ANSWERS_MAX 64
#define DNS_CNAMES_MAX  16

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_NAPTR = 35,
	DNS_OPT = 41,
	DNS_SVCB = 64,
	DNS_HTTPS = 65
};
enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5
};

struct dns_answer { /* A or AAAA record of the answer section */
	struct addr addr;
	uint32_t ttl_s;
};

struct dns {
	uint16_t id;
	bool response, truncated;
	uint8_t opcode;     /* 0 query; others (NOTIFY, UPDATE) ask for no name */
	uint16_t rcode;     /* 12 bits with EDNS */
	uint16_t questions; /* as counted in the header */
	uint16_t qtype, qclass;
	char qname[DNS_NAME_BYTES]; /* lower case, no final dot; "" for the root; odd bytes as \DDD
	                             */
	uint16_t answer_records;    /* as counted in the header */
	struct dns_answer answer[DNS_ANSWERS_MAX];
	size_t answers;
	char cname[DNS_CNAMES_MAX][DNS_NAME_BYTES]; /* only the first cnames are written */
	size_t cnames;
	size_t answer_bytes; /* RDATA bytes of all records in the answer section: what a tunnel
	                        carries down */
	uint8_t edns_version;
	bool edns;
	uint16_t edns_size;
	bool partial; /* the question was read, the rest was cut or bad */
};

/* Reads one message. Compression pointers must go strictly backwards. When the question was
 * readable but a later section is cut or bad, partial is set, what was read stays and the cursor is
 * OK; otherwise the cursor says why and *ret is untouched. One question only is read; others are
 * counted. */
void dns_decode(struct cur *c, struct dns *ret);
