/* What each rule was used for: by how many of the hosts that it speaks of, and which ports. */
#include "cli/policy_used.h"

#include <string.h>

#include "base/hash.h"
#include "report/emit.h"

/* Hosts, and pairs of a rule and a host; what comes later makes numbers of hosts unknown. */
#define PAIRS_MAX ((size_t)1 << 16)
#define SLOTS     (2 * PAIRS_MAX) /* a power of two */
/* A rule that fewer of its hosts needed is open to more than use it. */
#define FEW_OF 2u

struct pair { /* compared as bytes: made all zero first */
	struct addr host;
	uint64_t rule; /* number + 1; 0: seen at all */
};

struct rule_use {
	uint64_t connections;
	uint32_t hosts;    /* that used it */
	uint32_t might;    /* that were seen, and it speaks of */
	size_t first_port; /* of its ports, in port_used */
	struct addr host;  /* one that used it */
};

struct policy_used {
	const struct policy *policy;
	struct hash_key key;
	struct pair *pair;
	uint32_t *slot; /* index + 1 */
	size_t pairs;
	bool full;
	struct rule_use *rule;
	bool *port_used; /* an entry for each range of ports of each service of each rule */
};

struct policy_used *policy_used_new(const struct policy *p)
{
	size_t ports = 0;
	struct policy_used *u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	*u = (struct policy_used){.policy = p,
		.key = hash_key_new(),
		.pair = calloc(PAIRS_MAX, sizeof *u->pair),
		.slot = calloc(SLOTS, sizeof *u->slot),
		.rule = calloc(p->rules + 1, sizeof *u->rule)};
	for (size_t i = 0; i < p->rules && u->rule != NULL; i++) {
		u->rule[i].first_port = ports;
		for (size_t k = 0; k < p->rule[i].services; k++)
			ports += p->rule[i].service[k]->ports;
	}
	u->port_used = calloc(ports + 1, sizeof *u->port_used);
	if (u->pair == NULL || u->slot == NULL || u->rule == NULL || u->port_used == NULL) {
		policy_used_free(u);
		return NULL;
	}
	return u;
}

void policy_used_free(struct policy_used *u)
{
	if (u == NULL)
		return;
	free(u->pair);
	free(u->slot);
	free(u->rule);
	free(u->port_used);
	free(u);
}

/* Whether the pair is new, and is known from now on. */
static bool add(struct policy_used *u, const struct addr *host, uint64_t rule)
{
	struct pair pair;
	memset(&pair, 0, sizeof pair);
	pair.host = *host;
	pair.rule = rule;
	for (uint64_t at = hash_bytes(&u->key, &pair, sizeof pair);; at++) {
		uint32_t *slot = &u->slot[at & (SLOTS - 1)];
		if (*slot != 0 && memcmp(&u->pair[*slot - 1], &pair, sizeof pair) == 0)
			return false;
		if (*slot != 0)
			continue;
		if (u->pairs == PAIRS_MAX) {
			u->full = true;
			return false;
		}
		u->pair[u->pairs] = pair;
		*slot = (uint32_t)++u->pairs;
		return true;
	}
}

static void count_host(struct policy_used *u, const struct addr *host)
{
	const struct policy *p = u->policy;
	if (!add(u, host, 0))
		return;
	for (size_t i = 0; i < p->rules; i++)
		u->rule[i].might += policy_rule_is_from(&p->rule[i], host);
}

static void mark_ports(
	struct policy_used *u, const struct policy_rule *rule, const struct policy_flow *flow)
{
	size_t at = u->rule[rule - u->policy->rule].first_port;
	for (size_t i = 0; i < rule->services; i++) {
		const struct policy_service *s = rule->service[i];
		bool proto = policy_service_has_proto(s, flow->proto);
		for (size_t k = 0; k < s->ports; k++, at++)
			u->port_used[at] |= proto && flow->port >= s->port[k].first &&
			                    flow->port <= s->port[k].last;
	}
}

void policy_used_take(
	struct policy_used *u, const struct policy_flow *flow, const struct policy_rule *rule)
{
	count_host(u, &flow->src);
	if (rule == NULL)
		return;
	size_t number = (size_t)(rule - u->policy->rule);
	struct rule_use *use = &u->rule[number];
	use->connections++;
	use->host = flow->src;
	use->hosts += add(u, &flow->src, number + 1);
	mark_ports(u, rule, flow);
}

/* ---- saying ---- */

static void put_ports(const struct policy_used *u, size_t number, struct out *o)
{
	const struct policy_rule *rule = &u->policy->rule[number];
	size_t at = u->rule[number].first_port;
	for (size_t i = 0; i < rule->services; i++) {
		const struct policy_service *s = rule->service[i];
		for (size_t k = 0; k < s->ports; k++, at++) {
			if (u->port_used[at])
				continue;
			out_printf(o, "%s%s %u", o->len > 0 ? ", " : "", s->name, s->port[k].first);
			if (s->port[k].last != s->port[k].first)
				out_printf(o, "-%u", s->port[k].last);
		}
	}
}

static void put_line(struct out *o, bool json, const char *type, const struct policy_rule *rule,
	const char *text)
{
	if (!json) {
		out_printf(o, "%-9s rule %s: %s\n", type, rule->id, text);
		return;
	}
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", type, SIZE_MAX);
	emit_text(&e, "rule", rule->id, SIZE_MAX);
	emit_text(&e, "owner", rule->owner, SIZE_MAX);
	emit_text(&e, "reason", text, SIZE_MAX);
	emit_close(&e, '}');
	out_text(o, "\n");
}

/* Nothing is said of hosts when not all were counted, or the rule is for anybody by intent. */
static void put_use(const struct policy_used *u, size_t number, struct out *ret)
{
	const struct rule_use *use = &u->rule[number];
	struct out ports = {0};
	put_ports(u, number, &ports);
	if (!u->full && !u->policy->rule[number].from_any && use->might > use->hosts * FEW_OF) {
		char text[ADDR_TEXT_BYTES];
		out_printf(ret, "%u of the %u hosts seen that it speaks of needed it", use->hosts,
			use->might);
		if (use->hosts == 1)
			out_printf(ret, ": %s", addr_text(&use->host, text));
	}
	if (ports.len > 0)
		out_printf(
			ret, "%snothing needed %s", ret->len > 0 ? "; " : "", out_string(&ports));
	out_fini(&ports);
}

void policy_used_say(const struct policy_used *u, struct out *o, bool json)
{
	for (size_t i = 0; i < u->policy->rules; i++) {
		const struct policy_rule *rule = &u->policy->rule[i];
		if (rule->action != POLICY_ALLOW || rule->never)
			continue;
		if (u->rule[i].connections == 0) {
			put_line(o, json, "unused", rule, "none of these connections needed it");
			continue;
		}
		struct out text = {0};
		put_use(u, i, &text);
		if (text.len > 0)
			put_line(o, json, "wide", rule, out_string(&text));
		out_fini(&text);
	}
}
