/* Which rules of a policy connections used. */
#include <errno.h>
#include <stdlib.h>

#include "nfw/use.h"

int nfw_use_new(struct nfw_use **ret, const struct nfw *n, const struct nfw_policy *policy)
{
	struct nfw_use *use = calloc(1, sizeof *use);
	*ret = NULL;
	if (use == NULL || order_make(policy) < 0) {
		free(use);
		return -ENOMEM;
	}
	*use = (struct nfw_use){.n = n,
		.policy = policy,
		.entry = calloc(policy->order->entries + 1, sizeof *use->entry),
		.stateless = calloc(n->stateless + 1, sizeof *use->stateless)};
	if (use->entry == NULL || use->stateless == NULL) {
		nfw_use_free(use);
		return -ENOMEM;
	}
	*ret = use;
	return 0;
}

void nfw_use_free(struct nfw_use *use)
{
	if (use == NULL)
		return;
	free(use->entry);
	free(use->stateless);
	free(use);
}

int nfw_use_note(struct nfw_use *use, const struct nfw_flow *flow)
{
	struct nfw_answer answer;
	return nfw_ask_noting(use->n, use->policy, flow, use, &answer);
}

static bool any_used(const struct nfw_use *use)
{
	bool any = false;
	for (size_t i = 0; i < use->policy->order->entries && !any; i++)
		any = use->entry[i];
	for (size_t i = 0; i < use->n->stateless && !any; i++)
		any = use->stateless[i];
	return any;
}

static void tell_rules(
	const struct nfw_use *use, const struct nfw_ref *ref, nfw_tell_unused *tell, void *context)
{
	struct nfw_unused u = {.group = ref->group->name, .any = any_used(use)};
	for (size_t i = 0; i < use->policy->order->entries; i++) {
		const struct entry *e = &use->policy->order->entry[i];
		if (e->ref != ref || e->rule == NULL)
			continue;
		bool decided = u.any && nfw_is_plain(e);
		u.unknown += !decided;
		if (!decided || use->entry[i])
			continue;
		u.rule = e->rule->sid;
		u.msg = e->rule->msg;
		u.told = true;
		tell(context, &u);
	}
	u.told = false;
	u.msg = NULL;
	if (u.unknown > 0)
		tell(context, &u);
}

static void tell_stateless(
	const struct nfw_use *use, const struct nfw_ref *ref, nfw_tell_unused *tell, void *context)
{
	struct nfw_unused u = {.group = ref->group->name, .stateless = true, .any = any_used(use)};
	for (const struct nfw_stateless_rule *r = ref->group->stateless; r != NULL; r = r->next) {
		bool decided = u.any && r->way == WAY_FORWARD;
		u.unknown += !decided && !use->stateless[r->index];
		if (!decided || use->stateless[r->index])
			continue;
		u.rule = r->priority;
		u.told = true;
		tell(context, &u);
	}
	u.told = false;
	if (u.unknown > 0)
		tell(context, &u);
}

void nfw_use_each_unused(const struct nfw_use *use, nfw_tell_unused *tell, void *context)
{
	for (const struct nfw_ref *ref = use->policy->ref; ref != NULL; ref = ref->next) {
		if (ref->group == NULL)
			continue;
		if (ref->is_stateless)
			tell_stateless(use, ref, tell, context);
		else
			tell_rules(use, ref, tell, context);
	}
}
