/* Where a boundary does otherwise than a policy, or than hosts normally do. */
#include <string.h>

#include "base/clock.h"
#include "base/scan.h"
#include "cli/audit.h"
#include "cli/baseline.h"
#include "cli/message.h"
#include "cli/policy.h"

struct asker {
	struct audit *audit;
	const struct audit_call *call;
	const struct target *target;
	const struct policy *policy; /* NULL: it is the baseline's turn */
	struct target_ask ask;
	size_t names; /* that could not be asked about */
};

static void say_end(struct out *o, const struct addr *a, bool port, unsigned number)
{
	char text[ADDR_TEXT_BYTES];
	out_printf(o, addr_is_v4(a) ? "%s" : "[%s]", addr_text(a, text));
	if (port)
		out_printf(o, ":%u", number);
}

/* As target_ask() takes it. */
static void say_flow(struct out *o, const struct policy_flow *f)
{
	bool icmp = f->proto == 1 || f->proto == 58;
	out_text(o, icmp ? "icmp:" : f->proto == 17 ? "udp:" : "tcp:");
	say_end(o, &f->src, !icmp, 40000);
	out_text(o, ">");
	say_end(o, &f->dst, true, f->port);
}

static enum policy_verdict ask(
	struct asker *k, const struct policy_flow *f, struct out *flow, struct target_answer *ret)
{
	struct fail why = {0};
	k->ask.as = f->as;
	k->ask.name = f->name;
	say_flow(flow, f);
	if (target_ask(k->target, span_of(out_string(flow)), &k->ask, ret, &why) < 0)
		return POLICY_UNDECIDED;
	return ret->verdict;
}

/* The host behind the network's own address, which is nobody's. */
static struct addr host_of(const struct cidr *net)
{
	struct addr host = net->net;
	host.byte[15] |= net->bits < 127;
	return host;
}

/* ---- the policy ---- */

static void deviate(
	struct asker *k, const struct policy_answer *said, const struct policy_flow *f, bool *told)
{
	struct out flow = {0}, words = {0}, key = {0};
	struct target_answer a = {0};
	bool allowed = said->verdict == POLICY_ALLOWED;
	enum policy_verdict verdict = ask(k, f, &flow, &a);
	if (verdict == (allowed ? POLICY_DENIED : POLICY_ALLOWED)) {
		const struct policy_rule *rule = said->rule;
		policy_say_rule(&key, said);
		out_printf(&words, "%s by the policy (%s", allowed ? "allowed" : "denied",
			out_string(&key));
		if (rule != NULL && rule->why != NULL) {
			out_text(&words, ": ");
			out_safe(&words, rule->why, 200);
		}
		if (rule != NULL && rule->expires_ns != 0) {
			out_text(&words, ", until ");
			out_time(&words, rule->expires_ns);
		}
		out_printf(&words, "), and the boundary: %s", out_string(&a.reason));
		audit_add(k->audit,
			&(struct audit_finding){
				.kind = allowed ? AUDIT_POLICY_SHUT : AUDIT_POLICY_OPEN,
				.place = out_string(&key),
				.rule = a.rule.len == 0 ? NULL : out_string(&a.rule),
				.words = out_string(&words),
				.passes = allowed ? NULL : out_string(&flow),
				.shut = allowed ? out_string(&flow) : NULL,
				.owner = rule == NULL ? NULL : rule->owner},
			out_string(&key));
		*told = true;
	}
	out_fini(&flow);
	out_fini(&words);
	out_fini(&key);
	target_answer_fini(&a);
}

/* One flow that the policy's rule decides. */
static void try_flow(
	struct asker *k, const struct policy_rule *rule, struct policy_flow *f, bool *told)
{
	f->src_port = f->proto == 6 || f->proto == 17 ? 40000 : 0;
	f->at_ns = k->ask.at_ns;
	if (*told || addr_is_v4(&f->src) != addr_is_v4(&f->dst))
		return;
	struct policy_answer said = policy_ask(k->policy, f);
	if (said.rule == rule && said.verdict != POLICY_UNDECIDED)
		deviate(k, &said, f, told);
}

static void try_services(
	struct asker *k, const struct policy_rule *rule, struct policy_flow *f, bool *told)
{
	static const uint8_t protos[] = {6, 17};
	bool any = rule->services == 0;
	for (size_t p = 0; p < ARRAY_LEN(protos); p++) {
		f->proto = protos[p];
		f->as = rule->as;
		f->port = 443;
		if (any)
			try_flow(k, rule, f, told);
		for (size_t i = 0; i < rule->services; i++) {
			const struct policy_service *s = rule->service[i];
			f->as = s->as != NULL ? s->as : rule->as;
			f->port = 443;
			if (!policy_service_has_proto(s, protos[p]))
				continue;
			if (s->ports == 0)
				try_flow(k, rule, f, told);
			for (size_t n = 0; n < s->ports; n++) {
				f->port = s->port[n].first;
				try_flow(k, rule, f, told);
				f->port = s->port[n].last;
				try_flow(k, rule, f, told);
			}
		}
	}
}

