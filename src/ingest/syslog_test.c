#include "base/scan.h"
#include "ingest/dated_testing.h"
#include "ingest/source.h"
#include "ingest/syslog.h"

/* ---- stamps ---- */

#define NOON (DATED_S * SEC) /* 2026-11-25 12:00:00 */

static void expect_stamp(const char *text, int64_t time_ns, bool yearless, bool zoneless,
	const char *tag, const char *message)
{
	struct syslog_line line;
	const char *why = syslog_read(span_of(text), NOON, &line);
	if (why != NULL)
		fail_msg("%s: %s", text, why);
	assert_int_equal(line.time_ns, time_ns);
	assert_int_equal(line.yearless, yearless);
	assert_int_equal(line.zoneless, zoneless);
	assert_true(span_is(line.tag, tag));
	assert_true(span_is(line.message, message));
}

static void test_stamps(void **state)
{
	(void)state;
	const int64_t half = SEC / 2;
	expect_stamp("Nov 25 12:00:00 gw kernel: m m", NOON, true, true, "kernel", "m m");
	expect_stamp("Nov 25 12:00:00 gw kernel[0]: m", NOON, true, true, "kernel", "m");
	expect_stamp("<4>Nov 25 12:00:00 gw kernel: m", NOON, true, true, "kernel", "m");
	expect_stamp("Nov 25 12:00:00.5 gw kernel: m", NOON + half, true, true, "kernel", "m");
	expect_stamp("Nov 25 2026 12:00:00: gw m", NOON, false, true, "", "m");
	expect_stamp(
		"Nov  5 12:00:00 gw x: m", NOON - INT64_C(20) * 86400 * SEC, true, true, "x", "m");
	expect_stamp("2026-11-25T13:00:00.5+01:00 gw kernel: m", NOON + half, false, false,
		"kernel", "m");
	expect_stamp("2026-11-25T12:00:00+0000 gw kernel: m", NOON, false, false, "kernel", "m");
	expect_stamp("2026-11-25 12:00:00 gw kernel: m", NOON, false, true, "kernel", "m");
	expect_stamp("Wed 2026-11-25 12:00:00 UTC gw kernel: m", NOON, false, false, "kernel", "m");
	expect_stamp("Wed 2026-11-25 12:00:00 CET gw kernel: m", NOON, false, true, "kernel", "m");
	expect_stamp("1795608000.500000 gw kernel: m", NOON + half, false, false, "kernel", "m");
	expect_stamp("[Wed Nov 25 12:00:00 2026] m m", NOON, false, true, "", "m m");
	expect_stamp("<13>1 2026-11-25T12:00:00.5Z gw kernel - - - m m", NOON + half, false, false,
		"kernel", "m m");
	expect_stamp("<13>1 2026-11-25T12:00:00Z gw app 7 ID [a@1 k=\"] \\\" \\]\"][b] m", NOON,
		false, false, "app", "m");
	expect_stamp("Nov 25 12:00:00 gw CEF:0|a|b", NOON, true, true, "", "CEF:0|a|b");
}

static void test_no_stamp(void **state)
{
	(void)state;
	struct syslog_line line;
	static const char *const bad[] = {"", "kernel: m", "Nov 31", "Nov 25 12:00 gw k: m",
		"Nov 0 12:00:00 gw k: m", "Feb 30 12:00:00 gw k: m", "Xxx 25 12:00:00 gw k: m",
		"<192>Nov 25 12:00:00 gw k: m", "2026-13-25T12:00:00Z gw k: m",
		"[Wed Nov 25 12:00:00] m", "[ 1234.5678] m"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (syslog_read(span_of(bad[i]), NOON, &line) == NULL)
			fail_msg("taken: %s", bad[i]);
	assert_string_equal(
		syslog_read(span_of("<1>1 2026-11-25T12:00:00Z h a p m [x"), NOON, &line),
		"its structured data does not end");
}

/* The year is the last one in which the stamp is not in the future of the file. */
static void test_year(void **state)
{
	(void)state;
	struct syslog_line line;
	const struct {
		const char *stamp;
		int64_t time_s;
	} rows[] = {{"Nov 25 23:00:00 h k: m", DATED_S + 39600}, /* within a day: clocks differ */
		{"Nov 27 12:00:00 h k: m", DATED_S + INT64_C(2) * 86400 - INT64_C(365) * 86400},
		{"Dec 31 23:59:59 h k: m", INT64_C(1767225599)},
		{"Jan  1 00:00:00 h k: m", INT64_C(1767225600)},
		{"Feb 29 00:00:00 h k: m", INT64_C(1709164800)}}; /* 2024 had one */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_null(syslog_read(span_of(rows[i].stamp), NOON, &line));
		assert_int_equal(line.time_ns, rows[i].time_s * SEC);
	}
	assert_string_equal(syslog_read(span_of("Nov 25 12:00:00 h k: m"), 0, &line),
		"its time has no year, and the input no date");
}

