#include "base/testing.h"

#include <string.h>

#include "baseline/baseline.h"

#define HEAD                                                                  \
	"postern baseline 1\nrules min-days 2 min-hosts 1 shared 3 max-e 1\n" \
	"zone a 10.1.0.0/16\nzone b 10.2.0.0/16\n"                            \
	"columns zone host endpoint service transport port first last days hosts sent got why\n"

struct two {
	struct baseline *before, *after;
	struct baseline_difference *difference;
	size_t count;
};

static struct baseline *read_rows(const char *rows)
{
	struct out text = {0};
	struct baseline *b = NULL;
	struct fail why = {0};
	out_text(&text, HEAD);
	out_text(&text, rows);
	if (baseline_read(&b, "file", cur_of(out_string(&text), text.len), &why) < 0)
		fail_msg("%s", why.text);
	out_fini(&text);
	return b;
}

static void start(struct two *t, const char *before, const char *after)
{
	*t = (struct two){.before = read_rows(before), .after = read_rows(after)};
	assert_int_equal(baseline_diff(t->before, t->after, 2, &t->difference, &t->count), 0);
}

static void stop(struct two *t)
{
	free(t->difference);
	baseline_free(t->before);
	baseline_free(t->after);
}

#define DAYS "2026-03-01 2026-03-09 "
#define ALL  "a * all.example tls tcp 443 " DAYS "9 20 1K 1M seen\n"
#define OWN  "a 10.1.0.1 own.example tls tcp 443 " DAYS "5 1 1K 1M seen\n"

static void the_same_has_no_difference(void **state)
{
	(void)state;
	struct two t;
	start(&t, ALL OWN, OWN ALL);
	assert_int_equal(t.count, 0);
	stop(&t);
}

static void what_is_new_is_ranked_by_how_strange_and_how_rare(void **state)
{
	(void)state;
	struct two t;
	start(&t, ALL OWN,
		ALL OWN "a 10.1.0.1 own.example ssh tcp 22 " DAYS "2 1 0 0 seen\n"
			"b 10.2.0.1 own.example tls tcp 443 " DAYS "2 1 0 0 seen\n"
			"a * often.example tls tcp 443 " DAYS "9 20 0 0 seen\n"
			"a 10.1.0.2 rare.example tls tcp 443 " DAYS "2 1 0 0 seen\n"
			"a 10.1.0.2 held.example tls tcp 443 " DAYS "2 1 0 0 held:days\n"
			"a 10.1.0.2 daily.example tls tcp 443 " DAYS "9 1 0 0 seen\n");
	static const struct {
		const char *endpoint;
		enum baseline_novelty novelty;
	} order[] = {{"rare.example", NOVEL_ENDPOINT}, {"daily.example", NOVEL_ENDPOINT},
		{"often.example", NOVEL_ENDPOINT}, {"own.example", NOVEL_ZONE},
		{"own.example", NOVEL_PORT}};
	assert_int_equal(t.count, ARRAY_LEN(order));
	for (size_t i = 0; i < t.count; i++) {
		assert_int_equal(t.difference[i].change, CHANGE_NEW);
		assert_string_equal(t.difference[i].after.entry->endpoint, order[i].endpoint);
		assert_int_equal(t.difference[i].novelty, order[i].novelty);
		assert_null(t.difference[i].before.entry);
	}
	stop(&t);
}

static void growth_is_by_the_factor_and_hosts_by_any(void **state)
{
	(void)state;
	struct two t;
	start(&t, ALL OWN "a * much.example tls tcp 443 " DAYS "3 20 1K 1M seen\n",
		"a * all.example tls tcp 443 " DAYS "9 20 1K 1999K seen\n"
		"a 10.1.0.2 own.example tls tcp 443 " DAYS "1 1 0 0 seen\n" OWN
		"a * much.example tls tcp 443 " DAYS "6 20 2K 1M seen\n");
	assert_int_equal(t.count, 2);
	const struct baseline_difference *d = &t.difference[0];
	assert_string_equal(d->after.entry->endpoint, "own.example");
	assert_int_equal(d->change, CHANGE_GROWN);
	assert_int_equal(d->novelty, NOVEL_HOST);
	assert_int_equal(d->before.hosts, 1);
	assert_int_equal(d->after.hosts, 2);
	assert_true(d->hosts_grew && !d->days_grew && !d->sent_grew && !d->got_grew);
	d = &t.difference[1];
	assert_string_equal(d->after.entry->endpoint, "much.example");
	assert_true(!d->hosts_grew && d->days_grew && d->sent_grew && !d->got_grew);
	stop(&t);
}

/* Lines of hosts that became one of the zone are the same use. */
static void a_line_of_the_zone_is_compared_with_those_of_hosts(void **state)
{
	(void)state;
	struct two t;
	start(&t, OWN "a 10.1.0.2 own.example tls tcp 443 " DAYS "9 1 1K 1M seen\n",
		"a * own.example tls tcp 443 " DAYS "9 2 2K 2M seen\n");
	assert_int_equal(t.count, 0);
	stop(&t);
}

static void what_is_gone_comes_last(void **state)
{
	(void)state;
	struct two t;
	start(&t, ALL OWN, "b 10.2.0.2 new.example - udp 53 " DAYS "9 1 1K 1M seen\n");
	assert_int_equal(t.count, 3);
	assert_int_equal(t.difference[0].change, CHANGE_NEW);
	assert_int_equal(t.difference[1].change, CHANGE_GONE);
	assert_string_equal(t.difference[1].before.entry->endpoint, "own.example"); /* rarer */
	assert_string_equal(t.difference[2].before.entry->endpoint, "all.example");
	assert_null(t.difference[2].after.entry);
	stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_has_no_difference),
		cmocka_unit_test(what_is_new_is_ranked_by_how_strange_and_how_rare),
		cmocka_unit_test(growth_is_by_the_factor_and_hosts_by_any),
		cmocka_unit_test(a_line_of_the_zone_is_compared_with_those_of_hosts),
		cmocka_unit_test(what_is_gone_comes_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
