/* The vocabulary that every source speaks: what happened between a client and a server, told
 * without saying whether a packet or a log line told it. A source makes events; nobody changes one.
 *
 * Times are nanoseconds UTC since 1970, from the data. 0 means unknown. Strings are NUL-terminated,
 * borrowed from the source until its next event, NULL when unknown, and NOT safe to print
 * (out_safe). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/cur.h"

enum transport { TRANSPORT_OTHER, TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_ICMP };

/* How an attempt ended; the same words for every source (docs: README "How to read a finding").
 * UNKNOWN is said where the source cannot tell: never guessed. */
enum outcome {
	OUTCOME_UNKNOWN,
	OUTCOME_OK,
	OUTCOME_REFUSED,     /* RST to SYN */
	OUTCOME_SILENT,      /* no answer */
	OUTCOME_UNREACHABLE, /* ICMP said so */
	OUTCOME_RESET,       /* cut before any answer payload */
	OUTCOME_NXDOMAIN,
	OUTCOME_SERVFAIL,   /* also REFUSED */
	OUTCOME_DNS_SILENT, /* no resolver answered */
	OUTCOME_TLS_ALERT,  /* fatal alert by the server before any application data */
	OUTCOME_HTTP_ERROR, /* every status of the connection was 400 or over */
	OUTCOME_DENIED,     /* a firewall said so */
	OUTCOME_SINKHOLED,  /* answered with an address that means "blocked" */
	OUTCOME_STALLED,    /* open, request sent, the other side fell silent or closed */
	OUTCOME_COUNT
};

const char *outcome_name(
	enum outcome outcome); /* as in the contract; "ok", "unknown" for the first two */
/* REFUSED and all after it. */
static inline bool outcome_is_failure(enum outcome outcome)
{
	return outcome >= OUTCOME_REFUSED;
}
const char *transport_name(enum transport transport); /* tcp udp icmp other */
uint8_t transport_proto(enum transport transport);    /* IP's number: 6 17 1 0 */
enum transport transport_of(uint8_t ip_proto);        /* of IPv6's ICMP, 58, too */

/* What a firewall or proxy did with a conversation, by the words that its administrator chose for
 * it ("UFW BLOCK", "net2fw:DROP:", "iptables-denied", "allow"); words of both kinds say nothing. */
enum verdict_words { VERDICT_NONE, VERDICT_ALLOWED, VERDICT_DENIED };
enum verdict_words verdict_of(struct span text);

/* Where a conversation's name comes from, best first. */
enum name_source { NAME_NONE, NAME_SNI, NAME_HTTP_HOST, NAME_PROXY_TARGET, NAME_CERTIFICATE };

/* One conversation. It is told once when its outcome is known (settled) and once when it is over
 * (ended): two events with the same id, or one event with both flags. Log sources tell both at
 * once. */
struct conn {
	uint64_t id; /* unique in this run, never 0 */
	bool settled, ended;
	bool rest;     /* ended was told before: what came since, in numbers; outcome unknown */
	bool joined;   /* begun before the source saw it: an arrival of unknown time */
	bool inferred; /* direction guessed from ports, flags and local networks */
	bool one_way;  /* the source saw one direction only */

	int64_t start_ns; /* first packet */
	int64_t fail_ns;  /* when the client last learnt that it failed; 0 unless the outcome is a
	                     failure */
	int64_t leave_ns; /* silent only: when the client's own timer gave up, 0 unknown */
	int64_t end_ns;   /* last packet so far */

	struct addr client, server;
	uint64_t client_mac; /* Ethernet address that the client spoke from, 0 unknown */
	uint16_t client_port, server_port; /* ICMP: type and code, as in Community ID */
	uint8_t ip_proto;
	uint16_t vlan; /* 0 none */
	enum transport transport;
	enum outcome outcome;

	uint64_t packets_out, packets_in;
	uint64_t bytes_out, bytes_in; /* payload above the transport header */
	uint32_t tries;               /* SYNs or first datagrams seen; 0 unknown */
	uint32_t request_bytes;       /* client payload before the server's first; 0 unknown */
	uint32_t response_bytes;      /* server payload before the client's next; 0 unknown */
	int64_t first_data_ns;        /* first server payload; 0 none */

