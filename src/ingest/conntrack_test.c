#include "ingest/dated_testing.h"
#include "ingest/source.h"

#define A                 "src=10.0.0.5 dst=192.0.2.1 sport=40001 dport=443 "
#define RA                "src=192.0.2.1 dst=198.51.100.1 sport=443 dport=40001 "
#define B                 "src=10.0.0.5 dst=192.0.2.2 sport=40002 dport=8443 "
#define RB                "src=192.0.2.2 dst=198.51.100.1 sport=8443 dport=40002 "
#define AT(seconds, what) "[" #seconds "]\t" what "\n"

/* A whole life: told when it was open, and its numbers when it was forgotten. */
static void test_answered(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("conntrack",
		AT(1795608000.000000, "    [NEW] ipv4     2 tcp      6 120 SYN_SENT " A
				      "[UNREPLIED] " RA "id=7") AT(1795608000.020000,
			" [UPDATE] ipv4     2 tcp      6 60 SYN_RECV " A RA
			"id=7") AT(1795608000.021000,
			" [UPDATE] ipv4     2 tcp      6 432000 ESTABLISHED " A RA "[ASSURED] id=7")
			AT(1795608060.500000, " [UPDATE] ipv4     2 tcp      6 120 FIN_WAIT " A RA
					      "[ASSURED] id=7") AT(1795608180.500000,
				"[DESTROY] ipv4     2 tcp      6 " A "packets=10 bytes=900 " RA
				"packets=8 bytes=4320 [ASSURED] id=7"));
	EXPECT_CONNS(t, DATED_S, "0+0.021 tcp 10.0.0.5:40001 > 192.0.2.1:443 ok x1 1/0 1/0",
		"0+180.5 tcp 10.0.0.5:40001 > 192.0.2.1:443 unknown x1 9/500 7/4000 joined rest");
	expect_rejected(t, 0, NULL);
	told_free(t);
}

/* Nothing ever came back: when the client asked last is told by the packets, or the timeout. */
static void test_silent(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("conntrack",
		AT(1795608000.000000, "    [NEW] tcp      6 120 SYN_SENT " A "[UNREPLIED] " RA) AT(
			1795608000.500000, "    [NEW] tcp      6 120 SYN_SENT " B
					   "[UNREPLIED] " RB) AT(1795608001.000000,
			"    [NEW] udp      17 30 src=10.0.0.5 dst=192.0.2.3 sport=40003 dport=443 "
			"[UNREPLIED] src=192.0.2.3 dst=10.0.0.5 sport=443 dport=40003")
			AT(1795608031.000000, "[DESTROY] udp      17 src=10.0.0.5 dst=192.0.2.3 "
					      "sport=40003 dport=443 [UNREPLIED] src=192.0.2.3 "
					      "dst=10.0.0.5 sport=443 dport=40003")
				AT(1795608127.000000, "[DESTROY] tcp      6 " A "[UNREPLIED] " RA)
					AT(1795608187.000000, "[DESTROY] tcp      6 " B
							      "packets=2 bytes=120 [UNREPLIED] " RB
							      "packets=0 bytes=0"));
	EXPECT_CONNS(t, DATED_S, "1+0 udp 10.0.0.5:40003 > 192.0.2.3:443 silent@1 x1 1/0 0/0",
		"0+0 tcp 10.0.0.5:40001 > 192.0.2.1:443 silent@0 x1 1/0 0/0",
		"0.5+3 tcp 10.0.0.5:40002 > 192.0.2.2:8443 silent@3.5 x2 2/0 0/0");
	told_free(t);
}

