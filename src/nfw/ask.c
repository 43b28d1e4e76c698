/* Whether a flow passes a policy: packet by packet, and what decides. */
#include <errno.h>
#include <string.h>

#include "nfw/flow.h"
#include "nfw/order.h"
#include "nfw/use.h"

const char *nfw_verdict_name(enum nfw_verdict verdict)
{
	static const char *const names[] = {"denied", "allowed", "undecided"};
	return names[verdict];
}

struct run {
	const struct nfw_policy *policy;
	const struct entry *entry;
	size_t entries;
	struct arena arena; /* flowbits */
	struct suricata_flow_bits bits;
	struct nfw_use *use; /* NULL: nothing is noted */
	bool full;
};

static int run_init(
	struct run *x, const struct suricata_scope *home, const struct nfw_policy *policy)
{
	*x = (struct run){.policy = policy};
	if (order_make(policy) < 0 || arena_init(&x->arena, (size_t)1 << 20) < 0)
		return -ENOMEM;
	x->bits.arena = &x->arena;
	policy->order->outer.around = home;
	x->entry = policy->order->entry;
	x->entries = policy->order->entries;
	return 0;
}

static void run_fini(struct run *x)
{
	if (x->arena.base != NULL)
		arena_fini(&x->arena);
}

/* ---- one packet ---- */

struct words { /* of what decides, and of the first that is in doubt */
	struct out rule, reason, doubt_rule, doubt;
};

static void say_rule(struct out *o, const struct entry *e)
{
	const struct nfw_group *g = e->ref->group;
	out_safe(o, g != NULL && g->name != NULL ? g->name : e->ref->to, 64);
	if (e->rule != NULL)
		out_printf(o, ":%u sid:%llu", e->rule->line, (unsigned long long)e->rule->sid);
}

static const char *done(const struct entry *e)
{
	if (e->rule->action != SURICATA_PASS)
		return e->rule->action == SURICATA_DROP ? "drop" : "reject";
	return e->rule->scope == SCOPE_PACKET ? "pass, of this packet" : "pass, of the whole flow";
}

static void tell(struct words *w, const struct entry *e, enum suricata_tri tri,
	const struct suricata_packet *p)
{
	bool sure = tri == SURICATA_YES;
	struct out *rule = sure ? &w->rule : &w->doubt_rule, *o = sure ? &w->reason : &w->doubt;
	if (rule->len > 0)
		return;
	say_rule(rule, e);
	if (e->rule == NULL) {
		out_text(o, e->why);
		return;
	}
	out_text(o, done(e));
	if (!sure) {
		out_text(o, ", if it matches: ");
		suricata_say_doubt(o, e->rule, e->scope, p);
	}
	if (e->rule->msg != NULL) {
		out_text(o, " (");
		out_safe(o, e->rule->msg, 80);
		out_text(o, ")");
	}
}

/* After the rule that decides others still set bits, or not: it is not said in which order. */
static void late_bits(struct run *x, size_t from, const struct suricata_packet *p)
{
	for (size_t i = from; i < x->entries; i++) {
		const struct suricata_rule *rule = x->entry[i].rule;
		bool sets = false;
		for (const struct suricata_test *t = rule == NULL ? NULL : rule->test; t != NULL;
			t = t->next)
			sets = sets || (t->kind == TEST_BITS && t->bits < BITS_ISSET);
		if (sets && suricata_match(rule, x->entry[i].scope, p, &x->bits) != SURICATA_NO)
			x->full = !suricata_set_bits(rule, SURICATA_MAYBE, &x->bits) || x->full;
	}
}

/* What becomes of a packet that no rule decides about. */
static unsigned default_way(const struct run *x, const struct suricata_packet *p, struct words *w)
{
	unsigned defaults = x->policy->strict ? x->policy->defaults : 0, ways = WAY_PASS;
	bool app = (defaults & (DEFAULT_DROP_APP | DEFAULT_DROP_APP_TO_SERVER)) != 0 &&
	           p->established && ((defaults & DEFAULT_DROP_APP) != 0 || p->to_server);
	bool sure = (defaults & DEFAULT_DROP_STRICT) != 0 ||
	            ((defaults & DEFAULT_DROP_ESTABLISHED) != 0 && p->established) ||
	            (app && p->app_state == APP_KNOWN && !p->app_wild);
	bool maybe = (app && p->app_state != APP_UNKNOWN) || (defaults & DEFAULT_UNKNOWN) != 0;
	if (sure)
		ways = WAY_DROP;
	else if (maybe)
		ways = WAY_DROP | WAY_PASS;
	out_text(&w->rule, x->policy->strict ? "stateful default" : "");
	out_text(&w->reason,
		ways == WAY_DROP ? "no rule decides: the default drops it"
		: ways == WAY_PASS
			? (defaults != 0 ? "no rule decides, and the default does not drop such a "
					   "packet"
					 : "no rule decides, and nothing is dropped by default")
			: "no rule decides: whether the default drops it is not known");
	return ways;
}

static unsigned stateful(struct run *x, const struct suricata_packet *p, struct words *w)
{
	unsigned ways = 0;
	for (size_t i = 0; i < x->entries; i++) {
		const struct entry *e = &x->entry[i];
		if (e->rule == NULL) {
			tell(w, e, SURICATA_MAYBE, p);
			ways |= e->ways;
			continue;
		}
		enum suricata_tri tri = suricata_match(e->rule, e->scope, p, &x->bits);
		if (tri == SURICATA_NO)
			continue;
		if (x->use != NULL)
			x->use->entry[i] = true;
		x->full = !suricata_set_bits(e->rule, tri, &x->bits) || x->full;
		bool drops = e->rule->action >= SURICATA_DROP && !e->harmless;
		if (e->rule->action != SURICATA_PASS && !drops)
			continue;
		ways |= drops ? WAY_DROP : e->rule->scope == SCOPE_PACKET ? WAY_PASS : WAY_FLOW;
		tell(w, e, tri, p);
		if (tri == SURICATA_YES) {
			late_bits(x, i + 1, p);
			return ways;
		}
	}
	return ways | default_way(x, p, w);
}

