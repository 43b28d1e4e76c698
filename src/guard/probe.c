#include "guard/probe.h"

#include <errno.h>
#include <math.h>

#include "guard/probe_private.h"

/* A block that is answered by itself every other time cannot be told from one that is answered. */
#define P0_MAX 0.5
/* "Two blocks bring nothing new": also what the test needs to clear a channel at the usual rates.
 */
#define NOTHING_NEW 2
/* A slot is so many periods of the channel, that it is surely used in it. */
#define PERIODS 3

struct probe_config probe_config_usual(void)
{
	return (struct probe_config){.slot_min_ns = 120 * NS_PER_S,
		.slot_max_ns = 1800 * NS_PER_S,
		.late_ns = 10 * NS_PER_S,
		.alpha = 1e-4,
		.beta = 0.05,
		.p0_least = 0.034,
		.q1 = 0.8,
		.hosts = 4,
		.popular = 8,
		.blocked = 8,
		.slots = 64,
		.patience = 5,
		.cooling = 5};
}

static const char *config_wrong(const struct probe_config *c)
{
	if (c->slot_min_ns < NS_PER_MS || c->slot_max_ns < c->slot_min_ns ||
		c->slot_max_ns > 86400 * NS_PER_S || c->late_ns < 0 || c->late_ns > 3600 * NS_PER_S)
		return "a slot lasts from 1 ms to a day, and at least as long as the shortest";
	if (!(c->alpha > 0 && c->alpha <= 0.1) || !(c->beta > 0 && c->beta <= 0.5))
		return "alpha is over 0 and at most 0.1, beta over 0 and at most 0.5";
	if (!(c->p0_least > 0 && c->p0_least < P0_MAX) || !(c->q1 > P0_MAX && c->q1 < 1))
		return "p0 is over 0 and below 0.5, q1 over 0.5 and below 1";
	if (c->hosts == 0 || c->hosts > PROBE_HOSTS_MAX)
		return "from 1 to 64 hosts are asked at once";
	if (c->blocked == 0 || c->blocked >= PROBE_CHANNELS_MAX)
		return "from 1 to 23 channels are shut at once";
	if (c->slots == 0 || c->slots > 10000 || c->patience == 0 || c->patience > 1000 ||
		c->cooling > 100000)
		return "at most 10,000 slots, 1 to 1,000 of patience, 100,000 of cooling";
	return NULL;
}

int probes_new(struct probes **ret, const struct probe_config *config, struct fail *why)
{
	const char *wrong = config_wrong(config);
	if (wrong != NULL)
		return fail_set(why, -EINVAL, "probe: %s", wrong);
	struct probes *p = calloc(1, sizeof *p);
	if (p == NULL)
		return fail_set(why, -ENOMEM, "probe: no memory");
	p->config = *config;
	*ret = p;
	return 0;
}

void probes_free(struct probes *p)
{
	free(p);
}

static int64_t advance(struct probes *p, int64_t now_ns)
{
	if (now_ns > p->now_ns)
		p->now_ns = now_ns;
	return p->now_ns;
}

static bool runs(const struct probe *one)
{
	return one->phase == PROBE_REST || one->phase == PROBE_SLOT;
}

const struct probe *probe_find(const struct probes *p, const struct addr *host)
{
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++)
		if (p->item[i].phase != PROBE_NONE && addr_eq(&p->item[i].host, host))
			return &p->item[i];
	return NULL;
}

static struct probe *find(struct probes *p, const struct addr *host)
{
	const struct probe *one = probe_find(p, host);
	return one == NULL ? NULL : &p->item[one - p->item];
}

/* ---- channels ---- */

static struct probe_channel *channel_find(struct probe *one, const char *key)
{
	for (uint32_t i = 0; i < one->channels; i++)
		if (strcmp(one->channel[i].key, key) == 0)
			return &one->channel[i];
	return NULL;
}

