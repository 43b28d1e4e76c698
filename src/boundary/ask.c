/* The chains of a path, in the kernel's order, and what comes of them. */
#include <string.h>

#include "boundary/build.h"
#include "boundary/walk.h"

#define PRIO_CONNTRACK (-200)
#define PRIO_DSTNAT    (-100)
#define PRIO_SRCNAT    100

#define PROTO_ICMP   1
#define PROTO_TCP    6
#define PROTO_UDP    17
#define PROTO_ICMPV6 58

const char *boundary_answer_name(enum boundary_answer_kind kind)
{
	static const char *const names[] = {"denied", "allowed", "undecided"};
	return names[kind];
}

bool boundary_has_hook(const struct boundary *b, enum boundary_hook hook)
{
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		if (c->hook == hook && !c->dormant)
			return true;
	return false;
}

static const char *const hook_names[] = {
	"prerouting", "input", "forward", "output", "postrouting", "ingress", "egress"};

struct asked {
	const struct boundary *b;
	const struct boundary_flow *flow;
	struct walk w;
};

/* All chains of type nat hang on one hook of NAT's own, whatever their priority says; that only
 * orders them among themselves (nf_nat_core.c). */
static int32_t prio_of(const struct boundary_chain *c)
{
	if (!c->nat)
		return c->prio;
	return c->hook == BOUNDARY_PREROUTING || c->hook == BOUNDARY_OUTPUT ? PRIO_DSTNAT
	                                                                    : PRIO_SRCNAT;
}

static bool is_before(const struct boundary_chain *a, const struct boundary_chain *b)
{
	int32_t x = prio_of(a), y = prio_of(b);
	return x != y ? x < y : a->nat && b->nat && a->prio < b->prio;
}

static void interface(struct facts *f, unsigned field, const char *name)
{
	struct boundary_range r;
	if (name == NULL || build_interface(span_of(name), '\0', &r) < 0)
		facts_set(f, field, NULL);
	else
		facts_set(f, field, &r.first);
}

/* The interfaces that a packet has at the hook; one that it has not is a name without letters. */
static void enter(const struct asked *a, enum boundary_hook hook, struct facts *f)
{
	static const struct addr none = {0};
	bool out = a->flow->path == BOUNDARY_PATH_OUTPUT;
	bool sees_in = !out && hook != BOUNDARY_OUTPUT && hook != BOUNDARY_EGRESS;
	bool sees_out =
		hook != BOUNDARY_PREROUTING && hook != BOUNDARY_INPUT && hook != BOUNDARY_INGRESS;
	struct addr new = build_number(BOUNDARY_CT_NEW);
	if (sees_in)
		interface(f, BOUNDARY_IIF, a->flow->iif);
	else
		facts_set(f, BOUNDARY_IIF, &none);
	if (!sees_out)
		facts_set(f, BOUNDARY_OIF, &none);
	else if (facts_are(f, FACT_DNAT, 0) && facts_are(f, FACT_LOCAL, 0))
		interface(f, BOUNDARY_OIF, a->flow->oif);
	else
		facts_set(f, BOUNDARY_OIF, NULL); /* the route is another now */
	if (hook != BOUNDARY_PREROUTING && hook != BOUNDARY_OUTPUT && hook != BOUNDARY_INGRESS &&
		facts_are(f, BOUNDARY_CT_STATE, 1))
		facts_set(f, BOUNDARY_CT_STATE, &new);
}

/* Whether the chain sees the packet; *maybe: that is not known. */
static bool is_seen(
	const struct asked *a, const struct boundary_chain *c, const struct facts *f, bool *maybe)
{
	uint8_t family = addr_is_v4(&a->flow->flow.dst) ? 4 : 6;
	const char *dev = c->hook == BOUNDARY_INGRESS ? a->flow->iif : a->flow->oif;
	*maybe = false;
	if (c->dormant || (c->family != 0 && c->family != family))
		return false;
	if (c->hook == BOUNDARY_INGRESS || c->hook == BOUNDARY_EGRESS) {
		*maybe = dev == NULL || c->dev == NULL || !facts_are(f, FACT_DNAT, 0);
		return *maybe || strcmp(dev, c->dev) == 0;
	}
	if (!c->nat)
		return true;
	if (a->flow->untranslated)
		return false;
	if (facts_are(f, BOUNDARY_CT_STATE, BOUNDARY_CT_UNTRACKED) ||
		(prio_of(c) == PRIO_DSTNAT && facts_are(f, FACT_DNAT, 1)))
		return false;
	*maybe = (f->known >> BOUNDARY_CT_STATE & 1) == 0 || (f->known >> FACT_DNAT & 1) == 0;
	return true;
}

