#include "base/scan.h"
#include "ingest/dated_testing.h"
#include "ingest/source.h"

#define PROVIDER "Microsoft-Windows-Sysmon"
#define CONN(utc, image, port, dst, dport)                                                         \
	"\"UtcTime\":\"" utc "\",\"ProcessGuid\":\"{1}\",\"Image\":\"" image                       \
	"\",\"Protocol\":\"tcp\",\"Initiated\":\"true\",\"SourceIp\":\"10.0.0.5\",\"SourcePort\":" \
	"\"" port "\",\"DestinationIp\":\"" dst "\",\"DestinationPort\":\"" dport "\""
#define IMAGE "C:\\\\Windows\\\\System32\\\\rundll32.exe"

static void expect_lookup(const struct told_rows *t, size_t index, const char *name, double at_s,
	enum outcome outcome, const char *process)
{
	assert_true(index < t->events);
	const struct lookup *l = &t->event[index].lookup;
	char buf[ADDR_TEXT_BYTES];
	assert_int_equal(t->event[index].kind, EVENT_LOOKUP);
	assert_string_equal(l->name, name);
	assert_string_equal(addr_text(&l->client, buf), "10.0.0.5");
	assert_int_equal(l->query_ns, DATED_S * SEC + (int64_t)(at_s * 1e9));
	assert_int_equal(l->outcome, outcome);
	assert_int_equal(l->fail_ns, outcome_is_failure(outcome) ? l->query_ns : 0);
	assert_string_equal(l->process, process);
}

/* One event of each shape: all mean the same. */
static void test_shapes(void **state)
{
	(void)state;
	static const char *const rows[] = {/* nxlog, Mordor */
		"{\"SourceName\":\"" PROVIDER
		"\",\"EventID\":3,\"Hostname\":\"PC1\",\"RecordNumber\":7," CONN(
			"2026-11-25 12:00:01.500", IMAGE, "50001", "192.0.2.1", "443") "}\n",
		/* winlogbeat */
		"{\"@timestamp\":\"2026-11-25T12:00:09.000Z\",\"winlog\":{\"provider_name\":"
		"\"" PROVIDER
		"\",\"event_id\":3,\"computer_name\":\"PC1\",\"record_id\":7,\"event_data\":{" CONN(
			"2026-11-25 12:00:01.500", IMAGE, "50001", "192.0.2.1", "443") "}}}\n",
		/* evtx_dump */
		"{\"Event\":{\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"" PROVIDER
		"\"}},\"EventID\":3,\"EventRecordID\":7,\"Computer\":\"PC1\"},\"EventData\":{" CONN(
			"2026-11-25 12:00:01.500", IMAGE, "50001", "192.0.2.1", "443") "}}}\n",
		/* Wazuh */
		"{\"data\":{\"win\":{\"system\":{\"providerName\":\"" PROVIDER
		"\",\"eventID\":\"3\","
		"\"eventRecordID\":\"7\",\"computer\":\"PC1\"},\"eventdata\":{\"utcTime\":"
		"\"2026-11-25 12:00:01.500\",\"image\":\"" IMAGE
		"\",\"protocol\":\"tcp\",\"initiated\":"
		"\"true\",\"sourceIp\":\"10.0.0.5\",\"sourcePort\":\"50001\",\"destinationIp\":"
		"\"192.0.2.1\",\"destinationPort\":\"443\"}}}}\n",
		/* Elastic Common Schema */
		"{\"@timestamp\":\"2026-11-25T12:00:01.500Z\",\"event\":{\"code\":\"3\","
		"\"provider\":\"" PROVIDER
		"\"},\"host\":{\"name\":\"PC1\"},\"winlog\":{\"record_id\":\"7\"},\"process\":"
		"{\"executable\":\"" IMAGE "\"},\"network\":{\"transport\":\"tcp\",\"direction\":"
		"\"egress\"},\"source\":{\"ip\":\"10.0.0.5\",\"port\":50001},\"destination\":{"
		"\"ip\":"
		"\"192.0.2.1\",\"port\":443}}\n"};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct told_rows *t = tell_text("sysmon", rows[i]);
		EXPECT_CONNS(t, DATED_S,
			"1.5+0 tcp 10.0.0.5:50001 > 192.0.2.1:443 unknown x0 0/0 0/0 by "
			"rundll32.exe");
		assert_string_equal(t->event[0].conn.uid, "7");
		assert_int_equal(remark_count(t, "how they ended"), 1);
		expect_rejected(t, 0, NULL);
		told_free(t);
	}
}

#define EVENT(id, rest) \
	"{\"SourceName\":\"" PROVIDER "\",\"EventID\":" #id ",\"Hostname\":\"PC1\"," rest "}\n"
