#include "judge/known.h"

#include <string.h>

#include "judge/judge_private.h"

/* What is carried over known ways in unknown amounts is not known. */
static bool is_of_volume(enum finding_kind kind)
{
	return kind == KIND_TUNNEL || kind == KIND_SPLIT;
}

static const struct baseline_entry *find_channel(
	const struct baseline *b, const struct finding *f, const struct finding_channel *ch)
{
	struct baseline_question q = {.host = f->host,
		.endpoint = ch->endpoint,
		.transport = ch->transport,
		.port = ch->port,
		.any_port = ch->transport == TRANSPORT_OTHER};
	return ch->endpoint == NULL ? NULL : baseline_find(b, &q);
}

/* Whether the host went on to it and got there; of a finding without a switch, to all. What failed
 * as well led nowhere, whether somebody knows it or not. */
static bool is_reached(const struct finding *f, size_t channel)
{
	bool reached = f->switches == 0;
	for (size_t i = 0; i < f->switches; i++)
		reached |= f->sw[i].to == channel;
	const struct finding_channel *ch = &f->channel[channel];
	bool dead = ch->failures > 0 && ch->connections <= ch->failures;
	return reached && !dead;
}

const struct baseline_entry *known_to_baseline(const struct baseline *b, const struct finding *f)
{
	const struct baseline_entry *first = NULL;
	if (is_of_volume(f->kind))
		return NULL;
	for (size_t i = 0; i < f->channels; i++) {
		if (!is_reached(f, i))
			continue;
		const struct baseline_entry *e = find_channel(b, f, &f->channel[i]);
		if (e == NULL)
			return NULL;
		first = first == NULL ? e : first;
	}
	return first;
}

void known_say(struct out *o, const struct baseline_entry *e)
{
	char host[ADDR_TEXT_BYTES];
	out_printf(o, "the baseline has %s %s/%u for %s of zone %s: %u day%s since ", e->endpoint,
		transport_name(e->transport), e->port,
		addr_is_none(&e->host) ? "all hosts" : addr_text(&e->host, host), e->zone, e->days,
		e->days == 1 ? "" : "s");
	baseline_write_day(o, e->first_day);
	if (e->note != NULL) {
		out_text(o, ";");
		out_safe(o, e->note, KNOWN_NOTE_BYTES);
	}
}

/* ---- a policy ---- */

static struct policy_contact contact_of(const struct finding *f, const struct finding_channel *ch)
{
	struct policy_contact contact = {.host = f->host,
		.domain = ch->endpoint,
		.proto = transport_proto(ch->transport),
		.port = ch->port,
		.any_service = ch->transport == TRANSPORT_OTHER};
	struct addr addr;
	if (ch->addr_count > 0)
		contact.server = ch->addrs[0];
	if (ch->endpoint != NULL && addr_parse(ch->endpoint, &addr) == 0) {
		contact.server = addr;
		contact.domain = NULL;
	}
	return contact;
}

static struct policy_flow flow_of(const struct finding *f, const struct finding_channel *ch)
{
	struct policy_contact contact = contact_of(f, ch);
	return (struct policy_flow){.src = contact.host,
		.dst = contact.server,
		.proto = contact.proto,
		.port = ch->transport == TRANSPORT_ICMP ? 8 : ch->port,
		.name = ch->name_count > 0 ? ch->names[0] : contact.domain,
		.as = ch->service,
		.at_ns = ch->first_ns};
}

/* NULL: no rule names it, or what was spoken there is denied all the same. */
static const struct policy_rule *rule_for(
	const struct policy *p, const struct finding *f, const struct finding_channel *ch)
{
	struct policy_contact contact = contact_of(f, ch);
	const struct policy_rule *rule = policy_expects(p, &contact);
	if (rule == NULL || contact.any_service)
		return rule;
	struct policy_flow flow = flow_of(f, ch);
	return policy_ask(p, &flow).verdict == POLICY_DENIED ? NULL : rule;
}

const struct policy_rule *known_to_policy(const struct policy *p, const struct finding *f)
{
	const struct policy_rule *first = NULL;
	if (is_of_volume(f->kind))
		return NULL;
	for (size_t i = 0; i < f->channels; i++) {
		if (!is_reached(f, i))
			continue;
		const struct policy_rule *rule = rule_for(p, f, &f->channel[i]);
		if (rule == NULL)
			return NULL;
		first = first == NULL ? rule : first;
	}
	return first;
}

void known_say_rule(struct out *o, const struct policy_rule *rule)
{
	out_printf(o, "the policy names it: rule %s", rule->id);
	if (rule->why != NULL) {
		out_text(o, ": ");
		out_safe(o, rule->why, KNOWN_NOTE_BYTES);
	}
}

void known_add_verdict(struct finding *f, const struct policy *p)
{
	const struct finding_channel *ch = NULL;
	for (size_t i = 0; i < f->channels; i++)
		if (is_reached(f, i))
			ch = &f->channel[i];
	if (ch == NULL || ch->transport == TRANSPORT_OTHER)
		return;
	struct policy_flow flow = flow_of(f, ch);
	struct policy_answer answer = policy_ask(p, &flow);
	struct out name = {0}, reason = {0};
	out_safe(&name, ch->endpoint, KNOWN_NOTE_BYTES);
	policy_say_reason(&reason, &answer, &flow);
	evidence_add(f, "policy", 0, "%s %s/%u is %s by the policy: %s", out_string(&name),
		transport_name(ch->transport), ch->port, policy_verdict_name(answer.verdict),
		out_string(&reason));
	out_fini(&name);
	out_fini(&reason);
}
