#include "ingest/rows_testing.h"
#include "ingest/source.h"

#define T0 INT64_C(1600000000)
#define ROW(name, type, rcode, answers, more)                                                 \
	"{\"version\":\"1.100000\",\"account_id\":\"1\",\"region\":\"us-east-1\",\"vpc_id\":" \
	"\"vpc-1\",\"query_timestamp\":\"2020-09-13T12:26:40Z\",\"query_name\":\"" name       \
	"\",\"query_type\":\"" type "\",\"query_class\":\"IN\",\"rcode\":\"" rcode            \
	"\",\"answers\":[" answers "],\"srcaddr\":\"172.31.0.5\",\"srcport\":\"48701\","      \
	"\"transport\":\"UDP\",\"srcids\":{\"instance\":\"i-0\"}" more "}\n"
#define RR(data, type) "{\"Rdata\":\"" data "\",\"Type\":\"" type "\",\"Class\":\"IN\"}"
#define RULE(action)                                                                 \
	",\"firewall_rule_group_id\":\"g\",\"firewall_rule_action\":\"" action "\"," \
	"\"firewall_domain_list_id\":\"l\""

static void rows_are_look_ups(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("route53",
		ROW("WWW.Example.org.", "A", "NOERROR",
			RR("cdn.example.", "CNAME") "," RR("192.0.2.1", "A") "," RR(
				"192.0.2.2", "A"),
			"") ROW("a.example.", "AAAA", "NXDOMAIN", "", "") ROW("b.example.", "A",
			"SERVFAIL", "", "") ROW("c.example.", "A", "NOERROR", "", RULE("ALERT"))
		/* blocked: with nothing, with a name that does not exist, with somebody's address
	         */
		ROW("d.example.", "A", "NOERROR", "", RULE("BLOCK")) ROW(
			"e.example.", "A", "NXDOMAIN", "", RULE("BLOCK"))
			ROW("f.example.", "A", "NOERROR", RR("198.51.100.9", "A"), RULE("BLOCK")));
	static const struct {
		const char *name;
		enum outcome outcome;
	} want[] = {{"www.example.org", OUTCOME_OK}, {"a.example", OUTCOME_NXDOMAIN},
		{"b.example", OUTCOME_SERVFAIL}, {"c.example", OUTCOME_OK},
		{"d.example", OUTCOME_SINKHOLED}, {"e.example", OUTCOME_NXDOMAIN},
		{"f.example", OUTCOME_SINKHOLED}};
	assert_int_equal(t->events, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct lookup *l = &t->event[i].lookup;
		assert_int_equal(t->event[i].kind, EVENT_LOOKUP);
		assert_string_equal(l->name, want[i].name);
		assert_int_equal(l->outcome, want[i].outcome);
		assert_int_equal(l->query_ns, T0 * SEC);
		assert_int_equal(l->fail_ns != 0, outcome_is_failure(l->outcome));
	}
	const struct lookup *l = &t->event[0].lookup;
	char text[ADDR_TEXT_BYTES];
	assert_string_equal(addr_text(&l->client, text), "172.31.0.5");
	assert_string_equal(addr_text(&l->resolver, text), "169.254.169.253");
	assert_int_equal(l->client_port, 48701);
	assert_int_equal(l->answers, 2);
	assert_string_equal(addr_text(&l->answer[1].addr, text), "192.0.2.2");
	assert_int_equal(l->cnames, 1);
	assert_string_equal(l->cname[0], "cdn.example");
	assert_int_equal(t->event[1].lookup.qtype, 28);
	told_free(t);
}

static void what_is_no_row_is_left_out(void **state)
{
	(void)state;
	struct told_rows *t =
		tell_text("route53", ROW("a.example.", "A", "NOERROR", "",
					     "") "{\"query_timestamp\":\"2020-09-13T12:26:40Z\","
						 "\"query_name\":\"a.\",\"srcaddr\":\"10.0.0."
						 "\"}\n{\"query_timestamp\":\"yesterday\",\"query_"
						 "name\":\"a.\",\"srcaddr\":\"10.0.0.5\"}\n"
						 "{\"query_timestamp\":\"2020-09-13T12:26:40Z\","
						 "\"query_name\":\"b.\",\"srcaddr\":"
						 "\"10.0.0.5\",\"srcport\":null}\n{\"query_"
						 "timestamp\":\"2020-09-13T12:26:40Z\",\"que");
	assert_int_equal(t->events, 2);
	assert_string_equal(t->event[1].lookup.name, "b");
	assert_int_equal(t->event[1].lookup.outcome, OUTCOME_UNKNOWN); /* no rcode */
	assert_int_equal(ingest_input(t->ingest, 0)->rejected, 3);
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_look_ups), cmocka_unit_test(what_is_no_row_is_left_out)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
