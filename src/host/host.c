#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "host/state.h"

/* A gap longer than this is counted as this: the host was away (prototype section 10). */
#define AWAY_NS (900 * NS_PER_S)
/* Two failing answers for one domain within this are one attempt: A and AAAA, a second resolver. */
#define TWIN_NS (2 * NS_PER_S)

#define FIRST_ATTEMPTS 16u
#define FIRST_CHANNELS 8u
#define FIRST_NAMES    16u

/* host.h tells how much a host takes. */
_Static_assert(OUTCOME_COUNT <= 16, "an outcome takes four bits of a channel");
_Static_assert(sizeof(struct attempt) == 40 && sizeof(struct channel) == 96, "35 KB a host");

#define SIZE_MANTISSA 11u

uint16_t size_code(uint32_t bytes)
{
	uint32_t shift = 0;
	while (bytes >> shift >= 2u << SIZE_MANTISSA)
		shift++;
	if (bytes >> shift < 1u << SIZE_MANTISSA)
		return (uint16_t)bytes;
	return (uint16_t)((shift + 1) << SIZE_MANTISSA |
			  ((bytes >> shift) & ((1u << SIZE_MANTISSA) - 1)));
}

double size_bytes(uint16_t code)
{
	uint32_t exponent = code >> SIZE_MANTISSA;
	double mantissa = code & ((1u << SIZE_MANTISSA) - 1);
	return exponent == 0 ? mantissa
	                     : (mantissa + (1u << SIZE_MANTISSA)) *
	                               (double)(UINT64_C(1) << (exponent - 1));
}

/* Makes room for one more by doubling up to max. */
static bool grow(void **array, uint32_t *room, uint32_t first, uint32_t max, size_t item)
{
	uint32_t want = *room == 0 ? first : *room * 2;
	if (want > max)
		want = max;
	void *bigger = realloc(*array, want * item);
	if (bigger == NULL)
		return false;
	memset((char *)bigger + *room * item, 0, (want - *room) * item);
	*array = bigger;
	*room = want;
	return true;
}

bool host_start(struct host *h)
{
	if (!grow((void **)&h->channel, &h->channel_room, FIRST_CHANNELS, HOST_CHANNELS_MAX,
		    sizeof *h->channel))
		return false;
	h->channels = 1; /* the forgotten */
	return true;
}

void host_stop(struct host *h)
{
	free(h->attempt);
	free(h->channel);
	free(h->new_name);
	free(h->seen);
	free(h->carrier);
	free(h->upload);
	*h = (struct host){0};
}

void host_touch(struct host *h, int64_t now_ns)
{
	if (h->first_ns == 0) {
		h->first_ns = h->last_ns = now_ns;
		return;
	}
	if (now_ns > h->last_ns) {
		int64_t gap = now_ns - h->last_ns;
		h->active_ns += gap < AWAY_NS ? gap : AWAY_NS;
		h->last_ns = now_ns;
	} else if (now_ns < h->first_ns) {
		h->first_ns = now_ns;
	}
}

void host_count(struct host *h, const struct conn *c)
{
	h->connections++;
	h->answered += c->packets_in > 0;
	h->one_way += c->one_way;
}

/* ---- endpoints that were forgotten, in a Bloom filter with two probes ---- */

static void seen_bits(uint32_t endpoint, uint32_t ret[static 2])
{
	static const struct hash_key key = {
		1, 2}; /* private to the host: nothing to gain by collisions */
	uint64_t hash = hash_bytes(&key, &endpoint, sizeof endpoint);
	ret[0] = (uint32_t)hash % (HOST_SEEN_BYTES * 8);
	ret[1] = (uint32_t)(hash >> 32) % (HOST_SEEN_BYTES * 8);
}

static bool seen_before(const struct host *h, uint32_t endpoint)
{
	if (h->seen == NULL)
		return false;
	uint32_t bit[2];
	seen_bits(endpoint, bit);
	return (h->seen[bit[0] / 8] >> (bit[0] % 8) & 1) != 0 &&
	       (h->seen[bit[1] / 8] >> (bit[1] % 8) & 1) != 0;
}

static void remember_seen(struct host *h, uint32_t endpoint)
{
	if (h->seen == NULL)
		h->seen = calloc(1, HOST_SEEN_BYTES);
	if (h->seen == NULL)
		return;
	uint32_t bit[2];
	seen_bits(endpoint, bit);
	for (size_t i = 0; i < 2; i++)
		h->seen[bit[i] / 8] |= (uint8_t)(1u << (bit[i] % 8));
}

