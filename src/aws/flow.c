/* Flows as people write them, ranges of ports, and the hosts worth asking about. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/model.h"
#include "base/scan.h"

#define HOW                                                                                     \
	"write tcp:SRC>DST:PORT, udp:SRC>DST:PORT, icmp:SRC>DST[:TYPE] or NUMBER:SRC>DST; SRC " \
	"is an address, eni-... or i-..., IPv6 in brackets"

static bool take_proto(struct span text, struct vpc_flow *flow)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} names[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}};
	uint64_t number = 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is(text, names[i].name)) {
			flow->proto = names[i].proto;
			return true;
		}
	if (scan_max(text, UINT8_MAX, &number) < 0)
		return false;
	flow->proto = (uint8_t)number;
	return true;
}

static struct span within(struct span text)
{
	if (text.len < 2 || text.ptr[0] != '[' || text.ptr[text.len - 1] != ']')
		return text;
	return (struct span){text.ptr + 1, text.len - 2};
}

/* ADDR, [ADDR], ADDR:NUMBER or [ADDR]:NUMBER */
static bool take_dst(struct span text, struct vpc_flow *flow, bool *ret_number, uint16_t *ret)
{
	struct span addr = text;
	size_t start = span_begins(text, "[") ? span_find(text, "]") : 0, colon = start;
	while (colon < text.len && text.ptr[colon] != ':')
		colon++;
	uint64_t number = 0;
	*ret_number = colon < text.len;
	if (*ret_number) {
		struct span digits = {text.ptr + colon + 1, text.len - colon - 1};
		addr.len = colon;
		if (scan_max(digits, UINT16_MAX, &number) < 0)
			return false;
	}
	*ret = (uint16_t)number;
	struct span bare = within(addr);
	return span_has(bare, ':') == (bare.len < addr.len) && scan_addr(bare, &flow->dst) == 0;
}

/* Takes :PORT away from the end. */
static bool take_port(struct span *text, uint16_t *ret)
{
	size_t start = span_begins(*text, "[") ? span_find(*text, "]") : 0;
	struct span rest = {text->ptr + start, text->len - start};
	size_t colon = span_find(rest, ":");
	uint64_t port = 0;
	if (colon == rest.len)
		return true;
	text->len = start + colon;
	int err = scan_max(
		(struct span){rest.ptr + colon + 1, rest.len - colon - 1}, UINT16_MAX, &port);
	*ret = (uint16_t)port;
	return err == 0;
}

static bool take_src(struct span text, char room[static VPC_NAME_BYTES], struct vpc_flow *flow)
{
	if ((flow->proto == 6 || flow->proto == 17) && !take_port(&text, &flow->src_port))
		return false;
	if (scan_addr(within(text), &flow->src) == 0)
		return true;
	uint8_t first = text.len > 0 ? text.ptr[0] | 0x20 : 0; /* a name, of templates too */
	if (text.len >= VPC_NAME_BYTES || span_has(text, ':') || first < 'a' || first > 'z')
		return false;
	memcpy(room, text.ptr, text.len);
	room[text.len] = '\0';
	flow->interface = room;
	return true;
}

int vpc_flow_parse(
	struct span text, char room[static VPC_NAME_BYTES], struct vpc_flow *ret, struct fail *why)
{
	struct vpc_flow flow = {.type = -1, .code = -1};
	struct span rest = text, proto, src;
	uint16_t number = 0;
	bool numbered = false;
	if (!span_next(&rest, ':', &proto) || !take_proto(proto, &flow) ||
		!span_next(&rest, '>', &src) || !take_src(src, room, &flow) ||
		!take_dst(rest, &flow, &numbered, &number))
		return fail_set(why, -EINVAL, HOW);
	if (flow.interface == NULL && addr_is_v4(&flow.src) != addr_is_v4(&flow.dst))
		return fail_set(why, -EINVAL, "its ends are of different families; " HOW);
	bool icmp = flow.proto == 1 || flow.proto == 58,
	     ports = flow.proto == 6 || flow.proto == 17;
	if (numbered != ports && !icmp)
		return fail_set(why, -EINVAL,
			ports ? "its port is missing; " HOW : "it has no ports; " HOW);
	if (icmp && number > UINT8_MAX)
		return fail_set(why, -EINVAL, "its type is over 255; " HOW);
	if (icmp) {
		flow.proto = addr_is_v4(&flow.dst) ? 1 : 58;
		flow.type = numbered ? number : flow.proto == 1 ? 8 : 128;
		flow.code = flow.type == 8 || flow.type == 128 ? 0 : -1; /* of an echo: always */
	}
	flow.port = ports ? number : 0;
	*ret = flow;
	return 0;
}

