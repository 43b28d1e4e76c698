/* A packet's way through the networks that were read, stage by stage. */
#include <stdio.h>
#include <string.h>

#include "aws/model.h"

/* What clients take as their own port: Linux from 32768, Windows and others within that; a NAT
 * gateway from 1024 (VPC user guide, "Ephemeral ports"). */
#define CLIENT_LOW 32768
#define NAT_LOW    1024

#define TCP    6
#define UDP    17
#define ICMP   1
#define ICMPV6 58

struct walk {
	const struct vpc *v;
	struct vpc_answer *answer;
	struct packet p;
	const struct vpc_object *network, *subnet, *interface; /* the source's; NULL: not known */
};

static struct vpc_stage *add_stage(struct walk *w, const char *name)
{
	CHECK(w->answer->stages < VPC_STAGES_MAX);
	struct vpc_stage *s = &w->answer->stage[w->answer->stages++];
	*s = (struct vpc_stage){.name = name, .verdict = VPC_UNDECIDED};
	return s;
}

static void say(struct walk *w, enum vpc_verdict verdict, const char *name,
	const struct vpc_object *object, const char *reason)
{
	struct vpc_stage *s = add_stage(w, name);
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
	return p->proto == TCP || p->proto == UDP;
}

/* False: nothing answers to it. */
static bool make_reply(const struct packet *p, uint16_t low, struct packet *ret)
{
	*ret = (struct packet){
		.src = p->dst, .dst = p->src, .proto = p->proto, .type = -1, .code = -1};
	if (has_ports(p)) {
		ret->low = low;
		ret->high = UINT16_MAX;
	} else if (p->proto == ICMP || p->proto == ICMPV6) {
		uint8_t echo = p->proto == ICMP ? 8 : 128;
		ret->type = p->proto == ICMP ? 0 : 129;
		ret->code = 0;
		return p->type == echo;
	}
	return true;
}

static void cross_acl(struct walk *w, const struct vpc_object *subnet, const struct packet *p,
	bool egress, const char *name)
{
	struct vpc_stage *s = add_stage(w, name);
	vpc_judge_acl(subnet, p, egress, s);
}

/* ---- routes ---- */

struct choice {
	const struct vpc_object *table;
	const struct vpc_route *route; /* NULL: none, or why */
	const char *why;               /* cannot be told */
	bool local;                    /* by no route of the table */
};

/* How many bits of the address the route fixes; -1: it is not for it. */
static int route_bits(const struct vpc_route *route, const struct addr *a)
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
		int bits = route_bits(route, a);
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
static const struct vpc_route *take_route(
	struct walk *w, const struct vpc_object *subnet, const struct addr *to, const char *name)
{
	static const struct vpc_route implied = {.target = TARGET_LOCAL};
	struct choice c = choose(w->v, subnet, to);
	struct vpc_stage *s = add_stage(w, name);
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
		target == NULL ? "the VPC itself" : target->id);
	return c.route == NULL ? &implied : c.route;
}

