#include "report/rows.h"

#include "base/check.h"
#include "base/testing.h"

/* A ladder of n channels: each failed once and the next was opened. */
static void ladder(struct finding *f, size_t n)
{
	*f = (struct finding){.channels = n};
	for (size_t i = 0; i < n; i++) {
		struct finding_channel *ch = &f->channel[i];
		ch->role = i == 0 ? ROLE_PRIMARY : i + 1 == n ? ROLE_FALLBACK : ROLE_TRIED;
		ch->connections = 1;
		ch->failures = i + 1 < n;
		ch->failure = i + 1 < n ? OUTCOME_SILENT : OUTCOME_OK;
		if (i > 0)
			f->sw[f->switches++] = (struct finding_switch){.from = i - 1, .to = i};
	}
}

static void test_few_channels_have_a_row_each(void **s)
{
	(void)s;
	struct finding f;
	struct rows rows;
	ladder(&f, 8);
	rows_of(&f, 8, &rows);
	assert_int_equal(rows.count, 8);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(rows.of[i], i);
		assert_int_equal(rows.row[i].channels, 1);
	}
	assert_string_equal(row_part(&f, &rows.row[0]), "from");
	assert_string_equal(row_part(&f, &rows.row[1]), "tried");
	assert_string_equal(row_part(&f, &rows.row[7]), "to");
	assert_true(row_is_fallback(&f, &rows.row[7]));
	assert_false(row_is_fallback(&f, &rows.row[6]));
}

static void test_the_middle_of_a_ladder_shares_a_row(void **s)
{
	(void)s;
	struct finding f;
	struct rows rows;
	ladder(&f, 24);
	rows_of(&f, 8, &rows);
	assert_int_equal(rows.count, 8);
	assert_int_equal(rows.row[6].channels, 17);
	assert_int_equal(rows.row[6].channel[0], 6);
	assert_int_equal(rows.row[6].channel[16], 22);
	assert_int_equal(rows.row[6].tries, 17);
	assert_int_equal(rows.row[6].failures, 17);
	assert_int_equal(rows.row[6].failure, OUTCOME_SILENT);
	assert_string_equal(row_part(&f, &rows.row[6]), "tried");
	assert_int_equal(rows.row[7].channel[0], 23); /* where it ended is always told */
	assert_int_equal(rows.of[6], 6);
	assert_int_equal(rows.of[22], 6);
	assert_int_equal(rows.of[23], 7);
	size_t members = 0;
	for (size_t i = 0; i < rows.count; i++)
		members += rows.row[i].channels;
	assert_int_equal(members, 24);
}

static void test_beside_comes_last(void **s)
{
	(void)s;
	struct finding f = {.channels = 3, .switches = 1, .sw = {{.from = 1, .to = 2}}};
	struct rows rows;
	f.channel[0].role = ROLE_PRIMARY;
	f.channel[1].role = ROLE_TRIED;
	f.channel[2].role = ROLE_CARRIER;
	rows_of(&f, 4, &rows);
	assert_int_equal(rows.of[0], 2);
	assert_string_equal(row_part(&f, &rows.row[0]), "from");
	assert_string_equal(row_part(&f, &rows.row[1]), "via");
	assert_string_equal(row_part(&f, &rows.row[2]), "beside");
}

static void test_rows_follow_the_story(void **s)
{
	(void)s;
	struct finding f;
	struct rows rows;
	ladder(&f, 3);
	static const size_t tried[] = {2, 0, 1, 2};
	for (size_t i = 0; i < ARRAY_LEN(tried); i++)
		f.tick[f.ticks++] = (struct finding_tick){.channel = tried[i], .at_ns = (int64_t)i};
	rows_of(&f, 4, &rows);
	assert_int_equal(rows.of[2], 0);
	assert_int_equal(rows.of[0], 1);
	assert_int_equal(rows.of[1], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_channels_have_a_row_each),
		cmocka_unit_test(test_the_middle_of_a_ladder_shares_a_row),
		cmocka_unit_test(test_beside_comes_last),
		cmocka_unit_test(test_rows_follow_the_story),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
