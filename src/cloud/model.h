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
/* Our own text of several lines. In Terraform nothing of it is a template. */
void form_lines(struct emit *e, enum cloud_form form, const char *key, const char *text);
/* "postern-ZONE", with '-' for what is no letter or digit; 0 at the end: without a number. */
void form_name(struct out *o, const char *what, size_t number);
/* ADDR/BITS of the family's own bits. */
void form_net(struct out *o, const struct cidr *net);

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

/* ---- each target ---- */

MUST_USE int cloud_nfw(const struct cloud_call *c, struct out *text);
