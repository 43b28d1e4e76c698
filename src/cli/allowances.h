/* Allowances: what a contained host may still reach, as the enforcer takes it. */
#pragma once

#include "guard/guard.h"

struct allowances;

/* policy: NULL, or outlives it. Fails: -ENOMEM. */
MUST_USE int allowances_new(struct allowances **ret, const struct policy *policy);
void allowances_free(struct allowances *a);
/* Another policy; which addresses names had is kept. */
void allowances_policy(struct allowances *a, const struct policy *policy);
/* Keeps the addresses of names that the policy speaks of. */
void allowances_learn(struct allowances *a, const struct lookup *lookup);
/* Fails: -EPIPE: the enforcer is gone. What does not fit is not allowed. */
MUST_USE int allowances_send(struct allowances *a, struct guard_link *link, const struct addr *host,
	uint32_t expiry_s, int64_t now_ns);
