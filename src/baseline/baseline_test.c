#include "base/testing.h"

#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "baseline/baseline.h"

#define HASH  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD  "postern baseline 1\n"
#define RULES "rules min-days 2 min-hosts 1 shared 3 max-e 1\n"
#define COLUMNS \
	"columns zone host endpoint service transport port first last days hosts sent got why\n"
#define TOP HEAD RULES "zone office 10.1.0.0/16,2001:db8::/32\n" COLUMNS
#define ROW                                                                                       \
	"office   10.1.0.5        vendor.example                 tls      tcp    443 2026-03-02 " \
	"2026-03-08    5     1   20K    1M seen"

static const char whole[] = HEAD
	"# reviewed in March\n\n"
	"window 2026-03-02 2026-03-08\n"
	"window 2026-03-12 2026-03-12\n"
	"input pipe -\n"
	"input " HASH " monday.pcap\n"
	"rules min-days 2 min-hosts 1 shared 3 max-e 0.25\n"
	"dropped 7\n"
	"zone office 10.1.0.0/16,2001:db8::/32\n"
	"zone rest private\n" COLUMNS "# the updates\n"
	"office   *               updates.example                http+tls tcp    443 2026-03-02 "
	"2026-03-08    7    12   20K    5M seen # ticket 17, ok'd by Ann\n" ROW "\n"
	"\n# a server of ours\n"
	"office   10.1.0.7        203.0.113.9                    -        udp    500 2026-03-03 "
	"2026-03-03    1     1   123   500 asked:2026-03-08\n"
	"other    2001:db8:1::2   far.example                    -        icmp  2048 2026-03-03 "
	"2026-03-03    1     1     0     0 held:days\n"
	"# the end\n";

static struct baseline *read_good(const char *text)
{
	struct baseline *b = NULL;
	struct fail why = {0};
	if (baseline_read(&b, "file", cur_of(text, strlen(text)), &why) < 0)
		fail_msg("%s", why.text);
	return b;
}

