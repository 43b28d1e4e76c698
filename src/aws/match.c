/* Whether rules of security groups and entries of network ACLs match a packet. */
#include <stdio.h>
#include <string.h>

#include "aws/model.h"

#define TCP    6
#define UDP    17
#define ICMP   1
#define ICMPV6 58

static enum tri match_ports(const struct vpc_service *s, uint16_t port)
{
	if (s->from < 0 || s->to < 0)
		return MAYBE;
	return port >= s->from && port <= s->to ? YES : NO;
}

/* Type -1 with another code matches nothing or all, depending on whom one asks. */
static enum tri match_icmp(const struct vpc_service *s, const struct packet *p)
{
	if (s->from == SERVICE_ANY)
		return s->to == SERVICE_ANY ? YES : MAYBE;
	if (s->from < 0 || p->type < 0)
		return MAYBE;
	if (s->from != p->type)
		return NO;
	if (s->to == SERVICE_ANY)
		return YES;
	return s->to < 0 || p->code < 0 ? MAYBE : s->to == p->code ? YES : NO;
}

static enum tri match_service(const struct vpc_service *s, const struct packet *p, uint16_t port)
{
	if (s->proto == SERVICE_ANY)
		return YES;
	if (s->proto == SERVICE_ABSENT)
		return MAYBE;
	if (s->proto != p->proto)
		return NO;
	if (p->proto == TCP || p->proto == UDP)
		return match_ports(s, port);
	return p->proto == ICMP || p->proto == ICMPV6 ? match_icmp(s, p) : YES;
}

/* ---- who has which address ---- */

static bool same_bits(const struct addr *a, const struct addr *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i += 8) {
		unsigned left = bits - i;
		unsigned mask = left >= 8 ? 0xffu : 0xffu << (8 - left);
		if (((unsigned)(a->byte[i / 8] ^ b->byte[i / 8]) & mask & 0xffu) != 0)
			return false;
	}
	return true;
}

enum tri net_match(const struct cidr *net, const struct addr *a, uint8_t open)
{
	if (addr_is_v4(&net->net) != addr_is_v4(a))
		return NO;
	unsigned known = 128u - open;
	if (!same_bits(&net->net, a, net->bits < known ? net->bits : known))
		return NO;
	return net->bits <= known ? YES : MAYBE;
}

static enum tri nets_match(const struct vpc_net *nets, const struct addr *a, uint8_t open)
{
	enum tri best = NO;
	for (const struct vpc_net *n = nets; n != NULL; n = n->next) {
		enum tri one = net_match(&n->net, a, open);
		best = one > best ? one : best;
	}
	return best;
}

static bool has_addr(const struct vpc_object *interface, const struct addr *a)
{
	for (const struct vpc_address *at = interface->addrs; at != NULL; at = at->next)
		if (!at->any && addr_eq(&at->addr, a))
			return true;
	return false;
}

struct holders vpc_holders(
	const struct vpc *v, const struct vpc_object *network, const struct addr *a)
{
	struct holders h = {0};
	for (const struct vpc_object *o = v->first[VPC_INTERFACE]; o != NULL; o = o->next) {
		if (h.count == ARRAY_LEN(h.interface))
			break;
		if (o->described && (network == NULL || o->vpc == network) && has_addr(o, a))
			h.interface[h.count++] = o;
	}
	return h;
}

const struct vpc_object *vpc_subnet_of(
	const struct vpc *v, const struct vpc_object *network, const struct addr *a)
{
	for (const struct vpc_object *o = v->first[VPC_SUBNET]; o != NULL; o = o->next)
		if (o->described && o->vpc == network && nets_have(o->nets, a))
			return o;
	return NULL;
}

static bool carries(const struct vpc_object *interface, const struct vpc_object *group)
{
	for (const struct vpc_member *m = interface->members; m != NULL; m = m->next)
		if (m->object == group)
			return true;
	return false;
}

/* A group stands for the private addresses of the interfaces that carry it. That nobody has the
 * address is known when it lies outside of the group's VPC, or all interfaces there were read. */
static enum tri match_group(const struct vpc *v, const struct vpc_object *group,
	const struct addr *a, uint8_t open, const struct vpc_object *whose)
{
	bool listed = false, unknown = open > 0;
	if (whose != NULL && carries(whose, group))
		return YES;
	if (whose != NULL && whose->vpc != NULL && whose->vpc == group->vpc &&
		!v->cut[VPC_INTERFACE])
		return NO; /* an address is of one interface */
	for (const struct vpc_object *o = v->first[VPC_INTERFACE]; o != NULL; o = o->next) {
		if (carries(o, group) && open == 0 && has_addr(o, a))
			return YES;
		listed = listed || (o->listed && o->vpc == group->vpc);
	}
	if (group->vpc == NULL)
		return MAYBE;
	if (group->vpc->nets != NULL && nets_match(group->vpc->nets, a, open) == NO)
		return NO;
	return listed && !unknown && !v->cut[VPC_INTERFACE] ? NO : MAYBE;
}