static void test_refused(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("conntrack",
		AT(1795608000.000000,
			"    [NEW] tcp      6 120 SYN_SENT " A "[UNREPLIED] " RA "id=1")
			AT(1795608000.030000, " [UPDATE] tcp      6 10 CLOSE " A RA "id=1")
				AT(1795608000.030100, "[DESTROY] tcp      6 CLOSE " A RA "id=1")
		/* the same ports again, another entry: a try of the same attempt */
		AT(1795608001.000000,
			"    [NEW] tcp      6 120 SYN_SENT " A "[UNREPLIED] " RA "id=2")
			AT(1795608001.030000, " [UPDATE] tcp      6 10 CLOSE " A RA "id=2")
		/* a SYN, ACK first: it was open, who left is not said */
		AT(1795608002.000000,
			"    [NEW] tcp      6 120 SYN_SENT " B "[UNREPLIED] " RB "id=3")
			AT(1795608002.010000, " [UPDATE] tcp      6 60 SYN_RECV " B RB "id=3") AT(
				1795608002.020000, " [UPDATE] tcp      6 10 CLOSE " B RB "id=3"));
	EXPECT_CONNS(t, DATED_S,
		"0+1.03 tcp 10.0.0.5:40001 > 192.0.2.1:443 refused@1.03 x2 2/0 2/0",
		"2+0.02 tcp 10.0.0.5:40002 > 192.0.2.2:8443 unknown x1 1/0 1/0");
	assert_int_equal(remark_count(t, "how they ended"), 1);
	told_free(t);
}

/* What is open when the log ends is told, and nobody knows how it ended. */
static void test_open(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("conntrack",
		AT(1795608000.000000, "    [NEW] tcp      6 120 SYN_SENT " A "[UNREPLIED] " RA) AT(
			1795608001.000000,
			"    [NEW] icmp     1 30 src=10.0.0.5 dst=192.0.2.9 type=8 code=0 id=77 "
			"[UNREPLIED] src=192.0.2.9 dst=10.0.0.5 type=0 code=0 id=77 id=1000")
			AT(1795608001.010000,
				" [UPDATE] icmp     1 30 src=10.0.0.5 dst=192.0.2.9 type=8 code=0 "
				"id=77 src=192.0.2.9 dst=10.0.0.5 type=0 code=0 id=77 id=1000"));
	EXPECT_CONNS(t, DATED_S, "1+0.01 icmp 10.0.0.5:8 > 192.0.2.9:0 ok x1 1/0 1/0",
		"0+0 tcp 10.0.0.5:40001 > 192.0.2.1:443 unknown x1 1/0 0/0");
	told_free(t);
}

/* What began before the log did is an arrival of unknown time, unless the kernel keeps times. */
static void test_begun_before(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("conntrack",
		AT(1795608000.000000, " [UPDATE] tcp      6 432000 ESTABLISHED " A RA
				      "[ASSURED]") AT(1795608001.000000,
			"[DESTROY] tcp      6 " B "packets=6 bytes=500 " RB
			"packets=5 bytes=300 [ASSURED] delta-time=60") AT(1795608002.000000,
			"[DESTROY] tcp      6 src=10.0.0.5 dst=192.0.2.4 sport=40004 dport=443 "
			"packets=3 bytes=180 [UNREPLIED] src=192.0.2.4 dst=10.0.0.5 sport=443 "
			"dport=40004 packets=0 bytes=0 delta-time=127") AT(1795608003.000000,
			"[DESTROY] tcp      6 src=10.0.0.5 dst=192.0.2.5 sport=40005 dport=443 "
			"[UNREPLIED] src=192.0.2.5 dst=10.0.0.5 sport=443 dport=40005"));
	EXPECT_CONNS(t, DATED_S, "0+0 tcp 10.0.0.5:40001 > 192.0.2.1:443 ok x1 1/0 1/0 joined",
		"-59+60 tcp 10.0.0.5:40002 > 192.0.2.2:8443 ok x1 6/260 5/100",
		"-125+9 tcp 10.0.0.5:40004 > 192.0.2.4:443 silent@-116 x3 3/0 0/0",
		"3+0 tcp 10.0.0.5:40005 > 192.0.2.5:443 unknown x1 1/0 0/0 joined");
	told_free(t);
}