static void copy(char *to, size_t room, const char *text)
{
	(void)snprintf(to, room, "%s", text);
}

static unsigned ask_packet(struct run *x, const struct nfw_flow *flow, struct nfw_stage *stage)
{
	struct flow_packet fp;
	struct words w = {0};
	flow_packet(flow, stage->name, &fp);
	unsigned first = stateless_ask(x->policy, &fp.packet, flow->fragment, &w.doubt_rule,
		x->use == NULL ? NULL : x->use->stateless);
	unsigned ways = first & (WAY_DROP | WAY_PASS);
	if (w.doubt_rule.len > 0)
		out_text(&w.doubt, first == WAY_PASS   ? "passes, and is not inspected"
				   : first == WAY_DROP ? "drop"
						       : "it is not known whether this matches");
	if ((first & WAY_FORWARD) != 0)
		ways |= stateful(x, &fp.packet, &w);
	stage->verdict = (ways & WAY_DROP) == 0 ? NFW_ALLOWED
	                 : ways == WAY_DROP     ? NFW_DENIED
	                                        : NFW_UNDECIDED;
	bool doubt = w.reason.len == 0 || (stage->verdict == NFW_UNDECIDED && w.doubt.len > 0);
	copy(stage->rule, sizeof stage->rule, out_string(doubt ? &w.doubt_rule : &w.rule));
	copy(stage->reason, sizeof stage->reason, out_string(doubt ? &w.doubt : &w.reason));
	out_fini(&w.rule);
	out_fini(&w.reason);
	out_fini(&w.doubt_rule);
	out_fini(&w.doubt);
	return ways | (first & WAY_FORWARD);
}

/* ---- the flow ---- */

static const struct nfw_stage *deciding(const struct nfw_answer *a, bool stream)
{
	for (size_t i = 0; i < a->stages && a->verdict != NFW_ALLOWED; i++)
		if (a->stage[i].verdict == a->verdict)
			return &a->stage[i];
	return stream ? &a->stage[a->stages - 1] : &a->stage[0];
}

/* One direction passes without inspection and the other does not: the engine sees half of it. */
static void look_for_halves(struct nfw_answer *a, bool passed, bool forwarded)
{
	if (!passed || !forwarded || a->verdict != NFW_ALLOWED)
		return;
	struct nfw_stage *last = &a->stage[a->stages - 1];
	a->verdict = last->verdict = NFW_UNDECIDED;
	copy(last->reason, sizeof last->reason,
		"stateless rules pass some of its packets and forward others: the stateful engine "
		"sees half of a connection");
	a->decides = last;
}

static void ask_packets(struct run *x, const struct nfw_flow *flow, struct nfw_answer *ret)
{
	const char *name[NFW_STAGES_MAX];
	size_t count = flow_packets(flow, name);
	bool stream = flow->flow.proto == 6, alive = true, denied = false, passed = false;
	bool unseen = false, seen = false;
	for (size_t i = 0; i < count && (alive || x->use != NULL); i++) {
		struct nfw_stage *stage = &ret->stage[ret->stages++];
		stage->name = name[i];
		unsigned ways = ask_packet(x, flow, stage);
		bool counts = stream || i == 0;
		seen = seen || (ways & WAY_FORWARD) != 0;
		unseen = unseen || ((ways & WAY_FORWARD) == 0 && (ways & WAY_PASS) != 0);
		denied = denied || (counts && (ways & WAY_DROP) != 0);
		passed = passed ||
		         (counts && (ways & (stream ? WAY_FLOW : WAY_FLOW | WAY_PASS)) != 0);
		alive = (ways & WAY_PASS) != 0;
	}
	passed = passed || (stream && alive);
	ret->verdict = denied && passed ? NFW_UNDECIDED : denied ? NFW_DENIED : NFW_ALLOWED;
	ret->decides = deciding(ret, stream);
	if (stream)
		look_for_halves(ret, unseen, seen);
}

int nfw_ask_noting(const struct nfw *n, const struct nfw_policy *policy,
	const struct nfw_flow *flow, struct nfw_use *use, struct nfw_answer *ret)
{
	struct run x;
	*ret = (struct nfw_answer){0};
	if (policy->next_generation) {
		ret->stages = 1;
		ret->stage[0] = (struct nfw_stage){.name = "policy",
			.verdict = NFW_UNDECIDED,
			.reason = "a policy of the new kind, whose rules are not read"};
		ret->verdict = NFW_UNDECIDED;
		ret->decides = &ret->stage[0];
		return 0;
	}
	bool own = flow->home == NULL || n->home.first != NULL;
	int err = run_init(&x, own ? &n->home : flow->home, policy);
	x.use = use;
	if (err == 0)
		ask_packets(&x, flow, ret);
	if (err == 0 && x.full)
		err = -ENOMEM;
	run_fini(&x);
	return err;
}

int nfw_ask(const struct nfw *n, const struct nfw_policy *policy, const struct nfw_flow *flow,
	struct nfw_answer *ret)
{
	return nfw_ask_noting(n, policy, flow, NULL, ret);
}
