#include "host/testing.h"

#include "base/out.h"
#include "base/strings.h"
#include "baseline/baseline.h"

#define DAY_S   86400.0
#define DAY_ONE 19675 /* of TEST_START_NS: 2023-11-14 */

/* A learner behind hosts, as hunt's engine has them. */
struct bench {
	struct rig rig;
	struct learner *learner;
	struct baseline *book, *held;
	struct learner_result result;
};

static void tell(void *context, const struct host_contact *contact, const struct conn *conn)
{
	learner_told(context, contact, conn);
}

static struct baseline *new_book(void)
{
	struct baseline *b = NULL;
	struct baseline_zone zone = {.name = "local", .is_private = true};
	assert_int_equal(baseline_new(&b), 0);
	assert_int_equal(baseline_add_zone(b, &zone, NULL), 0);
	return b;
}

/* Rules: two days, one host, shared from three hosts. book and held: of the window before, taken
 * over; NULL: none. */
static void start_small(struct bench *b, struct baseline *book, struct baseline *held,
	size_t contacts_max, size_t host_max)
{
	*b = (struct bench){.book = book == NULL ? new_book() : book, .held = held};
	struct learner_options options = {.book = b->book,
		.rules = {.min_days = 2, .min_hosts = 1, .shared = 3, .max_e_nano = 1000000000},
		.contacts_max = contacts_max,
		.host_max = host_max};
	assert_int_equal(learner_new(&b->learner, &options), 0);
	rig_start_with(&b->rig, (struct host_hooks){.told = tell, .context = b->learner});
}

static void start(struct bench *b, struct baseline *book, struct baseline *held)
{
	start_small(b, book, held, 0, 0);
}

static void finish(struct bench *b)
{
	struct fail why = {0};
	if (learner_finish(b->learner, b->rig.hosts, b->held, &b->result, &why) < 0)
		fail_msg("%s", why.text);
	rig_stop(&b->rig);
}

static void stop(struct bench *b)
{
	learner_free(b->learner);
	baseline_free(b->book);
	baseline_free(b->held);
	baseline_free(b->result.book);
	baseline_free(b->result.held);
}

/* The next window goes on from what this one gave. */
static void go_on(struct bench *b)
{
	struct baseline *book = b->result.book, *held = b->result.held;
	b->result.book = b->result.held = NULL;
	stop(b);
	start(b, book, held);
}

static void reach_at(
	struct bench *b, const char *host, const char *server, double start_s, enum outcome outcome)
{
	struct event e = conn_event(server, 443, start_s, outcome, 0.1);
	e.conn.client = test_addr(host);
	e.conn.service = outcome == OUTCOME_OK ? "tls" : NULL;
	e.conn.bytes_out = 1000;
	e.conn.bytes_in = outcome == OUTCOME_OK ? 40000 : 0;
	struct host *ripe = hosts_add(b->rig.hosts, &e);
	if (ripe != NULL)
		host_retire(ripe);
}

/* Days from 0. */
static void reach(struct bench *b, const char *host, const char *server, int day)
{
	reach_at(b, host, server, day * DAY_S, OUTCOME_OK);
}

/* Of a line of the zone: host NULL. */
static const struct baseline_entry *entry(
	const struct baseline *b, const char *host, const char *endpoint)
{
	struct addr addr = {0};
	if (host != NULL)
		addr = test_addr(host);
	for (size_t i = 0; i < b->entries; i++)
		if (addr_eq(&b->entry[i].host, &addr) &&
			strcmp(b->entry[i].endpoint, endpoint) == 0)
			return &b->entry[i];
	return NULL;
}

static void assert_held(
	const struct bench *b, const char *host, const char *endpoint, enum baseline_why why)
{
	const struct baseline_entry *e = entry(b->result.held, host, endpoint);
	assert_non_null(e);
	assert_int_equal(e->why, why);
	assert_null(entry(b->result.book, host, endpoint));
}

