/* Targets that are policies: what a zone's hosts may do. */
#include <string.h>

#include "cli/target.h"

/* Hosts that rules may tell apart: a network of a rule, or the zone, begins, or one ends. */
#define SOURCES_MAX 512u

struct sources {
	struct addr addr[SOURCES_MAX];
	size_t count;
	bool cut; /* there are more */
};

static void add_source(struct sources *s, const struct policy *p, const struct policy_zone *zone,
	const struct addr *a, bool ipv6)
{
	if (policy_zone_of(p, a) != zone || addr_is_v4(a) == ipv6)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (addr_eq(&s->addr[i], a))
			return;
	if (s->count == SOURCES_MAX)
		s->cut = true;
	else
		s->addr[s->count++] = *a;
}

static void add_ends(struct sources *s, const struct policy *p, const struct policy_zone *zone,
	const struct policy_nets *nets, bool ipv6)
{
	for (size_t i = 0; i < nets->count; i++) {
		struct addr behind = nets->net[i].net;
		unsigned at = nets->net[i].bits;
		add_source(s, p, zone, &nets->net[i].net, ipv6);
		while (at-- > 0) { /* add one at the network's last bit */
			uint8_t bit = (uint8_t)(0x80u >> (at % 8));
			behind.byte[at / 8] ^= bit;
			if ((behind.byte[at / 8] & bit) != 0)
				break;
		}
		add_source(s, p, zone, &behind, ipv6);
	}
}

static void find_sources(
	struct sources *s, const struct policy *p, const struct policy_zone *zone, bool ipv6)
{
	add_ends(s, p, zone, &zone->nets, ipv6);
	for (size_t i = 0; i < p->rules; i++)
		add_ends(s, p, zone, &p->rule[i].from, ipv6);
}

static bool is_named(const struct policy *p, const struct addr *a)
{
	for (size_t i = 0; i < p->rules; i++)
		for (size_t n = 0; n < p->rule[i].to.count; n++)
			if (cidr_has(&p->rule[i].to.net[n], a) &&
				p->rule[i].to.net[n].bits >
					(addr_is_v4(a) ? 96 : 8)) /* not all of them */
				return true;
	return false;
}

/* False: rules name all of them. */
static bool find_unknown(const struct policy *p, bool ipv6, struct addr *ret)
{
	for (size_t i = 0; i < TARGET_UNKNOWNS; i++) {
		CHECK(addr_parse(target_unknown[ipv6][i], ret) == 0);
		if (!is_named(p, ret))
			return true;
	}
	return false;
}

/* Ports that services may tell apart. The caller's bits. */
static void find_ports(const struct policy *p, const struct target_try *try, uint8_t bits[8192])
{
	uint32_t low = try->low, high = try->high;
	memset(bits, 0, 8192);
	bits[low / 8] |= (uint8_t)(1u << (low % 8));
	for (size_t i = 0; i < p->services; i++)
		for (size_t k = 0; k < p->service[i].ports; k++) {
			uint32_t edge[] = {
				p->service[i].port[k].first, p->service[i].port[k].last + 1u};
			for (size_t e = 0; e < ARRAY_LEN(edge); e++)
				if (edge[e] >= low && edge[e] <= high)
					bits[edge[e] / 8] |= (uint8_t)(1u << (edge[e] % 8));
		}
}

static void ask_port(const struct policy *p, const struct sources *s, struct policy_flow *flow,
	struct policy_flow *best, struct policy_answer *ret)
{
	for (size_t i = 0; i < s->count; i++) {
		flow->src = s->addr[i];
		struct policy_answer a = policy_ask(p, flow);
		if (best->proto != 0 &&
			policy_verdict_reach(a.verdict) <= policy_verdict_reach(ret->verdict))
			continue;
		*ret = a;
		*best = *flow;
		if (a.verdict == POLICY_ALLOWED)
			return;
	}
}

/* The source and port that get furthest, as an adversary can choose. */
static void ask_best(const struct policy *p, const struct sources *s, const struct target_try *try,
	struct policy_flow *flow, struct policy_answer *ret)
{
	uint8_t bits[8192];
	struct policy_flow best = {.proto = 0};
	find_ports(p, try, bits);
	for (uint32_t port = try->low; port <= try->high; port++) {
		if ((bits[port / 8] >> (port % 8) & 1) == 0)
			continue;
		if (try->proto != 1)
			flow->port = (uint16_t)port;
		ask_port(p, s, flow, &best, ret);
		if (ret->verdict == POLICY_ALLOWED)
			break;
	}
	*flow = best;
}

struct trying {
	const struct policy *policy;
	const struct target_ask *ask;
	const struct sources *sources;
	target_tell *tell;
	void *context;
};

static void ask_try(
	const struct trying *t, const struct target_try *try, struct target_channel *channel)
{
	struct policy_flow flow = {.proto = try->proto,
		.src_port = 40000,
		.name = TARGET_NAME,
		.as = try->as,
		.at_ns = t->ask->at_ns};
	struct target_answer a = {0};
	struct policy_answer answer = {0};
	struct out text = {0};
	if (try->proto == 1) {
		flow.port = channel->ipv6 ? 128 : 8;
		flow.src_port = 0;
	}
	bool asked = find_unknown(t->policy, channel->ipv6, &flow.dst);
	if (asked)
		ask_best(t->policy, t->sources, try, &flow, &answer);
	if (!asked || (answer.verdict == POLICY_DENIED && t->sources->cut)) {
		a.verdict = POLICY_UNDECIDED; /* what was not asked may be allowed */
		out_text(&a.reason, asked ? "rules tell more of the zone's hosts apart than were "
					    "asked about"
					  : TARGET_NAMED);
	} else {
		a.verdict = answer.verdict;
		policy_say_rule(&a.rule, &answer);
		policy_say_reason(&a.reason, &answer, &flow);
	}
	out_printf(&text, "%s %s", channel->ipv6 ? "ipv6" : "ipv4", try->name);
	channel->text = out_string(&text);
	t->tell(t->context, channel, &a);
	out_fini(&text);
	target_answer_fini(&a);
}

size_t target_each_zone(const struct target *t, const struct target_ask *ask,
	const struct target_try *tries, size_t count, target_tell *tell, void *context)
{
	const struct policy *p = t->policy;
	size_t places = 0;
	for (size_t z = 0; z < p->zones; z++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			struct sources s = {.count = 0};
			find_sources(&s, p, &p->zone[z], ipv6 == 1);
			const struct trying trying = {p, ask, &s, tell, context};
			places += s.count > 0;
			for (size_t i = 0; i < count && s.count > 0; i++)
				ask_try(&trying, &tries[i],
					&(struct target_channel){.place = p->zone[z].name,
						.number = i,
						.ipv6 = ipv6 == 1});
		}
	return places;
}
