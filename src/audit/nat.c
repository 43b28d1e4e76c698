/* Flows that pass because they are translated before the filter sees them. */
#include "audit/audit.h"

#define PROTO_TCP 6
#define WORK_MAX  UINT64_C(60000000) /* boxes looked at, by all answers together */

struct sample {
	struct boundary_flow flow;
	char iif[16], oif[16];
};

static void name_of(const struct boundary_range *r, char ret[static 16])
{
	if (addr_eq(&r->first, &r->last) && r->first.byte[15] == 0)
		for (size_t i = 0; i < 16; i++)
			ret[i] = (char)r->first.byte[i];
}

static uint16_t number_of(const struct boundary_range *r)
{
	return (uint16_t)(r->first.byte[14] << 8 | r->first.byte[15]);
}

/* A packet that the rule's matches take; that they do is what asking shows. */
static void take(struct sample *s, const struct boundary_step *step)
{
	for (size_t d = 0; d < step->dims && step->boxes > 0 && !step->negated; d++) {
		const struct boundary_range *r = &step->box[0].range[d];
		switch (step->field[d]) {
		case BOUNDARY_IIF:
			name_of(r, s->iif);
			break;
		case BOUNDARY_OIF:
			name_of(r, s->oif);
			break;
		case BOUNDARY_SADDR:
			s->flow.flow.src = r->first;
			break;
		case BOUNDARY_DADDR:
			s->flow.flow.dst = r->last;
			break;
		case BOUNDARY_L4PROTO:
			s->flow.flow.proto = (uint8_t)number_of(r);
			break;
		case BOUNDARY_DPORT:
			s->flow.flow.port = number_of(r);
			break;
		case BOUNDARY_FAMILY:
		case BOUNDARY_SPORT:
		case BOUNDARY_ICMP_TYPE:
		case BOUNDARY_CT_STATE:
		case BOUNDARY_MARK:
		case BOUNDARY_TCP_FLAGS:
		case BOUNDARY_FIELDS:
			break;
		}
	}
}

static void say_flow(struct out *o, const struct policy_flow *f)
{
	char text[ADDR_TEXT_BYTES];
	bool v4 = addr_is_v4(&f->dst);
	out_text(o, f->proto == PROTO_TCP ? "tcp:" : "udp:");
	if (addr_is_none(&f->src))
		out_text(o, "any");
	else
		out_printf(o, v4 ? "%s:40000" : "[%s]:40000", addr_text(&f->src, text));
	out_printf(o, v4 ? ">%s" : ">[%s]", addr_text(&f->dst, text));
	out_printf(o, ":%u", f->port);
}

static void compare(struct audit *a, const struct boundary *b, const struct boundary_rule *r,
	const struct boundary_flow *flow)
{
	struct boundary_flow plain = *flow;
	struct boundary_answer with, without;
	struct out passes = {0}, words = {0};
	plain.untranslated = true;
	boundary_ask(b, flow, &with);
	boundary_ask(b, &plain, &without);
	if (with.kind != BOUNDARY_ALLOWED || without.kind != BOUNDARY_DENIED)
		return;
	say_flow(&passes, &flow->flow);
	out_printf(&words, "%s: without it the flow is ", r->text);
	boundary_say_reason(&words, b, &without);
	audit_add_rule(a, b, r,
		&(struct audit_finding){.kind = AUDIT_NAT_BEFORE_FILTER,
			.words = out_string(&words),
			.passes = out_string(&passes)});
	out_fini(&passes);
	out_fini(&words);
}

/* What is sent on to the site's own is its own affair: a resolver, a proxy. */
static bool leads_out(const struct boundary_step *s)
{
	return s->kind == STEP_DNAT && (!s->known || !addr_is_private(&s->to)) &&
	       (s->known || s->port_known);
}

/* What one answer may cost, in boxes that are looked at. */
static uint64_t cost_of(const struct boundary *b)
{
	uint64_t cost = 1;
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL; r = r->next)
			for (size_t i = 0; i < r->steps; i++)
				cost += 1 + r->step[i].boxes;
	return cost < BOUNDARY_STEPS_MAX ? cost : BOUNDARY_STEPS_MAX;
}

/* Returns whether it was asked about. */
static bool one_rule(struct audit *a, const struct boundary *b, const struct boundary_rule *r,
	const char *iif, const char *oif)
{
	bool output = r->chain->hook == BOUNDARY_OUTPUT, out = false;
	struct sample s = {.flow = {.flow = {.proto = PROTO_TCP, .port = 443},
				   .path = output ? BOUNDARY_PATH_OUTPUT : BOUNDARY_PATH_FORWARD}};
	CHECK(addr_parse(AUDIT_STRANGER_V4, &s.flow.flow.dst) == 0);
	for (size_t i = 0; i < r->steps && !out; i++) {
		if (r->step[i].kind == STEP_MATCH)
			take(&s, &r->step[i]);
		out = leads_out(&r->step[i]);
	}
	if (!out)
		return false;
	s.flow.iif = iif != NULL ? iif : s.iif[0] != '\0' ? s.iif : NULL;
	s.flow.oif = oif != NULL ? oif : s.oif[0] != '\0' ? s.oif : NULL;
	compare(a, b, r, &s.flow);
	return true;
}

void audit_nat(struct audit *a, const struct boundary *b, const char *iif, const char *oif)
{
	uint64_t cost = 2 * cost_of(b), spent = 0;
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL && spent < WORK_MAX;
			r = r->next)
			if (!c->dormant &&
				(c->hook == BOUNDARY_PREROUTING || c->hook == BOUNDARY_OUTPUT ||
					c->hook == BOUNDARY_HOOKS))
				spent += one_rule(a, b, r, iif, oif) ? cost : 0;
	if (spent >= WORK_MAX)
		audit_add(a,
			&(struct audit_finding){.kind = AUDIT_TOO_MANY,
				.words = "not all translations were asked about"},
			"translations");
}
