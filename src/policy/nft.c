/* The policy as nftables. Sets are made of regions, so that no two elements overlap, which the
 * kernel refuses. */
#include <errno.h>
#include <string.h>

#include "policy/policy.h"

#define PROTO_TCP 6u
#define PROTO_UDP 17u

struct compiler {
	const struct policy *policy;
	const struct policy_seen *seen;
	size_t seens;
	int64_t at_ns;
	struct out sets, rules, *losses;
};

/* What of one rule is of one family. */
struct half {
	const struct policy_rule *rule;
	unsigned number; /* of the rule, for the names of sets */
	bool v4;
	struct region from, to; /* ranges of REGION_SRC and of REGION_DST; unused when any */
};

/* ---- elements and sets ---- */

static void say_addr(struct out *o, struct wide w)
{
	struct addr a = addr_of_wide(w);
	char text[ADDR_TEXT_BYTES];
	out_text(o, addr_text(&a, text));
}

static void say_value(struct out *o, enum region_axis axis, struct wide w)
{
	if (axis == REGION_SRC || axis == REGION_DST)
		say_addr(o, w);
	else if (axis == REGION_PROTO)
		out_text(o, w.low == PROTO_TCP ? "tcp" : "udp");
	else
		out_printf(o, "%u", (unsigned)w.low);
}

static void say_element(
	struct out *o, const struct region_box *box, const enum region_axis *axis, size_t axes)
{
	for (size_t i = 0; i < axes; i++) {
		const struct range *r = &box->axis[axis[i]];
		out_text(o, i == 0 ? "" : " . ");
		say_value(o, axis[i], r->first);
		if (r->first.high == r->last.high && r->first.low == r->last.low)
			continue;
		out_text(o, "-");
		say_value(o, axis[i], r->last);
	}
}

static void say_elements(
	struct out *o, const struct region *r, const enum region_axis *axis, size_t axes)
{
	for (size_t i = 0; i < r->count; i++) {
		out_text(o, i == 0 ? "" : ",\n\t\t\t");
		say_element(o, &r->box[i], axis, axes);
	}
}

static void say_set(struct compiler *c, const char *name, const char *type, const struct region *r,
	const enum region_axis *axis, size_t axes)
{
	out_printf(&c->sets,
		"\tset %s {\n\t\ttype %s\n\t\tflags interval\n\t\telements = {\n\t\t\t", name,
		type);
	say_elements(&c->sets, r, axis, axes);
	out_text(&c->sets, "\n\t\t}\n\t}\n");
}

static void say_addr_set(struct compiler *c, const char *name, bool v4, const struct region *r,
	enum region_axis axis)
{
	say_set(c, name, v4 ? "ipv4_addr" : "ipv6_addr", r, &axis, 1);
}

/* ---- one rule ---- */

static int add_net(struct region *r, const struct cidr *net, enum region_axis axis, bool v4)
{
	if (policy_net_is_v4(net) != v4)
		return 0;
	struct region_box box = region_box_all();
	box.axis[axis] = policy_range_of(net);
	return region_add(r, &box);
}

static int add_nets(
	struct region *r, const struct policy_nets *nets, enum region_axis axis, bool v4)
{
	int err = 0;
	for (size_t i = 0; err == 0 && i < nets->count; i++)
		err = add_net(r, &nets->net[i], axis, v4);
	return err;
}

static int add_seen(const struct compiler *c, struct half *h)
{
	int err = 0;
	for (size_t i = 0; i < h->rule->to_names.count; i++)
		for (size_t k = 0; k < c->seens && err == 0; k++) {
			struct cidr one = {.net = c->seen[k].addr, .bits = 128};
			if (policy_name_matches(h->rule->to_names.name[i], c->seen[k].name))
				err = add_net(&h->to, &one, REGION_DST, h->v4);
		}
	return err;
}

