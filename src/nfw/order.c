/* A policy's rules in the order in which they are asked: made once, for the first question. */
#include <errno.h>
#include <stdlib.h>

#include "nfw/order.h"

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Strict: by the group's priority. Else all that pass come first, then drops, rejects, alerts;
 * within them by the rule's priority. */
static unsigned rank_of(const struct nfw_policy *policy, const struct entry *e)
{
	static const unsigned ranks[] = {3, 0, 1, 2};
	if (policy->strict)
		return e->ref->priority;
	if (e->rule == NULL)
		return (e->ways & (WAY_PASS | WAY_FLOW)) != 0 ? 0 : 256;
	return ranks[e->rule->action] * 256 + e->rule->priority;
}

static void add(const struct nfw_policy *policy, struct entry e)
{
	struct nfw_order *o = policy->order;
	e.rank = rank_of(policy, &e);
	e.place = o->entries;
	o->entry[o->entries++] = e;
}

static void add_group(const struct nfw_policy *policy, const struct nfw_ref *ref,
	const struct suricata_scope *scope)
{
	struct entry e = {.ref = ref, .scope = scope, .harmless = ref->to_alert};
	const struct nfw_group *g = ref->group;
	if (g == NULL || g->unread != NULL) {
		e.ways = WAY_DROP;
		if (!ref->managed || g != NULL)
			e.ways |= WAY_PASS | WAY_FLOW;
		e.why = g != NULL      ? g->unread
		        : ref->managed ? "a group that Amazon manages: what it drops is not told"
		                       : "the group was not read";
		if (!ref->to_alert || !ref->managed)
			add(policy, e);
		e.ways = 0;
		e.why = NULL;
	}
	for (e.rule = g == NULL || g->rules == NULL ? NULL : g->rules->first; e.rule != NULL;
		e.rule = e.rule->next)
		add(policy, e);
}

void order_fini(struct nfw_order *o)
{
	free(o->entry);
	free(o->scope);
	*o = (struct nfw_order){0};
}

int order_make(const struct nfw_policy *policy)
{
	struct nfw_order *o = policy->order;
	size_t entries = 1, refs = 1, at = 0;
	if (o->entry != NULL)
		return 0;
	for (const struct nfw_ref *ref = policy->ref; ref != NULL; ref = ref->next, refs++)
		entries += 1 + (ref->group == NULL || ref->group->rules == NULL
					       ? 0
					       : ref->group->rules->count);
	o->entry = calloc(entries, sizeof *o->entry);
	o->scope = calloc(refs, sizeof *o->scope);
	if (o->entry == NULL || o->scope == NULL) {
		order_fini(o);
		return -ENOMEM;
	}
	o->outer = policy->scope;
	for (const struct nfw_ref *ref = policy->ref; ref != NULL; ref = ref->next, at++) {
		if (ref->is_stateless)
			continue;
		if (ref->group != NULL)
			o->scope[at].first = ref->group->scope.first;
		o->scope[at].around = &o->outer;
		add_group(policy, ref, &o->scope[at]);
	}
	qsort(o->entry, o->entries, sizeof *o->entry, compare);
	return 0;
}