#define QUERY(utc, name, status, results)                                          \
	EVENT(22, "\"UtcTime\":\"2026-11-25 12:00:" utc "\",\"QueryName\":\"" name \
		  "\",\"QueryStatus\":\"" status "\",\"QueryResults\":\"" results  \
		  "\",\"Image\":\"" IMAGE "\"")

/* Questions come before the connection that tells whose they are. */
static void test_lookups(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("sysmon",
		QUERY("00.000", "A.Example.com", "0",
			"type:  5 b.example.net;::ffff:192.0.2.1;2001:db8:1::1;") QUERY("01.000",
			"gone.example.com", "9003",
			"-") QUERY("02.000", "bad.example.com", "9002", "-") QUERY("03.000",
			"quiet.example.com", "1460", "-") QUERY("04.000", "odd.example.com", "9701",
			"-") QUERY("05.000", "hole.example.com", "0", "0.0.0.0;") EVENT(3,
			CONN("2026-11-25 12:00:06.000", IMAGE, "50001", "192.0.2.1", "443")));
	assert_int_equal(t->events, 7);
	expect_lookup(t, 0, "a.example.com", 0, OUTCOME_OK, "rundll32.exe");
	expect_lookup(t, 1, "gone.example.com", 1, OUTCOME_NXDOMAIN, "rundll32.exe");
	expect_lookup(t, 2, "bad.example.com", 2, OUTCOME_SERVFAIL, "rundll32.exe");
	expect_lookup(t, 3, "quiet.example.com", 3, OUTCOME_DNS_SILENT, "rundll32.exe");
	expect_lookup(t, 4, "odd.example.com", 4, OUTCOME_UNKNOWN, "rundll32.exe");
	expect_lookup(t, 5, "hole.example.com", 5, OUTCOME_SINKHOLED, "rundll32.exe");
	const struct lookup *l = &t->event[0].lookup;
	char buf[ADDR_TEXT_BYTES];
	assert_int_equal(l->answers, 2);
	assert_string_equal(addr_text(&l->answer[0].addr, buf), "192.0.2.1");
	assert_string_equal(addr_text(&l->answer[1].addr, buf), "2001:db8:1::1");
	assert_int_equal(l->cnames, 1);
	assert_string_equal(l->cname[0], "b.example.net");
	assert_int_equal(t->event[3].lookup.answer_ns, 0);
	assert_int_equal(t->event[6].kind, EVENT_CONN);
	told_free(t);
}

/* A machine that never speaks has no address; another's is none of its own. */
static void test_no_client(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("sysmon",
		QUERY("00.000", "a.example.com", "9003",
			"-") "{\"SourceName\":\"" PROVIDER
			     "\",\"EventID\":3,\"Hostname\":\"PC2\"," CONN(
				     "2026-11-25 12:00:06.000", IMAGE, "50001", "192.0.2.1",
				     "443") "}\n"
					    "{\"SourceName\":\"" PROVIDER
					    "\",\"EventID\":22,\"UtcTime\":\"2026-11-25 12:00:07\","
					    "\"QueryName\":\"b.example.com\",\"QueryStatus\":"
					    "\"9003\"}\n");
	assert_int_equal(t->events, 1);
	assert_int_equal(remark_count(t, "whose address no connection told"), 2);
	told_free(t);
}

static void test_others(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("sysmon",
		"{\"SourceName\":\"Microsoft-Windows-Security-Auditing\",\"EventID\":3,"
		"\"Hostname\":\"PC1\"}\n" EVENT(
			1, "\"UtcTime\":\"2026-11-25 12:00:00\",\"Image\":\"x\"")
			EVENT(3, "\"UtcTime\":\"2026-11-25 "
				 "12:00:00\",\"Initiated\":\"false\",\"SourceIp\":\"10.0.0.9\"")
				EVENT(3, CONN("2026-11-25 12:00:06", IMAGE, "50001", "192.0.2.",
						 "443")) /* part 4, 3 */
		EVENT(3, CONN("2026-11-25 12:00:06", IMAGE, "70000", "192.0.2.1", "443"))
			EVENT(3, CONN("not yet", IMAGE, "50001", "192.0.2.1", "443"))
				EVENT(3, "\"UtcTime\":\"2026-11-25 "
					 "12:00:07\",\"Protocol\":\"udp\",\"Initiated\":true,"
					 "\"SourceIp\":\"127.0.0.1\",\"SourcePort\":1,"
					 "\"DestinationIp\":\"127.0.0.1\",\"DestinationPort\":2"));
	assert_int_equal(t->events, 0);
	assert_int_equal(remark_count(t, "nothing about connections"), 4);
	expect_rejected(t, 3, "the first at line 4: no address in SourceIp or DestinationIp");
	told_free(t);
}

