/* Whether a rule matches a packet: no, maybe, yes. */
#include <string.h>

#include "base/scan.h"
#include "suricata/match.h"

static enum suricata_tri tri_of(bool yes)
{
	return yes ? SURICATA_YES : SURICATA_NO;
}

static enum suricata_tri both(enum suricata_tri a, enum suricata_tri b)
{
	return a < b ? a : b;
}

static enum suricata_tri either(enum suricata_tri a, enum suricata_tri b)
{
	return a > b ? a : b;
}

static enum suricata_tri not(enum suricata_tri value) {
	return (enum suricata_tri)(SURICATA_YES - value);
}

/* ---- header ---- */

static bool is_icmp(unsigned proto)
{
	return proto == 1 || proto == 58;
}

static enum suricata_tri match_proto(const struct suricata_rule *r, const struct suricata_packet *p)
{
	bool v4 = addr_is_v4(addr_is_none(&p->dst) ? &p->src : &p->dst);
	if (r->family != 0 && (r->family == 4) != v4)
		return SURICATA_NO;
	if (r->ip_proto == 256 || r->ip_proto == p->proto)
		return SURICATA_YES;
	return tri_of(r->ip_proto == 1 && r->family == 0 && is_icmp(p->proto));
}

static bool has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 132;
}

static enum suricata_tri match_port(const struct suricata_item *list,
	const struct suricata_scope *scope, const struct suricata_packet *p, uint16_t port)
{
	if (list->kind == ITEM_ANY && list->next == NULL)
		return SURICATA_YES;
	if (!has_ports(p->proto))
		return SURICATA_NO; /* what has no port is not asked by rules of ports */
	return p->ports_known || port != 0 ? suricata_has_port(list, scope, port) : SURICATA_MAYBE;
}

static enum suricata_tri match_ends(const struct suricata_rule *r,
	const struct suricata_scope *scope, const struct suricata_packet *p)
{
	enum suricata_tri tri = suricata_has_addr(r->src, scope, p, true);
	if (tri != SURICATA_NO)
		tri = both(tri, suricata_has_addr(r->dst, scope, p, false));
	if (tri != SURICATA_NO)
		tri = both(tri, match_port(r->sport, scope, p, p->src_port));
	return tri == SURICATA_NO ? tri : both(tri, match_port(r->dport, scope, p, p->dst_port));
}

static enum suricata_tri match_header(const struct suricata_rule *r,
	const struct suricata_scope *scope, const struct suricata_packet *p)
{
	enum suricata_tri tri = match_proto(r, p);
	if (tri == SURICATA_NO)
		return tri;
	enum suricata_tri ends = match_ends(r, scope, p);
	if (r->both && ends != SURICATA_YES) {
		struct suricata_rule back = *r;
		back.src = r->dst;
		back.dst = r->src;
		back.sport = r->dport;
		back.dport = r->sport;
		ends = either(ends, match_ends(&back, scope, p));
	}
	return both(tri, ends);
}

/* ---- application protocols ---- */

static bool is_app(const char *wanted, const char *app)
{
	if (strcmp(wanted, app) == 0)
		return true;
	if (strcmp(wanted, "http") == 0)
		return strcmp(app, "http1") == 0 || strcmp(app, "http2") == 0;
	if (strcmp(wanted, "http1") == 0)
		return strcmp(app, "http") == 0;
	if (strcmp(wanted, "dns") == 0 || strcmp(wanted, "http2") == 0)
		return strcmp(app, "doh2") == 0;
	return strcmp(wanted, "ssl") == 0 && strcmp(app, "tls") == 0;
}

/* The header's, or a buffer's: what is not recognised yet is none. */
static enum suricata_tri match_app(const struct suricata_rule *r, const struct suricata_packet *p)
{
	if (r->app == NULL)
		return SURICATA_YES;
	if (p->app_wild)
		return SURICATA_MAYBE;
	return tri_of(p->app_state == APP_KNOWN && is_app(r->app, p->app));
}

static enum suricata_tri match_app_test(
	const struct suricata_test *t, const struct suricata_packet *p)
{
	if (p->app_wild)
		return SURICATA_MAYBE;
	if (strcmp(t->name, "failed") == 0)
		return tri_of((p->app_state == APP_FAILED) != t->negated);
	if (strcmp(t->name, "unknown") == 0)
		return tri_of((p->app_state == APP_UNKNOWN) != t->negated);
	if (p->app_state == APP_UNKNOWN) /* also the negated one: nothing is known of it yet */
		return SURICATA_NO;
	bool is = p->app_state == APP_KNOWN && is_app(t->name, p->app);
	return tri_of(is != t->negated);
}

