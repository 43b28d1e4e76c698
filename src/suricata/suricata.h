/* Suricata: rules as users of Suricata and of AWS Network Firewall write them, read into one model,
 * and asked whether they match a packet. What a rule hangs on and is not known, or not understood,
 * makes the answer MAYBE: docs/SURICATA.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/cur.h"
#include "base/fail.h"
#include "base/out.h"

#define SURICATA_BYTES_MAX ((size_t)32 << 20) /* the open Emerging Threats rules are 30 MB */
#define SURICATA_RULE_MAX  65536u             /* bytes of one rule; Network Firewall allows 8,192 */
#define SURICATA_DEPTH_MAX 8u                 /* of lists in lists, and of variables in variables */
#define SURICATA_STEPS_MAX 20000u             /* places tried for the patterns of one rule */
#define SURICATA_TESTS_MAX 256u               /* of one rule */
#define SURICATA_NAMES_MAX 256u               /* bytes of a variable, a flowbit, a keyword */

enum suricata_tri { SURICATA_NO, SURICATA_MAYBE, SURICATA_YES }; /* and is min, or is max */

enum suricata_action { SURICATA_ALERT, SURICATA_PASS, SURICATA_DROP, SURICATA_REJECT };
const char *suricata_action_name(enum suricata_action action);

/* ---- whom a rule speaks of ---- */

enum suricata_item_kind {
	ITEM_ANY,
	ITEM_NET,
	ITEM_PORTS,
	ITEM_VARIABLE,
	ITEM_REFERENCE,
	ITEM_LIST
};

/* One entry of a list of addresses or ports. A list holds what one of its plain entries holds (all,
 * when it has none) and none of its negated ones. */
struct suricata_item {
	enum suricata_item_kind kind;
	bool negated;
	struct addr first, last; /* NET: both are in */
	uint16_t low, high;      /* PORTS */
	const char *name;        /* VARIABLE, REFERENCE: without $ and @ */
	struct suricata_item *child, *next;
};

/* What stands for a name. known: item holds its value. */
struct suricata_variable {
	const char *name;
	struct suricata_item *item;
	bool ports;
	const struct suricata_variable *next;
};

/* Names are looked up in the scope, then in those around it. */
struct suricata_scope {
	const struct suricata_variable *first;
	const struct suricata_scope *around;
};

/* ---- what a rule asks ---- */

enum suricata_buffer {
	BUFFER_PAYLOAD, /* no sticky buffer: payload, or the stream */
	BUFFER_UNKNOWN, /* one that is not supported: never known */
#define BUFFER(name, legacy, side, app, id) BUFFER_##id,
#include "suricata/buffers.def"
#undef BUFFER
	BUFFER_COUNT
};
const char *suricata_buffer_name(enum suricata_buffer buffer);
/* -1 what the client sends, 1 what the server sends, 0 either. */
int suricata_buffer_side(enum suricata_buffer buffer);
/* The application protocol, or NULL. */
const char *suricata_buffer_app(enum suricata_buffer buffer);

enum suricata_test_kind {
	TEST_CONTENT,
	TEST_PCRE,
	TEST_MORE,  /* isdataat */
	TEST_BSIZE, /* of the buffer */
	TEST_DSIZE, /* of the packet's payload */
	TEST_FLOW,
	TEST_BITS,
	TEST_APP,
	TEST_IP_PROTO,
	TEST_ICMP_TYPE,
	TEST_ICMP_CODE,
	TEST_FLAGS,
	TEST_HELLO, /* ssl_state:client_hello */
	TEST_UNKNOWN,
};

enum { /* of suricata_test.has */
	HAS_OFFSET = 1,
	HAS_DEPTH = 2,
	HAS_DISTANCE = 4,
	HAS_WITHIN = 8,
	HAS_NOCASE = 16,
	HAS_ENDSWITH = 32,
	HAS_RELATIVE = 64, /* isdataat, pcre: from where the last pattern ended */
};

enum { /* of suricata_test.flow */
	FLOW_TO_SERVER = 1,
	FLOW_TO_CLIENT = 2,
	FLOW_ESTABLISHED = 4,
	FLOW_NOT_ESTABLISHED = 8,
	FLOW_STATELESS = 16,
	FLOW_PIECES = 32, /* only_stream, no_stream, only_frag, no_frag */
};

enum suricata_bits { BITS_SET, BITS_UNSET, BITS_TOGGLE, BITS_ISSET, BITS_ISNOTSET };

struct suricata_test {
	enum suricata_test_kind kind;
	enum suricata_buffer buffer;
	bool dotprefix, negated;
	unsigned has, flow;
	struct span bytes; /* CONTENT; lower case when nocase. PCRE: the pattern */
	int32_t offset, depth, distance, within;
	void *code; /* PCRE: pcre2_code */
	enum suricata_bits bits;
	uint32_t low, high; /* sizes, types, protocols: both are in */
	const char *name;   /* BITS, APP; UNKNOWN: the keyword */
	uint8_t flags, mask;
	struct suricata_test *next;
};

