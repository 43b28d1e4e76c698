/* A packet's way through the networks that were read, stage by stage. */
#include <stdio.h>
#include <string.h>

#include "aws/way.h"

struct vpc_stage *way_stage(struct way *w, const char *name)
{
	CHECK(w->answer->stages < VPC_STAGES_MAX); /* WAY_HOPS_MAX sees to it */
	struct vpc_stage *s = &w->answer->stage[w->answer->stages++];
	*s = (struct vpc_stage){.name = name, .verdict = VPC_UNDECIDED};
	return s;
}

void way_say(struct way *w, enum vpc_verdict verdict, const char *name,
	const struct vpc_object *object, const char *reason)
{
	struct vpc_stage *s = way_stage(w, name);
	s->verdict = verdict;
	s->object = object == NULL ? NULL : object->id;
	(void)snprintf(s->reason, sizeof s->reason, "%s", reason);
}

static bool is(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

static bool has_ports(const struct packet *p)
{
	return p->proto == PROTO_TCP || p->proto == PROTO_UDP;
}

/* False: nothing answers to it. */
bool way_reply(const struct packet *p, uint16_t low, struct packet *ret)
{
	*ret = (struct packet){.src = p->dst,
		.dst = p->src,
		.src_free = p->dst_free,
		.dst_free = p->src_free,
		.src_interface = p->dst_interface,
		.dst_interface = p->src_interface,
		.proto = p->proto,
		.type = -1,
		.code = -1,
		.use = p->use};
	if (has_ports(p)) {
		bool known = p->client_port != 0 && low == CLIENT_LOW;
		ret->low = known ? p->client_port : low;
		ret->high = known ? p->client_port : UINT16_MAX;
	} else if (p->proto == PROTO_ICMP || p->proto == PROTO_ICMPV6) {
		uint8_t echo = p->proto == PROTO_ICMP ? 8 : 128;
		ret->type = p->proto == PROTO_ICMP ? 0 : 129;
		ret->code = 0;
		return p->type == echo;
	}
	return true;
}

void way_cross_acl(struct way *w, const struct vpc_object *subnet, const struct packet *p,
	bool egress, const char *name)
{
	struct vpc_stage *s = way_stage(w, name);
	vpc_judge_acl(subnet, p, egress, s);
}

/* ---- routes ---- */

struct choice {
	const struct vpc_object *table;
	const struct vpc_route *route; /* NULL: none, or why */
	const char *why;               /* cannot be told */
	bool local;                    /* by no route of the table */
};

int way_route_bits(const struct vpc_route *route, const struct addr *a)
{
	int bits = -1;
	if (route->list == NULL)
		return net_has(&route->net, a) ? route->net.bits : -1;
	for (const struct vpc_net *n = route->list->nets; n != NULL; n = n->next)
		if (net_has(&n->net, a) && n->net.bits > bits)
			bits = n->net.bits;
	return bits;
}

static void choose_of(const struct vpc_object *table, const struct addr *a, struct choice *ret)
{
	int best = -1;
	for (const struct vpc_route *route = table->routes; route != NULL; route = route->next) {
		int bits = way_route_bits(route, a);
		if (route->list != NULL && !route->list->listed)
			ret->why =
				"a route's prefix list was not read: which addresses it takes is "
				"not known";
		bool better = bits > best || (bits == best && bits >= 0 && ret->route->propagated &&
						     !route->propagated);
		if (!better)
			continue;
		best = bits;
		ret->route = route;
	}
}

static struct choice choose(
	const struct vpc *v, const struct vpc_object *subnet, const struct addr *a)
{
	struct choice c = {0};
	const struct vpc_object *network = subnet == NULL ? NULL : subnet->vpc;
	c.table = subnet == NULL ? NULL : subnet->table;
	if (c.table == NULL && network != NULL && !v->cut[VPC_TABLE])
		c.table = network->table;
	if (c.table == NULL || !c.table->described) {
		c.why = "the subnet's route table was not read: add describe-route-tables";
		return c;
	}
	choose_of(c.table, a, &c);
	c.local = c.route == NULL && nets_have(network == NULL ? NULL : network->nets, a);
	return c;
}

bool way_peek_route(const struct vpc *v, const struct vpc_object *subnet, const struct addr *to,
	enum vpc_target *ret)
{
	struct choice c = choose(v, subnet, to);
	if (c.why != NULL || (c.route == NULL && !c.local))
		return false;
	*ret = c.route == NULL ? TARGET_LOCAL : c.route->target;
	return true;
}

static void say_route(struct vpc_stage *s, const struct choice *c)
{
	char net[ADDR_TEXT_BYTES];
	const struct cidr *to = &c->route->net;
	if (c->route->list != NULL)
		(void)snprintf(s->rule, sizeof s->rule, "%s", c->route->list->id);
	else
		(void)snprintf(s->rule, sizeof s->rule, "%s/%u", addr_text(&to->net, net),
			addr_is_v4(&to->net) ? to->bits - 96u : to->bits);
}

/* NULL: there is no way on, and the stage says so. */
const struct vpc_route *way_take_route(
	struct way *w, const struct vpc_object *subnet, const struct addr *to, const char *name)
{
	static const struct vpc_route implied = {.target = TARGET_LOCAL};
	struct choice c = choose(w->v, subnet, to);
	struct vpc_stage *s = way_stage(w, name);
	s->object = c.table == NULL ? NULL : c.table->id;
	const char *why = c.why;
	if (why == NULL && c.route == NULL && !c.local) {
		s->verdict = VPC_SHUT;
		why = "no route leads there";
	} else if (why == NULL && c.route != NULL && c.route->blackhole) {
		s->verdict = VPC_SHUT;
		why = "the route's target is gone (blackhole)";
	}
	if (c.route != NULL)
		say_route(s, &c);
	if (why != NULL) {
		(void)snprintf(s->reason, sizeof s->reason, "%s", why);
		return NULL;
	}
	s->verdict = VPC_OPEN;
	const struct vpc_object *target = c.route == NULL ? NULL : c.route->object;
	(void)snprintf(s->reason, sizeof s->reason, "the most specific route leads to %.100s",
		target != NULL                                       ? target->id
		: c.route != NULL && c.route->target != TARGET_LOCAL ? "what is not known"
								     : "the VPC itself");
	return c.route == NULL ? &implied : c.route;
}

/* What comes back has to find the way that it came. */
static void return_route(struct way *w, const struct vpc_object *subnet, const struct addr *to,
	enum vpc_target target)
{
	const struct vpc_route *back = way_take_route(w, subnet, to, "route of the reply");
	struct vpc_stage *s = &w->answer->stage[w->answer->stages - 1];
	if (back == NULL || way_judge_back(w, back, s) ||
		(back->target == target &&
			(target != TARGET_TRANSIT || back->object == w->transit)))
		return;
	s->verdict = VPC_UNDECIDED;
	(void)snprintf(s->reason, sizeof s->reason, "replies take another way back");
}

void way_return_inside(struct way *w, const struct vpc_object *subnet)
{
	enum vpc_target target = TARGET_LOCAL;
	bool known = way_peek_route(w->v, subnet, &w->p.src, &target);
	if (w->passes > 0 || w->transit != NULL || (known && target != TARGET_LOCAL))
		return_route(
			w, subnet, &w->p.src, w->transit == NULL ? TARGET_LOCAL : TARGET_TRANSIT);
}

/* ---- the other end, in a VPC that was read ---- */

static bool knows_subnets(const struct vpc *v, const struct vpc_object *network)
{
	if (v->cut[VPC_SUBNET])
		return false;
	for (const struct vpc_object *o = v->first[VPC_SUBNET]; o != NULL; o = o->next)
		if (o->described && o->vpc == network)
			return true;
	return false;
}

/* Returns its subnet, or NULL. */
const struct vpc_object *way_enter(struct way *w, const struct vpc_object *network,
	const struct packet *p, const struct vpc_object *from)
{
	const struct vpc_object *subnet = vpc_subnet_of(w->v, network, &p->dst);
	w->entered = true;
	if (subnet == NULL) {
		bool known = knows_subnets(w->v, network);
		way_say(w, known ? VPC_SHUT : VPC_UNDECIDED, "destination", network,
			known ? "no subnet of the VPC holds the address"
			      : "the VPC's subnets were not read: add describe-subnets");
		return NULL;
	}
	struct packet reply;
	if (subnet != from) {
		way_cross_acl(w, subnet, p, false, "network ACL ingress of the destination");
		if (way_reply(p, CLIENT_LOW, &reply))
			way_cross_acl(w, subnet, &reply, true,
				"network ACL egress of the destination, reply");
	}
	struct holders h = vpc_holders(w->v, network, &p->dst);
	struct vpc_stage *s = way_stage(w, "");
	struct packet in = *p;
	in.dst_interface = h.count == 1 ? h.interface[0] : NULL;
	vpc_judge_groups(w->v, in.dst_interface, &in, false, s);
	if (in.dst_interface != NULL && in.dst_interface->endpoint != NULL)
		way_ask_policy(w, in.dst_interface->endpoint);
	return subnet;
}

/* The one VPC that holds the address, or NULL. */
const struct vpc_object *way_network_of(const struct vpc *v, const struct addr *a)
{
	const struct vpc_object *found = NULL;
	for (const struct vpc_object *o = v->first[VPC_NETWORK]; o != NULL; o = o->next) {
		if (!nets_have(o->nets, a))
			continue;
		if (found != NULL)
			return NULL;
		found = o;
	}
	return found;
}

const struct vpc_address *way_find_public(
	const struct vpc *v, const struct addr *a, const struct vpc_object **interface)
{
	for (const struct vpc_object *o = v->first[VPC_INTERFACE]; o != NULL; o = o->next)
		for (const struct vpc_address *at = o->addrs; at != NULL; at = at->next)
			if (addr_eq(&at->public_addr, a)) {
				*interface = o;
				return at;
			}
	return NULL;
}

/* ---- ways out ---- */

/* Block public access stands before security groups and ACLs; way_out: only answers come in. */
static void pass_block(struct way *w, const struct vpc_object *subnet, bool way_out)
{
	const char *mode = subnet != NULL && subnet->block != NULL ? subnet->block : w->v->block;
	bool sure = subnet != NULL && (subnet->block != NULL || w->v->exclusions_denied);
	bool blocks = is(mode, "block-bidirectional") || (is(mode, "block-ingress") && !way_out);
	if (blocks)
		way_say(w, sure ? VPC_SHUT : VPC_UNDECIDED, "block public access", subnet,
			sure ? "traffic of the internet gateway is blocked"
			     : "traffic of the internet gateway is blocked, unless the subnet is "
			       "excluded: add describe-subnets that says so");
}

/* Replies may be led elsewhere at the gateway (an edge association). */
static void pass_edge(struct way *w, const struct vpc_object *gateway, const struct addr *back)
{
	const struct vpc_route *edge = NULL;
	const struct vpc_object *table = NULL;
	for (const struct vpc_object *t = w->v->first[VPC_TABLE]; t != NULL; t = t->next)
		for (const struct vpc_member *m = t->members; m != NULL; m = m->next) {
			struct choice c = {0};
			if (m->object != gateway || gateway == NULL)
				continue;
			choose_of(t, back, &c);
			if (c.route == NULL || c.route->target == TARGET_LOCAL)
				continue;
			table = t;
			edge = c.route;
		}
	if (w->passes == 0 && edge == NULL)
		return;
	struct vpc_stage *s = way_stage(w, "route of the reply");
	s->object = table == NULL ? NULL : table->id;
	s->verdict = VPC_OPEN;
	(void)snprintf(
		s->reason, sizeof s->reason, "the gateway leads replies through the same firewall");
	if (way_judge_back(w, edge, s))
		return;
	s->verdict = VPC_UNDECIDED;
	(void)snprintf(s->reason, sizeof s->reason,
		"the gateway leads replies elsewhere: judged by what stands there");
}

/* To a public address of an interface that was read: out of the gateway and in again. */
static void turn_around(struct way *w, const struct addr *public_src)
{
	const struct vpc_object *there = NULL;
	const struct vpc_address *at = way_find_public(w->v, &w->p.dst, &there);
	if (at == NULL || there->vpc == NULL)
		return;
	struct packet p = w->p;
	p.src = *public_src;
	p.dst = at->addr;
	const struct vpc_object *subnet = way_enter(w, there->vpc, &p, NULL);
	if (subnet != NULL)
		return_route(w, subnet, public_src, TARGET_INTERNET);
}

static const char *why_not_public(const struct addr *dst)
{
	return addr_is_private(dst) ? "behind the gateway is the Internet, where no such address is"
	                            : NULL;
}

static void say_public(struct way *w, const struct vpc_object *gateway)
{
	const char *const name = "internet gateway";
	const struct vpc_address *at = w->from;
	bool asked = addr_is_v4(&w->p.src) && !w->translated;
	enum vpc_public has = at == NULL                       ? PUBLIC_MAYBE
	                      : addr_is_none(&at->public_addr) ? at->has_public
	                                                       : PUBLIC_SOME;
	if (w->transit != NULL)
		way_say(w, addr_is_v4(&w->p.src) ? VPC_SHUT : VPC_UNDECIDED, name, gateway,
			"the source is of another VPC, and only a NAT gateway speaks for it here");
	else if (!w->translated && w->interface != NULL && w->interface->no_internet)
		way_say(w, VPC_SHUT, name, w->interface,
			"the interface denies traffic of gateways");
	else if (asked && has == PUBLIC_MAYBE)
		way_say(w, VPC_UNDECIDED, name, gateway,
			"whether the source has a public address was not read");
	else if (asked && has == PUBLIC_NONE)
		way_say(w, VPC_SHUT, name, gateway, "the source has no public address");
	else if (why_not_public(&w->p.dst) != NULL)
		way_say(w, VPC_UNDECIDED, name, gateway, why_not_public(&w->p.dst));
	else
		way_say(w, VPC_OPEN, name, gateway, "to the Internet");
}

static void leave_by_gateway(struct way *w, const struct vpc_object *gateway)
{
	const struct vpc_address *at = w->from;
	pass_block(w, w->subnet, w->translated);
	pass_edge(w, gateway, &w->p.src);
	say_public(w, gateway);
	if (!w->translated && addr_is_v4(&w->p.src) && at != NULL &&
		!addr_is_none(&at->public_addr))
		turn_around(w, &at->public_addr);
}

/* Its own subnet is crossed both ways. */
static void cross_nat(struct way *w, const struct vpc_object *nat)
{
	struct packet reply, inner;
	bool replies = way_reply(&w->p, NAT_LOW, &reply) && way_reply(&w->p, CLIENT_LOW, &inner);
	if (nat->subnet != w->subnet) {
		way_cross_acl(
			w, nat->subnet, &w->p, false, "network ACL ingress of the NAT gateway");
		if (replies)
			way_cross_acl(w, nat->subnet, &inner, true,
				"network ACL egress of the NAT gateway, reply");
	}
	/* its own address stands in no entry's way: entries see the other end's (AWS: egress
	 * entries name destinations, ingress entries sources) */
	way_cross_acl(w, nat->subnet, &w->p, true, "network ACL egress of the NAT gateway");
	if (replies)
		way_cross_acl(w, nat->subnet, &reply, false,
			"network ACL ingress of the NAT gateway, reply");
	way_return_inside(w, nat->subnet);
}

/* From here on the gateway is the source: its own address, or any of its subnet. */
static void translate(struct way *w, const struct vpc_object *nat)
{
	const struct vpc_net *net = nat->subnet->nets;
	while (net != NULL && !addr_is_v4(&net->net.net))
		net = net->next;
	w->translated = true;
	w->transit = NULL;
	w->passes = 0;
	w->subnet = nat->subnet;
	w->interface = NULL;
	w->from = NULL;
	w->p.src_interface = NULL;
	w->p.src_free = 0;
	w->p.client_port = 0; /* the gateway takes one of its own */
	if (nat->addrs != NULL && !nat->addrs->any) {
		w->p.src = nat->addrs->addr;
		return;
	}
	w->p.src = net == NULL ? addr_v4(0) : net->net.net;
	w->p.src_free = net == NULL ? 32 : (uint8_t)(128 - net->net.bits);
}

static void leave_by_nat(struct way *w, const struct vpc_object *nat)
{
	const char *const name = "NAT gateway";
	if (nat == NULL || !nat->described || nat->subnet == NULL) {
		way_say(w, VPC_UNDECIDED, name, nat, "it was not read: add describe-nat-gateways");
		return;
	}
	if (!addr_is_v4(&w->p.dst)) {
		way_say(w, VPC_UNDECIDED, name, nat, "translation of IPv6 is not judged");
		return;
	}
	if (++w->hops > WAY_HOPS_MAX) {
		way_say(w, VPC_UNDECIDED, name, nat, "routes lead through gateways over and over");
		return;
	}
	bool gone = is(nat->state, "deleted") || is(nat->state, "failed");
	bool carried = has_ports(&w->p) || w->p.proto == PROTO_ICMP;
	way_say(w, gone || !carried ? VPC_SHUT : VPC_OPEN, name, nat,
		gone       ? "it is gone"
		: !carried ? "it carries TCP, UDP and ICMP only"
			   : "it takes the packet");
	cross_nat(w, nat);
	translate(w, nat);
	const struct vpc_route *on =
		way_take_route(w, nat->subnet, &w->p.dst, "route of the NAT gateway");
	if (on == NULL)
		return;
	bool out = on->target == TARGET_INTERNET || on->target == TARGET_ENDPOINT;
	if (!out || is(nat->type, "private"))
		way_say(w, VPC_UNDECIDED, name, nat,
			"what it sends on leaves the VPC by another way");
	else
		way_follow(w, on);
}

static void leave_by_peering(struct way *w, const struct vpc_object *peering)
{
	const char *const name = "peering";
	if (peering == NULL || !peering->described) {
		way_say(w, VPC_UNDECIDED, name, peering,
			"it was not read: add describe-vpc-peering-connections");
		return;
	}
	const struct vpc_object *other = peering->vpc == w->network ? peering->peer : peering->vpc;
	if (peering->state != NULL && !is(peering->state, "active")) {
		way_say(w, VPC_SHUT, name, peering, "it is not active");
		return;
	}
	if (other == NULL || other->nets == NULL) {
		way_say(w, VPC_UNDECIDED, name, peering, "the VPC on its other side was not read");
		return;
	}
	if (!nets_have(other->nets, &w->p.dst)) {
		way_say(w, VPC_SHUT, name, peering,
			"the address is not of the VPC there, and peering leads no further");
		return;
	}
	const struct vpc_object *subnet = way_enter(w, other, &w->p, NULL);
	if (subnet != NULL)
		return_route(w, subnet, &w->p.src, TARGET_PEERING);
}

void way_leave(struct way *w, const struct vpc_object *gateway, const char *name, const char *why)
{
	const struct vpc_object *there = way_network_of(w->v, &w->p.dst);
	way_say(w, VPC_UNDECIDED, name, gateway, why);
	if (there != NULL && there != w->network)
		(void)way_enter(w, there, &w->p, NULL);
}

static void enter_own(struct way *w)
{
	const struct vpc_object *there = way_enter(w, w->network, &w->p, w->subnet);
	if (there != NULL && (there != w->subnet || w->transit != NULL))
		way_return_inside(w, there);
}

void way_follow(struct way *w, const struct vpc_route *route)
{
	bool onward = route->target == TARGET_PEERING || route->target == TARGET_EGRESS_ONLY ||
	              route->target == TARGET_AWAY;
	if (w->transit != NULL && onward) {
		way_say(w, VPC_UNDECIDED, "gateway", route->object,
			"whether it takes what comes from another VPC is not judged");
		return;
	}
	switch (route->target) {
	case TARGET_LOCAL:
		enter_own(w);
		break;
	case TARGET_INTERNET:
		leave_by_gateway(w, route->object);
		break;
	case TARGET_EGRESS_ONLY:
		pass_block(w, w->subnet, true);
		pass_edge(w, NULL, &w->p.src);
		way_say(w, VPC_OPEN, "egress-only gateway", route->object, "to the Internet");
		break;
	case TARGET_NAT:
		leave_by_nat(w, route->object);
		break;
	case TARGET_ENDPOINT:
		way_pass_endpoint(w, route->object);
		break;
	case TARGET_PEERING:
		leave_by_peering(w, route->object);
		break;
	case TARGET_TRANSIT:
		way_pass_transit(w, route->object);
		break;
	case TARGET_HOST:
		way_say(w, VPC_UNDECIDED, "forwarding host", route->object,
			"judged by the host that forwards");
		break;
	case TARGET_AWAY:
		way_leave(w, route->object, "gateway",
			"leaves this VPC: judged by what stands there");
		break;
	}
}
