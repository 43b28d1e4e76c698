#include "ingest/rows_testing.h"
#include "ingest/source.h"

/* Zeek's JSON logs, as Zeek and as pipelines write them. "anchors" are inputs that broke other
 * readers, with their trackers' numbers. */

#define T0 INT64_C(1600000000)
#define FIVE                                                                                    \
	"\"id.orig_h\":\"10.0.0.5\",\"id.orig_p\":50000,\"id.resp_h\":\"192.0.2.1\",\"id.resp_" \
	"p\":443"
#define SF                                                                                        \
	"\"proto\":\"tcp\",\"duration\":2.5,\"orig_bytes\":70,\"resp_bytes\":900,\"conn_state\":" \
	"\"SF\",\"history\":\"ShADadFf\",\"orig_pkts\":6,\"resp_pkts\":5"
#define SF_LINE "0+2.5 tcp 10.0.0.5:50000 > 192.0.2.1:443 ok x1 6/70 5/900"

/* rita-legacy#628: scopes as "_"; nested ids; Corelight's and others' names of the log; tagged by
 * Kafka's writer; wrapped by a shipper; unknown fields (rita-legacy#544). */
static void shapes_are_one(void **state)
{
	(void)state;
	static const char *const same[] = {"{\"ts\":1600000000.0,\"uid\":\"C1\"," FIVE "," SF "}\n",
		"{\"_path\":\"conn\",\"_system_name\":\"s\",\"_write_ts\":\"2020-09-13T12:27:00Z\","
		"\"ts\":\"2020-09-13T12:26:40.000000Z\",\"uid\":\"C1\"," FIVE "," SF
		",\"id.orig_h_name.src\":\"DNS\",\"resp_cc\":\"US\",\"tunnel_parents\":[\"a\",{}]}"
		"\n",
		"{\"@stream\":\"conn\",\"@system\":\"s\",\"ts\":1600000000.0,\"uid\":\"C1\","
		"\"id_orig_h\":\"10.0.0.5\",\"id_orig_p\":50000,\"id_resp_h\":\"192.0.2.1\","
		"\"id_resp_p\":443," SF "}\n",
		"{\"ts\":1600000000,\"uid\":\"C1\",\"id\":{\"orig_h\":\"10.0.0.5\",\"orig_p\":"
		"50000,"
		"\"resp_h\":\"192.0.2.1\",\"resp_p\":443}," SF "}\n",
		"{\"conn\":{\"ts\":1600000000.0,\"uid\":\"C1\"," FIVE "," SF "}}\n",
		"{\"@timestamp\":\"2020-09-13T12:26:59Z\",\"message\":\"{\\\"ts\\\":1600000000.0,"
		"\\\"uid\\\":\\\"C1\\\",\\\"id.orig_h\\\":\\\"10.0.0.5\\\",\\\"id.orig_p\\\":50000,"
		"\\\"id.resp_h\\\":\\\"192.0.2.1\\\",\\\"id.resp_p\\\":443,\\\"proto\\\":"
		"\\\"tcp\\\","
		"\\\"duration\\\":2.5,\\\"orig_bytes\\\":70,\\\"resp_bytes\\\":900,\\\"conn_"
		"state\\\":"
		"\\\"SF\\\",\\\"orig_pkts\\\":6,\\\"resp_pkts\\\":5}\",\"tags\":[]}\n"};
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		struct told_rows *t = tell_text("zeek-json", same[i]);
		EXPECT_CONNS(t, T0, SF_LINE);
		assert_string_equal(t->event[0].conn.uid, "C1");
		told_free(t);
	}
}

/* super#3987, zeek JSON::TimestampFormat: all kinds of time; a time without a zone is UTC. */
static void times_of_all_kinds(void **state)
{
	(void)state;
	static const char *const same[] = {"1600000000", "1600000000.000000", "1600000000000",
		"\"1600000000.0\"", "\"2020-09-13T12:26:40Z\"", "\"2020-09-13T12:26:40.000\"",
		"\"2020-09-13T14:26:40+0200\""};
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		char row[1024];
		(void)snprintf(
			row, sizeof row, "{\"ts\":%s,\"uid\":\"C1\"," FIVE "," SF "}\n", same[i]);
		struct told_rows *t = tell_text("zeek-json", row);
		EXPECT_CONNS(t, T0, SF_LINE);
		assert_int_equal(remark_count(t, "have no zone"), i == 5);
		told_free(t);
	}
}