/* A list has no times; versions before 1.4.7 pad microseconds behind. */
static void test_listed(void **state)
{
	(void)state;
	struct told_rows *t = tell_dated("conntrack",
		"tcp      6 431999 ESTABLISHED " A RA "[ASSURED] mark=0 use=1\n"
		"ipv4     2 tcp      6 100 SYN_SENT " B "[UNREPLIED] " RB "mark=0 zone=0 use=2\n"
		"ipv6     10 udp      17 20 src=2001:db8::5 dst=2001:db8:1::1 sport=1025 dport=443 "
		"src=2001:db8:1::1 dst=2001:db8::5 sport=443 dport=1025 mark=0 delta-time=10 "
		"use=1\n"
		"unknown  2 600 src=10.0.0.5 dst=224.0.0.1 [UNREPLIED] src=224.0.0.1 dst=10.0.0.5 "
		"use=1\n");
	EXPECT_CONNS(t, DATED_S, "0+0 tcp 10.0.0.5:40001 > 192.0.2.1:443 ok x0 0/0 1/0 joined",
		"0+0 tcp 10.0.0.5:40002 > 192.0.2.2:8443 unknown x0 0/0 0/0 joined",
		"-10+10 udp 2001:db8::5:1025 > 2001:db8:1::1:443 ok x0 0/0 1/0");
	assert_int_equal(remark_count(t, "rows without a time"), 2);
	assert_int_equal(remark_count(t, "without the addresses and ports"), 1);
	told_free(t);
}

static void test_rejected(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("conntrack",
		"[1795608000.1234  ]\t    [NEW] udp      17 30 " A "[UNREPLIED] " RA "\n"
		"    [NEW] udp      17 30 " A "[UNREPLIED] " RA "\n"
		"conntrack v1.4.7 (conntrack-tools): 1 flow events have been shown.\n" AT(
			1795608000.000000,
			"[NEW] tcp 6 120 SYN_SENT src=10.0.0. dst=192.0.2.1 sport=1 dport=2 "
			"[UNREPLIED] src=1.2.3.4 dst=1.2.3.5 sport=1 dport=2") AT(1795608000.000000,
			"[NEW] tcp 6 120 SYN_SENT src=10.0.0.5 dst=192.0.2.1 sport=1 dport=65536 "
			"src=1.2.3.4 dst=1.2.3.5 sport=1 dport=2"));
	EXPECT_CONNS(
		t, DATED_S, "0.001234+0 udp 10.0.0.5:40001 > 192.0.2.1:443 unknown x1 1/0 0/0");
	expect_rejected(
		t, 4, "the first at line 2: it has no time: conntrack must be told -o timestamp");
	told_free(t);
}

static bool claimed(const char *start)
{
	return format_conntrack.claims(cur_of(start, strlen(start)));
}

static void test_claims(void **state)
{
	(void)state;
	assert_true(claimed("[1795608000.000000]\t    [NEW] tcp      6 120 SYN_SENT " A));
	assert_true(claimed("tcp      6 431999 ESTABLISHED " A));
	assert_true(claimed("ipv4     2 udp      17 20 " A));
	assert_true(claimed(" [UPDATE] udp 17 " A));
	assert_false(claimed("tcp 0 0 10.0.0.5:1 192.0.2.1:443 ESTABLISHED"));
	assert_false(claimed("src=10.0.0.5 dst=192.0.2.1"));
	assert_false(claimed("[1795608000.000000] IN= OUT= SRC=1.2.3.4 DST=1.2.3.5"));
	assert_false(claimed(""));
	assert_false(claimed("tcp      6 431999 ESTABLISHED x x x " A));
}

static void test_cuts(void **state)
{
	(void)state;
	sweep_cuts(&format_conntrack,
		AT(1795608000.000000, "    [NEW] ipv4     2 tcp      6 120 SYN_SENT " A
				      "[UNREPLIED] " RA "id=7") AT(1795608000.021000,
			" [UPDATE] ipv4     2 tcp      6 432000 ESTABLISHED " A RA "[ASSURED] id=7")
			AT(1795608180.500000,
				"[DESTROY] ipv4     2 tcp      6 " A "packets=10 bytes=900 " RA
				"packets=8 bytes=4320 id=7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_answered),
		cmocka_unit_test(test_silent), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_open), cmocka_unit_test(test_begun_before),
		cmocka_unit_test(test_listed), cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_claims), cmocka_unit_test(test_cuts)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
