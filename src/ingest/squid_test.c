#include "ingest/access_testing.h"

/* Times are when the request was over. A dash is nothing. Only the proxy knows the address. */
static void test_native(void **state)
{
	(void)state;
	struct told_rows *t =
		tell_text("squid", "1795608000.180    180 10.0.0.5 TCP_MISS/200 411 GET "
				   "http://A.Example.com/x.flg - HIER_DIRECT/192.0.2.1 text/plain\n"
				   "1795608001.000   1000 10.0.0.5 TCP_TUNNEL/200 5632 CONNECT "
				   "b.example.com:8443 alice HIER_DIRECT/192.0.2.2 -\n"
				   "1795608002.000     10 10.0.0.5 TCP_TUNNEL/200 39 CONNECT "
				   "c.example.com:443 - HIER_DIRECT/192.0.2.3 -\n"
				   "1795608003.000  60000 10.0.0.5 TCP_MISS/504 4000 GET "
				   "http://d.example.com:81/ - HIER_NONE/- text/html\n"
				   "1795608004.500      0 10.0.0.5 NONE/503 0 CONNECT "
				   "e.example.com:443 - HIER_NONE/- -\n"
				   "1795608005.000      0 10.0.0.5 TCP_DENIED/403 4022 CONNECT "
				   "f.example.com:443 - HIER_NONE/- text/html\n"
				   "1795608006.000      0 10.0.0.5 TCP_DENIED/407 4022 CONNECT "
				   "f.example.com:443 - HIER_NONE/- text/html\n"
				   "1795608007.000   2000 10.0.0.5 TCP_MISS_ABORTED/000 0 GET "
				   "http://g.example.com/ - HIER_DIRECT/192.0.2.7 -\n"
				   "1795608008.000      9 10.0.0.5 TCP_MISS/404 311 GET "
				   "https://h.example.com/ - HIER_DIRECT/192.0.2.8 -\n"
				   "1795608009.000      0 10.0.0.5 TCP_DENIED/403 99 CONNECT "
				   "[2001:db8:1::9]:443 - HIER_NONE/- -\n"
				   "1795608010.000      0 10.0.0.5 NONE/400 0 NONE "
				   "error:invalid-request - HIER_NONE/- -\n"
				   "1795608011.000     -5 10.0.0.5 TCP_MEM_HIT/200 99 GET "
				   "http://user:pw@i.example.com/a@b - HIER_NONE/- -\n");
	EXPECT_CONNS(t, DATED_S, "0+0.18 tcp 10.0.0.5:0 > :::80 ok x1 1/0 1/411 a.example.com",
		"0+1 tcp 10.0.0.5:0 > :::8443 ok x1 1/0 1/5632 b.example.com by user alice",
		"1.99+0.01 tcp 10.0.0.5:0 > :::443 unknown x1 1/0 0/39 c.example.com",
		"-57+60 tcp 10.0.0.5:0 > :::81 http-error@3 x1 1/0 1/4000 d.example.com",
		"4.5+0 tcp 10.0.0.5:0 > :::443 http-error@4.5 x1 1/0 1/0 e.example.com",
		"5+0 tcp 10.0.0.5:0 > :::443 denied@5 x1 1/0 1/4022 f.example.com",
		"5+2 tcp 10.0.0.5:0 > :::80 unknown x1 1/0 0/0 g.example.com",
		"7.991+0.009 tcp 10.0.0.5:0 > :::443 http-error@8 x1 1/0 1/311 h.example.com",
		"9+0 tcp 10.0.0.5:0 > 2001:db8:1::9:443 denied@9 x1 1/0 1/99",
		"11+0 tcp 10.0.0.5:0 > :::80 ok x1 1/0 1/99 i.example.com");
	expect_request(t, 0, 200, "http", NULL, NULL);
	expect_request(t, 1, 200, NULL, NULL, NULL);
	assert_int_equal(t->event[0].conn.name_source, NAME_PROXY_TARGET);
	assert_true(t->event[0].conn.to_proxy);
	assert_false(t->event[8].conn.to_proxy);
	assert_int_equal(remark_count(t, "how they ended"), 2);
	assert_int_equal(remark_count(t, "nothing about connections"), 2);
	expect_rejected(t, 0, NULL);
	told_free(t);
}

/* anchors part 4 #55: names in any script are the ones that DNS is asked for; what is none stays.
 */
