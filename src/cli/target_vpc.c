/* Targets that are Amazon VPCs. */
#include <string.h>

#include "cli/target.h"

/* ---- asking ---- */

static const enum policy_verdict verdicts[] = {[VPC_SHUT] = POLICY_DENIED,
	[VPC_UNDECIDED] = POLICY_UNDECIDED,
	[VPC_OPEN] = POLICY_ALLOWED};

static void say_answer(struct target_answer *ret)
{
	const struct vpc_stage *s = ret->vpc.decides;
	ret->verdict = verdicts[ret->vpc.verdict];
	if (s->object != NULL)
		out_safe(&ret->rule, s->object, VPC_NAME_BYTES);
	if (s->rule[0] != '\0') {
		out_text(&ret->rule, s->object != NULL ? " " : "");
		out_safe(&ret->rule, s->rule, sizeof s->rule);
	}
	out_text(&ret->reason, s->name);
	if (ret->rule.len > 0)
		out_printf(&ret->reason, ", %s", out_string(&ret->rule));
	out_text(&ret->reason, ": ");
	out_safe(&ret->reason, s->reason, sizeof s->reason);
}

int target_ask_vpc(const struct target *t, struct span text, const struct target_ask *ask,
	struct target_answer *ret, struct fail *why)
{
	char room[VPC_NAME_BYTES];
	struct vpc_flow flow;
	int err = vpc_flow_parse(text, room, &flow, why);
	if (err < 0)
		return err;
	if (flow.interface == NULL)
		flow.interface = ask->eni;
	flow.vpc = ask->vpc;
	flow.subnet = ask->subnet;
	struct target_said said = target_said_of(ask, flow.proto, flow.port);
	flow.said = &said;
	vpc_ask(t->vpc, &flow, &ret->vpc);
	say_answer(ret);
	return 0;
}

void target_put_stages(struct emit *e, const struct vpc_answer *a)
{
	emit_open(e, "stages", '[');
	for (size_t i = 0; i < a->stages; i++) {
		const struct vpc_stage *s = &a->stage[i];
		emit_open(e, NULL, '{');
		emit_text(e, "stage", s->name, SIZE_MAX);
		emit_text(e, "verdict", policy_verdict_name(verdicts[s->verdict]), SIZE_MAX);
		emit_text(e, "object", s->object, VPC_NAME_BYTES);
		emit_text(e, "rule", s->rule[0] == '\0' ? NULL : s->rule, SIZE_MAX);
		emit_text(e, "reason", s->reason, SIZE_MAX);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

/* ---- channels to the Internet ---- */

static void ask_host(const struct vpc *v, const struct target_try *try, const struct vpc_host *host,
	bool ipv6, struct vpc_answer *ret)
{
	struct target_said said = target_said_try(try);
	struct vpc_flow flow = {.interface = host->interface,
		.said = &said,
		.src_port = try->proto == 1 ? 0 : 40000,
		.proto = try->proto,
		.type = try->proto == 1 ? 8 : -1,
		.code = try->proto == 1 ? 0 : -1};
	CHECK(addr_parse(ipv6 ? "2001:db8:ffff::1" : "203.0.113.1", &flow.dst) == 0);
	if (ipv6 && try->proto == 1) {
		flow.proto = 58;
		flow.type = 128;
	}
	vpc_ask_ports(v, &flow, try->low, try->high, ret);
}

/* The answer for the host of the subnet that gets furthest; begins with *best. */
static void ask_subnet(const struct vpc *v, const struct target_try *try, bool ipv6,
	struct vpc_host *best, struct vpc_answer *ret)
{
	const void *at = NULL;
	struct vpc_host host;
	struct vpc_answer answer;
	ask_host(v, try, best, ipv6, ret);
	while (ret->verdict != VPC_OPEN && vpc_each_host(v, ipv6, &at, &host)) {
		if (host.subnet != best->subnet)
			continue;
		ask_host(v, try, &host, ipv6, &answer);
		if (answer.verdict <= ret->verdict)
			continue;
		*ret = answer;
		ret->decides = ret->stage + (answer.decides - answer.stage);
		*best = host;
	}
}

static bool is_first(const struct vpc *v, bool ipv6, const struct vpc_host *host)
{
	const void *at = NULL;
	struct vpc_host before;
	while (vpc_each_host(v, ipv6, &at, &before))
		if (before.subnet == host->subnet)
			return before.interface == host->interface;
	return false;
}

static size_t each_of_family(const struct vpc *v, bool ipv6, const struct target_try *tries,
	size_t count, target_tell *tell, void *context)
{
	const void *at = NULL;
	struct vpc_host host;
	size_t subnets = 0;
	while (vpc_each_host(v, ipv6, &at, &host)) {
		if (!is_first(v, ipv6, &host))
			continue;
		subnets++;
		struct out place = {0}, text = {0};
		out_safe(&place, host.vpc, VPC_NAME_BYTES);
		out_text(&place, " ");
		out_safe(&place, host.subnet, VPC_NAME_BYTES);
		for (size_t i = 0; i < count; i++) {
			struct target_answer a = {0};
			struct vpc_host best = host;
			ask_subnet(v, &tries[i], ipv6, &best, &a.vpc);
			say_answer(&a);
			out_clear(&text);
			out_printf(&text, "%s %s", ipv6 ? "ipv6" : "ipv4", tries[i].name);
			tell(context,
				&(struct target_channel){.place = out_string(&place),
					.source = best.interface,
					.text = out_string(&text),
					.number = i,
					.ipv6 = ipv6},
				&a);
			target_answer_fini(&a);
		}
		out_fini(&place);
		out_fini(&text);
	}
	return subnets;
}

size_t target_each_vpc(const struct target *t, const struct target_try *tries, size_t count,
	target_tell *tell, void *context)
{
	return each_of_family(t->vpc, false, tries, count, tell, context) +
	       each_of_family(t->vpc, true, tries, count, tell, context);
}
