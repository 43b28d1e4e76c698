/* What the policy says about one flow, as far as the flow is known. */
#include <string.h>

#include "event/event.h"
#include "policy/policy.h"

#define PROTO_ICMP  1u
#define PROTO_TCP   6u
#define PROTO_UDP   17u
#define PROTO_ICMP6 58u

enum truth { NO, MAYBE, YES };

const char *policy_action_name(enum policy_action action)
{
	static const char *const names[] = {
		[POLICY_DENY] = "deny", [POLICY_ALLOW] = "allow", [POLICY_REJECT] = "reject"};
	return names[action];
}

int policy_verdict_reach(enum policy_verdict verdict)
{
	return verdict == POLICY_DENIED ? 0 : verdict == POLICY_UNDECIDED ? 1 : 2;
}

const char *policy_verdict_name(enum policy_verdict verdict)
{
	static const char *const names[] = {[POLICY_DENIED] = "denied",
		[POLICY_ALLOWED] = "allowed",
		[POLICY_UNDECIDED] = "undecided"};
	return names[verdict];
}

bool policy_name_matches(const char *pattern, const char *name)
{
	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, name) == 0;
	size_t tail = strlen(pattern) - 1, len = strlen(name); /* with the dot */
	return len > tail && strcmp(name + len - tail, pattern + 1) == 0;
}

bool policy_net_is_v4(const struct cidr *net)
{
	return addr_is_v4(&net->net) && net->bits >= 96;
}

bool policy_rule_holds(const struct policy_rule *rule, int64_t at_ns)
{
	return rule->expires_ns == 0 || at_ns < rule->expires_ns;
}

static bool nets_have(const struct policy_nets *nets, const struct addr *addr)
{
	for (size_t i = 0; i < nets->count; i++)
		if (cidr_has(&nets->net[i], addr))
			return true;
	return false;
}

const struct policy_zone *policy_zone_of(const struct policy *p, const struct addr *addr)
{
	for (size_t i = 0; i < p->zones; i++)
		if (nets_have(&p->zone[i].nets, addr))
			return &p->zone[i];
	return NULL;
}

static enum truth least(enum truth a, enum truth b)
{
	return a < b ? a : b;
}

static enum truth goes_to(const struct policy_rule *rule, const struct policy_flow *flow)
{
	if (rule->to_any || nets_have(&rule->to, &flow->dst))
		return YES;
	if (rule->to_names.count > 0 && flow->name == NULL)
		return MAYBE;
	for (size_t i = 0; i < rule->to_names.count; i++)
		if (policy_name_matches(rule->to_names.name[i], flow->name))
			return YES;
	return NO;
}

static enum truth speaks(const char *as, const struct policy_flow *flow)
{
	if (as == NULL)
		return YES;
	if (flow->as == NULL)
		return MAYBE;
	return strcmp(as, flow->as) == 0 ? YES : NO;
}

bool policy_service_has_proto(const struct policy_service *s, uint8_t proto)
{
	return s->any || (s->tcp && proto == PROTO_TCP) || (s->udp && proto == PROTO_UDP) ||
	       (s->icmp && (proto == PROTO_ICMP || proto == PROTO_ICMP6));
}

bool policy_rule_is_from(const struct policy_rule *rule, const struct addr *src)
{
	return rule->from_any || nets_have(&rule->from, src);
}

static enum truth is_service(const struct policy_service *s, const struct policy_flow *flow)
{
	bool proto = policy_service_has_proto(s, flow->proto);
	bool port = s->ports == 0;
	for (size_t i = 0; i < s->ports; i++)
		port |= flow->port >= s->port[i].first && flow->port <= s->port[i].last;
	return proto && port ? speaks(s->as, flow) : NO;
}

/* ret_names: whether it is the name that is missing, not the application protocol. */
static enum truth matches(
	const struct policy_rule *rule, const struct policy_flow *flow, bool *ret_names)
{
	if (!policy_rule_is_from(rule, &flow->src))
		return NO;
	enum truth to = goes_to(rule, flow);
	enum truth service = rule->service_any ? YES : NO;
	for (size_t i = 0; i < rule->services && service != YES; i++) {
		enum truth one = is_service(rule->service[i], flow);
		service = one > service ? one : service;
	}
	*ret_names = to == MAYBE;
	return least(least(to, service), speaks(rule->as, flow));
}

static enum policy_verdict verdict_by(enum policy_action action)
{
	return action == POLICY_ALLOW ? POLICY_ALLOWED : POLICY_DENIED;
}

static struct policy_answer by_default(const struct policy *p, const struct policy_flow *flow)
{
	const struct policy_zone *zone = policy_zone_of(p, &flow->src);
	if (zone == NULL)
		return (struct policy_answer){
			.verdict = POLICY_UNDECIDED, .missing = "no zone holds its source"};
	return (struct policy_answer){.verdict = verdict_by(zone->fallback), .zone = zone};
}