/* zeek PR#1886: null and absent mean what "-" means; zeek's own 1e-05. */
static void unset_is_not_zero(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("zeek-json",
		"{\"ts\":1600000000,\"uid\":\"C1\"," FIVE
		",\"proto\":\"tcp\",\"service\":null,\"duration\":null,\"orig_bytes\":null,"
		"\"resp_bytes\":null,\"conn_state\":\"SF\",\"orig_pkts\":null}\n"
		"{\"ts\":1600000001,\"id.orig_h\":\"10.0.0.5\",\"id.orig_p\":50001,\"id.resp_h\":"
		"\"192.0.2.1\",\"id.resp_p\":443,\"proto\":\"tcp\",\"duration\":1e-05,"
		"\"conn_state\":\"S0\",\"orig_pkts\":1}\n"
		/* rita-legacy#802: a home-made log has no more than this */
		"{\"ts\":1600000002,\"id.orig_h\":\"10.0.0.5\",\"id.orig_p\":50002,\"id.resp_h\":"
		"\"192.0.2.1\",\"id.resp_p\":443,\"proto\":\"tcp\"}\n");
	EXPECT_CONNS(t, T0, "0+0 tcp 10.0.0.5:50000 > 192.0.2.1:443 unknown x1 0/0 0/0",
		"1+1e-05 tcp 10.0.0.5:50001 > 192.0.2.1:443 silent@1.00001 x1 1/0 0/0",
		"2+0 tcp 10.0.0.5:50002 > 192.0.2.1:443 unknown x1 0/0 0/0");
	assert_null(t->event[0].conn.service);
	assert_int_equal(remark_count(t, "does not say how they ended"), 1);
	told_free(t);
}

/* One file may hold all logs; lists are arrays. zeek#609, PR#5362: strings with \x1f are no JSON,
 * and zeek#1398: NUL bytes. */
static void logs_are_joined(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("zeek-json",
		"{\"_path\":\"dns\",\"ts\":1600000000,\"uid\":\"C0\",\"id.orig_h\":\"10.0.0.5\","
		"\"id.orig_p\":5353,\"id.resp_h\":\"10.0.0.1\",\"id.resp_p\":53,\"proto\":\"udp\","
		"\"trans_id\":7,\"rtt\":0.25,\"query\":\"WWW.Example.org\",\"qtype\":1,\"rcode\":0,"
		"\"answers\":[\"cdn.example.net\",\"192.0.2.1\",\"TXT 3 a b\"],\"TTLs\":[30.0,60.0,"
		"1.0]}\n"
		"{\"_path\":\"conn\",\"ts\":1600000001,\"uid\":\"C1\"," FIVE "," SF "}\n"
		"{\"_path\":\"ssl\",\"ts\":1600000001.1,\"uid\":\"C1\"," FIVE
		",\"server_name\":\"www.example.org\",\"established\":true,\"ssl_history\":\"CsI\","
		"\"ja3\":\"0123\",\"next_protocol\":\"h2\"}\n"
		"{\"_path\":\"http\",\"ts\":1600000001.2,\"uid\":\"C1\"," FIVE
		",\"method\":\"GET\",\"host\":\"www.example.org\",\"uri\":\"/\",\"user_agent\":"
		"\"a\\x1fb\\u00e9\\u0000\",\"status_code\":503}\n"
		"{\"_path\":\"files\",\"ts\":1600000001.7,\"fuid\":\"F1\",\"conn_uids\":[\"C1\"],"
		"\"source\":\"HTTP\",\"is_orig\":false}\n"
		"{\"_path\":\"notice\",\"ts\":1600000002,\"uid\":\"C1\"," FIVE
		",\"proto\":\"tcp\"}\n"
		"{\"ts\":1600000003,\"uid\":\"C1\"," FIVE ",\"proto\":\"tcp\",\"note\":\"x\"}\n"
		"{\"ts\":1600000003,\"uid\":\"C1\"," FIVE
		",\"proto\":\"tcp\",\"analyzer\":\"SSL\"}\n"
		"{\"ts\":1600000004,\"node\":\"zeek\",\"mem\":5}\n");
	assert_int_equal(t->events, 2);
	const struct lookup *l = &t->event[0].lookup;
	assert_int_equal(t->event[0].kind, EVENT_LOOKUP);
	assert_string_equal(l->name, "www.example.org");
	assert_int_equal(l->answers, 1);
	assert_int_equal(l->answer[0].ttl_s, 60);
	assert_int_equal(l->cnames, 1);
	assert_string_equal(l->cname[0], "cdn.example.net");
	assert_int_equal(l->answer_ns - l->query_ns, SEC / 4);
	const struct conn *c = &t->event[1].conn;
	assert_string_equal(conn_line(c, T0),
		"1+2.5 tcp 10.0.0.5:50000 > 192.0.2.1:443 http-error@1.7 x1 6/70 5/900 "
		"www.example.org");
	assert_string_equal(c->user_agent, "a\x1f"
					   "b\xc3\xa9?");
	assert_string_equal(c->ja3, "0123");
	assert_string_equal(c->alpn, "h2");
	assert_int_equal(remark_count(t, "say nothing about connections"), 4);
	assert_int_equal(ingest_input(t->ingest, 0)->rejected, 0);
	told_free(t);
}

