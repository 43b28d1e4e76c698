#include "ingest/access_testing.h"

/* Columns are found by name, in any order; quotes may hold separators. */
static void test_csv(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("proxy_csv",
		"\xef\xbb\xbf\"Date Time\",Client IP,User-Name,Method,URL,Status "
		"Code,Bytes,Request-ID,Extra\r\n"
		"\"2026-11-25T12:00:00Z\",10.0.0.5,alice,GET,\"http://a.example.com/"
		"?a=1,2\",200,512,r1,x\r\n"
		"2026-11-25T13:00:01+01:00,10.0.0.5,-,CONNECT,b.example.com:8443,503,0,r2,\r\n"
		"2026-11-25 "
		"12:00:02,10.0.0.5,\"b,ob\",GET,http://c.example.com/,502,0,r3,\"a\"\"b\"\r\n"
		"2026-11-25T12:00:03Z,10.0.0.5,-,GET,http://d.example.com/,200,512\r\n" /* part 4, 4
	                                                                                 */
		"yesterday,10.0.0.5,-,GET,http://d.example.com/,200,512,r5,\r\n"
		"2026-11-25T12:00:05Z,10.0.0.5,-,GET,http://e.example.com/,0x1,512,r6,\r\n"
		"2026-11-25T12:00:06Z,10.0.0.5,-,GET,http://f.example.com/,407,512,r7,\r\n");
	EXPECT_CONNS(t, DATED_S,
		"0+0 tcp 10.0.0.5:0 > :::80 ok x1 1/0 1/512 a.example.com by user alice",
		"1+0 tcp 10.0.0.5:0 > :::8443 http-error@1 x1 1/0 1/0 b.example.com",
		"2+0 tcp 10.0.0.5:0 > :::80 http-error@2 x1 1/0 1/0 c.example.com by user b,ob");
	expect_request(t, 0, 200, "http", NULL, "r1");
	assert_int_equal(remark_count(t, "no zone"), 1);
	expect_rejected(t, 3, "the first at line 5: it has more or fewer fields than its header");
	told_free(t);
}

/* Fields by host and port, a verdict, the process; tabs. */
static void test_hosts(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("proxy_csv",
		"timestamp\tsrc_ip\tsrc_port\thost\tport\taction\tprocess\tbytes_out\tbytes_in\n"
		"1795608000\t10.0.0.5\t1025\ta.example.com\t443\tBlocked\tevil.exe\t0\t0\n"
		"1795608001000\t10.0.0.5\t1026\tb.example.com:8443\t443\tAllowed\tevil."
		"exe\t100\t1000\n"
		"1795608002\t10.0.0.5\t1027\t192.0.2.7\t443\tAllowed\t-\t100\t999\n"
		"1795608003\t10.0.0.5\t1028\tc.example.com\t-\tAllowed\t-\t100\t999\n");
	EXPECT_CONNS(t, DATED_S,
		"0+0 tcp 10.0.0.5:1025 > :::443 denied@0 x1 1/0 1/0 a.example.com by evil.exe",
		"1+0 tcp 10.0.0.5:1026 > :::8443 ok x1 1/100 1/1000 b.example.com by evil.exe");
	assert_int_equal(remark_count(t, "without the addresses and ports"), 2);
	told_free(t);
}

/* W3C's extended format; its header may come again with other columns (part 4, 18). */
static void test_w3c(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("proxy_csv",
		"#Version: 1.0\n"
		"#Software: SGOS 6.5\n"
		"#Fields: date time time-taken c-ip cs-username sc-filter-result cs-uri-scheme "
		"cs-host cs-uri-port cs-method sc-status sc-bytes cs-bytes cs(User-Agent)\n"
		"2026-11-25 12:00:01 500 10.0.0.5 carol OBSERVED http a.example.com 80 GET 200 700 "
		"300 \"Moz 5\"\n"
		"2026-11-25 12:00:02 0 10.0.0.5 - DENIED tcp b.example.com 443 CONNECT 403 0 0 -\n"
		"#Date: 2026-11-25 12:00:03\n"
		"#Fields: date time c-ip cs-uri sc-status r-ip\n"
		"2026-11-25 12:00:03 10.0.0.5 http://c.example.com:81/ 504 203.0.113.7\n");
	EXPECT_CONNS(t, DATED_S,
		"0.5+0.5 tcp 10.0.0.5:0 > :::80 ok x1 1/300 1/700 a.example.com by user carol",
		"2+0 tcp 10.0.0.5:0 > :::443 denied@2 x1 1/0 1/0 b.example.com",
		"3+0 tcp 10.0.0.5:0 > 203.0.113.7:81 http-error@3 x1 1/0 1/0 c.example.com");
	expect_request(t, 0, 200, NULL, "Moz 5", NULL);
	assert_int_equal(t->event[2].conn.name_source, NAME_HTTP_HOST);
	assert_false(t->event[2].conn.to_proxy);
	told_free(t);
}

static bool claimed(const char *start)
{
	return format_proxy_csv.claims(cur_of(start, strlen(start)));
}

static void test_claims(void **state)
{
	(void)state;
	assert_true(claimed("time,client,url"));
	assert_true(claimed("Date;Time;Source IP;Host\r\n"));
	assert_true(claimed("#Software: x\n#Fields: date time c-ip cs-host\n"));
	assert_false(claimed("time,client,bytes"));
	assert_false(claimed("client,url,status"));
	assert_false(claimed("#Fields: date time s-ip cs-method cs-uri-stem"));
	assert_false(claimed("#fields\tts\tuid\thost"));
	assert_false(claimed("#Other\n#Fields: date time c-ip cs-host\n"));
	assert_false(claimed("time client url"));
	assert_false(claimed(""));
}

static void test_cuts(void **state)
{
	(void)state;
	sweep_cuts(&format_proxy_csv,
		"time,client,url,user,status\n"
		"2026-11-25T12:00:00Z,10.0.0.5,\"http://a.example.com/?a=\"\"1,2\",al,200\n"
		"#Fields: date time c-ip cs-uri sc-status r-ip\n"
		"2026-11-25 12:00:03 10.0.0.5 http://c.example.com:81/ 504 203.0.113.7\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_csv), cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_w3c), cmocka_unit_test(test_claims),
		cmocka_unit_test(test_cuts)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