static const char *statement_of(enum policy_action action)
{
	static const char *const verdicts[] = {
		[POLICY_DENY] = "drop", [POLICY_ALLOW] = "accept", [POLICY_REJECT] = "reject"};
	return verdicts[action];
}

/* The line of a rule: its source, what `match` says, its verdict. */
static void say_rule(struct compiler *c, const struct half *h, const char *match)
{
	const char *ip = h->v4 ? "ip" : "ip6";
	out_printf(&c->rules, "\t\tmeta nfproto %s ", h->v4 ? "ipv4" : "ipv6");
	if (!h->rule->from_any)
		out_printf(&c->rules, "%s saddr @r%u_from%s ", ip, h->number, h->v4 ? "4" : "6");
	out_printf(&c->rules, "%s%scounter %s comment \"%s\"\n", match, *match == '\0' ? "" : " ",
		statement_of(h->rule->action), h->rule->id);
}

/* One protocol of a service: its ports, towards each of `to`. */
static int add_ports(
	const struct policy_service *s, uint8_t proto, const struct region *to, struct region *ret)
{
	static const struct policy_ports every = {0, UINT16_MAX};
	const struct policy_ports *port = s->ports == 0 ? &every : s->port;
	size_t ports = s->ports == 0 ? 1 : s->ports;
	int err = 0;
	for (size_t i = 0; i < to->count; i++)
		for (size_t k = 0; k < ports && err == 0; k++) {
			struct region_box box = to->box[i];
			struct wide p = {.low = proto};
			box.axis[REGION_PROTO] = (struct range){p, p};
			box.axis[REGION_PORT] =
				(struct range){{.low = port[k].first}, {.low = port[k].last}};
			err = region_add(ret, &box);
		}
	return err;
}

/* tcp and udp services, as one set of [address and] protocol and port. */
static int ports_of(const struct half *h, struct region *ret)
{
	struct region_box all = region_box_all();
	const struct region whole = {.box = &all, .count = 1};
	const struct region *to = h->rule->to_any ? &whole : &h->to;
	int err = 0;
	for (size_t i = 0; i < h->rule->services && err == 0; i++) {
		const struct policy_service *s = h->rule->service[i];
		err = s->tcp ? add_ports(s, PROTO_TCP, to, ret) : 0;
		if (err == 0 && s->udp)
			err = add_ports(s, PROTO_UDP, to, ret);
	}
	return err;
}

static int say_ports(struct compiler *c, const struct half *h)
{
	static const enum region_axis axis[] = {REGION_DST, REGION_PROTO, REGION_PORT};
	struct region ports = {0};
	char name[32], match[128], type[64];
	const char *family = h->v4 ? "4" : "6";
	bool any = h->rule->to_any;
	int err = ports_of(h, &ports);
	if (err == 0 && ports.count > 0) {
		(void)snprintf(name, sizeof name, "r%u_ports%s", h->number, family);
		(void)snprintf(type, sizeof type, "%sinet_proto . inet_service",
			any     ? ""
			: h->v4 ? "ipv4_addr . "
				: "ipv6_addr . ");
		(void)snprintf(match, sizeof match, "%smeta l4proto . th dport @%s",
			any     ? ""
			: h->v4 ? "ip daddr . "
				: "ip6 daddr . ",
			name);
		say_set(c, name, type, &ports, any ? axis + 1 : axis, any ? 2 : 3);
		say_rule(c, h, match);
	}
	region_fini(&ports);
	return err;
}

/* Types of all icmp services of the rule. ret_all: one of them is of all types. */
static int types_of(const struct half *h, struct region *ret, bool *ret_all)
{
	int err = 0;
	for (size_t i = 0; i < h->rule->services; i++) {
		const struct policy_service *s = h->rule->service[i];
		if (!s->icmp || s->any)
			continue;
		*ret_all |= s->ports == 0;
		for (size_t k = 0; k < s->ports && err == 0; k++) {
			struct region_box box = region_box_all();
			box.axis[REGION_PORT] =
				(struct range){{.low = s->port[k].first}, {.low = s->port[k].last}};
			err = region_add(ret, &box);
		}
	}
	return err;
}

