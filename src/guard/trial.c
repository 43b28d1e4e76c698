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

static struct trial *find(struct trials *t, const struct addr *host)
{
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++)
		if (addr_eq(&t->item[i].host, host))
			return &t->item[i];
	return NULL;
}

/* ---- ways ---- */

/* "tcp/192.0.2.1/443"; *addr stands for a domain that is NULL. */
static void key_of(char ret[static PROBE_KEY_BYTES], uint8_t proto, const char *domain,
	const struct addr *addr, uint16_t port)
{
	char text[ADDR_TEXT_BYTES];
	const char *name = proto == 6 ? "tcp" : proto == 17 ? "udp" : "icmp";
	(void)snprintf(ret, PROBE_KEY_BYTES, "%s/%.253s/%u", name,
		domain != NULL ? domain : addr_text(addr, text), port);
}

static struct trial_way *way_of(struct trial *one, const char *key)
{
	for (size_t i = 0; i < one->ways; i++)
		if (strcmp(one->way[i].key, key) == 0)
			return &one->way[i];
	return NULL;
}

static bool has_addr(const struct trial_way *w, const struct addr *addr)
{
	for (size_t i = 0; i < w->addrs; i++)
		if (addr_eq(&w->addr[i], addr))
			return true;
	return false;
}

/* True: it was not known, and is now. */
static bool add_addr(struct trial_way *w, const struct addr *addr)
{
	if (has_addr(w, addr) || w->addrs == TRIAL_ADDRS_MAX)
		return false;
	w->addr[w->addrs++] = *addr;
	return true;
}

static struct trial_way *way_add(
	struct trial *one, const char *key, uint8_t proto, uint16_t port, bool named)
{
	if (one->ways == PROBE_CHANNELS_MAX)
		return NULL;
	struct trial_way *w = &one->way[one->ways++];
	*w = (struct trial_way){.proto = proto, .port = port, .named = named};
	memcpy(w->key, key, strlen(key));
	return w;
}

static void name_key(char ret[static PROBE_KEY_BYTES], const char *domain)
{
	(void)snprintf(ret, PROBE_KEY_BYTES, "dns/%.253s", domain);
}

/* A tunnel in DNS, as a way that may be shut; NULL: it may not, *why says the reason. */
static struct trial_way *way_of_name(struct trial *one, const char *domain,
	const struct guard_rules *rules, enum guard_leave *why)
{
	char key[PROBE_KEY_BYTES];
	name_key(key, domain);
	struct trial_way *w = way_of(one, key);
	*why = rules->names ? name_objection(rules, domain) : LEAVE_UNSEEN;
	if (w == NULL && *why == LEAVE_NONE && (w = way_add(one, key, 0, 0, true)) != NULL)
		(void)snprintf(w->name, sizeof w->name, "%s", domain);
	return w;
}

/* A channel of a finding; its addresses that may be shut. NULL: none, *why says the last reason. */
static struct trial_way *way_of_channel(struct trial *one, const struct finding_channel *c,
	const struct guard_rules *rules, enum guard_leave *why)
{
	char key[PROBE_KEY_BYTES];
	struct trial_way *w = NULL;
	uint16_t port = c->transport == TRANSPORT_ICMP ? 0 : c->port;
	*why = LEAVE_UNSEEN;
	if (channel_is_tunnel(c))
		return way_of_name(one, registered_domain(c->names[0]), rules, why);
	if (c->addr_count == 0)
		return NULL;
	uint8_t proto = guard_proto(c->transport, &c->addrs[0]);
	key_of(key, proto, c->name_count > 0 ? c->endpoint : NULL, &c->addrs[0], port);
	for (size_t i = 0; i < c->addr_count && proto != 0; i++) {
		enum guard_leave now = guard_objection(rules, &one->host, &c->addrs[i]);
		/* never answered, so nobody's: of what a host tried that is enough */
		if (now == LEAVE_UNSEEN && c->connections <= c->failures)
			now = LEAVE_NONE;
		*why = now;
		if (now == LEAVE_NEVER || now == LEAVE_POPULAR)
			return NULL; /* what is shut is all of the channel or nothing */
		if (now == LEAVE_NONE && w == NULL && (w = way_of(one, key)) == NULL)
			w = way_add(one, key, proto, port, c->name_count > 0);
		if (now == LEAVE_NONE && w != NULL)
			(void)add_addr(w, &c->addrs[i]);
	}
	return w;
}

/* ---- asking ---- */

static void leave(struct guard_plan *plan, const struct finding_channel *c, const struct addr *host,
	enum guard_leave why)
{
	bool has = c != NULL && c->addr_count > 0;
	plan->left[plan->lefts++] = (struct guard_left){
		.peer = has ? c->addrs[0] : *host, .port = has ? c->port : 0, .why = why};
}

static bool is_resting(const struct trials *t, const struct finding *f, int64_t now_ns)
{
	for (size_t i = 0; i < t->rests; i++)
		if (t->rest[i].until_ns > now_ns && addr_eq(&t->rest[i].host, &f->host) &&
			strcmp(t->rest[i].finding, f->id) == 0)
			return true;
	return false;
}

static void let_rest(struct trials *t, const struct trial *one, int64_t now_ns)
{
	struct trial_rest *r = &t->rest[t->next_rest];
	*r = (struct trial_rest){.host = one->host, .until_ns = now_ns + t->options.rest_ns};
	memcpy(r->finding, one->finding, sizeof r->finding);
	t->next_rest = (t->next_rest + 1) % TRIAL_RESTS_MAX;
	t->rests += t->rests < TRIAL_RESTS_MAX;
}