/* What comes back has to find the way that it came. */
static void return_route(struct walk *w, const struct vpc_object *subnet, const struct addr *to,
	enum vpc_target target)
{
	const struct vpc_route *back = take_route(w, subnet, to, "route of the reply");
	if (back == NULL || back->target == target)
		return;
	struct vpc_stage *s = &w->answer->stage[w->answer->stages - 1];
	s->verdict = VPC_UNDECIDED;
	(void)snprintf(s->reason, sizeof s->reason, "replies take another way back");
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
static const struct vpc_object *enter(struct walk *w, const struct vpc_object *network,
	const struct packet *p, const struct vpc_object *from)
{
	const struct vpc_object *subnet = vpc_subnet_of(w->v, network, &p->dst);
	if (subnet == NULL) {
		bool known = knows_subnets(w->v, network);
		say(w, known ? VPC_SHUT : VPC_UNDECIDED, "destination", network,
			known ? "no subnet of the VPC holds the address"
			      : "the VPC's subnets were not read: add describe-subnets");
		return NULL;
	}
	struct packet reply;
	if (subnet != from) {
		cross_acl(w, subnet, p, false, "network ACL ingress of the destination");
		if (make_reply(p, CLIENT_LOW, &reply))
			cross_acl(w, subnet, &reply, true,
				"network ACL egress of the destination, reply");
	}
	struct holders h = vpc_holders(w->v, network, &p->dst);
	struct vpc_stage *s = add_stage(w, "");
	vpc_judge_groups(w->v, h.count == 1 ? h.interface[0] : NULL, p, false, s);
	return subnet;
}

/* The one VPC that holds the address, or NULL. */
static const struct vpc_object *network_of(const struct vpc *v, const struct addr *a)
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

static const struct vpc_address *find_public(
	const struct vpc *v, const struct addr *a, const struct vpc_object **ret_interface)
{
	for (const struct vpc_object *o = v->first[VPC_INTERFACE]; o != NULL; o = o->next)
		for (const struct vpc_address *at = o->addrs; at != NULL; at = at->next)
			if (addr_eq(&at->public_addr, a)) {
				*ret_interface = o;
				return at;
			}
	return NULL;
}

/* ---- ways out ---- */

/* Block public access stands before security groups and ACLs; way_out: only answers come in. */
static void pass_block(struct walk *w, const struct vpc_object *subnet, bool way_out)
{
	const char *mode = subnet != NULL && subnet->block != NULL ? subnet->block : w->v->block;
	bool sure = subnet != NULL && (subnet->block != NULL || w->v->exclusions_denied);
	bool blocks = is(mode, "block-bidirectional") || (is(mode, "block-ingress") && !way_out);
	if (blocks)
		say(w, sure ? VPC_SHUT : VPC_UNDECIDED, "block public access", subnet,
			sure ? "traffic of the internet gateway is blocked"
			     : "traffic of the internet gateway is blocked, unless the subnet is "
			       "excluded: add describe-subnets that says so");
}

/* Replies may be led elsewhere at the gateway (an edge association). */
static void pass_edge(struct walk *w, const struct vpc_object *gateway, const struct addr *back)
{
	for (const struct vpc_object *t = w->v->first[VPC_TABLE]; t != NULL; t = t->next)
		for (const struct vpc_member *m = t->members; m != NULL; m = m->next) {
			struct choice c = {0};
			if (m->object != gateway || gateway == NULL)
				continue;
			choose_of(t, back, &c);
			if (c.route == NULL || c.route->target == TARGET_LOCAL)
				continue;
			say(w, VPC_UNDECIDED, "route of the reply", t,
				"the gateway leads replies elsewhere: judged by what stands there");
			return;
		}
}

/* To a public address of an interface that was read: out of the gateway and in again. */
static void turn_around(struct walk *w, const struct addr *public_src)
{
	const struct vpc_object *there = NULL;
	const struct vpc_address *at = find_public(w->v, &w->p.dst, &there);
	if (at == NULL || there->vpc == NULL)
		return;
	struct packet p = w->p;
	p.src = *public_src;
	p.dst = at->addr;
	const struct vpc_object *subnet = enter(w, there->vpc, &p, NULL);
	if (subnet != NULL)
		return_route(w, subnet, public_src, TARGET_INTERNET);
}

static const char *why_not_public(const struct addr *dst)
{
	return addr_is_private(dst) ? "behind the gateway is the Internet, where no such address is"
	                            : NULL;
}

static void leave_by_gateway(struct walk *w, const struct vpc_object *gateway)
{
	const char *const name = "internet gateway";
	const struct vpc_address *at = w->interface == NULL ? NULL : w->interface->addrs;
	while (at != NULL && !addr_eq(&at->addr, &w->p.src))
		at = at->next;
	bool v4 = addr_is_v4(&w->p.src);
	pass_block(w, w->subnet, false);
	pass_edge(w, gateway, &w->p.src);
	if (w->interface != NULL && w->interface->no_internet)
		say(w, VPC_SHUT, name, w->interface, "the interface denies traffic of gateways");
	else if (v4 && at == NULL)
		say(w, VPC_UNDECIDED, name, gateway,
			"whether the source has a public address was not read");
	else if (v4 && addr_is_none(&at->public_addr))
		say(w, VPC_SHUT, name, gateway, "the source has no public address");
	else if (why_not_public(&w->p.dst) != NULL)
		say(w, VPC_UNDECIDED, name, gateway, why_not_public(&w->p.dst));
	else
		say(w, VPC_OPEN, name, gateway, "to the Internet");
	if (v4 && at != NULL && !addr_is_none(&at->public_addr))
		turn_around(w, &at->public_addr);
}

/* Its own subnet is crossed both ways, then that subnet's routes count. */
static void leave_by_nat(struct walk *w, const struct vpc_object *nat)
{
	const char *const name = "NAT gateway";
	struct packet reply, inner;
	if (nat == NULL || !nat->described || nat->subnet == NULL) {
		say(w, VPC_UNDECIDED, name, nat, "it was not read: add describe-nat-gateways");
		return;
	}
	if (!addr_is_v4(&w->p.dst)) {
		say(w, VPC_UNDECIDED, name, nat, "translation of IPv6 is not judged");
		return;
	}
	bool icmp = w->p.proto == ICMP;
	bool gone = is(nat->state, "deleted") || is(nat->state, "failed");
	bool carried = has_ports(&w->p) || icmp;
	say(w, gone || !carried ? VPC_SHUT : VPC_OPEN, name, nat,
		gone       ? "it is gone"
		: !carried ? "it carries TCP, UDP and ICMP only"
			   : "it takes the packet");
	bool replies = make_reply(&w->p, NAT_LOW, &reply) && make_reply(&w->p, CLIENT_LOW, &inner);
	if (nat->subnet != w->subnet) {
		cross_acl(w, nat->subnet, &w->p, false, "network ACL ingress of the NAT gateway");
		if (replies)
			cross_acl(w, nat->subnet, &inner, true,
				"network ACL egress of the NAT gateway, reply");
	}
	/* its own address stands in no entry's way: entries see the other end's (AWS: egress
	 * entries name destinations, ingress entries sources) */
	cross_acl(w, nat->subnet, &w->p, true, "network ACL egress of the NAT gateway");
	if (replies)
		cross_acl(w, nat->subnet, &reply, false,
			"network ACL ingress of the NAT gateway, reply");
	const struct vpc_route *on =
		take_route(w, nat->subnet, &w->p.dst, "route of the NAT gateway");
	if (on == NULL)
		return;
	if (on->target != TARGET_INTERNET || is(nat->type, "private")) {
		say(w, VPC_UNDECIDED, name, nat, "what it sends on leaves the VPC by another way");
		return;
	}
	pass_block(w, nat->subnet, true);
	for (const struct vpc_net *n = nat->subnet->nets; n != NULL; n = n->next)
		if (addr_is_v4(&n->net.net)) /* where the gateway's own address is from */
			pass_edge(w, on->object, &n->net.net);
	if (why_not_public(&w->p.dst) != NULL)
		say(w, VPC_UNDECIDED, "internet gateway", on->object, why_not_public(&w->p.dst));
}

static void leave_by_peering(struct walk *w, const struct vpc_object *peering)
{
	const char *const name = "peering";
	if (peering == NULL || !peering->described) {
		say(w, VPC_UNDECIDED, name, peering,
			"it was not read: add describe-vpc-peering-connections");
		return;
	}
	const struct vpc_object *other = peering->vpc == w->network ? peering->peer : peering->vpc;
	if (peering->state != NULL && !is(peering->state, "active")) {
		say(w, VPC_SHUT, name, peering, "it is not active");
		return;
	}
	if (other == NULL || other->nets == NULL) {
		say(w, VPC_UNDECIDED, name, peering, "the VPC on its other side was not read");
		return;
	}
	if (!nets_have(other->nets, &w->p.dst)) {
		say(w, VPC_SHUT, name, peering,
			"the address is not of the VPC there, and peering leads no further");
		return;
	}
	const struct vpc_object *subnet = enter(w, other, &w->p, NULL);
	if (subnet != NULL)
		return_route(w, subnet, &w->p.src, TARGET_PEERING);
}

static void leave_away(struct walk *w, const struct vpc_object *gateway)
{
	const struct vpc_object *there = network_of(w->v, &w->p.dst);
	say(w, VPC_UNDECIDED, "gateway", gateway, "leaves this VPC: judged by what stands there");
	if (there != NULL && there != w->network)
		(void)enter(w, there, &w->p, NULL);
}

static void leave_by_endpoint(struct walk *w, const struct vpc_object *endpoint)
{
	bool service = endpoint != NULL && is(endpoint->type, "Gateway");
	say(w, VPC_UNDECIDED, "endpoint", endpoint,
		service ? "the endpoint's policy is not judged"
			: "judged by the firewall behind it");
}

static void follow(struct walk *w, const struct vpc_route *route)
{
	switch (route->target) {
	case TARGET_LOCAL:
		(void)enter(w, w->network, &w->p, w->subnet);
		break;
	case TARGET_INTERNET:
		leave_by_gateway(w, route->object);
		break;
	case TARGET_EGRESS_ONLY:
		pass_block(w, w->subnet, true);
		say(w, VPC_OPEN, "egress-only gateway", route->object, "to the Internet");
		break;
	case TARGET_NAT:
		leave_by_nat(w, route->object);
		break;
	case TARGET_ENDPOINT:
		leave_by_endpoint(w, route->object);
		break;
	case TARGET_PEERING:
		leave_by_peering(w, route->object);
		break;
	case TARGET_HOST:
		say(w, VPC_UNDECIDED, "forwarding host", route->object,
			"judged by the host that forwards");
		break;
	case TARGET_AWAY:
		leave_away(w, route->object);
		break;
	}
}

/* ---- what nothing filters ---- */

static bool is_resolver(const struct vpc_object *network, const struct addr *a)
{
	const struct vpc_net *first = network == NULL ? NULL : network->nets;
	if (first == NULL || !addr_is_v4(&first->net.net))
		return false;
	struct addr resolver = first->net.net;
	resolver.byte[15] = (uint8_t)(resolver.byte[15] + 2);
	return addr_eq(&resolver, a);
}

/* Amazon's own services on each host's link ("Control traffic to subnets using network ACLs": can't
 * block the resolver, instance metadata and time). */
static bool ask_unfiltered(struct walk *w)
{
	static const struct {
		const char *addr, *words;
		uint8_t proto[2];
		uint16_t port;
	} services[] = {
		{"169.254.169.253", "the resolver is never filtered", {TCP, UDP}, 53},
		{"fd00:ec2::253", "the resolver is never filtered", {TCP, UDP}, 53},
		{"169.254.169.254", "instance metadata is never filtered", {TCP, TCP}, 80},
		{"fd00:ec2::254", "instance metadata is never filtered", {TCP, TCP}, 80},
		{"169.254.169.123", "time is never filtered", {UDP, UDP}, 123},
		{"fd00:ec2::123", "time is never filtered", {UDP, UDP}, 123},
	};
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		struct addr a = {{0}};
		CHECK(addr_parse(services[i].addr, &a) == 0);
		if (!addr_eq(&a, &w->p.dst) && (i > 0 || !is_resolver(w->network, &w->p.dst)))
			continue;
		const uint8_t *proto = services[i].proto;
		bool served = (w->p.proto == proto[0] || w->p.proto == proto[1]) &&
		              w->p.low == services[i].port;
		say(w, served ? VPC_OPEN : VPC_UNDECIDED, "Amazon's own", NULL,
			served ? services[i].words
			       : "a service of Amazon's own, which is not known to answer to this");
		return true;
	}
	return false;
}

