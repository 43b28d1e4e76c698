#include "host/testing.h"
#include "judge/testing.h"

/* A quiet host's hour: one known server, now and then another. */
static void quiet_hour(struct run *r)
{
	for (int i = 0; i < 60; i++)
		add(r, conn_event("198.51.100.200", 443, 60.0 * i, OUTCOME_OK, 0));
}

/* Three dead servers in a row, each replaced 10 ms after its refusal, the fourth answers. */
static void a_walked_list_is_found(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	quiet_hour(&r);
	static const char *const list[] = {
		"192.0.2.1", "198.51.100.7", "203.0.113.9", "203.0.114.77"};
	for (int i = 0; i < 4; i++)
		add(&r, conn_event(list[i], 443, 3700 + i * 2.01,
				i < 3 ? OUTCOME_REFUSED : OUTCOME_OK, 2.0));
	run_finish(&r, 0.1);
	assert_int_equal(judge_count(r.judge), 1);
	const struct finding *f = judge_get(r.judge, 0);
	assert_null(f->explained);
	assert_int_equal(f->kind, KIND_LADDER);
	assert_true(f->e_value > 0 && f->e_value < 1e-3);
	assert_int_equal(f->channels, 4);
	assert_int_equal(f->switches, 3);
	assert_int_equal(f->episodes, 3);
	assert_int_equal(f->channel[f->sw[0].from].role, ROLE_PRIMARY);
	assert_string_equal(f->channel[f->sw[0].from].endpoint, "192.0.2.1");
	assert_int_equal(f->channel[f->sw[2].to].role, ROLE_FALLBACK);
	assert_string_equal(f->channel[f->sw[2].to].endpoint, "203.0.114.77");
	assert_int_equal(f->sw[0].failure, OUTCOME_REFUSED);
	assert_int_equal(f->sw[0].after_ns, 10 * NS_PER_MS);
	assert_int_equal(f->sw[0].at_ns, at(3702.01));
	assert_int_equal(f->ticks, 4);
	assert_int_equal(f->records, 4);
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	run_stop(&r);
}

/* The same times, but the successors are operators' names: nothing rare was met. */
static void a_dead_dependency_is_no_finding(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	quiet_hour(&r);
	for (int i = 0; i < 30; i++)
		add(&r, conn_event("192.0.2.1", 443, 3700 + 60.0 * i, OUTCOME_REFUSED, 1));
	run_finish(&r, 0.1);
	assert_int_equal(judge_count(r.judge), 0);
	run_stop(&r);
}

/* A beacon whose primary fails at irregular times; the backup is opened 4 s after each failure and
 * never else. */
static void primary_and_backup(struct run *r, bool companion)
{
	static const double gap[] = {611, 433, 907, 389, 1203, 521, 745, 467, 1009, 333, 871, 555};
	double t = 0;
	for (int i = 0; i < 24; i++) {
		t += gap[i % 12];
		bool fails = i % 4 == 3;
		add(r, conn_event("192.0.2.1", 443, t, fails ? OUTCOME_REFUSED : OUTCOME_OK, 1));
		if (fails || companion)
			add(r, conn_event(
				       "203.0.113.9", 8080, t + 5 + 0.7 * (i % 3), OUTCOME_OK, 0));
	}
}

static void a_backup_is_found(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	primary_and_backup(&r, false);
	run_finish(&r, 0.1);
	assert_true(judge_count(r.judge) >= 1);
	const struct finding *f = judge_get(r.judge, 0);
	assert_null(f->explained);
	assert_true(f->e_value < 0.1);
	assert_int_equal(f->channels, 2);
	assert_string_equal(f->channel[0].endpoint, "192.0.2.1");
	assert_string_equal(f->channel[1].endpoint, "203.0.113.9");
	assert_int_equal(f->channel[1].port, 8080);
	assert_int_equal(f->switches, 6);
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	run_stop(&r);
}

/* The same backup, but it follows the primary's successes as well: a companion. */
static void a_companion_is_explained(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	primary_and_backup(&r, true);
	run_finish(&r, 0.1);
	for (size_t i = 0; i < judge_count(r.judge); i++) {
		const struct finding *f = judge_get(r.judge, i);
		assert_true(f->explained != NULL || f->e_value > 0.1);
	}
	run_stop(&r);
}

/* What worked is lost, or denied, together with two more that work again later; a backup is opened
 * 2 s after the first of them. */
