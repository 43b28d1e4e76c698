/* A journal cut where the reading goes on, and segments that take turns. */
#include "event/journal_testing.h"

#define HALF (JOURNAL_BYTES_MIN / 2)

static void assert_cut(uint64_t position, int code, const char *words)
{
	struct journal *j = open_with(&SMALL);
	struct fail why = {0};
	assert_int_equal(journal_cut(j, position, &why), code);
	assert_string_equal(why.text, words);
	journal_close(j);
}

/* Replays what is there, adds the ids to last with a flush each `step`, without any cut. */
static uint64_t go_on(uint64_t first, uint64_t last, uint64_t step)
{
	struct journal *j = open_with(&SMALL);
	uint64_t position = 0;
	assert_int_equal(journal_replay(j, NULL, NULL, NULL), 0);
	for (uint64_t id = first; id <= last; id += step) {
		add_range(j, id, id + step - 1 < last ? id + step - 1 : last);
		position = flush(j);
	}
	journal_close(j);
	return position;
}

/* ---- cut ---- */

static void test_cut_is_exact(void **s)
{
	(void)s;
	uint64_t at[21];
	struct journal *j = open_j();
	assert_replay(j, 0, 1, 0);
	at[0] = flush(j);
	assert_int_equal(at[0], AT(1, HEADER_LEN));
	for (uint64_t id = 1; id <= 20; id++) {
		add_range(j, id, id);
		at[id] = flush(j);
		assert_true(at[id] > at[id - 1]);
	}
	journal_close(j);
	size_t len;
	uint8_t *bytes = read_file("j.1", &len);
	assert_int_equal(at[20], AT(1, len));
	for (size_t torn = 0; torn < 3; torn++)
		for (uint64_t id = 0; id <= 20; id++) {
			write_file("j.1", bytes, len - torn * (id < 20 ? 1 : 0));
			j = open_j();
			assert_int_equal(journal_cut(j, at[id], NULL), 0);
			assert_int_equal(size_of("j.1"), OFFSET(at[id]));
			assert_replay(j, 0, 1, id);
			assert_int_equal(flush(j), at[id]);
			assert_int_equal(journal_stats(j).bytes_lost, 0);
			assert_int_equal(journal_stats(j).bytes_cut,
				id < 20 ? len - torn - OFFSET(at[id]) : 0);
			add_range(j, id + 1, 21); /* and goes on */
			(void)flush(j);
			journal_close(j);
			j = open_j();
			assert_replay(j, 0, 1, 21);
			journal_close(j);
		}
	free(bytes);
}

static void test_cut_of_everything(void **s)
{
	(void)s;
	uint64_t end = make(5);
	struct journal *j = open_with(&SMALL);
	assert_int_equal(journal_cut(j, 0, NULL), 0);
	assert_replay(j, 0, 1, 0);
	uint64_t position = flush(j);
	assert_true(NUMBER(position) > NUMBER(end)); /* old positions do not come again */
	journal_close(j);
	assert_cut(end, -ESTALE, "j.1: the stored position is gone: the journal begins anew");
}

static void test_cut_that_cannot_be(void **s)
{
	(void)s;
	uint64_t end = make(5);
	assert_cut(1, -EINVAL, "j.1: no position of a journal: 1");
	assert_cut(AT(1, HEADER_LEN - 1), -EINVAL, "j.1: no position of a journal: 68719476763");
	struct journal *j = open_with(&SMALL);
	assert_replay(j, 0, 1, 5); /* nothing was touched */
	journal_close(j);
	const char *ends = "j.1: ends before the stored position: records are lost";
	assert_cut(end + 1, -ENODATA, ends);
	assert_cut(AT(2, HEADER_LEN), -ENODATA, ends);
	assert_cut(UINT64_MAX, -ENODATA, ends);
	j = open_with(&SMALL);
	assert_replay(j, 0, 1, 5);
	journal_close(j);
	/* half a record before the position */
	j = open_with(&SMALL);
	assert_int_equal(journal_cut(j, end - 1, NULL), 0);
	assert_replay(j, 0, 1, 4);
	assert_true(journal_stats(j).bytes_lost > 0);
	journal_close(j);
	/* an empty journal goes on behind a position that it cannot know */
	assert_int_equal(unlink("j.1"), 0);
	assert_cut(AT(7, 100), -ENODATA, "j.0: ends before the stored position: records are lost");
	j = open_with(&SMALL);
	assert_replay(j, 0, 1, 0);
	assert_int_equal(flush(j), AT(8, HEADER_LEN));
	journal_close(j);
}

/* ---- segments ---- */

/* The segment that holds the last position stays until the next one, and the cut goes back over
 * the change. */
