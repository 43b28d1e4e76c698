/* The policy and the baseline of a running guard, and what is never blocked; all may be read anew.
 */
#include "cli/guarding_private.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/strings.h"
#include "cli/baseline.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/terminal.h"

static int read_policy(const char *path, struct policy **ret, struct fail *why)
{
	struct cur text;
	char *owned = NULL;
	if (path == NULL)
		return 0;
	int code = file_read(path, POLICY_BYTES_MAX, &owned, &text, why);
	if (code == 0)
		code = policy_parse(ret, shown(path).text, text, why);
	free(owned);
	return code;
}

static void let_go_of(struct guarding_options *o)
{
	policy_free(o->policy);
	baseline_free(o->baseline);
	o->policy = NULL;
	o->baseline = NULL;
}

int guarding_read(struct guarding_options *o, struct fail *why)
{
	o->policy = NULL;
	o->baseline = NULL;
	int code = read_policy(o->policy_path, &o->policy, why);
	if (code == 0 && o->baseline_path != NULL)
		code = baseline_load(o->baseline_path, &o->baseline, why);
	if (code < 0)
		let_go_of(o);
	return code;
}

struct expected guarding_expected(const struct guarding_options *o)
{
	return (struct expected){o->policy, o->baseline};
}

const char *guarding_domain(const struct guarding *g, const struct conn *c)
{
	if (c->name != NULL)
		return registered_domain(c->name);
	return strings_get(g->engine->strings, hosts_name_of(g->engine->hosts, &c->server));
}

bool guarding_expects(const struct guarding *g, const struct conn *c)
{
	const struct expected e = guarding_expected(&g->options);
	const struct host_contact contact = {.host = c->client,
		.server = c->server,
		.domain = guarding_domain(g, c),
		.transport = c->transport,
		.port = c->server_port};
	return expected_has(&e, &contact);
}

/* ---- what is never blocked ---- */

bool never_has(const struct never *n, const struct cidr *net)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->net[i].bits <= net->bits && cidr_has(&n->net[i], &net->net))
			return true;
	return false;
}

int never_add(struct never *n, const struct cidr *net)
{
	if (never_has(n, net))
		return 0;
	if (n->count == NEVER_MAX)
		return -ENOSPC;
	n->net[n->count++] = *net;
	return 1;
}

/* All that the policy, the command line and this machine name. Fails: -E2BIG. */
int never_collect(
	struct never *n, const struct guarding_options *o, const struct policy *p, struct fail *why)
{
	struct cidr own[64];
	size_t owns = guard_own(own, ARRAY_LEN(own));
	bool room = true;
	*n = (struct never){0};
	for (size_t i = 0; i < o->never->count; i++)
		room &= never_add(n, &o->never->net[i]) >= 0;
	for (size_t i = 0; i < owns; i++)
		room &= never_add(n, &own[i]) >= 0;
	for (size_t i = 0; p != NULL && i < p->rules; i++)
		for (size_t k = 0; p->rule[i].never && k < p->rule[i].to.count; k++)
			room &= never_add(n, &p->rule[i].to.net[k]) >= 0;
	if (room)
		return 0;
	return fail_set(why, -E2BIG,
		"more than %u networks are never to be blocked: write fewer, wider ones",
		NEVER_MAX);
}

/* Resolvers that were seen stay what they are. */
static void keep_resolvers(const struct guarding *g, struct never *n)
{
	for (size_t i = 0; i < g->never.count; i++)
		if (g->never.net[i].bits == 128 && guarding_is_resolver(g, &g->never.net[i].net) &&
			never_add(n, &g->never.net[i]) < 0)
			return; /* told when it answers again */
}

/* ---- telling the enforcer ---- */

static int tell_reach(struct guarding *g, const struct guard_change *c)
{
	int64_t now_ns = clock_day_ns();
	const struct guard_command command = guard_command_of(c, false, now_ns);
	return allowances_send(g->allowances, g->link, &c->host, command.expiry_s, now_ns);
}

int guarding_tell_lists(struct guarding *g)
{
	int code = guard_link_say(g->link, GUARD_GATHER, 0);
	for (size_t i = 0; i < g->never.count && code == 0; i++)
		code = guard_link_never(g->link, &g->never.net[i]);
	for (size_t i = 0; i < g->state.count && code == 0; i++)
		if (g->state.change[i].contain)
			code = tell_reach(g, &g->state.change[i]);
	return code < 0 ? code : guard_link_say(g->link, GUARD_REPLACE, SERIAL_LISTS);
}

/* ---- reading it anew ---- */

/* What is in force against what is never blocked from now on ends. */
static size_t let_go(struct guarding *g)
{
	size_t ended = 0;
	for (size_t i = g->state.count; i-- > 0;) {
		struct guard_change c = g->state.change[i];
		const struct cidr host = {.net = c.host, .bits = 128},
				  peer = {.net = c.peer, .bits = 128};
		if (!never_has(&g->never, &host) && (c.contain || !never_has(&g->never, &peer)))
			continue;
		if (guarding_note(g, &c, ACT_ENDED, guard_leave_words(LEAVE_NEVER)) < 0)
			continue; /* it can't be told, so it stays until its time is over */
		(void)guard_state_take(&g->state, c.id, NULL);
		guarding_send(g, &c, true);
		probing_stop(g, &c);
		ended++;
	}
	return ended;
}

/* Nothing of the guard's is touched before all of it was read. fresh: a copy of the options with
 * what was read. */
static void swap(struct guarding *g, const struct guarding_options *fresh, struct never *spare)
{
	const struct expected e = guarding_expected(fresh);
	keep_resolvers(g, spare);
	watch_expect(g->watching, &e);
	allowances_expect(g->allowances, &e);
	let_go_of(&g->options);
	g->options.policy = fresh->policy;
	g->options.baseline = fresh->baseline;
	g->options.rules.expected = e;
	g->policy_ns = clock_day_ns();
	g->never = *spare;
	g->full = false;
	size_t ended = let_go(g);
	guarding_renew(g);
	message("the policy was read anew: %zu rules, %zu entries of the baseline; %zu networks "
		"are never blocked%s",
		e.policy == NULL ? 0 : e.policy->rules,
		e.baseline == NULL ? 0 : e.baseline->entries, g->never.count,
		ended > 0 ? "; blocks of them were ended" : "");
}

/* *fresh: a copy of the guard's options. */
static int read_spare(struct guarding_options *fresh, struct never *spare, struct fail *why)
{
	int code = guarding_read(fresh, why);
	if (code == 0 && (code = never_collect(spare, fresh, fresh->policy, why)) < 0)
		let_go_of(fresh);
	return code;
}

void guarding_reload(struct guarding *g)
{
	struct guarding_options fresh = g->options;
	struct never *spare = calloc(1, sizeof *spare);
	if (spare == NULL) {
		message("the policy was not read anew: out of memory");
		return;
	}
	g->policy_failed = (struct fail){0};
	if (read_spare(&fresh, spare, &g->policy_failed) == 0) {
		swap(g, &fresh, spare);
	} else {
		message("%s", g->policy_failed.text);
		message("the policy was not read anew: the one before holds");
	}
	free(spare);
}