static enum tri match_peer(
	const struct vpc *v, const struct vpc_rule *r, const struct packet *p, bool egress)
{
	const struct addr *a = egress ? &p->dst : &p->src;
	uint8_t open = egress ? p->dst_free : p->src_free;
	if (r->has_net)
		return net_match(&r->net, a, open);
	if (r->peer == NULL)
		return MAYBE;
	if (r->peer->kind == VPC_GROUP)
		return match_group(
			v, r->peer, a, open, egress ? p->dst_interface : p->src_interface);
	return r->peer->listed ? nets_match(r->peer->nets, a, open) : MAYBE;
}

/* ---- security groups ---- */

void vpc_say_rule(const struct vpc_rule *r, struct vpc_stage *ret)
{
	char net[ADDR_TEXT_BYTES] = "something not understood";
	unsigned bits = r->net.bits;
	if (r->id != NULL) {
		(void)snprintf(ret->rule, sizeof ret->rule, "%s", r->id);
		return;
	}
	if (!r->has_net && r->peer != NULL)
		(void)snprintf(net, sizeof net, "%s", r->peer->id);
	char service[40] = "all";
	if (r->service.proto >= 0)
		(void)snprintf(service, sizeof service, "%d/%d-%d", r->service.proto,
			r->service.from, r->service.to);
	if (r->has_net)
		(void)snprintf(ret->rule, sizeof ret->rule, "%s %s/%u", service,
			addr_text(&r->net.net, net), addr_is_v4(&r->net.net) ? bits - 96 : bits);
	else
		(void)snprintf(ret->rule, sizeof ret->rule, "%s %s", service, net);
}

enum tri vpc_match_rule(
	const struct vpc *v, const struct vpc_rule *r, const struct packet *p, bool egress)
{
	if (r->egress != egress)
		return NO;
	enum tri service = match_service(&r->service, p, p->low);
	if (service == NO)
		return NO;
	enum tri peer = match_peer(v, r, p, egress);
	return peer < service ? peer : service;
}

static void judge_group(const struct vpc *v, const struct vpc_object *group, const struct packet *p,
	bool egress, struct vpc_stage *ret)
{
	if (!group->described || (group->rules_only && v->rules_cut)) {
		ret->verdict = VPC_UNDECIDED;
		ret->object = group->id;
		(void)snprintf(ret->reason, sizeof ret->reason,
			"the group's rules were not read: add describe-security-groups");
	}
	for (const struct vpc_rule *r = group->rules; r != NULL; r = r->next) {
		enum tri match = vpc_match_rule(v, r, p, egress);
		if (match == NO || (match == MAYBE && ret->verdict != VPC_SHUT))
			continue;
		ret->verdict = match == YES ? VPC_OPEN : VPC_UNDECIDED;
		ret->object = group->id;
		vpc_say_rule(r, ret);
		const char *why = "a rule allows it";
		if (match == MAYBE)
			why = !r->has_net && r->peer != NULL
			              ? "whom a rule names was not read: a prefix list's entries, "
			                "or interfaces of a group"
			              : "a rule says too little to tell whether it matches";
		(void)snprintf(ret->reason, sizeof ret->reason, "%s", why);
		if (match == YES)
			return;
	}
}

void vpc_judge_groups(const struct vpc *v, const struct vpc_object *interface,
	const struct packet *p, bool egress, struct vpc_stage *ret)
{
	ret->name = egress ? "security group egress" : "security group ingress";
	ret->verdict = VPC_UNDECIDED;
	(void)snprintf(ret->reason, sizeof ret->reason, "%s",
		interface == NULL && v->first[VPC_INTERFACE] != NULL
			? "which groups the host carries is not known: no interface that was read "
			  "has its address"
			: "which groups the host carries was not read");
	if (interface == NULL)
		return;
	ret->object = interface->id;
	if (p->use != NULL)
		vpc_use_groups(v, interface, p, egress);
	if (interface->members == NULL) {
		bool service = interface->type != NULL && strcmp(interface->type, "interface") != 0;
		ret->verdict = service ? VPC_OPEN : VPC_UNDECIDED;
		if (service)
			(void)snprintf(ret->reason, sizeof ret->reason,
				"an interface of Amazon's own without a group is not filtered");
		return;
	}
	ret->verdict = VPC_SHUT;
	(void)snprintf(
		ret->reason, sizeof ret->reason, "no rule of the interface's groups allows it");
	for (const struct vpc_member *m = interface->members; m != NULL && ret->verdict != VPC_OPEN;
		m = m->next)
		judge_group(v, m->object, p, egress, ret);
}

