#include "report/say.h"

#include "base/limits.h"
#include "base/testing.h"
#include "report/told.h"

static void check(struct out *o, const char *want)
{
	assert_string_equal(out_string(o), want);
	out_clear(o);
}

static void test_numbers(void **s)
{
	(void)s;
	struct out o = {0};
	say_count(&o, 0);
	check(&o, "0");
	say_count(&o, 1000);
	check(&o, "1,000");
	say_count(&o, UINT64_MAX);
	check(&o, "18,446,744,073,709,551,615");
	say_plural(&o, 1, "host");
	check(&o, "1 host");
	say_plural(&o, 0, "host");
	check(&o, "0 hosts");
	out_fini(&o);
}

static void test_bytes(void **s)
{
	(void)s;
	static const struct {
		uint64_t n;
		const char *want;
	} rows[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {9949, "9.9 kB"}, {9951, "10 kB"},
		{999499, "999 kB"}, {999501, "1.0 MB"}, {UINT64_MAX, "18 EB"}};
	struct out o = {0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		say_bytes(&o, rows[i].n);
		check(&o, rows[i].want);
	}
	out_fini(&o);
}

static void test_spans(void **s)
{
	(void)s;
	static const struct {
		int64_t seconds;
		const char *want;
	} rows[] = {{0, "0 µs"}, {59, "59 s"}, {60, "1 min"}, {61, "1 min 1 s"}, {3600, "1 h"},
		{5902, "1 h 38 min"}, {86399, "23 h 59 min"}, {90000, "1 d 1 h"}, {-5, "0 µs"}};
	struct out o = {0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		say_span(&o, rows[i].seconds * NS_PER_S);
		check(&o, rows[i].want);
	}
	out_fini(&o);
}

static void test_e(void **s)
{
	(void)s;
	static const struct {
		double e;
		const char *want;
	} rows[] = {{0, "0"}, {0.1, "0.1"}, {0.00117, "0.0012"}, {4.2e-9, "4.2e-9"},
		{9.96e-5, "1.0e-4"}, {1e-300, "1.0e-300"}, {1, "1"}, {9.94, "9.9"}, {12.3, "12"},
		{999, "999"}, {12345, "1.2e4"}, {-1, "0"}};
	struct out o = {0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		say_e(&o, rows[i].e);
		check(&o, rows[i].want);
	}
	out_fini(&o);
}

static void test_endpoints(void **s)
{
	(void)s;
	static const struct {
		struct finding_channel ch;
		const char *want;
	} rows[] = {
		{{.endpoint = "203.0.113.7", .port = 443, .transport = TRANSPORT_TCP},
			"203.0.113.7:443"},
		{{.endpoint = "2001:db8::1", .port = 443, .transport = TRANSPORT_TCP},
			"[2001:db8::1]:443"},
		{{.endpoint = "2001:db8::1", .transport = TRANSPORT_TCP}, "2001:db8::1"},
		{{.endpoint = "a.example", .port = 53, .transport = TRANSPORT_UDP}, "a.example:53"},
		{{.endpoint = "203.0.113.7", .port = 8, .transport = TRANSPORT_ICMP},
			"203.0.113.7"},
		{{.endpoint = "a:b\x1b", .port = 1, .transport = TRANSPORT_TCP}, "a:b\\x1b:1"},
	};
	struct out o = {0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		say_endpoint(&o, &rows[i].ch);
		check(&o, rows[i].want);
	}
	out_fini(&o);
}

/* Attempts on channel 0: '.' answered, 'x' refused, 's' silent, '?' unknown; a minute apart. */
static void attempts(struct finding *f, const char *marks)
{
	*f = (struct finding){.channels = 1};
	struct finding_channel *ch = &f->channel[0];
	ch->failure = OUTCOME_OK;
	for (size_t i = 0; marks[i] != '\0'; i++) {
		enum outcome outcome = marks[i] == '.'   ? OUTCOME_OK
		                       : marks[i] == 'x' ? OUTCOME_REFUSED
		                       : marks[i] == 's' ? OUTCOME_SILENT
		                                         : OUTCOME_UNKNOWN;
		f->tick[f->ticks++] = (struct finding_tick){0, (int64_t)i * 60 * NS_PER_S, outcome};
		ch->connections++;
		ch->failures += outcome_is_failure(outcome);
		if (outcome_is_failure(outcome) || outcome == OUTCOME_UNKNOWN)
			ch->failure = outcome;
	}
}