	const char
		*name; /* host name asked for, lower case, no final dot; never an address literal */
	enum name_source name_source;
	const char *service; /* tls, http, quic, dns, ssh, … */
	const char *ja3, *ja4, *alpn;
	const char *user_agent, *method;
	uint16_t request_mark;   /* request_mark() of the first request; 0 unknown */
	uint64_t request_hash;   /* request_hash() of it; 0 unknown */
	const char *certificate; /* first name of the server's certificate */
	uint16_t http_status;    /* last one seen; 0 none */
	bool to_proxy;           /* CONNECT or absolute-URI: name is the target, server the proxy */
	/* ICMP echo, as far as the source sees payloads: what the first request holds behind a
	 * stamp, 0 unknown; and how many of its bytes are new, the stamp's apart. */
	uint32_t echo_hash, echo_fresh;

	const char *uid;     /* the record's id in a log (Zeek uid, flow_id) */
	const char *process; /* when the source names it */
};

struct answer {
	struct addr addr; /* A or AAAA; "none" for other types */
	uint32_t ttl_s;
};

#define LOOKUP_ANSWERS_MAX 64
#define LOOKUP_CNAMES_MAX  16

/* One question to one resolver and what came of it: retries of the same id are one lookup. */
struct lookup {
	uint64_t id;
	int64_t query_ns;  /* first time asked */
	int64_t repeat_ns; /* last time asked again; equals query_ns when asked once */
	int64_t answer_ns; /* 0: no answer */
	int64_t fail_ns;   /* when the client learnt of the failure; 0 unless the outcome is one */
	struct addr client, resolver;
	uint64_t client_mac; /* as in conn */
	uint16_t client_port;
	enum transport transport;
	enum outcome outcome;  /* OK, NXDOMAIN, SERVFAIL, DNS_SILENT, SINKHOLED or UNKNOWN */
	uint16_t qtype, rcode; /* rcode with its EDNS part; meaningless without an answer */
	const char *name;      /* as asked, lower case, no final dot */
	const char *cname[LOOKUP_CNAMES_MAX]; /* chain in order */
	size_t cnames;
	struct answer answer[LOOKUP_ANSWERS_MAX];
	size_t answers;
	const char *uid;
	const char *process; /* when the source names it */
};

/* What an answer means: OK, NXDOMAIN, SERVFAIL, SINKHOLED (all its addresses are blocks' own) or
 * UNKNOWN. */
enum outcome lookup_outcome(uint16_t rcode, const struct answer *answer, size_t answers);

enum event_kind { EVENT_NONE, EVENT_CONN, EVENT_LOOKUP };

struct event {
	enum event_kind kind;
	union {
		struct conn conn;
		struct lookup lookup;
	};
};

/* What an HTTP request asks for, by the longest word of its target (RFC 9112, 3.2), in 16 bits of a
 * hash that is the same in every run: a program that goes on with another server asks it for the
 * same, two programs hardly ever do. A word is a run of letters, digits, - and _; the authority of
 * an absolute target does not count. 0: no word of six or more. */
uint16_t request_mark(struct span target);
/* The whole of it, path and query, in 64 bits that are the same in every run; for lists of URLs. 0:
 * no target, or one so long that a capture's decoder may have cut it. */
uint64_t request_hash(struct span target);

/* Community ID v1, seed 0 ("1:" + base64), of a conversation; for ICMP the ports are type and code.
 * Spec: github.com/corelight/community-id-spec. buf gets "" for protocols without an id. */
#define COMMUNITY_ID_BYTES 36
const char *community_id(const struct conn *conn, char buf[static COMMUNITY_ID_BYTES]);

/* The registered domain (Public Suffix List, private section included) of a lower-case name: a
 * borrowed part of it, or the name itself when it has none (a single label, a public suffix).
 * Thread safe. */
const char *registered_domain(const char *name);
