#include "cli/guarding_private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/guarding_metrics.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "guard/privileges.h"

/* A resolver is who answers the DNS questions of so many hosts. */
#define RESOLVER_HOSTS 3u
/* An enforcer that ended is started again as often as this. */
#define AGAIN_NS (5 * NS_PER_S)
/* Packets are taken as long before the enforcer runs, at most. */
#define START_NS (10 * NS_PER_S)

/* ---- telling ---- */

static void say_change(
	const struct guarding *g, const struct guard_change *c, enum guard_act act, const char *why)
{
	struct out o = {0};
	char host[ADDR_TEXT_BYTES], peer[ADDR_TEXT_BYTES];
	if (g->options.json) {
		trail_say(&o, c, act, clock_day_ns(), why);
	} else {
		out_printf(&o, "%-11s %s %s ", guard_act_name(act), guard_change_action(c),
			addr_text(&c->host, host));
		if (c->name[0] != '\0')
			out_printf(&o, "-> %s ", c->name);
		else if (!c->contain)
			out_printf(&o, "-> %s:%u protocol %u ", addr_text(&c->peer, peer), c->port,
				c->proto);
		out_printf(&o, "for ");
		out_duration(&o, c->until_ns - c->at_ns);
		out_printf(&o, "  change %llu  %s%s%s", (unsigned long long)c->id,
			c->cause != CAUSE_FINDING ? c->words : c->finding, why != NULL ? "  " : "",
			why != NULL ? why : "");
	}
	(void)fprintf(guarding_out(g), "%s\n", out_string(&o));
	(void)fflush(guarding_out(g));
	out_fini(&o);
}

int guarding_note(
	struct guarding *g, const struct guard_change *c, enum guard_act act, const char *why_words)
{
	struct fail why = {0};
	int64_t now_ns = clock_day_ns();
	g->trail_failed =
		g->trail != NULL && trail_add(g->trail, c, act, now_ns, why_words, &why) < 0;
	if (g->trail_failed) {
		message("%s", why.text);
		return -EIO;
	}
	g->counts.act[act]++;
	diary_change(g->diary, c, act, why_words, now_ns);
	if (g->watching != NULL)
		alerting_change(watch_alerting(g->watching), c, act, now_ns, why_words);
	guarding_keep_change(g, c, act, why_words);
	say_change(g, c, act, why_words);
	return 0;
}

/* Each once. */
static void say_left(struct guarding *g, const char *finding, const struct addr *from,
	const struct guard_left *left)
{
	char host[ADDR_TEXT_BYTES], peer[ADDR_TEXT_BYTES];
	if (!diary_left(g->diary, finding, from, left, clock_day_ns()))
		return;
	g->counts.left[left->why]++;
	guarding_keep_left(g, finding, from);
	if (!g->options.quiet && left->name[0] != '\0')
		message("%s: %s -> %s is left alone: %s", finding, addr_text(from, host),
			left->name, guard_leave_words(left->why));
	else if (!g->options.quiet)
		message("%s: %s -> %s:%u is left alone: %s", finding, addr_text(from, host),
			addr_text(&left->peer, peer), left->port, guard_leave_words(left->why));
}

/* ---- the enforcer ---- */

static int send_change(struct guarding *g, const struct guard_change *c, bool back)
{
	int64_t now_ns = clock_day_ns();
	if (c->name[0] != '\0') /* no packet is dropped for it */
		return 0;
	struct guard_command command = guard_command_of(c, back, now_ns);
	g->awaited = c->id;
	return guard_link_send(g->link, &command, c->id);
}

