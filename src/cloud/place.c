/* Hosts that a group or an ACL is for: it can't tell sources apart, so each stands for hosts of
 * which the same rules speak. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "cloud/model.h"

/* More of either are no set of groups that anybody attaches. */
#define EDGES_MAX  16384u
#define PLACES_MAX 512u

struct edges { /* where a range begins, or the address behind one */
	struct addr *at;
	size_t count;
};

/* ---- edges ---- */

static int add_edges(struct edges *e, const struct policy_nets *nets, bool v4)
{
	for (size_t i = 0; i < nets->count; i++) {
		if (policy_net_is_v4(&nets->net[i]) != v4)
			continue;
		if (e->count + 2 > EDGES_MAX)
			return -E2BIG;
		struct range r = policy_range_of(&nets->net[i]);
		e->at[e->count++] = addr_of_wide(r.first);
		e->at[e->count++] = addr_of_wide(wide_next(r.last));
	}
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static int find_edges(const struct cloud_call *c, bool v4, struct edges *e)
{
	const struct policy *p = c->ask->policy;
	int err = 0;
	for (size_t i = 0; i < p->zones && err == 0; i++)
		err = add_edges(e, &p->zone[i].nets, v4);
	for (size_t i = 0; i < p->rules && err == 0; i++)
		if (policy_rule_holds(&p->rule[i], c->ask->at_ns))
			err = add_edges(e, &p->rule[i].from, v4);
	qsort(e->at, e->count, sizeof *e->at, by_addr);
	size_t kept = 0;
	for (size_t i = 0; i < e->count; i++)
		if (kept == 0 || !addr_eq(&e->at[kept - 1], &e->at[i]))
			e->at[kept++] = e->at[i];
	e->count = kept;
	return err;
}

/* ---- places ---- */

static struct place *find_place(struct places *p, const struct policy_zone *zone, bool v4,
	const enum speaks *speaks, size_t rules)
{
	for (size_t i = 0; i < p->count; i++) {
		struct place *at = &p->place[i];
		if (at->zone == zone && at->v4 == v4 &&
			(speaks == NULL || memcmp(at->rule, speaks, rules * sizeof *speaks) == 0))
			return at;
	}
	return NULL;
}

static int add_place(struct places *p, const struct policy_zone *zone, bool v4,
	const enum speaks *speaks, size_t rules, struct place **ret)
{
	if (p->count == PLACES_MAX)
		return -E2BIG;
	if (p->place == NULL)
		p->place = calloc(PLACES_MAX, sizeof *p->place);
	if (p->place == NULL)
		return -ENOMEM;
	struct place *at = &p->place[p->count];
	*at = (struct place){.zone = zone, .v4 = v4, .rule = calloc(rules + 1, sizeof *at->rule)};
	if (at->rule == NULL)
		return -ENOMEM;
	memcpy(at->rule, speaks, rules * sizeof *speaks);
	p->count++;
	*ret = at;
	return 0;
}

static int add_range(struct place *at, struct range r)
{
	struct wide next = at->srcs == 0 ? r.first : wide_next(at->src[at->srcs - 1].last);
	if (at->srcs > 0 && next.high == r.first.high && next.low == r.first.low) {
		at->src[at->srcs - 1].last = r.last;
		return 0;
	}
	struct range *grown = grow_array(at->src, at->srcs, &at->room, 4, sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	at->src = grown;
	at->src[at->srcs++] = r;
	return 0;
}

static int add_hosts(const struct cloud_call *c, struct places *p, struct range r, bool v4,
	bool apart, enum speaks *speaks)
{
	const struct policy *policy = c->ask->policy;
	const struct addr first = addr_of_wide(r.first);
	const struct policy_zone *zone = policy_zone_of(policy, &first);
	if (zone == NULL)
		return 0;
	for (size_t i = 0; i < policy->rules; i++) {
		const struct policy_rule *rule = &policy->rule[i];
		bool is =
			policy_rule_holds(rule, c->ask->at_ns) && policy_rule_is_from(rule, &first);
		speaks[i] = is ? SPEAKS_ALL : SPEAKS_NOT;
	}
	struct place *at = find_place(p, zone, v4, apart ? speaks : NULL, policy->rules);
	int err = 0;
	if (at == NULL)
		err = add_place(p, zone, v4, speaks, policy->rules, &at);
	if (err < 0)
		return err;
	for (size_t i = 0; i < policy->rules; i++)
		if (at->rule[i] != speaks[i])
			at->rule[i] = SPEAKS_SOME;
	return add_range(at, r);
}

int places_of(const struct cloud_call *c, bool apart, struct places *ret)
{
	struct edges e = {.at = calloc(EDGES_MAX, sizeof *e.at)};
	enum speaks *speaks = calloc(c->ask->policy->rules + 1, sizeof *speaks);
	int err = e.at == NULL || speaks == NULL ? -ENOMEM : 0;
	for (int family = 0; family < 2 && err == 0; family++) {
		e.count = 0;
		err = find_edges(c, family == 0, &e);
		for (size_t i = 0; i + 1 < e.count && err == 0; i++) {
			const struct range r = {
				wide_of_addr(&e.at[i]), wide_before(wide_of_addr(&e.at[i + 1]))};
			err = add_hosts(c, ret, r, family == 0, apart, speaks);
		}
	}
	free(speaks);
	free(e.at);
	return err;
}

void places_fini(struct places *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->place[i].rule);
		free(p->place[i].src);
	}
	free(p->place);
}