static void test_cut_over_segments(void **s)
{
	(void)s;
	uint64_t stored = make(4000), all = 20000;
	assert_int_equal(NUMBER(stored), 1);
	struct journal *j = open_with(&SMALL);
	assert_replay(j, 0, 1, 4000);
	add_range(j, 4001, all); /* spilled, more than a segment */
	assert_true(journal_due(j));
	uint64_t next = flush(j);
	assert_int_equal(NUMBER(next), 2);
	add_range(j, all + 1, all + 10);
	journal_close(j); /* the second position was not stored */
	j = open_with(&SMALL);
	assert_int_equal(journal_cut(j, stored, NULL), 0);
	assert_int_equal(size_of("j.0"), 0);
	assert_replay(j, 0, 1, 4000);
	assert_int_equal(flush(j), stored);
	journal_close(j);

	stored = go_on(4001, 12000, 100);
	assert_int_equal(NUMBER(stored), 2);
	(void)go_on(12001, 30000, 100); /* two changes later */
	assert_cut(stored, -ESTALE, "j.1: the stored position is gone: the journal begins anew");
	j = open_with(&SMALL);
	assert_replay(j, 0, 1, 0);
	journal_close(j);
}

/* The older segment is shorter than the position says: what came behind it goes as well. */
static void test_cut_in_short_older_segment(void **s)
{
	(void)s;
	(void)make(4000);
	uint64_t stored = go_on(4001, 8000, 100);
	(void)go_on(8001, 12000, 100);
	assert_int_equal(NUMBER(stored), 1);
	assert_true(size_of("j.0") > HEADER_LEN);
	uint64_t keep = OFFSET(stored) - 1; /* in the middle of the last record before it */
	assert_int_equal(truncate("j.1", (off_t)keep), 0);
	struct journal *j = open_with(&SMALL);
	assert_int_equal(journal_cut(j, stored, NULL), -ENODATA);
	assert_replay(j, 0, 1, 7999);
	journal_close(j);
}

static void test_size(void **s)
{
	(void)s;
	uint64_t last = 0;
	struct journal_stats stats = {0};
	struct journal *j = open_with(&SMALL);
	assert_replay(j, 0, 1, 0);
	for (uint64_t i = 0; i < 600; i++) {
		add_range(j, last + 1, last + 100);
		last += 100;
		(void)flush(j);
		stats = journal_stats(j);
		assert_int_equal(stats.forced + stats.records, last);
		assert_int_equal(stats.bytes, size_of("j.0") + size_of("j.1"));
		assert_true(stats.bytes <= JOURNAL_BYTES_MIN);
		assert_true(last < 12000 || stats.bytes > HALF - 10000);
	}
	assert_true(stats.forced > 20000);
	assert_int_equal(stats.aged + stats.refused, 0);
	journal_close(j);
	j = open_with(&SMALL);
	assert_replay(j, 0, stats.forced + 1, last);
	assert_int_equal(journal_stats(j).records, stats.records);
	journal_close(j);
}

#define AGE 500 /* seconds, and events */

/* Each fifth event has that time, unless it is 0. Returns what is held; never less than AGE. */
static struct journal_stats run_of_age(int64_t wrong_ns, bool restart)
{
	const struct journal_options options = {
		.bytes_max = JOURNAL_BYTES_MIN, .age_ns = AGE * SECOND};
	struct journal *j = open_with(&options);
	uint64_t aged = 0;
	assert_replay(j, 0, 1, 0);
	for (uint64_t id = 1; id <= 4000; id++) {
		struct event e = conn_at(id, START_NS + (int64_t)id * SECOND);
		if (wrong_ns != 0 && id % 5 == 0)
			e.conn.start_ns = e.conn.end_ns = wrong_ns;
		journal_add(j, &e);
		if (id % 10 != 0)
			continue;
		(void)flush(j);
		struct journal_stats stats = journal_stats(j);
		assert_int_equal(aged + stats.aged + stats.records, id);
		assert_true(stats.records >= (id < AGE ? id : AGE));
		if (restart && id % 300 == 0) {
			aged += stats.aged;
			journal_close(j);
			j = open_with(&options);
			assert_replay(j, 0, aged + 1, id);
		}
	}
	struct journal_stats stats = journal_stats(j);
	stats.aged += aged;
	journal_close(j);
	assert_int_equal(unlink("j.0") + unlink("j.1"), 0);
	return stats;
}

static void test_age(void **s)
{
	(void)s;
	for (int restart = 0; restart < 2; restart++) {
		struct journal_stats stats = run_of_age(0, restart == 1);
		assert_true(stats.records >= AGE && stats.records <= 2 * AGE + 50);
		assert_true(stats.span_ns >= (AGE - 30) * SECOND);
		assert_true(stats.span_ns <= (2 * AGE + 50) * SECOND);
		assert_int_equal(stats.forced + stats.refused, 0);
		assert_int_equal(stats.aged + stats.records, 4000);
	}
}

/* Neither the year 2100 nor 1970 in single events makes anything go early. */
static void test_wrong_times(void **s)
{
	(void)s;
	struct journal_stats stats = run_of_age(INT64_C(4102444800) * SECOND, false);
	assert_true(stats.aged > 2000); /* and what is old goes still */
	stats = run_of_age(INT64_MAX, true);
	assert_true(stats.aged > 2000);
	stats = run_of_age(INT64_MIN, true);
	assert_true(stats.aged > 2000);
	stats = run_of_age(1, true);
	assert_int_equal(stats.records, 4000);
}