static void try_destinations(
	struct asker *k, const struct policy_rule *rule, const struct addr *src, bool *told)
{
	struct policy_flow f = {.src = *src};
	for (size_t i = 0; i < rule->to.count; i++) {
		f.dst = host_of(&rule->to.net[i]);
		try_services(k, rule, &f, told);
	}
	for (size_t i = 0; i < TARGET_UNKNOWNS && rule->to_any; i++) {
		CHECK(addr_parse(target_unknown[!addr_is_v4(src)][i], &f.dst) == 0);
		try_services(k, rule, &f, told);
	}
	if (k->target->nfw == NULL || rule->to_names.count == 0)
		return;
	CHECK(addr_parse(target_unknown[!addr_is_v4(src)][0], &f.dst) == 0);
	for (size_t i = 0; i < rule->to_names.count; i++) {
		f.name = rule->to_names.name[i];
		if (f.name[0] != '*')
			try_services(k, rule, &f, told);
	}
}

static void one_rule(struct asker *k, const struct policy_rule *rule)
{
	bool told = false;
	k->names += k->target->nfw == NULL && rule->to_names.count > 0 && rule->to.count == 0;
	for (size_t i = 0; i < rule->from.count; i++) {
		struct addr src = host_of(&rule->from.net[i]);
		try_destinations(k, rule, &src, &told);
	}
	for (size_t z = 0; z < k->policy->zones && rule->from_any; z++)
		for (size_t i = 0; i < k->policy->zone[z].nets.count; i++) {
			struct addr src = host_of(&k->policy->zone[z].nets.net[i]);
			try_destinations(k, rule, &src, &told);
		}
}

/* What no rule of the policy speaks of. */
static void one_zone(struct asker *k, const struct policy_zone *zone)
{
	static const uint16_t ports[] = {443, 53, 47808};
	bool told = false;
	for (size_t i = 0; i < zone->nets.count; i++)
		for (size_t n = 0; n < 2 * ARRAY_LEN(ports); n++) {
			struct policy_flow f = {.src = host_of(&zone->nets.net[i]),
				.proto = n % 2 == 0 ? 6 : 17,
				.port = ports[n / 2],
				.name = k->target->nfw == NULL ? NULL : TARGET_NAME};
			CHECK(addr_parse(target_unknown[!addr_is_v4(&f.src)][0], &f.dst) == 0);
			f.as = f.name == NULL || n > 0 ? NULL : "tls";
			try_flow(k, NULL, &f, &told);
		}
}

static enum exit_code compare_policy(struct asker *k)
{
	struct policy *p = policy_call_open(k->call->policy);
	if (p == NULL)
		return EXIT_USAGE;
	k->policy = p;
	for (size_t i = 0; i < p->rules; i++)
		if (policy_rule_holds(&p->rule[i], k->ask.at_ns))
			one_rule(k, &p->rule[i]);
	for (size_t i = 0; i < p->zones; i++)
		one_zone(k, &p->zone[i]);
	if (k->names > 0 && !k->call->quiet)
		message("--policy: %zu rules name servers, which this target does not know: not "
			"compared",
			k->names);
	policy_free(p);
	return EXIT_DONE;
}

/* ---- the baseline ---- */

static bool source_of(
	const struct baseline *b, const struct baseline_entry *e, bool v4, struct addr *ret)
{
	*ret = e->host;
	for (size_t z = 0; z < b->zones && addr_is_none(ret); z++)
		for (size_t i = 0; i < b->zone[z].nets && strcmp(b->zone[z].name, e->zone) == 0;
			i++)
			if (addr_is_v4(&b->zone[z].net[i].net) == v4)
				*ret = host_of(&b->zone[z].net[i]);
	return !addr_is_none(ret) && addr_is_v4(ret) == v4;
}