/* ---- XML ---- */

#define DATA(name, value) "<Data Name='" name "'>" value "</Data>"
#define SYSTEM(id)                                                                                 \
	"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider "  \
	"Name='" PROVIDER "' Guid='{5770385f}'/><EventID>" id "</EventID><TimeCreated SystemTime=" \
	"'2026-11-25T12:00:09.5Z'/><EventRecordID>42</EventRecordID><Computer>PC1</Computer></"    \
	"System>"
#define XML_CONN                                                                                   \
	SYSTEM("3")                                                                                \
	"<EventData>" DATA("RuleName", "-") DATA("UtcTime", "2026-11-25 12:00:01.500") DATA(       \
		"Image", "C:\\A&amp;B\\it&apos;s &#x41;.exe") DATA("Protocol", "tcp")              \
		DATA("Initiated", "true") DATA("SourceIp", "10.0.0.5") DATA("SourcePort", "50001") \
			DATA("DestinationIp", "192.0.2.1") DATA("DestinationPort",                 \
				"443") "<Data Name='DestinationPortName'/></EventData></Event>"
#define XML_QUERY                                                                              \
	SYSTEM("22")                                                                           \
	"<EventData>\r\n  " DATA("QueryName", "gone.example.com") "\r\n  " DATA("QueryStatus", \
		"9003") "\r\n" DATA("Image", "C:\\b.exe") "</EventData>\r\n</Event>"

static void test_xml(void **state)
{
	(void)state;
	static const char *const texts[] = {XML_CONN "\n" XML_QUERY "\n",
		"<?xml version=\"1.0\"?>\r\n<Events>\r\n" XML_CONN XML_QUERY "</Events>",
		"Record 1\n<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" XML_CONN
		"\n\nRecord 2\n<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" XML_QUERY "\n"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct told_rows *t = tell_text("sysmon-xml", texts[i]);
		assert_int_equal(t->events, 2);
		assert_string_equal(conn_line(&t->event[0].conn, DATED_S),
			"1.5+0 tcp 10.0.0.5:50001 > 192.0.2.1:443 unknown x0 0/0 0/0 by it's "
			"?.exe");
		assert_string_equal(t->event[0].conn.uid, "42");
		expect_lookup(t, 1, "gone.example.com", 9.5, OUTCOME_NXDOMAIN, "b.exe");
		assert_false(ingest_input(t->ingest, 0)->cut);
		expect_rejected(t, 0, NULL);
		told_free(t);
	}
}

/* Half an event is none, and is said. */
static void test_xml_cut(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("sysmon-xml", XML_CONN SYSTEM("22") "<EventData>");
	assert_int_equal(t->events, 1);
	assert_true(ingest_input(t->ingest, 0)->cut);
	told_free(t);
}

static bool claimed(const struct format *format, const char *start)
{
	return format->claims(cur_of(start, strlen(start)));
}

static void test_claims(void **state)
{
	(void)state;
	assert_true(claimed(&format_sysmon, "{\"a\":1}\n" EVENT(1, "\"x\":1")));
	assert_false(claimed(&format_sysmon, "{\"SourceName\":\"" PROVIDER "\",\"x\":1}\n"));
	assert_false(claimed(&format_sysmon, "{\"EventID\":3,\"Hostname\":\"PC1\"}"));
	assert_false(claimed(&format_sysmon, XML_CONN));
	assert_true(claimed(&format_sysmon_xml, XML_CONN));
	assert_false(claimed(&format_sysmon_xml, "<Events>" PROVIDER "</Events>"));
	assert_false(claimed(&format_sysmon_xml, "<?xml version='1.0'?><Event>x</Event>"));
	assert_false(claimed(&format_sysmon_xml, "text <Event>" PROVIDER));
}

static void test_cuts(void **state)
{
	(void)state;
	sweep_cuts(&format_sysmon,
		QUERY("00.000", "A.Example.com", "0", "type:  5 b;::ffff:192.0.2.1;") EVENT(
			3, CONN("2026-11-25 12:00:06.000", IMAGE, "50001", "192.0.2.1", "443")));
	sweep_cuts(&format_sysmon_xml, XML_QUERY XML_CONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_lookups), cmocka_unit_test(test_no_client),
		cmocka_unit_test(test_others), cmocka_unit_test(test_xml),
		cmocka_unit_test(test_xml_cut), cmocka_unit_test(test_claims),
		cmocka_unit_test(test_cuts)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