/* Damage in the older segment: what came later is not taken for what follows. */
static void test_damage_in_older_segment(void **s)
{
	(void)s;
	(void)make(4000);
	(void)go_on(4001, 12000, 100);
	size_t len, newer = size_of("j.0");
	assert_true(newer > HEADER_LEN);
	uint8_t *bytes = read_file("j.1", &len);
	for (int cut = 0; cut < 2; cut++) {
		size_t left;
		uint8_t *newer_bytes = read_file("j.0", &left);
		bytes[len / 2] ^= 1;
		write_file("j.1", bytes, cut == 1 ? len - 1 : len);
		bytes[len / 2] ^= 1;
		if (cut == 1)
			write_file("j.1", bytes, len - 1);
		struct journal *j = open_with(&SMALL);
		struct fail why = {0};
		struct ids ids = {0};
		assert_int_equal(journal_replay(j, take_id, &ids, &why), -EBADMSG);
		assert_int_equal(ids.id[ids.count - 1], ids.count);
		size_t good = size_of("j.1");
		char want[FAIL_BYTES];
		(void)snprintf(want, sizeof want,
			"j.1: damaged at byte %zu: %zu bytes from there on are dropped", good,
			len - (size_t)cut - good + newer);
		assert_string_equal(why.text, want);
		assert_true(cut == 1 ? len - good < 100 : good <= len / 2);
		assert_int_equal(size_of("j.0"), 0);
		free(ids.id);
		journal_close(j);
		write_file("j.1", bytes, len);
		write_file("j.0", newer_bytes, left);
		free(newer_bytes);
	}
	free(bytes);
}

/* The newer segment has no header yet, or the older one is of another time. */
static void test_half_a_change(void **s)
{
	(void)s;
	(void)make(4000);
	(void)go_on(4001, 12000, 100);
	size_t len;
	uint8_t *bytes = read_file("j.0", &len);
	struct journal *j = open_with(&SMALL);
	struct ids ids = {0};
	assert_int_equal(journal_replay(j, take_id, &ids, NULL), 0);
	assert_int_equal(ids.count, 12000);
	free(ids.id);
	journal_close(j);
	for (size_t n = 0; n < HEADER_LEN; n++) {
		write_file("j.0", bytes, n);
		j = open_with(&SMALL);
		ids = (struct ids){0};
		assert_int_equal(journal_replay(j, take_id, &ids, NULL), 0);
		assert_true(ids.count > 7000 && ids.count < 12000);
		assert_int_equal(ids.id[ids.count - 1], ids.count);
		assert_int_equal(NUMBER(flush(j)), 1);
		free(ids.id);
		journal_close(j);
	}
	free(bytes);
	assert_int_equal(rename("j.1", "k.1"), 0);
	(void)make(10); /* segment 1 */
	(void)go_on(11, 30000, 100);
	assert_int_equal(rename("k.1", "j.1"), 0); /* 1 again, beside 4 */
	j = open_with(&SMALL);
	ids = (struct ids){0};
	assert_int_equal(journal_replay(j, take_id, &ids, NULL), 0);
	assert_true(ids.id[0] > 20000); /* nothing of that 1 */
	assert_int_equal(ids.id[ids.count - 1], 30000);
	assert_int_equal(size_of("j.1"), 0);
	free(ids.id);
	journal_close(j);
}

/* Who never flushes does not fill the disk. */
static void test_without_flush(void **s)
{
	(void)s;
	struct journal *j = open_with(&SMALL);
	assert_replay(j, 0, 1, 0);
	assert_false(journal_due(j));
	add_range(j, 1, 100000);
	assert_true(journal_due(j));
	struct journal_stats stats = journal_stats(j);
	assert_true(stats.refused > 0);
	assert_int_equal(stats.refused + stats.records, 100000);
	assert_true(size_of("j.1") <= JOURNAL_BYTES_MIN + ((size_t)256 << 10));
	assert_int_equal(NUMBER(flush(j)), 2);
	assert_false(journal_due(j));
	uint64_t kept = stats.records;
	add_range(j, kept + 1, kept + 10);
	(void)flush(j);
	assert_int_equal(journal_stats(j).refused, stats.refused);
	journal_close(j);
	j = open_with(&SMALL);
	assert_replay(j, 0, 1, kept + 10);
	journal_close(j);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cut_is_exact),
		TEST(test_cut_of_everything),
		TEST(test_cut_that_cannot_be),
		TEST(test_cut_over_segments),
		TEST(test_cut_in_short_older_segment),
		TEST(test_size),
		TEST(test_age),
		TEST(test_wrong_times),
		TEST(test_damage_in_older_segment),
		TEST(test_half_a_change),
		TEST(test_without_flush),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