/* ---- the source ---- */

const struct vpc_object *vpc_named_interface(const struct vpc *v, const char *name)
{
	uint32_t number = strings_find(v->strings, name);
	const struct vpc_object *o = number == 0 ? NULL : v->by_name[number];
	if (o != NULL && o->kind == VPC_INSTANCE)
		o = o->peer;
	return o != NULL && o->kind == VPC_INTERFACE && o->described ? o : NULL;
}

static bool find_source(struct walk *w, const struct vpc_flow *flow)
{
	if (flow->interface != NULL) {
		w->interface = vpc_named_interface(w->v, flow->interface);
		const struct vpc_address *at = w->interface == NULL ? NULL : w->interface->addrs;
		while (at != NULL && addr_is_v4(&at->addr) != addr_is_v4(&flow->dst))
			at = at->next;
		if (at == NULL) {
			say(w, VPC_UNDECIDED, "source", w->interface,
				"no interface of this name with an address of the family was read");
			return false;
		}
		w->p.src = at->addr;
	} else {
		struct holders h = vpc_holders(w->v, NULL, &flow->src);
		if (h.count > 1) {
			say(w, VPC_UNDECIDED, "source", h.interface[0],
				"several interfaces have this address: name one (eni-...)");
			return false;
		}
		w->interface = h.count == 1 ? h.interface[0] : NULL;
	}
	w->network = w->interface != NULL ? w->interface->vpc : network_of(w->v, &w->p.src);
	w->subnet = w->interface != NULL ? w->interface->subnet
	                                 : vpc_subnet_of(w->v, w->network, &w->p.src);
	return true;
}