enum suricata_scope_kind { /* what an action is done to (Suricata's guide, "Rule Types") */
	SCOPE_PACKET,
	SCOPE_FLOW,
	SCOPE_ONCE, /* the flow, and the rule is asked only once for each direction */
};

struct suricata_rule {
	enum suricata_action action;
	const char *proto;       /* as written, lower case */
	uint16_t ip_proto;       /* 256: any */
	uint8_t family;          /* 4, 6; 0 both */
	const char *app;         /* application protocol that the header asks for; NULL none */
	bool hook;               /* of a firewall of Suricata 8 */
	bool both;               /* <> */
	bool noalert, alerts;    /* noalert; `alert` on a pass rule */
	bool limited;            /* threshold of type limit: the verdict is not touched */
	unsigned buffers_client; /* sticky buffers that the client, the server fills */
	unsigned buffers_server;
	struct suricata_item *src, *dst, *sport, *dport;
	struct suricata_test *test, **end;
	size_t tests;
	enum suricata_scope_kind scope;
	uint64_t sid;
	unsigned priority;       /* 1 to 255; 3 when the rule says nothing */
	const char *msg;         /* may be NULL; safe to print only by out_safe() */
	size_t number;           /* among the text's rules, from 0 */
	uint32_t line;           /* of the text, from 1 */
	const char *unsupported; /* the first keyword that is; NULL: none */
	struct suricata_rule *next;
};

struct suricata_fault {
	uint32_t line, column;
	const char *text; /* safe: what is wrong and what helps */
	struct suricata_fault *next;
};

struct suricata_rules {
	struct arena arena;
	struct suricata_rule *first, **end; /* in the order of the text */
	size_t count;
	struct suricata_fault *fault, **fault_end; /* a rule that is wrong is left out */
	size_t faults;
};

/* Reads rules, one a line; a line that ends in a backslash goes on. Owns its memory until
 * suricata_free(). Fails: -E2BIG, -ENOMEM. Rules that are wrong are no failure: see `fault`. */
MUST_USE int suricata_read(struct suricata_rules **ret, struct cur text, struct fail *why);
void suricata_free(struct suricata_rules *r);

/* Addresses (or ports) as they stand in a rule's header, into the arena. Returns NULL, or what is
 * wrong with them, a constant. */
const char *suricata_parse_items(
	struct arena *arena, struct span text, bool ports, struct suricata_item **ret);

/* ---- asking ---- */

/* What one buffer holds. All zero: it is not there, so that no rule that asks for it matches. */
struct suricata_bytes {
	bool there;
	struct span bytes;
	bool wild; /* '?' stands for any byte */
	bool open; /* what follows is not known, its length neither */
};

enum suricata_app_state { APP_UNKNOWN, APP_KNOWN, APP_FAILED };

struct suricata_packet {
	struct addr src, dst;
	struct addr src_last, dst_last; /* not none: some address from src to this one */
	/* of an end that is none: any of HOME_NET, any that is not */
	bool src_home, dst_home, src_foreign, dst_foreign;
	bool ports_known;
	uint8_t proto;
	uint16_t src_port, dst_port; /* ICMP: type, code */
	uint8_t tcp_flags;
	bool to_server, established;
	bool once;          /* the first of its direction in the flow */
	bool piece_known;   /* false: whether it is a stream's or a packet's is not asked */
	size_t payload;     /* bytes */
	bool payload_known; /* the payload's size */
	bool app_wild;      /* the application protocol is not known to us */
	enum suricata_app_state app_state; /* to Suricata */
	const char *app;                   /* KNOWN: its name */
	bool hello;                        /* a TLS ClientHello */
	bool message; /* holds (the end of) a message: rules of buffers are asked */
	struct suricata_bytes buffer[BUFFER_COUNT];
};

/* A flow's bits: a value for each name. */
struct suricata_bit {
	const char *name;
	enum suricata_tri set;
	struct suricata_bit *next;
};
struct suricata_flow_bits {
	struct suricata_bit *first;
	struct arena *arena;
};

/* Whether the rule matches. bits may be NULL: none is set. */
enum suricata_tri suricata_match(const struct suricata_rule *rule,
	const struct suricata_scope *scope, const struct suricata_packet *packet,
	const struct suricata_flow_bits *bits);
/* Does what a rule that matched (or may have) does to the bits. False: no room. */
bool suricata_set_bits(const struct suricata_rule *rule, enum suricata_tri matched,
	struct suricata_flow_bits *bits);
/* Whether the address, or the port, is one of the list. */
enum suricata_tri suricata_has_addr(const struct suricata_item *list,
	const struct suricata_scope *scope, const struct suricata_packet *packet, bool src);
enum suricata_tri suricata_has_port(
	const struct suricata_item *list, const struct suricata_scope *scope, uint16_t port);
/* What makes the rule's answer MAYBE, in words; "" when nothing that is known of the rule does. */
void suricata_say_doubt(struct out *o, const struct suricata_rule *rule,
	const struct suricata_scope *scope, const struct suricata_packet *packet);
