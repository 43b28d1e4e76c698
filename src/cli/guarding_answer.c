/* What an operator asks of a running guard. */
#include <string.h>

#include "base/clock.h"
#include "cli/guarding_private.h"

/* Changes in force that one answer lists; of more their number is told. */
#define LIST_MAX 256u

static void say_full(struct emit *e, const char *name, size_t now, uint32_t max)
{
	emit_open(e, name, '{');
	emit_count(e, "now", now);
	emit_count(e, "max", max);
	emit_close(e, '}');
}

static void say_limits(struct emit *e, const struct guarding *g, const struct guarding_gauges *m)
{
	const struct guard_rules *r = &g->options.rules;
	emit_open(e, "limits", '{');
	say_full(e, "blocked", m->blocked, r->channels);
	say_full(e, "hosts", m->contained, r->hosts);
	say_full(e, "changes_a_minute", m->changes, r->changes);
	say_full(e, "never_block", g->never.count, NEVER_MAX);
	emit_close(e, '}');
}

static void say_policy(struct emit *e, const struct guarding *g)
{
	const struct guarding_options *o = &g->options;
	if (o->policy_path == NULL && o->baseline_path == NULL)
		return;
	emit_open(e, "policy", '{');
	emit_text(e, "file", o->policy_path, 4096);
	emit_time(e, "loaded", g->policy_ns);
	emit_count(e, "rules", o->policy == NULL ? 0 : o->policy->rules);
	emit_text(e, "baseline", o->baseline_path, 4096);
	emit_count(e, "entries", o->baseline == NULL ? 0 : o->baseline->entries);
	emit_text(e, "not_loaded", g->policy_failed.code == 0 ? NULL : g->policy_failed.text,
		FAIL_BYTES);
	emit_close(e, '}');
}

static void say_watch(
	struct emit *e, const struct guarding *g, const struct watch_health *h, int64_t now_ns)
{
	int64_t ran_s = (now_ns - g->since_ns) / NS_PER_S;
	emit_open(e, "watch", '{');
	emit_count(e, "packets", h->sources.packets);
	emit_count(e, "packets_lost", h->sources.packets_lost);
	emit_count(e, "given_up", h->given_up);
	emit_count(e, "packets_a_second", h->sources.packets / (uint64_t)(ran_s > 0 ? ran_s : 1));
	emit_number(e, "behind_s", (double)h->behind_ns / 1e9);
	emit_count(e, "hosts", h->hosts);
	emit_number(e, "cpu_s", (double)h->cpu_ns / 1e9);
	emit_count(e, "memory_peak_bytes", h->peak_bytes);
	emit_close(e, '}');
}

static void say_counts(struct emit *e, const struct guarding *g)
{
	emit_open(e, "findings", '{');
	for (int kind = 0; kind < KIND_COUNT; kind++)
		emit_count(e, finding_kind_name((enum finding_kind)kind), g->counts.finding[kind]);
	emit_close(e, '}');
	emit_open(e, "changes", '{');
	for (int act = ACT_NONE + 1; act < ACT_COUNT; act++)
		emit_count(e, guard_act_name((enum guard_act)act), g->counts.act[act]);
	emit_close(e, '}');
}

/* The changes of the host; NULL: all. */
static void say_in_force(struct emit *e, const struct guarding *g, const struct addr *host)
{
	size_t listed = 0, all = 0;
	emit_open(e, "in_force", '[');
	for (size_t i = 0; i < g->state.count; i++) {
		const struct guard_change *c = &g->state.change[i];
		if (host != NULL && !addr_eq(&c->host, host))
			continue;
		if (++all > LIST_MAX)
			continue;
		out_text(e->out, listed++ > 0 ? "," : "");
		trail_say(e->out, c, g->options.enforce ? ACT_MADE : ACT_WOULD, c->at_ns, NULL);
	}
	emit_close(e, ']');
	emit_count(e, "in_force_not_listed", all - listed);
}

static void say_status(struct guarding *g, struct out *o)
{
	struct emit e = {.out = o};
	struct guarding_gauges m;
	guarding_measure(g, &m);
	int64_t now_ns = clock_day_ns();
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "status", 16);
	emit_text(&e, "version", POSTERN_VERSION, 32);
	emit_time(&e, "since", g->since_ns);
	emit_time(&e, "now", now_ns);
	emit_text(&e, "respond", guard_response_name(g->options.rules.response), 16);
	emit_text(&e, "enforcer", m.enforcer, 16);
	emit_text(&e, "ill", m.ill, 128);
	emit_bool(&e, "restart_needed", g->helpless);
	emit_bool(&e, "trail_failed", g->trail_failed);
	guarding_cases_say(g, &e);
	say_policy(&e, g);
	say_limits(&e, g, &m);
	say_watch(&e, g, &m.watch, now_ns);
	say_counts(&e, g);
	guarding_rpz_say(g->rpz, &g->state, &e);
	alerting_say(watch_alerting(g->watching), &e);
	emit_count(&e, "denied", g->denials);
	emit_count(&e, "denied_not_told", g->lost);
	say_in_force(&e, g, NULL);
	probing_status(g, &e);
	emit_close(&e, '}');
}

static void say_explain(struct guarding *g, const struct addr *host, struct out *o)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "explain", 16);
	emit_address(&e, "host", host);
	emit_time(&e, "since", g->since_ns);
	say_in_force(&e, g, host);
	probing_explain(g, host, &e);
	out_text(o, ",\"story\":");
	diary_say(g->diary, host, o);
	emit_close(&e, '}');
}

/* Ends the change, or says why not. */
static const char *undo(struct guarding *g, uint64_t id, uint32_t hold_s, struct guard_change *ret)
{
	int64_t now_ns = clock_day_ns();
	const struct guard_change *found = NULL;
	for (size_t i = 0; i < g->state.count; i++)
		if (g->state.change[i].id == id)
			found = &g->state.change[i];
	if (found == NULL)
		return "no such change is in force";
	if (g->options.enforce && g->link == NULL)
		return "postern-enforcer does not run, so nothing can be ended: it is started "
		       "again within 5 s";
	struct guard_change c = *found;
	c.held_ns = now_ns + (hold_s > 0 ? hold_s * NS_PER_S : g->options.rules.expiry_ns);
	if (guarding_note(g, &c, ACT_ENDED, NULL) < 0)
		return "the trail can't be written: nothing was changed";
	(void)guard_state_take(&g->state, id, NULL);
	guarding_send(g, &c, true);
	probing_stop(g, &c);
	*ret = c;
	return guard_state_hold(&g->state, &c) < 0 ? "it has ended, but may be made again: out of "
	                                             "memory"
	                                           : NULL;
}

void guarding_answer(void *context, const struct control_request *request, struct out *o)
{
	struct guarding *g = context;
	struct guard_change c;
	if (request->kind == CONTROL_STATUS)
		say_status(g, o);
	if (request->kind == CONTROL_EXPLAIN)
		say_explain(g, &request->host, o);
	if (request->kind != CONTROL_UNDO)
		return;
	const char *wrong = undo(g, request->id, request->hold_s, &c);
	if (wrong != NULL)
		control_refuse(o, wrong);
	else
		trail_say(o, &c, ACT_ENDED, clock_day_ns(), NULL);
}
