#include <string.h>

#include "base/limits.h"
#include "judge/judge_private.h"

/* A step that is more likely than not by accident is not told as part of a walk, even as its
 * context. */
#define CONTEXT_CHANCE 0.5

/* ---- channels ---- */

static const char *known_text(const struct view *v, uint32_t number)
{
	const char *text = strings_get(v->strings, number);
	return text != NULL && strcmp(text, "unknown") == 0 ? NULL : text;
}

/* Names as text; addresses in the strings table of the run, so that both live as long. */
static const char *endpoint_of(const struct view *v, uint32_t channel)
{
	char buf[ADDR_TEXT_BYTES];
	const char *text = view_endpoint_text(v, channel, buf);
	return text != buf ? text : strings_get(v->strings, strings_add(v->strings, text));
}

/* The failure that most of the channel's attempts in view ended with. */
static enum outcome commonest_failure(const struct view *v, uint32_t channel)
{
	uint32_t count[OUTCOME_COUNT] = {0};
	enum outcome best = OUTCOME_OK;
	for (uint32_t i = 0; i < v->attempts; i++)
		if (v->attempt[i].channel == channel && attempt_failed(&v->attempt[i]))
			count[v->attempt[i].outcome]++;
	for (int o = OUTCOME_REFUSED; o < OUTCOME_COUNT; o++)
		if (count[o] > (best == OUTCOME_OK ? 0 : count[best]))
			best = (enum outcome)o;
	return best;
}

static void add_name(struct finding_channel *fc, const char *name)
{
	if (name == NULL || fc->name_count == FINDING_NAMES_MAX)
		return;
	for (size_t i = 0; i < fc->name_count; i++)
		if (strcmp(fc->names[i], name) == 0)
			return;
	fc->names[fc->name_count++] = name;
}

static void add_addr(struct finding_channel *fc, const struct addr *addr)
{
	if (addr_is_none(addr) || fc->addr_count == FINDING_ADDRS_MAX)
		return;
	for (size_t i = 0; i < fc->addr_count; i++)
		if (addr_eq(&fc->addrs[i], addr))
			return;
	fc->addrs[fc->addr_count++] = *addr;
}

static bool is_channel(const struct finding_channel *fc, const struct view *v, uint32_t channel)
{
	const struct channel *c = v->channel[channel].channel;
	return fc->key == v->channel[channel].endpoint && fc->port == c->port &&
	       fc->process == strings_get(v->strings, c->process) &&
	       fc->transport == (enum transport)c->transport;
}

static size_t find_channel(const struct finding *f, const struct view *v, uint32_t channel)
{
	size_t i = 0;
	while (i < f->channels && !is_channel(&f->channel[i], v, channel))
		i++;
	return i;
}

/* The finding's channel for this one, with what is known of it now; FINDING_CHANNELS_MAX when there
 * is no room. */
static size_t put_channel(struct finding *f, const struct view *v, uint32_t channel)
{
	size_t i = find_channel(f, v, channel);
	if (i == FINDING_CHANNELS_MAX)
		return i;
	struct finding_channel *fc = &f->channel[i];
	const struct channel *c = v->channel[channel].channel;
	if (i == f->channels) {
		*fc = (struct finding_channel){.role = ROLE_TRIED,
			.key = v->channel[channel].endpoint,
			.process = strings_get(v->strings, c->process),
			.endpoint = endpoint_of(v, channel),
			.port = c->port,
			.transport = (enum transport)c->transport,
			.failure = OUTCOME_OK};
		f->channels++;
	}
	add_name(fc, strings_get(v->strings, c->name));
	for (size_t k = 0; k < ARRAY_LEN(c->addr); k++) {
		struct addr addr = strings_addr(v->strings, c->addr[k]);
		add_addr(fc, &addr);
	}
	fc->service = known_text(v, c->service);
	fc->connections = c->connections;
	fc->failures = c->failures;
	enum outcome failure = commonest_failure(v, channel);
	if (failure != OUTCOME_OK)
		fc->failure = failure;
	fc->first_ns = c->first_ns;
	fc->last_ns = c->last_ns;
	fc->bytes_out = c->bytes_out;
	fc->bytes_in = c->bytes_in;
	fc->ja3 = known_text(v, c->ja3);
	fc->ja4 = known_text(v, c->ja4);
	fc->user_agent = known_text(v, c->user_agent);
	return i;
}

