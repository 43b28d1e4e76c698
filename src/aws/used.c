/* Which rules of groups and entries of ACLs connections used. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/model.h"

struct seen { /* of an object */
	uint64_t connections, last;
	int64_t first_ns, last_ns;
};

struct vpc_use {
	const struct vpc *v;
	bool *hit;         /* by a rule's index */
	struct seen *seen; /* by an object's */
	uint64_t connection;
	int64_t at_ns;
	bool denied;
};

int vpc_use_new(struct vpc_use **ret, const struct vpc *v)
{
	struct vpc_use *use = calloc(1, sizeof *use);
	*ret = use;
	if (use == NULL)
		return -ENOMEM;
	use->v = v;
	use->hit = calloc(v->rules + 1, sizeof *use->hit);
	use->seen = calloc(v->objects + 1, sizeof *use->seen);
	if (use->hit != NULL && use->seen != NULL)
		return 0;
	vpc_use_free(use);
	*ret = NULL;
	return -ENOMEM;
}

void vpc_use_free(struct vpc_use *use)
{
	if (use == NULL)
		return;
	free(use->hit);
	free(use->seen);
	free(use);
}

/* ---- noting ---- */

static void see(struct vpc_use *use, const struct vpc_object *o)
{
	struct seen *s = &use->seen[o->index];
	if (s->last == use->connection)
		return;
	s->last = use->connection;
	s->first_ns = s->connections == 0 || use->at_ns < s->first_ns ? use->at_ns : s->first_ns;
	s->last_ns = s->connections == 0 || use->at_ns > s->last_ns ? use->at_ns : s->last_ns;
	s->connections++;
}

void vpc_use_groups(const struct vpc *v, const struct vpc_object *interface, const struct packet *p,
	bool egress)
{
	struct vpc_use *use = p->use;
	if (use->denied)
		return;
	see(use, interface);
	for (const struct vpc_member *m = interface->members; m != NULL; m = m->next) {
		see(use, m->object);
		for (const struct vpc_rule *r = m->object->rules; r != NULL; r = r->next)
			if (!use->hit[r->index] && vpc_match_rule(v, r, p, egress) != NO)
				use->hit[r->index] = true;
	}
}

/* The entry that decides, and those before it of which it is not known whether they match. */
static void use_entries(struct vpc_use *use, const struct vpc_object *acl, const struct packet *p,
	bool egress, uint16_t port)
{
	enum tri match = NO;
	for (const struct vpc_entry *e = acl->entries; e != NULL && match != YES; e = e->next) {
		match = vpc_match_entry(e, p, egress, port);
		if (match != NO && !(e->allow && use->denied))
			use->hit[e->index] = true;
	}
}

void vpc_use_acl(const struct vpc_object *acl, const struct vpc_object *subnet,
	const struct packet *p, bool egress)
{
	see(p->use, acl);
	see(p->use, subnet);
	uint32_t port = p->low;
	do {
		use_entries(p->use, acl, p, egress, (uint16_t)port);
		port = vpc_next_edge(acl, port);
	} while (port <= p->high);
}

void vpc_use_begin(struct vpc_use *use, int64_t at_ns, bool denied)
{
	use->connection++;
	use->at_ns = at_ns;
	use->denied = denied;
}

void vpc_use_note(struct vpc_use *use, const struct vpc_flow *flow)
{
	const struct vpc *v = use->v;
	struct vpc_answer answer;
	vpc_ask_noting(v, flow, use, &answer);
	struct holders h = vpc_holders(v, NULL, &flow->src);
	for (size_t i = 0; h.count > 1 && i < h.count; i++) { /* any of them may have sent it */
		struct vpc_flow from = *flow;
		from.interface = h.interface[i]->id;
		vpc_ask_noting(v, &from, use, &answer);
	}
}

/* ---- telling ---- */

static void add_place(
	const struct vpc_use *use, const struct vpc_object *place, struct vpc_unused *u)
{
	u->places++;
	if (use->seen[place->index].connections == 0)
		return;
	if (u->seen < VPC_PLACES)
		u->place[u->seen] = place->id;
	u->seen++;
}

static void find_places(
	const struct vpc_use *use, const struct vpc_object *object, struct vpc_unused *u)
{
	const struct vpc_object *o = use->v->first[u->acl ? VPC_SUBNET : VPC_INTERFACE];
	for (; o != NULL; o = o->next) {
		if (u->acl) {
			if (vpc_acl_of(o) == object)
				add_place(use, o, u);
			continue;
		}
		const struct vpc_member *m = o->members;
		while (m != NULL && m->object != object)
			m = m->next;
		if (m != NULL)
			add_place(use, o, u);
	}
}

static struct vpc_unused unused_of(const struct vpc_use *use, const struct vpc_object *object)
{
	const struct seen *s = &use->seen[object->index];
	struct vpc_unused u = {.object = object->id,
		.note = object->note,
		.acl = object->kind == VPC_ACL,
		.connections = s->connections,
		.first_ns = s->first_ns,
		.last_ns = s->last_ns};
	find_places(use, object, &u);
	return u;
}

static void tell_rules(const struct vpc_use *use, const struct vpc_object *group,
	vpc_tell_unused *tell, void *context)
{
	struct vpc_unused u = unused_of(use, group);
	for (const struct vpc_rule *r = group->rules; r != NULL; r = r->next) {
		struct vpc_stage said = {.rule = ""};
		u.rules++;
		if (u.connections == 0 || use->hit[r->index])
			continue;
		vpc_say_rule(r, &said);
		u.rule = said.rule;
		u.egress = r->egress;
		u.note = r->note != NULL ? r->note : group->note;
		tell(context, &u);
	}
	if (u.connections == 0 && u.rules > 0)
		tell(context, &u);
}

static void tell_entries(const struct vpc_use *use, const struct vpc_object *acl,
	vpc_tell_unused *tell, void *context)
{
	struct vpc_unused u = unused_of(use, acl);
	for (const struct vpc_entry *e = acl->entries; e != NULL; e = e->next) {
		char number[16];
		u.rules++;
		if (u.connections == 0 || use->hit[e->index])
			continue;
		(void)snprintf(number, sizeof number, "%u", e->number);
		u.rule = number;
		u.egress = e->egress;
		tell(context, &u);
	}
	if (u.connections == 0 && u.rules > 0)
		tell(context, &u);
}

void vpc_use_each_unused(const struct vpc_use *use, vpc_tell_unused *tell, void *context)
{
	for (const struct vpc_object *o = use->v->first[VPC_GROUP]; o != NULL; o = o->next)
		tell_rules(use, o, tell, context);
	for (const struct vpc_object *o = use->v->first[VPC_ACL]; o != NULL; o = o->next)
		tell_entries(use, o, tell, context);
}
