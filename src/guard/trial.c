#include "guard/trial.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "guard/private.h"
#include "guard/trial_private.h"

/* All that is new or tried again without an answer, or is a name that was asked for, as one
 * channel: it tells as much as what answers, but there is nothing to shut. */
#define TRIED "tried"

int trials_new(struct trials **ret, const struct trials_options *options, struct fail *why)
{
	struct trials *t = calloc(1, sizeof *t);
	if (t == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	t->options = *options;
	int code = probes_new(&t->probes, &options->probe, why);
	if (code < 0)
		trials_free(t);
	else
		*ret = t;
	return code;
}

void trials_free(struct trials *t)
{
	if (t != NULL)
		probes_free(t->probes);
	free(t);
}

const struct probe *trials_find(const struct trials *t, const struct addr *host)
{
	return probe_find(t->probes, host);
}

const struct probes *trials_probes(const struct trials *t)
{
	return t->probes;
}

const struct probe *trials_get(const struct trials *t, size_t index)
{
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++)
		if (t->probes->item[i].phase != PROBE_NONE && index-- == 0)
			return &t->probes->item[i];
	return NULL;
}

static bool runs(const struct probe *one)
{
	return one != NULL && (one->phase == PROBE_REST || one->phase == PROBE_SLOT);
}

bool trials_run(const struct trials *t, const struct addr *host)
{
	return runs(probe_find(t->probes, host));
}

struct trial *trial_of(struct trials *t, const struct addr *host)
{
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++)
		if (addr_eq(&t->item[i].host, host))
			return &t->item[i];
	return NULL;
}

const struct host *trial_host(struct hosts *hosts, const struct addr *addr)
{
	for (size_t i = 0; i < hosts_count(hosts); i++) {
		const struct host *h = hosts_get(hosts, i);
		if (addr_eq(&h->addr, addr))
			return h;
	}
	return NULL;
}

/* ---- changes ---- */

static struct guard_change change_of(
	const struct trial *one, const struct trial_way *w, int64_t now_ns, int64_t until_ns)
{
	struct guard_change c = {.host = one->host,
		.at_ns = now_ns,
		.until_ns = until_ns,
		.cause = one->cause,
		.e_value = one->e_value,
		.experiment = one->number,
		.contain = w == NULL};
	memcpy(c.finding, one->finding, sizeof c.finding);
	memcpy(c.words, one->words, sizeof c.words);
	if (w != NULL) {
		c.proto = w->proto;
		c.port = w->port;
		c.named = w->named;
		memcpy(c.name, w->name, sizeof c.name);
	}
	return c;
}

static bool shut_addr(struct trials *t, const struct trial *one, const struct trial_way *w,
	const struct addr *addr, int64_t until_ns)
{
	const struct trial_hooks *h = &t->options.hooks;
	const struct probe *probe = probe_find(t->probes, &one->host);
	struct guard_change c = change_of(one, w, t->probes->now_ns, until_ns);
	c.peer = addr == NULL ? c.peer : *addr;
	if (probe->phase != PROBE_SLOT || probe->block)
		return h->make(h->context, &c);
	h->sham(h->context, &c);
	return true;
}

/* False: not all of it is shut. */
static bool shut(struct trials *t, struct trial *one, const char *key, int64_t until_ns)
{
	const struct trial_way *w = trial_way_find(one, key);
	bool all = w == NULL || w->name[0] == '\0' || shut_addr(t, one, w, NULL, until_ns);
	for (size_t i = 0; w != NULL && i < w->addrs; i++)
		all &= shut_addr(t, one, w, &w->addr[i], until_ns);
	return all; /* of what has not been seen since a restart, nothing is known to be open */
}

static void contain(struct trials *t, struct trial *one, const struct probe *probe, int64_t now_ns)
{
	const struct trial_hooks *h = &t->options.hooks;
	int64_t until_ns = now_ns + t->options.expiry_ns;
	for (uint32_t i = 0; i < probe->channels; i++)
		if (probe->channel[i].in_set && !probe->channel[i].spared)
			(void)shut(t, one, probe->channel[i].key, until_ns);
	const struct guard_change c = change_of(one, NULL, now_ns, until_ns);
	(void)h->make(h->context, &c);
}

static void let_rest(struct trials *t, const struct probe *probe, int64_t now_ns)
{
	struct trial_rest *r = &t->rest[t->next_rest];
	*r = (struct trial_rest){.until_ns = now_ns + t->options.rest_ns};
	trial_question(&probe->host, probe->channel[0].key, r->question);
	t->next_rest = (t->next_rest + 1) % TRIAL_RESTS_MAX;
	t->rests += t->rests < TRIAL_RESTS_MAX;
}

