/* What a guard tells, kept in a file before it is told. */
#include <math.h>

#include "base/clock.h"
#include "cli/guarding_private.h"
#include "cli/message.h"

/* A disk that took nothing is tried again as often as this. */
#define AGAIN_NS NS_PER_S

FILE *guarding_out(const struct guarding *g)
{
	return g->watching == NULL ? stdout : watch_file(g->watching);
}

void guarding_told(void *context, const struct watch_told *told)
{
	struct guarding *g = context;
	char host[ADDR_TEXT_BYTES];
	if (g->cases == NULL)
		return;
	cases_add(g->cases, &(struct cases_row){.at_ns = clock_day_ns(),
				    .e_value = told->e,
				    .type = told->type,
				    .host = addr_text(&told->host, host),
				    .id = told->id,
				    .state = told->state,
				    .kind = told->kind,
				    .text = told->json});
}

void guarding_keep_change(
	struct guarding *g, const struct guard_change *c, enum guard_act act, const char *why)
{
	struct out o = {0};
	if (g->cases == NULL)
		return;
	trail_say(&o, c, act, clock_day_ns(), why);
	guarding_told(g, &(struct watch_told){.type = "change",
				 .id = c->finding,
				 .state = guard_act_name(act),
				 .kind = guard_change_action(c),
				 .host = c->host,
				 .e = c->cause == CAUSE_FINDING ? c->e_value : (double)NAN,
				 .json = out_string(&o)});
	out_fini(&o);
}

void guarding_keep_left(struct guarding *g, const char *finding, const struct addr *from)
{
	struct out o = {0};
	if (g->cases == NULL)
		return;
	diary_say_newest(g->diary, &o);
	guarding_told(g, &(struct watch_told){.type = "left",
				 .id = finding,
				 .state = "left",
				 .kind = "",
				 .host = *from,
				 .e = (double)NAN,
				 .json = out_string(&o)});
	out_fini(&o);
}

void guarding_keep(void *context)
{
	struct guarding *g = context;
	struct fail why = {0};
	int64_t now_ns = clock_steady_ns();
	if (g->cases == NULL || (g->cases_failed && now_ns - g->cases_tried_ns < AGAIN_NS))
		return;
	int code = cases_commit(g->cases, clock_day_ns(), &why);
	if (code < 0 && !g->cases_failed)
		message("%s: the guard goes on, and what it tells waits until there is room",
			why.text);
	if (code == 0 && g->cases_failed)
		message("what waited for the file of cases is written; %llu were dropped in all",
			(unsigned long long)cases_stats(g->cases).dropped);
	g->cases_failed = code < 0;
	g->cases_tried_ns = now_ns;
}

void guarding_cases_say(const struct guarding *g, struct emit *e)
{
	if (g->cases == NULL)
		return;
	struct cases_stats s = cases_stats(g->cases);
	emit_open(e, "cases", '{');
	emit_text(e, "file", g->options.cases, 4096);
	emit_bool(e, "failed", g->cases_failed);
	emit_count(e, "written", s.written);
	emit_count(e, "waiting", s.waiting);
	emit_count(e, "dropped", s.dropped);
	emit_close(e, '}');
}