/* A channel's own mark in the filter, beside its endpoint's. */
static uint32_t mark_of(const struct channel *c)
{
	return c->endpoint * 2654435761u ^ ((uint32_t)c->port << 8 | (uint32_t)c->transport << 2 |
						   (uint32_t)c->proxied << 1 | c->named);
}

bool host_forgot_channel(const struct host *h, const struct channel *c)
{
	return seen_before(h, mark_of(c));
}

/* ---- channels ---- */

static bool is_channel(const struct channel *c, const struct channel_key *key)
{
	return c->used && c->endpoint == key->endpoint && c->port == key->port &&
	       c->transport == key->transport && c->named == key->named &&
	       c->process == key->process && c->proxied == key->proxied;
}

uint32_t host_channel_find(const struct host *h, const struct channel_key *key)
{
	for (uint32_t i = 1; i < h->channels; i++)
		if (is_channel(&h->channel[i], key))
			return i;
	return CHANNEL_FORGOTTEN;
}

/* Whether a is needed less than b: what a large operator runs, or answered once and was left, goes
 * first; then what has been quiet for the longest. */
static bool needed_less(const struct channel *a, const struct channel *b)
{
	bool a_light = !a->rare || (a->connections <= 1 && a->failures == 0);
	bool b_light = !b->rare || (b->connections <= 1 && b->failures == 0);
	return a_light != b_light ? a_light : a->last_ns < b->last_ns;
}

/* Forgets the least needed quarter of the channels. Their attempts stay, as the host's pace, but
 * speak of nobody any more; the rest moves together. */
static void forget_channels(struct host *h)
{
	uint32_t to[HOST_CHANNELS_MAX] = {0}, kept = 1;
	for (uint32_t gone = h->channels / 4; gone > 0; gone--) {
		uint32_t least = CHANNEL_FORGOTTEN;
		for (uint32_t i = 1; i < h->channels; i++)
			if (h->channel[i].used &&
				(least == CHANNEL_FORGOTTEN ||
					needed_less(&h->channel[i], &h->channel[least])))
				least = i;
		remember_seen(h, h->channel[least].endpoint);
		remember_seen(h, mark_of(&h->channel[least]));
		h->channel[least].used = false;
	}
	for (uint32_t i = 1; i < h->channels; i++) {
		if (!h->channel[i].used)
			continue;
		h->channel[kept] = h->channel[i];
		to[i] = kept++;
	}
	h->channels = kept;
	for (uint32_t i = 0; i < h->attempts; i++) {
		struct attempt *a = &h->attempt[i];
		if (a->channel != CHANNEL_FORGOTTEN && to[a->channel] == CHANNEL_FORGOTTEN)
			a->outcome = OUTCOME_UNKNOWN;
		a->channel = (uint16_t)to[a->channel];
	}
}

bool host_knows(const struct host *h, uint32_t endpoint)
{
	for (uint32_t i = 1; i < h->channels; i++)
		if (h->channel[i].named && h->channel[i].endpoint == endpoint)
			return true;
	for (uint32_t i = 0; i < h->new_names; i++)
		if (h->new_name[i].domain == endpoint)
			return true;
	return seen_before(h, endpoint);
}

uint32_t host_channel(struct host *h, const struct channel_key *key, bool *ret_first)
{
	*ret_first = false;
	uint32_t known = host_channel_find(h, key);
	if (known != CHANNEL_FORGOTTEN)
		return known;
	bool first = !seen_before(h, key->endpoint);
	for (uint32_t i = 1; i < h->channels && first; i++)
		first = h->channel[i].endpoint != key->endpoint ||
		        h->channel[i].named != key->named;
	uint32_t index = h->channels;
	if (index == HOST_CHANNELS_MAX) {
		h->ripe = true;
		return CHANNEL_FORGOTTEN;
	}
	if (index == h->channel_room &&
		!grow((void **)&h->channel, &h->channel_room, FIRST_CHANNELS, HOST_CHANNELS_MAX,
			sizeof *h->channel))
		return CHANNEL_FORGOTTEN;
	h->channels++;
	h->ripe |= h->channels == HOST_CHANNELS_MAX;
	h->channel[index] = (struct channel){.endpoint = key->endpoint,
		.process = key->process,
		.port = key->port,
		.transport = key->transport & 3u,
		.named = key->named,
		.rare = key->rare,
		.proxied = key->proxied,
		.used = true};
	*ret_first = first;
	return index;
}

/* ---- attempts ---- */