/* What learn writes must be read. */
static void assert_readable(const struct baseline *b)
{
	struct out text = {0}, again = {0};
	struct baseline *read = NULL;
	struct fail why = {0};
	baseline_write(b, &text);
	if (baseline_read(&read, "written", cur_of(out_string(&text), text.len), &why) < 0)
		fail_msg("%s", why.text);
	baseline_write(read, &again);
	assert_string_equal(out_string(&text), out_string(&again));
	out_fini(&text);
	out_fini(&again);
	baseline_free(read);
}

static void what_is_seen_on_enough_days_is_learned(void **state)
{
	(void)state;
	struct bench b;
	start(&b, NULL, NULL);
	for (int day = 0; day < 5; day++)
		reach(&b, "10.0.0.5", "192.0.2.1", day);
	reach(&b, "10.0.0.5", "192.0.2.2", 1);
	finish(&b);
	const struct baseline_entry *e = entry(b.result.book, "10.0.0.5", "192.0.2.1");
	assert_non_null(e);
	assert_int_equal(e->days, 5);
	assert_int_equal(e->hosts, 1);
	assert_int_equal(e->first_day, DAY_ONE);
	assert_int_equal(e->last_day, DAY_ONE + 4);
	assert_int_equal(e->sent, 1000);
	assert_int_equal(e->got, 50000); /* 40000, to the nearest of 20000 and 50000 */
	assert_string_equal(e->service, "tls");
	assert_held(&b, "10.0.0.5", "192.0.2.2", BASELINE_FEW_DAYS);
	assert_int_equal(b.result.held_by[BASELINE_FEW_DAYS], 1);
	assert_int_equal(b.result.book->windows, 1);
	assert_readable(b.result.book);
	assert_readable(b.result.held);
	stop(&b);
}

static void what_never_answered_is_not_reached(void **state)
{
	(void)state;
	struct bench b;
	start(&b, NULL, NULL);
	for (int day = 0; day < 5; day++) {
		reach_at(&b, "10.0.0.5", "192.0.2.1", day * DAY_S, OUTCOME_REFUSED);
		reach_at(&b, "10.0.0.5", "192.0.2.3", day * DAY_S, OUTCOME_SILENT);
	}
	reach(&b, "10.0.0.5", "192.0.2.3", 4); /* one answer: on one day */
	finish(&b);
	assert_held(&b, "10.0.0.5", "192.0.2.1", BASELINE_FAILED);
	assert_held(&b, "10.0.0.5", "192.0.2.3", BASELINE_FEW_DAYS);
	assert_int_equal(entry(b.result.held, "10.0.0.5", "192.0.2.3")->days, 1);
	assert_readable(b.result.held);
	stop(&b);
}

static void what_many_hosts_share_is_one_line_of_the_zone(void **state)
{
	(void)state;
	struct bench b;
	start(&b, NULL, NULL);
	static const char *const hosts[] = {"10.0.0.5", "10.0.0.6", "10.0.0.7"};
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		reach(&b, hosts[i], "192.0.2.1", (int)i); /* a day each: three of the zone's */
		if (i < 2)
			reach(&b, hosts[i], "192.0.2.2", (int)i);
	}
	finish(&b);
	const struct baseline_entry *e = entry(b.result.book, NULL, "192.0.2.1");
	assert_non_null(e);
	assert_int_equal(e->hosts, 3);
	assert_int_equal(e->days, 3);
	assert_null(entry(b.result.book, "10.0.0.5", "192.0.2.1"));
	assert_non_null(entry(b.result.book, "10.0.0.5", "192.0.2.2"));
	assert_non_null(entry(b.result.book, "10.0.0.6", "192.0.2.2"));
	assert_readable(b.result.book);
	stop(&b);
}