static void one_entry(struct asker *k, const struct baseline *b, const struct baseline_entry *e)
{
	struct policy_flow f = {.proto = e->transport == TRANSPORT_UDP ? 17 : 6, .port = e->port};
	struct out flow = {0}, words = {0}, key = {0};
	struct target_answer a = {0};
	bool address = addr_parse(e->endpoint, &f.dst) == 0;
	if (!address && k->target->nfw != NULL) {
		CHECK(addr_parse(target_unknown[0][0], &f.dst) == 0);
		f.name = e->endpoint;
		f.as = f.proto == 6 && f.port == 443 ? "tls" : f.port == 80 ? "http" : NULL;
	}
	bool ports = e->transport == TRANSPORT_TCP || e->transport == TRANSPORT_UDP;
	bool asked =
		ports && (address || f.as != NULL) && source_of(b, e, addr_is_v4(&f.dst), &f.src);
	k->names += !asked;
	if (asked && ask(k, &f, &flow, &a) == POLICY_DENIED) {
		out_safe(&key, e->endpoint, 255);
		out_printf(&words, "%u hosts of ", e->hosts);
		out_safe(&words, e->zone, 64);
		out_printf(&words, " reached %s:%u on %u days, and the boundary: %s",
			out_string(&key), e->port, e->days, out_string(&a.reason));
		out_text(&key, " ");
		out_safe(&key, e->zone, 64);
		out_printf(&key, " %u/%u", f.proto, e->port);
		audit_add(k->audit,
			&(struct audit_finding){.kind = AUDIT_BASELINE_SHUT,
				.place = out_string(&key),
				.rule = a.rule.len == 0 ? NULL : out_string(&a.rule),
				.words = out_string(&words),
				.shut = out_string(&flow)},
			out_string(&key));
	}
	out_fini(&flow);
	out_fini(&words);
	out_fini(&key);
	target_answer_fini(&a);
}

static bool is_used(const struct baseline *b, enum transport transport, uint16_t port)
{
	for (size_t i = 0; i < b->entries; i++)
		if (b->entry[i].transport == transport &&
			(transport == TRANSPORT_ICMP || b->entry[i].port == port))
			return true;
	return false;
}

static void open_and_unused(
	struct asker *k, const struct baseline *b, const struct audit_places *places)
{
	static const struct {
		enum audit_way way;
		enum transport transport;
		uint16_t port;
		const char *name;
	} ways[] = {
		{AUDIT_WAY_TLS, TRANSPORT_TCP, 443, "tcp 443"},
		{AUDIT_WAY_HTTP, TRANSPORT_TCP, 80, "tcp 80"},
		{AUDIT_WAY_DNS_TCP, TRANSPORT_TCP, 53, "tcp 53"},
		{AUDIT_WAY_SSH, TRANSPORT_TCP, 22, "tcp 22"},
		{AUDIT_WAY_DNS, TRANSPORT_UDP, 53, "udp 53"},
		{AUDIT_WAY_QUIC, TRANSPORT_UDP, 443, "udp 443"},
		{AUDIT_WAY_NTP, TRANSPORT_UDP, 123, "udp 123"},
		{AUDIT_WAY_ECHO, TRANSPORT_ICMP, 0, "echo"},
	};
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const struct audit_told *told;
		struct out words = {0};
		if (is_used(b, ways[i].transport, ways[i].port) ||
			!audit_places_pass(places, ways[i].way, &told))
			continue;
		out_printf(&words, "%s is open to anyone, and no host of the baseline uses it",
			ways[i].name);
		audit_add(k->audit,
			&(struct audit_finding){.kind = AUDIT_UNUSED_OPEN,
				.rule = told->rule,
				.words = out_string(&words),
				.passes = told->flow},
			ways[i].name);
		out_fini(&words);
	}
}

static enum exit_code compare_baseline(struct asker *k, const struct audit_places *places)
{
	struct baseline *b = NULL;
	struct fail why = {0};
	if (baseline_load(k->call->baseline, &b, &why) < 0) {
		message("--baseline: %s", why.text);
		return EXIT_USAGE;
	}
	k->names = 0;
	for (size_t i = 0; i < b->entries; i++)
		if (!baseline_is_held(b->entry[i].why))
			one_entry(k, b, &b->entry[i]);
	open_and_unused(k, b, places);
	if (k->names > 0 && !k->call->quiet)
		message("--baseline: %zu entries are names, or of no known host or port: not "
			"asked about",
			k->names);
	baseline_free(b);
	return EXIT_DONE;
}

enum exit_code audit_find_deviations(struct audit *a, const struct audit_call *c,
	const struct target *t, const struct audit_places *places)
{
	enum exit_code code = EXIT_DONE;
	struct asker k = {.audit = a,
		.call = c,
		.target = t,
		.ask = {.hook = audit_path(c, t),
			.iif = c->in,
			.oif = c->out,
			.vpc = c->vpc,
			.subnet = c->subnet,
			.eni = c->eni,
			.at_ns = clock_day_ns()}};
	if (c->policy != NULL)
		code = compare_policy(&k);
	if (code == EXIT_DONE && c->baseline != NULL)
		code = compare_baseline(&k, places);
	return code;
}
