#include "ingest/rows_testing.h"

#define BASE   INT64_C(1700000000) /* 2023-11-14 22:13:20 */
#define HEADER "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,ra\n"
#define ROW(second, td, hosts, ports, pr, flg, fwd, counts)                                      \
	"2023-11-14 22:13:" second ",2023-11-14 22:13:59," td "," hosts "," ports "," pr "," flg \
	"," fwd ",0," counts ",192.0.2.1\n"
#define OUT(n) "10.0.0.5,198.51.100." n
#define IN(n)  "198.51.100." n ",10.0.0.5"

static void test_columns_of_old(void **state)
{
	(void)state;
	struct told_rows *t = TELL_LINES("nfdump", HEADER,
		ROW("20", "7.250", OUT("7"), "40000,443", "TCP", "......S.", "0", "3,180,0,0"),
		ROW("21", "0.010", OUT("8"), "40001,443", "TCP", "......S.", "0", "1,60,0,0"),
		ROW("21", "0.000", IN("8"), "443,40001", "TCP", "...A.R..", "0", "1,40,0,0"),
		ROW("22", "2.000", OUT("9"), "40002,443", "TCP", "...AP.SF", "0", "9,2000,0,0"),
		ROW("22", "2.000", IN("9"), "443,40002", "TCP", "...AP.SF", "0", "9,5000,0,0"),
		ROW("23", "0.000", OUT("10"), "40003,443", "TCP", "......S.", "130", "1,60,0,0"),
		ROW("24", "1.000", OUT("11"), "0,8.0", "ICMP", "........", "0", "2,168,0,0"),
		ROW("24", "1.000", IN("11"), "0,0.0", "ICMP", "........", "0", "2,168,0,0"),
		ROW("59", "1.000", OUT("11"), "40005,53", "UDP", "........", "0", "2,168,3,300"),
		"Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n9,7844,31,1,2,3\n");
	EXPECT_CONNS(t, BASE, "0+7.25 tcp 10.0.0.5:40000 > 198.51.100.7:443 silent@7.25 x3 3/0 0/0",
		"1+0.01 tcp 10.0.0.5:40001 > 198.51.100.8:443 refused@1 x1 1/0 1/0",
		"2+2 tcp 10.0.0.5:40002 > 198.51.100.9:443 ok x1 9/1524 9/4524 inferred",
		"3+0 tcp 10.0.0.5:40003 > 198.51.100.10:443 denied@3 x1 1/0 0/0",
		"4+1 icmp 10.0.0.5:8 > 198.51.100.11:0 ok x1 2/112 2/112",
		"39+1 udp 10.0.0.5:40005 > 198.51.100.11:53 ok x1 2/112 3/216");
	assert_int_equal(ingest_input(t->ingest, 0)->rejected, 0);
	told_free(t);
}

/* Release 1.7.4 and later; two outputs behind one another; rows that are none. */
static void test_columns_of_new(void **state)
{
	(void)state;
#define NEW "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,bps,bpp,flows\n"
	struct told_rows *t = tell_text("nfdump", NEW
		"2023-11-14 22:13:20.250,0.012,UDP,10.0.0.5,40001,198.51.100.53,53,1,60,0,0,1\n"
		"2023-11-14 22:13:20.255,0.012,UDP,198.51.100.53,53,10.0.0.5,40001,1,160,0,0,1\n"
		"No matching flows\n" NEW
		"2023-11-14 22:13:21.250,0.012,UDP,10.0.0.5,x,198.51.100.53,53,1,60,0,0,1\n"
		"2023-11-14 22:13:21.250,0.012,UDP,10.0.0.5\n");
	EXPECT_CONNS(t, BASE, "0.25+0.017 udp 10.0.0.5:40001 > 198.51.100.53:53 ok x1 1/32 1/132");
	assert_int_equal(ingest_input(t->ingest, 0)->rows_rejected, 2);
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_of_old), cmocka_unit_test(test_columns_of_new)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
