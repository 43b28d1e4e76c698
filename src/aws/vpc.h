/* VPC: what Amazon says of its networks (aws ec2 describe-*), read from its JSON, and whether a
 * flow passes them: security groups, network ACLs and routes, in the order in which a packet meets
 * them. Three-valued: what was not read is never guessed. Source of the semantics: the Amazon VPC
 * and EC2 user guides; docs/VPC.md says which rule comes from where, and what is left out. */
#pragma once

#include "base/addr.h"
#include "base/fail.h"
#include "base/out.h"

struct vpc;

/* All that is read may take `bytes` of memory. Fails: -ENOMEM. */
MUST_USE int vpc_new(struct vpc **ret, size_t bytes);
void vpc_free(struct vpc *v);

/* One answer of describe-*: as the command line prints it, in any order and from any number of
 * texts; also as {"status_code": .., "data": {..}} (Cloud Custodian's recordings). Of an object
 * that is described twice the first description counts. `name` is for messages, and names the list
 * whose entries a text holds (get-managed-prefix-list-entries does not: a name with pl-... in it).
 * Fails: -EINVAL (no JSON object: nothing was read); -EBADMSG (a list in it is broken), -E2BIG (no
 * room): a part is missing, so that v is of no more use. */
MUST_USE int vpc_read(struct vpc *v, const char *name, struct span text, struct fail *why);
/* What was passed by, a line each. Holds words of strangers, made safe. Borrowed. */
const char *vpc_warnings(const struct vpc *v);

/* In order: a flow's verdict is the least of its stages'. */
enum vpc_verdict { VPC_SHUT, VPC_UNDECIDED, VPC_OPEN };
const char *vpc_verdict_name(enum vpc_verdict verdict);

struct vpc_flow {
	struct addr src, dst;
	const char *interface;    /* eni-... or i-... that sends; src none: by its first address */
	const char *vpc, *subnet; /* where the source is; NULL: found by its address */
	uint8_t proto;            /* IP protocol */
	uint16_t port;            /* TCP and UDP */
	uint16_t src_port;        /* the same; 0: not known */
	int type, code;           /* ICMP; -1: not known */
	const void *said;         /* for the inspector */
};

/* tcp:10.0.0.5>8.8.8.8:443, udp the same, icmp:SRC>DST[:TYPE], NUMBER:SRC>DST; SRC may be an
 * interface or an instance, and may have a port behind it, which no rule asks for; IPv6 stands in
 * brackets. The interface's name is written to `room`, to which flow.interface then points.
 * Fails: -EINVAL. */
#define VPC_NAME_BYTES 256
MUST_USE int vpc_flow_parse(
	struct span text, char room[static VPC_NAME_BYTES], struct vpc_flow *ret, struct fail *why);

#define VPC_STAGES_MAX 64
#define VPC_RULE_BYTES 96

struct vpc_stage {
	enum vpc_verdict verdict;
	const char *name;          /* "security group egress", ... */
	const char *object;        /* id of what decides; NULL: none. A stranger's word */
	char rule[VPC_RULE_BYTES]; /* of it, or "" */
	char reason[200];          /* in words, which may be a stranger's */
};

struct vpc_answer {
	enum vpc_verdict verdict;
	struct vpc_stage stage[VPC_STAGES_MAX];
	size_t stages;
	const struct vpc_stage *decides; /* the first with the least verdict; into stage[] */
};

/* ---- Network Firewalls on the way ---- */

struct vpc_inspection {
	const char *policy;        /* ARN, or a template's name for it; NULL: not known */
	const char *firewall;      /* id, name or ARN */
	const char *home;          /* the nets of its VPC: "[10.0.0.0/16]"; NULL: not read */
	struct addr src, src_last; /* src_last not none: src is some address up to it */
	struct addr dst;
	uint8_t proto;
	uint16_t port, src_port; /* src_port 0: not known */
	int type;                /* ICMP; -1: not known */
	const void *said;        /* as the flow has it */
};

