#include "judge/lessons.h"

#include <math.h>
#include <string.h>

#include "judge/judge_private.h"
#include "judge/testing.h"

#define JUDGED 12

static const struct ruling rejected = {.kind = RULING_REJECTED, .why = "ours", .by = "ann"};
static const struct ruling accepted = {.kind = RULING_ACCEPTED, .why = "bad"};

/* A switch from one of the site's servers to another; n tells them apart. */
static void fill(struct finding *f, const char *endpoint, double e, const struct ruling *ruling)
{
	*f = (struct finding){.kind = KIND_LADDER,
		.host = addr_v4(0xc0000201),
		.e_value = e,
		.ruling = ruling,
		.channels = 2,
		.channel = {{.endpoint = "dead.example", .port = 443, .transport = TRANSPORT_TCP},
			{.endpoint = endpoint,
				.port = 443,
				.transport = TRANSPORT_TCP,
				.role = ROLE_FALLBACK}},
		.switches = 1,
		.sw = {{.from = 0, .to = 1}}};
}

struct rig {
	struct lessons *lessons;
	struct finding finding[JUDGED];
	const struct finding *list[JUDGED];
	char name[JUDGED][40];
	struct lesson_case c;
};

/* A case of `judged` findings on ten hosts in 40 host-days, E rising from 1e-4 by tenfold thrice
 * and again, of which the first `benign` were rejected. */
static void rig_start(struct rig *r, size_t judged, size_t benign)
{
	static const double e[] = {1e-4, 1e-3, 1e-2};
	*r = (struct rig){.c = {.max_e = 0.1, .hosts = 10, .host_days = 40}};
	assert_int_equal(lessons_new(&r->lessons), 0);
	for (size_t i = 0; i < judged; i++) {
		(void)snprintf(r->name[i], sizeof r->name[i], "site-%zu.example", i);
		fill(&r->finding[i], r->name[i], e[i % ARRAY_LEN(e)],
			i < benign ? &rejected : &accepted);
		r->list[i] = &r->finding[i];
	}
	r->c.finding = r->list;
	r->c.findings = judged;
	assert_int_equal(lessons_add(r->lessons, &r->c), 0);
}

static void the_same_switch_is_explained(void **state)
{
	(void)state;
	struct rig r;
	struct finding f;
	double e = 1e-5;
	rig_start(&r, 2, 1);
	fill(&f, "site-0.example", e, NULL);
	f.host = addr_v4(0xc0000299); /* on any host */
	lessons_apply(r.lessons, &f, &e);
	assert_string_equal(f.explained, "rejected-before");
	assert_string_equal(
		f.explained_text, "the same switch of 192.0.2.1 was rejected by ann: ours");
	assert_true(f.e_value == 1e-5 && f.evidences == 0);
	lessons_free(r.lessons);
}

static void another_switch_is_not(void **state)
{
	(void)state;
	struct rig r;
	struct finding f;
	rig_start(&r, 2, 1);
	fill(&f, "site-0.example", 1e-5, NULL);
	assert_non_null(lessons_sentence(r.lessons, &f));
	f.kind = KIND_HANDOVER;
	assert_null(lessons_sentence(r.lessons, &f));
	f.kind = KIND_LADDER;
	f.channel[1].port = 8443;
	assert_null(lessons_sentence(r.lessons, &f));
	f.channel[1].port = 443;
	f.channel[1].endpoint = "other.example";
	assert_null(lessons_sentence(r.lessons, &f));
	f.channel[1].endpoint = "site-1.example"; /* that one was accepted */
	assert_null(lessons_sentence(r.lessons, &f));
	lessons_free(r.lessons);
}

static void who_accepts_it_once_is_believed(void **state)
{
	(void)state;
	struct rig r;
	struct finding f;
	rig_start(&r, 1, 1);
	fill(&f, "site-0.example", 1e-5, NULL);
	assert_non_null(lessons_sentence(r.lessons, &f));
	r.finding[0].ruling = &accepted;
	assert_int_equal(lessons_add(r.lessons, &r.c), 0);
	assert_null(lessons_sentence(r.lessons, &f));
	lessons_free(r.lessons);
}

static void another_program_is_another_switch(void **state)
{
	(void)state;
	struct rig r;
	struct finding f;
	rig_start(&r, 0, 0);
	fill(&f, "site-0.example", 1e-5, &rejected);
	f.process = "updater";
	r.list[0] = &f;
	r.c.findings = 1;
	assert_int_equal(lessons_add(r.lessons, &r.c), 0);
	assert_non_null(lessons_sentence(r.lessons, &f));
	f.process = NULL; /* a source that names none */
	assert_non_null(lessons_sentence(r.lessons, &f));
	f.process = "evil";
	assert_null(lessons_sentence(r.lessons, &f));
	lessons_free(r.lessons);
}

