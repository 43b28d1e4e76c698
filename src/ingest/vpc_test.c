#include "ingest/rows_testing.h"

#define BASE INT64_C(1700000000)
#define ROW(src, dst, sport, dport, proto, packets, bytes, start, end, action)            \
	"2 123456789010 eni-1235b8ca123456789 " src " " dst " " sport " " dport " " proto \
	" " packets " " bytes " 17000000" start " 17000000" end " " action " OK\n"
#define US "10.0.0.5"
#define HEADER                                                                                   \
	"version interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end " \
	"action tcp-flags log-status pkt-srcaddr pkt-dstaddr flow-direction\n"
#define FULL(src, dst, sport, dport, packets, bytes, start, end, action, flags)              \
	"5 eni-1 " src " " dst " " sport " " dport " 6 " packets " " bytes " 17000000" start \
	" 17000000" end " " action " " flags " OK " src " " dst " egress\n"

/* The default fields have no flags: an answer with payload is one, the rest is not known. */
static void test_default_fields(void **state)
{
	(void)state;
	struct told_rows *t = TELL_LINES("vpc",
		ROW(US, "198.51.100.7", "40000", "443", "6", "10", "2000", "00", "20", "ACCEPT"),
		ROW("198.51.100.7", US, "443", "40000", "6", "12", "9000", "00", "20", "ACCEPT"),
		/* five SYNs */
		ROW(US, "198.51.100.8", "40001", "443", "6", "5", "300", "01", "31", "ACCEPT"),
		/* a SYN and its RST, or SYN/ACK: who knows */
		ROW(US, "198.51.100.9", "40002", "443", "6", "1", "60", "02", "02", "ACCEPT"),
		ROW("198.51.100.9", US, "443", "40002", "6", "1", "40", "02", "02", "ACCEPT"),
		ROW(US, "198.51.100.10", "40003", "8443", "6", "3", "180", "03", "10", "REJECT"),
		ROW(US, "198.51.100.11", "40004", "53", "17", "1", "60", "04", "04", "ACCEPT"),
		ROW("198.51.100.11", US, "53", "40004", "17", "1", "160", "04", "04", "ACCEPT"));
	EXPECT_CONNS(t, BASE,
		"0+20 tcp 10.0.0.5:40000 > 198.51.100.7:443 ok x1 10/1480 12/8376 inferred",
		"1+30 tcp 10.0.0.5:40001 > 198.51.100.8:443 silent@31 x5 5/0 0/0 inferred",
		"2+0 tcp 10.0.0.5:40002 > 198.51.100.9:443 unknown x1 1/0 1/0 inferred",
		"3+7 tcp 10.0.0.5:40003 > 198.51.100.10:8443 denied@10 x3 3/0 0/0 inferred",
		"4+0 udp 10.0.0.5:40004 > 198.51.100.11:53 ok x1 1/32 1/132");
	assert_int_equal(remark_count(t, "no answer could be seen"), 1);
	assert_int_equal(remark_count(t, "does not say how they ended"), 1);
	told_free(t);
}