static void carry_out(struct trials *t, const struct probe_action *a, int64_t now_ns)
{
	const struct trial_hooks *h = &t->options.hooks;
	const struct probe *probe = probe_find(t->probes, &a->host);
	struct trial *one = trial_of(t, &a->host);
	if (one == NULL || probe == NULL)
		return;
	switch (a->act) {
	case PROBE_ACT_BLOCK:
	case PROBE_ACT_SHAM:
		if (probe->phase != PROBE_SLOT)
			return; /* stopped for another of its channels */
		/* half a block would count as one that nothing answered */
		if (!shut(t, one, a->key, a->until_ns))
			(void)probe_stop(t->probes, &a->host, now_ns);
		return;
	case PROBE_ACT_RELEASE:
		return; /* with the end */
	case PROBE_ACT_CONTAIN:
	case PROBE_ACT_END:
		if (probe->verdict == PROBE_STOPPED)
			h->release(h->context, one);
		/* one whose channel was not used any more has told nothing */
		if (probe->verdict != PROBE_UNDECIDED || probe->slots >= t->options.probe.slots)
			let_rest(t, probe, now_ns);
		h->news(h->context, TRIAL_ENDED, one, probe);
		if (a->act == PROBE_ACT_CONTAIN)
			contain(t, one, probe, now_ns);
	}
}

/* Slots that ended, of all that run: an end is no action. */
static uint64_t slots_done(const struct trials *t)
{
	uint64_t done = 0;
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++) {
		const struct probe *one = &t->probes->item[i];
		done += probe_counted(one) + one->tree_blocks;
	}
	return done;
}

bool trials_turn(struct trials *t, int64_t now_ns)
{
	const struct trial_hooks *h = &t->options.hooks;
	uint64_t done = slots_done(t);
	size_t n = probe_tick(t->probes, now_ns, t->action, PROBE_ACTIONS_MAX);
	bool changed = t->changed || n > 0 || slots_done(t) != done;
	t->changed = false;
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++) {
		struct trial *one = &t->item[i];
		const struct probe *probe = probe_find(t->probes, &one->host);
		if (probe == NULL || probe->verdict != PROBE_CONFIRMED || one->confirmed)
			continue;
		one->confirmed = changed = true;
		h->news(h->context, TRIAL_CONFIRMED, one, probe);
	}
	for (size_t i = 0; i < n; i++)
		carry_out(t, &t->action[i], now_ns);
	return changed;
}

bool trials_stop(struct trials *t, const struct addr *host, int64_t now_ns)
{
	return probe_stop(t->probes, host, now_ns);
}

void trials_stop_blocks(struct trials *t, int64_t now_ns)
{
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++) {
		const struct probe *one = &t->probes->item[i];
		if (one->phase == PROBE_SLOT && one->block)
			(void)probe_stop(t->probes, &one->host, now_ns);
	}
}

/* ---- seeing ---- */

static const struct probe_channel *channel_of(const struct probe *one, const char *key)
{
	for (uint32_t i = 0; i < one->channels; i++)
		if (strcmp(one->channel[i].key, key) == 0)
			return &one->channel[i];
	return NULL;
}

/* By address before name: a packet that was dropped has none. */
static struct trial_way *way_to(struct trial *one, const struct trial_contact *c)
{
	for (size_t i = 0; i < one->ways; i++)
		if (one->way[i].proto == c->proto && one->way[i].port == c->port &&
			trial_way_has(&one->way[i], &c->peer))
			return &one->way[i];
	return NULL;
}

/* Asked for on the way to what is shut. */
static bool leads_to_set(const struct probe *probe, const char *domain)
{
	char within[PROBE_KEY_BYTES];
	(void)snprintf(within, sizeof within, "/%.253s/", domain);
	for (uint32_t i = 0; i < probe->channels; i++)
		if (probe->channel[i].in_set && strstr(probe->channel[i].key, within) != NULL)
			return true;
	return false;
}

/* What is told of a contact, before it is said to the probe. */
struct seeing {
	struct trials *trials;
	struct trial *one;
	const struct probe *probe;
	const struct guard_rules *rules;
	const struct host *host; /* what it did before; may be NULL */
	const struct strings *strings;
	int64_t now_ns;
};

/* When what is new must have begun: not to have been in use when the slot did. */
static int64_t before_slot(const struct probe *probe)
{
	int64_t since = probe_since(probe);
	return (since != 0 ? since : probe->began_ns) - probe->slot_ns;
}

