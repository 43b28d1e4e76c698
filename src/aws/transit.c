/* Through transit gateways: out by the attachment's subnet of the source's zone, by the route table
 * of that attachment, and into the other VPC by a subnet of its own attachment. Sources: Amazon's
 * guide to transit gateways ("How Amazon VPC Transit Gateways work", "VPC attachments", "Network
 * ACLs", "Appliance in a shared services VPC"). */
#include <stdio.h>
#include <string.h>

#include "aws/way.h"

#define GATEWAY "transit gateway"

static bool is(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

/* The VPC's own at the gateway; NULL: it was not read. */
static const struct vpc_object *attachment_of(
	const struct vpc *v, const struct vpc_object *gateway, const struct vpc_object *network)
{
	for (const struct vpc_object *o = v->first[VPC_ATTACHMENT]; o != NULL; o = o->next)
		if (o->described && o->peer == gateway && o->vpc == network && network != NULL)
			return o;
	return NULL;
}

/* ---- the gateway's table ---- */

struct hop {
	const struct vpc_object *to; /* attachment; NULL: none, or not known */
	int bits;
	bool any, propagated, blackhole;
	const char *why; /* cannot be told */
};

static void offer(struct hop *h, const struct hop *by)
{
	bool same = h->any && by->bits == h->bits;
	if (by->bits < 0 || (h->any && by->bits < h->bits) ||
		(same && by->propagated > h->propagated))
		return;
	if (same && by->propagated == h->propagated) {
		if (h->to != by->to)
			h->to = NULL; /* one of both */
		return;
	}
	h->to = by->to;
	h->bits = by->bits;
	h->any = true;
	h->propagated = by->propagated;
	h->blackhole = by->blackhole;
}

/* A VPC's own nets; what others propagate is learnt by BGP, which no list of attachments tells. */
static void offer_propagated(struct hop *h, const struct vpc_object *table, const struct addr *to)
{
	for (const struct vpc_member *m = table->members; m != NULL; m = m->next) {
		const struct vpc_object *a = m->object;
		struct hop by = {.to = a, .bits = -1, .propagated = true};
		if (a->vpc != NULL && a->vpc->nets == NULL)
			h->why = "a VPC that propagates its nets was not read: add describe-vpcs";
		else if (a->vpc == NULL && !table->searched)
			h->why = "routes are learnt from a VPN, Direct Connect or peer: add "
				 "search-transit-gateway-routes";
		for (const struct vpc_net *n = a->vpc == NULL ? NULL : a->vpc->nets; n != NULL;
			n = n->next)
			if (net_has(&n->net, to) && n->net.bits > by.bits)
				by.bits = n->net.bits;
		offer(h, &by);
	}
}

static struct hop next_hop(
	const struct vpc *v, const struct vpc_object *table, const struct addr *to)
{
	struct hop h = {0};
	if (table == NULL) {
		h.why = "which route table the attachment has was not read: add "
			"describe-transit-gateway-attachments";
		return h;
	}
	if (!table->searched && !(table->statics && table->spread))
		h.why = "the gateway's routes were not read: add search-transit-gateway-routes";
	else if (table->cut || v->cut[VPC_TRANSIT_TABLE])
		h.why = "not all of the gateway's routes were read";
	for (const struct vpc_route *r = table->routes; r != NULL; r = r->next) {
		offer(&h, &(struct hop){.to = r->object,
				  .bits = way_route_bits(r, to),
				  .propagated = r->propagated,
				  .blackhole = r->blackhole});
		if (r->list != NULL && !r->list->listed)
			h.why = "a route's prefix list was not read: which addresses it takes is "
				"not known";
	}
	offer_propagated(&h, table, to);
	if (h.why == NULL && h.any && !h.blackhole && h.to == NULL)
		h.why = "several attachments may take it";
	return h;
}

/* As a stage. False: there is no way on, or it is not known. */
static bool say_hop(struct way *w, const struct vpc_object *table, const struct hop *h)
{
	struct vpc_stage *s = way_stage(w, "route of the transit gateway");
	s->object = table == NULL ? NULL : table->id;
	if (h->why != NULL) {
		(void)snprintf(s->reason, sizeof s->reason, "%s", h->why);
		return false;
	}
	bool on = h->to != NULL && !h->blackhole;
	s->verdict = on ? VPC_OPEN : VPC_SHUT;
	if (on)
		(void)snprintf(s->reason, sizeof s->reason,
			"the most specific route leads to %.100s", h->to->id);
	else
		(void)snprintf(s->reason, sizeof s->reason, "%s",
			h->any ? "the route drops it (blackhole)" : "no route leads there");
	return on;
}

/* ---- the attachment's subnets ---- */

static const struct vpc_object *door_of(const struct vpc_object *attachment, const char *zone)
{
	for (const struct vpc_member *m = attachment->members; m != NULL; m = m->next)
		if (zone != NULL && is(m->object->zone, zone))
			return m->object;
	return NULL;
}

/* In the attachment's own subnet what comes back is asked for nothing. */
static void pardon_reply(struct way *w)
{
	for (size_t i = 0; i < w->answer->stages; i++) {
		struct vpc_stage *s = &w->answer->stage[i];
		if (s->verdict == VPC_SHUT && strcmp(s->name, "network ACL ingress, reply") == 0)
			s->verdict = VPC_UNDECIDED;
	}
}

static void go_out(struct way *w, const struct vpc_object *door)
{
	struct packet reply;
	way_cross_acl(w, door, &w->p, false, "network ACL ingress of the attachment");
	if (door == w->subnet)
		pardon_reply(w);
	else if (way_reply(&w->p, CLIENT_LOW, &reply))
		way_cross_acl(w, door, &reply, true, "network ACL egress of the attachment, reply");
	way_return_inside(w, door);
}

/* w is the packet's own copy: from here on it is in the other VPC. */
static void come_in(struct way *w, const struct vpc_object *door)
{
	struct packet reply;
	bool beside = nets_have(door->nets, &w->p.dst);
	bool replies = way_reply(&w->p, CLIENT_LOW, &reply);
	w->network = door->vpc;
	w->subnet = door;
	if (!beside)
		way_cross_acl(w, door, &w->p, true, "network ACL egress of the attachment");
	else if (replies)
		way_cross_acl(w, door, &reply, true, "network ACL egress of the attachment, reply");
	if (replies)
		way_cross_acl(
			w, door, &reply, false, "network ACL ingress of the attachment, reply");
	const struct vpc_route *on =
		way_take_route(w, door, &w->p.dst, "route of the attachment's subnet");
	if (on != NULL)
		way_follow(w, on);
}

/* ---- both ---- */

/* What comes back is led by the other attachment's table. */
static void judge_return(struct way *w, const struct vpc_object *from, const struct vpc_object *to)
{
	struct hop back = next_hop(w->v, to->table, &w->p.src);
	if (!say_hop(w, to->table, &back) || back.to == from)
		return;
	struct vpc_stage *s = &w->answer->stage[w->answer->stages - 1];
	s->verdict = VPC_UNDECIDED;
	(void)snprintf(s->reason, sizeof s->reason, "replies take another way back");
}

static void arrive(struct way *w, const struct vpc_object *gateway, const struct vpc_object *to,
	const char *zone)
{
	if (to->members == NULL) {
		way_leave(w, to, GATEWAY,
			"the attachment's subnets were not read: add "
			"describe-transit-gateway-vpc-attachments");
		return;
	}
	struct way there = *w;
	there.transit = gateway;
	there.interface = NULL;
	there.from = NULL;
	there.passes = 0;
	/* in its own zone where it can be, without appliance mode */
	bool near = !to->anywhere && door_of(to, zone) != NULL;
	way_try_each(&there, &(struct way_doors){.subnets = to->members,
				     .zone = near ? zone : NULL,
				     .go = come_in,
				     .name = GATEWAY,
				     .object = to,
				     .why = "which of the attachment's subnets it is led through "
					    "is not known, and they differ"});
	w->hops = there.hops;
}

void way_pass_transit(struct way *w, const struct vpc_object *gateway)
{
	const struct vpc_object *from = attachment_of(w->v, gateway, w->network);
	const char *zone = w->subnet == NULL ? NULL : w->subnet->zone;
	const struct vpc_object *door = from == NULL ? NULL : door_of(from, zone);
	const char *why = NULL;
	if (from == NULL)
		why = "leaves this VPC by an attachment that was not read: add "
		      "describe-transit-gateway-vpc-attachments";
	else if (from->members == NULL)
		why = "the attachment's subnets were not read: add "
		      "describe-transit-gateway-vpc-attachments";
	else if (door == NULL)
		why = "which of the attachment's subnets is in the source's zone is not known, if "
		      "one is";
	else if (++w->hops > WAY_HOPS_MAX)
		why = "routes lead through gateways over and over";
	if (why != NULL) {
		way_leave(w, gateway, GATEWAY, why);
		return;
	}
	go_out(w, door);
	struct hop on = next_hop(w->v, from->table, &w->p.dst);
	if (!say_hop(w, from->table, &on) || on.to == NULL) {
		const struct vpc_object *there =
			on.why == NULL ? NULL : way_network_of(w->v, &w->p.dst);
		if (there != NULL && there != w->network)
			(void)way_enter(w, there, &w->p, NULL);
		return;
	}
	judge_return(w, from, on.to);
	if (on.to->vpc != NULL && on.to->vpc != w->network)
		arrive(w, gateway, on.to, door->zone);
	else
		way_leave(w, on.to, GATEWAY,
			on.to->vpc != NULL ? "it comes back to the same VPC"
					   : "leaves by a VPN, Direct Connect or a peer: judged by "
					     "what stands there");
}
