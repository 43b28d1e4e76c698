#include "ingest/access_testing.h"

#define FW "CEF:0|Maker|Fire\\|wall|1.0|traffic|Session|3|"

/* A firewall's sessions: with addresses and ports, no names. */
static void test_cef(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("syslog",
		"<14>Nov 25 12:00:09 fw " FW
		"rt=1795608000500 src=10.0.0.5 spt=1025 dst=192.0.2.1 dpt=443 proto=TCP act=deny "
		"msg=a b\\=c d externalId=77\n"
		"<14>Nov 25 12:00:09 fw " FW
		"start=Nov 25 2026 12:00:01 end=Nov 25 2026 12:00:03.5 src=10.0.0.5 spt=1026 "
		"dst=192.0.2.2 dpt=443 proto=tcp act=allow in=5000 out=900\n"
		"<14>Nov 25 12:00:09 fw " FW
		"start=Nov 25 2026 13:00:02 +0100 src=10.0.0.5 spt=1027 dst=192.0.2.3 dpt=53 "
		"proto=UDP act=allow in=80 out=60\n"
		"CEF:0|Maker|EDR|1|net|Net|3|end=1795608003 src=10.0.0.5 spt=1028 dst=192.0.2.4 "
		"dpt=8443 proto=6 act=reset-both sproc=C:\\\\Windows\\\\rundll32.exe suser=dave\n"
		"CEF:0|Maker|IDS|1|x|y|3|src=10.0.0.5 msg=no target\n"
		"CEF:0|Maker|IDS|1|x\n"
		"CEF:0|Maker|FW|1|x|y|3|src=10.0.0.5 dst=192.0.2.1 dpt=443 proto=TCP\n");
	EXPECT_CONNS(t, DATED_S, "0.5+0 tcp 10.0.0.5:1025 > 192.0.2.1:443 denied@0.5 x1 1/0 1/0",
		"1+2.5 tcp 10.0.0.5:1026 > 192.0.2.2:443 ok x1 1/900 1/5000",
		"2+0 udp 10.0.0.5:1027 > 192.0.2.3:53 unknown x1 1/60 0/80",
		"3+0 tcp 10.0.0.5:1028 > 192.0.2.4:8443 denied@3 x1 1/0 1/0 by rundll32.exe");
	expect_request(t, 0, 0, NULL, NULL, "77");
	assert_int_equal(remark_count(t, "no zone"), 1);
	assert_int_equal(remark_count(t, "nothing about connections"), 1);
	assert_int_equal(remark_count(t, "no year"), 0);
	expect_rejected(t, 2, "the first at line 6: its header has too few fields");
	told_free(t);
}

/* A proxy's requests; the stamp's time where the row has none. */
static void test_cef_proxy(void **state)
{
	(void)state;
	struct told_rows *t = tell_dated("syslog",
		"2026-11-25T12:00:00Z px CEF: CEF:0|Maker|Proxy|1|x|y|3|src=10.0.0.5 dst=10.0.0.1 "
		"dpt=3128 request=http://a.example.com/x?y=1 requestMethod=GET outcome=503 "
		"suser=erin requestClientApplication=Moz 5\n"
		"2026-11-25T12:00:01Z px CEF:0|Maker|Proxy|1|x|y|3|src=10.0.0.5 dst=203.0.113.9 "
		"dpt=443 app=HTTPS dhost=B.example.com outcome=200 in=700 out=300\n"
		"Nov 25 12:00:02 px CEF:0|Maker|Proxy|1|x|y|3|src=10.0.0.5 dpt=443 app=SSL "
		"dhost=c.example.com act=Blocked\n");
	EXPECT_CONNS(t, DATED_S,
		"0+0 tcp 10.0.0.5:0 > 10.0.0.1:80 http-error@0 x1 1/0 1/0 a.example.com by user "
		"erin",
		"1+0 tcp 10.0.0.5:0 > 203.0.113.9:443 ok x1 1/300 1/700 b.example.com",
		"2+0 tcp 10.0.0.5:0 > :::443 denied@2 x1 1/0 1/0 c.example.com");
	expect_request(t, 0, 503, "http", "Moz 5", NULL);
	assert_true(t->event[0].conn.to_proxy && !t->event[1].conn.to_proxy);
	assert_int_equal(remark_count(t, "no year"), 1);
	expect_rejected(t, 0, NULL);
	told_free(t);
}

static void test_leef(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("syslog",
		"LEEF:1.0|Maker|FW|1.0|Deny|devTime=1795608000000\tsrc=10.0.0.5\tsrcPort=1025\tdst="
		"192.0.2.1\tdstPort=443\tproto=TCP\taction=Drop\tusrName=fred\n"
		"Nov 25 12:00:09 fw LEEF:2.0|Maker|FW|1.0|Allow|^|devTime=Nov 25 2026 12:00:01 "
		"GMT^src=10.0.0.5^srcPort=1026^dst=192.0.2.2^dstPort=443^proto=TCP^action=Allow^"
		"srcBytes=10^dstBytes=2000\n"
		"LEEF:2.0|Maker|FW|1.0|Allow|0x7C|devTime=1795608002|src=10.0.0.5|srcPort=1027|dst="
		"192.0.2.3|dstPort=443|proto=TCP|action=Deny\n"
		"LEEF:2.0|Maker|FW|1.0|Allow|devTime=1795608003\tsrc=10.0.0.5\tsrcPort=1028\tdst="
		"192.0.2.4\tdstPort=443\tproto=TCP\taction=Deny\n");
	EXPECT_CONNS(t, DATED_S,
		"0+0 tcp 10.0.0.5:1025 > 192.0.2.1:443 denied@0 x1 1/0 1/0 by user fred",
		"1+0 tcp 10.0.0.5:1026 > 192.0.2.2:443 ok x1 1/10 1/2000",
		"2+0 tcp 10.0.0.5:1027 > 192.0.2.3:443 denied@2 x1 1/0 1/0",
		"3+0 tcp 10.0.0.5:1028 > 192.0.2.4:443 denied@3 x1 1/0 1/0");
	expect_rejected(t, 0, NULL);
	told_free(t);
}

static void test_cuts(void **state)
{
	(void)state;
	sweep_cuts(&format_syslog,
		"<14>Nov 25 12:00:09 fw " FW
		"start=Nov 25 2026 12:00:01 +0100 end=Nov 25 2026 12:00:03.5 src=10.0.0.5 spt=1026 "
		"dst=192.0.2.2 dpt=443 proto=tcp act=al\\=low request=http://u@[::1]:80/ in=5000 "
		"out=900\n"
		"LEEF:2.0|Maker|FW|1.0|Allow|0x7C|devTime=1795608002|src=10.0.0.5|srcPort=1027|dst="
		"192.0.2.3|dstPort=443|proto=TCP|action=Deny\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cef),
		cmocka_unit_test(test_cef_proxy), cmocka_unit_test(test_leef),
		cmocka_unit_test(test_cuts)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