/* ---- the kernel's packet log ---- */

#define FIVE_A     "SRC=10.0.0.5 DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP "
#define MAC        "MAC=02:00:00:00:00:01:02:00:00:00:00:05:08:00 "
#define SYN(ports) FIVE_A ports " WINDOW=64240 RES=0x00 SYN URGP=0"

/* Retries of one attempt are one; its prefix says that it was denied. */
static void test_denied(void **state)
{
	(void)state;
	struct told_rows *t = tell_dated("syslog",
		"Nov 25 11:00:00 gw kernel: [ 100.250000] [UFW BLOCK] IN=eth1 OUT=eth0 " MAC SYN(
			"SPT=40001 DPT=443") "\n"
					     "Nov 25 11:00:01 gw kernel: [ 101.260000] [UFW BLOCK] "
					     "IN=eth1 OUT=eth0 " MAC SYN(
						     "SPT=40001 DPT=443") "\n"
									  "Nov 25 11:00:03 gw "
									  "kernel: [ 103.280000] "
									  "[UFW BLOCK] IN=eth1 "
									  "OUT=eth0 " MAC SYN(
										  "SPT=40001 "
										  "DPT=443") "\n"
											     "Nov "
											     "25 "
											     "11:"
											     "00:"
											     "04 "
											     "gw "
											     "sshd["
											     "7]: "
											     "Accep"
											     "ted "
											     "publi"
											     "ckey "
											     "for "
											     "root"
											     "\n"
											     "Nov "
											     "25 "
											     "11:"
											     "00:"
											     "09 "
											     "gw "
											     "kerne"
											     "l: [ "
											     "108."
											     "30000"
											     "0] "
											     "[UFW "
											     "ALLOW"
											     "] "
											     "IN="
											     "eth1 "
											     "OUT="
											     "eth0"
											     " " MAC SYN(
												     "SPT=40002 DPT=8443") "\n");
	EXPECT_CONNS(t, DATED_S - 3600,
		"0+3.03 tcp 10.0.0.5:40001 > 198.51.100.7:443 denied@3.03 x3 3/0 0/0",
		"8.05+0 tcp 10.0.0.5:40002 > 198.51.100.7:8443 unknown x1 1/0 0/0");
	assert_int_equal(t->event[0].conn.client_mac, 0x020000000005);
	assert_int_equal(remark_count(t, "no year"), 4);
	assert_int_equal(remark_count(t, "no zone"), 4);
	assert_int_equal(remark_count(t, "how they ended"), 1);
	assert_int_equal(remark_count(t, "nothing about connections"), 1);
	expect_rejected(t, 0, NULL);
	told_free(t);
}