static struct probe_channel *channel_add(struct probe *one, const char *key, int64_t at_ns)
{
	size_t len = strnlen(key, PROBE_KEY_BYTES);
	if (one->channels == PROBE_CHANNELS_MAX || len == 0 || len == PROBE_KEY_BYTES) {
		one->forgotten++;
		return NULL;
	}
	struct probe_channel *c = &one->channel[one->channels++];
	*c = (struct probe_channel){.first_ns = at_ns};
	memcpy(c->key, key, len);
	return c;
}

static uint32_t set_size(const struct probe *one)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < one->channels; i++)
		n += one->channel[i].in_set;
	return n;
}

static bool set_room(const struct probes *p, const struct probe *one)
{
	return set_size(one) < p->config.blocked;
}

/* ---- beginning ---- */

static int may_begin(const struct probes *p, const struct probe_request *r, struct fail *why)
{
	size_t len = strnlen(r->key, PROBE_KEY_BYTES);
	if (len == 0 || len == PROBE_KEY_BYTES || r->period_ns < 0 || !(r->p0 >= 0 && r->p0 <= 1))
		return fail_set(why, -EINVAL, "probe: no channel, period or rate to ask about");
	if (r->never_block)
		return fail_set(why, -EPERM,
			"probe: the channel is on the list of what may never be blocked");
	if (r->popularity > p->config.popular)
		return fail_set(why, -EPERM,
			"probe: %u hosts use the channel; one of more than %u is never blocked",
			r->popularity, p->config.popular);
	if (r->p0 >= P0_MAX)
		return fail_set(why, -ERANGE,
			"probe: new channels are so usual for this host (%.2f a slot) that blocks "
			"can tell nothing",
			r->p0);
	const struct probe *one = probe_find(p, &r->host);
	if (one != NULL && runs(one))
		return fail_set(why, -EBUSY, "probe: an experiment with this host runs already");
	if (one != NULL && p->now_ns < one->due_ns)
		return fail_set(why, -EAGAIN, "probe: the host rests from its last experiment");
	uint32_t running = 0;
	for (size_t i = 0; i < PROBE_HOSTS_MAX; i++)
		running += runs(&p->item[i]);
	if (running >= p->config.hosts)
		return fail_set(
			why, -EBUSY, "probe: experiments with %u hosts run already", running);
	return 0;
}

/* The host's own place, else a free one, else that of a host whose rest is over. */
static struct probe *place(struct probes *p, const struct addr *host)
{
	struct probe *best = find(p, host);
	for (size_t i = 0; best == NULL && i < PROBE_HOSTS_MAX; i++)
		if (p->item[i].phase == PROBE_NONE)
			best = &p->item[i];
	for (size_t i = 0; best == NULL && i < PROBE_HOSTS_MAX; i++)
		if (p->item[i].phase == PROBE_COOLING && p->item[i].told &&
			p->item[i].due_ns <= p->now_ns)
			best = &p->item[i];
	return best;
}

int64_t probe_slot_ns(const struct probe_config *c, int64_t period_ns)
{
	if (period_ns > c->slot_max_ns / PERIODS)
		return c->slot_max_ns;
	return period_ns * PERIODS < c->slot_min_ns ? c->slot_min_ns : period_ns * PERIODS;
}

int probe_begin(
	struct probes *p, const struct probe_request *request, int64_t now_ns, struct fail *why)
{
	int64_t now = advance(p, now_ns);
	int failed = may_begin(p, request, why);
	if (failed < 0)
		return failed;
	struct probe *one = place(p, &request->host);
	if (one == NULL)
		return fail_set(why, -ENOSPC,
			"probe: %d hosts rest from their experiments; no more can be remembered",
			PROBE_HOSTS_MAX);
	*one = (struct probe){.host = request->host,
		.phase = PROBE_REST,
		.number = ++p->experiments,
		.slot_ns = probe_slot_ns(&p->config, request->period_ns),
		.began_ns = now,
		/* what led to the finding is over when the first slot begins */
		.due_ns = now + probe_slot_ns(&p->config, request->period_ns),
		.p0_given = request->p0};
	struct probe_channel *first = channel_add(one, request->key, now);
	first->in_set = true;
	first->seen_ns = now; /* the caller found it in use */
	return 0;
}

