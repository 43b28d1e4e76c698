/* Whom an experiment is made with, and about what. */
#include <errno.h>
#include <string.h>

#include "guard/private.h"
#include "guard/trial_private.h"

static void leave(struct guard_plan *plan, const struct finding_channel *c, const struct addr *host,
	enum guard_leave why)
{
	bool has = c != NULL && c->addr_count > 0;
	plan->left[plan->lefts++] = (struct guard_left){
		.peer = has ? c->addrs[0] : *host, .port = has ? c->port : 0, .why = why};
}

/* Whatever it was asked for then. */
static bool is_resting(const struct trials *t, const char *question, int64_t now_ns)
{
	for (size_t i = 0; i < t->rests; i++)
		if (t->rest[i].until_ns > now_ns && strcmp(t->rest[i].question, question) == 0)
			return true;
	return false;
}

/* The channel that the host went over to last, and was answered on. */
static const struct finding_channel *suspect_of(const struct trial_asked *a)
{
	const struct finding_channel *best = NULL;
	for (size_t i = 0; i < a->channels; i++) {
		const struct finding_channel *c = &a->channel[i];
		if (c->role == ROLE_FALLBACK && c->connections > c->failures &&
			(best == NULL || c->last_ns > best->last_ns))
			best = c;
	}
	return best;
}

static int64_t period_of(const struct finding_channel *c)
{
	return c->connections < 2 ? 0 : (c->last_ns - c->first_ns) / (int64_t)(c->connections - 1);
}

/* What else is asked about is of the same software, as far as the judge can tell. */
static void relate(struct trial *one, const struct finding_channel *channel, size_t channels,
	const struct guard_rules *rules)
{
	enum guard_leave why;
	for (size_t i = 0; i < channels; i++) {
		struct trial_way *w = channel[i].role == ROLE_CARRIER
		                              ? NULL
		                              : trial_way_of_channel(one, &channel[i], rules, &why);
		if (w != NULL)
			w->related = true;
	}
}

static enum guard_leave begin(struct trials *t, const struct probe_request *request,
	const struct trial *one, int64_t now_ns)
{
	switch (probe_begin(t->probes, request, now_ns, NULL)) {
	case 0:
		break;
	case -ERANGE:
		return LEAVE_LIVELY;
	case -EPERM:
		return LEAVE_POPULAR;
	default:
		return LEAVE_BUSY;
	}
	const struct probe *probe = probe_find(t->probes, &one->host);
	struct trial *place = trial_of(t, &one->host);
	/* a place of the probes is free, so one of ours belongs to a host that they forgot */
	for (size_t i = 0; place == NULL && i < PROBE_HOSTS_MAX; i++)
		if (addr_is_none(&t->item[i].host) ||
			probe_find(t->probes, &t->item[i].host) == NULL)
			place = &t->item[i];
	CHECK(place != NULL);
	*place = *one;
	place->number = probe->number;
	t->changed = true;
	t->options.hooks.news(t->options.hooks.context, TRIAL_BEGUN, place, probe);
	return LEAVE_NONE;
}

/* one: whom, and why. */
static enum guard_leave ask(struct trials *t, struct trial *one, const struct trial_asked *asked,
	const struct guard_rules *rules, struct hosts *hosts, int64_t now_ns)
{
	enum guard_leave why = LEAVE_NONE;
	char question[33];
	const struct finding_channel *c = suspect_of(asked);
	const struct host *h = trial_host(hosts, &one->host);
	struct trial_way *w = trial_way_of_channel(one, c, rules, &why);
	if (w == NULL)
		return why;
	trial_question(&one->host, w->key, question);
	if (is_resting(t, question, now_ns))
		return LEAVE_ASKED;
	if (one->cause == CAUSE_SWITCH)
		memcpy(one->finding, question, sizeof question);
	struct probe_request request = {.host = one->host,
		.key = w->key,
		.period_ns = asked->period_ns,
		.p0 = 1, /* of a host of which nothing is known nothing can be told */
		.popularity = w->name[0] != '\0' ? 0 /* that is asked already */
	                                         : crowd_hosts(rules->crowd, &w->addr[0])};
	if (h != NULL)
		request.p0 = trial_chance(h, hosts_strings(hosts), asked,
			probe_slot_ns(&t->options.probe, asked->period_ns), now_ns);
	relate(one, asked->channel, asked->channels, rules);
	return begin(t, &request, one, now_ns);
}

void trials_ask(struct trials *t, const struct finding *f, const struct guard_rules *rules,
	struct hosts *hosts, int64_t now_ns, struct guard_plan *ret)
{
	struct trial_asked asked = {f->channel, f->channels, &rules->expected, 0};
	const struct finding_channel *c = suspect_of(&asked);
	struct trial *there = trial_of(t, &f->host), one = {.host = f->host, .e_value = f->e_value};
	enum guard_leave why = LEAVE_NONE;
	ret->changes = ret->lefts = 0;
	if (trials_run(t, &f->host)) {
		if (strcmp(there->finding, f->id) == 0)
			relate(there, f->channel, f->channels, rules);
		return;
	}
	memcpy(one.finding, f->id, sizeof one.finding);
	if (f->explained != NULL)
		why = LEAVE_EXPLAINED;
	else if (c == NULL)
		why = LEAVE_FAILED;
	else if (f->e_value > rules->max_e)
		why = LEAVE_WEAK;
	if (why == LEAVE_NONE) {
		asked.period_ns = period_of(c);
		why = ask(t, &one, &asked, rules, hosts, now_ns);
	}
	if (why != LEAVE_NONE)
		leave(ret, c, &f->host, why);
}

/* ---- of a switch ---- */

static struct finding_channel channel_of_end(const struct guard_end *e, enum channel_role role)
{
	struct finding_channel c = {.role = role,
		.transport = transport_of(e->proto),
		.port = e->port,
		.endpoint = e->name,
		.names = {e->name},
		.name_count = e->name != NULL,
		.addrs = {e->peer},
		.addr_count = !addr_is_none(&e->peer),
		.connections = 1};
	return c;
}

void trials_ask_switch(struct trials *t, const struct guard_switch *sw,
	const struct guard_rules *rules, struct hosts *hosts, int64_t now_ns,
	struct guard_plan *ret)
{
	const struct finding_channel channel[] = {
		channel_of_end(&sw->left, ROLE_PRIMARY), channel_of_end(&sw->to, ROLE_FALLBACK)};
	struct trial_asked asked = {channel, 2, &rules->expected, 0};
	const struct trial_contact left = {.host = sw->host,
		.peer = sw->left.peer,
		.lookup = addr_is_none(&sw->left.peer),
		.proto = sw->left.proto,
		.port = sw->left.port,
		.domain = sw->left.name};
	struct trial one = {.host = sw->host, .cause = CAUSE_SWITCH};
	const struct host *h = trial_host(hosts, &sw->host);
	ret->changes = ret->lefts = 0;
	if (trials_run(t, &sw->host))
		return;
	(void)snprintf(one.words, sizeof one.words, "%s", sw->words);
	if (h != NULL) /* how it came to what it left it comes to what it went over to */
		asked.period_ns = trial_period(h, hosts_strings(hosts), &left);
	enum guard_leave why = ask(t, &one, &asked, rules, hosts, now_ns);
	if (why != LEAVE_NONE)
		leave(ret, &channel[1], &sw->host, why);
}