static const struct finding *three_at_once(struct run *r, enum outcome how)
{
	static const char *const servers[] = {"192.0.2.1", "198.51.100.7", "203.0.113.9"};
	run_start(r);
	quiet_hour(r);
	for (int i = 0; i < 3; i++)
		add(r, conn_event(servers[i], 443, 3500 + i, OUTCOME_OK, 0));
	for (int i = 0; i < 3; i++)
		add(r, conn_event(servers[i], 443, 3650 + 10 * i, how, 1));
	add(r, conn_event("198.18.5.5", 8443, 3672, OUTCOME_OK, 0));
	for (int i = 0; i < 3; i++)
		add(r, conn_event(servers[i], 443, 3800 + i, OUTCOME_OK, 0));
	run_finish(r, 10);
	assert_int_equal(judge_count(r->judge), 1);
	return judge_get(r->judge, 0);
}

static void a_denial_is_no_outage_but_an_experiment(void **state)
{
	(void)state;
	struct run r;
	assert_string_equal(three_at_once(&r, OUTCOME_UNREACHABLE)->explained, "outage");
	run_stop(&r);
	const struct finding *f = three_at_once(&r, OUTCOME_DENIED);
	assert_null(f->explained);
	size_t said = 0;
	for (size_t i = 0; i < f->evidences; i++)
		if (strcmp(f->evidence[i].kind, "intervention") == 0) {
			said++;
			assert_int_equal(strncmp(f->evidence[i].text, "1 of 1 failures is", 18), 0);
		}
	assert_int_equal(said, 1);
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	run_stop(&r);
}

/* Two refusals of the first name, the second name is asked for 10 ms later and answers with so many
 * bytes. Returns what explains it. */
static const char *why_of(const char *first, const char *second, const char *text, uint64_t bytes)
{
	struct run r;
	run_start(&r);
	quiet_hour(&r);
	if (text != NULL) {
		struct event e = lookup_event(text, 3690, OUTCOME_OK, NULL);
		e.lookup.qtype = 16;
		add(&r, e);
	}
	add(&r, lookup_event(first, 3699, OUTCOME_OK, "198.51.100.7"));
	add(&r, conn_event("198.51.100.7", 443, 3700, OUTCOME_REFUSED, 1));
	add(&r, lookup_event(second, 3701.01, OUTCOME_OK, "203.0.113.9"));
	struct event e = conn_event("203.0.113.9", 443, 3701.02, OUTCOME_OK, 0);
	e.conn.bytes_in = bytes;
	add(&r, e);
	run_finish(&r, 0.1);
	assert_int_equal(judge_count(r.judge), 1);
	const char *why = judge_get(r.judge, 0)->explained; /* a constant */
	run_stop(&r);
	return why;
}

static void an_updater_asks_for_versions_first(void **state)
{
	(void)state;
	static const char first[] = "db1.mirror-one.com", second[] = "database.mirror-two.com";
	assert_string_equal(why_of(first, second, "current.cvd.mirror-one.com", 1 << 20), "mirror");
	assert_null(why_of(first, second, "current.mirror-one.com", 1 << 20));
	/* of the backup alone: what failed was nobody's list */
	assert_null(why_of(first, second, "current.cvd.mirror-two.com", 1 << 20));
}

static void both_names_say_what_is_my_address(void **state)
{
	(void)state;
	static const char first[] = "icanhaz.addr-tell.com", second[] = "api.what-is-ip.com";
	assert_string_equal(why_of(first, second, NULL, 3000), "probe");
	assert_null(why_of("cdn.pages-one.com", second, NULL, 3000));
	assert_null(why_of(first, "tip.shipping.com", NULL, 3000)); /* whole words */
	assert_null(why_of(first, second, NULL, 100000)); /* no line of text is that long */
}

/* Six servers are asked for something of their own, one after another; then one answers with errors
 * only, and another is contacted 10 ms later. Marks 0: nobody knows what was asked for. */