/* A failing look-up beside another of the same domain: one attempt. */
static bool join_lookup(struct host *h, const struct attempt *a)
{
	if ((a->flags & ATTEMPT_LOOKUP) == 0 || !outcome_is_failure((enum outcome)a->outcome))
		return false;
	for (uint32_t i = h->attempts; i > 0; i--) {
		struct attempt *b = &h->attempt[i - 1];
		if (a->start_ns - b->start_ns > TWIN_NS)
			return false;
		if (b->channel != a->channel || (b->flags & ATTEMPT_LOOKUP) == 0 ||
			!outcome_is_failure((enum outcome)b->outcome))
			continue;
		b->over_ns = a->over_ns > b->over_ns ? a->over_ns : b->over_ns;
		b->tries = (uint16_t)(b->tries + (b->tries < UINT16_MAX));
		return true;
	}
	return false;
}

/* One gap more for the running means; weights of 1/8 and 1/4 as RFC 6298 has them for a like end.
 */
static void count_gap(struct channel *c, int64_t gap_ns)
{
	int64_t gap = gap_ns / (NS_PER_S / 10);
	gap = gap < UINT16_MAX ? gap : UINT16_MAX;
	if (c->openings == 1) { /* the first gap */
		c->gap_ds = (uint16_t)gap;
		c->jitter_ds = (uint16_t)(gap / 2);
		return;
	}
	int64_t off = gap - c->gap_ds, away = off < 0 ? -off : off;
	c->gap_ds = (uint16_t)(c->gap_ds + off / 8);
	c->jitter_ds = (uint16_t)(c->jitter_ds + (away - c->jitter_ds) / 4);
}

static void count_attempt(struct channel *c, const struct attempt *a)
{
	if (c->first_ns == 0 || a->start_ns < c->first_ns)
		c->first_ns = a->start_ns;
	bool opened = c->last_ns == 0 || a->start_ns - c->last_ns > TWIN_NS;
	if (opened && c->last_ns != 0)
		count_gap(c, a->start_ns - c->last_ns);
	c->openings += opened;
	if (a->start_ns >= c->last_ns) {
		c->last_ns = a->start_ns;
		c->last_outcome = a->outcome & 15u;
	}
	if (outcome_is_failure((enum outcome)a->outcome)) {
		c->failures++;
		c->failure = a->outcome & 15u;
	}
	c->connections += (a->flags & (ATTEMPT_LOOKUP | ATTEMPT_CUT)) == 0;
}

static int by_time(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
	return a < b ? -1 : a > b;
}

/* When the host learnt of failures, in order. */
static uint32_t failure_times(const struct host *h, int64_t ret[static HOST_ATTEMPTS_MAX])
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < h->attempts; i++)
		if (attempt_failed(&h->attempt[i]))
			ret[count++] = h->attempt[i].over_ns;
	qsort(ret, count, sizeof *ret, by_time);
	return count;
}

/* When the last began of those that are one with it. */
static int64_t last_success(const struct attempt *a)
{
	return a->start_ns + (int64_t)a->lasted_ms * NS_PER_MS;
}