/* Something that the host had nothing to do with, or had left. */
static bool is_sign(const struct seeing *s, const struct trial_contact *c, bool related)
{
	enum trial_past past = s->host == NULL
	                               ? PAST_NEW
	                               : trial_past(s->host, s->strings, c, before_slot(s->probe));
	if (c->common && !related)
		return false;
	/* datagrams that meet silence are everywhere */
	bool first = c->first && past == PAST_NEW && (c->answered || c->lookup || c->proto == 6);
	return first || past == PAST_FAILED || (related && past == PAST_QUIET);
}

static void say(const struct seeing *s, const struct trial_contact *c, const char *key,
	const struct probe_sight *more)
{
	struct probe_sight sight = *more;
	sight.host = c->host;
	sight.key = key;
	sight.at_ns = c->start_ns;
	probe_saw(s->trials->probes, &sight, s->now_ns);
}

/* No sign: it was in use, and what is in use is waited for. */
static void say_tried(const struct seeing *s, const struct trial_contact *c, bool sign)
{
	if (sign || !c->common)
		say(s, c, TRIED,
			&(struct probe_sight){.linked = sign, .apart = true, .never_block = true});
}

static void saw_conversation(const struct seeing *s, const struct trial_contact *c)
{
	char key[PROBE_KEY_BYTES];
	struct trial_way *w = way_to(s->one, c);
	trial_key(key, c->proto, c->domain, &c->peer, c->port);
	if (w == NULL)
		w = trial_way_find(s->one, key);
	const char *its = w != NULL ? w->key : key;
	const struct probe_channel *channel = channel_of(s->probe, its);
	bool set = channel != NULL && channel->in_set;
	bool sign = !set && is_sign(s, c, w != NULL && w->related);
	if (!set && !c->answered) {
		say_tried(s, c, sign);
		return;
	}
	if (channel == NULL && !sign)
		return;
	if (w == NULL)
		w = trial_way_add(s->one, key, c->proto, c->port, c->domain != NULL);
	bool more = w != NULL && trial_way_learn(w, &c->peer);
	say(s, c, w != NULL ? w->key : key,
		&(struct probe_sight){.linked = true,
			.popularity = crowd_hosts(s->rules->crowd, &c->peer),
			.never_block =
				guard_objection(s->rules, &c->host, &c->peer) == LEAVE_NEVER});
	/* it has more addresses than were known when the slot began */
	if (set && more && s->probe->phase == PROBE_SLOT && s->now_ns < s->probe->due_ns &&
		!shut_addr(s->trials, s->one, w, &c->peer, s->probe->due_ns))
		(void)probe_stop(s->trials->probes, &c->host, s->now_ns);
}

/* A name leads to a conversation, or is one itself once it has carried enough. */
static void saw_lookup(const struct seeing *s, const struct trial_contact *c)
{
	char key[PROBE_KEY_BYTES];
	enum guard_leave why;
	trial_name_key(key, c->domain);
	const struct probe_channel *channel = channel_of(s->probe, key);
	const struct carrier *tunnel =
		s->host == NULL ? NULL : trial_tunnel(s->host, s->strings, c->domain);
	bool set = channel != NULL && channel->in_set;
	struct trial_way *w = trial_way_find(s->one, key);
	if (w == NULL && set) /* since a restart */
		w = trial_way_of_name(s->one, c->domain, s->rules, &why);
	bool sign = is_sign(s, c, w != NULL && w->related);
	if (w == NULL && tunnel != NULL && tunnel->first_ns >= before_slot(s->probe)) {
		w = trial_way_of_name(s->one, c->domain, s->rules, &why);
		sign = w != NULL;
	}
	if (set || (c->answered && w != NULL && (sign || channel != NULL)))
		say(s, c, key, &(struct probe_sight){.linked = true});
	else if ((sign || !c->answered) && !leads_to_set(s->probe, c->domain))
		say_tried(s, c, sign);
}

void trials_saw(struct trials *t, const struct trial_contact *c, const struct guard_rules *rules,
	struct hosts *hosts, int64_t now_ns)
{
	struct seeing s = {.trials = t,
		.one = trial_of(t, &c->host),
		.probe = probe_find(t->probes, &c->host),
		.rules = rules,
		.strings = hosts_strings(hosts),
		.now_ns = now_ns};
	if (s.one == NULL || !runs(s.probe))
		return;
	s.host = trial_host(hosts, &c->host);
	if (c->lookup)
		saw_lookup(&s, c);
	else
		saw_conversation(&s, c);
}