static double e_of_requests(uint16_t others, uint16_t before, uint16_t after)
{
	struct run r;
	run_start(&r);
	quiet_hour(&r);
	for (uint16_t i = 0; i < 6; i++) {
		char server[16];
		(void)snprintf(server, sizeof server, "192.0.2.%u", i + 1u);
		struct event e = conn_event(server, 80, 600 * i, OUTCOME_OK, 0);
		e.conn.request_mark = others == 0 ? 0 : (uint16_t)(others + i);
		add(&r, e);
	}
	struct event a = conn_event("198.51.100.7", 80, 3700, OUTCOME_HTTP_ERROR, 0.5);
	struct event b = conn_event("203.0.113.9", 80, 3700.51, OUTCOME_OK, 0);
	a.conn.request_mark = before;
	b.conn.request_mark = after;
	add(&r, a);
	add(&r, b);
	run_finish(&r, 10);
	assert_int_equal(judge_count(r.judge), 1);
	const struct finding *f = judge_get(r.judge, 0);
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	double e = f->e_value;
	run_stop(&r);
	return e;
}

/* None of the six other pairs in a row asks for the same: by Laplace's rule another would by chance
 * (0 + 1) / (6 + 2); the program's own does one half of the times. */
static void the_same_request_is_the_same_program(void **state)
{
	(void)state;
	double unknown = e_of_requests(0, 0, 0);
	assert_near(e_of_requests(100, 7, 7) / unknown, (1.0 / 8) / 0.5, 1e-9);
	assert_near(e_of_requests(100, 7, 8) / unknown, (7.0 / 8) / 0.5, 1e-9);
	assert_near(e_of_requests(100, 0, 8) / unknown, 1, 1e-9);
	/* a host of which nothing else is known: as likely as not, either way */
	assert_near(e_of_requests(0, 7, 7) / unknown, 1, 1e-9);
}

static void generated_names_are_found(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	quiet_hour(&r);
	char name[32];
	for (int i = 0; i < 12; i++) {
		(void)snprintf(name, sizeof name, "q%dxk%dz.com", i * 7919, i);
		add(&r, lookup_event(name, 3700 + 7.3 * i + (i % 5), OUTCOME_NXDOMAIN, NULL));
	}
	run_finish(&r, 0.1);
	assert_true(judge_count(r.judge) >= 1);
	const struct finding *f = judge_get(r.judge, 0);
	assert_int_equal(f->kind, KIND_DGA);
	assert_near(f->e_value, 1e-6, 0); /* no model is trusted beyond that */
	assert_near(bits_of(f), -log2(f->e_value), 1e-6);
	run_stop(&r);
}

/* A resolver that answers nothing makes no names generated. */
static void silence_is_not_absence(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	quiet_hour(&r);
	char name[32];
	for (int i = 0; i < 12; i++) {
		(void)snprintf(name, sizeof name, "site%d.net", i * 7919);
		struct event e =
			lookup_event(name, 3700 + 31.3 * i + (i % 5), OUTCOME_DNS_SILENT, NULL);
		e.lookup.answer_ns = 0;
		add(&r, e);
	}
	run_finish(&r, 0.1);
	for (size_t i = 0; i < judge_count(r.judge); i++)
		assert_int_not_equal(judge_get(r.judge, i)->kind, KIND_DGA);
	run_stop(&r);
}

/* Times move, findings and their ids do not. */
static void ids_do_not_depend_on_time(void **state)
{
	(void)state;
	char id[2][33];
	double e[2];
	for (int round = 0; round < 2; round++) {
		struct run r;
		run_start(&r);
		for (int i = 0; i < 4; i++) {
			struct event ev = conn_event(i == 0   ? "192.0.2.1"
						     : i == 1 ? "198.51.100.7"
						     : i == 2 ? "203.0.113.9"
							      : "203.0.114.77",
				443, 3700 + i * 2.01, i < 3 ? OUTCOME_REFUSED : OUTCOME_OK, 2.0);
			int64_t shift = (int64_t)round * 86400 * 365 * NS_PER_S;
			ev.conn.start_ns += shift;
			ev.conn.end_ns += shift;
			if (ev.conn.fail_ns != 0)
				ev.conn.fail_ns += shift;
			add(&r, ev);
		}
		run_finish(&r, 1);
		assert_int_equal(judge_count(r.judge), 1);
		memcpy(id[round], judge_get(r.judge, 0)->id, sizeof id[round]);
		e[round] = judge_get(r.judge, 0)->e_value;
		run_stop(&r);
	}
	assert_string_equal(id[0], id[1]);
	assert_true(e[0] == e[1]);
}