static void what_a_finding_touches_is_learned_by_name_only(void **state)
{
	(void)state;
	struct bench b;
	for (int asked = 0; asked < 2; asked++) {
		start(&b, NULL, NULL);
		for (int day = 0; day < 5; day++) {
			reach(&b, "10.0.0.5", "192.0.2.1", day);
			reach(&b, "10.0.0.6", "192.0.2.1", day);
		}
		reach(&b, "10.0.0.6", "192.0.2.9", 4);
		learner_touch(b.learner, "192.0.2.1");
		if (asked) {
			assert_int_equal(learner_ask(b.learner, "192.0.2.1"), 0);
			assert_int_equal(learner_ask(b.learner, "192.0.2.9"), 0);
			assert_int_equal(learner_ask(b.learner, "192.0.2.99"), 0);
		}
		finish(&b);
		if (!asked) {
			assert_held(&b, "10.0.0.5", "192.0.2.1", BASELINE_FINDING);
			assert_held(&b, "10.0.0.6", "192.0.2.1", BASELINE_FINDING);
			stop(&b);
			continue;
		}
		const struct baseline_entry *e = entry(b.result.book, "10.0.0.5", "192.0.2.1");
		assert_int_equal(e->why, BASELINE_ASKED);
		assert_int_equal(e->asked_day, DAY_ONE + 4);
		assert_int_equal(
			entry(b.result.book, "10.0.0.6", "192.0.2.9")->why, BASELINE_ASKED);
		assert_true(learner_met(b.learner, "192.0.2.9"));
		assert_false(learner_met(b.learner, "192.0.2.99"));
		assert_readable(b.result.book);
		stop(&b);
	}
}

/* Windows add up: days of the book, and of what was held back, and no day twice. */
static void days_add_up_over_windows_and_count_once(void **state)
{
	(void)state;
	struct bench b;
	start(&b, NULL, NULL);
	for (int day = 0; day < 3; day++)
		reach(&b, "10.0.0.5", "192.0.2.1", day);
	reach(&b, "10.0.0.5", "192.0.2.2", 2);
	finish(&b);
	go_on(&b);
	for (int day = 2; day < 6; day++) /* the first of them is known already */
		reach(&b, "10.0.0.5", "192.0.2.1", day);
	reach(&b, "10.0.0.5", "192.0.2.2", 3);
	finish(&b);
	const struct baseline_entry *e = entry(b.result.book, "10.0.0.5", "192.0.2.1");
	assert_int_equal(e->days, 6);
	assert_int_equal(e->last_day, DAY_ONE + 5);
	assert_int_equal(e->sent, 1000);
	e = entry(b.result.book, "10.0.0.5", "192.0.2.2"); /* held back until now */
	assert_non_null(e);
	assert_int_equal(e->days, 2);
	assert_int_equal(e->first_day, DAY_ONE + 2);
	assert_int_equal(b.result.held->entries, 0);
	assert_int_equal(b.result.book->windows, 1);
	go_on(&b); /* the same days again change nothing */
	for (int day = 2; day < 6; day++)
		reach(&b, "10.0.0.5", "192.0.2.1", day);
	finish(&b);
	assert_int_equal(entry(b.result.book, "10.0.0.5", "192.0.2.1")->days, 6);
	assert_int_equal(entry(b.result.book, "10.0.0.5", "192.0.2.1")->sent, 1000);
	stop(&b);
}

/* Many windows of one day, in which hosts come to share an endpoint, are one long window. */
static void windows_one_by_one_are_one_window(void **state)
{
	(void)state;
	struct bench one, many;
	start(&one, NULL, NULL);
	start(&many, NULL, NULL);
	static const char *const hosts[] = {"10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8"};
	for (int day = 0; day < 8; day++) {
		for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
			if (day % (int)(i + 1) == 0) {
				reach(&one, hosts[i], "192.0.2.1", day);
				reach(&many, hosts[i], "192.0.2.1", day);
			}
		finish(&many);
		if (day < 7)
			go_on(&many);
	}
	finish(&one);
	const struct baseline_entry *a = entry(one.result.book, NULL, "192.0.2.1");
	const struct baseline_entry *b = entry(many.result.book, NULL, "192.0.2.1");
	assert_int_equal(a->days, 8);
	assert_int_equal(b->days, 8);
	assert_int_equal(a->hosts, b->hosts);
	assert_int_equal(a->first_day, b->first_day);
	assert_int_equal(a->last_day, b->last_day);
	assert_readable(many.result.book);
	stop(&one);
	stop(&many);
}

static void a_finding_of_one_window_holds_back_in_the_next(void **state)
{
	(void)state;
	struct bench b;
	start(&b, NULL, NULL);
	reach(&b, "10.0.0.5", "192.0.2.1", 0);
	learner_touch(b.learner, "192.0.2.1");
	finish(&b);
	go_on(&b);
	for (int day = 1; day < 9; day++)
		reach(&b, "10.0.0.5", "192.0.2.1", day);
	finish(&b);
	assert_held(&b, "10.0.0.5", "192.0.2.1", BASELINE_FINDING);
	stop(&b);
}