/* ---- the test ---- */

static void end(const struct probes *p, struct probe *one, enum probe_verdict verdict, int64_t now)
{
	one->phase = PROBE_COOLING;
	one->verdict = verdict;
	one->began_ns = now;
	one->due_ns = now + one->slot_ns * p->config.cooling;
	one->told = false;
}

static bool in_use(const struct probe *one, const struct probe_channel *c, int64_t when)
{
	return c->seen_ns > 0 && when - c->seen_ns < one->slot_ns;
}

/* Something that is known could appear from now on. */
static bool could_be_met(const struct probe *one, int64_t now)
{
	for (uint32_t i = 0; i < one->channels; i++)
		if (!one->channel[i].in_set && !in_use(one, &one->channel[i], now))
			return true;
	return false;
}

/* What appeared in blocks rather than in shams is taken for the way that the software went. */
static uint32_t extend(const struct probes *p, struct probe *one)
{
	uint32_t added = 0;
	for (uint32_t i = 0; i < one->channels; i++) {
		struct probe_channel *c = &one->channel[i];
		if (c->in_set || c->spared || c->block_hits <= c->sham_hits || !set_room(p, one))
			continue;
		c->in_set = true;
		added++;
	}
	return added;
}

static void count(struct probe *one, enum probe_window window, struct probe_seen seen)
{
	struct probe_count *c = &one->count[window];
	bool could = seen.could || seen.met; /* one that was in use, and is many by its key */
	c->windows++;
	c->first += !could;
	c->fresh += seen.fresh;
	c->again += could && !seen.fresh;
	c->met += seen.met && !seen.fresh;
}

/* The channel is used more seldom than was thought. In a slot twice as long as much may be new by
 * itself as in two. */
static void lengthen(const struct probes *p, struct probe *one)
{
	int64_t longer =
		one->slot_ns > p->config.slot_max_ns / 2 ? p->config.slot_max_ns : one->slot_ns * 2;
	one->p0_given = 1 - pow(1 - one->p0_given, (double)longer / (double)one->slot_ns);
	one->slot_ns = longer;
}

/* One slot of the first step is over. */
static void test_count(const struct probes *p, struct probe *one, int64_t now)
{
	if (one->felt)
		count(one, one->block ? PROBE_IN_BLOCK : PROBE_IN_SHAM, one->in_slot);
	else if (probe_counted(one) == 0)
		lengthen(p, one);
	probe_weigh(p, one);
	if (one->log_e >= probe_confirms(&p->config)) {
		one->verdict = PROBE_CONFIRMED;
		one->channel[0].in_set = true; /* it may have been followed elsewhere */
		(void)extend(p, one);
	} else if (one->llr <= probe_clears(&p->config)) {
		end(p, one, PROBE_CLEARED, now);
	} else if (one->slots >= p->config.slots || probe_p0(p, one) >= P0_MAX) {
		end(p, one, PROBE_UNDECIDED, now);
	}
}

/* One slot of the search for the rest of the tree is over. */
static void tree_count(const struct probes *p, struct probe *one, int64_t now)
{
	if (one->block && one->felt) {
		one->tree_blocks++;
		one->nothing_new = extend(p, one) > 0 ? 0 : one->nothing_new + 1;
	}
	if (one->nothing_new >= NOTHING_NEW || one->slots >= p->config.slots || !set_room(p, one))
		end(p, one, PROBE_CONFIRMED, now);
}

static void slot_end(struct probe *one)
{
	one->phase = PROBE_REST;
	one->open = true;
	one->began_ns = one->due_ns; /* not when it was noticed */
	one->due_ns = one->began_ns + one->slot_ns;
	one->in_rest = (struct probe_seen){.could = could_be_met(one, one->began_ns)};
}

int64_t probe_since(const struct probe *one)
{
	if (one->phase == PROBE_SLOT)
		return one->began_ns;
	return one->phase == PROBE_REST && one->open ? one->began_ns - one->slot_ns : 0;
}

static bool is_answered(const struct probe *one)
{
	return one->felt && (one->in_slot.fresh || one->in_slot.met);
}