static int open_link(struct guarding *g, struct fail *why)
{
	const struct guard_rules *r = &g->options.rules;
	struct guard_link_options o = {.spawner = g->options.spawner,
		.persistent = g->options.persistent,
		.flush = g->stale,
		.channels = r->channels,
		.hosts = r->hosts,
		/* what was in force is sent again at once, beside what is new */
		.changes = r->changes + (uint32_t)g->state.count + 1};
	o.changes = o.changes > GUARD_CHANGES_MAX ? GUARD_CHANGES_MAX : o.changes;
	g->tried_ns = clock_steady_ns();
	int code = guard_link_open(&g->link, &o, why);
	if (code == 0)
		code = guarding_tell_lists(g);
	g->awaited = SERIAL_LISTS;
	for (size_t i = 0; i < g->state.count && code == 0; i++)
		code = send_change(g, &g->state.change[i], false);
	g->stale &= code < 0;
	return code;
}

/* Or it is told why not; it is tried again. */
static void start_enforcer(struct guarding *g)
{
	struct fail why = {0};
	if (open_link(g, &why) == 0)
		return;
	message("%s", why.text);
	guard_link_close(g->link);
	g->link = NULL;
}

static void lose_link(struct guarding *g)
{
	g->counts.losses++;
	message("postern-enforcer has ended: what it blocked is %s until it is started again",
		g->options.persistent ? "blocked" : "open");
	guard_link_close(g->link);
	g->link = NULL;
}

void guarding_send(struct guarding *g, const struct guard_change *c, bool back)
{
	if (c->name[0] != '\0')
		guarding_rpz_touch(g->rpz);
	/* the next enforcer is told of what is in force when this one is gone */
	if (g->link == NULL)
		return;
	/* before it is contained; one by one they would take longer than its next packet */
	int code = c->contain && !back ? guarding_tell_lists(g) : 0;
	if (code < 0 || send_change(g, c, back) < 0)
		lose_link(g);
}

bool guarding_is_resolver(const struct guarding *g, const struct addr *a)
{
	return crowd_hosts(g->resolvers, a) >= RESOLVER_HOSTS;
}

/* Who answers the DNS questions of several hosts. */
static void add_resolver(struct guarding *g, const struct addr *resolver)
{
	const struct cidr net = {.net = *resolver, .bits = 128};
	char text[ADDR_TEXT_BYTES];
	int added = never_add(&g->never, &net);
	if (added > 0 && g->link != NULL && guard_link_never(g->link, &net) < 0)
		lose_link(g);
	if (added >= 0 || g->full)
		return;
	g->full = true;
	message("%s and other resolvers that are seen from now on may be blocked: the list of what "
		"is never blocked is full",
		addr_text(resolver, text));
}

void guarding_renew(struct guarding *g)
{
	g->stale = true; /* for the next enforcer, when it is not this one that takes it */
	if (g->link != NULL && guarding_tell_lists(g) < 0)
		lose_link(g);
	g->stale = g->link == NULL;
}

/* It could not take the lists: another begins with them. */
static void replace_enforcer(struct guarding *g)
{
	message("postern-enforcer could not change what is never blocked in place: another is "
		"started");
	g->stale = true;
	guard_link_close(g->link);
	g->link = NULL;
	start_enforcer(g);
}

/* ---- the life of a guard ---- */

int guarding_new(struct guarding **ret, const struct guarding_options *options, struct fail *why)
{
	struct guarding *g = calloc(1, sizeof *g);
	int code = 0;
	if (g == NULL) {
		policy_free(options->policy);
		baseline_free(options->baseline);
		return fail_set(why, -ENOMEM, "out of memory");
	}
	const struct expected expected = guarding_expected(options);
	g->options = *options;
	g->since_ns = g->policy_ns = clock_day_ns();
	g->wake = epoll_create1(EPOLL_CLOEXEC);
	if (g->wake < 0 || diary_new(&g->diary) < 0 || crowd_new(&g->servers) < 0 ||
		crowd_new(&g->resolvers) < 0 || crowd_new(&g->askers) < 0 ||
		allowances_new(&g->allowances, &expected) < 0)
		code = fail_set(why, -ENOMEM, "out of memory");
	if (code == 0 && options->trail != NULL)
		code = trail_open(&g->trail, options->trail, &g->state, clock_day_ns(), why);
	if (code == 0)
		code = never_collect(&g->never, options, options->policy, why);
	if (code == 0 && options->rules.hold_ns > 0 && strangers_new(&g->strangers) < 0)
		code = fail_set(why, -ENOMEM, "out of memory");
	if (code == 0)
		code = probing_new(g, why);
	if (code == 0 && options->control != NULL)
		code = control_open(&g->control, options->control, g->wake, why);
	if (code == 0 && options->metrics != NULL)
		code = metrics_open(&g->metrics, g, why);
	if (code == 0 && options->enforce && options->rpz != NULL)
		code = guarding_rpz_new(&g->rpz, options->rpz, options->reload, why);
	if (code < 0) {
		guarding_free(g);
		return code;
	}
	g->options.rules.crowd = g->servers;
	g->options.rules.never = g->never.net;
	g->options.rules.askers = g->askers;
	g->options.rules.names = options->rpz != NULL;
	g->options.rules.expected = expected;
	*ret = g;
	return 0;
}