static void one_chain(struct asked *a, const struct boundary_chain *c, struct facts *f)
{
	struct addr new = build_number(BOUNDARY_CT_NEW);
	struct facts before = *f;
	bool maybe;
	if (c->hook != BOUNDARY_INGRESS && prio_of(c) >= PRIO_CONNTRACK &&
		facts_are(f, BOUNDARY_CT_STATE, 1))
		facts_set(f, BOUNDARY_CT_STATE, &new);
	if (!is_seen(a, c, f, &maybe))
		return;
	walk_base(&a->w, c, f);
	if (maybe)
		facts_join(f, &before);
}

/* Chains of one priority stand in the order of the text. */
static void one_hook(struct asked *a, enum boundary_hook hook, struct facts *f)
{
	const struct boundary_chain *last = NULL;
	bool after = false; /* last was passed in this round */
	enter(a, hook, f);
	for (; f->any;) {
		const struct boundary_chain *best = NULL;
		after = last == NULL;
		for (const struct boundary_chain *c = a->b->chain; c != NULL; c = c->next) {
			bool due = last == NULL || is_before(last, c) ||
			           (after && !is_before(c, last));
			if (c == last)
				after = true;
			else if (c->hook == hook && due && (best == NULL || is_before(c, best)))
				best = c;
		}
		if (best == NULL)
			return;
		one_chain(a, best, f);
		last = best;
	}
}

static void hooks(struct asked *a, const enum boundary_hook *hook, size_t count, struct facts *f)
{
	for (size_t i = 0; i < count && f->any; i++)
		one_hook(a, hook[i], f);
}

static const enum boundary_hook to_host[] = {BOUNDARY_INPUT};
static const enum boundary_hook through[] = {
	BOUNDARY_FORWARD, BOUNDARY_POSTROUTING, BOUNDARY_EGRESS};
static const enum boundary_hook out[] = {BOUNDARY_POSTROUTING, BOUNDARY_EGRESS};

/* What is left of the packet at the end. */
static void take_path(struct asked *a, struct facts *f)
{
	static const enum boundary_hook first[] = {BOUNDARY_INGRESS, BOUNDARY_PREROUTING};
	static const enum boundary_hook output[] = {BOUNDARY_OUTPUT};
	enum boundary_path path = a->flow->path;
	bool forward = path == BOUNDARY_PATH_FORWARD;
	if (path == BOUNDARY_PATH_OUTPUT)
		hooks(a, output, ARRAY_LEN(output), f);
	else
		hooks(a, first, ARRAY_LEN(first), f);
	bool local = facts_are(f, FACT_LOCAL, 1), remote = facts_are(f, FACT_LOCAL, 0);
	bool moved = facts_are(f, FACT_DNAT, 1), stays = facts_are(f, FACT_DNAT, 0);
	struct facts host = *f;
	/* where it may go: to the host, and on its way */
	bool in = !remote || (path == BOUNDARY_PATH_INPUT && !moved);
	bool on = !local && (path != BOUNDARY_PATH_INPUT || !stays);
	if (!on)
		f->any = false;
	else if (path == BOUNDARY_PATH_OUTPUT)
		hooks(a, out, ARRAY_LEN(out), f);
	else
		hooks(a, through, ARRAY_LEN(through), f);
	if (!in)
		return;
	if (!forward && path == BOUNDARY_PATH_OUTPUT)
		hooks(a, out, ARRAY_LEN(out), &host);
	hooks(a, to_host, ARRAY_LEN(to_host), &host);
	facts_join(f, &host);
}

static struct facts packet_of(const struct boundary_flow *flow)
{
	const struct policy_flow *p = &flow->flow;
	struct facts f = {.any = true};
	struct addr zero = {0}, number[] = {build_number(addr_is_v4(&p->dst) ? 4 : 6),
					build_number(p->proto), build_number(p->src_port),
					build_number(p->port), build_number(1), build_number(2)};
	bool ports = p->proto == PROTO_TCP || p->proto == PROTO_UDP;
	bool icmp = p->proto == PROTO_ICMP || p->proto == PROTO_ICMPV6;
	facts_set(&f, BOUNDARY_FAMILY, &number[0]);
	facts_set(&f, BOUNDARY_SADDR, addr_is_none(&p->src) ? NULL : &p->src);
	facts_set(&f, BOUNDARY_DADDR, &p->dst);
	if (icmp) /* the word icmp stands for the family's own */
		number[1] = build_number(addr_is_v4(&p->dst) ? PROTO_ICMP : PROTO_ICMPV6);
	facts_set(&f, BOUNDARY_L4PROTO, &number[1]);
	facts_set(&f, BOUNDARY_SPORT, ports && p->src_port != 0 ? &number[2] : NULL);
	facts_set(&f, BOUNDARY_DPORT, ports ? &number[3] : NULL);
	facts_set(&f, BOUNDARY_ICMP_TYPE, icmp ? &number[3] : NULL);
	facts_set(&f, BOUNDARY_CT_STATE, &number[4]); /* until it is tracked */
	facts_set(&f, BOUNDARY_MARK, &zero);
	facts_set(&f, BOUNDARY_TCP_FLAGS, p->proto == PROTO_TCP ? &number[5] : NULL);
	facts_set(&f, FACT_DNAT, &zero);
	facts_set(&f, FACT_LOCAL, &zero);
	return f;
}