/* Any service at all is among the rule's. */
static bool is_of_all(const struct policy_rule *rule)
{
	bool all = rule->service_any;
	for (size_t i = 0; i < rule->services; i++)
		all |= rule->service[i]->any;
	return all;
}

/* A line about addresses, and `what` of them. */
static void say_addresses(struct compiler *c, const struct half *h, const char *what)
{
	char name[32], match[64];
	(void)snprintf(name, sizeof name, "r%u_to%s", h->number, h->v4 ? "4" : "6");
	(void)snprintf(match, sizeof match, "%s daddr @%s", h->v4 ? "ip" : "ip6", name);
	struct out both = {0};
	if (!h->rule->to_any) {
		say_addr_set(c, name, h->v4, &h->to, REGION_DST);
		out_printf(&both, "%s%s", match, *what == '\0' ? "" : " ");
	}
	out_text(&both, what);
	say_rule(c, h, out_string(&both));
	c->rules.failed |= both.failed;
	out_fini(&both);
}

static int say_icmp(struct compiler *c, const struct half *h)
{
	static const enum region_axis axis = REGION_PORT;
	struct out match = {0};
	struct region types = {0};
	bool all = false;
	int err = types_of(h, &types, &all);
	if (all) {
		out_printf(&match, "meta l4proto %s", h->v4 ? "icmp" : "ipv6-icmp");
	} else {
		out_printf(&match, "%s type { ", h->v4 ? "icmp" : "icmpv6");
		say_elements(&match, &types, &axis, 1);
		out_text(&match, " }");
	}
	if (err == 0 && (all || types.count > 0))
		say_addresses(c, h, out_string(&match));
	c->rules.failed |= match.failed;
	region_fini(&types);
	out_fini(&match);
	return err;
}

static int say_half(struct compiler *c, struct half *h)
{
	char name[32];
	int err = add_nets(&h->from, &h->rule->from, REGION_SRC, h->v4);
	if (err == 0)
		err = add_nets(&h->to, &h->rule->to, REGION_DST, h->v4);
	if (err == 0)
		err = add_seen(c, h);
	if (err < 0 || (!h->rule->from_any && h->from.count == 0) ||
		(!h->rule->to_any && h->to.count == 0))
		return err;
	(void)snprintf(name, sizeof name, "r%u_from%s", h->number, h->v4 ? "4" : "6");
	if (!h->rule->from_any)
		say_addr_set(c, name, h->v4, &h->from, REGION_SRC);
	if (is_of_all(h->rule)) {
		say_addresses(c, h, "");
		return 0;
	}
	err = say_icmp(c, h);
	return err < 0 ? err : say_ports(c, h);
}

static bool was_seen(const struct compiler *c, const char *pattern)
{
	for (size_t i = 0; i < c->seens; i++)
		if (policy_name_matches(pattern, c->seen[i].name))
			return true;
	return false;
}

/* Whether the rule can be put into the set of rules at all; says what is lost. */
static bool weigh(struct compiler *c, const struct policy_rule *rule)
{
	const char *as = rule->as;
	bool allow = rule->action == POLICY_ALLOW;
	for (size_t i = 0; as == NULL && i < rule->services; i++)
		as = rule->service[i]->as;
	if (!policy_rule_holds(rule, c->at_ns)) {
		out_printf(c->losses, "rule %s: expired: left out\n", rule->id);
		return false;
	}
	if (as != NULL)
		out_printf(c->losses, "rule %s: nftables can't tell %s from other protocols: %s\n",
			rule->id, as,
			allow ? "any protocol passes on its ports"
			      : "left out, so what it denies gets what follows");
	if (rule->expires_ns != 0)
		out_printf(c->losses, "rule %s: it has an end: compile again by then\n", rule->id);
	if (rule->to_names.count > 0 && c->seens > 0)
		out_printf(c->losses,
			"rule %s: its names stand for the addresses that were seen: compile again "
			"when they change\n",
			rule->id);
	for (size_t i = 0; i < rule->to_names.count; i++)
		if (!was_seen(c, rule->to_names.name[i]))
			out_printf(c->losses,
				"rule %s: no address of %s is known: what goes there gets what "
				"follows\n",
				rule->id, rule->to_names.name[i]);
	return as == NULL || allow;
}