void guarding_free(struct guarding *g)
{
	if (g == NULL)
		return;
	guarding_stopping();
	metrics_close(g->metrics);
	control_close(g->control);
	guarding_rpz_free(g->rpz, g->watching != NULL && !g->options.persistent);
	guard_link_close(g->link);
	if (g->trail != NULL)
		(void)fclose(g->trail);
	cases_close(g->cases);
	guard_state_fini(&g->state);
	allowances_free(g->allowances);
	crowd_free(g->servers);
	crowd_free(g->resolvers);
	crowd_free(g->askers);
	diary_free(g->diary);
	policy_free(g->options.policy);
	baseline_free(g->options.baseline);
	probing_free(g->probing);
	strangers_free(g->strangers);
	if (g->wake >= 0)
		(void)close(g->wake);
	free(g);
}

int guarding_wake(const struct guarding *g)
{
	return g->wake;
}

int guarding_opened(void *context, struct engine *engine, struct fail *why)
{
	struct guarding *g = context;
	g->engine = engine;
	signals_catch_reload();
	int code = privileges_drop(why);
	const struct cases_options o = {.age_ns = g->options.cases_age_ns};
	return code < 0 || g->options.cases == NULL
	               ? code
	               : cases_open(&g->cases, g->options.cases, &o, why);
}

int guarding_start(void *context, struct watching *watching, struct fail *why)
{
	struct guarding *g = context;
	g->watching = watching;
	/* what it blocks stopped them while nobody looked; whom they knew before is remembered */
	for (size_t i = 0; i < g->state.count && g->options.remembers; i++)
		g->state.change[i].denied_ns = clock_day_ns() - START_NS;
	if (!g->options.enforce && !g->options.quiet)
		message("a dry run: nothing is changed; --enforce acts");
	if (g->state.count > 0 && !g->options.quiet)
		message("%zu changes of an earlier run are in force", g->state.count);
	return g->options.enforce ? open_link(g, why) : 0;
}

static void make(struct guarding *g, const struct guard_change *change)
{
	/* what was done for a moment is now done for good */
	const struct guard_change *held =
		guard_changes_find(g->state.change, g->state.count, change);
	uint64_t held_id = held != NULL ? held->id : 0;
	struct guard_change c = *change, old;
	int64_t now_ns = clock_day_ns();
	c.id = g->state.last_id + 1;
	if (guarding_note(g, &c, g->options.enforce ? ACT_MADE : ACT_WOULD, NULL) < 0)
		return;
	if (guard_state_add(&g->state, &c) < 0)
		return;
	if (now_ns - g->state.minute_ns >= 60 * NS_PER_S) {
		g->state.minute_ns = now_ns;
		g->state.changes = 0;
	}
	g->state.changes++;
	guarding_send(g, &c, false);
	if (held_id != 0 && guard_state_take(&g->state, held_id, &old))
		(void)guarding_note(g, &old, ACT_ENDED, "what lasts longer takes its place");
}