static void assert_complaint(const char *text, const char *says)
{
	struct baseline *b = NULL;
	struct fail why = {0};
	assert_int_equal(baseline_read(&b, "file", cur_of(text, strlen(text)), &why), -EINVAL);
	if (strstr(why.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", why.text, says);
}

static void assert_writes(const struct baseline *b, const char *text)
{
	struct out o = {0};
	baseline_write(b, &o);
	assert_false(o.failed);
	assert_string_equal(out_string(&o), text);
	out_fini(&o);
}

static void test_what_is_written_reads_back_as_the_same_bytes(void **state)
{
	(void)state;
	struct baseline *b = read_good(whole);
	assert_writes(b, whole);
	baseline_free(b);
}

static void test_all_fields_are_read(void **state)
{
	(void)state;
	struct baseline *b = read_good(whole);
	assert_int_equal(b->entries, 4);
	assert_int_equal(b->windows, 2);
	assert_int_equal(b->inputs, 2);
	assert_int_equal(b->dropped, 7);
	assert_int_equal(b->rules.max_e_nano, 250000000);
	const struct baseline_entry *e = &b->entry[0];
	assert_true(addr_is_none(&e->host));
	assert_string_equal(e->endpoint, "updates.example");
	assert_string_equal(e->service, "http+tls");
	assert_int_equal(e->transport, TRANSPORT_TCP);
	assert_int_equal(e->port, 443);
	assert_int_equal(e->last_day - e->first_day, 6);
	assert_int_equal(e->first_day, 20514); /* 2026-03-02 */
	assert_int_equal(e->days, 7);
	assert_int_equal(e->hosts, 12);
	assert_int_equal(e->sent, 20000);
	assert_int_equal(e->got, 5000000);
	assert_string_equal(e->note, " ticket 17, ok'd by Ann");
	assert_string_equal(e->comment, "# the updates\n");
	assert_int_equal(b->entry[2].why, BASELINE_ASKED);
	assert_int_equal(b->entry[2].asked_day, 20520);
	assert_string_equal(b->tail, "# the end\n");
	baseline_free(b);
}

static void test_another_layout_becomes_the_one_that_is_written(void **state)
{
	(void)state;
	struct baseline *b = read_good(
		HEAD "zone office 10.1.0.0/16,2001:db8::/32\r\n" RULES COLUMNS
		     "office 10.1.0.5\tvendor.example tls tcp 443 2026-03-02 2026-03-08 5 1 "
		     "20000 1000K seen  \n");
	assert_writes(b, TOP ROW "\n");
	baseline_free(b);
}

static void test_complaints_name_line_and_column(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "file: empty"},
		{"some text\n", "file:1:1: 'some text' is not a baseline"},
		{"postern baseline 2\n", "file:1:1: 'postern baseline 2' is of another version"},
		{HEAD RULES, "no columns line"},
		{HEAD COLUMNS, "no rules line"},
		{HEAD "widow 2026-03-02 2026-03-03\n", "file:2:1: 'widow' is no line of a header"},
		{HEAD "window 2026-03-02 2026-02-30\n", "file:2:19: '2026-02-30' is not a day"},
		{HEAD "window 2026-03-02 2026-03-01\n", "file:2:8: '2026-03-02' is after"},
		{HEAD "input 12 a.pcap\n", "file:2:7: '12' is no SHA-256"},
		{HEAD "zone other 10.0.0.0/8\n", "file:2:6: 'other' is not a zone's name"},
		{HEAD "zone a 10.0.0.0/8\nzone a 10.0.0.0/8\n", "file:3:6: 'a' is there twice"},
		{HEAD "zone a 10.0.0.0/33\n", "file:2:8: '10.0.0.0/33' is not a network"},
		{HEAD "rules min-days 0\n", "file:2:16: '0' is not a number"},
		{HEAD "rules min-days 2 min-hosts 1 shared 3 max-e 2\n", "file:2:45: '2' is not"},
		{TOP "home * a.example - tcp 1 2026-03-02 2026-03-02 1 1 0 0 seen\n",
			"file:5:1: 'home' is no zone"},
		{TOP "office ten a.example - tcp 1 2026-03-02 2026-03-02 1 1 0 0 seen\n",
			"file:5:8: 'ten' is neither"},
		{TOP "office * A.example - tcp 1 2026-03-02 2026-03-02 1 1 0 0 seen\n",
			"file:5:10: 'A.example' is neither"},
		{TOP "office * 2001:db8:0::1 - tcp 1 2026-03-02 2026-03-02 1 1 0 0 seen\n",
			"file:5:10: '2001:db8:0::1' is neither"},
		{TOP "office * a.example - tpc 1 2026-03-02 2026-03-02 1 1 0 0 seen\n",
			"file:5:22: 'tpc' is not a transport"},
		{TOP "office * a.example - tcp 65536 2026-03-02 2026-03-02 1 1 0 0 seen\n",
			"file:5:26: '65536' is not a port"},
		{TOP "office * a.example - tcp 1 2026-03-02 2026-03-02 2 1 0 0 seen\n",
			"file:5:50: '2' is not a count of days"},
		{TOP "office 10.1.0.5 a.example - tcp 1 2026-03-02 2026-03-02 1 2 0 0 seen\n",
			"file:5:59: '2' hosts: a host's own line has 1"},
		{TOP "office * a.example - tcp 1 2026-03-02 2026-03-02 1 1 20KB 0 seen\n",
			"file:5:54: '20KB' is not a volume"},
		{TOP "office * a.example - tcp 1 2026-03-02 2026-03-02 1 1 99999999999999999E 0 "
		     "seen\n",
			"is not a volume"},
		{TOP "office * a.example - tcp 1 2026-03-02 2026-03-02 1 1 0 0 asked:\n",
			"file:5:58: 'asked:' is not why"},
		{TOP "office * a.example - tcp 1 2026-03-02 2026-03-02 1 1 0 0 seen so\n",
			"file:5:63: 'so' is too much: a note begins with #"},
		{TOP "office * a.example - tcp 1 2026-03-02\n", "file:5:38: '' is not a day"},
		{TOP ROW "\n" ROW "\n", "two entries for vendor.example of 10.1.0.5 in office"},
		{TOP "# \x1b[31m\n", "file:5:3: '\\x1b' is no text"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_complaint(cases[i].text, cases[i].says);
}

/* Cut anywhere, it is refused, or what was whole of it reads. */
static void test_a_cut_file_is_refused_or_shorter(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof whole - 1; len++) {
		char *cut = malloc(len + 1);
		assert_non_null(cut);
		memcpy(cut, whole, len);
		struct baseline *b = NULL;
		struct fail why = {0};
		if (baseline_read(&b, "file", cur_of(cut, len), &why) == 0)
			assert_true(b->entries <= 4);
		else
			assert_true(strncmp(why.text, "file:", 5) == 0);
		baseline_free(b);
		free(cut);
	}
}

static const struct baseline_entry *ask(
	const struct baseline *b, const char *host, const char *endpoint, uint16_t port)
{
	struct baseline_question q = {.endpoint = endpoint,
		.transport = TRANSPORT_TCP,
		.port = port,
		.any_port = port == 0};
	assert_int_equal(addr_parse(host, &q.host), 0);
	return baseline_find(b, &q);
}

static void test_a_host_is_asked_for_itself_and_for_its_zone(void **state)
{
	(void)state;
	struct baseline *b = read_good(whole);
	assert_non_null(ask(b, "10.1.0.5", "vendor.example", 443));
	assert_non_null(ask(b, "10.1.0.5", "vendor.example", 0));
	assert_null(ask(b, "10.1.0.5", "vendor.example", 8443));
	assert_null(ask(b, "10.1.0.6", "vendor.example", 443));
	assert_non_null(ask(b, "10.1.0.6", "updates.example", 443));
	assert_null(ask(b, "10.2.0.6", "updates.example", 443)); /* of another zone */
	assert_null(ask(b, "10.1.0.5", "vendor", 0));
	assert_null(ask(b, "2001:db8:1::2", "far.example", 0)); /* held back, and of "office" */
	baseline_free(b);
}

static void test_zones_are_asked_in_their_order(void **state)
{
	(void)state;
	struct baseline *b = read_good(whole);
	struct addr host = {0};
	assert_int_equal(addr_parse("10.1.2.3", &host), 0);
	assert_string_equal(baseline_zone_of(b, &host), "office");
	assert_int_equal(addr_parse("192.168.2.3", &host), 0);
	assert_string_equal(baseline_zone_of(b, &host), "rest");
	assert_int_equal(addr_parse("203.0.113.3", &host), 0);
	assert_string_equal(baseline_zone_of(b, &host), BASELINE_ZONE_OTHER);
	baseline_free(b);
}

static void test_windows_that_touch_are_one(void **state)
{
	(void)state;
	struct baseline *b = NULL;
	assert_int_equal(baseline_new(&b), 0);
	static const struct baseline_days days[] = {
		{10, 12}, {20, 22}, {30, 31}, {13, 13}, {21, 29}};
	for (size_t i = 0; i < ARRAY_LEN(days); i++)
		assert_int_equal(baseline_cover(b, days[i]), 0);
	assert_int_equal(b->windows, 2);
	assert_int_equal(b->window[0].first, 10);
	assert_int_equal(b->window[0].last, 13);
	assert_int_equal(b->window[1].first, 20);
	assert_int_equal(b->window[1].last, 31);
	assert_true(baseline_covers(b, 13));
	assert_false(baseline_covers(b, 14));
	for (int32_t day = 100; b->windows < BASELINE_WINDOWS_MAX; day += 2)
		assert_int_equal(baseline_cover(b, (struct baseline_days){day, day}), 0);
	assert_int_equal(baseline_cover(b, (struct baseline_days){5000, 5000}), -E2BIG);
	assert_int_equal(baseline_cover(b, (struct baseline_days){14, 19}), 0);
	baseline_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_reads_back_as_the_same_bytes),
		cmocka_unit_test(test_all_fields_are_read),
		cmocka_unit_test(test_another_layout_becomes_the_one_that_is_written),
		cmocka_unit_test(test_complaints_name_line_and_column),
		cmocka_unit_test(test_a_cut_file_is_refused_or_shorter),
		cmocka_unit_test(test_a_host_is_asked_for_itself_and_for_its_zone),
		cmocka_unit_test(test_zones_are_asked_in_their_order),
		cmocka_unit_test(test_windows_that_touch_are_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