static void walk_list(struct run *r, const char *process, const char *last)
{
	static const char *const list[] = {
		"192.0.2.1", "198.51.100.7", "203.0.113.9", "203.0.114.77"};
	static const char *const uids[] = {"Ca", "Cb", NULL, "Cd"};
	run_start(r);
	quiet_hour(r);
	for (int i = 0; i < 4; i++) {
		struct event e = conn_event(
			list[i], 443, 3700 + i * 2.01, i < 3 ? OUTCOME_REFUSED : OUTCOME_OK, 2.0);
		e.conn.process = i == 3 ? last : process;
		e.conn.uid = uids[i];
		add(r, e);
	}
	run_finish(r, 0.1);
	assert_true(judge_count(r->judge) >= 1);
}

/* The process that a source names, and the ids of the records, are in the finding. */
static void processes_and_records_are_told(void **state)
{
	(void)state;
	struct run r;
	walk_list(&r, "rundll32.exe", "rundll32.exe");
	const struct finding *f = judge_get(r.judge, 0);
	assert_string_equal(f->process, "rundll32.exe");
	assert_int_equal(f->switches, 3);
	assert_int_equal(f->uids, 3);
	assert_string_equal(f->uid[0], "Ca");
	assert_string_equal(f->uid[1], "Cb");
	assert_string_equal(f->uid[2], "Cd");
	char id[sizeof f->id];
	memcpy(id, f->id, sizeof id);
	run_stop(&r);

	walk_list(&r, "rundll32.exe", NULL); /* not every source knows it */
	assert_string_equal(judge_get(r.judge, 0)->process, "rundll32.exe");
	run_stop(&r);

	walk_list(&r, NULL, NULL);
	assert_null(judge_get(r.judge, 0)->process);
	assert_string_not_equal(judge_get(r.judge, 0)->id, id);
	run_stop(&r);
}

static bool tells_uid(const struct finding *f, const char *uid)
{
	for (size_t i = 0; i < f->uids; i++)
		if (strcmp(f->uid[i], uid) == 0)
			return true;
	return false;
}

/* Names that do not exist, and who asked for them. */
static void who_asks_for_names_is_told(void **state)
{
	(void)state;
	struct run r;
	run_start(&r);
	quiet_hour(&r);
	char name[32], uid[16];
	for (int i = 0; i < 12; i++) {
		(void)snprintf(name, sizeof name, "q%dxk%dz.com", i * 7919, i);
		(void)snprintf(uid, sizeof uid, "D%d", i);
		struct event e =
			lookup_event(name, 3700 + 7.3 * i + (i % 5), OUTCOME_NXDOMAIN, NULL);
		e.lookup.process = "evil.exe";
		e.lookup.uid = uid;
		add(&r, e);
	}
	run_finish(&r, 0.1);
	assert_true(judge_count(r.judge) >= 1);
	const struct finding *f = judge_get(r.judge, 0);
	assert_int_equal(f->kind, KIND_DGA);
	assert_string_equal(f->process, "evil.exe");
	assert_int_equal(f->uids, 12);
	for (int i = 0; i < 12; i++) {
		(void)snprintf(uid, sizeof uid, "D%d", i);
		assert_true(tells_uid(f, uid));
	}
	run_stop(&r);
}

/* What another program meets first is no reaction to a program's failure. */
static void another_process_is_no_fallback(void **state)
{
	(void)state;
	struct run r;
	walk_list(&r, "rundll32.exe", "chrome.exe");
	const struct finding *f = judge_get(r.judge, 0);
	assert_string_equal(f->process, "rundll32.exe");
	assert_int_equal(f->switches, 2);
	for (size_t i = 0; i < f->channels; i++)
		assert_string_not_equal(f->channel[i].endpoint, "203.0.114.77");
	run_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walked_list_is_found),
		cmocka_unit_test(a_dead_dependency_is_no_finding),
		cmocka_unit_test(a_backup_is_found),
		cmocka_unit_test(a_companion_is_explained),
		cmocka_unit_test(a_denial_is_no_outage_but_an_experiment),
		cmocka_unit_test(an_updater_asks_for_versions_first),
		cmocka_unit_test(both_names_say_what_is_my_address),
		cmocka_unit_test(the_same_request_is_the_same_program),
		cmocka_unit_test(generated_names_are_found),
		cmocka_unit_test(silence_is_not_absence),
		cmocka_unit_test(ids_do_not_depend_on_time),
		cmocka_unit_test(processes_and_records_are_told),
		cmocka_unit_test(another_process_is_no_fallback),
		cmocka_unit_test(who_asks_for_names_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
