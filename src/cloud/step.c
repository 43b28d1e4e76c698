/* Rules as boxes of destination, protocol and port: what decides about a place's hosts. A rule
 * means some flows for sure; of others a boundary of addresses and ports can't tell. Shut, a denial
 * counts for both and an allowance for the sure ones only; wider, the other way round. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "cloud/model.h"

#define PARTS_MAX 8192u
#define PROTO_MAX 255u

static int push(struct parts *p, const struct part *part)
{
	if (p->count == PARTS_MAX)
		return -E2BIG;
	struct part *grown = grow_array(p->part, p->count, &p->room, 16, sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	p->part = grown;
	p->part[p->count++] = *part;
	return 0;
}

void parts_fini(struct parts *p)
{
	free(p->part);
	*p = (struct parts){0};
}

/* ---- one rule ---- */

struct flat { /* a rule on its way into parts */
	struct parts *to;
	struct part part;
	size_t from; /* of the rule's own parts */
	bool v4, full;
};

static int add(struct flat *f)
{
	for (size_t i = f->from; i < f->to->count; i++)
		if (region_box_holds(&f->to->part[i].box, &f->part.box))
			return 0;
	return push(f->to, &f->part);
}

static struct range small(uint64_t first, uint64_t last)
{
	return (struct range){{0, first}, {0, last}};
}

static int add_proto(struct flat *f, const struct policy_service *s, uint8_t proto)
{
	int err = 0;
	f->part.box.axis[REGION_PROTO] = small(proto, proto);
	f->part.box.axis[REGION_PORT] = small(0, UINT16_MAX);
	if (s->ports == 0)
		return add(f);
	for (size_t i = 0; i < s->ports && err == 0; i++) {
		f->part.box.axis[REGION_PORT] = small(s->port[i].first, s->port[i].last);
		err = add(f);
	}
	return err;
}

static int add_service(struct flat *f, const struct policy_service *s)
{
	int err = 0;
	if (s->any) {
		f->part.box.axis[REGION_PROTO] = small(0, PROTO_MAX);
		f->part.box.axis[REGION_PORT] = small(0, UINT16_MAX);
		return add(f);
	}
	if (s->tcp)
		err = add_proto(f, s, 6);
	if (s->udp && err == 0)
		err = add_proto(f, s, 17);
	if (s->icmp && err == 0)
		err = add_proto(f, s, f->v4 ? 1 : 58);
	return err;
}

static int add_services(struct flat *f)
{
	const struct policy_rule *rule = f->part.rule;
	int err = 0;
	for (size_t i = 0; i < services_of(rule) && err == 0; i++) {
		const struct policy_service *s = service_at(rule, i);
		if (as_of(rule, s) == NULL || f->full)
			err = add_service(f, s);
	}
	return err;
}

static int add_net(struct flat *f, const struct cidr *net)
{
	if (policy_net_is_v4(net) != f->v4)
		return 0;
	f->part.box.axis[REGION_DST] = policy_range_of(net);
	return add_services(f);
}

static struct range everywhere(bool v4)
{
	static const struct cidr net4 = {
		{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}}, 96};
	static const struct cidr net6 = {.bits = 0};
	return policy_range_of(v4 ? &net4 : &net6);
}

/* The addresses that a name was seen to have; of one that was not seen it is not known. */
static int add_name(struct flat *f, const struct cloud_ask *ask, const char *name)
{
	bool seen = false;
	int err = 0;
	for (size_t i = 0; i < ask->seens && err == 0; i++) {
		const struct cidr one = {ask->seen[i].addr, 128};
		if (!policy_name_matches(name, ask->seen[i].name))
			continue;
		seen = true;
		err = add_net(f, &one);
	}
	if (seen || !f->full || err < 0)
		return err;
	f->part.box.axis[REGION_DST] = everywhere(f->v4);
	return add_services(f);
}

static int add_rule(
	const struct cloud_call *c, const struct place *place, size_t number, struct parts *ret)
{
	const struct policy_rule *rule = &c->ask->policy->rule[number];
	bool allow = rule->action == POLICY_ALLOW, sure = allow != c->ask->wider;
	struct flat f = {.to = ret,
		.part = {.box = region_box_all(), .rule = rule, .id = rule->id, .allow = allow},
		.from = ret->count,
		.v4 = place->v4,
		.full = !sure};
	int err = 0;
	if (place->rule[number] == SPEAKS_NOT || (sure && place->rule[number] == SPEAKS_SOME))
		return 0;
	if (rule->to_any) {
		f.part.box.axis[REGION_DST] = everywhere(f.v4);
		return add_services(&f);
	}
	for (size_t i = 0; i < rule->to.count && err == 0; i++)
		err = add_net(&f, &rule->to.net[i]);
	for (size_t i = 0; i < rule->to_names.count && err == 0; i++)
		err = add_name(&f, c->ask, rule->to_names.name[i]);
	return err;
}

