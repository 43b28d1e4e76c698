#include "base/scan.h"
#include "ingest/dated_testing.h"
#include "ingest/source.h"

/* ---- the journal ---- */

#define ENTRY(us, tag, message)                                                               \
	"{\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1795608000" us                      \
	"\",\"_TRANSPORT\":\"kernel\",\"SYSLOG_IDENTIFIER\":\"" tag "\",\"MESSAGE\":" message \
	"}\n"
#define PACKET(verdict, port)                                                           \
	"\"[UFW " verdict "] IN= OUT=eth0 SRC=10.0.0.5 DST=192.0.2.1 LEN=60 PROTO=TCP " \
	"SPT=" port " DPT=443 SYN URGP=0 UID=33\""

static void test_journal(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("journal",
		ENTRY("000100", "kernel", PACKET("BLOCK", "1025")) ENTRY(
			"250000", "kernel", PACKET("ALLOW", "1026")) ENTRY("300000", "sshd",
			"\"Accepted publickey\"") ENTRY("300000", "x", "[255,254]") ENTRY("400000",
			"filterlog",
			"\"5,,,1,igb1,match,block,in,4,0x0,,64,0,0,none,17,udp,60,10.0.0.5,192.0.2."
			"2,1027,8853,40\"") ENTRY("500000", "fw",
			"\"CEF:0|M|F|1|c|n|3|src=10.0.0.5 spt=1028 dst=192.0.2.3 dpt=443 proto=TCP "
			"act=deny\"") "{\"__REALTIME_TIMESTAMP\":\"x\",\"MESSAGE\":\"m\"}\n");
	EXPECT_CONNS(t, DATED_S,
		"0.0001+0 tcp 10.0.0.5:1025 > 192.0.2.1:443 denied@0.0001 x1 1/0 0/0 by uid 33",
		"0.25+0 tcp 10.0.0.5:1026 > 192.0.2.1:443 unknown x1 1/0 0/0 by uid 33",
		"0.4+0 udp 10.0.0.5:1027 > 192.0.2.2:8853 denied@0.4 x1 1/0 0/0",
		"0.5+0 tcp 10.0.0.5:1028 > 192.0.2.3:443 denied@0.5 x1 1/0 1/0");
	assert_int_equal(remark_count(t, "nothing about connections"), 2);
	expect_rejected(t, 1, "the first at line 7: no time in __REALTIME_TIMESTAMP");
	told_free(t);
}

/* ---- osquery ---- */

#define RESULT(action, rest)                                                           \
	"{\"name\":\"pack_sockets\",\"hostIdentifier\":\"h1\",\"calendarTime\":\"x\"," \
	"\"unixTime\":1795608010," rest ",\"action\":\"" action "\"}\n"
#define ENDS(port, dst, dport)                                                     \
	"\"protocol\":\"6\",\"local_address\":\"10.0.0.5\",\"local_port\":\"" port \
	"\",\"remote_address\":\"" dst "\",\"remote_port\":\"" dport "\""

static void test_osquery(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("osquery",
		RESULT("added", "\"columns\":{\"action\":\"connect\",\"path\":\"/usr/bin/"
				"curl\",\"time\":\"1795608001\",\"status\":\"succeeded\",\"eid\":"
				"\"9\"," ENDS("1025", "192.0.2.1", "443") "}") RESULT("added",
			"\"columns\":{\"action\":\"connect\",\"path\":\"/tmp/"
			"x\",\"time\":\"1795608002\",\"status\":\"in_progress\"," ENDS(
				"1026", "192.0.2.2", "443") "}") RESULT("added",
			"\"columns\":{\"action\":\"bind\",\"path\":\"/tmp/"
			"x\",\"time\":\"1795608003\"," ENDS(
				"1027", "192.0.2.3", "443") "}") RESULT("removed",
			"\"columns\":{\"state\":\"ESTABLISHED\"," ENDS(
				"1028", "192.0.2.4", "443") "}") RESULT("added",
			"\"columns\":{\"state\":\"ESTABLISHED\",\"name\":\"ssh\"," ENDS(
				"1029", "192.0.2.5", "22") "}") RESULT("added",
			"\"columns\":{\"action\":\"connect\",\"protocol\":\"6\",\"local_address\":"
			"\"\",\"local_port\":\"0\",\"remote_address\":\"192.0.2.6\",\"remote_"
			"port\":\"443\"}") RESULT("added",
			"\"columns\":{\"uid\":\"0\",\"username\":\"root\"}") RESULT("snapshot",
			"\"snapshot\":[{\"state\":\"SYN_SENT\",\"name\":\"nc\"," ENDS("1030",
				"192.0.2.7",
				"443") "},{\"state\":\"LISTEN\"," ENDS("22", "0.0.0.0", "0") "},7]")
			RESULT("added", "\"columns\":{\"action\":\"connect\",\"time\":\"1\"," ENDS(
						"1031", "192.0.2.", "443") "}"));
	EXPECT_CONNS(t, DATED_S, "1+0 tcp 10.0.0.5:1025 > 192.0.2.1:443 ok x0 0/0 1/0 by curl",
		"2+0 tcp 10.0.0.5:1026 > 192.0.2.2:443 unknown x0 0/0 0/0 by x",
		"10+0 tcp 10.0.0.5:1029 > 192.0.2.5:22 ok x0 0/0 1/0 joined by ssh",
		"10+0 tcp 10.0.0.5:1030 > 192.0.2.7:443 unknown x0 0/0 0/0 joined by nc");
	assert_string_equal(t->event[0].conn.uid, "9");
	assert_int_equal(remark_count(t, "nothing about connections"), 4);
	assert_int_equal(remark_count(t, "without the addresses and ports"), 1);
	expect_rejected(t, 1, "the first at line 9: no address in local_address or remote_address");
	told_free(t);
}