/* rita-legacy#787 (half an address), evebox#69 (cut, fused), rita-legacy#628 (the missing field is
 * named); a BOM and CRLF are no part of rows (logstash-filter-csv#82). */
static void what_is_no_row_is_left_out(void **state)
{
	(void)state;
	static const struct {
		const char *row, *why;
	} bad[] = {{"{\"ts\":1600000000,\"uid\":\"C1\",\"id.orig_h\":\"10.0.0.\",\"id.orig_p\":1,"
		    "\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":443," SF "}",
			   "id.orig_h"},
		{"{\"ts\":1600000000,\"uid\":\"C1\"," FIVE ",\"pro", "no JSON"},
		{"{\"ts\":1600000000,\"uid\":\"C1\",\"id.o{\"ts\":1600000000,\"uid\":\"C1\"," FIVE
		 "," SF "}",
			"no JSON"},
		{"{\"ts\":1600000000,\"uid\":\"C1\",\"id.orig_h\":\"10.0.0.5\",\"id.orig_p\":1,"
		 "\"id.resp_p\":443," SF "}",
			"id.resp_h"},
		{"#close 2020-09-13-13-00-00", "no JSON"},
		{"{\"ts\":1600000000,\"uid\":\"C1\",\"id.orig_h\":\"10.0.0.5\",\"id.orig_p\":66000,"
		 "\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":443," SF "}",
			"port"}};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[4096];
		(void)snprintf(text, sizeof text,
			"\xef\xbb\xbf{\"ts\":1600000000,\"uid\":\"C1\"," FIVE "," SF "}\r\n%s\r\n"
			"{\"ts\":1600000001,\"uid\":\"C2\",\"id.orig_h\":\"10.0.0.5\",\"id.orig_"
			"p\":2,"
			"\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":443," SF "}",
			bad[i].row);
		struct told_rows *t = tell_text("zeek-json", text);
		EXPECT_CONNS(
			t, T0, SF_LINE, "1+2.5 tcp 10.0.0.5:2 > 192.0.2.1:443 ok x1 6/70 5/900");
		const struct input *in = ingest_input(t->ingest, 0);
		assert_int_equal(in->rejected, 1);
		if (strstr(in->text, bad[i].why) == NULL || strstr(in->text, "line 2") == NULL)
			fail_msg("%s: %s", bad[i].row, in->text);
		told_free(t);
	}
}

static void the_log_is_told_by_its_fields(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("zeek-json",
		"{\"ts\":1600000000,\"uid\":\"C1\"," FIVE "," SF "}\n"
		"{\"ts\":1600000000.5,\"uid\":\"C1\"," FIVE ",\"method\":\"GET\",\"uri\":\"/\"}\n"
		"{\"ts\":1600000000.6,\"uid\":\"C1\"," FIVE
		",\"version\":\"TLSv12\",\"established\":false,\"last_alert\":\"handshake_"
		"failure\","
		"\"ssl_history\":\"Cl\"}\n"
		"{\"ts\":1600000009,\"uid\":\"C9\",\"id.orig_h\":\"10.0.0.5\",\"id.orig_p\":9,"
		"\"id.resp_h\":\"10.0.0.1\",\"id.resp_p\":53,\"proto\":\"udp\",\"trans_id\":1,"
		"\"query\":\"a.example\",\"qtype_name\":\"AAAA\",\"rcode_name\":\"NXDOMAIN\","
		"\"rtt\":0.5}\n");
	assert_int_equal(t->events, 2);
	assert_string_equal(conn_line(&t->event[0].conn, T0),
		"0+2.5 tcp 10.0.0.5:50000 > 192.0.2.1:443 tls-alert@2.5 x1 6/70 5/900");
	assert_int_equal(t->event[1].lookup.outcome, OUTCOME_NXDOMAIN);
	assert_int_equal(t->event[1].lookup.qtype, 28);
	assert_int_equal(t->event[1].lookup.fail_ns, (T0 + 9) * SEC + SEC / 2);
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(shapes_are_one),
		cmocka_unit_test(times_of_all_kinds), cmocka_unit_test(unset_is_not_zero),
		cmocka_unit_test(logs_are_joined), cmocka_unit_test(what_is_no_row_is_left_out),
		cmocka_unit_test(the_log_is_told_by_its_fields)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