/* ---- tests ---- */

static enum suricata_tri match_flow(const struct suricata_test *t, const struct suricata_packet *p)
{
	enum suricata_tri tri = SURICATA_YES;
	if ((t->flow & FLOW_TO_SERVER) != 0)
		tri = both(tri, tri_of(p->to_server));
	if ((t->flow & FLOW_TO_CLIENT) != 0)
		tri = both(tri, tri_of(!p->to_server));
	if ((t->flow & FLOW_ESTABLISHED) != 0)
		tri = both(tri, tri_of(p->established));
	if ((t->flow & FLOW_NOT_ESTABLISHED) != 0)
		tri = both(tri, tri_of(!p->established));
	return (t->flow & FLOW_PIECES) != 0 ? both(tri, SURICATA_MAYBE) : tri;
}

static enum suricata_tri bit_of(const struct suricata_flow_bits *bits, struct span name)
{
	for (const struct suricata_bit *b = bits == NULL ? NULL : bits->first; b != NULL;
		b = b->next)
		if (span_is(name, b->name))
			return b->set;
	return SURICATA_NO;
}

/* Of several names (a|b) any will do. */
static enum suricata_tri match_bits(
	const struct suricata_test *t, const struct suricata_flow_bits *bits)
{
	enum suricata_tri tri = SURICATA_NO;
	struct span rest = span_of(t->name), name;
	if (t->bits < BITS_ISSET)
		return SURICATA_YES;
	while (span_next(&rest, '|', &name)) {
		enum suricata_tri set = bit_of(bits, span_trim(name));
		tri = either(tri, t->bits == BITS_ISSET ? set : not(set));
	}
	return tri;
}

static enum suricata_tri match_bounds(const struct suricata_test *t, uint32_t value)
{
	return tri_of((value >= t->low && value <= t->high) != t->negated);
}

static enum suricata_tri match_icmp(const struct suricata_test *t, const struct suricata_packet *p)
{
	if (!is_icmp(p->proto))
		return SURICATA_NO;
	if (!p->ports_known)
		return SURICATA_MAYBE;
	return match_bounds(t, t->kind == TEST_ICMP_TYPE ? p->src_port : p->dst_port);
}

static enum suricata_tri match_test(const struct suricata_test *t, const struct suricata_packet *p,
	const struct suricata_flow_bits *bits)
{
	switch (t->kind) {
	case TEST_DSIZE:
		if (p->payload == 0 && p->payload_known)
			return SURICATA_NO; /* it asks for packets with payload */
		return p->payload_known ? match_bounds(t, (uint32_t)p->payload) : SURICATA_MAYBE;
	case TEST_FLOW:
		return match_flow(t, p);
	case TEST_BITS:
		return match_bits(t, bits);
	case TEST_APP:
		return match_app_test(t, p);
	case TEST_IP_PROTO:
		return match_bounds(t, p->proto);
	case TEST_ICMP_TYPE:
	case TEST_ICMP_CODE:
		return match_icmp(t, p);
	case TEST_FLAGS:
		return tri_of(p->proto == 6 && (p->tcp_flags & 0x3f) == (t->flags & 0x3f));
	case TEST_HELLO:
		return p->app_wild ? SURICATA_MAYBE : tri_of(p->hello);
	case TEST_UNKNOWN:
		return SURICATA_MAYBE;
	case TEST_CONTENT:
	case TEST_PCRE:
	case TEST_MORE:
	case TEST_BSIZE:
		break; /* buffer by buffer */
	}
	return SURICATA_YES;
}

/* Whether an earlier test is of the same buffer: then it was asked with it. */
static bool asked_before(const struct suricata_rule *r, const struct suricata_test *until)
{
	for (const struct suricata_test *t = r->test; t != until; t = t->next)
		if (t->kind <= TEST_BSIZE && t->buffer == until->buffer &&
			t->dotprefix == until->dotprefix)
			return true;
	return false;
}