static void the_rate_is_of_what_is_as_strong(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r, JUDGED, 3); /* rejected: one each at 1e-4, 1e-3, 1e-2 */
	struct lesson_rate rate = lessons_rate(r.lessons, 1e-5);
	assert_int_equal(rate.judged, 0);
	assert_true(rate.per_day == 0);
	rate = lessons_rate(r.lessons, 1e-3);
	assert_int_equal(rate.judged, 8);
	assert_int_equal(rate.rejected, 2);
	assert_near(rate.per_day, 2 / 40.0, 1e-12);
	assert_near(lessons_rate(r.lessons, 0.1).per_day, 3 / 40.0, 1e-12);
	/* the same again is no news, but its days are */
	assert_int_equal(lessons_add(r.lessons, &r.c), 0);
	assert_near(lessons_rate(r.lessons, 0.1).per_day, 3 / 80.0, 1e-12);
	r.c.known = true;
	assert_int_equal(lessons_add(r.lessons, &r.c), 0);
	assert_near(lessons_rate(r.lessons, 0.1).per_day, 3 / 80.0, 1e-12);
	lessons_free(r.lessons);
}

static void too_little_says_nothing(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r, LESSONS_JUDGED_MIN - 1, 3);
	assert_true(lessons_rate(r.lessons, 0.1).per_day == 0);
	lessons_free(r.lessons);
	rig_start(&r, JUDGED, 0); /* nothing was benign */
	struct finding f;
	double e = 0.05;
	fill(&f, "new.example", e, NULL);
	lessons_apply(r.lessons, &f, &e);
	assert_true(f.e_value == 0.05 && e == 0.05 && f.evidences == 0 && f.explained == NULL);
	lessons_free(r.lessons);
}

/* What was told but not judged is taken to be like the rest. */
static void days_are_of_what_was_judged(void **state)
{
	(void)state;
	struct rig r;
	rig_start(&r, JUDGED, 3);
	lessons_free(r.lessons);
	assert_int_equal(lessons_new(&r.lessons), 0);
	r.finding[JUDGED - 1].ruling = r.finding[JUDGED - 2].ruling = NULL;
	assert_int_equal(lessons_add(r.lessons, &r.c), 0);
	assert_near(lessons_rate(r.lessons, 0.1).host_days, 40 * 10.0 / 12, 1e-9);
	r.c.hosts = 100; /* for a part of a day each: E counts them as whole */
	assert_int_equal(lessons_add(r.lessons, &r.c), 0);
	assert_near(lessons_rate(r.lessons, 0.1).host_days, 140 * 10.0 / 12, 1e-9);
	lessons_free(r.lessons);
}

static void e_grows_and_the_bits_add_up(void **state)
{
	(void)state;
	struct rig r;
	struct finding f;
	double e = 1e-9; /* below what is trusted */
	rig_start(&r, JUDGED, 3);
	fill(&f, "new.example", 1e-3, NULL);
	evidence_add(&f, "timing", -log2(1e-3), "a sentence");
	while (f.evidences < FINDING_EVIDENCE_MAX)
		evidence_add(&f, "also", 0, "another");
	lessons_apply(r.lessons, &f, &e);
	assert_null(f.explained);
	assert_near(f.e_value, 1e-3 + 2 / 40.0, 1e-12);
	assert_true(e == f.e_value);
	assert_near(bits_of(&f), -log2(f.e_value), 1e-9);
	const struct finding_evidence *last = &f.evidence[f.evidences - 1];
	assert_string_equal(last->kind, "people");
	assert_true(last->bits < 0);
	assert_string_equal(last->text, "of 8 different findings as strong as this that people "
					"judged in earlier cases, in 40 "
					"host-days, 2 were benign: software here falls back for "
					"honest reasons that often too");
	/* and is taken off again when that is learnt from */
	f.ruling = &rejected;
	r.list[0] = &f;
	r.c.findings = 1;
	assert_int_equal(lessons_add(r.lessons, &r.c), 0);
	assert_int_equal(lessons_rate(r.lessons, 1.0001e-3).rejected, 3);
	evidence_fini(&f);
	lessons_free(r.lessons);
}

static void full_evidence_keeps_its_e(void **state)
{
	(void)state;
	struct rig r;
	struct finding f;
	double e = 1e-3;
	rig_start(&r, JUDGED, 3);
	fill(&f, "new.example", e, NULL);
	while (f.evidences < FINDING_EVIDENCE_MAX)
		evidence_add(&f, "timing", 1, "a sentence");
	lessons_apply(r.lessons, &f, &e);
	assert_true(f.e_value == 1e-3 && e == 1e-3);
	evidence_fini(&f);
	lessons_free(r.lessons);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_switch_is_explained),
		cmocka_unit_test(another_switch_is_not),
		cmocka_unit_test(who_accepts_it_once_is_believed),
		cmocka_unit_test(another_program_is_another_switch),
		cmocka_unit_test(the_rate_is_of_what_is_as_strong),
		cmocka_unit_test(too_little_says_nothing),
		cmocka_unit_test(days_are_of_what_was_judged),
		cmocka_unit_test(e_grows_and_the_bits_add_up),
		cmocka_unit_test(full_evidence_keeps_its_e),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