/* tcp-flags: ACK alone leaves none, SYN/ACK is 18. */
static void test_flags(void **state)
{
	(void)state;
	struct told_rows *t = TELL_LINES("vpc", HEADER,
		/* silent */
		FULL(US, "198.51.100.7", "40000", "4433", "3", "180", "00", "07", "ACCEPT", "2"),
		/* refused */
		FULL(US, "198.51.100.8", "40001", "4433", "2", "120", "01", "02", "ACCEPT", "2"),
		FULL("198.51.100.8", US, "4433", "40001", "2", "80", "01", "02", "ACCEPT", "4"),
		/* answered */
		FULL(US, "198.51.100.9", "40002", "4433", "9", "2000", "02", "09", "ACCEPT", "3"),
		FULL("198.51.100.9", US, "4433", "40002", "9", "5000", "02", "09", "ACCEPT", "19"),
		/* SYN/ACK, then RST to the request; the server's row comes first */
		FULL("198.51.100.10", US, "4433", "40003", "2", "92", "03", "05", "ACCEPT", "22"),
		FULL(US, "198.51.100.10", "40003", "4433", "4", "700", "03", "05", "ACCEPT", "2"),
		/* a late RST: no attempt */
		FULL(US, "198.51.100.11", "40004", "4433", "1", "40", "06", "06", "REJECT", "4"));
	EXPECT_CONNS(t, BASE, "0+7 tcp 10.0.0.5:40000 > 198.51.100.7:4433 silent@7 x3 3/0 0/0",
		"1+1 tcp 10.0.0.5:40001 > 198.51.100.8:4433 refused@2 x2 2/0 2/0",
		"2+7 tcp 10.0.0.5:40002 > 198.51.100.9:4433 ok x1 9/1524 9/4524",
		"3+2 tcp 10.0.0.5:40003 > 198.51.100.10:4433 reset@5 x1 4/484 2/0",
		"6+0 tcp 10.0.0.5:40004 > 198.51.100.11:4433 unknown x1 1/0 0/0 joined inferred");
	told_free(t);
}

/* anchors part 4 #49: lost periods are said, rows without data are none, fields in any order. */
static void test_no_data(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("vpc",
		"2 123456789010 eni-1 - - - - - - - 1700000000 1700000060 - NODATA\n"
		"2 123456789010 eni-1 - - - - - - - 1700000000 1700000060 - SKIPDATA\n"
		"2 unknown eni-1 10.0.0.5 198.51.100.7 40000 443 6 5 300 1700000000 1700000060 "
		"REJECT OK\n"
		"end start dstport srcport dstaddr srcaddr protocol\n"
		"1700000062 1700000061 53 40001 198.51.100.7 10.0.0.5 17\n"
		"1700000062 1700000061 40001 53 10.0.0.5 - 17\n"
		"1700000062 1700000061 40001 53 10.0.0.5\n");
	EXPECT_CONNS(t, BASE,
		"0+60 tcp 10.0.0.5:40000 > 198.51.100.7:443 denied@60 x5 5/0 0/0 inferred",
		"61+1 udp 10.0.0.5:40001 > 198.51.100.7:53 silent@62 x1 1/0 0/0");
	assert_int_equal(remark_count(t, "says that it lost records"), 1);
	const struct input *in = ingest_input(t->ingest, 0);
	assert_int_equal(in->rejected, 2);
	assert_int_equal(in->rows_rejected, 1);
	told_free(t);
}

/* #50: CloudWatch's own time in front, with or without the stream's name; Transit Gateway rows
 * among the others. */
static void test_prefix_and_gateway(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("vpc",
		"2023-11-14T22:13:20.000Z 2 123456789010 eni-1 10.0.0.5 198.51.100.7 40000 443 6 "
		"5 300 1700000000 1700000060 REJECT OK\r\n"
		"2023-11-14T22:13:21+00:00 eni-1-all 2 123456789010 eni-1 10.0.0.5 198.51.100.8 "
		"40001 443 6 5 300 1700000001 1700000060 REJECT OK\n"
		"6 TransitGateway 123456789010 tgw-1 tgw-attach-1 1 2 vpc-1 vpc-2 subnet-1 "
		"subnet-2 eni-1 eni-2 az1 az2 tgw-attach-2 10.0.0.5 10.1.0.9 40002 22 6 8 900 "
		"1700000002 1700000062 OK IPv4 0 0 0 0 3 us-east-1 ingress - -\n"
		"6 TransitGateway 123456789010 tgw-1 tgw-attach-2 2 1 vpc-2 vpc-1 subnet-2 "
		"subnet-1 eni-2 eni-1 az2 az1 tgw-attach-1 10.1.0.9 10.0.0.5 22 40002 6 8 1900 "
		"1700000002 1700000062 OK IPv4 0 0 0 0 19 us-east-1 ingress - -\n");
	EXPECT_CONNS(t, BASE,
		"0+60 tcp 10.0.0.5:40000 > 198.51.100.7:443 denied@60 x5 5/0 0/0 inferred",
		"1+59 tcp 10.0.0.5:40001 > 198.51.100.8:443 denied@60 x5 5/0 0/0 inferred",
		"2+60 tcp 10.0.0.5:40002 > 10.1.0.9:22 ok x1 8/476 8/1476");
	told_free(t);
}

