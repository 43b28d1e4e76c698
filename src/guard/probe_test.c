#include "base/testing.h"

#include <errno.h>
#include <math.h>

#include "guard/probe.h"

#define S NS_PER_S
static const char A[] = "tcp/192.0.2.1/443", B[] = "tcp/198.51.100.2/443",
		  C[] = "udp/203.0.113.3/53", D[] = "dns/example.net";

/* ---- a world: one experiment and a host that lives by a clock of its own ---- */

struct rng {
	uint64_t state;
};

static double draw(struct rng *r) /* SplitMix64 (Steele et al. 2014); 0 <= x < 1 */
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
};

static struct probe_config quick(void)
{
	struct probe_config c = probe_config_usual();
	c.slot_min_ns = 4 * S;
	c.slot_max_ns = 60 * S;
	c.coin = (struct hash_key){20261126, 8};
	return c;
}

static void world_open(struct world *w, const struct probe_config *config)
{
	struct fail why;
	*w = (struct world){.host = addr_v4(0xc0000264), .now_ns = 1000 * S};
	assert_int_equal(probes_new(&w->probes, config, &why), 0);
}

static void begin(struct world *w, double p0)
{
	struct fail why = {0};
	struct probe_request r = {.host = w->host, .key = A, .period_ns = S, .p0 = p0};
	if (probe_begin(w->probes, &r, w->now_ns, &why) < 0)
		fail_msg("%s", why.text);
	w->at = 0;
	w->shut_count = 0;
	w->contained = w->ended = 0;
}

static bool is_shut(const struct world *w, const char *key)
{
	for (size_t i = 0; w->now_ns < w->shut_until_ns && i < w->shut_count; i++)
		if (strcmp(w->shut[i], key) == 0)
			return true;
	return false;
}

static void saw(struct world *w, const char *key)
{
	struct probe_sight sight = {.host = w->host, .key = key, .linked = true};
	probe_saw(w->probes, &sight, w->now_ns);
}

static void obey(struct world *w, const struct probe_action *actions, size_t n)
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
static void contact(struct world *w)
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

static void second(struct world *w)
{
	struct probe_action actions[PROBE_CHANNELS_MAX * 2];
	w->now_ns += S;
	size_t n = probe_tick(w->probes, w->now_ns, actions, ARRAY_LEN(actions));
	obey(w, actions, n);
	contact(w);
	if (draw(&w->rng) < w->onset) {
		char key[32];
		snprintf(key, sizeof key, "tcp/rare%u.example/443", w->names++ % 1000);
		saw(w, key);
	}
}

static const struct probe *run(struct world *w)
{
	for (int i = 0; i < 4000 && w->contained + w->ended == 0; i++)
		second(w);
	assert_int_equal(w->contained + w->ended, 1);
	return probe_find(w->probes, &w->host);
}

static const struct probe_channel *channel(const struct probe *one, const char *key)
{
	for (uint32_t i = 0; i < one->channels; i++)
		if (strcmp(one->channel[i].key, key) == 0)
			return &one->channel[i];
	return NULL;
}

/* ---- one experiment ---- */

static const char *const list[] = {A, B, C, D, NULL};

static void a_list_is_walked_to_its_end(void **state)
{
	(void)state;
	for (int stays = 0; stays < 2; stays++) {
		struct probe_config config = quick();
		struct world w;
		world_open(&w, &config);
		w.list = list;
		w.reacts = 1;
		w.stays = stays != 0;
		begin(&w, 0.01);
		const struct probe *one = run(&w);
		assert_int_equal(one->verdict, PROBE_CONFIRMED);
		assert_int_equal(w.contained, 1);
		assert_int_equal(one->nothing_new, 2);
		assert_int_equal(one->channels, 4);
		for (size_t i = 0; list[i] != NULL; i++)
			assert_true(channel(one, list[i])->in_set);
		assert_int_equal(one->sham_hits, 0);
		assert_true(one->blocks <= 8);
		struct out text = {0};
		probe_explain(w.probes, one, &text);
		assert_non_null(strstr(out_string(&text), "confirmed: it has a fallback"));
		assert_non_null(strstr(out_string(&text), "way: dns/example.net: appeared in "));
		out_fini(&text);
		probes_free(w.probes);
	}
}

static void a_channel_without_fallback_is_cleared_by_two_blocks(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct world w;
	world_open(&w, &config);
	begin(&w, 0.01);
	const struct probe *one = run(&w);
	assert_int_equal(one->verdict, PROBE_CLEARED);
	assert_int_equal(one->blocks, 2);
	assert_int_equal(one->block_hits, 0);
	probes_free(w.probes);
}

