/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
 *
 * What the guard may ask of its enforcer, and what it hears from it: structs of one size over a
 * SOCK_SEQPACKET pair, in the machine's byte order (both ends are of one build). No command holds
 * text, a path or the name of a table: the worst that a guard in a stranger's hands can do is to
 * block what the enforcer's own limits let it. */
#pragma once

#include <stdint.h>

#define GUARD_VERSION 1u
/* The one table that the enforcer makes, changes and deletes. Not "postern": that is what policy
 * compile makes, and both stand side by side. */
#define GUARD_TABLE "postern_guard"
/* NFLOG group of the packets that were dropped. */
#define GUARD_LOG_GROUP 8477
/* The enforcer's end of the pair. */
#define GUARD_FD 3

/* The enforcer refuses a hello that asks for more. */
#define GUARD_CHANNELS_MAX (1u << 20)
#define GUARD_HOSTS_MAX    4096u
#define GUARD_CHANGES_MAX  6000u /* a minute */
#define GUARD_EXPIRY_MAX_S (7u * 86400u)
#define GUARD_NEVER_MAX    4096u  /* networks that are never blocked */
#define GUARD_ALLOWED_MAX  65536u /* of all contained hosts together */

enum guard_command_kind {
	/* The first: limits; makes the table. */
	GUARD_HELLO = 1,
	/* peer/peer_bits is never blocked, as a host or as what a host reaches. */
	GUARD_NEVER,
	/* host may not reach peer (one address) by proto at port; port 0: at any. */
	GUARD_BLOCK,
	/* What host may reach while it is contained: peer/peer_bits by proto (TCP, UDP) at port to
	 * port_last. Before the GUARD_CONTAIN. */
	GUARD_ALLOW,
	/* host reaches only what was allowed, and what is never blocked. */
	GUARD_CONTAIN,
	GUARD_UNBLOCK, /* takes back a GUARD_BLOCK of the same host, peer, proto and port */
	GUARD_RELEASE, /* takes back the GUARD_CONTAIN of host */
	GUARD_FLUSH,   /* takes back everything */
	GUARD_CLOSE,   /* deletes the table; the enforcer ends */
	/* NEVER and ALLOW are only gathered from here on, until the REPLACE. */
	GUARD_GATHER,
	/* What was gathered takes the place of all that was never blocked and all that was allowed,
	 * in one transaction; what is blocked and contained stays as it is meanwhile. */
	GUARD_REPLACE,
};

struct guard_command {
	uint32_t version, kind;
	uint64_t serial;     /* comes back in the reply */
	uint8_t host[16];    /* IPv4 as ::ffff:a.b.c.d */
	uint8_t peer[16];    /* of the same family */
	uint8_t finding[16]; /* the finding's id: for the records of both sides */
	uint32_t expiry_s;   /* BLOCK, ALLOW, CONTAIN: 1 to GUARD_EXPIRY_MAX_S */
	uint32_t channels;   /* HELLO: blocks at once, of each family */
	uint32_t hosts;      /* HELLO: contained at once, of each family */
	uint32_t changes;    /* HELLO: BLOCKs and CONTAINs a minute */
	uint16_t port, port_last;
	uint8_t proto;        /* IP's number */
	uint8_t peer_bits;    /* of the 128 */
	uint8_t persistent;   /* HELLO: 1: the table stays when the enforcer ends */
	uint8_t reserved[17]; /* 0 */
};
_Static_assert(sizeof(struct guard_command) == 104, "one size on every machine");

enum guard_reply_kind {
	GUARD_DONE = 1, /* count: flows that were cut */
	GUARD_REFUSED,  /* reason */
	GUARD_DENIED,   /* a packet of host to peer was dropped; no answer to a command */
};

enum guard_reason {
	GUARD_REASON_NONE,
	GUARD_REASON_FORM,   /* the command contradicts itself */
	GUARD_REASON_ORDER,  /* before the hello, or a second one; nothing was gathered */
	GUARD_REASON_EXPIRY, /* none, or too long */
	GUARD_REASON_NEVER,  /* never to be blocked */
	GUARD_REASON_RATE,   /* too many changes within a minute */
	GUARD_REASON_FULL,   /* too many at once */
	GUARD_REASON_KERNEL, /* error_number */
	GUARD_REASON_COUNT
};

struct guard_reply {
	uint32_t version, kind;
	uint64_t serial;
	uint8_t host[16], peer[16];
	int64_t time_ns; /* DENIED: UTC since 1970 */
	uint32_t reason, error_number, count;
	uint32_t lost; /* DENIED: packets that were dropped and not told, so far */
	uint16_t host_port, port;
	uint8_t proto;
	uint8_t reserved[11];
};
_Static_assert(sizeof(struct guard_reply) == 88, "one size on every machine");
