/* How a running guard is: the numbers that status and the metrics tell, whether something is wrong,
 * and what systemd is told (sd_notify(3), which does nothing where nobody asked for it). */
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "cli/guarding_private.h"

/* Findings that come so late block what is long over. */
#define BEHIND_NS (30 * NS_PER_S)
/* A third of the time after which a guard that says nothing is killed. */
#define WATCHDOG_PART 3u
#define STATUS_NS     (10 * NS_PER_S)

void guarding_measure(const struct guarding *g, struct guarding_gauges *ret)
{
	*ret = (struct guarding_gauges){0};
	for (size_t i = 0; i < g->state.count; i++)
		ret->contained += g->state.change[i].contain;
	ret->blocked = g->state.count - ret->contained;
	if (clock_day_ns() - g->state.minute_ns < 60 * NS_PER_S)
		ret->changes = g->state.changes;
	watch_health(g->watching, &ret->watch);
	ret->enforcer = !g->options.enforce ? "dry run" : g->link != NULL ? "up" : "down";
	if (g->helpless)
		ret->ill = "what starts postern-enforcer has ended: restart the guard";
	else if (g->options.enforce && g->link == NULL)
		ret->ill = "postern-enforcer does not run: it is started again within 5 s";
	else if (g->trail_failed)
		ret->ill = "the trail can't be written: nothing is changed";
	else if (g->cases_failed)
		ret->ill = "the file of cases can't be written: what is told waits, or is lost";
	else if (ret->watch.behind_ns > BEHIND_NS)
		ret->ill = "it is more than 30 s behind the packets";
}

void guarding_ready(struct guarding *g)
{
	uint64_t after_us = 0;
	if (sd_watchdog_enabled(0, &after_us) > 0 && after_us <= (uint64_t)INT64_MAX / 1000)
		g->watchdog_ns = (int64_t)after_us * 1000 / WATCHDOG_PART;
	(void)sd_notify(0, "READY=1");
}

void guarding_reloading(void)
{
	(void)sd_notifyf(
		0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_steady_ns() / 1000));
}

void guarding_reloaded(void)
{
	(void)sd_notify(0, "READY=1");
}

void guarding_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

void guarding_report(struct guarding *g)
{
	struct guarding_gauges m;
	int64_t now_ns = clock_steady_ns();
	/* what can't act any more, and would by a new start, lets itself be started anew */
	if (g->watchdog_ns > 0 && now_ns - g->fed_ns >= g->watchdog_ns &&
		!(g->helpless && g->link == NULL)) {
		g->fed_ns = now_ns;
		(void)sd_notify(0, "WATCHDOG=1");
	}
	if (g->reported_ns != 0 && now_ns - g->reported_ns < STATUS_NS)
		return;
	g->reported_ns = now_ns;
	guarding_measure(g, &m);
	(void)sd_notifyf(0,
		"STATUS=%s%s%zu hosts seen, %zu channels blocked, %zu hosts contained, "
		"enforcer: %s",
		m.ill != NULL ? m.ill : "", m.ill != NULL ? "; " : "", m.watch.hosts, m.blocked,
		m.contained, m.enforcer);
}