static void no_more_are_shut_than_the_limit(void **state)
{
	(void)state;
	struct probe_config config = quick();
	config.blocked = 2;
	struct world w;
	world_open(&w, &config);
	w.list = list;
	w.reacts = 1;
	begin(&w, 0.01);
	const struct probe *one = run(&w);
	assert_int_equal(one->verdict, PROBE_CONFIRMED);
	assert_true(w.shut_count <= 2);
	assert_false(channel(one, A)->in_set && channel(one, B)->in_set && channel(one, C)->in_set);
	probes_free(w.probes);
}

static void what_may_not_be_shut_is_spared(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct world w;
	world_open(&w, &config);
	w.list = list;
	w.reacts = 1;
	begin(&w, 0.01);
	for (int i = 0; i < 2000 && w.contained + w.ended == 0; i++) {
		second(&w);
		struct probe_sight popular = {
			.host = w.host, .key = B, .linked = false, .popularity = 9};
		probe_saw(w.probes, &popular, w.now_ns);
		for (size_t k = 0; k < w.shut_count; k++)
			assert_string_not_equal(w.shut[k], B);
	}
	assert_true(channel(probe_find(w.probes, &w.host), B) == NULL ||
		    channel(probe_find(w.probes, &w.host), B)->spared);
	probes_free(w.probes);
}

static void a_channel_that_falls_silent_is_undecided(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct world w;
	struct probe_action actions[PROBE_CHANNELS_MAX];
	world_open(&w, &config);
	begin(&w, 0.01);
	for (int i = 0; i < 100 && w.ended == 0; i++) {
		w.now_ns += S;
		obey(&w, actions, probe_tick(w.probes, w.now_ns, actions, ARRAY_LEN(actions)));
	}
	assert_int_equal(w.ended, 1);
	assert_int_equal(probe_find(w.probes, &w.host)->verdict, PROBE_UNDECIDED);
	probes_free(w.probes);
}

static void a_stop_opens_what_is_shut(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct world w;
	struct probe_action a[PROBE_CHANNELS_MAX];
	world_open(&w, &config);
	begin(&w, 0.01);
	for (int i = 0; i < 200 && w.shut_count == 0; i++)
		second(&w);
	assert_int_equal(w.shut_count, 1);
	assert_true(probe_stop(w.probes, &w.host, w.now_ns));
	assert_false(probe_stop(w.probes, &w.host, w.now_ns));
	assert_int_equal(probe_tick(w.probes, w.now_ns, a, ARRAY_LEN(a)), 2);
	assert_int_equal(a[0].act, PROBE_ACT_RELEASE);
	assert_string_equal(a[0].key, A);
	assert_int_equal(a[1].act, PROBE_ACT_END);
	assert_int_equal(probe_tick(w.probes, w.now_ns + S, a, ARRAY_LEN(a)), 0);
	probes_free(w.probes);
}

/* ---- limits ---- */

static int try(
	struct probes *p, uint32_t host, double p0, uint32_t popularity, bool never, int64_t now)
{
	struct fail why;
	struct probe_request r = {.host = addr_v4(host),
		.key = A,
		.period_ns = S,
		.p0 = p0,
		.popularity = popularity,
		.never_block = never};
	return probe_begin(p, &r, now, &why);
}

static void limits_hold(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct world w;
	world_open(&w, &config);
	int64_t now = w.now_ns;
	assert_int_equal(try(w.probes, 1, 0.01, 9, false, now), -EPERM);
	assert_int_equal(try(w.probes, 1, 0.01, 1, true, now), -EPERM);
	assert_int_equal(try(w.probes, 1, 0.5, 1, false, now), -ERANGE);
	assert_int_equal(try(w.probes, 1, nan(""), 1, false, now), -EINVAL);
	for (uint32_t i = 1; i <= config.hosts; i++)
		assert_int_equal(try(w.probes, i, 0.01, 8, false, now), 0);
	assert_int_equal(try(w.probes, 1, 0.01, 1, false, now), -EBUSY);
	assert_int_equal(try(w.probes, 99, 0.01, 1, false, now), -EBUSY);
	struct addr first = addr_v4(1);
	assert_true(probe_stop(w.probes, &first, now));
	assert_int_equal(try(w.probes, 1, 0.01, 1, false, now), -EAGAIN);
	assert_int_equal(try(w.probes, 99, 0.01, 1, false, now), 0);
	int64_t later = probe_find(w.probes, &first)->due_ns;
	assert_int_equal(later, now + 20 * S);
	struct addr other = addr_v4(2);
	assert_true(probe_stop(w.probes, &other, now));
	assert_int_equal(try(w.probes, 1, 0.01, 1, false, later), 0);
	probes_free(w.probes);
}

