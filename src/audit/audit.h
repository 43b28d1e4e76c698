/* Audit: what is wrong with a boundary that someone has. Each finding is of a kind of kinds.def and
 * brings its proof: the flow that passes, the rule that lets it, and, where there is one, the flow
 * that is shut and shows what was meant. Nothing is found by the look of a text: the boundary is
 * asked, and rules are compared as exact regions. docs/AUDIT.md. */
#pragma once

#include "boundary/boundary.h"
#include "nfw/nfw.h"
#include "policy/policy.h"

enum audit_kind {
#define AUDIT(number, id, level, summary, remedy) AUDIT_##number,
#include "audit/kinds.def"
#undef AUDIT
	AUDIT_KINDS
};

enum audit_level { AUDIT_NOTE, AUDIT_WARNING, AUDIT_ERROR };
const char *audit_level_name(enum audit_level level); /* as SARIF writes them */

struct audit_kind_row {
	const char *id, *summary, *remedy;
	enum audit_level level;
};
extern const struct audit_kind_row audit_kinds[AUDIT_KINDS];

#define AUDIT_FINDINGS_MAX ((size_t)20000) /* more than anybody reads; the rest is counted */
#define AUDIT_ID_BYTES     40u

struct audit_finding {
	char id[AUDIT_ID_BYTES]; /* the same while what it is about is: no number of a line in it */
	enum audit_kind kind;
	bool fresh; /* set by whom compares with an earlier run */
	/* Safe to print; NULL where there is none. */
	const char *file;
	const char *place;         /* "forward ipv4", a subnet, a chain */
	const char *rule;          /* to be found in the file; lets it pass, or is meant */
	const char *words;         /* what is the case, in a sentence */
	const char *passes, *shut; /* flows */
	const char *owner, *since; /* NULL: not known */
	uint64_t line;             /* in the file; 0: not known */
	struct audit_finding *next;
};

struct audit;

/* Fails: -ENOMEM. */
MUST_USE int audit_new(struct audit **ret);
void audit_free(struct audit *a);
/* The file that what is added from now on is about; safe to print, copied. */
void audit_set_file(struct audit *a, const char *file);
const char *audit_file(const struct audit *a); /* findings of it point to this very text */
/* Copies. key is what the finding is about, in words that do not change when rules are only moved;
 * of several with one key each gets an id of its own. */
void audit_add(struct audit *a, const struct audit_finding *f, const char *key);
/* In the order in which they were added. */
struct audit_finding *audit_first(const struct audit *a);
size_t audit_count(const struct audit *a);
/* Findings that found no room. */
size_t audit_refused(const struct audit *a);
/* "owner=NAME" and the first date (2026-03-08) of a comment; copied into the audit. */
void audit_read_comment(struct audit *a, const char *comment, struct audit_finding *ret);

/* Addresses of the Internet that hardly a rule names, of operators without a public resolver: what
 * is asked about where any would do. */
#define AUDIT_STRANGER_V4 "45.83.12.9"
#define AUDIT_STRANGER_V6 "2a0a:1111:9::9"

/* ---- holes, of whatever can be asked ---- */

enum audit_way { /* what was asked of each place, to an address that no rule names */
	AUDIT_WAY_TLS,
	AUDIT_WAY_HTTP,
	AUDIT_WAY_DNS_TCP,
	AUDIT_WAY_SSH,
	AUDIT_WAY_TCP_ANY, /* the high port that gets furthest */
	AUDIT_WAY_DNS,
	AUDIT_WAY_QUIC,
	AUDIT_WAY_NTP,
	AUDIT_WAY_UDP_ANY, /* the port that gets furthest */
	AUDIT_WAY_ECHO,
	AUDIT_WAY_TCP, /* a port that nobody names */
	AUDIT_WAY_UDP,
	AUDIT_WAYS
};

struct audit_told {
	bool asked;
	enum policy_verdict verdict;
	const char *flow, *rule; /* safe; rule may be NULL */
};

struct audit_place {
	const char *name; /* safe; NULL: there is but one */
	bool names;    /* what was asked had names and protocols: TLS with a name is no address */
	bool inspects; /* it looks into packets for them, as a Network Firewall does */
	struct audit_told way[2][AUDIT_WAYS]; /* IPv4, IPv6 */
};

void audit_holes(struct audit *a, const struct audit_place *place);

/* ---- a firewall's rules ---- */

/* What its translations let through. iif, oif: as in boundary_flow. */
void audit_nat(struct audit *a, const struct boundary *b, const char *iif, const char *oif);
/* Public resolvers that HTTPS passes to, while it does not to just anybody. As audit_nat(). */
void audit_doh(struct audit *a, const struct boundary *b, const char *iif, const char *oif);
/* Rules that never decide, change nothing, or never match. Exact: what is not understood is passed
 * by. Bounded in work and memory (too-many). Fails: -ENOMEM. */
MUST_USE int audit_rules(struct audit *a, const struct boundary *b);
/* Chains that nothing leads to. Fails: -ENOMEM. */
MUST_USE int audit_chains(struct audit *a, const struct boundary *b);
/* By the counters in the file. */
void audit_counters(struct audit *a, const struct boundary *b);
/* "inet t out handle 7", "filter OUTPUT line 9" */
void audit_say_rule(struct out *o, const struct boundary *b, const struct boundary_rule *r);
/* A finding about a rule: place, rule, line, owner and since are filled in. */
void audit_add_rule(struct audit *a, const struct boundary *b, const struct boundary_rule *r,
	struct audit_finding *f);

/* ---- a Network Firewall ---- */

/* Names that rules pass by a part of them; public resolvers; sources outside of HOME_NET; TLS
 * without a name. spokes: networks that are routed through it; none: a few of each private range.
 * Fails: -ENOMEM.
 */
MUST_USE int audit_nfw(
	struct audit *a, const struct nfw *n, const struct cidr *spoke, size_t spokes);

/* ---- an earlier run ---- */

#define AUDIT_SINCE_BYTES_MAX ((size_t)64 << 20)

struct audit_since; /* what audit --json printed then */

struct audit_gone { /* a finding that is not there any more; words of a file, safe to print */
	const char *id, *kind, *file, *text;
};

/* Fails: -EINVAL, with LINE: words; -E2BIG, -ENOMEM. */
MUST_USE int audit_since_read(struct audit_since **ret, struct cur text, struct fail *why);
void audit_since_free(struct audit_since *s);
/* Marks what was not there then as fresh; returns how many that are. */
size_t audit_since_mark(struct audit_since *s, const struct audit *a);
/* After marking. Begins with *at 0; false: no more. */
bool audit_since_gone(const struct audit_since *s, size_t *at, struct audit_gone *ret);
/* The verdict that was given then about the flow from the place (either may be NULL), when it was
 * asked about for as many times as it is asked for here: of several targets each has its own. NULL:
 * it was not. */
const char *audit_since_answer(struct audit_since *s, const char *place, const char *flow);