/* ---- switches ---- */

static void add_switch(struct finding *f, const struct finding_switch *sw)
{
	size_t at = f->switches;
	for (size_t i = 0; i < f->switches; i++)
		if (f->sw[i].at_ns == sw->at_ns && f->sw[i].to == sw->to)
			return;
	if (at == FINDING_SWITCHES_MAX)
		return;
	while (at > 0 && f->sw[at - 1].at_ns > sw->at_ns) {
		f->sw[at] = f->sw[at - 1];
		at--;
	}
	f->sw[at] = *sw;
	f->switches++;
}

static void add_step(struct finding *f, const struct telling *t, const struct step *s)
{
	const struct view *v = t->view;
	size_t from = put_channel(f, v, s->from);
	size_t to = put_channel(f, v, s->to);
	if (from == FINDING_CHANNELS_MAX || to == FINDING_CHANNELS_MAX)
		return;
	add_switch(f, &(struct finding_switch){.from = from,
			      .to = to,
			      .at_ns = s->at_ns,
			      .after_ns = s->at_ns - s->fail_ns,
			      .failure = (enum outcome)v->attempt[s->from_attempt].outcome});
}

/* Whether the walk has come to the channel, or begins with it. */
static bool is_reached(const struct finding *f, size_t channel)
{
	for (size_t i = 0; i < f->switches; i++)
		if (f->sw[i].to == channel)
			return true;
	return false;
}

/* What a switch begins with is the primary, what the last one ends with the fallback; between them
 * all were tried. */
static void set_roles(struct finding *f)
{
	for (size_t i = 0; i < f->channels; i++)
		f->channel[i].role = ROLE_TRIED;
	for (size_t i = 0; f->switches == 0 && i < f->channels; i++)
		f->channel[i].role = ROLE_CARRIER;
	if (f->switches == 0)
		return;
	f->channel[f->sw[0].from].role = ROLE_PRIMARY;
	for (size_t i = 0; i < f->switches; i++) /* it did not fail: it only told where to go on */
		if (f->kind == KIND_DEADDROP && f->sw[i].failure == OUTCOME_OK)
			f->channel[f->sw[i].from].role = ROLE_CARRIER;
	f->channel[f->sw[f->switches - 1].to].role = ROLE_FALLBACK;
}

/* ---- ticks and records: all attempts on the finding's channels that are in view ---- */

static void add_tick(struct finding *f, const struct finding_tick *tick)
{
	size_t at = f->ticks;
	while (at > 0 && f->tick[at - 1].at_ns > tick->at_ns)
		at--;
	for (size_t i = at; i > 0 && f->tick[i - 1].at_ns == tick->at_ns; i--)
		if (f->tick[i - 1].channel == tick->channel)
			return;
	if (f->ticks == FINDING_TICKS_MAX)
		return;
	memmove(&f->tick[at + 1], &f->tick[at], (f->ticks - at) * sizeof *tick);
	f->tick[at] = *tick;
	f->ticks++;
}

static void add_record(struct finding *f, const struct telling *t, const struct attempt *a)
{
	const struct channel *c = t->view->channel[a->channel].channel;
	if (a->target == 0 || a->client_port == 0)
		return; /* a proxy's log: it alone knows the address, or tells no port */
	struct conn conn = {.client = f->host,
		.server = strings_addr(t->view->strings, a->target),
		.client_port = a->client_port,
		.server_port = c->port,
		.transport = (enum transport)c->transport};
	conn.ip_proto = conn.transport == TRANSPORT_TCP   ? 6
	                : conn.transport == TRANSPORT_UDP ? 17
	                                                  : 0;
	char id[COMMUNITY_ID_BYTES];
	const char *kept = strings_get(
		t->view->strings, strings_add(t->view->strings, community_id(&conn, id)));
	if (kept == NULL || f->records == FINDING_RECORDS_MAX)
		return;
	for (size_t i = 0; i < f->records; i++)
		if (f->record[i] == kept)
			return;
	f->record[f->records++] = kept;
}

