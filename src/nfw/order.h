/* Inside nfw/: a policy's rules in the order in which they are asked. */
#pragma once

#include "nfw/model.h"

struct entry {
	const struct suricata_rule *rule; /* NULL: what was not read may do any of `ways` */
	const struct nfw_ref *ref;
	const struct suricata_scope *scope;
	const char *why; /* rule NULL */
	unsigned ways;
	unsigned rank;
	size_t place;
	bool harmless; /* drops only alert */
};

struct nfw_order {
	struct entry *entry; /* owned; NULL: not made yet */
	size_t entries;
	struct suricata_scope *scope; /* owned: a group's, inside the policy's, inside home */
	struct suricata_scope outer;
};

/* Of policy->order, unless it is made. Fails: -ENOMEM. */
MUST_USE int order_make(const struct nfw_policy *policy);
/* Back to one that is not made: groups are others now. */
void order_fini(struct nfw_order *o);
