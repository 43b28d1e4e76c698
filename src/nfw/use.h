/* Inside nfw/: what connections use of a policy's rules. */
#pragma once

#include "nfw/order.h"

struct nfw_use {
	const struct nfw *n;
	const struct nfw_policy *policy;
	bool *entry;     /* by the place in the policy's order */
	bool *stateless; /* by a stateless rule's index */
};

/* As nfw_ask(), of a connection that was: all its packets, whatever becomes of the first. */
MUST_USE int nfw_ask_noting(const struct nfw *n, const struct nfw_policy *policy,
	const struct nfw_flow *flow, struct nfw_use *use, struct nfw_answer *ret);
/* Whether the rule asks for addresses and ports alone. */
bool nfw_is_plain(const struct entry *e);