static void add_uid(struct finding *f, const struct telling *t, const struct attempt *a)
{
	const char *uid = view_uid(t->view, a);
	const char *kept = strings_get(t->view->strings, strings_add(t->view->strings, uid));
	if (kept == NULL || f->uids == FINDING_RECORDS_MAX)
		return;
	for (size_t i = 0; i < f->uids; i++)
		if (f->uid[i] == kept)
			return;
	f->uid[f->uids++] = kept;
}

static void add_attempts(struct finding *f, const struct telling *t)
{
	const struct view *v = t->view;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		if (a->channel == CHANNEL_FORGOTTEN)
			continue;
		size_t channel = find_channel(f, v, a->channel);
		if (channel == f->channels)
			continue;
		add_tick(f, &(struct finding_tick){.channel = channel,
				    .at_ns = a->start_ns,
				    .outcome = (enum outcome)a->outcome});
		if ((a->flags & ATTEMPT_LOOKUP) == 0)
			add_record(f, t, a);
		add_uid(f, t, a);
		if (f->first_ns == 0 || a->start_ns < f->first_ns)
			f->first_ns = a->start_ns;
		if (a->start_ns > f->last_ns)
			f->last_ns = a->start_ns;
	}
}

/* Who asked for the domain, as far as its channel is in view. */
static const char *asker(const struct view *v, uint32_t domain)
{
	for (uint32_t i = 1; i < v->channels; i++)
		if (v->channel[i].named && v->channel[i].endpoint == domain &&
			v->channel[i].channel->process != 0)
			return strings_get(v->strings, v->channel[i].channel->process);
	return NULL;
}

/* A name that was asked for and does not exist; its channel may be forgotten by now. */
static void put_name(struct finding *f, const struct view *v, const struct new_name *n)
{
	const char *domain = strings_get(v->strings, n->domain);
	for (size_t i = 0; i < f->channels; i++)
		if (f->channel[i].key == n->domain)
			return;
	if (f->channels == FINDING_CHANNELS_MAX)
		return;
	struct finding_channel *fc = &f->channel[f->channels++];
	*fc = (struct finding_channel){.role = ROLE_TRIED,
		.key = n->domain,
		.process = asker(v, n->domain),
		.endpoint = domain,
		.transport = TRANSPORT_OTHER,
		.service = "dns",
		.failures = 1,
		.failure = OUTCOME_NXDOMAIN,
		.first_ns = n->asked_ns,
		.last_ns = n->asked_ns};
	add_name(fc, domain);
	if (f->first_ns == 0 || n->asked_ns < f->first_ns)
		f->first_ns = n->asked_ns;
	if (n->asked_ns > f->last_ns)
		f->last_ns = n->asked_ns;
}

/* The names that do not exist, as far as there is room beside what the steps tell. */
static void add_names(struct finding *f, const struct telling *t)
{
	const struct host *h = t->view->host;
	int64_t to_ns = t->hit->span_ns + (int64_t)(t->hit->span_s * (double)NS_PER_S);
	for (uint32_t i = 0; i < h->new_names && f->channels + 2 < FINDING_CHANNELS_MAX; i++) {
		const struct new_name *n = &h->new_name[i];
		if (n->dead && !n->answered && n->asked_ns >= t->hit->span_ns &&
			n->asked_ns <= to_ns)
			put_name(f, t->view, n);
	}
}

/* Adds the steps of the same walk that carry no evidence of their own: what was tried before and
 * after. */