/* What is in the book and touched by a finding later stays as it was, and is told. */
static void a_finding_leaves_the_book_as_it_was(void **state)
{
	(void)state;
	struct bench b;
	start(&b, NULL, NULL);
	for (int day = 0; day < 3; day++)
		reach(&b, "10.0.0.5", "192.0.2.1", day);
	finish(&b);
	go_on(&b);
	for (int day = 3; day < 9; day++)
		reach(&b, "10.0.0.5", "192.0.2.1", day);
	learner_touch(b.learner, "192.0.2.1");
	finish(&b);
	assert_int_equal(entry(b.result.book, "10.0.0.5", "192.0.2.1")->days, 3);
	assert_int_equal(entry(b.result.held, "10.0.0.5", "192.0.2.1")->why, BASELINE_FINDING);
	assert_readable(b.result.held);
	stop(&b);
}

static void what_was_held_long_ago_is_forgotten(void **state)
{
	(void)state;
	struct bench b;
	start(&b, NULL, NULL);
	reach(&b, "10.0.0.5", "192.0.2.1", 0);
	finish(&b);
	for (int day = HELD_DAYS_MAX; day <= HELD_DAYS_MAX + 1; day++) {
		go_on(&b);
		reach(&b, "10.0.0.5", "192.0.2.2", day);
		finish(&b);
		bool kept = entry(b.result.held, "10.0.0.5", "192.0.2.1") != NULL;
		assert_int_equal(kept, day == HELD_DAYS_MAX);
		assert_int_equal(b.result.forgotten, !kept);
	}
	stop(&b);
}

/* Notes stay with their entries, also when lines of hosts become one of the zone. */
static void what_people_wrote_survives(void **state)
{
	(void)state;
	static const char text[] =
		"postern baseline 1\n# ours\nwindow 2023-11-14 2023-11-15\n"
		"rules min-days 2 min-hosts 1 shared 3 max-e 1\nzone local private\n"
		"columns zone host endpoint service transport port first last days hosts sent got "
		"why\n"
		"# by Ann\n"
		"local 10.0.0.5 192.0.2.1 tls tcp 443 2023-11-14 2023-11-15 2 1 1K 50K seen # one\n"
		"local 10.0.0.6 192.0.2.1 tls tcp 443 2023-11-14 2023-11-15 2 1 1K 50K seen # two\n"
		"# end\n";
	struct baseline *book = NULL;
	struct fail why = {0};
	struct bench b;
	assert_int_equal(baseline_read(&book, "book", cur_of(text, strlen(text)), &why), 0);
	start(&b, book, NULL);
	reach(&b, "10.0.0.6", "192.0.2.1", 2);
	reach(&b, "10.0.0.7", "192.0.2.1", 2);
	finish(&b);
	const struct baseline_entry *e = entry(b.result.book, NULL, "192.0.2.1");
	assert_non_null(e);
	assert_int_equal(e->days, 3);
	assert_int_equal(e->hosts, 3);
	assert_string_equal(e->note, " one");
	assert_string_equal(e->comment, "# by Ann\n# two\n");
	assert_string_equal(b.result.book->comment, "# ours\n");
	assert_string_equal(b.result.book->tail, "# end\n");
	assert_readable(b.result.book);
	stop(&b);
}

static void names_learnt_later_apply_to_the_book(void **state)
{
	(void)state;
	struct bench b;
	start(&b, NULL, NULL);
	reach(&b, "10.0.0.5", "192.0.2.1", 0);
	struct event asked = lookup_event("www.site.com", DAY_S, OUTCOME_OK, "192.0.2.1");
	(void)hosts_add(b.rig.hosts, &asked);
	reach_at(&b, "10.0.0.5", "192.0.2.1", DAY_S + 1, OUTCOME_OK);
	reach(&b, "10.0.0.5", "192.0.2.1", 2);
	finish(&b);
	assert_null(entry(b.result.book, "10.0.0.5", "192.0.2.1"));
	assert_non_null(entry(b.result.book, "10.0.0.5", "site.com"));
	stop(&b);
}