static void join_to(struct attempt *head, int64_t at_ns)
{
	int64_t ms = (at_ns - head->start_ns) / NS_PER_MS;
	if (ms > head->lasted_ms)
		head->lasted_ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* Done again, with what came since, it leaves what doing it once would have left: a success knows
 * until when others were joined to it. */
void host_join_successes(struct host *h)
{
	int64_t failure[HOST_ATTEMPTS_MAX];
	struct attempt *head[HOST_CHANNELS_MAX] = {NULL}; /* that answered last; NULL: it failed */
	int64_t last_ns[HOST_CHANNELS_MAX] = {0};
	uint32_t failed_before[HOST_CHANNELS_MAX]; /* failures known at last_ns */
	uint32_t failures = failure_times(h, failure), known = 0, kept = 0;
	for (uint32_t i = 0; i < h->attempts; i++) {
		const struct attempt *a = &h->attempt[i];
		uint32_t c = a->channel;
		while (known < failures && failure[known] <= a->start_ns)
			known++;
		bool ok = a->outcome == OUTCOME_OK;
		bool joins = c != CHANNEL_FORGOTTEN && ok && head[c] != NULL &&
		             (a->flags & ATTEMPT_FIRST) == 0 &&
		             a->start_ns - last_ns[c] < BURST_GAP_NS && failed_before[c] == known;
		if (joins) {
			join_to(head[c], last_success(a));
		} else {
			head[c] = ok ? &h->attempt[kept] : NULL;
			h->attempt[kept++] = *a;
		}
		last_ns[c] = ok ? last_success(head[c]) : a->start_ns;
		failed_before[c] = known;
		for (uint32_t f = known; f < failures && failure[f] <= last_ns[c]; f++)
			failed_before[c]++;
	}
	h->attempts = kept;
}

bool host_add_attempt(struct host *h, const struct attempt *a)
{
	if (h->attempts == HOST_ATTEMPTS_MAX ||
		(h->forgotten_ns != 0 && a->start_ns < h->forgotten_ns)) {
		h->late++;
		return true;
	}
	h->changed = true;
	bool joins = join_lookup(h, a);
	count_attempt(&h->channel[a->channel], a);
	if (joins)
		return true;
	if (h->attempts == h->attempt_room &&
		!grow((void **)&h->attempt, &h->attempt_room, FIRST_ATTEMPTS, HOST_ATTEMPTS_MAX,
			sizeof *h->attempt))
		return false;
	uint32_t at = h->attempts;
	while (at > 0 && h->attempt[at - 1].start_ns > a->start_ns)
		at--;
	memmove(&h->attempt[at + 1], &h->attempt[at], (h->attempts - at) * sizeof *a);
	h->attempt[at] = *a;
	h->attempts++;
	if (h->attempts == HOST_ATTEMPTS_MAX) {
		host_join_successes(h);
		h->ripe |= h->attempts > HOST_ATTEMPTS_MAX / 4 * 3;
	}
	return true;
}

void host_void_failures(struct host *h, uint32_t channel, uint32_t name, int64_t answered_ns)
{
	if (h->channel[channel].name != name)
		return;
	for (uint32_t i = h->attempts; i > 0; i--) {
		struct attempt *a = &h->attempt[i - 1];
		if (answered_ns - a->start_ns > ANSWER_VOIDS_NS)
			return;
		if (a->channel == channel && (a->flags & ATTEMPT_LOOKUP) != 0 && attempt_failed(a))
			a->flags |= ATTEMPT_VOID;
	}
}

void host_end_attempt(struct host *h, uint32_t channel, uint16_t client_port, int64_t end_ns)
{
	for (uint32_t i = h->attempts; i > 0; i--) {
		struct attempt *a = &h->attempt[i - 1];
		if (a->channel != channel || a->client_port != client_port ||
			a->outcome != OUTCOME_OK)
			continue;
		a->over_ns = end_ns;
		return;
	}
}

void host_retire(struct host *h)
{
	if (h->attempts > HOST_ATTEMPTS_MAX / 4 * 3) {
		uint32_t gone = h->attempts / 2;
		h->forgotten_ns = h->attempt[gone - 1].start_ns;
		memmove(h->attempt, h->attempt + gone, (h->attempts - gone) * sizeof *h->attempt);
		h->attempts -= gone;
	}
	if (h->channels == HOST_CHANNELS_MAX)
		forget_channels(h);
	h->ripe = false;
}

/* ---- names that are new to the host ---- */

bool host_add_name(struct host *h, uint32_t domain, int64_t asked_ns)
{
	if (h->new_names == HOST_NAMES_MAX) {
		for (uint32_t i = 0; i < HOST_NAMES_MAX / 4; i++)
			remember_seen(h, h->new_name[i].domain);
		memmove(h->new_name, h->new_name + HOST_NAMES_MAX / 4,
			(HOST_NAMES_MAX - HOST_NAMES_MAX / 4) * sizeof *h->new_name);
		h->new_names -= HOST_NAMES_MAX / 4;
	} else if (h->new_names == h->name_room &&
		   !grow((void **)&h->new_name, &h->name_room, FIRST_NAMES, HOST_NAMES_MAX,
			   sizeof *h->new_name)) {
		return false;
	}
	uint32_t at = h->new_names;
	while (at > 0 && h->new_name[at - 1].asked_ns > asked_ns)
		at--;
	memmove(&h->new_name[at + 1], &h->new_name[at], (h->new_names - at) * sizeof *h->new_name);
	h->new_name[at] = (struct new_name){.asked_ns = asked_ns, .domain = domain};
	h->new_names++;
	return true;
}

void host_name_told(struct host *h, uint32_t domain, bool answered, bool dead)
{
	for (uint32_t i = h->new_names; i > 0; i--) {
		struct new_name *n = &h->new_name[i - 1];
		if (n->domain != domain)
			continue;
		n->answered |= answered;
		n->dead |= dead;
		return;
	}
}