static bool extend(struct finding *f, const struct telling *t)
{
	bool grown = false;
	for (uint32_t i = 0; i < t->look->steps->count; i++) {
		const struct step *s = &t->look->steps->step[i];
		size_t from = find_channel(f, t->view, s->from),
		       to = find_channel(f, t->view, s->to);
		bool onward = from < f->channels && to == f->channels && is_reached(f, from);
		bool before = to < f->channels && from == f->channels && !is_reached(f, to);
		bool bare = !t->view->channel[s->from].named && !t->view->channel[s->to].named;
		if (s->why != MECHANISM_NONE || !(onward || before) ||
			(s->chance > CONTEXT_CHANCE && !bare))
			continue;
		size_t switches = f->switches;
		add_step(f, t, s);
		grown |= f->switches > switches;
	}
	return grown;
}

/* The process that did it all, as far as it is known; NULL when there were several. */
static void set_process(struct finding *f)
{
	f->process = NULL;
	for (size_t i = 0; i < f->channels; i++) {
		const char *process = f->channel[i].process;
		if (f->process != NULL && process != NULL && process != f->process) {
			f->process = NULL;
			return;
		}
		f->process = process != NULL ? process : f->process;
	}
}

void story_add(struct finding *f, const struct telling *t)
{
	for (uint32_t i = 0; i < t->hit->steps; i++)
		add_step(f, t, &t->hit->step[i]);
	if (t->hit->kind == HIT_NAMES)
		add_names(f, t);
	if (t->hit->kind == HIT_TUNNEL)
		(void)put_channel(f, t->view, t->hit->channel);
	for (uint32_t i = 0; i < t->hit->places; i++)
		(void)put_channel(f, t->view, t->hit->place[i]);
	bool walk = t->hit->kind == HIT_CHAIN || t->hit->kind == HIT_METRONOME;
	while (walk && f->kind == KIND_LADDER && t->hit->why == MECHANISM_NONE && extend(f, t))
		;
	set_roles(f);
	set_process(f);
	add_attempts(f, t);
	f->episodes = (uint32_t)(f->switches > 0 ? f->switches : 1);
}

void story_order(struct finding *f)
{
	struct finding_channel sorted[FINDING_CHANNELS_MAX];
	size_t to[FINDING_CHANNELS_MAX] = {0};
	for (size_t i = 0; i < f->channels; i++) {
		for (size_t k = 0; k < f->channels; k++)
			to[i] += f->channel[k].first_ns < f->channel[i].first_ns ||
			         (f->channel[k].first_ns == f->channel[i].first_ns && k < i);
		sorted[to[i]] = f->channel[i];
	}
	memcpy(f->channel, sorted, f->channels * sizeof *sorted);
	for (size_t i = 0; i < f->switches; i++) {
		f->sw[i].from = to[f->sw[i].from];
		f->sw[i].to = to[f->sw[i].to];
	}
	for (size_t i = 0; i < f->ticks; i++)
		f->tick[i].channel = to[f->tick[i].channel];
}

/* Whether all that failed were look-ups: steps of a walk through generated names. */
static bool only_names(const struct telling *t)
{
	for (uint32_t i = 0; i < t->hit->steps; i++)
		if ((t->view->attempt[t->hit->step[i].from_attempt].flags & ATTEMPT_LOOKUP) == 0)
			return false;
	return true;
}

bool story_shares(const struct finding *f, const struct telling *t)
{
	if (f->kind == KIND_DGA && (t->hit->kind == HIT_NAMES || only_names(t)))
		return true; /* a walk goes on from look to look: one story */
	for (uint32_t i = 0; i < t->hit->steps; i++) {
		const struct step *s = &t->hit->step[i];
		if (find_channel(f, t->view, s->from) < f->channels ||
			find_channel(f, t->view, s->to) < f->channels)
			return true;
	}
	for (uint32_t i = 0; i < t->hit->places; i++)
		if (find_channel(f, t->view, t->hit->place[i]) < f->channels)
			return true;
	return t->hit->kind == HIT_TUNNEL &&
	       find_channel(f, t->view, t->hit->channel) < f->channels;
}