static void as_many_hosts_cool_as_can_be_remembered(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct world w;
	struct probe_action a[PROBE_ACTIONS_MAX];
	world_open(&w, &config);
	for (uint32_t i = 1; i <= PROBE_HOSTS_MAX; i++) {
		struct addr host = addr_v4(i);
		assert_int_equal(try(w.probes, i, 0.01, 1, false, w.now_ns), 0);
		assert_true(probe_stop(w.probes, &host, w.now_ns));
	}
	assert_int_equal(try(w.probes, 1000, 0.01, 1, false, w.now_ns), -ENOSPC);
	assert_int_equal(probe_tick(w.probes, w.now_ns, a, ARRAY_LEN(a)), PROBE_HOSTS_MAX);
	assert_int_equal(try(w.probes, 1000, 0.01, 1, false, w.now_ns + 20 * S), 0);
	probes_free(w.probes);
}

static void slots_follow_the_period(void **state)
{
	(void)state;
	static const struct {
		int64_t period_s, slot_s;
	} cases[] = {{0, 120}, {30, 120}, {60, 180}, {600, 1800}, {100000, 1800}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct probe_config config = probe_config_usual();
		struct world w;
		struct fail why;
		world_open(&w, &config);
		struct probe_request r = {
			.host = w.host, .key = A, .period_ns = cases[i].period_s * S};
		assert_int_equal(probe_begin(w.probes, &r, w.now_ns, &why), 0);
		assert_int_equal(probe_find(w.probes, &w.host)->slot_ns, cases[i].slot_s * S);
		probes_free(w.probes);
	}
}

/* ---- a restart ---- */

static void an_experiment_goes_on_after_a_restart(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct world w;
	world_open(&w, &config);
	w.list = list;
	w.reacts = 1;
	begin(&w, 0.01);
	for (int i = 0; i < 4000 && w.contained + w.ended == 0; i++) {
		second(&w);
		if (i % 37 != 0)
			continue;
		struct out saved = {0}, again = {0};
		struct fail why = {0};
		struct probes *next = NULL;
		probes_save(w.probes, &saved);
		assert_int_equal(probes_new(&next, &config, &why), 0);
		assert_int_equal(probes_restore(next, saved.text, saved.len, w.now_ns, &why), 0);
		assert_int_not_equal(probe_find(next, &w.host)->phase, PROBE_SLOT);
		for (size_t cut = 0; cut < saved.len; cut++) {
			uint8_t *exact = malloc(cut + 1);
			memcpy(exact, saved.text, cut);
			struct probes *none = NULL;
			if (cut % 7 == 0 && probes_new(&none, &config, &why) == 0) {
				assert_int_equal(
					probes_restore(none, exact, cut, 0, &why), -EPROTO);
				assert_null(probe_find(none, &w.host));
			}
			probes_free(none);
			free(exact);
		}
		probes_free(w.probes);
		w.probes = next;
		probes_save(w.probes, &again);
		out_fini(&saved);
		out_fini(&again);
	}
	assert_int_equal(w.contained, 1);
	const struct probe *one = probe_find(w.probes, &w.host);
	for (size_t i = 0; list[i] != NULL; i++)
		assert_true(channel(one, list[i])->in_set);
	probes_free(w.probes);
}

static void what_was_seen_does_not_depend_on_the_coin(void **state)
{
	(void)state;
	/* two coins, one script of sights: the same hits, whatever was a block */
	uint32_t hits[2] = {0};
	for (uint64_t k = 0; k < 2; k++) {
		struct probe_config config = quick();
		config.coin.k0 += k;
		config.alpha = 1e-9;
		config.beta = 1e-9;
		config.slots = 10;
		struct world w;
		world_open(&w, &config);
		begin(&w, 0.3);
		for (int i = 0; i < 4000 && w.ended + w.contained == 0; i++) {
			second(&w);
			const struct probe *one = probe_find(w.probes, &w.host);
			if (one->phase == PROBE_SLOT && one->slots % 2 == 0)
				saw(&w, B);
		}
		const struct probe *one = probe_find(w.probes, &w.host);
		hits[k] = one->block_hits + one->sham_hits;
		assert_int_equal(hits[k], channel(one, B)->block_hits + channel(one, B)->sham_hits);
		probes_free(w.probes);
	}
	assert_int_equal(hits[0], 5);
	assert_int_equal(hits[1], 5);
}