static void slot_count(const struct probes *p, struct probe *one)
{
	int64_t since = probe_since(one), now = one->began_ns;
	for (uint32_t i = 0; i < one->channels; i++) {
		struct probe_channel *c = &one->channel[i];
		bool its = c->hit && one->felt;
		c->hit = false;
		if (!its)
			continue;
		c->block_hits += one->block;
		c->sham_hits += !one->block;
		if (one->block)
			c->lag_ns += c->hit_ns - since;
	}
	one->open = false;
	if (one->verdict == PROBE_CONFIRMED)
		tree_count(p, one, now);
	else
		test_count(p, one, now);
}

/* ---- seeing ---- */

static void hit_at(struct probe_channel *c, int64_t at)
{
	if (!c->hit || at < c->hit_ns)
		c->hit_ns = at;
	c->hit = true;
}

/* Notes a sight in the window that began at `since`; false when it is nothing new there. */
static bool note_in(const struct probe *one, const struct probe_channel *c,
	const struct probe_sight *sight, int64_t at, int64_t since, struct probe_seen *in)
{
	if (since == 0 || at < since || at >= since + one->slot_ns || c->in_set || !sight->linked ||
		(!sight->apart && in_use(one, c, since)))
		return false;
	if (c->first_ns >= since)
		in->fresh = true;
	else
		in->met = true;
	return true;
}

/* Blind: nothing here may look at one->block. */
void probe_saw(struct probes *p, const struct probe_sight *sight, int64_t now_ns)
{
	int64_t now = advance(p, now_ns);
	struct probe *one = find(p, &sight->host);
	if (one == NULL || !runs(one))
		return;
	struct probe_channel *c = channel_find(one, sight->key);
	int64_t since = probe_since(one), at = sight->at_ns < now ? sight->at_ns : now;
	if (c == NULL && sight->linked)
		c = channel_add(one, sight->key, at);
	if (c == NULL)
		return;
	if (sight->never_block || sight->popularity > p->config.popular)
		c->spared = true;
	if (at < c->first_ns)
		c->first_ns = at;
	one->felt |= since != 0 && at >= since && at < since + one->slot_ns && c->in_set;
	if (note_in(one, c, sight, at, since, &one->in_slot))
		hit_at(c, at);
	if (one->phase == PROBE_REST)
		(void)note_in(one, c, sight, at, one->began_ns, &one->in_rest);
	if (at > c->seen_ns)
		c->seen_ns = at;
}

/* ---- going on ---- */

struct list {
	struct probe_action *item;
	size_t count, room;
};

static void act(struct list *to, enum probe_act what, const struct probe *one, const char *key,
	int64_t until_ns)
{
	CHECK(to->count < to->room);
	to->item[to->count++] = (struct probe_action){
		.act = what, .host = one->host, .key = key, .until_ns = until_ns};
}

static void act_set(struct list *to, enum probe_act what, const struct probe *one, int64_t until_ns)
{
	for (uint32_t i = 0; i < one->channels; i++)
		if (one->channel[i].in_set)
			act(to, what, one, one->channel[i].key, until_ns);
}

static bool coin(const struct probes *p, const struct probe *one)
{
	struct {
		uint64_t number, slot;
		struct addr host;
	} toss = {one->number, one->slots, one->host};
	return !p->config.dry && (hash_bytes(&p->config.coin, &toss, sizeof toss) & 1) != 0;
}

static void slot_begin(const struct probes *p, struct probe *one, struct list *to)
{
	for (uint32_t i = 0; i < one->channels; i++)
		one->channel[i].in_set = one->channel[i].in_set && !one->channel[i].spared;
	/* slots that restarts made void are of the number as well */
	if (set_size(one) == 0 || one->slots >= p->config.slots) {
		end(p, one, one->verdict == PROBE_OPEN ? PROBE_UNDECIDED : one->verdict, p->now_ns);
		return;
	}
	if (one->slots > 0 && one->felt && !one->block && one->verdict == PROBE_OPEN)
		count(one, PROBE_IN_REST, one->in_rest);
	one->slots++;
	one->block = coin(p, one);
	one->phase = PROBE_SLOT;
	one->felt = false;
	one->in_slot = (struct probe_seen){.could = could_be_met(one, p->now_ns)};
	one->began_ns = p->now_ns;
	one->due_ns = p->now_ns + one->slot_ns;
	act_set(to, one->block ? PROBE_ACT_BLOCK : PROBE_ACT_SHAM, one, one->due_ns);
}