/* Clocks that stand at 1970 are clocks too. */
static void the_first_day_of_all_is_a_day(void **state)
{
	(void)state;
	struct bench b;
	start(&b, NULL, NULL);
	for (int day = 0; day < 3; day++)
		reach(&b, "10.0.0.5", "192.0.2.1", day - DAY_ONE);
	finish(&b);
	const struct baseline_entry *e = entry(b.result.book, "10.0.0.5", "192.0.2.1");
	assert_int_equal(e->first_day, 0);
	assert_int_equal(e->last_day, 2);
	assert_int_equal(e->days, 3);
	assert_readable(b.result.book);
	stop(&b);
}

/* A host that goes to a new address with each connection, while another keeps to its own: memory is
 * bounded, what is pushed out is counted, and it is the flood's. */
static void a_flood_pushes_out_its_own(void **state)
{
	(void)state;
	enum { FLOOD = 3000, ROOM = 512, OF_HOST = 128 };
	struct bench b;
	start_small(&b, NULL, NULL, ROOM, OF_HOST);
	for (int day = 0; day < 3; day++) {
		reach(&b, "10.0.0.5", "192.0.2.1", day);
		for (int i = 0; i < FLOOD / 3; i++) {
			char server[ADDR_TEXT_BYTES];
			int n = day * FLOOD / 3 + i;
			(void)snprintf(server, sizeof server, "198.51.%d.%d", n >> 8, n & 255);
			reach_at(&b, "10.0.0.66", server, day * DAY_S + 10 + i, OUTCOME_OK);
		}
	}
	finish(&b);
	assert_int_equal(entry(b.result.book, "10.0.0.5", "192.0.2.1")->days, 3);
	assert_true(b.result.held->entries <= OF_HOST);
	assert_true(b.result.dropped >= FLOOD - OF_HOST);
	assert_true(b.result.dropped <= FLOOD);
	assert_int_equal(b.result.book->dropped, b.result.dropped);
	assert_readable(b.result.book);
	stop(&b);
}

/* As many hosts as they like: the strongest stay. */
static void the_weakest_give_way(void **state)
{
	(void)state;
	enum { HOSTS = 600, ROOM = 256 };
	struct bench b;
	start_small(&b, NULL, NULL, ROOM, 64);
	reach(&b, "10.0.0.5", "192.0.2.1", 0);
	reach(&b, "10.0.0.5", "192.0.2.1", 1);
	for (int i = 0; i < HOSTS; i++) {
		char host[ADDR_TEXT_BYTES];
		(void)snprintf(host, sizeof host, "10.1.%d.%d", i >> 8, i & 255);
		reach_at(&b, host, "198.51.100.1", DAY_S + i, i % 2 ? OUTCOME_OK : OUTCOME_REFUSED);
	}
	finish(&b);
	assert_non_null(entry(b.result.book, "10.0.0.5", "192.0.2.1"));
	assert_true(b.result.held->entries <= ROOM);
	assert_true(b.result.dropped >= HOSTS - ROOM);
	stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_seen_on_enough_days_is_learned),
		cmocka_unit_test(what_never_answered_is_not_reached),
		cmocka_unit_test(what_many_hosts_share_is_one_line_of_the_zone),
		cmocka_unit_test(what_a_finding_touches_is_learned_by_name_only),
		cmocka_unit_test(days_add_up_over_windows_and_count_once),
		cmocka_unit_test(windows_one_by_one_are_one_window),
		cmocka_unit_test(a_finding_of_one_window_holds_back_in_the_next),
		cmocka_unit_test(a_finding_leaves_the_book_as_it_was),
		cmocka_unit_test(what_was_held_long_ago_is_forgotten),
		cmocka_unit_test(what_people_wrote_survives),
		cmocka_unit_test(names_learnt_later_apply_to_the_book),
		cmocka_unit_test(the_first_day_of_all_is_a_day),
		cmocka_unit_test(a_flood_pushes_out_its_own),
		cmocka_unit_test(the_weakest_give_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
