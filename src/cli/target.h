/* Target: a boundary of any kind that is read, asked about flows: a policy file, a firewall's rules
 * (nftables, iptables), an Amazon VPC. One answer for all: allowed, denied or undecided. */
#pragma once

#include "aws/vpc.h"
#include "boundary/boundary.h"
#include "cli/verb.h"
#include "nfw/nfw.h"
#include "policy/policy.h"
#include "report/emit.h"

enum target_kind {
	TARGET_POLICY, /* YAML */
	TARGET_JSON,   /* nftables as nft -j prints it */
	TARGET_TEXT,   /* nftables as nft reads it */
	TARGET_SAVE,   /* iptables-save */
	TARGET_VPC,    /* JSON of aws ec2 describe-*, templates, or a folder of it */
	TARGET_NFW, /* of AWS Network Firewall (docs/NFW.md), or a folder of it; Suricata's rules */
};

struct target { /* all zero is valid: nothing is there */
	enum target_kind kind;
	const char *path; /* the first, as given */
	size_t paths;     /* that it was read from */
	struct policy *policy;
	struct boundary *rules;
	struct vpc *vpc;
	struct nfw *nfw;                    /* a VPC's too, where it has firewalls */
	struct target_firewalls *firewalls; /* of a VPC; NULL: none */
};

struct target_read {
	bool quiet;       /* no remarks */
	const char *home; /* HOME_NET of a Network Firewall that does not say it; NULL: not known */
	bool strict;      /* of one, rules that no policy refers to stand in strict order */
};

/* An account's interfaces are some 10 MB of JSON. */
#define TARGET_BYTES_MAX ((size_t)64 << 20)

/* Reads path[0], whose kind is told by its first bytes (a folder is a VPC's); of a VPC also those
 * behind it that are of a VPC: t->paths of them in all. Says what is wrong, and then returns
 * EXIT_USAGE, EXIT_NOTHING or, when parts could not be read, EXIT_PARTIAL. t is to be closed. */
enum exit_code target_open(
	struct target *t, const char *const *path, size_t paths, const struct target_read *how);
void target_close(struct target *t);

struct target_ask { /* what people say of a flow beside its ends; NULL: not known */
	const char *hook, *iif, *oif;   /* of a firewall; hook NULL: output */
	const char *vpc, *subnet, *eni; /* of a VPC: where the source is */
	const char *name, *as;          /* the server's name, lower case; application protocol */
	bool tls;                       /* as is tls, of UDP quic */
	int64_t at_ns;
};

struct target_answer { /* all zero is valid; asked again it is made anew */
	enum policy_verdict verdict;
	struct out rule, reason; /* safe to print; rule "" when there is none */
	struct vpc_answer vpc;   /* a VPC: its stages */
};

/* Fails: -EINVAL, with words: no flow, or no hook. */
MUST_USE int target_ask(const struct target *t, struct span flow, const struct target_ask *ask,
	struct target_answer *ret, struct fail *why);
void target_answer_fini(struct target_answer *a);
/* verdict, rule, reason and, of a VPC, stages. */
void target_put_answer(struct emit *e, const struct target_answer *a);

/* A way out that a fallback channel may try, to an address of the Internet that no rule names. */
struct target_try {
	const char *name;
	uint8_t proto; /* 1: echo, in IPv6 as well */
	uint16_t low,
		high;   /* any port of these; a firewall is asked about one that is rarely named */
	const char *as; /* application protocol; NULL: not said */
};

struct target_channel {     /* a try from a place */
	const char *place;  /* "forward", a subnet, a zone; safe */
	const char *source; /* an interface that sends it; NULL: any host */
	const char *text;   /* "tcp:any>151.101.1.9:443", "ipv4 tcp 443" */
	size_t number;      /* of the try */
	bool ipv6;
};

typedef void target_tell(
	void *context, const struct target_channel *channel, const struct target_answer *answer);

/* Tells of each try from each place, in both IP versions. Returns how many places there are. */
size_t target_each_try(const struct target *t, const struct target_ask *ask,
	const struct target_try *tries, size_t count, target_tell *tell, void *context);

/* Addresses of the Internet, of operators far from each other. Where rules name them all, nothing
 * is said. */
#define TARGET_UNKNOWNS 6
#define TARGET_NAMED    "each address that could be asked about is named by a rule"
#define TARGET_NAME     "fallback.invalid"                   /* RFC 6761 */
extern const char *const target_unknown[2][TARGET_UNKNOWNS]; /* IPv4, IPv6 */

/* ---- by kind (target_KIND.c) ---- */

/* t->paths of them; first is the text of path[0], NULL: not read yet. Networks, firewalls or both:
 * t->kind becomes what it is. */
enum exit_code target_read_aws(struct target *t, const char *const *path, const struct cur *first,
	const struct target_read *how);
void target_set_inspector(struct target *t);
void target_close_firewalls(struct target_firewalls *f);
/* Whether it is Network Firewall's, or rules of Suricata. */
bool target_speaks_of_nfw(const char *name, struct span text);
struct target_said { /* of a flow, for firewalls on its way; as in struct nfw_flow */
	const char *as, *name;
	bool any; /* to some address of the Internet: dst only tells the family */
};
#define TARGET_SOME_PORTS 9
extern const uint16_t target_some_ports[TARGET_SOME_PORTS];
void target_judge_nfw(const struct nfw *n, const struct nfw_policy *policy, struct nfw_flow *flow,
	bool any, struct target_answer *ret);
struct target_said target_said_of(const struct target_ask *ask, uint8_t proto, uint16_t port);
struct target_said target_said_try(const struct target_try *try);
MUST_USE int target_ask_rules(const struct target *t, struct span flow,
	const struct target_ask *ask, struct target_answer *ret, struct fail *why);
MUST_USE int target_ask_vpc(const struct target *t, struct span flow, const struct target_ask *ask,
	struct target_answer *ret, struct fail *why);
void target_put_stages(struct emit *e, const struct vpc_answer *a);
size_t target_each_rules(const struct target *t, const struct target_ask *ask,
	const struct target_try *tries, size_t count, target_tell *tell, void *context);
/* An empty one. Says what is wrong. */
enum exit_code target_open_nfw(struct nfw **ret, const struct target_read *how);
/* t->paths of them, as above. */
enum exit_code target_read_nfw(struct target *t, const char *const *path, const struct cur *first,
	const struct target_read *how);
MUST_USE int target_ask_nfw(const struct target *t, struct span flow, const struct target_ask *ask,
	struct target_answer *ret, struct fail *why);
size_t target_each_nfw(const struct target *t, const struct target_try *tries, size_t count,
	target_tell *tell, void *context);
size_t target_each_vpc(const struct target *t, const struct target_try *tries, size_t count,
	target_tell *tell, void *context);
size_t target_each_zone(const struct target *t, const struct target_ask *ask,
	const struct target_try *tries, size_t count, target_tell *tell, void *context);