/* ---- ranges ---- */

struct edges { /* a bit for each port at which some rule begins, or the one behind its end */
	uint8_t bits[8192];
};

static void mark(struct edges *e, const struct vpc_service *s, uint8_t proto)
{
	int edge[] = {s->from, s->to < 0 ? -1 : s->to + 1};
	for (size_t i = 0; i < ARRAY_LEN(edge) && s->proto == proto; i++)
		if (edge[i] >= 0 && edge[i] <= UINT16_MAX)
			e->bits[edge[i] / 8] |= (uint8_t)(1u << (edge[i] % 8));
}

static void mark_groups(struct edges *e, const struct vpc_object *interface, uint8_t proto)
{
	for (const struct vpc_member *m = interface->members; m != NULL; m = m->next)
		for (const struct vpc_rule *r = m->object->rules; r != NULL; r = r->next)
			mark(e, &r->service, proto);
}

/* Groups of others do not see the flow. */
static bool is_end(const struct vpc_object *interface, const struct vpc_object *source,
	const struct vpc_flow *flow)
{
	for (const struct vpc_address *at = interface->addrs; at != NULL; at = at->next)
		if (addr_eq(&at->addr, &flow->src) || addr_eq(&at->addr, &flow->dst) ||
			addr_eq(&at->public_addr, &flow->dst))
			return true;
	return interface == source;
}

/* At which ports its rules begin and end is not known here. */
static void doubt_firewall(struct vpc_answer *ret)
{
	struct vpc_stage *s = &ret->stage[ret->decides - ret->stage];
	if (s->verdict != VPC_SHUT || strcmp(s->name, "firewall") != 0)
		return;
	s->verdict = ret->verdict = VPC_UNDECIDED;
	(void)snprintf(s->reason, sizeof s->reason,
		"shut at the ports that were asked about; rules may open others");
}

void vpc_ask_ports(const struct vpc *v, struct vpc_flow *flow, uint16_t low, uint16_t high,
	struct vpc_answer *ret)
{
	struct edges edges = {{0}};
	struct vpc_flow now = *flow;
	const struct vpc_object *source =
		flow->interface == NULL ? NULL : vpc_named_interface(v, flow->interface);
	for (const struct vpc_object *o = v->first[VPC_INTERFACE]; o != NULL; o = o->next)
		if (is_end(o, source, flow))
			mark_groups(&edges, o, flow->proto);
	for (const struct vpc_object *o = v->first[VPC_ACL]; o != NULL; o = o->next)
		for (const struct vpc_entry *e = o->entries; e != NULL; e = e->next)
			mark(&edges, &e->service, flow->proto);
	for (size_t i = 0; i < v->inspector.ports; i++)
		edges.bits[v->inspector.port[i] / 8] |= (uint8_t)(1u << (v->inspector.port[i] % 8));
	for (uint32_t port = low; port <= high; port++) {
		struct vpc_answer answer;
		bool edge = (edges.bits[port / 8] >> (port % 8) & 1) != 0;
		if (port > low && !edge) /* the same rules match as at the port before */
			continue;
		now.port = (uint16_t)port;
		vpc_ask(v, &now, &answer);
		if (port == low || answer.verdict > ret->verdict) {
			*ret = answer;
			ret->decides = ret->stage + (answer.decides - answer.stage);
			flow->port = (uint16_t)port;
		}
		if (ret->verdict == VPC_OPEN)
			return;
	}
	if (low < high && v->inspector.inspect != NULL)
		doubt_firewall(ret);
}

/* ---- hosts ---- */

/* Its first address of the family. NULL: none, or it is one of Amazon's own, which sends nothing.
 */
static const struct vpc_address *host_addr(const struct vpc_object *o, bool ipv6)
{
	if (!o->described || o->subnet == NULL || o->vpc == NULL || o->members == NULL)
		return NULL;
	const struct vpc_address *at = o->addrs;
	while (at != NULL && addr_is_v4(&at->addr) == ipv6)
		at = at->next;
	return at;
}

bool vpc_each_host(const struct vpc *v, bool ipv6, const void **at, struct vpc_host *ret)
{
	const struct vpc_object *o = *at;
	o = o == NULL ? v->first[VPC_INTERFACE] : o->next;
	for (; o != NULL; o = o->next) {
		const struct vpc_address *a = host_addr(o, ipv6);
		if (a == NULL)
			continue;
		*at = o;
		*ret = (struct vpc_host){o->vpc->id, o->subnet->id, o->id, a->addr};
		return true;
	}
	return false;
}

const char *vpc_verdict_name(enum vpc_verdict verdict)
{
	static const char *const names[] = {"shut", "undecided", "open"};
	return names[verdict];
}
