#include "host/testing.h"
#include "judge/judge.h"

#include <math.h>

/* Traffic without any fallback in it: each host calls one known server by the clock, meets new
 * addresses at random, and fails at random. E has to hold there. */

struct site {
	struct strings *strings;
	struct hosts *hosts;
	struct judge *judge;
	uint64_t state;
};

static double chance(struct site *s) /* [0, 1) */
{
	s->state = s->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(s->state >> 11) / (double)(UINT64_C(1) << 53);
}

static void site_start(struct site *s)
{
	*s = (struct site){.state = 7};
	assert_int_equal(strings_new(&s->strings, 1 << 23, 1 << 17), 0);
	assert_int_equal(hosts_new(&s->hosts, &(struct hosts_options){.strings = s->strings}), 0);
	assert_int_equal(judge_new(&s->judge, &(struct judge_options){.hosts = s->hosts}), 0);
}

static void site_stop(struct site *s)
{
	judge_free(s->judge);
	hosts_free(s->hosts);
	strings_free(s->strings);
}

static void add(struct site *s, struct event e)
{
	struct host *ripe = hosts_add(s->hosts, &e);
	if (ripe != NULL) {
		judge_look(s->judge, ripe);
		host_retire(ripe);
	}
}

static struct calibration finish(struct site *s)
{
	struct calibration c = {0};
	for (size_t i = 0; i < hosts_count(s->hosts); i++)
		judge_look(s->judge, hosts_get(s->hosts, i));
	judge_finish(s->judge, 0.1);
	judge_calibration(s->judge, &c);
	return c;
}

/* A day of one host; failing: the share of what it opens that is refused. */
static void a_day(struct site *s, unsigned host, double failing, double shift_s)
{
	struct addr client = test_addr("10.0.0.0");
	client.byte[14] = (uint8_t)(host >> 8);
	client.byte[15] = (uint8_t)(host & 255);
	double next = 0;
	for (int i = 0; i < 267; i++) {
		double t = 300.0 * i;
		struct event e = conn_event("198.51.100.200", 443, shift_s + t, OUTCOME_OK, 0);
		e.conn.client = client;
		add(s, e);
		while (next < t + 300) {
			char server[32];
			(void)snprintf(server, sizeof server, "%u.%u.%u.%u", 20 + host % 100,
				(unsigned)(256 * chance(s)), (unsigned)(256 * chance(s)),
				1 + (unsigned)(250 * chance(s)));
			bool fails = chance(s) < failing;
			e = conn_event(server, 443, shift_s + next,
				fails ? OUTCOME_REFUSED : OUTCOME_OK, 0.05);
			e.conn.client = client;
			add(s, e);
			next += -log(1 - chance(s)) * 2000;
		}
	}
}

static void e_holds_where_nothing_falls_back(void **state)
{
	(void)state;
	struct site s;
	site_start(&s);
	for (unsigned host = 1; host <= 80; host++)
		a_day(&s, host, 0.3, 0);
	struct calibration c = finish(&s);
	/* 80 hosts, a day each: the first looks are repeated eight times, later ones less */
	assert_true(c.decoy_host_days > 80 && c.decoy_host_days < 300);
	for (size_t i = 0; i < CALIBRATION_LINES; i++) {
		const struct calibration_line *line = &c.line[i];
		assert_near(line->observed, (double)line->findings / c.decoy_host_days, 1e-9);
		assert_true(line->low <= line->observed && line->observed <= line->high);
		assert_true(line->low <= CALIBRATION_WITHIN * line->stated);
	}
	assert_near(c.line[0].stated, 1, 0);
	assert_true(c.line[0].findings > 0); /* the decoys can be seen at all */
	assert_true(c.line[0].high <= CALIBRATION_WITHIN);
	site_stop(&s);
}

/* What is told of nothing: Garwood's upper bound for 0 is -ln 0.025. */
static void the_interval_is_exact(void **state)
{
	(void)state;
	struct site s;
	site_start(&s);
	for (int i = 0; i < 60; i++)
		add(&s, conn_event("198.51.100.200", 443, 60.0 * i, OUTCOME_OK, 0));
	struct calibration c = finish(&s);
	assert_near(c.decoy_host_days, 8, 1e-9);
	assert_int_equal(c.line[1].findings, 0);
	assert_near(c.line[1].low, 0, 0);
	assert_near(c.line[1].high, -log(0.025) / 8, 1e-6);
	site_stop(&s);
}

static void without_successes_there_are_no_decoys(void **state)
{
	(void)state;
	struct site s;
	site_start(&s);
	for (int i = 0; i < 60; i++)
		add(&s, conn_event("198.51.100.200", 443, 60.0 * i, OUTCOME_REFUSED, 1));
	struct calibration c = finish(&s);
	assert_near(c.decoy_host_days, 0, 0);
	assert_int_equal(c.line[0].findings, 0);
	site_stop(&s);
}

static void it_repeats_and_does_not_depend_on_when(void **state)
{
	(void)state;
	struct calibration c[2];
	for (unsigned i = 0; i < 2; i++) {
		struct site s;
		site_start(&s);
		for (unsigned host = 1; host <= 20; host++)
			a_day(&s, host, 0.3, i * 3 * 86400.0);
		c[i] = finish(&s);
		site_stop(&s);
	}
	assert_near(c[0].decoy_host_days, c[1].decoy_host_days, 0);
	for (size_t i = 0; i < CALIBRATION_LINES; i++)
		assert_int_equal(c[0].line[i].findings, c[1].line[i].findings);
}

/* Enough quiet traffic beside it: a finding whose E decoys can vouch for says so, one that is far
 * stronger than anything they could show does not. */
static void what_decoys_vouch_for_is_measured(void **state)
{
	(void)state;
	struct site s;
	site_start(&s);
	for (unsigned host = 20; host <= 100; host++)
		a_day(&s, host, 0.3, 0);
	static const char *const list[] = {
		"192.0.2.1", "198.51.100.7", "203.0.113.9", "203.0.114.77"};
	for (int i = 0; i < 60; i++)
		add(&s, conn_event("198.51.100.200", 443, 60.0 * i, OUTCOME_OK, 0));
	for (int i = 0; i < 4; i++)
		add(&s, conn_event(list[i], 443, 3700 + i * 2.01,
				i < 3 ? OUTCOME_REFUSED : OUTCOME_OK, 2.0));
	(void)finish(&s);
	unsigned vouched = 0;
	for (size_t i = 0; i < judge_count(s.judge); i++) {
		const struct finding *f = judge_get(s.judge, i);
		assert_true(f->e_value > 0.01 || !f->measured);
		vouched += f->measured;
	}
	assert_true(judge_get(s.judge, 0)->e_value < 1e-3);
	assert_true(vouched > 0);
	site_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(e_holds_where_nothing_falls_back),
		cmocka_unit_test(the_interval_is_exact),
		cmocka_unit_test(without_successes_there_are_no_decoys),
		cmocka_unit_test(it_repeats_and_does_not_depend_on_when),
		cmocka_unit_test(what_decoys_vouch_for_is_measured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
