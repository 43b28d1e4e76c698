/* NFW: AWS Network Firewall's policies and rule groups, read from what its API, CloudFormation and
 * Terraform say of them (or Suricata's rules alone), and whether a flow passes: packet by packet,
 * stateless rules first, then the stateful engine. What was not read, or is not understood, is
 * never guessed. docs/NFW.md tells the semantics and their sources. */
#pragma once

#include "base/cur.h"
#include "base/fail.h"
#include "policy/policy.h"
#include "suricata/suricata.h"

#define NFW_BYTES_MAX ((size_t)32 << 20) /* of one text */

struct nfw;

/* All that is read may take `bytes` of memory, the rules' own apart. Fails: -ENOMEM. */
MUST_USE int nfw_new(struct nfw **ret, size_t bytes);
void nfw_free(struct nfw *n);

/* One text: JSON of describe-firewall-policy, describe-rule-group, of CloudFormation, of terraform
 * show -json, or a rule group or policy alone; CloudFormation's YAML; Suricata's rules. name is for
 * messages. Fails: -EINVAL (nothing of it is a policy or group: nothing was read), -E2BIG, -ENOMEM
 * (a part is missing: n is of no more use). */
MUST_USE int nfw_read(struct nfw *n, const char *name, struct span text, struct fail *why);
/* What HOME_NET is where no policy and no group says it: the firewall's own VPC. As in a rule's
 * header. Fails: -EINVAL. */
MUST_USE int nfw_set_home(struct nfw *n, struct span nets, struct fail *why);
/* The same for one flow's question: kept in n. Fails: -EINVAL. */
MUST_USE int nfw_make_home(
	struct nfw *n, struct span nets, const struct suricata_scope **ret, struct fail *why);
/* Whether rules that no policy refers to stand in strict order. */
void nfw_set_strict(struct nfw *n, bool strict);
/* What was passed by or is wrong, a line each, safe to print. Borrowed. */
const char *nfw_warnings(const struct nfw *n);

struct nfw_counts {
	size_t policies, groups, stateless, rules; /* rules: Suricata's, those of lists included */
	size_t wrong, unsupported; /* rules that were left out; with such keywords */
};
struct nfw_counts nfw_count(const struct nfw *n);

/* The rules, when Suricata's rules of one text are all that was read; else NULL. */
const struct suricata_rules *nfw_rules(
	const struct nfw *n, const struct suricata_scope **ret_scope);

/* ---- asking ---- */

enum nfw_verdict { NFW_DENIED, NFW_ALLOWED, NFW_UNDECIDED };
const char *nfw_verdict_name(enum nfw_verdict verdict);

struct nfw_flow {
	/* src none: any host of HOME_NET. src_port 0: not known. as: the application protocol in
	 * Suricata's words, "" none that is known to it, NULL not known; name: of the server, ""
	 * the client tells none, NULL not known. */
	struct policy_flow flow;
	struct addr src_last;              /* not none: src is some address up to this one */
	const struct suricata_scope *home; /* HOME_NET where nobody says it; NULL: what was set */
	bool fragment;                     /* its packets are fragments */
};

#define NFW_STAGES_MAX 6

struct nfw_stage {
	const char *name; /* "SYN", "TLS hello", ... */
	enum nfw_verdict verdict;
	char rule[128];   /* that decides, or that can't be decided; holds strangers' words, safe */
	char reason[256]; /* the same */
};

struct nfw_answer {
	enum nfw_verdict verdict;
	/* Packets in order, up to the one after which nothing is asked any more. A stream passes
	 * when all of them do; datagrams when the first does. */
	struct nfw_stage stage[NFW_STAGES_MAX];
	size_t stages;
	const struct nfw_stage *decides; /* into stage[] */
};

struct nfw_policy; /* one that was read; or, when none was, all groups together */
/* Begins with NULL; NULL: no more. */
const struct nfw_policy *nfw_next_policy(const struct nfw *n, const struct nfw_policy *last);
const char *nfw_policy_name(const struct nfw_policy *policy); /* a stranger's word */
/* Suricata's rules of the groups that the policy refers to, group by group. *at begins with NULL;
 * NULL: no more. */
const struct suricata_rules *nfw_next_rules(const struct nfw_policy *policy, const void **at);
/* Whether the policy is meant by an ARN, or by a template's name for it. */
bool nfw_policy_is(const struct nfw_policy *policy, const char *to);

/* Fails: -ENOMEM. */
MUST_USE int nfw_ask(const struct nfw *n, const struct nfw_policy *policy,
	const struct nfw_flow *flow, struct nfw_answer *ret);

struct nfw_covered {
	const char *group, *msg; /* strangers' words; may be NULL */
	bool stateless;
	uint64_t rule, by; /* sid, or a stateless rule's priority */
	uint32_t line;     /* of the group's text; 0: stateless */
	bool differs;      /* the one before it decides otherwise */
};

/* Tells the rules of the policy's groups that one before them in the same group takes whole: of
 * stateless rules, and of Suricata's those of addresses and ports alone. Exact, but not all: what
 * several take together is not looked for. Fails: -ENOMEM; -E2BIG: they are too many, not all were
 * compared. */
MUST_USE int nfw_each_covered(const struct nfw_policy *policy,
	void (*tell)(void *context, const struct nfw_covered *covered), void *context);

/* ---- what connections use ---- */

struct nfw_use; /* of one policy's rules */

/* Of what was read until now; n has to outlive it, and nothing may be read into it meanwhile.
 * Fails: -ENOMEM. */
MUST_USE int nfw_use_new(
	struct nfw_use **ret, const struct nfw *n, const struct nfw_policy *policy);
void nfw_use_free(struct nfw_use *use);
/* A connection that was. Fails: -ENOMEM. */
MUST_USE int nfw_use_note(struct nfw_use *use, const struct nfw_flow *flow);

struct nfw_unused {
	const char *group, *msg; /* strangers' words; may be NULL */
	bool stateless;
	bool any;      /* rule of the policy was used */
	bool told;     /* this rule is not used; else: how many are not known */
	uint64_t rule; /* sid, or a stateless rule's priority */
	/* All, when none of the policy was used. Of Suricata's rules those that ask for more than
	 * addresses and ports; of stateless ones those that pass or drop and that nothing used: the
	 * firewall logs nothing of them. */
	size_t unknown;
};
typedef void nfw_tell_unused(void *context, const struct nfw_unused *unused);
/* Tells group by group the rules that no connection may have used, then how many are not known. */
void nfw_use_each_unused(const struct nfw_use *use, nfw_tell_unused *tell, void *context);
