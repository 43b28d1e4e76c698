/* Least functionality: what a policy leaves open and the connections did not need. */
#pragma once

#include "policy/policy.h"

struct policy_used;

/* NULL: out of memory. The policy is borrowed. */
struct policy_used *policy_used_new(const struct policy *p);
void policy_used_free(struct policy_used *u);
/* A connection. rule: the one that allowed it; NULL none did. */
void policy_used_take(
	struct policy_used *u, const struct policy_flow *flow, const struct policy_rule *rule);
/* Allowing rules that nothing needed, those with ports that nothing needed, and those that most of
 * their hosts did not need: a line each. */
void policy_used_say(const struct policy_used *u, struct out *o, bool json);