void guarding_carry_out(struct guarding *g, const struct guard_plan *plan, const char *finding,
	const struct addr *host)
{
	for (size_t i = 0; i < plan->changes; i++)
		make(g, &plan->change[i]);
	for (size_t i = 0; i < plan->lefts; i++)
		say_left(g, finding, host, &plan->left[i]);
}

void guarding_finding(void *context, const struct finding *f)
{
	struct guarding *g = context;
	struct guard_plan plan;
	if (diary_finding(g->diary, f, clock_day_ns()))
		g->counts.finding[f->kind]++;
	guard_decide(f, guarding_rules(g), &g->state, clock_day_ns(), &plan);
	guarding_carry_out(g, &plan, f->id, &f->host);
	probing_finding(g, f);
}

/* What a host does to whom something is blocked. */
static void follow(struct guarding *g, const struct conn *c, bool first)
{
	struct guard_plan plan;
	struct guard_new n = {.host = c->client,
		.peer = c->server,
		.proto = c->ip_proto,
		.port = c->transport == TRANSPORT_ICMP ? 0 : c->server_port,
		.start_ns = c->start_ns,
		.first = first,
		.named = c->name != NULL || hosts_name_of(g->engine->hosts, &c->server) != 0,
		.expected = guarding_expects(g, c)};
	guard_follow(&n, guarding_rules(g), &g->state, clock_day_ns(), &plan);
	guarding_carry_out(g, &plan, "after a block", &c->client);
}

bool guarding_is_local(const struct guarding *g, const struct addr *a)
{
	for (size_t i = 0; i < g->options.local->count; i++)
		if (cidr_has(&g->options.local->net[i], a))
			return true;
	return g->options.local->count == 0 && addr_is_private(a);
}

/* Else a host would say by a resolver of its own what a name that is allowed leads to. */
static bool is_believed(const struct guarding *g, const struct lookup *l)
{
	const struct cidr one = {.net = l->resolver, .bits = 128};
	const struct host_contact asked = {
		.host = l->client, .server = l->resolver, .transport = TRANSPORT_UDP, .port = 53};
	return guarding_is_local(g, &l->resolver) || never_has(&g->never, &one) ||
	       expected_has(&g->options.rules.expected, &asked);
}

void guarding_event(void *context, const struct event *event, bool before)
{
	struct guarding *g = context;
	if (event->kind == EVENT_CONN) {
		const struct conn *c = &event->conn;
		if (!guarding_is_local(g, &c->client))
			return;
		bool answers = c->packets_in > 0 && !outcome_is_failure(c->outcome),
		     first = !crowd_knows(g->servers, &c->server, &c->client);
		if (answers) /* before all else: nothing is asked about who answered nobody */
			crowd_add(g->servers, &c->server, &c->client);
		switching_conn(g, c);
		probing_event(g, c, before);
		if (answers && !before && guard_state_has_host(&g->state, &c->client))
			follow(g, c, first);
		return;
	}
	const struct lookup *l = &event->lookup;
	if (event->kind != EVENT_LOOKUP)
		return;
	if (guarding_is_local(g, &l->client))
		probing_lookup(g, l, before);
	if (l->answer_ns == 0)
		return;
	crowd_add(g->resolvers, &l->resolver, &l->client);
	if (g->options.rpz != NULL && l->name != NULL) {
		struct addr key = guard_name_key(registered_domain(l->name));
		crowd_add(g->askers, &key, &l->client);
	}
	if (guarding_is_local(g, &l->client))
		switching_lookup(g, l, before);
	if (guarding_is_resolver(g, &l->resolver))
		add_resolver(g, &l->resolver);
	if (is_believed(g, l))
		allowances_learn(g->allowances, l);
}

/* ---- what the enforcer says ---- */

/* Each time that they have doubled. */
static void say_lost(struct guarding *g, uint64_t lost)
{
	if (lost <= 2 * g->lost)
		return;
	g->lost = lost;
	message("%llu dropped packets were not told by postern-enforcer: what they were is not "
		"known",
		(unsigned long long)lost);
}