static void test_names(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("squid",
		"1795608000.000 0 10.0.0.5 X/200 1 CONNECT B\xc3\x9c"
		"CHER.Example.com.:443 - X/- -\n"
		"1795608001.000 0 10.0.0.5 X/200 1 CONNECT XN--BCHER-KVA.example.com:443 - X/- -\n"
		"1795608002.000 0 10.0.0.5 X/200 1 CONNECT _ldap._TCP.example.dev:443 - X/- -\n"
		"1795608003.000 0 10.0.0.5 X/200 1 CONNECT a\xff.example.com:443 - X/- -\n");
	static const char *const names[] = {"xn--bcher-kva.example.com",
		"xn--bcher-kva.example.com", "_ldap._tcp.example.dev", "a\xff.example.com"};
	assert_int_equal(t->events, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_string_equal(t->event[i].conn.name, names[i]);
	expect_rejected(t, 0, NULL);
	told_free(t);
}

static void test_combined(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("squid",
		"10.0.0.5 - bob [25/Nov/2026:13:00:00 +0100] \"GET http://a.example.com/ "
		"HTTP/1.1\" 200 2326 \"http://r/\" \"Moz \\\"x\\\" 5\" TCP_MISS:HIER_DIRECT\n"
		"10.0.0.5 - - [25/Nov/2026:12:00:01 +0000] \"CONNECT b.example.com:443 HTTP/1.1\" "
		"403 0 \"-\" \"-\" TCP_DENIED:HIER_NONE\n"
		"10.0.0.5 - - [25/Nov/2026:12:00:02 +0000] \"CONNECT c.example.com:443 HTTP/1.0\" "
		"502 120\n"
		"10.0.0.5 - - [25/Nov/2026:12:00:03 +0000] \"GET /local HTTP/1.0\" 200 120\n"
		"10.0.0.5 - - [31/Foo/2026:12:00:03 +0000] \"GET http://x.example.com/ HTTP/1.0\" "
		"200 120\n"
		"10.0.0. - - [25/Nov/2026:12:00:03 +0000] \"GET http://x.example.com/ HTTP/1.0\" "
		"200 120\n");
	EXPECT_CONNS(t, DATED_S,
		"0+0 tcp 10.0.0.5:0 > :::80 ok x1 1/0 1/2326 a.example.com by user bob",
		"1+0 tcp 10.0.0.5:0 > :::443 denied@1 x1 1/0 1/0 b.example.com",
		"2+0 tcp 10.0.0.5:0 > :::443 http-error@2 x1 1/0 1/120 c.example.com");
	expect_request(t, 0, 200, "http", "Moz \\\"x\\\" 5", NULL);
	expect_request(t, 1, 403, NULL, NULL, NULL);
	expect_rejected(t, 2, "the first at line 5: neither Squid's own nor the combined format");
	told_free(t);
}

/* Within a syslog. */
static void test_syslog(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("syslog",
		"Nov 25 12:00:09 px (squid-1): 1795608000.180    180 10.0.0.5 "
		"TCP_MISS/502 411 GET http://a.example.com/ - HIER_DIRECT/192.0.2.1 -\n");
	EXPECT_CONNS(t, DATED_S,
		"0+0.18 tcp 10.0.0.5:0 > :::80 http-error@0.18 x1 1/0 1/411 a.example.com");
	assert_int_equal(remark_count(t, "no year"), 0);
	told_free(t);
}

static bool claimed(const char *start)
{
	return format_squid.claims(cur_of(start, strlen(start)));
}

/* A web server's own log is none of a proxy. */
static void test_claims(void **state)
{
	(void)state;
	assert_true(claimed("1795608000.180 180 10.0.0.5 TCP_MISS/200 411 GET http://a/ - X/- -"));
	assert_true(claimed(
		"1.2.3.4 - - [25/Nov/2026:12:00:01 +0000] \"CONNECT b:443 HTTP/1.1\" 403 0"));
	assert_false(claimed("1.2.3.4 - - [25/Nov/2026:12:00:01 +0000] \"GET /x HTTP/1.1\" 200 0"));
	assert_false(claimed("1795608000.180 CXY 10.0.0.5 49152 192.0.2.1 443 tcp"));
	assert_false(claimed("1795608000.180 host kernel: m"));
	assert_false(claimed(""));
}

static void test_cuts(void **state)
{
	(void)state;
	sweep_cuts(&format_squid,
		"1795608000.180    180 10.0.0.5 TCP_MISS/200 411 GET http://[2001:db8::1]:8080/x u "
		"HIER_DIRECT/192.0.2.1 text/plain\n"
		"10.0.0.5 - bob [25/Nov/2026:13:00:00 +0100] \"GET http://u@a.example.com/ "
		"HTTP/1.1\" 200 2326 \"http://r/\" \"Moz \\\"x\\\" 5\" TCP_MISS:HIER_DIRECT\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_native),
		cmocka_unit_test(test_names), cmocka_unit_test(test_combined),
		cmocka_unit_test(test_syslog), cmocka_unit_test(test_claims),
		cmocka_unit_test(test_cuts)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
