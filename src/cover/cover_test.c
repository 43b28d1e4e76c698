#include <string.h>

#include "base/testing.h"
#include "cover/cover.h"

static struct cover_state *state_of(enum policy_verdict all)
{
	static struct cover_state s;
	s = (struct cover_state){.places = 2};
	for (size_t p = 0; p < s.places; p++)
		for (size_t family = 0; family < 2; family++) {
			s.place[p].known[family] = true;
			for (unsigned way = 0; way < COVER_ASKED; way++)
				s.place[p].way[family][way] = all;
		}
	return &s;
}

static enum cover_score score(const struct cover_state *s, enum cover_score *most)
{
	struct out reason = {0};
	enum cover_score ret = cover_score_of(s, most, &reason);
	assert_true(reason.len > 0);
	out_fini(&reason);
	return ret;
}

static enum cover_status control(const struct cover_state *s, const char *id)
{
	struct out evidence = {0};
	enum cover_status ret = COVER_NOT_ASSESSED;
	for (size_t i = 0; i < cover_controls_count; i++)
		if (strcmp(cover_controls[i].id, id) == 0)
			ret = cover_of_control(s, i, &evidence);
	assert_true(evidence.len > 0);
	out_fini(&evidence);
	return ret;
}

static void test_procedures(void **state)
{
	(void)state;
	assert_int_equal(cover_procedures_count, 53);
	for (size_t i = 0; i < cover_procedures_count; i++) {
		assert_true(cover_procedures[i].ways != 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(cover_procedures[i].id, cover_procedures[k].id);
	}
}

/* The Center's two rows for AWS: Internet access is not restricted, what is known to be bad is. */
static void test_their_assumptions(void **state)
{
	(void)state;
	enum cover_score most;
	struct cover_state *s = state_of(POLICY_ALLOWED);
	assert_int_equal(score(s, &most), COVER_MINIMAL);
	s->denies_known = true;
	assert_int_equal(score(s, &most), COVER_PARTIAL);
	assert_int_equal(most, COVER_PARTIAL);
	assert_int_equal(control(s, "sc-7.5"), COVER_NOT_SATISFIED);
	assert_int_equal(control(s, "cm-7"), COVER_NOT_SATISFIED);
}

static void test_all_shut(void **state)
{
	(void)state;
	enum cover_score most;
	struct cover_state *s = state_of(POLICY_DENIED);
	assert_int_equal(score(s, &most), COVER_PARTIAL); /* its resolver is not known */
	assert_int_equal(most, COVER_SIGNIFICANT);
	s->resolver_known = true;
	assert_int_equal(score(s, &most), COVER_SIGNIFICANT);
	assert_int_equal(control(s, "ac-4"), COVER_SATISFIED);
	assert_int_equal(control(s, "sc-7"), COVER_SATISFIED);
	assert_int_equal(control(s, "ca-7"), COVER_NOT_ASSESSED);
	s->resolver_open = true;
	assert_int_equal(score(s, &most), COVER_PARTIAL);
	assert_int_equal(most, COVER_PARTIAL);
}

/* One hole anywhere counts; what was not read proves nothing. */
static void test_worst_counts(void **state)
{
	(void)state;
	enum cover_score most;
	struct cover_state *s = state_of(POLICY_DENIED);
	s->resolver_known = true;
	s->place[1].way[1][COVER_HTTP] = POLICY_ALLOWED;
	assert_int_equal(cover_of_way(s, COVER_HTTP), POLICY_ALLOWED);
	assert_int_equal(score(s, &most), COVER_PARTIAL);
	assert_int_equal(control(s, "sc-7.5"), COVER_NOT_SATISFIED);
	s->place[1].known[1] = false;
	assert_int_equal(score(s, &most), COVER_SIGNIFICANT);
	s->partly_read = true;
	assert_int_equal(cover_of_way(s, COVER_HTTP), POLICY_UNDECIDED);
	assert_int_equal(control(s, "sc-7.5"), COVER_NOT_ASSESSED);
	*s = (struct cover_state){.places = 0};
	assert_int_equal(score(s, &most), COVER_MINIMAL);
}

/* What a scan says of itself: only one that runs, with rules of these days, and lost nothing. */
static void test_scans(void **state)
{
	(void)state;
	const int64_t day = INT64_C(86400) * 1000000000;
	struct cover_state *s = state_of(POLICY_DENIED);
	struct scan_state scan = {.at_ns = 100 * day, .rules = 1, .rules_ns = 71 * day};
	assert_int_equal(control(s, "si-3"), COVER_NOT_ASSESSED);
	s->scan = &scan;
	s->at_ns = 101 * day;
	assert_int_equal(control(s, "si-3"), COVER_NOT_ASSESSED); /* of files */
	scan.iface[0] = 'e';
	assert_int_equal(control(s, "si-3"), COVER_SATISFIED);
	scan.packets_lost = 1;
	assert_int_equal(control(s, "si-3"), COVER_NOT_ASSESSED);
	scan.packets_lost = 0;
	s->at_ns++;
	assert_int_equal(control(s, "si-3"), COVER_NOT_SATISFIED);
	scan.at_ns = s->at_ns = 102 * day;
	assert_int_equal(control(s, "si-3"), COVER_NOT_SATISFIED);
	scan.clamd = true;
	assert_int_equal(control(s, "si-3"), COVER_SATISFIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_procedures),
		cmocka_unit_test(test_their_assumptions),
		cmocka_unit_test(test_all_shut),
		cmocka_unit_test(test_worst_counts),
		cmocka_unit_test(test_scans),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