/* ---- Falco ---- */

#define ALERT(fields)                                                                             \
	"{\"output\":\"x\",\"priority\":\"Notice\",\"rule\":\"Outbound\",\"source\":\"syscall\"," \
	"\"time\":\"2026-11-25T12:00:09.5Z\",\"output_fields\":{" fields "}}\n"
#define CALL(ns, result, port)                                                                   \
	ALERT("\"evt.time\":1795608000" ns ",\"evt.type\":\"connect\",\"evt.res\":\"" result     \
	      "\",\"fd.cip\":\"10.0.0.5\",\"fd.cport\":" port                                    \
	      ",\"fd.sip\":\"192.0.2.1\",\"fd.sport\":443,\"fd.l4proto\":\"tcp\",\"proc.name\":" \
	      "\"curl\"")

static void test_falco(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("falco",
		CALL("100000000", "ECONNREFUSED", "1025") CALL("200000000", "SUCCESS", "1026") CALL(
			"300000000", "EINPROGRESS", "1027") CALL("400000000", "ENETUNREACH", "1028")
			ALERT("\"fd.name\":\"2001:db8::5:1029->2001:db8:1::1:443\",\"fd.l4proto\":"
			      "\"udp\",\"proc.name\":\"x\"") ALERT("\"fd.name\":\"/etc/"
								   "shadow\",\"proc.name\":\"cat\"")
				ALERT("\"fd.name\":\"10.0.0.5:1->x:443\",\"fd.l4proto\":\"tcp\""));
	EXPECT_CONNS(t, DATED_S,
		"0.1+0 tcp 10.0.0.5:1025 > 192.0.2.1:443 refused@0.1 x0 0/0 1/0 by curl",
		"0.2+0 tcp 10.0.0.5:1026 > 192.0.2.1:443 ok x0 0/0 1/0 by curl",
		"0.3+0 tcp 10.0.0.5:1027 > 192.0.2.1:443 unknown x0 0/0 0/0 by curl",
		"0.4+0 tcp 10.0.0.5:1028 > 192.0.2.1:443 unreachable@0.4 x0 0/0 0/0 by curl",
		"9.5+0 udp 2001:db8::5:1029 > 2001:db8:1::1:443 unknown x0 0/0 0/0 by x");
	assert_int_equal(remark_count(t, "nothing about connections"), 1);
	expect_rejected(t, 1, "the first at line 7: no address of the client or the server in it");
	told_free(t);
}

static void test_cuts(void **state)
{
	(void)state;
	sweep_cuts(&format_journal, ENTRY("000100", "kernel", PACKET("BLOCK", "1025")));
	sweep_cuts(
		&format_osquery, RESULT("snapshot", "\"snapshot\":[{\"state\":\"SYN_SENT\"," ENDS(
							    "1030", "192.0.2.7", "443") "}]"));
	sweep_cuts(&format_falco, CALL("100000000", "ECONNREFUSED", "1025"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_journal),
		cmocka_unit_test(test_osquery), cmocka_unit_test(test_falco),
		cmocka_unit_test(test_cuts)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
