/* Boundary: a real firewall's rules (nftables' JSON, iptables-save), read into one model and
 * judged: does the first packet of a new connection pass? What is not understood, or hangs on what
 * no file tells (clocks, counters, sockets), is neither a match nor none: docs/BOUNDARIES.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/cur.h"
#include "base/fail.h"
#include "base/out.h"
#include "policy/policy.h"

#define BOUNDARY_BYTES_MAX  ((size_t)8 << 20) /* blocklists of a country are under it */
#define BOUNDARY_CHAINS_MAX 4096u
#define BOUNDARY_DIMS_MAX   5u       /* fields of one concatenation */
#define BOUNDARY_DEPTH_MAX  16u      /* of jumps: NFT_JUMP_STACK_SIZE */
#define BOUNDARY_STEPS_MAX  4000000u /* boxes looked at for one answer, or as much work */
#define BOUNDARY_TOLD_MAX   6u       /* rules that an answer names */

/* Each is a number of 16 bytes, network order: an address as in base/addr.h, an interface's name
 * with zeros behind it, a number at the end. */
enum boundary_field {
	BOUNDARY_FAMILY, /* 4, 6 */
	BOUNDARY_IIF,
	BOUNDARY_OIF,
	BOUNDARY_SADDR,
	BOUNDARY_DADDR,
	BOUNDARY_L4PROTO,
	BOUNDARY_SPORT,
	BOUNDARY_DPORT,
	BOUNDARY_ICMP_TYPE,
	BOUNDARY_CT_STATE, /* one bit, as the kernel counts them */
	BOUNDARY_MARK,
	BOUNDARY_TCP_FLAGS,
	BOUNDARY_FIELDS
};
#define BOUNDARY_CT_NEW       8u
#define BOUNDARY_CT_UNTRACKED 64u

enum boundary_hook {
	BOUNDARY_PREROUTING,
	BOUNDARY_INPUT,
	BOUNDARY_FORWARD,
	BOUNDARY_OUTPUT,
	BOUNDARY_POSTROUTING,
	BOUNDARY_INGRESS,
	BOUNDARY_EGRESS,
	BOUNDARY_HOOKS /* a chain of none is only jumped to */
};

enum boundary_verdict_kind {
	BOUNDARY_CONTINUE,
	BOUNDARY_ACCEPT,
	BOUNDARY_DROP,
	BOUNDARY_REJECT,
	BOUNDARY_RETURN,
	BOUNDARY_JUMP,
	BOUNDARY_GOTO,
	BOUNDARY_ANY, /* not understood: whatever a rule can do */
};

struct boundary_chain;

struct boundary_verdict {
	enum boundary_verdict_kind kind;
	const char *target;                 /* jump, goto: the chain's name */
	const struct boundary_chain *chain; /* NULL: there is none of that name */
};

struct boundary_range {
	struct addr first, last; /* both are in */
};

struct boundary_box { /* of a match's or a map's fields */
	struct boundary_range range[BOUNDARY_DIMS_MAX];
	struct boundary_verdict verdict; /* maps only */
};

enum boundary_step_kind {
	STEP_MATCH,
	STEP_MAP,     /* the verdict of the box that matches; none: the next step */
	STEP_UNKNOWN, /* a match that can't be known */
	STEP_VERDICT,
	STEP_MARK, /* sets the packet's mark, to a value that may not be known */
	STEP_NOTRACK,
	STEP_DNAT, /* and accepts */
	STEP_SNAT, /* and accepts */
	STEP_REDIRECT,
	STEP_REWRITE, /* addresses and ports become what is not known */
};

struct boundary_step { /* a rule's are done in order */
	enum boundary_step_kind kind;
	enum boundary_field field[BOUNDARY_DIMS_MAX];
	size_t dims;
	bool negated;
	bool partly;   /* members come and go: what is listed is not all */
	uint32_t mask; /* not 0: of the packet's value only these bits are compared */
	struct boundary_box *box;
	size_t boxes;
	struct boundary_verdict verdict;
	bool known, port_known; /* MARK, DNAT: the values below */
	uint32_t mark;
	struct addr to;
	uint16_t port;     /* 0: stays */
	const char *words; /* UNKNOWN: what it is; safe; may be NULL */
};

struct boundary_rule {
	const struct boundary_chain *chain;
	uint64_t place;      /* JSON: handle; iptables: line */
	const char *comment; /* safe; may be NULL */
	const char *text;    /* as it stands, cut and safe */
	size_t number;       /* among all of the boundary's, from 0 */
	bool counted;
	uint64_t packets;
	struct boundary_step *step;
	size_t steps;
	struct boundary_rule *next;
};

struct boundary_chain {
	size_t number;            /* among all of the boundary's, from 0 */
	const char *table, *name; /* safe */
	uint8_t family;           /* 4, 6; 0 both */
	bool nat, dormant;
	enum boundary_hook hook;
	int32_t prio;
	const char *dev; /* ingress, egress: the one interface; NULL any */
	enum boundary_verdict_kind policy;
	struct boundary_rule *rule, **end;
	struct boundary_chain *next;
};

struct boundary {
	struct arena arena;
	uint8_t family;               /* that the text is all about; 0 both */
	bool lines;                   /* rules are told by line, not by handle */
	struct boundary_chain *chain; /* in the order of the text */
	struct boundary_chain **end;
	size_t chains, rules;
};

/* The JSON of nft -j list ruleset. Fails: -EINVAL, -E2BIG, -ENOMEM; words without the file's name.
 */
MUST_USE int boundary_read_nft_json(struct boundary **ret, struct cur text, struct fail *why);
/* iptables-save or ip6tables-save: told from its first line, else from its addresses. Fails as
 * above; words begin with the line. */
MUST_USE int boundary_read_iptables(struct boundary **ret, struct cur text, struct fail *why);
void boundary_free(struct boundary *b);

/* ---- asking ---- */

enum boundary_path { BOUNDARY_PATH_OUTPUT, BOUNDARY_PATH_FORWARD, BOUNDARY_PATH_INPUT };

struct boundary_flow {
	struct policy_flow flow; /* src none: not known; src_port 0: not known */
	enum boundary_path path;
	const char *iif, *oif; /* NULL: not known */
	bool untranslated;     /* chains of type nat are passed by: what would be without them */
	/* Told of each rule that is come to, and whether it matched, or may have; NULL: nobody. */
	void (*met)(void *context, const struct boundary_rule *rule, bool hit);
	void *context;
};

/* Whether a chain hangs on the hook. */
bool boundary_has_hook(const struct boundary *b, enum boundary_hook hook);

enum boundary_answer_kind { BOUNDARY_DENIED, BOUNDARY_ALLOWED, BOUNDARY_UNDECIDED };
const char *boundary_answer_name(enum boundary_answer_kind kind);

struct boundary_answer {
	enum boundary_answer_kind kind;
	const struct boundary_rule *rule[BOUNDARY_TOLD_MAX]; /* that decide, or can't be decided */
	size_t rules;
	const struct boundary_chain *policy; /* whose policy decides; NULL: no policy did */
	const char *missing;                 /* undecided: why, when no rule's words say it */
};

void boundary_ask(
	const struct boundary *b, const struct boundary_flow *flow, struct boundary_answer *ret);
/* The rule or policy that decides, in words that can be found in the file; "" for none. */
void boundary_say_rule(
	struct out *o, const struct boundary *b, const struct boundary_answer *answer);
void boundary_say_reason(
	struct out *o, const struct boundary *b, const struct boundary_answer *answer);
