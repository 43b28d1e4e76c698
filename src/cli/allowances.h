/* Allowances: what a contained host may still reach, as the enforcer takes it. */
#pragma once

#include "guard/guard.h"

struct allowances;

/* expected: copied; what it points to outlives it. Fails: -ENOMEM. */
MUST_USE int allowances_new(struct allowances **ret, const struct expected *expected);
void allowances_free(struct allowances *a);
/* Another policy or baseline; which addresses names had is kept. */
void allowances_expect(struct allowances *a, const struct expected *expected);
/* Keeps the addresses of names that they speak of. */
void allowances_learn(struct allowances *a, const struct lookup *lookup);
/* What the policy names for the host, and what the baseline does that no rule denies by name.
 * Fails: -EPIPE: the enforcer is gone. What does not fit is not allowed. */
MUST_USE int allowances_send(struct allowances *a, struct guard_link *link, const struct addr *host,
	uint32_t expiry_s, int64_t now_ns);