/* Says the verdict and, in rule and reason, why; what it sets as object lives as long as v. */
typedef void vpc_inspect(
	void *context, const struct vpc_inspection *inspection, struct vpc_stage *ret);
struct vpc_inspector {
	vpc_inspect *inspect;
	void *context;
	const uint16_t *port; /* worth a question where any of a range would do */
	size_t ports;
};
/* Asked where a route leads to a firewall. Without one such flows are undecided. */
void vpc_set_inspector(struct vpc *v, const struct vpc_inspector *inspector);
/* What was read: something of a VPC's, a firewall. */
bool vpc_has_networks(const struct vpc *v);
bool vpc_has_firewalls(const struct vpc *v);

/* Answers for a flow that begins now. Objects live as long as v. */
void vpc_ask(const struct vpc *v, const struct vpc_flow *flow, struct vpc_answer *ret);
/* Whether any port from low to high passes: the answer for the port that passes best, which
 * flow->port becomes. */
void vpc_ask_ports(const struct vpc *v, struct vpc_flow *flow, uint16_t low, uint16_t high,
	struct vpc_answer *ret);

struct vpc_covered {
	const char *object;    /* a group or an ACL; a stranger's word, as are the rules */
	const char *rule, *by; /* as stages name them */
	const char *note;      /* what tells whose the rule is; a stranger's word; NULL: nothing */
	bool egress;
	bool differs; /* an entry of an ACL: the one before it decides otherwise */
};

/* What tells whose the object is and since when: "owner=NAME", a date; a stranger's word. NULL:
 * nothing. */
const char *vpc_note(const struct vpc *v, const char *id);
/* Tells the rules of groups that another rule of the group covers, and the entries of ACLs that one
 * before them takes whole. False: they are too many, not all were compared. */
bool vpc_each_covered(const struct vpc *v,
	void (*tell)(void *context, const struct vpc_covered *covered), void *context);

/* ---- what connections use ---- */

struct vpc_use; /* of rules of groups, and entries of ACLs */

/* Of v as it is now, which has to outlive it; nothing may be read into v meanwhile. Fails:
 * -ENOMEM. */
MUST_USE int vpc_use_new(struct vpc_use **ret, const struct vpc *v);
void vpc_use_free(struct vpc_use *use);
/* A connection: when it began, and whether it was denied, so that only an entry that denies can
 * have been used. Its flow is noted next; several of one connection where it is not known which is
 * right. src_port: that of the client. */
void vpc_use_begin(struct vpc_use *use, int64_t at_ns, bool denied);
void vpc_use_note(struct vpc_use *use, const struct vpc_flow *flow);

#define VPC_PLACES 3
struct vpc_unused {
	const char *object; /* a group or an ACL; a stranger's word, as are rule, note and place */
	const char *rule;   /* as stages name it; NULL: no connection could have used the object's,
	                       whose number is `rules` */
	const char *note;   /* as of vpc_covered */
	bool acl, egress;
	uint64_t connections; /* that came to the object: of a group those that nobody denied */
	int64_t first_ns, last_ns;
	/* Interfaces of a group, or subnets of an ACL: `seen` of `places` were, these first. */
	const char *place[VPC_PLACES];
	size_t seen, places, rules;
};
typedef void vpc_tell_unused(void *context, const struct vpc_unused *unused);
/* Tells each rule and entry that no connection may have used, of what some came to, and each other
 * group and ACL once. */
void vpc_use_each_unused(const struct vpc_use *use, vpc_tell_unused *tell, void *context);

/* Interfaces that carry groups and have an address of the family, in the order in which they were
 * read. Begins with *at NULL; false: no more. */
struct vpc_host {
	const char *vpc, *subnet, *interface;
	struct addr addr; /* the first of the family */
};
bool vpc_each_host(const struct vpc *v, bool ipv6, const void **at, struct vpc_host *ret);
