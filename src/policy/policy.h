/* Policy: what may leave, and by whose decision: the model, its YAML form, and what it says about a
 * flow. Rules are tried from the first to the last and the first that matches decides; then the
 * default of the source's zone. docs/POLICY.md shows the form. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/cur.h"
#include "base/fail.h"
#include "base/out.h"
#include "baseline/baseline.h"
#include "policy/region.h"

/* A file that people review is shorter than any of these. */
#define POLICY_BYTES_MAX ((size_t)1 << 20)
#define POLICY_ITEMS_MAX 4096u  /* zones, services, destinations, rules: each */
#define POLICY_LIST_MAX  65536u /* networks or names of one rule, all its lists together */
#define POLICY_ID_BYTES  64u

enum policy_action { POLICY_DENY, POLICY_ALLOW, POLICY_REJECT };
const char *policy_action_name(enum policy_action action);

struct policy_place { /* in the file, from 1 */
	uint32_t line, column;
};

struct policy_nets {
	struct cidr *net;
	size_t count;
};

struct policy_names { /* lower case; "*.vendor.example" is all below the domain, not itself */
	const char **name;
	size_t count;
};

struct policy_zone {
	const char *name;
	struct policy_place place;
	struct policy_nets nets;
	enum policy_action fallback; /* for what no rule speaks of */
	bool used;
};

struct policy_ports { /* of ICMP: types */
	uint16_t first, last;
};

struct policy_service {
	const char *name;
	struct policy_place place;
	bool tcp, udp, icmp; /* all three: any protocol whatever */
	bool any;
	struct policy_ports *port;
	size_t ports;   /* 0: all */
	const char *as; /* application protocol; NULL any */
	bool used;
};

struct policy_destination {
	const char *name;
	struct policy_place place;
	struct policy_names names;
	struct policy_nets nets;
	bool used;
};

struct policy_rule {
	const char *id, *owner, *why;
	struct policy_place place;
	int64_t expires_ns; /* does not hold at this time and later; 0 never ends */
	enum policy_action action;
	bool from_any, to_any, service_any;
	bool never;                  /* stands for never-block: no rule of the list */
	struct policy_nets from, to; /* those of zones and destinations are among them */
	struct policy_names to_names;
	const struct policy_service **service;
	size_t services;
	const char *as; /* application protocol; NULL any */
};

struct policy {
	struct arena arena; /* of all that is below */
	const char *file;   /* safe to print */
	struct policy_zone *zone;
	size_t zones;
	struct policy_service *service;
	size_t services;
	struct policy_destination *destination;
	size_t destinations;
	struct policy_rule *rule; /* in order; never-block first when there is any */
	size_t rules;
};

/* ---- the file ---- */

/* file stands for the text in complaints; copied; may be "" where the caller puts a long one before
 * them. Fails: -EINVAL (what is wrong, with
 * FILE:LINE:COLUMN), -E2BIG, -ENOMEM. */
MUST_USE int policy_parse(struct policy **ret, const char *file, struct cur text, struct fail *why);
void policy_free(struct policy *p);

/* The zone of an address: the first in the file that holds it; NULL none. */
const struct policy_zone *policy_zone_of(const struct policy *p, const struct addr *addr);
/* Whether the network is one of IPv4. */
bool policy_net_is_v4(const struct cidr *net);
bool policy_name_matches(const char *pattern, const char *name);
/* Whether the rule holds at the time. */
bool policy_rule_holds(const struct policy_rule *rule, int64_t at_ns);
bool policy_rule_is_from(const struct policy_rule *rule, const struct addr *src);
bool policy_service_has_proto(const struct policy_service *s, uint8_t proto);

/* ---- one flow ---- */

struct policy_flow {
	struct addr src, dst;
	uint8_t proto;     /* IP protocol */
	uint16_t src_port; /* 0 for ICMP */
	uint16_t port;     /* ICMP: the type */
	const char *name;  /* the server's, lower case; NULL not known */
	const char *as;    /* application protocol; NULL not known */
	int64_t at_ns;     /* when */
};

/* tcp:192.0.2.10:40000>198.51.100.7:443, icmp:SRC>DST:TYPE; IPv6 in brackets, also where no port
 * follows. Fills all but name, as and at_ns. Fails: -EINVAL. */
MUST_USE int policy_flow_parse(struct span text, struct policy_flow *ret, struct fail *why);

enum policy_verdict { POLICY_DENIED, POLICY_ALLOWED, POLICY_UNDECIDED };
const char *policy_verdict_name(enum policy_verdict verdict);
/* How far a flow gets: denied 0, undecided 1, allowed 2. */
int policy_verdict_reach(enum policy_verdict verdict);

struct policy_answer {
	enum policy_verdict verdict;
	const struct policy_rule *rule; /* that decides, or that cannot be decided; may be NULL */
	const struct policy_zone *zone; /* whose default decides; NULL: no default did */
	const char *missing;            /* undecided: what is not known, in words */
};

struct policy_answer policy_ask(const struct policy *p, const struct policy_flow *flow);
/* The id of the rule that answered, "default ZONE", or "" when nothing did. */
void policy_say_rule(struct out *o, const struct policy_answer *answer);
/* Why, in one sentence that names the rule. */
void policy_say_reason(
	struct out *o, const struct policy_answer *answer, const struct policy_flow *flow);

