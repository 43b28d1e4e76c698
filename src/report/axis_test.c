#include "report/axis.h"

#include "base/limits.h"
#include "base/testing.h"

#define START_NS (INT64_C(1609951354) * NS_PER_S) /* 2021-01-06T16:42:34Z */

static void add(struct finding *f, double at_s)
{
	f->tick[f->ticks++].at_ns = START_NS + (int64_t)(at_s * 1e9);
}

static void check_label(const struct axis *a, size_t knot, const char *want)
{
	struct out o = {0};
	axis_say(&o, a, knot);
	assert_string_equal(out_string(&o), want);
	out_fini(&o);
}

static void check_base(const struct axis *a, const char *want)
{
	struct out o = {0};
	axis_say_base(&o, a);
	assert_string_equal(out_string(&o), want);
	out_fini(&o);
}

static void test_order_is_kept_and_gaps_shortened(void **s)
{
	(void)s;
	struct finding f = {0};
	struct axis a;
	static const double at[] = {0, 0, 1, 2, 902, 90000};
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		add(&f, at[i]);
	axis_of(&f, &a);
	assert_int_equal(a.knots, 5); /* equal times are one */
	assert_true(a.x[0] == 0);
	assert_true(a.x[4] == 1);
	for (size_t i = 1; i < a.knots; i++)
		assert_true(a.x[i] > a.x[i - 1]);
	double second = a.x[1] - a.x[0], quarter = a.x[3] - a.x[2], day = a.x[4] - a.x[3];
	assert_true(a.x[2] - a.x[1] > second * 0.999 && a.x[2] - a.x[1] < second * 1.001);
	assert_true(quarter > 2 * second && quarter < 20 * second); /* it is 900 times longer */
	assert_true(day > quarter && day < 5 * quarter);
	assert_int_equal(axis_knot(&a, START_NS + NS_PER_S), 1);
	assert_int_equal(axis_knot(&a, START_NS + NS_PER_S + 1), 1);
	assert_int_equal(axis_knot(&a, START_NS - 1), 0);
	double between = axis_x(&a, START_NS + NS_PER_S / 2);
	assert_true(between > a.x[0] && between < a.x[1]);
	assert_true(axis_x(&a, INT64_MAX) == 1);
	assert_true(axis_x(&a, INT64_MIN) == 0);
}

static void test_longest_gaps_are_labelled_first(void **s)
{
	(void)s;
	struct finding f = {0};
	struct axis a;
	size_t order[AXIS_KNOTS_MAX];
	static const double at[] = {0, 5, 6, 600, 601};
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		add(&f, at[i]);
	axis_of(&f, &a);
	axis_labels(&a, order);
	static const size_t want[] = {0, 3, 1, 2, 4};
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(order[i], want[i]);
}

static void test_labels_fit_the_span(void **s)
{
	(void)s;
	struct finding f = {0};
	struct axis a;
	add(&f, 0);
	add(&f, 0.25);
	axis_of(&f, &a);
	check_base(&a, "2021-01-06 UTC");
	check_label(&a, 0, "16:42:34.000");
	check_label(&a, 1, "+0.250 s");
	add(&f, 10);
	axis_of(&f, &a);
	check_label(&a, 0, "16:42:34");
	check_label(&a, 2, "16:42:44");
	add(&f, 90000);
	axis_of(&f, &a);
	check_base(&a, "2021 UTC");
	check_label(&a, 3, "01-07 17:42");
	add(&f, 40000000);
	axis_of(&f, &a);
	check_base(&a, "UTC");
	check_label(&a, 4, "2022-04-14");
}

static void test_one_time_and_absurd_times(void **s)
{
	(void)s;
	struct finding f = {.first_ns = START_NS};
	struct axis a;
	axis_of(&f, &a); /* no attempt at all: the finding's own time */
	assert_int_equal(a.knots, 1);
	assert_true(axis_x(&a, START_NS) == 0);
	f.tick[0].at_ns = INT64_MIN;
	f.tick[1].at_ns = INT64_MAX;
	f.ticks = 2;
	axis_of(&f, &a);
	assert_int_equal(a.knots, 2);
	assert_true(a.x[1] == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_is_kept_and_gaps_shortened),
		cmocka_unit_test(test_longest_gaps_are_labelled_first),
		cmocka_unit_test(test_labels_fit_the_span),
		cmocka_unit_test(test_one_time_and_absurd_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
