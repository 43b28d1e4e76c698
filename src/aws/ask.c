/* Whether a flow passes: who sends it, and which way it goes from there (way.c). */
#include <string.h>

#include "aws/way.h"

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
static bool ask_unfiltered(struct way *w)
{
	static const struct {
		const char *addr, *words;
		uint8_t proto[2];
		uint16_t port;
	} services[] = {
		{"169.254.169.253", "the resolver is never filtered", {PROTO_TCP, PROTO_UDP}, 53},
		{"fd00:ec2::253", "the resolver is never filtered", {PROTO_TCP, PROTO_UDP}, 53},
		{"169.254.169.254", "instance metadata is never filtered", {PROTO_TCP, PROTO_TCP},
			80},
		{"fd00:ec2::254", "instance metadata is never filtered", {PROTO_TCP, PROTO_TCP},
			80},
		{"169.254.169.123", "time is never filtered", {PROTO_UDP, PROTO_UDP}, 123},
		{"fd00:ec2::123", "time is never filtered", {PROTO_UDP, PROTO_UDP}, 123},
	};
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		struct addr a = {{0}};
		CHECK(addr_parse(services[i].addr, &a) == 0);
		if (!addr_eq(&a, &w->p.dst) && (i > 0 || !is_resolver(w->network, &w->p.dst)))
			continue;
		w->entered = true;
		const uint8_t *proto = services[i].proto;
		bool served = (w->p.proto == proto[0] || w->p.proto == proto[1]) &&
		              w->p.low == services[i].port;
		way_say(w, served ? VPC_OPEN : VPC_UNDECIDED, "Amazon's own", NULL,
			served ? services[i].words
			       : "a service of Amazon's own, which is not known to answer to this");
		return true;
	}
	return false;
}

/* ---- the source ---- */

static const struct vpc_object *named(const struct vpc *v, enum vpc_kind kind, const char *name)
{
	uint32_t number = strings_find(v->strings, name);
	const struct vpc_object *o = number == 0 ? NULL : v->by_name[number];
	return o != NULL && o->kind == kind ? o : NULL;
}

const struct vpc_object *vpc_named_interface(const struct vpc *v, const char *name)
{
	const struct vpc_object *instance = named(v, VPC_INSTANCE, name);
	const struct vpc_object *o =
		instance != NULL ? instance->peer : named(v, VPC_INTERFACE, name);
	return o != NULL && o->described ? o : NULL;
}

/* A host whose address is not known: it is some address of its subnet. */
static void spread(struct way *w)
{
	bool v4 = addr_is_v4(&w->p.src);
	const struct vpc_net *n = w->subnet == NULL ? NULL : w->subnet->nets;
	while (n != NULL && addr_is_v4(&n->net.net) != v4)
		n = n->next;
	w->p.src_free = n != NULL ? (uint8_t)(128 - n->net.bits) : v4 ? 32 : 128;
	if (n != NULL)
		w->p.src = n->net.net;
}

static bool find_interface(struct way *w, const struct vpc_flow *flow)
{
	w->interface = vpc_named_interface(w->v, flow->interface);
	const struct vpc_address *at = w->interface == NULL ? NULL : w->interface->addrs;
	while (at != NULL && !addr_is_none(&flow->src) &&
		(at->any || !addr_eq(&at->addr, &flow->src)))
		at = at->next;
	while (at != NULL && addr_is_v4(&at->addr) != addr_is_v4(&flow->dst))
		at = at->next;
	if (at == NULL) {
		way_say(w, VPC_UNDECIDED, "source", w->interface,
			addr_is_none(&flow->src)
				? "no interface of this name with an address of the family was "
				  "read"
				: "no interface of this name with this address was read");
		return false;
	}
	w->from = at;
	w->p.src = at->addr;
	w->network = w->interface->vpc;
	w->subnet = w->interface->subnet;
	if (at->any)
		spread(w);
	return true;
}

/* Where the flow says that the source is: *network and *subnet stay NULL where it does not. */
static bool find_place(struct way *w, const struct vpc_flow *flow)
{
	if (flow->subnet != NULL) {
		w->subnet = named(w->v, VPC_SUBNET, flow->subnet);
		w->network = w->subnet == NULL ? NULL : w->subnet->vpc;
	} else if (flow->vpc != NULL) {
		w->network = named(w->v, VPC_NETWORK, flow->vpc);
	}
	bool found = w->network != NULL || (flow->subnet == NULL && flow->vpc == NULL);
	if (!found || (flow->vpc != NULL && strcmp(w->network->id, flow->vpc) != 0)) {
		way_say(w, VPC_UNDECIDED, "source", w->subnet,
			found ? "the subnet is of another VPC"
			      : "no VPC or subnet of this name was read");
		return false;
	}
	return true;
}