/* ---- whom the policy names ---- */

/* Whom a host speaks to, as hosts tell it (host/host.h). */
struct policy_contact {
	struct addr host, server; /* server none: not known */
	const char *domain;       /* registered domain; NULL: an address without a name */
	uint8_t proto;
	uint16_t port;
	bool any_service; /* protocol and port are not known yet */
};

/* The rule that allows it and names it, by a network or by a name of its domain; whether the rule
 * has ended, and what is spoken, is not asked. NULL: it is denied, or allowed by a rule or a
 * default for anybody: then nobody has decided about it. */
const struct policy_rule *policy_expects(
	const struct policy *p, const struct policy_contact *contact);

/* ---- regions ---- */

/* How the policy's names and application protocols become numbers of a box. */
struct policy_space;
/* All addresses of the network. */
struct range policy_range_of(const struct cidr *net);
/* Fails: -ENOMEM. */
MUST_USE int policy_space_new(struct policy_space **ret, const struct policy *p);
void policy_space_free(struct policy_space *s);
/* What the rule matches, whether it holds or not. Fails: -ENOMEM, -E2BIG (region.h). */
MUST_USE int policy_region_of_rule(
	const struct policy_space *s, const struct policy_rule *rule, struct region *ret);
/* All that the zone's hosts do. Fails as above. */
MUST_USE int policy_region_of_zone(const struct policy_zone *zone, struct region *ret);
/* The point of a flow; a name or protocol that is not known is one that no rule speaks of. */
void policy_point_of_flow(
	const struct policy_space *s, const struct policy_flow *flow, struct region_point *ret);

/* ---- lint ---- */

enum policy_lint_kind {
	LINT_SHADOWED,
	LINT_REDUNDANT,
	LINT_CONTRADICTORY,
	LINT_EXPIRED,
	LINT_WIDE,
	LINT_UNREACHABLE,
	LINT_UNUSED,
	LINT_OVERLAP,
	LINT_TARGET,
	LINT_UNDECIDED, /* the policy is too large for an exact answer */
};
const char *policy_lint_name(enum policy_lint_kind kind);

struct policy_lint {
	enum policy_lint_kind kind;
	struct policy_place place;
	const char *id; /* of the rule, zone, service or destination */
	char *text;     /* owned */
};

#define POLICY_LINTS_MAX 10000u

struct policy_lints { /* all zero is valid */
	struct policy_lint *lint;
	size_t count, room;
	size_t refused; /* over POLICY_LINTS_MAX */
};

/* In the order of places. Fails: -ENOMEM. */
MUST_USE int policy_check(const struct policy *p, int64_t at_ns, struct policy_lints *ret);
void policy_lints_fini(struct policy_lints *l);

/* ---- a draft ---- */

/* The YAML of the smallest policy that carries what the baseline took in: a rule for each zone,
 * service and set of hosts, names with all below them, addresses exactly or, when prefixes is not
 * 0, under that many of them in all, with the fewest excess addresses that are possible. What can't
 * be carried, and what is open beside it, is a line each in *losses, safe to print. Fails: -ERANGE
 * (so few prefixes can't be), -E2BIG (over COVER_ADDRS_MAX addresses of one rule), -ENOMEM. */
MUST_USE int policy_draft(const struct baseline *b, unsigned prefixes, struct out *text,
	struct out *losses, struct fail *why);

/* ---- targets ---- */

/* An address that a name was seen to have. */
struct policy_seen {
	const char *name; /* lower case; borrowed */
	struct addr addr;
};

/* A ruleset for nft -f: one transaction that replaces the table inet postern and nothing else. What
 * nftables can't express is written into its comments and, a line each, into *losses. Rules stand
 * as at at_ns. Fails: -ENOMEM, -E2BIG (a set of over REGION_BOXES_MAX). */
MUST_USE int policy_compile_nft(const struct policy *p, const struct policy_seen *seen,
	size_t seens, int64_t at_ns, struct out *text, struct out *losses);

/* All that rules which name whom they allow let the host reach, names by the addresses that they
 * were seen to have; not what rules for any destination or a default allow. Neither name nor
 * application protocol is told apart. Into *ret, which is empty. Fails: -ENOMEM, -E2BIG. */
MUST_USE int policy_reach_of(const struct policy *p, const struct addr *host,
	const struct policy_seen *seen, size_t seens, int64_t at_ns, struct region *ret);

/* All that rules which name whom they deny keep from the host, names as above. Into *ret, which is
 * empty. Fails as above. */
MUST_USE int policy_denials_of(const struct policy *p, const struct addr *host,
	const struct policy_seen *seen, size_t seens, int64_t at_ns, struct region *ret);

/* A response policy zone: what a resolver answers, as far as the policy speaks of names: rules'
 * names pass, never-block's too, and all else is refused when every default denies. Losses as
 * above. Fails: -ENOMEM. */
MUST_USE int policy_compile_rpz(
	const struct policy *p, int64_t at_ns, struct out *text, struct out *losses);
