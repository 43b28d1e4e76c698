/* Rules of a group that another of its rules covers; entries of an ACL that never decide. */
#include <stdio.h>
#include <string.h>

#include "aws/model.h"

#define WORK_MAX UINT64_C(50000000) /* pairs, of all objects together */

struct comparing {
	void (*tell)(void *context, const struct vpc_covered *covered);
	void *context;
	uint64_t left;
};

/* Whether what the second says is all said by the first. */
static bool service_covers(const struct vpc_service *a, const struct vpc_service *b)
{
	bool icmp = b->proto == 1 || b->proto == 58, ports = b->proto == 6 || b->proto == 17;
	if (a->proto == SERVICE_ANY || b->proto == SERVICE_ANY)
		return a->proto == SERVICE_ANY;
	if (a->proto == SERVICE_ABSENT || a->proto != b->proto)
		return false;
	if (ports)
		return a->from >= 0 && b->from >= a->from && b->to >= b->from && b->to <= a->to;
	if (!icmp || (a->from == SERVICE_ANY && a->to == SERVICE_ANY))
		return true;
	return a->from >= 0 && a->from == b->from &&
	       (a->to == SERVICE_ANY || (a->to >= 0 && a->to == b->to));
}

static bool net_covers(const struct cidr *a, const struct cidr *b)
{
	return addr_is_v4(&a->net) == addr_is_v4(&b->net) && a->bits <= b->bits &&
	       cidr_has(a, &b->net);
}

/* ---- groups ---- */

static bool rule_covers(const struct vpc_rule *a, const struct vpc_rule *b)
{
	bool peer = a->has_net ? b->has_net && net_covers(&a->net, &b->net)
	                       : !b->has_net && a->peer != NULL && a->peer == b->peer;
	return a->egress == b->egress && peer && service_covers(&a->service, &b->service);
}

static void compare_rule(
	struct comparing *c, const struct vpc_object *group, const struct vpc_rule *rule)
{
	bool before = true; /* of two that are alike the second is told */
	for (const struct vpc_rule *r = group->rules; r != NULL && c->left > 0; r = r->next) {
		c->left--;
		if (r == rule) {
			before = false;
			continue;
		}
		if (!rule_covers(r, rule) || (!before && rule_covers(rule, r)))
			continue;
		struct vpc_stage mine = {.rule = ""}, other = {.rule = ""};
		vpc_say_rule(rule, &mine);
		vpc_say_rule(r, &other);
		c->tell(c->context, &(struct vpc_covered){.object = group->id,
					    .rule = mine.rule,
					    .by = other.rule,
					    .note = rule->note != NULL ? rule->note : group->note,
					    .egress = rule->egress});
		return;
	}
}

/* ---- ACLs ---- */

static void compare_entry(
	struct comparing *c, const struct vpc_object *acl, const struct vpc_entry *entry)
{
	for (const struct vpc_entry *e = acl->entries; e != entry && c->left > 0; e = e->next) {
		char mine[16], other[16];
		c->left--;
		if (e->egress != entry->egress || !e->has_net || !entry->has_net ||
			!net_covers(&e->net, &entry->net) ||
			!service_covers(&e->service, &entry->service))
			continue;
		(void)snprintf(mine, sizeof mine, "%u", entry->number);
		(void)snprintf(other, sizeof other, "%u", e->number);
		c->tell(c->context, &(struct vpc_covered){.object = acl->id,
					    .rule = mine,
					    .by = other,
					    .note = acl->note,
					    .egress = entry->egress,
					    .differs = e->allow != entry->allow});
		return;
	}
}

const char *vpc_note(const struct vpc *v, const char *id)
{
	uint32_t number = strings_find(v->strings, id);
	const struct vpc_object *o = number == 0 ? NULL : v->by_name[number];
	return o == NULL ? NULL : o->note;
}

bool vpc_each_covered(const struct vpc *v,
	void (*tell)(void *context, const struct vpc_covered *covered), void *context)
{
	struct comparing c = {tell, context, WORK_MAX};
	for (const struct vpc_object *o = v->first[VPC_GROUP]; o != NULL; o = o->next)
		for (const struct vpc_rule *r = o->rules; r != NULL && o->described; r = r->next)
			compare_rule(&c, o, r);
	for (const struct vpc_object *o = v->first[VPC_ACL]; o != NULL; o = o->next)
		for (const struct vpc_entry *e = o->entries; e != NULL && o->described; e = e->next)
			compare_entry(&c, o, e);
	return c.left > 0;
}