static enum suricata_tri match_buffer(const struct suricata_rule *r, const struct suricata_test *t,
	const struct suricata_packet *p)
{
	const struct suricata_bytes *in = &p->buffer[t->buffer];
	int side = suricata_buffer_side(t->buffer);
	if (t->buffer >= BUFFER_TCP_HDR)
		return SURICATA_MAYBE; /* headers, which every packet has */
	if (t->buffer == BUFFER_UNKNOWN)
		return p->message || p->payload > 0 || !p->payload_known ? SURICATA_MAYBE
		                                                         : SURICATA_NO;
	if (t->buffer == BUFFER_PAYLOAD && p->payload_known && p->payload == 0)
		return SURICATA_NO;
	if (t->buffer != BUFFER_PAYLOAD &&
		(!p->message || (side < 0 && !p->to_server) || (side > 0 && p->to_server)))
		return SURICATA_NO;
	return in->there ? match_patterns(r, t->buffer, t->dotprefix, in) : SURICATA_NO;
}

enum suricata_tri suricata_match(const struct suricata_rule *rule,
	const struct suricata_scope *scope, const struct suricata_packet *packet,
	const struct suricata_flow_bits *bits)
{
	if (rule->scope == SCOPE_ONCE && !packet->once)
		return SURICATA_NO;
	enum suricata_tri tri = match_app(rule, packet);
	if (tri != SURICATA_NO)
		tri = both(tri, match_header(rule, scope, packet));
	for (const struct suricata_test *t = rule->test; t != NULL && tri != SURICATA_NO;
		t = t->next)
		tri = both(tri, match_test(t, packet, bits));
	for (const struct suricata_test *t = rule->test; t != NULL && tri != SURICATA_NO;
		t = t->next)
		if (t->kind <= TEST_BSIZE && !asked_before(rule, t))
			tri = both(tri, match_buffer(rule, t, packet));
	return tri;
}

bool suricata_set_bits(const struct suricata_rule *rule, enum suricata_tri matched,
	struct suricata_flow_bits *bits)
{
	for (const struct suricata_test *t = rule->test; t != NULL; t = t->next) {
		if (t->kind != TEST_BITS || t->bits >= BITS_ISSET || matched == SURICATA_NO)
			continue;
		struct suricata_bit *b = bits->first;
		while (b != NULL && strcmp(b->name, t->name) != 0)
			b = b->next;
		if (b == NULL && (b = ARENA_NEW(bits->arena, struct suricata_bit, 1)) == NULL)
			return false;
		if (b->name == NULL) {
			*b = (struct suricata_bit){t->name, SURICATA_NO, bits->first};
			bits->first = b;
		}
		enum suricata_tri to = t->bits == BITS_SET     ? SURICATA_YES
		                       : t->bits == BITS_UNSET ? SURICATA_NO
		                                               : not(b->set);
		b->set = matched == SURICATA_YES || b->set == to ? to : SURICATA_MAYBE;
	}
	return true;
}

/* ---- doubts ---- */

static void say_item(struct out *o, const struct suricata_item *list, unsigned depth)
{
	for (; list != NULL && o->len < 200; list = list->next) {
		if (list->kind == ITEM_VARIABLE || list->kind == ITEM_REFERENCE) {
			out_text(o, o->len > 0 ? ", " : "");
			out_text(o, list->kind == ITEM_VARIABLE ? "$" : "@");
			out_safe(o, list->name, SURICATA_NAMES_MAX);
		} else if (depth < SURICATA_DEPTH_MAX) {
			say_item(o, list->child, depth + 1);
		}
	}
}

void suricata_say_doubt(struct out *o, const struct suricata_rule *rule,
	const struct suricata_scope *scope, const struct suricata_packet *packet)
{
	struct out names = {0};
	if (rule->unsupported != NULL) {
		out_text(o, "unsupported: ");
		out_safe(o, rule->unsupported, SURICATA_NAMES_MAX);
		return;
	}
	if (suricata_has_addr(rule->src, scope, packet, true) == SURICATA_MAYBE)
		say_item(&names, rule->src, 0);
	if (suricata_has_addr(rule->dst, scope, packet, false) == SURICATA_MAYBE)
		say_item(&names, rule->dst, 0);
	if (names.len > 0)
		out_printf(o, "%s is not known", out_string(&names));
	else if (match_header(rule, scope, packet) == SURICATA_MAYBE)
		out_text(o, "addresses or ports are not known");
	else if (match_app(rule, packet) == SURICATA_MAYBE)
		out_text(o, "the application protocol is not known");
	else
		out_text(o, "what it looks for is not known of this flow");
	out_fini(&names);
}