/* From outside: only what stands at the other end can be judged. */
static void ask_outside(struct walk *w)
{
	const struct vpc_object *there = NULL;
	const struct vpc_address *at = find_public(w->v, &w->p.dst, &there);
	say(w, VPC_UNDECIDED, "source", NULL,
		"not of a VPC that was read: how it gets there is not judged");
	if (at != NULL) {
		w->p.dst = at->addr;
		there = there->vpc;
	} else {
		there = network_of(w->v, &w->p.dst);
	}
	if (there != NULL)
		(void)enter(w, there, &w->p, NULL);
}

static void ask_inside(struct walk *w)
{
	if (ask_unfiltered(w))
		return;
	struct vpc_stage *s = add_stage(w, "");
	vpc_judge_groups(w->v, w->interface, &w->p, true, s);
	bool beside =
		w->subnet != NULL && w->subnet->described && nets_have(w->subnet->nets, &w->p.dst);
	struct packet reply;
	if (!beside) {
		cross_acl(w, w->subnet, &w->p, true, "network ACL egress");
		if (make_reply(&w->p, CLIENT_LOW, &reply))
			cross_acl(w, w->subnet, &reply, false, "network ACL ingress, reply");
	}
	const struct vpc_route *route = take_route(w, w->subnet, &w->p.dst, "route");
	if (route != NULL)
		follow(w, route);
}

void vpc_ask(const struct vpc *v, const struct vpc_flow *flow, struct vpc_answer *ret)
{
	*ret = (struct vpc_answer){0};
	struct walk w = {.v = v, .answer = ret};
	w.p = (struct packet){.src = flow->src,
		.dst = flow->dst,
		.proto = flow->proto,
		.low = flow->port,
		.high = flow->port,
		.type = flow->type,
		.code = flow->code};
	if (find_source(&w, flow)) {
		if (w.network == NULL)
			ask_outside(&w);
		else
			ask_inside(&w);
	}
	ret->decides = &ret->stage[0];
	for (size_t i = 1; i < ret->stages; i++)
		if (ret->stage[i].verdict < ret->decides->verdict)
			ret->decides = &ret->stage[i];
	ret->verdict = ret->decides->verdict;
}
