/* Expected: whom people have decided about, in the policy or in the baseline that they reviewed. */
#pragma once

#include "baseline/baseline.h"
#include "host/host.h"
#include "policy/policy.h"

struct expected { /* each may be NULL: there is none */
	const struct policy *policy;
	const struct baseline *baseline;
};

/* Whether one of them names whom the host speaks to. */
bool expected_has(const struct expected *e, const struct host_contact *contact);