static void tell(struct boundary_answer *ret, const struct boundary_rule *const *rule, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ret->rule[i] = rule[i];
	ret->rules = count;
}

void boundary_ask(
	const struct boundary *b, const struct boundary_flow *flow, struct boundary_answer *ret)
{
	struct asked a = {.b = b, .flow = flow, .w = {.flow = flow, .left = BOUNDARY_STEPS_MAX}};
	struct facts f = packet_of(flow);
	*ret = (struct boundary_answer){.kind = BOUNDARY_UNDECIDED};
	if (b->family != 0 && b->family != (addr_is_v4(&flow->flow.dst) ? 4 : 6)) {
		ret->missing = "the file is of the other IP version alone";
		return;
	}
	take_path(&a, &f);
	if (a.w.left == 0) {
		ret->missing = "the rules are too many for one answer";
	} else if (!f.any) {
		ret->kind = BOUNDARY_DENIED;
		tell(ret, a.w.drop, a.w.drops);
		ret->policy = a.w.drops == 0 ? a.w.drop_policy : NULL;
	} else if (a.w.dropped) {
		tell(ret, a.w.open, a.w.opens);
		if (a.w.opens == 0)
			ret->missing = "not all that the chains look at is known";
	} else if (flow->path != BOUNDARY_PATH_INPUT && !facts_are(&f, FACT_LOCAL, 0)) {
		tell(ret, &a.w.accept, a.w.accept != NULL);
		ret->missing = "a process of this host takes it over, and decides";
	} else {
		ret->kind = BOUNDARY_ALLOWED;
		tell(ret, &a.w.accept, a.w.accept != NULL);
		ret->policy = a.w.accept == NULL ? a.w.accept_policy : NULL;
	}
}

/* ---- words ---- */

static void say_chain(struct out *o, const struct boundary_chain *c)
{
	out_printf(o, "%s %s", c->table, c->name);
}

void boundary_say_rule(
	struct out *o, const struct boundary *b, const struct boundary_answer *answer)
{
	for (size_t i = 0; i < answer->rules; i++) {
		const struct boundary_rule *r = answer->rule[i];
		out_text(o, i == 0 ? "" : ", ");
		say_chain(o, r->chain);
		out_printf(
			o, " %s %llu", b->lines ? "line" : "handle", (unsigned long long)r->place);
	}
	if (answer->rules == 0 && answer->policy != NULL) {
		out_text(o, "policy of ");
		say_chain(o, answer->policy);
	}
}

static const char *words_of(const struct boundary_rule *r)
{
	for (size_t i = 0; i < r->steps; i++)
		if (r->step[i].words != NULL)
			return r->step[i].words;
	return r->text;
}

void boundary_say_reason(
	struct out *o, const struct boundary *b, const struct boundary_answer *answer)
{
	struct out rule = {0};
	boundary_say_rule(&rule, b, answer);
	if (answer->missing != NULL)
		out_printf(
			o, "%s%s%s", answer->missing, rule.len > 0 ? ": " : "", out_string(&rule));
	else if (answer->kind == BOUNDARY_UNDECIDED)
		out_printf(o, "hangs on what no file tells: %s (%s)", out_string(&rule),
			answer->rules > 0 ? words_of(answer->rule[0]) : "");
	else if (answer->rules > 0)
		out_printf(o, "%s by %s: %s", boundary_answer_name(answer->kind), out_string(&rule),
			answer->rule[0]->text);
	else if (answer->policy != NULL)
		out_printf(o, "%s by the %s (%s)", boundary_answer_name(answer->kind),
			out_string(&rule), hook_names[answer->policy->hook]);
	else
		out_text(o, "allowed: no chain is on this path");
	out_fini(&rule);
}