int parts_in_order(const struct cloud_call *c, const struct place *place, struct parts *ret)
{
	int err = 0;
	for (size_t i = 0; i < c->ask->policy->rules && err == 0; i++)
		err = add_rule(c, place, i, ret);
	struct part rest = {.box = region_box_all(),
		.id = "default",
		.allow = place->zone->fallback == POLICY_ALLOW};
	rest.box.axis[REGION_DST] = everywhere(place->v4);
	rest.box.axis[REGION_PROTO] = small(0, PROTO_MAX);
	rest.box.axis[REGION_PORT] = small(0, UINT16_MAX);
	return err == 0 && rest.allow ? push(ret, &rest) : err;
}

/* ---- what is allowed ---- */

/* What of the part no denial before it holds. */
static int add_rest(const struct parts *ordered, size_t number, struct parts *ret)
{
	struct part part = ordered->part[number];
	struct region rest = {0};
	int err = region_add(&rest, &part.box);
	for (size_t i = 0; i < number && err == 0; i++)
		if (!ordered->part[i].allow)
			err = region_take_box(&rest, &ordered->part[i].box);
	for (size_t i = 0; i < rest.count && err == 0; i++) {
		bool held = false;
		for (size_t k = 0; k < ret->count && !held; k++)
			held = region_box_holds(&ret->part[k].box, &rest.box[i]);
		part.box = rest.box[i];
		err = held ? 0 : push(ret, &part);
	}
	region_fini(&rest);
	return err;
}

int parts_allowed(const struct parts *ordered, struct parts *ret)
{
	int err = 0;
	for (size_t i = 0; i < ordered->count && err == 0; i++)
		if (ordered->part[i].allow)
			err = add_rest(ordered, i, ret);
	return err;
}

/* ---- joining ---- */

/* The two overlap or touch. */
static bool meets(const struct range *a, const struct range *b)
{
	const struct range *low = wide_cmp(a->first, b->first) <= 0 ? a : b;
	const struct range *high = low == a ? b : a;
	bool end = low->last.high == UINT64_MAX && low->last.low == UINT64_MAX;
	return end || wide_cmp(high->first, wide_next(low->last)) <= 0;
}

/* Whether both are one box; then *a becomes it. */
static bool join(struct region_box *a, const struct region_box *b)
{
	size_t other = REGION_AXES;
	if (region_box_holds(a, b))
		return true;
	for (size_t i = 0; i < REGION_AXES; i++) {
		if (wide_cmp(a->axis[i].first, b->axis[i].first) == 0 &&
			wide_cmp(a->axis[i].last, b->axis[i].last) == 0)
			continue;
		if (other < REGION_AXES)
			return false;
		other = i;
	}
	if (other == REGION_AXES || !meets(&a->axis[other], &b->axis[other]))
		return false;
	if (wide_cmp(b->axis[other].first, a->axis[other].first) < 0)
		a->axis[other].first = b->axis[other].first;
	if (wide_cmp(a->axis[other].last, b->axis[other].last) < 0)
		a->axis[other].last = b->axis[other].last;
	return true;
}

static bool join_one(struct parts *p, size_t number, bool any_rule)
{
	struct part *at = &p->part[number];
	for (size_t i = number + 1; i < p->count; i++) {
		struct part *with = &p->part[i];
		if ((!any_rule && with->rule != at->rule) || !join(&at->box, &with->box))
			continue;
		if (with->rule != at->rule) {
			at->rule = NULL;
			at->id = "several rules";
		}
		memmove(with, with + 1, (p->count - i - 1) * sizeof *with);
		p->count--;
		return true;
	}
	return false;
}

void parts_join(struct parts *p, bool any_rule)
{
	bool joined = true;
	while (joined) {
		joined = false;
		for (size_t i = 0; i < p->count; i++)
			while (join_one(p, i, any_rule))
				joined = true;
	}
}