/* #51: behind a NAT gateway the packet's own address is the client's, wherever it is logged. */
static void test_nat(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("vpc", HEADER
		"5 eni-nat 10.0.1.5 10.0.0.220 40000 443 6 9 2000 1700000000 1700000009 ACCEPT 3 "
		"OK "
		"10.0.1.5 203.0.113.5 ingress\n"
		"5 eni-1 10.0.1.5 203.0.113.5 40000 443 6 9 2000 1700000000 1700000009 ACCEPT 3 OK "
		"10.0.1.5 203.0.113.5 egress\n"
		"5 eni-nat 10.0.0.220 10.0.1.5 443 40000 6 9 5000 1700000000 1700000009 ACCEPT 19 "
		"OK "
		"203.0.113.5 10.0.1.5 egress\n"
		"5 eni-1 203.0.113.5 10.0.1.5 443 40000 6 9 5000 1700000000 1700000009 ACCEPT 19 "
		"OK "
		"203.0.113.5 10.0.1.5 ingress\n");
	EXPECT_CONNS(t, BASE, "0+9 tcp 10.0.1.5:40000 > 203.0.113.5:443 ok x1 9/1524 9/4524");
	told_free(t);
}

/* A conversation of several windows is one; what comes after it was told is its rest. */
static void test_windows(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("vpc", HEADER
		"5 eni-1 10.0.0.5 203.0.113.5 40000 443 6 9 2000 1700000000 1700000059 ACCEPT 2 OK "
		"- - egress\n"
		"5 eni-1 203.0.113.5 10.0.0.5 443 40000 6 9 5000 1700000000 1700000059 ACCEPT 18 "
		"OK "
		"- - ingress\n"
		"5 eni-1 10.0.0.5 203.0.113.5 40000 443 6 10 1000 1700000060 1700000119 ACCEPT 0 "
		"OK "
		"- - egress\n"
		"5 eni-1 10.0.0.5 203.0.113.6 40000 443 6 1 60 1700000900 1700000900 ACCEPT 2 OK "
		"- - egress\n"
		"5 eni-1 10.0.0.5 203.0.113.5 40000 443 6 10 1000 1700001060 1700001119 ACCEPT 0 "
		"OK "
		"- - egress\n"
		"5 eni-1 203.0.113.5 10.0.0.5 443 40000 6 2 5000 1700001120 1700001121 ACCEPT 1 OK "
		"- - ingress\n"
		"5 eni-1 10.0.0.5 203.0.113.5 40000 443 6 1 60 1700002000 1700002000 ACCEPT 2 OK "
		"- - egress\n");
	EXPECT_CONNS(t, BASE, "0+119 tcp 10.0.0.5:40000 > 203.0.113.5:443 ok x1 19/2004 9/4524",
		"900+0 tcp 10.0.0.5:40000 > 203.0.113.6:443 silent@900 x1 1/0 0/0",
		"1060+61 tcp 10.0.0.5:40000 > 203.0.113.5:443 unknown x1 10/480 2/4896 rest",
		"2000+0 tcp 10.0.0.5:40000 > 203.0.113.5:443 silent@2000 x1 1/0 0/0");
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_default_fields),
		cmocka_unit_test(test_flags), cmocka_unit_test(test_no_data),
		cmocka_unit_test(test_prefix_and_gateway), cmocka_unit_test(test_nat),
		cmocka_unit_test(test_windows)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