/* ---- network ACLs ---- */

enum tri vpc_match_entry(
	const struct vpc_entry *e, const struct packet *p, bool egress, uint16_t port)
{
	if (e->egress != egress)
		return NO;
	enum tri service = match_service(&e->service, p, port);
	if (service == NO || !e->has_net)
		return service == NO ? NO : MAYBE;
	enum tri there =
		net_match(&e->net, egress ? &p->dst : &p->src, egress ? p->dst_free : p->src_free);
	return there < service ? there : service;
}

/* The first entry that matches decides; one that may match leaves both ways open. */
static enum vpc_verdict judge_port(const struct vpc_object *acl, const struct packet *p,
	bool egress, uint16_t port, const struct vpc_entry **ret_entry)
{
	bool may_allow = false, may_deny = false;
	*ret_entry = NULL;
	for (const struct vpc_entry *e = acl->entries; e != NULL; e = e->next) {
		enum tri match = vpc_match_entry(e, p, egress, port);
		if (match == NO)
			continue;
		if (*ret_entry == NULL)
			*ret_entry = e;
		may_allow = may_allow || e->allow;
		may_deny = may_deny || !e->allow;
		if (match == YES)
			return may_allow && may_deny ? VPC_UNDECIDED
			       : may_allow           ? VPC_OPEN
			                             : VPC_SHUT;
	}
	return may_allow ? VPC_UNDECIDED : VPC_SHUT; /* the last entry of all denies */
}

uint32_t vpc_next_edge(const struct vpc_object *acl, uint32_t port)
{
	uint32_t next = UINT16_MAX + 1u;
	for (const struct vpc_entry *e = acl->entries; e != NULL; e = e->next) {
		int64_t edge[] = {e->service.from, (int64_t)e->service.to + 1};
		for (size_t i = 0; i < ARRAY_LEN(edge); i++)
			if (edge[i] > (int64_t)port && edge[i] < (int64_t)next)
				next = (uint32_t)edge[i];
	}
	return next;
}

static void say_entry(const struct vpc_entry *e, bool mixed, struct vpc_stage *ret)
{
	if (e == NULL)
		(void)snprintf(ret->rule, sizeof ret->rule, "*");
	else
		(void)snprintf(ret->rule, sizeof ret->rule, "%u", e->number);
	const char *why = ret->verdict == VPC_OPEN   ? "the entry allows it"
	                  : ret->verdict == VPC_SHUT ? "the entry denies it"
	                  : mixed ? "some of the ports that a client may use are denied"
	                          : "an entry says too little to tell whether it matches";
	(void)snprintf(ret->reason, sizeof ret->reason, "%s", why);
}

const struct vpc_object *vpc_acl_of(const struct vpc_object *subnet)
{
	if (subnet == NULL || subnet->acl != NULL)
		return subnet == NULL ? NULL : subnet->acl;
	return subnet->vpc == NULL ? NULL : subnet->vpc->acl;
}

void vpc_judge_acl(
	const struct vpc_object *subnet, const struct packet *p, bool egress, struct vpc_stage *ret)
{
	const struct vpc_object *acl = vpc_acl_of(subnet);
	ret->verdict = VPC_UNDECIDED;
	if (acl == NULL || !acl->described) {
		(void)snprintf(ret->reason, sizeof ret->reason,
			"the ACL of %s was not read: add describe-network-acls",
			subnet == NULL ? "the subnet" : subnet->id);
		return;
	}
	ret->object = acl->id;
	if (p->use != NULL)
		vpc_use_acl(acl, subnet, p, egress);
	const struct vpc_entry *entry = NULL, *worst = NULL;
	enum vpc_verdict least = VPC_OPEN, most = VPC_SHUT;
	bool has_ports = p->proto == TCP || p->proto == UDP;
	for (uint32_t port = p->low; port <= p->high; port = vpc_next_edge(acl, port)) {
		enum vpc_verdict now = judge_port(acl, p, egress, (uint16_t)port, &entry);
		if (port == p->low || now < least)
			worst = entry;
		least = now < least ? now : least;
		most = now > most ? now : most;
		if (!has_ports)
			break;
	}
	ret->verdict = least == most ? least : VPC_UNDECIDED;
	say_entry(worst, least != most, ret);
}