/* ---- many experiments: the bounds that are stated ---- */

struct tally {
	double confirmed, cleared, undecided, blocks;
};

static struct tally many(size_t experiments, double p0_said, double p0_true, double reacts)
{
	static const char *const two[] = {A, B, NULL};
	struct tally t = {0};
	struct probe_config config = quick();
	config.cooling = 0;
	config.p0_least = 0.001;
	struct world w;
	world_open(&w, &config);
	w.rng.state = 8;
	w.onset = 1 - pow(1 - p0_true, 1.0 / 4); /* a slot is four seconds */
	w.list = reacts > 0 ? two : NULL;
	w.reacts = reacts;
	for (size_t i = 0; i < experiments; i++) {
		begin(&w, p0_said);
		const struct probe *one = NULL;
		for (int k = 0; k < 4000; k++) { /* until the first step is decided */
			second(&w);
			one = probe_find(w.probes, &w.host);
			if (one->verdict != PROBE_OPEN)
				break;
		}
		t.confirmed += one->verdict == PROBE_CONFIRMED;
		t.cleared += one->verdict == PROBE_CLEARED;
		t.undecided += one->verdict == PROBE_UNDECIDED;
		t.blocks += one->blocks;
		(void)probe_stop(w.probes, &w.host, w.now_ns);
		second(&w);
	}
	probes_free(w.probes);
	double n = (double)experiments;
	return (struct tally){t.confirmed / n, t.cleared / n, t.undecided / n, t.blocks / n};
}

#define EXPERIMENTS 20000

/* With a true rate of 1e-4 more than 7 of 20,000 are seen once in 1,000 runs (Poisson, mean 2). */
static void false_confirmations_and_power_are_as_stated(void **state)
{
	(void)state;
	static const struct {
		double p0, blocks_c2, blocks_benign; /* SCIENCE section 5 */
	} cases[] = {{0.01, 3.7, 2.1}, {0.034, 4.3, 2.2}, {0.1, 7.2, 2.8}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double p0 = cases[i].p0;
		struct tally benign = many(EXPERIMENTS, p0, p0, 0),
			     fast = many(EXPERIMENTS, p0, p0, 0.95);
		struct tally implant = many(EXPERIMENTS, p0, p0, 0.8);
		print_message(
			"p0 %.3f: false %.6f, benign blocks %.2f; answers 0.95: power %.4f, blocks "
			"%.2f; answers 0.8: power %.4f, blocks %.2f\n",
			p0, benign.confirmed, benign.blocks, fast.confirmed, fast.blocks,
			implant.confirmed, implant.blocks);
		assert_true(benign.confirmed <= 7.0 / EXPERIMENTS);
		assert_true(benign.cleared >= 0.99);
		assert_true(fast.confirmed >= 0.95);
		assert_true(implant.confirmed >= 0.95);
		assert_near(benign.blocks, cases[i].blocks_benign, 0.3);
		assert_near(implant.blocks, cases[i].blocks_c2, 0.15 * cases[i].blocks_c2);
	}
}

/* A host three times as lively as the caller said: shams tell. Without them it would be 0.0027. */
static void shams_correct_a_rate_that_was_said_too_low(void **state)
{
	(void)state;
	struct tally t = many(EXPERIMENTS, 0.034, 0.1, 0);
	print_message("p0 0.034, truly 0.1: false %.6f\n", t.confirmed);
	assert_true(t.confirmed <= 0.0025);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_walked_to_its_end),
		cmocka_unit_test(a_channel_without_fallback_is_cleared_by_two_blocks),
		cmocka_unit_test(no_more_are_shut_than_the_limit),
		cmocka_unit_test(what_may_not_be_shut_is_spared),
		cmocka_unit_test(a_channel_that_falls_silent_is_undecided),
		cmocka_unit_test(a_stop_opens_what_is_shut),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(as_many_hosts_cool_as_can_be_remembered),
		cmocka_unit_test(slots_follow_the_period),
		cmocka_unit_test(an_experiment_goes_on_after_a_restart),
		cmocka_unit_test(what_was_seen_does_not_depend_on_the_coin),
		cmocka_unit_test(false_confirmations_and_power_are_as_stated),
		cmocka_unit_test(shams_correct_a_rate_that_was_said_too_low),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