/* The channel that the host went over to last, and was answered on. */
static const struct finding_channel *suspect_of(const struct finding *f)
{
	const struct finding_channel *best = NULL;
	for (size_t i = 0; i < f->channels; i++) {
		const struct finding_channel *c = &f->channel[i];
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

/* What else the finding names is of the same software, as far as the judge can tell. */
static void relate(struct trial *one, const struct finding *f, const struct guard_rules *rules)
{
	enum guard_leave why;
	for (size_t i = 0; i < f->channels; i++) {
		struct trial_way *w = f->channel[i].role == ROLE_CARRIER
		                              ? NULL
		                              : way_of_channel(one, &f->channel[i], rules, &why);
		if (w != NULL)
			w->related = true;
	}
}

static const struct host *past_of(struct hosts *hosts, const struct addr *addr)
{
	for (size_t i = 0; i < hosts_count(hosts); i++) {
		const struct host *h = hosts_get(hosts, i);
		if (addr_eq(&h->addr, addr))
			return h;
	}
	return NULL;
}

/* 1: of a host of which nothing is known nothing can be told. */
static double chance_of(const struct trials *t, struct hosts *hosts, const struct finding *f,
	const struct policy *policy, int64_t now_ns)
{
	const struct finding_channel *c = suspect_of(f);
	const struct host *h = past_of(hosts, &f->host);
	int64_t slot_ns = probe_slot_ns(&t->options.probe, period_of(c));
	return h == NULL ? 1 : trial_chance(h, hosts_strings(hosts), f, policy, slot_ns, now_ns);
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
	struct trial *place = find(t, &one->host);
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

void trials_ask(struct trials *t, const struct finding *f, const struct guard_rules *rules,
	struct hosts *hosts, int64_t now_ns, struct guard_plan *ret)
{
	const struct finding_channel *c = suspect_of(f);
	struct trial *there = find(t, &f->host), one = {.host = f->host, .e_value = f->e_value};
	enum guard_leave why = LEAVE_NONE;
	ret->changes = ret->lefts = 0;
	if (there != NULL && runs(probe_find(t->probes, &f->host))) {
		if (strcmp(there->finding, f->id) == 0)
			relate(there, f, rules);
		return;
	}
	if (f->explained != NULL || f->e_value > rules->max_e || c == NULL)
		why = f->explained != NULL ? LEAVE_EXPLAINED
		      : c == NULL          ? LEAVE_FAILED
		                           : LEAVE_WEAK;
	else if (is_resting(t, f, now_ns))
		why = LEAVE_ASKED;
	memcpy(one.finding, f->id, sizeof one.finding);
	struct trial_way *w = why == LEAVE_NONE ? way_of_channel(&one, c, rules, &why) : NULL;
	if (w != NULL) {
		struct probe_request request = {.host = f->host,
			.key = w->key,
			.period_ns = period_of(c),
			.p0 = chance_of(t, hosts, f, rules->policy, now_ns),
			.popularity = w->name[0] != '\0' ? 0 /* that is asked already */
		                                         : crowd_hosts(rules->crowd, &w->addr[0])};
		relate(&one, f, rules);
		why = begin(t, &request, &one, now_ns);
	}
	if (why != LEAVE_NONE)
		leave(ret, c, &f->host, why);
}

/* ---- changes ---- */

static struct guard_change change_of(
	const struct trial *one, const struct trial_way *w, int64_t now_ns, int64_t until_ns)
{
	struct guard_change c = {.host = one->host,
		.at_ns = now_ns,
		.until_ns = until_ns,
		.e_value = one->e_value,
		.experiment = one->number,
		.contain = w == NULL};
	memcpy(c.finding, one->finding, sizeof c.finding);
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
	const struct trial_way *w = way_of(one, key);
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

static void carry_out(struct trials *t, const struct probe_action *a, int64_t now_ns)
{
	const struct trial_hooks *h = &t->options.hooks;
	const struct probe *probe = probe_find(t->probes, &a->host);
	struct trial *one = find(t, &a->host);
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
			let_rest(t, one, now_ns);
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
		done += (uint64_t)one->blocks + one->shams + one->tree_blocks;
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
			has_addr(&one->way[i], &c->peer))
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
	key_of(key, c->proto, c->domain, &c->peer, c->port);
	if (w == NULL)
		w = way_of(s->one, key);
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
		w = way_add(s->one, key, c->proto, c->port, c->domain != NULL);
	bool more = w != NULL && add_addr(w, &c->peer);
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
	name_key(key, c->domain);
	const struct probe_channel *channel = channel_of(s->probe, key);
	const struct carrier *tunnel =
		s->host == NULL ? NULL : trial_tunnel(s->host, s->strings, c->domain);
	bool set = channel != NULL && channel->in_set;
	struct trial_way *w = way_of(s->one, key);
	if (w == NULL && set) /* since a restart */
		w = way_of_name(s->one, c->domain, s->rules, &why);
	bool sign = is_sign(s, c, w != NULL && w->related);
	if (w == NULL && tunnel != NULL && tunnel->first_ns >= before_slot(s->probe)) {
		w = way_of_name(s->one, c->domain, s->rules, &why);
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
		.one = find(t, &c->host),
		.probe = probe_find(t->probes, &c->host),
		.rules = rules,
		.strings = hosts_strings(hosts),
		.now_ns = now_ns};
	if (s.one == NULL || !runs(s.probe))
		return;
	s.host = past_of(hosts, &c->host);
	if (c->lookup)
		saw_lookup(&s, c);
	else
		saw_conversation(&s, c);
}
