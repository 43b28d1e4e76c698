/* Stateless rules: read, and the first that matches a packet. */
#include "nfw/model.h"

#include <string.h>

/* ---- reading ---- */

static bool read_number(struct reader *r, const struct json_value *object, const char *name,
	uint64_t max, uint64_t *ret)
{
	struct json_value value;
	return get(r, object, name, &value) && scan_max(value.text, max, ret) == 0;
}

/* The list as a rule's header has it: "[a,b]". NULL: any, or (with *ok false) not understood. */
static struct suricata_item *read_list(
	struct reader *r, const struct json_value *list, bool ports, bool *ok)
{
	struct json_value item = {0}, value;
	struct suricata_item *ret = NULL;
	struct out text = {0};
	while (json_each(r->n->json, list, &item) && text.len < NFW_BYTES_MAX) {
		struct span one;
		uint64_t from = 0, to = 0;
		out_text(&text, text.len > 0 ? "," : "[");
		if (!ports) {
			*ok = *ok && get(r, &item, "AddressDefinition", &value) &&
			      get_text(r, &value, &one);
			if (*ok)
				out_bytes(&text, (const char *)one.ptr, one.len);
			continue;
		}
		*ok = *ok && read_number(r, &item, "FromPort", UINT16_MAX, &from);
		if (!read_number(r, &item, "ToPort", UINT16_MAX, &to))
			to = from;
		out_printf(&text, "%u:%u", (unsigned)from, (unsigned)to);
	}
	if (text.len > 0) {
		out_text(&text, "]");
		struct span all = {(const uint8_t *)out_string(&text), text.len};
		*ok = *ok && suricata_parse_items(&r->n->arena, all, ports, &ret) == NULL;
	}
	out_fini(&text);
	return ret;
}

static uint8_t read_flags(struct reader *r, const struct json_value *list, bool *ok)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	struct json_value flag = {0};
	uint8_t flags = 0;
	while (json_each(r->n->json, list, &flag)) {
		size_t i = 0;
		while (i < ARRAY_LEN(names) && !span_is(flag.text, names[i]))
			i++;
		*ok = *ok && i < ARRAY_LEN(names);
		flags = (uint8_t)(flags | (i < ARRAY_LEN(names) ? 1u << i : 0u));
	}
	return flags;
}

static unsigned read_way(struct reader *r, const struct json_value *actions)
{
	struct json_value action = {0};
	unsigned way = 0;
	while (json_each(r->n->json, actions, &action)) {
		if (span_is(action.text, "aws:pass"))
			way = WAY_PASS;
		else if (span_is(action.text, "aws:drop"))
			way = WAY_DROP;
		else if (span_is(action.text, "aws:forward_to_sfe"))
			way = WAY_FORWARD;
	}
	return way; /* custom actions only count */
}

static bool either(struct reader *r, const struct json_value *object, const char *name,
	const char *terraform, struct json_value *ret)
{
	return get(r, object, name, ret) || get(r, object, terraform, ret);
}

static void read_match(
	struct reader *r, const struct json_value *match, struct nfw_stateless_rule *rule, bool *ok)
{
	struct json_value list, item = {0}, flags;
	if (either(r, match, "Sources", "Source", &list))
		rule->src = read_list(r, &list, false, ok);
	if (either(r, match, "Destinations", "Destination", &list))
		rule->dst = read_list(r, &list, false, ok);
	if (either(r, match, "SourcePorts", "SourcePort", &list))
		rule->sport = read_list(r, &list, true, ok);
	if (either(r, match, "DestinationPorts", "DestinationPort", &list))
		rule->dport = read_list(r, &list, true, ok);
	(void)get(r, match, "Protocols", &list);
	while (json_each(r->n->json, &list, &item)) {
		uint64_t number = 0;
		*ok = *ok && scan_max(item.text, 255, &number) == 0;
		rule->protos[number / 64] |= 1ull << number % 64;
		rule->any_proto = false;
	}
	struct json_value flag = {0};
	if (!either(r, match, "TCPFlags", "TCPFlag", &list) || !json_each(r->n->json, &list, &flag))
		return;
	rule->flagged = true;
	if (get(r, &flag, "Flags", &flags))
		rule->flags = read_flags(r, &flags, ok);
	rule->mask = get(r, &flag, "Masks", &flags) ? read_flags(r, &flags, ok) : UINT8_MAX;
	*ok = *ok && !json_each(r->n->json, &list, &flag); /* several: either of them */
}

static void insert(struct nfw_group *group, struct nfw_stateless_rule *rule)
{
	struct nfw_stateless_rule **at = &group->stateless;
	while (*at != NULL && (*at)->priority <= rule->priority)
		at = &(*at)->next;
	rule->next = *at;
	*at = rule;
	group->stateless_rules++;
}