static void test_results(void **s)
{
	(void)s;
	static const struct {
		const char *marks, *want;
	} cases[] = {{"", "never opened"}, {".", "answered once"}, {"x", "refused once"},
		{"xxx", "refused every time (3 of 3)"}, {".x..", "refused 1 of 4 times"},
		{"...", "answered every time (3 of 3)"}, {"?", "outcome unknown"},
		{"sxx", "failed every time (3 of 3), mostly refused"},
		{"......", "answered every time (6 of 6), every 60 s"}};
	struct out o = {0};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct finding f;
		struct rows rows;
		attempts(&f, cases[i].marks);
		rows_of(&f, 4, &rows);
		say_result(&o, &f, &rows.row[0]);
		check(&o, cases[i].want);
	}
	out_fini(&o);
}

static void test_looked_up_only(void **s)
{
	(void)s;
	struct finding f;
	struct rows rows;
	struct out o = {0};
	attempts(&f, "xx");
	f.channel[0].connections = f.channel[0].failures = 0;
	rows_of(&f, 4, &rows);
	say_result(&o, &f, &rows.row[0]);
	check(&o, "refused every time (2 of 2)");
	out_fini(&o);
}

static void test_rhythm_survives_a_missed_beat_but_no_disorder(void **s)
{
	(void)s;
	struct finding f;
	attempts(&f, "........");
	assert_int_equal(channel_rhythm(&f, 0), 60 * NS_PER_S);
	f.tick[4].outcome = OUTCOME_REFUSED; /* one interval of 120 s */
	assert_int_equal(channel_rhythm(&f, 0), 60 * NS_PER_S);
	attempts(&f, ".....");
	assert_int_equal(channel_rhythm(&f, 0), 60 * NS_PER_S);
	attempts(&f, "....");
	assert_int_equal(channel_rhythm(&f, 0), 0); /* three intervals are none */
	attempts(&f, "........");
	for (size_t i = 0; i < f.ticks; i++)
		f.tick[i].at_ns += (int64_t)(i * i) * 40 * NS_PER_S;
	assert_int_equal(channel_rhythm(&f, 0), 0);
}

static void test_e_means(void **s)
{
	(void)s;
	static const struct {
		double e, days;
		bool measured;
		const char *want;
	} rows[] = {
		{0.1, 0, true,
			"by accident, innocent traffic shows something this strong about once in "
			"10 "
			"days of one host (measured: decoys in this traffic agree)."},
		{2, 0, true,
			"by accident, innocent traffic shows something this strong about 2 times a "
			"day on one host (measured: decoys in this traffic agree)."},
		{1e-6, 0.5, false,
			"by accident, innocent traffic shows something this strong about once in "
			"2,738 years of one host, 5.0e-7 times in the 0.5 host-days read here (a "
			"model, not yet measured on this traffic); software that falls back for "
			"honest reasons comes on top."},
		{0, 0, false,
			"by accident, innocent traffic shows something this strong less than once "
			"in a million years of one host (a model, not yet measured on this "
			"traffic); software that falls back for honest reasons comes on top."},
	};
	struct out o = {0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct finding f = {.e_value = rows[i].e, .measured = rows[i].measured};
		const struct summary sum = {.host_days = rows[i].days};
		say_e_meaning(&o, &f, &sum);
		check(&o, rows[i].want);
	}
	out_fini(&o);
}

static void test_standing(void **s)
{
	(void)s;
	const struct finding strong = {.e_value = 0.1}, weak = {.e_value = 0.11},
			     benign = {.e_value = 0.01, .explained = "scan"};
	const struct finding *list[] = {&benign, &strong, &weak};
	const struct report_case c = {.finding = list, .findings = 3, .max_e = 0.1};
	assert_int_equal(finding_standing(&c, &strong), STANDING_REPORTED);
	assert_int_equal(finding_standing(&c, &weak), STANDING_WEAKER);
	assert_int_equal(finding_standing(&c, &benign), STANDING_EXPLAINED);
	struct tally t = case_tally(&c);
	assert_int_equal(t.reported, 1);
	assert_int_equal(t.weaker, 1);
	assert_int_equal(t.explained, 1);
	assert_ptr_equal(case_closest(&c), &weak);
}

static void test_every_kind_is_t1008(void **s)
{
	(void)s;
	for (int kind = 0; kind < KIND_COUNT; kind++)
		assert_string_equal(told_techniques((enum finding_kind)kind)[0]->id, "T1008");
	for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
		assert_non_null(outcome_meaning((enum outcome)outcome));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_e),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_looked_up_only),
		cmocka_unit_test(test_rhythm_survives_a_missed_beat_but_no_disorder),
		cmocka_unit_test(test_e_means),
		cmocka_unit_test(test_standing),
		cmocka_unit_test(test_every_kind_is_t1008),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
