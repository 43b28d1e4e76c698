/* A world for tests of probes: one experiment, and a host that lives by a clock of its own. */
#pragma once

#include "base/testing.h"

#include <math.h>

#include "guard/probe.h"

#define S NS_PER_S
static const char A[] = "tcp/192.0.2.1/443", B[] = "tcp/198.51.100.2/443",
		  C[] = "udp/203.0.113.3/53", D[] = "dns/example.net";

struct rng {
	uint64_t state;
};

static inline double draw(struct rng *r) /* SplitMix64 (Steele et al. 2014); 0 <= x < 1 */
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

struct world {
	struct probes *probes;
	struct addr host;
	struct rng rng;
	int64_t now_ns;
	double onset;  /* chance that a linked channel appears in one second by itself */
	double reacts; /* chance that a blocked channel is answered by the next of the list */
	const char *const *list; /* ways of the implant, NULL at the end; NULL a benign host */
	bool stays;              /* where it fled to, until that is blocked too */
	size_t at;
	bool flees;     /* drawn for this block */
	bool new_block; /* not yet felt */
	char shut[PROBE_CHANNELS_MAX][PROBE_KEY_BYTES];
	size_t shut_count;
	int64_t shut_until_ns;
	uint32_t names, contained, ended;
	double returns; /* chance in a second that one of the last names is met again */
	uint32_t since; /* the first name of this experiment */
};

static inline struct probe_config quick(void)
{
	struct probe_config c = probe_config_usual();
	c.slot_min_ns = 4 * S;
	c.slot_max_ns = 60 * S;
	c.late_ns = 0;
	c.coin = (struct hash_key){20261126, 8};
	return c;
}

static inline void world_open(struct world *w, const struct probe_config *config)
{
	struct fail why;
	*w = (struct world){.host = addr_v4(0xc0000264), .now_ns = 1000 * S};
	assert_int_equal(probes_new(&w->probes, config, &why), 0);
}

static inline void begin(struct world *w, double p0)
{
	struct fail why = {0};
	struct probe_request r = {.host = w->host, .key = A, .period_ns = S, .p0 = p0};
	if (probe_begin(w->probes, &r, w->now_ns, &why) < 0)
		fail_msg("%s", why.text);
	w->at = 0;
	w->shut_count = 0;
	w->since = w->names;
	w->contained = w->ended = 0;
}

static inline bool is_shut(const struct world *w, const char *key)
{
	for (size_t i = 0; w->now_ns < w->shut_until_ns && i < w->shut_count; i++)
		if (strcmp(w->shut[i], key) == 0)
			return true;
	return false;
}

static inline void saw(struct world *w, const char *key)
{
	struct probe_sight sight = {
		.host = w->host, .key = key, .linked = true, .at_ns = w->now_ns};
	probe_saw(w->probes, &sight, w->now_ns);
}

static inline void obey(struct world *w, const struct probe_action *actions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct probe_action *a = &actions[i];
		if (a->act == PROBE_ACT_BLOCK) {
			if (a->until_ns != w->shut_until_ns)
				w->shut_count = 0;
			assert_true(a->until_ns > w->now_ns && a->until_ns <= w->now_ns + 60 * S);
			snprintf(w->shut[w->shut_count++], PROBE_KEY_BYTES, "%s", a->key);
			w->shut_until_ns = a->until_ns;
			w->new_block = true;
		}
		w->contained += a->act == PROBE_ACT_CONTAIN;
		w->ended += a->act == PROBE_ACT_END;
	}
}

/* The implant's contact of this second: over the way it is on, or the next that is open. */
static inline void contact(struct world *w)
{
	static const char *const benign[] = {A, NULL};
	const char *const *list = w->list == NULL ? benign : w->list;
	if (!w->stays && !is_shut(w, list[0]))
		w->at = 0;
	saw(w, list[w->at]); /* an attempt, though it may fail */
	if (!is_shut(w, list[w->at]))
		return;
	if (w->new_block)
		w->flees = draw(&w->rng) < w->reacts;
	w->new_block = false;
	for (size_t i = 0, n = 0; w->flees && i < PROBE_CHANNELS_MAX; i++) {
		n = list[w->at + 1] == NULL ? 0 : w->at + 1;
		w->at = n;
		if (!is_shut(w, list[n])) {
			saw(w, list[n]);
			return;
		}
	}
}

static inline void saw_rare(struct world *w, uint32_t number)
{
	char key[32];
	snprintf(key, sizeof key, "tcp/rare%u.example/443", number);
	saw(w, key);
}

static inline void second(struct world *w)
{
	struct probe_action actions[PROBE_CHANNELS_MAX * 2];
	w->now_ns += S;
	size_t n = probe_tick(w->probes, w->now_ns, actions, ARRAY_LEN(actions));
	obey(w, actions, n);
	contact(w);
	if (draw(&w->rng) < w->onset)
		saw_rare(w, w->names++);
	if (w->names > w->since && draw(&w->rng) < w->returns)
		saw_rare(w, w->since + (uint32_t)(draw(&w->rng) * (w->names - w->since)));
}

static inline const struct probe *run(struct world *w)
{
	for (int i = 0; i < 4000 && w->contained + w->ended == 0; i++)
		second(w);
	assert_int_equal(w->contained + w->ended, 1);
	return probe_find(w->probes, &w->host);
}