static bool find_source(struct way *w, const struct vpc_flow *flow)
{
	if (flow->interface != NULL)
		return find_interface(w, flow);
	if (!find_place(w, flow))
		return false;
	struct holders h = vpc_holders(w->v, w->network, &flow->src);
	if (h.count > 1) {
		way_say(w, VPC_UNDECIDED, "source", h.interface[0],
			"several interfaces have this address: name one (eni-...)");
		return false;
	}
	w->interface = h.count == 1 ? h.interface[0] : NULL;
	if (w->interface != NULL && w->subnet != NULL && w->interface->subnet != w->subnet) {
		way_say(w, VPC_UNDECIDED, "source", w->interface,
			"the interface with this address is in another subnet");
		return false;
	}
	for (const struct vpc_address *at = w->interface == NULL ? NULL : w->interface->addrs;
		at != NULL; at = at->next)
		if (!at->any && addr_eq(&at->addr, &w->p.src))
			w->from = at;
	if (w->network == NULL)
		w->network =
			w->interface != NULL ? w->interface->vpc : way_network_of(w->v, &w->p.src);
	if (w->subnet == NULL)
		w->subnet = w->interface != NULL ? w->interface->subnet
		                                 : vpc_subnet_of(w->v, w->network, &w->p.src);
	return true;
}

/* From outside: only what stands at the other end can be judged. */
static void ask_outside(struct way *w)
{
	const struct vpc_object *there = NULL;
	const struct vpc_address *at = way_find_public(w->v, &w->p.dst, &there);
	way_say(w, VPC_UNDECIDED, "source", NULL,
		"not of a VPC that was read: how it gets there is not judged");
	if (at != NULL) {
		w->p.dst = at->addr;
		there = there->vpc;
	} else {
		there = way_network_of(w->v, &w->p.dst);
	}
	if (there != NULL)
		(void)way_enter(w, there, &w->p, NULL);
}

static void ask_inside(struct way *w)
{
	w->p.src_interface = w->interface;
	if (ask_unfiltered(w))
		return;
	struct vpc_stage *s = way_stage(w, "");
	vpc_judge_groups(w->v, w->interface, &w->p, true, s);
	bool beside =
		w->subnet != NULL && w->subnet->described && nets_have(w->subnet->nets, &w->p.dst);
	struct packet reply;
	if (!beside) {
		way_cross_acl(w, w->subnet, &w->p, true, "network ACL egress");
		if (way_reply(&w->p, CLIENT_LOW, &reply))
			way_cross_acl(w, w->subnet, &reply, false, "network ACL ingress, reply");
	}
	const struct vpc_route *route = way_take_route(w, w->subnet, &w->p.dst, "route");
	if (route != NULL)
		way_follow(w, route);
}

/* The destination, of which the rules are used whichever way the packet came there; of several VPCs
 * with the address any may be it. */
static void note_destination(struct way *w, const struct packet *sent)
{
	for (const struct vpc_object *o = w->v->first[VPC_NETWORK]; o != NULL; o = o->next) {
		w->answer->stages = 0;
		if (nets_have(o->nets, &sent->dst))
			(void)way_enter(w, o, sent, w->network == o ? w->subnet : NULL);
	}
	w->answer->stages = 0;
}

void vpc_ask_noting(const struct vpc *v, const struct vpc_flow *flow, struct vpc_use *use,
	struct vpc_answer *ret)
{
	*ret = (struct vpc_answer){0};
	unsigned tries = 0;
	struct way w = {.v = v,
		.answer = ret,
		.said = flow->said,
		.src_port = flow->src_port,
		.tries = &tries};
	w.p = (struct packet){.src = flow->src,
		.dst = flow->dst,
		.proto = flow->proto,
		.low = flow->port,
		.high = flow->port,
		.type = flow->type,
		.code = flow->code,
		.client_port = use == NULL ? 0 : flow->src_port,
		.use = use};
	struct way sent = w;
	if (find_source(&w, flow)) {
		sent = w;
		sent.p.src_interface = w.interface;
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
	if (use != NULL && !w.entered)
		note_destination(&sent, &sent.p);
}

void vpc_ask(const struct vpc *v, const struct vpc_flow *flow, struct vpc_answer *ret)
{
	vpc_ask_noting(v, flow, NULL, ret);
}