void read_stateless(struct reader *r, const struct json_value *source, struct nfw_group *group)
{
	struct json_value list, item = {0}, definition, match, actions;
	if (!either(r, source, "StatelessRules", "StatelessRule", &list))
		return;
	while (json_each(r->n->json, &list, &item)) {
		struct nfw_stateless_rule *rule = nfw_room(r, sizeof *rule);
		uint64_t priority = 0;
		if (rule == NULL || group->stateless_rules >= 2048)
			return; /* a group's capacity is less */
		bool ok = read_number(r, &item, "Priority", UINT32_MAX, &priority) &&
		          get_object(r, &item, "RuleDefinition", &definition);
		*rule = (struct nfw_stateless_rule){.priority = (uint32_t)priority,
			.index = r->n->stateless++,
			.any_proto = true};
		if (ok && get_object(r, &definition, "MatchAttributes", &match))
			read_match(r, &match, rule, &ok);
		if (ok && get(r, &definition, "Actions", &actions))
			rule->way = read_way(r, &actions);
		if (!ok)
			rule->way = 0;
		if (rule->way == 0)
			warn(r, "a stateless rule that is not understood", (struct span){0});
		insert(group, rule);
	}
}

/* ---- asking ---- */

static enum suricata_tri both(enum suricata_tri a, enum suricata_tri b)
{
	return a < b ? a : b;
}

static enum suricata_tri match_port(
	const struct suricata_item *list, uint8_t proto, uint16_t port, bool known)
{
	if (list == NULL || (proto != 6 && proto != 17)) /* only asked of TCP and UDP */
		return SURICATA_YES;
	if (!known && port == 0)
		return SURICATA_MAYBE;
	return suricata_has_port(list, NULL, port);
}

static enum suricata_tri matches(
	const struct nfw_stateless_rule *rule, const struct suricata_packet *p)
{
	enum suricata_tri tri = SURICATA_YES;
	if (rule->way == 0)
		tri = SURICATA_MAYBE;
	if (!rule->any_proto && (rule->protos[p->proto / 64] & 1ull << p->proto % 64) == 0)
		return SURICATA_NO;
	if (rule->src != NULL)
		tri = both(tri, suricata_has_addr(rule->src, NULL, p, true));
	if (rule->dst != NULL)
		tri = both(tri, suricata_has_addr(rule->dst, NULL, p, false));
	tri = both(tri,
		match_port(rule->sport, p->proto, p->src_port, p->ports_known || p->src_port != 0));
	tri = both(tri,
		match_port(rule->dport, p->proto, p->dst_port, p->ports_known || p->dst_port != 0));
	if (rule->flagged && p->proto == 6 &&
		(p->tcp_flags & rule->mask) != (rule->flags & rule->mask))
		tri = SURICATA_NO;
	return rule->flagged && p->proto != 6 ? SURICATA_NO : tri;
}

static const struct nfw_ref *next_ref(const struct nfw_policy *policy, const struct nfw_ref *last)
{
	const struct nfw_ref *best = NULL;
	for (const struct nfw_ref *ref = policy->ref; ref != NULL; ref = ref->next)
		if (ref->is_stateless && (last == NULL || ref->priority > last->priority) &&
			(best == NULL || ref->priority < best->priority))
			best = ref;
	return best;
}

static void say(struct out *o, const struct nfw_ref *ref, const struct nfw_stateless_rule *rule)
{
	if (o->len > 0)
		return; /* the first is told */
	out_text(o, "stateless ");
	out_safe(o, ref->group != NULL ? ref->group->name : ref->to, 64);
	if (rule != NULL)
		out_printf(o, " %u", rule->priority);
}

static const unsigned any_way = WAY_DROP | WAY_PASS | WAY_FORWARD;

/* What can become of the packet in the group; *ret_sure: one of its rules decides. */
static unsigned ask_group(const struct nfw_ref *ref, const struct suricata_packet *packet,
	struct out *rule, bool *used, bool *ret_sure)
{
	unsigned ways = 0;
	if (ref->group == NULL || ref->group->unread != NULL) {
		say(rule, ref, NULL);
		ways = any_way;
	}
	const struct nfw_stateless_rule *s = ref->group == NULL ? NULL : ref->group->stateless;
	for (; s != NULL; s = s->next) {
		enum suricata_tri tri = matches(s, packet);
		if (tri == SURICATA_NO)
			continue;
		if (used != NULL)
			used[s->index] = true;
		if (tri == SURICATA_MAYBE || s->way != WAY_FORWARD)
			say(rule, ref, s);
		ways |= s->way == 0 ? any_way : s->way;
		*ret_sure = tri == SURICATA_YES;
		if (*ret_sure)
			break;
	}
	return ways;
}

unsigned stateless_ask(const struct nfw_policy *policy, const struct suricata_packet *packet,
	bool fragment, struct out *rule, bool *used)
{
	unsigned ways = 0;
	if (fragment && packet->proto != 17) {
		out_text(rule, "fragments of other protocols than UDP");
		return WAY_DROP;
	}
	const struct nfw_ref *ref = fragment ? NULL : next_ref(policy, NULL);
	for (; ref != NULL; ref = next_ref(policy, ref)) {
		bool sure = false;
		ways |= ask_group(ref, packet, rule, used, &sure);
		if (sure)
			return ways;
	}
	unsigned last = fragment ? policy->fragment_default : policy->stateless_default;
	if (rule->len == 0 && last != WAY_FORWARD)
		out_text(rule, fragment ? "stateless fragment default" : "stateless default");
	return ways | (last == 0 ? any_way : last);
}
