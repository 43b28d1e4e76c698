/* Inside cloud/: what is between a policy and a document. */
#pragma once

#include "cloud/cloud.h"
#include "report/emit.h"

struct cloud_call {
	const struct cloud_ask *ask;
	struct out *losses;
	struct fail *why;
};

/* ---- documents: form.c ---- */

/* A document of the form, up to where its resources stand; and what ends it. */
void form_open(struct emit *e, enum cloud_form form);
void form_close(struct emit *e, const struct cloud_call *c);
/* One call of the command line, up to its input. */
void form_call(struct emit *e, const char *service, const char *operation);
void form_call_end(struct emit *e);
/* One resource of CloudFormation, up to its properties. */
void form_resource(struct emit *e, const char *id, const char *type);
void form_resource_end(struct emit *e);
/* Resources of one type in a VPC that the user names. */
void form_vpc(struct emit *e, enum cloud_form form, const char *type);
void form_vpc_end(struct emit *e, enum cloud_form form);
/* Our own text of several lines. In Terraform nothing of it is a template. */
void form_lines(struct emit *e, enum cloud_form form, const char *key, const char *text);
/* "postern-ZONE", with '-' for what is no letter or digit; 0 at the end: without a number. */
void form_name(struct out *o, const char *what, size_t number);
/* ADDR/BITS of the family's own bits. */
void form_net(struct out *o, const struct cidr *net);
void form_number(struct emit *e, const char *key, int value);

/* ---- Suricata's rules: rules.c ---- */

struct rule_group {
	struct out text;
	size_t rules, bytes;
};

struct rule_groups { /* all zero is valid */
	struct rule_group group[CLOUD_NFW_GROUPS];
	size_t groups, rules;
	struct cidr *home; /* of all zones; owned */
	size_t homes;
};

MUST_USE int rules_of_policy(const struct cloud_call *c, struct rule_groups *ret);
void rules_fini(struct rule_groups *g);

/* ---- what the policy's rules are to a boundary: told.c ---- */

/* Tells what of the policy is not carried into a target that knows these. */
void tell_losses(const struct cloud_call *c);
/* A protocol that Network Firewall tells apart; server_first: the server may speak first. NULL:
 * none. */
struct app {
	const char *name;
	bool tcp, udp, server_first;
};
/* Whether flows of the protocol (NULL: of any) show whom they ask for. */
bool shows_names(const char *as);
const struct app *app_of(const char *name);
/* The protocol that both the rule and the service ask for; NULL any. */
const char *as_of(const struct policy_rule *rule, const struct policy_service *service);
/* A service that stands for any. */
extern const struct policy_service service_of_all;
const struct policy_service *service_at(const struct policy_rule *rule, size_t i);
size_t services_of(const struct policy_rule *rule);

/* ---- by addresses: place.c, step.c, entry.c ---- */

enum speaks { SPEAKS_NOT, SPEAKS_SOME, SPEAKS_ALL }; /* a rule, of the place's hosts */

/* Hosts of a zone and of one family: those of which the same rules speak, or all. */
struct place {
	const struct policy_zone *zone;
	bool v4;
	enum speaks *rule; /* one for each of the policy's; owned */
	struct range *src; /* owned */
	size_t srcs, room;
};
struct places { /* all zero is valid; in the order of zones */
	struct place *place;
	size_t count;
};
/* apart: hosts of which other rules speak are other places. Fails: -ENOMEM, -E2BIG. */
MUST_USE int places_of(const struct cloud_call *c, bool apart, struct places *ret);
void places_fini(struct places *p);

struct part {
	struct region_box box;
	const struct policy_rule *rule; /* NULL: the default, or several */
	const char *id;
	bool allow;
};
struct parts { /* all zero is valid */
	struct part *part;
	size_t count, room;
};
/* What decides about the place's hosts in order, the first that matches; or, in any order and with
 * no denial, all that is allowed. Destination, protocol and port alone. Fails: -ENOMEM, -E2BIG. */
MUST_USE int parts_in_order(
	const struct cloud_call *c, const struct place *place, struct parts *ret);
MUST_USE int parts_allowed(const struct parts *ordered, struct parts *ret);
/* Parts of the same rule that lie side by side become one; any_rule: of any, where no denial is. */
void parts_join(struct parts *p, bool any_rule);
void parts_fini(struct parts *p);

struct entry { /* of a group or ACL */
	struct cidr net;
	const char *id;
	int proto;     /* -1 all */
	int low, high; /* ports; ICMP: the type; -1 all */
	bool allow;
};
struct entries { /* all zero is valid */
	struct entry *entry;
	size_t count, room;
};
/* In the order of the parts. Fails: -ENOMEM, -E2BIG. */
MUST_USE int entries_of(const struct parts *p, bool v4, struct entries *ret);
MUST_USE int entries_add(struct entries *to, const struct entry *e);
/* Without those that one before them holds wholly. */
void entries_prune(struct entries *e);
void entries_fini(struct entries *e);

/* ---- each target ---- */

MUST_USE int cloud_sg(const struct cloud_call *c, struct out *text);
MUST_USE int cloud_nacl(const struct cloud_call *c, struct out *text);

MUST_USE int cloud_nfw(const struct cloud_call *c, struct out *text);