/* A packet that was dropped is an attempt that failed, known at once. */
static void deny(struct guarding *g, struct engine *engine, const struct guard_reply *r)
{
	struct event e = {.kind = EVENT_CONN};
	struct conn *c = &e.conn;
	c->id = UINT64_C(1) << 63 | ++g->denials; /* apart from those of the flows */
	c->settled = c->ended = true;
	c->start_ns = c->fail_ns = c->end_ns = r->time_ns;
	memcpy(c->client.byte, r->host, 16);
	memcpy(c->server.byte, r->peer, 16);
	c->client_port = r->host_port;
	c->server_port = r->port;
	c->ip_proto = r->proto;
	c->transport = r->proto == 6    ? TRANSPORT_TCP
	               : r->proto == 17 ? TRANSPORT_UDP
	                                : TRANSPORT_OTHER;
	c->outcome = OUTCOME_DENIED;
	c->packets_out = c->tries = 1;
	const struct guard_change like = {
		.host = c->client, .peer = c->server, .proto = c->ip_proto, .port = c->server_port};
	guard_state_deny(&g->state, &like, r->time_ns);
	switching_deny(g, c);
	say_lost(g, r->lost);
	if (c->transport != TRANSPORT_OTHER)
		engine_event(engine, &e);
}

static void hear(struct guarding *g, struct engine *engine, const struct guard_reply *r)
{
	struct guard_change c;
	if (r->kind != GUARD_DENIED && r->serial == g->awaited)
		g->awaited = 0;
	if (r->kind == GUARD_DENIED)
		deny(g, engine, r);
	else if (r->kind == GUARD_REFUSED && r->serial == SERIAL_LISTS)
		replace_enforcer(g);
	else if (r->kind == GUARD_REFUSED && r->serial != 0 &&
		 guard_state_take(&g->state, r->serial, &c)) {
		(void)guarding_note(
			g, &c, ACT_REFUSED, guard_reason_words((enum guard_reason)r->reason));
		probing_stop(g, &c);
	}
}

/* An enforcer that ended is started again, by a spawner that lives. */
static void keep_enforcing(struct guarding *g)
{
	if (!g->helpless && !guard_spawner_lives(g->options.spawner)) {
		g->helpless = true;
		message("what starts postern-enforcer has ended: it can't be started again; "
			"restart "
			"the guard");
	}
	if (g->link == NULL && !g->helpless && clock_steady_ns() - g->tried_ns > AGAIN_NS)
		start_enforcer(g);
}

/* When what was in force before is so again. */
static void say_ready(struct guarding *g)
{
	if (g->ready || (g->options.enforce && (g->link == NULL || g->awaited != 0)))
		return;
	g->ready = true;
	guarding_ready(g);
}

int guarding_turn(void *context, struct engine *engine, struct fail *why)
{
	struct guarding *g = context;
	struct guard_reply r;
	struct guard_change c;
	int got = 0;
	(void)why;
	if (signals_reload) {
		signals_reload = 0;
		guarding_reloading();
		guarding_reload(g);
		guarding_reloaded();
	}
	while (g->link != NULL && (got = guard_link_hear(g->link, &r)) == 1)
		hear(g, engine, &r);
	if (got < 0)
		lose_link(g);
	say_ready(g);
	/* an element of the kernel's ends by itself */
	int64_t now_ns = clock_day_ns();
	while (guard_state_take_ended(&g->state, now_ns, &c)) {
		(void)guarding_note(g, &c, ACT_ENDED, NULL);
		guarding_rpz_touch(c.name[0] != '\0' ? g->rpz : NULL);
	}
	guarding_rpz_turn(g->rpz, &g->state);
	probing_turn(g, now_ns);
	if (g->options.enforce)
		keep_enforcing(g);
	if (g->control != NULL)
		control_turn(g->control, guarding_answer, g);
	if (g->metrics != NULL)
		metrics_turn(g->metrics);
	guarding_report(g);
	return 0;
}
