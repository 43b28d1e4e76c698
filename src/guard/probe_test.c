#include "base/testing.h"

#include <errno.h>
#include <math.h>

#include "guard/probe_testing.h"

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
		assert_int_equal(probe_hits(&one->count[PROBE_IN_SHAM]), 0);
		assert_true(one->count[PROBE_IN_BLOCK].windows <= 8);
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
	assert_int_equal(one->count[PROBE_IN_BLOCK].windows, 2);
	assert_int_equal(probe_hits(&one->count[PROBE_IN_BLOCK]), 0);
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
			.host = w.host, .key = B, .popularity = 9, .at_ns = w.now_ns};
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

/* As often as it restarts it stays within its slots, and can be taken up again. */
/* A certainty, as no guard writes it: what is weighed by it would be no number. */
static void a_saved_chance_of_one_is_refused(void **state)
{
	static const uint8_t certain[8] = {0x3f, 0xf0};
	struct probe_config config = quick();
	struct probes *next = NULL;
	struct out saved = {0};
	struct fail why = {0};
	struct world w;
	(void)state;
	world_open(&w, &config);
	begin(&w, 0.25);
	probes_save(w.probes, &saved);
	uint8_t *p0 = memmem(saved.text, saved.len, "\x3f\xd0\0\0\0\0\0\0", 8); /* 0.25 */
	assert_non_null(p0);
	memcpy(p0, certain, sizeof certain);
	assert_int_equal(probes_new(&next, &config, &why), 0);
	assert_int_equal(probes_restore(next, saved.text, saved.len, w.now_ns, &why), -EPROTO);
	probes_free(next);
	probes_free(w.probes);
	out_fini(&saved);
}

static void slots_that_restarts_void_are_counted(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct world w;
	world_open(&w, &config);
	begin(&w, 0.01);
	for (int i = 0; i < 4000 && w.contained + w.ended == 0; i++) {
		second(&w);
		if (probe_find(w.probes, &w.host)->phase != PROBE_SLOT)
			continue;
		struct out saved = {0};
		struct fail why = {0};
		probes_save(w.probes, &saved);
		probes_free(w.probes);
		assert_int_equal(probes_new(&w.probes, &config, &why), 0);
		assert_int_equal(
			probes_restore(w.probes, saved.text, saved.len, w.now_ns, &why), 0);
		out_fini(&saved);
	}
	const struct probe *one = probe_find(w.probes, &w.host);
	assert_int_equal(one->verdict, PROBE_UNDECIDED);
	assert_int_equal(one->slots, config.slots);
	assert_int_equal(probe_counted(one), 0);
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
		hits[k] = probe_hits(&one->count[PROBE_IN_BLOCK]) +
		          probe_hits(&one->count[PROBE_IN_SHAM]);
		assert_int_equal(hits[k], channel(one, B)->block_hits + channel(one, B)->sham_hits);
		probes_free(w.probes);
	}
	assert_int_equal(hits[0], 5);
	assert_int_equal(hits[1], 5);
}

/* ---- what is asked, and when ---- */

/* The channel is used every 30 s, a slot is 4: nobody was asked, until slots are long enough. */
static void a_slot_that_was_not_felt_counts_nothing(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct probe_action actions[PROBE_CHANNELS_MAX];
	struct world w;
	world_open(&w, &config);
	begin(&w, 0.01);
	for (int i = 0; i < 3000 && w.ended == 0; i++) {
		w.now_ns += S;
		const struct probe *one = probe_find(w.probes, &w.host);
		if (one->slot_ns < 30 * S && one->phase == PROBE_REST)
			assert_int_equal(probe_counted(one), 0);
		obey(&w, actions, probe_tick(w.probes, w.now_ns, actions, ARRAY_LEN(actions)));
		if (i % 30 == 29)
			saw(&w, A);
	}
	const struct probe *one = probe_find(w.probes, &w.host);
	assert_int_equal(one->verdict, PROBE_CLEARED);
	assert_int_equal(one->slot_ns, 32 * S);
	assert_near(one->p0_given, 1 - pow(0.99, 8), 1e-9);
	assert_int_equal(one->count[PROBE_IN_BLOCK].windows, 2);
	probes_free(w.probes);
}

/* What appears in each rest appears by itself. */
static void rests_after_shams_are_watched_too(void **state)
{
	(void)state;
	struct probe_config config = quick();
	struct world w;
	config.alpha = config.beta = 1e-9;
	world_open(&w, &config);
	begin(&w, 0.034);
	for (int i = 0; i < 160; i++) {
		second(&w);
		const struct probe *one = probe_find(w.probes, &w.host);
		if (one->phase == PROBE_REST && w.now_ns == one->began_ns + 2 * S)
			saw_rare(&w, w.names++);
	}
	const struct probe *one = probe_find(w.probes, &w.host);
	assert_true(one->count[PROBE_IN_REST].windows > 5 &&
		    one->count[PROBE_IN_REST].windows <= one->count[PROBE_IN_SHAM].windows);
	assert_int_equal(probe_hits(&one->count[PROBE_IN_REST]), one->count[PROBE_IN_REST].windows);
	assert_int_equal(
		probe_hits(&one->count[PROBE_IN_BLOCK]) + probe_hits(&one->count[PROBE_IN_SHAM]),
		0);
	assert_true(probe_p0(w.probes, one) > 0.3);
	probes_free(w.probes);
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
		cmocka_unit_test(slots_that_restarts_void_are_counted),
		cmocka_unit_test(a_saved_chance_of_one_is_refused),
		cmocka_unit_test(what_was_seen_does_not_depend_on_the_coin),
		cmocka_unit_test(a_slot_that_was_not_felt_counts_nothing),
		cmocka_unit_test(rests_after_shams_are_watched_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