/* Software that stays where it fled to is followed there: its old way is then one it may flee to.
 * Back to the first it may have gone in a slot that did not count. */
static bool follow(struct probe *one, struct probe_channel *other)
{
	bool known = other == &one->channel[0] || other->block_hits > other->sham_hits;
	if (one->verdict != PROBE_OPEN || other->spared || !known)
		return false;
	for (uint32_t i = 0; i < one->channels; i++)
		one->channel[i].in_set = &one->channel[i] == other;
	return true;
}

/* The latest; of what can't be shut only if there is nothing else. */
static struct probe_channel *other_in_use(struct probe *one, int64_t now)
{
	struct probe_channel *latest = NULL;
	for (uint32_t i = 0; i < one->channels; i++) {
		struct probe_channel *c = &one->channel[i];
		if (c->in_set || !in_use(one, c, now))
			continue;
		if (latest == NULL || (latest->spared && !c->spared) ||
			(latest->spared == c->spared && c->seen_ns > latest->seen_ns))
			latest = c;
	}
	return latest;
}

/* The next slot begins when one of the channels to shut is in use, so that the block is felt, and
 * no other of them is, so that its appearance can be told. */
static void rest(const struct probes *p, struct probe *one, struct list *to)
{
	int64_t now = p->now_ns;
	bool late = now >= one->due_ns && now - one->began_ns >= p->config.late_ns;
	if (one->open && (is_answered(one) || late))
		slot_count(p, one);
	if (one->phase != PROBE_REST || one->open || now < one->due_ns)
		return;
	bool used = false;
	for (uint32_t i = 0; i < one->channels; i++)
		used |= one->channel[i].in_set && one->channel[i].seen_ns >= one->began_ns;
	struct probe_channel *other = other_in_use(one, now);
	if (!used && other != NULL && follow(one, other)) {
		used = true;
		other = other_in_use(one, now);
	}
	bool waited = now - one->began_ns >= one->slot_ns * p->config.patience;
	if (used && (other == NULL || waited))
		slot_begin(p, one, to);
	else if (waited)
		end(p, one, one->verdict == PROBE_OPEN ? PROBE_UNDECIDED : one->verdict, now);
}

static void tell_end(struct probe *one, struct list *to)
{
	if (one->verdict == PROBE_STOPPED && one->block)
		act_set(to, PROBE_ACT_RELEASE, one, 0);
	act(to, one->verdict == PROBE_CONFIRMED ? PROBE_ACT_CONTAIN : PROBE_ACT_END, one, NULL, 0);
	one->told = true;
}

size_t probe_tick(struct probes *p, int64_t now_ns, struct probe_action *actions, size_t room)
{
	int64_t now = advance(p, now_ns);
	struct list to = {.item = actions, .room = room};
	CHECK(room >= PROBE_CHANNELS_MAX);
	for (size_t i = 0; i < PROBE_HOSTS_MAX && to.room - to.count >= PROBE_CHANNELS_MAX; i++) {
		struct probe *one = &p->item[i];
		if (one->phase == PROBE_SLOT && now >= one->due_ns)
			slot_end(one);
		if (one->phase == PROBE_REST)
			rest(p, one, &to);
		if (one->phase == PROBE_COOLING && !one->told)
			tell_end(one, &to);
	}
	return to.count;
}

bool probe_stop(struct probes *p, const struct addr *host, int64_t now_ns)
{
	int64_t now = advance(p, now_ns);
	struct probe *one = find(p, host);
	if (one == NULL || !runs(one))
		return false;
	one->block = one->block && one->phase == PROBE_SLOT;
	end(p, one, PROBE_STOPPED, now);
	return true;
}
