/* The guard's experiments: what trials (guard/trial.h) hear and ask for, their lines and their
 * file. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/folder.h"
#include "cli/file.h"
#include "cli/guarding_private.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "guard/trial.h"
#include "report/emit.h"

/* More is no file of ours. */
#define SAVED_BYTES_MAX ((size_t)8 << 20)

struct probing {
	struct trials *trials;
	/* Which hosts were answered at which port of a server. */
	struct crowd *ends;
	char *path;       /* NULL: nothing is kept */
	bool save_failed; /* and that was said */
};

static const char *const verdicts[] = {[PROBE_OPEN] = "open",
	[PROBE_CLEARED] = "cleared",
	[PROBE_UNDECIDED] = "undecided",
	[PROBE_CONFIRMED] = "confirmed",
	[PROBE_STOPPED] = "stopped"};
static const char *const news_names[] = {
	[TRIAL_BEGUN] = "begun", [TRIAL_CONFIRMED] = "confirmed", [TRIAL_ENDED] = "ended"};

/* ---- telling ---- */

static void say_ways(struct emit *e, const struct probe *one)
{
	emit_open(e, "channels", '[');
	for (uint32_t i = 0; i < one->channels; i++) {
		const struct probe_channel *c = &one->channel[i];
		emit_open(e, NULL, '{');
		emit_text(e, "channel", c->key, sizeof c->key);
		emit_bool(e, "way", c->in_set);
		emit_count(e, "in_blocks", c->block_hits);
		emit_count(e, "in_shams", c->sham_hits);
		if (c->block_hits > 0)
			emit_number(e, "lag_s", (double)c->lag_ns / c->block_hits / 1e9);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

static const struct {
	const char *windows, *hits, *fresh;
} window_names[PROBE_WINDOWS] = {
	[PROBE_IN_BLOCK] = {"blocks", "block_hits", "block_fresh"},
	[PROBE_IN_SHAM] = {"shams", "sham_hits", "sham_fresh"},
	[PROBE_IN_REST] = {"rests", "rest_hits", "rest_fresh"},
};

static void say_numbers(struct emit *e, const struct guarding *g, const struct probe *one)
{
	emit_count(e, "experiment", one->number);
	emit_address(e, "host", &one->host);
	emit_text(e, "channel", one->channel[0].key, PROBE_KEY_BYTES);
	emit_text(e, "verdict", verdicts[one->verdict], 16);
	emit_bool(e, "over", one->phase == PROBE_COOLING);
	emit_bool(e, "dry", !g->options.enforce);
	emit_number(e, "slot_s", (double)one->slot_ns / 1e9);
	emit_number(e, "chance", probe_p0(trials_probes(g->probing->trials), one));
	for (size_t i = 0; i < PROBE_WINDOWS; i++) {
		emit_count(e, window_names[i].windows, one->count[i].windows);
		emit_count(e, window_names[i].hits, probe_hits(&one->count[i]));
		emit_count(e, window_names[i].fresh, one->count[i].fresh);
	}
	emit_count(e, "tree_blocks", one->tree_blocks);
	emit_number(e, "log_e", one->log_e);
	emit_number(e, "log_odds", one->llr);
	emit_number(e, "fisher", probe_fisher(one));
	say_ways(e, one);
}

void probing_status(const struct guarding *g, struct emit *e)
{
	const struct probe *one = NULL;
	if (g->probing == NULL)
		return;
	emit_open(e, "experiments", '[');
	for (size_t i = 0; (one = trials_get(g->probing->trials, i)) != NULL; i++) {
		emit_open(e, NULL, '{');
		say_numbers(e, g, one);
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

void probing_explain(const struct guarding *g, const struct addr *host, struct emit *e)
{
	const struct probe *one = g->probing == NULL ? NULL : trials_find(g->probing->trials, host);
	struct out words = {0};
	if (one == NULL)
		return;
	emit_open(e, "experiment", '{');
	say_numbers(e, g, one);
	if (!g->options.enforce)
		out_text(&words, "a dry run: shams only, so nothing is decided\n");
	probe_explain(trials_probes(g->probing->trials), one, &words);
	emit_open(e, "words", '[');
	char *rest = words.text, *line = NULL;
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			emit_text(e, NULL, line, (size_t)PROBE_KEY_BYTES * 2);
	emit_close(e, ']');
	emit_close(e, '}');
	out_fini(&words);
}

static void write_line(struct guarding *g, const struct out *line)
{
	struct fail why = {0};
	g->trail_failed = g->trail != NULL && trail_line(g->trail, out_string(line), &why) < 0;
	if (g->trail_failed)
		message("%s", why.text);
}

static void tell_text(FILE *out, enum trial_news news, const struct probe *one)
{
	struct out o = {0};
	char host[ADDR_TEXT_BYTES];
	out_printf(&o, "%-11s experiment %llu %s ", news_names[news],
		(unsigned long long)one->number, addr_text(&one->host, host));
	out_safe(&o, one->channel[0].key, PROBE_KEY_BYTES);
	const struct probe_count *block = &one->count[PROBE_IN_BLOCK],
				 *sham = &one->count[PROBE_IN_SHAM];
	if (news != TRIAL_BEGUN)
		out_printf(&o, "  %s: other ways in %u of %u blocks, %u of %u shams",
			verdicts[one->verdict], probe_hits(block), block->windows, probe_hits(sham),
			sham->windows);
	(void)fprintf(out, "%s\n", out_string(&o));
	out_fini(&o);
}

/* In the trail, kept, and said. */
static void tell(
	void *context, enum trial_news news, const struct trial *t, const struct probe *one)
{
	struct guarding *g = context;
	struct out line = {0};
	struct emit e = {.out = &line};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "experiment", 16);
	emit_time(&e, "time", clock_day_ns());
	emit_text(&e, "act", news_names[news], 16);
	emit_text(&e, "finding", t->finding, sizeof t->finding);
	if (t->cause == CAUSE_FINDING)
		emit_number(&e, "e_value", t->e_value);
	else
		emit_text(&e, guard_cause_name(t->cause), t->words, sizeof t->words);
	say_numbers(&e, g, one);
	emit_close(&e, '}');
	write_line(g, &line);
	guarding_told(g, &(struct watch_told){.type = "experiment",
				 .id = t->finding,
				 .state = news_names[news],
				 .kind = "",
				 .host = one->host,
				 .e = t->cause == CAUSE_FINDING ? t->e_value : (double)NAN,
				 .json = out_string(&line)});
	if (g->options.json)
		(void)fprintf(guarding_out(g), "%s\n", out_string(&line));
	else
		tell_text(guarding_out(g), news, one);
	(void)fflush(guarding_out(g));
	out_fini(&line);
}

static void tell_seed(struct guarding *g, const struct hash_key *coin)
{
	struct out line = {0};
	out_text(&line, "{\"type\":\"seed\",\"time\":\"");
	out_time(&line, clock_day_ns());
	out_printf(&line, "\",\"seed\":\"%016llx%016llx\"}", (unsigned long long)coin->k0,
		(unsigned long long)coin->k1);
	write_line(g, &line);
	out_fini(&line);
}

/* ---- what trials ask for ---- */

static bool make_change(void *context, const struct guard_change *change)
{
	struct guarding *g = context;
	struct guard_plan plan;
	guard_try(change, guarding_rules(g), &g->state, change->at_ns, &plan);
	guarding_carry_out(g, &plan, change->finding, &change->host);
	return plan.lefts == 0 && g->link != NULL && !g->trail_failed;
}

static void note_sham(void *context, const struct guard_change *change)
{
	struct guarding *g = context;
	struct guard_change c = *change;
	c.id = ++g->state.last_id;
	(void)guarding_note(g, &c, ACT_SHAM, NULL);
}

static void release(void *context, const struct trial *t)
{
	struct guarding *g = context;
	for (size_t i = g->state.count; i-- > 0;) {
		const struct guard_change c = g->state.change[i];
		if (c.experiment != t->number || !addr_eq(&c.host, &t->host) ||
			guarding_note(g, &c, ACT_ENDED, "the experiment was stopped") < 0)
			continue;
		(void)guard_state_take(&g->state, c.id, NULL);
		guarding_send(g, &c, true);
	}
}

/* ---- the file ---- */

static void save(struct guarding *g)
{
	struct probing *p = g->probing;
	struct out bytes = {0};
	if (p->path == NULL)
		return;
	trials_save(p->trials, &bytes);
	int code = bytes.failed ? -ENOMEM : folder_replace(p->path, &bytes);
	if (code < 0 && !p->save_failed)
		message("%s: %s: experiments begin anew after a restart", shown(p->path).text,
			strerror(-code));
	p->save_failed = code < 0;
	out_fini(&bytes);
}

/* What can't be taken up is said, and left. */
static int take_up(struct guarding *g, struct fail *why)
{
	struct probing *p = g->probing;
	struct cur bytes;
	char *owned = NULL;
	if (p->path == NULL || access(p->path, F_OK) < 0)
		return 0;
	int code = file_read(p->path, SAVED_BYTES_MAX, &owned, &bytes, why);
	if (code == 0 && trials_restore(p->trials, bytes.ptr, bytes.len, clock_day_ns(), why) < 0)
		message("%s: %s", shown(p->path).text, why->text);
	free(owned);
	return code;
}

/* ---- the life of it ---- */

static struct trials_options options_of(struct guarding *g)
{
	const struct guarding_options *o = &g->options;
	struct trials_options t = {.probe = probe_config_usual(),
		.rest_ns = o->rules.expiry_ns,
		.expiry_ns = o->rules.expiry_ns,
		.hooks = {.context = g,
			.make = make_change,
			.sham = note_sham,
			.release = release,
			.news = tell}};
	t.probe.slot_min_ns = o->slot_ns;
	t.probe.slot_max_ns = o->slot_ns > t.probe.slot_max_ns ? o->slot_ns : t.probe.slot_max_ns;
	t.probe.hosts = o->rules.hosts < t.probe.hosts ? o->rules.hosts : t.probe.hosts;
	t.probe.popular = o->rules.popular;
	t.probe.dry = !o->enforce;
	t.probe.coin = o->coin;
	return t;
}

static int open_paths(struct probing *p, const char *state)
{
	struct out path = {0};
	if (state == NULL)
		return 0;
	out_printf(&path, "%s.experiments", state);
	p->path = strdup(out_string(&path));
	out_fini(&path);
	return p->path == NULL ? -ENOMEM : 0;
}

int probing_new(struct guarding *g, struct fail *why)
{
	const struct trials_options o = options_of(g);
	if (g->options.rules.response != RESPOND_PROBE)
		return 0;
	g->probing = calloc(1, sizeof *g->probing);
	if (g->probing == NULL || crowd_new(&g->probing->ends) < 0 ||
		open_paths(g->probing, g->options.state) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	int code = trials_new(&g->probing->trials, &o, why);
	if (code == 0)
		code = take_up(g, why);
	if (code == 0 && g->options.enforce)
		tell_seed(g, &g->options.coin);
	return code;
}

void probing_free(struct probing *p)
{
	if (p == NULL)
		return;
	trials_free(p->trials);
	crowd_free(p->ends);
	free(p->path);
	free(p);
}

static bool may_ask(const struct guarding *g, const struct addr *host)
{
	return g->probing != NULL && !signals_stop && !guard_state_contains(&g->state, host);
}

void probing_finding(struct guarding *g, const struct finding *f)
{
	struct guard_plan plan;
	if (!may_ask(g, &f->host))
		return;
	trials_ask(
		g->probing->trials, f, guarding_rules(g), g->engine->hosts, clock_day_ns(), &plan);
	guarding_carry_out(g, &plan, f->id, &f->host);
}

void probing_switch(struct guarding *g, const struct guard_switch *sw)
{
	struct guard_plan plan;
	if (!may_ask(g, &sw->host))
		return;
	trials_ask_switch(
		g->probing->trials, sw, guarding_rules(g), g->engine->hosts, clock_day_ns(), &plan);
	guarding_carry_out(g, &plan, "a switch", &sw->host);
}

bool probing_runs(const struct guarding *g, const struct addr *host)
{
	return g->probing != NULL && trials_run(g->probing->trials, host);
}

/* One port of one server, as if it were a server of its own. */
static struct addr end_of(const struct conn *c)
{
	struct addr end = c->server;
	end.byte[0] ^= c->ip_proto;
	if (c->transport != TRANSPORT_ICMP) {
		end.byte[1] ^= (uint8_t)(c->server_port >> 8);
		end.byte[2] ^= (uint8_t)c->server_port;
	}
	return end;
}

void probing_event(struct guarding *g, const struct conn *c, bool before)
{
	if (g->probing == NULL)
		return;
	struct trial_contact t = {.host = c->client,
		.peer = c->server,
		.start_ns = c->start_ns,
		.proto = c->ip_proto,
		.port = c->transport == TRANSPORT_ICMP ? 0 : c->server_port,
		.answered = c->packets_in > 0 && !outcome_is_failure(c->outcome)};
	const struct addr end = end_of(c);
	t.first = !crowd_knows(g->probing->ends, &end, &c->client);
	if (t.answered)
		crowd_add(g->probing->ends, &end, &c->client);
	if (before || !c->settled || trials_find(g->probing->trials, &c->client) == NULL)
		return;
	t.domain = guarding_domain(g, c);
	t.common = guarding_expects(g, c) ||
	           (t.domain != NULL && !domain_is_rare(domain_class(t.domain, NULL)));
	trials_saw(g->probing->trials, &t, guarding_rules(g), g->engine->hosts, clock_day_ns());
}

void probing_lookup(struct guarding *g, const struct lookup *l, bool before)
{
	if (g->probing == NULL || l->name == NULL || l->outcome == OUTCOME_UNKNOWN)
		return;
	struct trial_contact t = {.host = l->client,
		.start_ns = l->query_ns,
		.lookup = true,
		.domain = registered_domain(l->name),
		.answered = !outcome_is_failure(l->outcome)};
	const struct addr end = guard_name_key(t.domain);
	t.first = !crowd_knows(g->probing->ends, &end, &l->client);
	crowd_add(g->probing->ends, &end, &l->client);
	if (before || trials_find(g->probing->trials, &l->client) == NULL)
		return;
	t.common =
		ignored_lookup(l->name, l->qtype) || !domain_is_rare(domain_class(l->name, NULL));
	trials_saw(g->probing->trials, &t, guarding_rules(g), g->engine->hosts, clock_day_ns());
}

void probing_turn(struct guarding *g, int64_t now_ns)
{
	if (g->probing == NULL)
		return;
	if (g->options.enforce && g->link == NULL)
		trials_stop_blocks(g->probing->trials, now_ns);
	if (trials_turn(g->probing->trials, now_ns))
		save(g);
}

void probing_stop(struct guarding *g, const struct guard_change *c)
{
	if (g->probing != NULL && c->experiment != 0)
		(void)trials_stop(g->probing->trials, &c->host, clock_day_ns());
}