struct policy_answer policy_ask(const struct policy *p, const struct policy_flow *flow)
{
	/* the first rules of either verdict that may match, for all that is known */
	struct policy_answer maybe[2] = {0};
	struct policy_answer answer = {0};
	for (size_t i = 0; i < p->rules && answer.rule == NULL; i++) {
		const struct policy_rule *rule = &p->rule[i];
		bool names = false;
		enum truth truth =
			policy_rule_holds(rule, flow->at_ns) ? matches(rule, flow, &names) : NO;
		enum policy_verdict verdict = verdict_by(rule->action);
		if (truth == YES)
			answer = (struct policy_answer){.verdict = verdict, .rule = rule};
		if (truth == MAYBE && maybe[verdict].rule == NULL)
			maybe[verdict] = (struct policy_answer){.verdict = POLICY_UNDECIDED,
				.rule = rule,
				.missing = names ? "name" : "application protocol"};
	}
	if (answer.rule == NULL)
		answer = by_default(p, flow);
	if (answer.verdict != POLICY_ALLOWED && maybe[POLICY_ALLOWED].rule != NULL)
		return maybe[POLICY_ALLOWED];
	if (answer.verdict != POLICY_DENIED && maybe[POLICY_DENIED].rule != NULL)
		return maybe[POLICY_DENIED];
	return answer;
}

/* ---- whom the policy names ---- */

static bool is_of_domain(const char *pattern, const char *domain)
{
	const char *name = strncmp(pattern, "*.", 2) == 0 ? pattern + 2 : pattern;
	return strcmp(registered_domain(name), domain) == 0;
}

static bool names_it(const struct policy_rule *rule, const struct policy_contact *c)
{
	if (!addr_is_none(&c->server) && nets_have(&rule->to, &c->server))
		return true;
	for (size_t i = 0; c->domain != NULL && i < rule->to_names.count; i++)
		if (is_of_domain(rule->to_names.name[i], c->domain))
			return true;
	return false;
}

const struct policy_rule *policy_expects(
	const struct policy *p, const struct policy_contact *contact)
{
	const struct policy_flow flow = {
		.src = contact->host, .proto = contact->proto, .port = contact->port};
	for (size_t i = 0; i < p->rules; i++) {
		const struct policy_rule *rule = &p->rule[i];
		bool spoken = contact->any_service || rule->service_any;
		for (size_t k = 0; k < rule->services && !spoken; k++)
			spoken = is_service(rule->service[k], &flow) != NO;
		if (!spoken || (!rule->from_any && !nets_have(&rule->from, &contact->host)))
			continue;
		if (rule->to_any) /* decides about everybody */
			return NULL;
		if (names_it(rule, contact))
			return rule->action == POLICY_ALLOW ? rule : NULL;
	}
	return NULL;
}

/* ---- in words ---- */

void policy_say_rule(struct out *o, const struct policy_answer *answer)
{
	if (answer->rule != NULL)
		out_text(o, answer->rule->id);
	else if (answer->zone != NULL)
		out_printf(o, "default %s", answer->zone->name);
}

static void say_rule(struct out *o, const struct policy_rule *rule)
{
	if (rule->never)
		out_text(o, "never-block");
	else
		out_printf(o, "rule %s", rule->id);
}

static void say_missing(struct out *o, const struct policy_answer *answer)
{
	const struct policy_rule *rule = answer->rule;
	say_rule(o, rule);
	if (strcmp(answer->missing, "name") == 0) {
		out_printf(o, " names %s", rule->to_names.name[0]);
		if (rule->to_names.count > 1)
			out_printf(o, " and %zu more", rule->to_names.count - 1);
	} else {
		const char *as = rule->as;
		for (size_t i = 0; as == NULL && i < rule->services; i++)
			as = rule->service[i]->as;
		out_printf(o, " is for %s", as == NULL ? "one protocol" : as);
	}
	out_printf(o, ", and the flow's %s is not known", answer->missing);
}

void policy_say_reason(
	struct out *o, const struct policy_answer *answer, const struct policy_flow *flow)
{
	char addr[ADDR_TEXT_BYTES];
	if (answer->rule != NULL && answer->verdict == POLICY_UNDECIDED) {
		say_missing(o, answer);
	} else if (answer->rule != NULL) {
		say_rule(o, answer->rule);
		out_printf(o, " says %s", policy_action_name(answer->rule->action));
		if (answer->rule->why != NULL) {
			out_text(o, ": ");
			out_safe(o, answer->rule->why, 200);
		}
	} else if (answer->zone != NULL) {
		out_printf(o, "no rule speaks of it, and the default of zone %s is %s",
			answer->zone->name, policy_action_name(answer->zone->fallback));
	} else {
		out_printf(o, "no rule speaks of it, and %s is in no zone of the policy",
			addr_text(&flow->src, addr));
	}
}
