#include "ingest/rows_testing.h"

#define BASE INT64_C(1700000000) /* 2023-11-14 22:13:20 */
#define HEADER                                                                                  \
	"StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes," \
	"SrcBytes,Label\n"
#define ROW(second, dur, proto, sport, dir, dport, state, packets, bytes, src_bytes) \
	"2023/11/14 22:13:" second "," dur "," proto ",10.0.0.5," sport ",  " dir    \
	",198.51.100.7," dport "," state ",0,0," packets "," bytes "," src_bytes ",flow=x\n"

#define LATER(second, proto, sport, dir, dport, state, packets, bytes, src_bytes)                \
	"2023/11/14 22:20:" second ",1," proto ",10.0.0.5," sport "," dir ",198.51.100.7," dport \
	"," state ",0,0," packets "," bytes "," src_bytes ",\n"

/* The state's flags say how it ended; PSH says who sent anything. */
static void test_states(void **state)
{
	(void)state;
	struct told_rows *t = TELL_LINES("argus", HEADER,
		ROW("20.500000", "1.5", "tcp", "40000", "->", "443", "FSPA_FSPA", "20", "9000",
			"2000"),
		ROW("21.000000", "7", "tcp", "40001", "->", "443", "S_", "3", "222", "222"),
		ROW("22.000000", "0.001", "tcp", "40002", "->", "443", "S_RA", "2", "134", "74"),
		ROW("23.000000", "2", "tcp", "40003", "->", "443", "SPA_SRA", "6", "700", "500"),
		ROW("24.000000", "3", "tcp", "40004", "->", "443", "FSPA_FSA", "8", "900", "640"),
		ROW("25.000000", "3", "tcp", "40005", "->", "443", "FSA_SRA", "8", "500", "260"),
		ROW("26.000000", "0.02", "udp", "40006", "<->", "53", "CON", "2", "200", "80"),
		ROW("27.000000", "5", "udp", "40007", "->", "53", "INT", "3", "240", "240"),
		ROW("28.000000", "3", "tcp", "40008", "<?>", "5222", "PA_PA", "20", "9000", "2000"),
		ROW("29.000000", "0.1", "icmp", "0x0008", "<->", "0x0000", "ECO", "2", "196", "98"),
		ROW("29.500000", "0.1", "icmp", "0x0303", "->", "0x1234", "URP", "1", "98", "98"),
		ROW("30.000000", "0.1", "arp", "", "who", "", "CON", "2", "84", "42"),
		ROW("31.000000", "3", "tcp", "443", "<-", "40009", "SA_S", "2", "148", "74"));
	EXPECT_CONNS(t, BASE, "0.5+1.5 tcp 10.0.0.5:40000 > 198.51.100.7:443 ok x1 10/1340 10/6340",
		"1+7 tcp 10.0.0.5:40001 > 198.51.100.7:443 silent@8 x3 3/0 0/0",
		"2+0.001 tcp 10.0.0.5:40002 > 198.51.100.7:443 refused@2.001 x1 1/0 1/0",
		"3+2 tcp 10.0.0.5:40003 > 198.51.100.7:443 reset@5 x1 3/302 3/0",
		"4+3 tcp 10.0.0.5:40004 > 198.51.100.7:443 stalled@7 x1 4/376 4/0",
		"5+3 tcp 10.0.0.5:40005 > 198.51.100.7:443 unknown x1 4/0 4/0",
		"6+0.02 udp 10.0.0.5:40006 > 198.51.100.7:53 ok x1 1/38 1/78",
		"7+5 udp 10.0.0.5:40007 > 198.51.100.7:53 silent@12 x3 3/114 0/0",
		"8+3 tcp 10.0.0.5:40008 > 198.51.100.7:5222 ok x1 10/1340 10/6340 joined inferred",
		"9+0.1 icmp 10.0.0.5:8 > 198.51.100.7:0 ok x1 1/56 1/56",
		"11+3 tcp 198.51.100.7:40009 > 10.0.0.5:443 unknown x1 1/0 1/0");
	assert_int_equal(remark_count(t, "say nothing about connections"), 1);
	assert_int_equal(remark_count(t, "no answer could be seen"), 2);
	told_free(t);
}

/* Other columns in another order: each side's own counters, and the applications' bytes. */
static void test_columns(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("argus",
		"LastTime,Flgs,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,SrcPkts,DstPkts,SrcBytes,"
		"DstBytes,SAppBytes,DAppBytes,State,Dur\n"
		"1700000001.5, e        ,tcp,10.0.0.5,40000,->,198.51.100.7,443,9,8,900,4000,300,"
		"3500,CON,1.5\r\n"
		"1700000003.5, e        ,tcp,10.0.0.5,40001,->,198.51.100.7,443,3,0,222,0,0,0,REQ,"
		"1.0\n"
		"1700000004.5, e        "
		",tcp,10.0.0.5,http,->,198.51.100.7,443,3,0,222,0,0,0,REQ,1\n"
		"1700000004.5, e        ,tcp,10.0.0.5\n");
	EXPECT_CONNS(t, BASE, "0+1.5 tcp 10.0.0.5:40000 > 198.51.100.7:443 ok x1 9/300 8/3500",
		"2.5+1 tcp 10.0.0.5:40001 > 198.51.100.7:443 silent@3.5 x3 3/0 0/0");
	const struct input *in = ingest_input(t->ingest, 0);
	assert_int_equal(in->rows_rejected, 2);
	told_free(t);
}

/* Rows of one long flow are one conversation while it waits, then its rest. */
static void test_long_flow(void **state)
{
	(void)state;
	struct told_rows *t = TELL_LINES("argus", HEADER,
		ROW("20.000000", "10", "tcp", "40000", "->", "443", "SPA_SPA", "20", "9000",
			"2000"),
		ROW("31.000000", "10", "tcp", "40000", "->", "443", "PA_PA", "20", "9000", "2000"),
		LATER("00", "udp", "1", "<->", "53", "CON", "2", "200", "80"),
		LATER("01", "tcp", "40000", "->", "443", "FPA_FPA", "2", "300", "150"));
	EXPECT_CONNS(t, BASE, "0+21 tcp 10.0.0.5:40000 > 198.51.100.7:443 ok x1 20/2680 20/12680",
		"400+1 udp 10.0.0.5:1 > 198.51.100.7:53 ok x1 1/38 1/78",
		"401+1 tcp 10.0.0.5:40000 > 198.51.100.7:443 unknown x1 1/84 1/84 rest");
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_states),
		cmocka_unit_test(test_columns), cmocka_unit_test(test_long_flow)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