static void test_prefixes(void **state)
{
	(void)state;
	static const struct {
		const char *prefix;
		const char *outcome;
	} rows[] = {{"iptables-dropped: ", "denied@0"}, {"Shorewall:net2fw:DROP:", "denied@0"},
		{"FINAL_REJECT: ", "denied@0"}, {"filter_FWD_public_REJECT: ", "denied@0"},
		{"[UFW AUDIT] ", "unknown"}, {"", "unknown"}, {"dropbear ", "unknown"},
		{"ACCEPT ", "unknown"}, {"allow-or-drop ", "unknown"},
		{"egress denied ", "denied@0"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[512], want[128];
		(void)snprintf(text, sizeof text,
			"2026-11-25T12:00:00+00:00 gw kernel: %sIN= OUT=eth0 %s\n", rows[i].prefix,
			SYN("SPT=40001 DPT=443"));
		(void)snprintf(want, sizeof want,
			"0+0 tcp 10.0.0.5:40001 > 198.51.100.7:443 %s x1 1/0 0/0", rows[i].outcome);
		struct told_rows *t = tell_dated("syslog", text);
		EXPECT_CONNS(t, DATED_S, want);
		assert_int_equal(t->event[0].conn.client_mac, 0);
		told_free(t);
	}
}

/* Only what begins a conversation is an attempt. */
static void test_packets(void **state)
{
	(void)state;
#define LINE(rest) "2026-11-25T12:00:00+00:00 gw kernel: DROP IN= OUT=eth0 SRC=10.0.0.5 " rest "\n"
	struct told_rows *t = tell_dated("syslog",
		LINE("DST=192.0.2.1 PROTO=TCP SPT=1025 DPT=80 ACK SYN URGP=0") LINE(
			"DST=192.0.2.1 PROTO=TCP SPT=1025 DPT=80 ACK FIN URGP=0")
			LINE("DST=192.0.2.1 PROTO=TCP SPT=1025 DPT=80 RST URGP=0") LINE(
				"DST=192.0.2.2 LEN=70 PROTO=UDP SPT=1026 DPT=8853 LEN=50")
				LINE("DST=192.0.2.2 LEN=70 PROTO=UDP SPT=1026 DPT=8853 LEN=50")
					LINE("DST=192.0.2.3 LEN=70 PROTO=UDP SPT=53 DPT=40000 "
					     "LEN=50") LINE("DST=192.0.2.4 LEN=84 PROTO=ICMP "
							    "TYPE=8 CODE=0 ID=7 SEQ=1")
						LINE("DST=192.0.2.4 LEN=84 PROTO=ICMP TYPE=3 "
						     "CODE=1 "
						     "[SRC=192.0.2.4 DST=10.0.0.5 "
						     "PROTO=TCP SPT=1 DPT=2 ]") LINE("DST=192.0.2."
										     "5 LEN=84 "
										     "PROTO=47")
							LINE("DST=192.0.2.5 LEN=84 FRAG:185 "
							     "PROTO=UDP") LINE("DST=192.0.2.6 "
									       "PROTO=TCP SPT=1027 "
									       "DPT=443 SYN URGP=0 "
									       "UID=1000 "
									       "GID=1000")
								LINE("DST=192.0.2.7 PROTO=TCP "
								     "SPT=1027 DPT=99999 SYN "
								     "URGP=0")
									LINE("DST=192.0.2. "
									     "PROTO=TCP "
									     "SPT=1027 DPT=443 SYN "
									     "URGP=0")); /* part 4,
	                                                                                    3 */
	EXPECT_CONNS(t, DATED_S, "0+0 udp 10.0.0.5:1026 > 192.0.2.2:8853 denied@0 x2 2/0 0/0",
		"0+0 icmp 10.0.0.5:8 > 192.0.2.4:0 denied@0 x1 1/0 0/0",
		"0+0 tcp 10.0.0.5:1027 > 192.0.2.6:443 denied@0 x1 1/0 0/0 by uid 1000");
	assert_int_equal(remark_count(t, "nothing about connections"), 5);
	assert_int_equal(remark_count(t, "without the addresses and ports"), 2);
	assert_int_equal(remark_count(t, "no zone"), 0);
	expect_rejected(t, 2, "the first at line 12: no number in SPT or DPT");
	told_free(t);
}

/* Part 4, 19 and 52: a byte order mark, CRLF, no final newline; mapped addresses are IPv4. */
static void test_ends(void **state)
{
	(void)state;
	struct told_rows *t = tell_dated("syslog",
		"\xef\xbb\xbf"
		"2026-11-25T12:00:00Z gw kernel: x IN= OUT=eth0 SRC=::ffff:10.0.0.5 "
		"DST=2001:0db8:0000:0000:0000:0000:0000:0001 LEN=80 TC=0 HOPLIMIT=64 FLOWLBL=1 "
		"PROTO=TCP "
		"SPT=40001 DPT=443 SYN URGP=0\r\n"
		"2026-11-25T12:00:01Z gw kernel: x IN= OUT=eth0 SRC=10.0.0.5 DST=192.0.2.1 "
		"PROTO=UDP "
		"SPT=40001 DPT=443");
	EXPECT_CONNS(t, DATED_S, "0+0 tcp 10.0.0.5:40001 > 2001:db8::1:443 unknown x1 1/0 0/0",
		"1+0 udp 10.0.0.5:40001 > 192.0.2.1:443 unknown x1 1/0 0/0");
	told_free(t);
}

/* A restarted machine's clock begins anew. */
static void test_uptime(void **state)
{
	(void)state;
#define AT(stamp, up, port)                                                                       \
	"Nov 25 " stamp " gw kernel: [" up "] IN= OUT=eth0 SRC=10.0.0.5 DST=192.0.2.1 PROTO=TCP " \
	"SPT=" port " DPT=443 SYN\n"
	struct told_rows *t = tell_dated("syslog",
		AT("11:00:00", "  900.000000", "1025") AT("11:00:05", "  905.125000", "1026") AT(
			"11:01:00", "    3.000000", "1027") AT("11:01:01", "    4.500000", "1028"));
	EXPECT_CONNS(t, DATED_S - 3600, "0+0 tcp 10.0.0.5:1025 > 192.0.2.1:443 unknown x1 1/0 0/0",
		"5.125+0 tcp 10.0.0.5:1026 > 192.0.2.1:443 unknown x1 1/0 0/0",
		"60+0 tcp 10.0.0.5:1027 > 192.0.2.1:443 unknown x1 1/0 0/0",
		"61.5+0 tcp 10.0.0.5:1028 > 192.0.2.1:443 unknown x1 1/0 0/0");
	told_free(t);
}

/* ---- filterlog ---- */

static void test_filterlog(void **state)
{
	(void)state;
#define PF "2026-11-25T12:00:00+00:00 fw filterlog[71]: 5,,,1000000103,igb1,match,"
	struct told_rows *t = tell_dated("syslog", PF
		"block,in,4,0x0,,64,0,0,DF,6,tcp,60,10.0.0.5,192.0.2.1,1025,443,0,S,1,,64240,,"
		"mss\n" PF "pass,in,4,0x0,,64,0,0,DF,6,tcp,60,10.0.0.5,192.0.2.1,1026,443,0,S,1,,"
		"64240,,mss\n" PF "block,in,4,0x0,,64,0,0,DF,6,tcp,60,10.0.0.5,192.0.2."
		"1,1026,443,0,SA,1,,64240,,mss\n" PF
		"block,in,4,0x0,,64,0,0,none,17,udp,60,10.0.0.5,192.0.2.2,1027,8853,40\n" PF
		"block,in,6,0x00,0x00000,255,udp,17,32,2001:db8::5,2001:db8:1::1,1028,8853,32\n" PF
		"block,in,4,0x0,,64,0,0,none,1,icmp,60,10.0.0.5,192.0.2.2,request,7,1\n" PF
		"block,in,4,0x0,,64,0\n");
	EXPECT_CONNS(t, DATED_S, "0+0 tcp 10.0.0.5:1025 > 192.0.2.1:443 denied@0 x1 1/0 0/0",
		"0+0 tcp 10.0.0.5:1026 > 192.0.2.1:443 unknown x1 1/0 0/0",
		"0+0 udp 10.0.0.5:1027 > 192.0.2.2:8853 denied@0 x1 1/0 0/0",
		"0+0 udp 2001:db8::5:1028 > 2001:db8:1::1:8853 denied@0 x1 1/0 0/0");
	expect_rejected(t, 1, "the first at line 7: it has too few fields");
	told_free(t);
}

/* ---- claims ---- */

static void test_claims(void **state)
{
	(void)state;
	static const char *const mine[] = {"Nov 25 11:00:00 gw kernel: m",
		"Nov 25 11:00:00 gw IN=eth0 OUT= SRC=1.2.3.4 DST=1.2.3.5 PROTO=TCP ",
		"<13>1 2026-11-25T12:00:00Z gw kernel - - - m"};
	static const char *const others[] = {"some words\n", "Nov 25 11:00:00 gw m",
		"2026-11-25 12:00:00,10.0.0.5,a: b", "{\"a\":1}", "#fields\tts",
		"1764072000.123 5 10.0.0.5 TCP_MISS/200 7 GET http://a/ - HIER_DIRECT/192.0.2.1 -"};
	for (size_t i = 0; i < ARRAY_LEN(mine); i++)
		assert_true(format_syslog.claims(cur_of(mine[i], strlen(mine[i]))));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_false(format_syslog.claims(cur_of(others[i], strlen(others[i]))));
}

static void test_cuts(void **state)
{
	(void)state;
	sweep_cuts(&format_syslog,
		"<4>Nov 25 11:00:00 gw kernel: [ 1.5] DROP IN=a OUT=b " MAC FIVE_A
		"SPT=1 DPT=2 SYN\n"
		"<13>1 2026-11-25T12:00:00.5Z gw a - - [a k=\"\\]\"] ACCEPT IN= OUT=b " FIVE_A
		"SPT=1 DPT=2 SYN UID=7\n"
		"[Wed Nov 25 12:00:00 2026] IN=a OUT= SRC=::1 DST=::2 PROTO=ICMPv6 TYPE=128 CODE=0 "
		"[x]\n" PF "block,in,4,0x0,,64,0,0,DF,6,tcp,60,10.0.0.5,192.0.2.1,1025,443,0,S,1,,"
		"64240,,mss\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_no_stamp), cmocka_unit_test(test_year),
		cmocka_unit_test(test_denied), cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_packets), cmocka_unit_test(test_ends),
		cmocka_unit_test(test_uptime), cmocka_unit_test(test_filterlog),
		cmocka_unit_test(test_claims), cmocka_unit_test(test_cuts)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