static int compile_rule(struct compiler *c, unsigned number)
{
	const struct policy_rule *rule = &c->policy->rule[number];
	int err = 0;
	if (!weigh(c, rule))
		return 0;
	for (int family = 0; family < 2 && err == 0; family++) {
		struct half h = {.rule = rule, .number = number, .v4 = family == 0};
		err = say_half(c, &h);
		region_fini(&h.from);
		region_fini(&h.to);
	}
	return err;
}

static int compile_zone(struct compiler *c, unsigned number)
{
	const struct policy_zone *zone = &c->policy->zone[number];
	int err = 0;
	for (int family = 0; family < 2 && err == 0; family++) {
		bool v4 = family == 0;
		struct region nets = {0};
		char name[32];
		err = add_nets(&nets, &zone->nets, REGION_SRC, v4);
		(void)snprintf(name, sizeof name, "z%u_%s", number, v4 ? "4" : "6");
		if (err == 0 && nets.count > 0) {
			say_addr_set(c, name, v4, &nets, REGION_SRC);
			out_printf(&c->rules,
				"\t\t%s saddr @%s counter %s comment \"default %s\"\n",
				v4 ? "ip" : "ip6", name, statement_of(zone->fallback), zone->name);
		}
		region_fini(&nets);
	}
	return err;
}

/* ---- the whole ---- */

static void assemble(struct out *text, const struct compiler *c)
{
	static const char *const hooks[] = {"forward", "output"};
	out_text(text,
		"# Made by postern policy compile. Load it with nft -f: it replaces the table inet "
		"postern, at once.\n");
	const char *line = out_string(c->losses);
	for (const char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
		out_printf(text, "# not as the policy says: %.*s\n", (int)(end - line), line);
		line = end + 1;
	}
	out_text(text, "table inet postern\ndelete table inet postern\ntable inet postern {\n");
	out_text(text, out_string(&c->sets));
	out_text(text, "\tchain rules {\n");
	out_text(text, out_string(&c->rules));
	out_text(text, "\t}\n");
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++)
		out_printf(text,
			"\tchain %s {\n\t\ttype filter hook %s priority filter; policy accept;\n"
			"\t\tct state established,related accept\n"
			"\t\ticmpv6 type { nd-router-solicit, nd-router-advert, "
			"nd-neighbor-solicit, nd-neighbor-advert } accept\n"
			"\t\tjump rules\n\t}\n",
			hooks[i], hooks[i]);
	out_text(text, "}\n");
}

int policy_compile_nft(const struct policy *p, const struct policy_seen *seen, size_t seens,
	int64_t at_ns, struct out *text, struct out *losses)
{
	struct compiler c = {
		.policy = p, .seen = seen, .seens = seens, .at_ns = at_ns, .losses = losses};
	int err = 0;
	for (unsigned i = 0; i < p->rules && err == 0; i++)
		err = compile_rule(&c, i);
	for (unsigned i = 0; i < p->zones && err == 0; i++)
		err = compile_zone(&c, i);
	if (err == 0)
		assemble(text, &c);
	if (err == 0 && (c.sets.failed || c.rules.failed || text->failed || losses->failed))
		err = -ENOMEM;
	out_fini(&c.sets);
	out_fini(&c.rules);
	return err;
}
