/* Records of flow exports, as sources hand them over. */
#include "ingest/rows_testing.h"

#define BASE  INT64_C(1700000000)
#define AT(s) ((BASE + (s)) * SEC)

/* A format whose rows are the halves themselves. */
static void parse(struct sink *sink, const struct frame *row)
{
	sink_half(sink, row->schema);
}

static const struct format format_halves = {.name = "halves", .parse = parse};

static void add(struct told_rows *t, int64_t at_s, const struct half *half)
{
	struct frame row = {.format = &format_halves, .time_ns = AT(at_s), .schema = half};
	rows_add(t->sink, &row);
}

static struct half tcp(uint16_t port, uint8_t flags, uint64_t packets, uint64_t bytes)
{
	return (struct half){.src = addr_v4(0x0a000005),
		.dst = addr_v4(0xc6336407),
		.src_port = port,
		.dst_port = 4433,
		.ip_proto = 6,
		.tcp_flags = flags,
		.flags_known = flags != 0,
		.packets = packets,
		.bytes = bytes,
		.start_ns = AT(0),
		.end_ns = AT(1),
		.exporter = 1};
}

static struct half back(struct half half)
{
	struct addr addr = half.src;
	uint16_t port = half.src_port;
	half.src = half.dst;
	half.dst = addr;
	half.src_port = half.dst_port;
	half.dst_port = port;
	return half;
}

static void add_answered(struct told_rows *t, int64_t at_s, uint16_t port)
{
	struct half out = tcp(port, 0x1b, 9, 2000), in = back(tcp(port, 0x1b, 9, 5000));
	in.start_ns++;
	add(t, at_s, &out);
	add(t, at_s, &in);
}

#define ANSWERED(port) "0+1 tcp 10.0.0.5:" port " > 198.51.100.7:4433 ok x1 9/1524 9/4524"

/* anchors part 4 #41: an exporter of one direction shows no silence, however many flows it has; one
 * that shows answers does. */
static void test_one_way(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	struct half silent = tcp(40000, 0x02, 3, 180), whole = tcp(40001, 0x1b, 9, 2000);
	add(t, 10, &silent);
	add(t, 10, &whole);
	silent = tcp(41000, 0x02, 3, 180);
	silent.exporter = 2;
	add(t, 20, &silent);
	struct half out = tcp(41001, 0x1b, 9, 2000), in = back(tcp(41001, 0x1b, 9, 5000));
	in.start_ns++;
	out.exporter = in.exporter = 2;
	add(t, 30, &out);
	add(t, 30, &in);
	rows_finish(t->sink);
	EXPECT_CONNS(t, BASE,
		"0+1 tcp 10.0.0.5:40000 > 198.51.100.7:4433 unknown x1 3/0 0/0 one-way",
		"0+1 tcp 10.0.0.5:40001 > 198.51.100.7:4433 unknown x1 9/1524 0/0 inferred one-way",
		"0+1 tcp 10.0.0.5:41000 > 198.51.100.7:4433 silent@1 x3 3/0 0/0",
		ANSWERED("41001"));
	assert_int_equal(remark_count(t, "shows one direction only"), 2);
	assert_int_equal(remark_count(t, "no answer could be seen"), 1);
	told_free(t);
}

/* Of exporters that lose more answers than they show, none that is missing says anything. */
static void test_mostly_one_way(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	add_answered(t, 10, 40000);
	for (uint16_t i = 1; i <= 2; i++) {
		struct half half = tcp((uint16_t)(40000 + i), 0x1b, 9, 2000);
		add(t, 10, &half);
	}
	struct half silent = tcp(40003, 0x02, 3, 180);
	add(t, 11, &silent);
	struct half later = tcp(40004, 0x02, 3, 180);
	add(t, 200, &later);
	rows_finish(t->sink);
	assert_int_equal(t->events, 5);
	assert_string_equal(conn_line(&t->event[3].conn, BASE),
		"0+1 tcp 10.0.0.5:40003 > 198.51.100.7:4433 unknown x1 3/0 0/0 one-way");
	told_free(t);
}

/* What is told first is what began first; the hold is by the rows' time. */
static void test_hold(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	struct half late = tcp(40001, 0x02, 1, 60), early = tcp(40000, 0x02, 1, 60);
	late.start_ns = late.end_ns = AT(5);
	add(t, 10, &late);
	add(t, 20, &early);
	add(t, 139, &(struct half){.ip_proto = 1, .dst_port = 3 << 8}); /* moves the clock only */
	assert_int_equal(t->events, 0);
	add(t, 140, &(struct half){.ip_proto = 1, .dst_port = 3 << 8});
	assert_int_equal(t->events, 2);
	assert_int_equal(t->event[0].conn.client_port, 40000);
	assert_int_equal(t->event[1].conn.client_port, 40001);
	told_free(t);
}

/* Who is the client, by what there is, best first. */
static void test_client(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	/* an answer that comes first, flags of all packets: the SYN was earlier */
	struct half in = back(tcp(4000, 0x1b, 9, 5000)), out = tcp(4000, 0x1b, 9, 2000);
	in.start_ns += SEC / 2;
	add(t, 0, &in);
	add(t, 0, &out);
	/* a RST alone answers a SYN, whenever it is said to have come */
	in = back(tcp(4001, 0x14, 1, 40));
	in.start_ns = in.end_ns = AT(0) - SEC;
	out = tcp(4001, 0x02, 1, 60);
	add(t, 0, &in);
	add(t, 0, &out);
	/* the exporter says it */
	out = tcp(4002, 0, 9, 2000);
	out.responder = true;
	add(t, 0, &out);
	rows_finish(t->sink);
	EXPECT_CONNS(t, BASE, "-1+2 tcp 10.0.0.5:4001 > 198.51.100.7:4433 refused@-1 x1 1/0 1/0",
		"0+1 tcp 198.51.100.7:4433 > 10.0.0.5:4002 unknown x1 0/0 9/1532 joined one-way",
		"0+1 tcp 10.0.0.5:4000 > 198.51.100.7:4433 ok x1 9/1524 9/4524");
	told_free(t);
}

/* Where nothing says it: ports, and who is at home. */
static void test_client_guessed(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	struct half out = back(tcp(5000, 0, 1, 40));
	add(t, 0, &out);
	/* a system port is a server's, even at home */
	out = back(tcp(443, 0, 9, 2000));
	out.both_exported = true;
	add(t, 0, &out);
	rows_finish(t->sink);
	assert_int_equal(t->events, 2);
	assert_int_equal(t->event[0].conn.client_port, 5000);
	assert_true(t->event[0].conn.inferred);
	assert_string_equal(conn_line(&t->event[1].conn, BASE),
		"0+1 tcp 198.51.100.7:4433 > 10.0.0.5:443 unknown x1 9/1532 0/0 inferred one-way");
	told_free(t);
}

/* SYNs of one try are one attempt, whether answered at last or not; the next try, and the next use
 * of the ports, are others. */
static void test_tries(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	add_answered(t, 0, 50000);
	for (int i = 0; i < 4; i++) {
		static const int64_t at[] = {0, 16, 33, 120};
		struct half syn = tcp(40000, 0x02, 2, 120);
		syn.start_ns = AT(at[i]);
		syn.end_ns = AT(at[i] + 1);
		add(t, at[i] + 1, &syn);
	}
	struct half syn = tcp(40000, 0x1b, 9, 2000), in = back(tcp(40000, 0x1b, 9, 5000));
	syn.start_ns = AT(123);
	in.start_ns = AT(123) + 1;
	syn.end_ns = in.end_ns = AT(124);
	add(t, 125, &syn);
	add(t, 125, &in);
	syn = tcp(40000, 0x02, 1, 60);
	syn.start_ns = syn.end_ns = AT(126);
	add(t, 126, &syn);
	rows_finish(t->sink);
	EXPECT_CONNS(t, BASE, ANSWERED("50000"),
		"0+34 tcp 10.0.0.5:40000 > 198.51.100.7:4433 silent@34 x6 6/0 0/0",
		"120+4 tcp 10.0.0.5:40000 > 198.51.100.7:4433 ok x1 11/1540 9/4524",
		"126+0 tcp 10.0.0.5:40000 > 198.51.100.7:4433 unknown x1 1/0 0/0");
	told_free(t);
}

/* The same packets, seen where they came in and where they went out, count once. */
static void test_two_points(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	for (uint64_t point = 7; point < 9; point++) {
		struct half out = tcp(40000, 0x1b, 9, 2000), in = back(tcp(40000, 0x1b, 9, 5000));
		out.point = in.point = point;
		in.start_ns++;
		add(t, 0, &out);
		add(t, 0, &in);
	}
	rows_finish(t->sink);
	EXPECT_CONNS(t, BASE, ANSWERED("40000"));
	told_free(t);
}

/* A firewall's word counts, but not about the end of what it had let pass. */
static void test_denied(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	add_answered(t, 0, 40000);
	struct half late = tcp(40000, 0x11, 1, 40), denied = tcp(40001, 0x02, 3, 180);
	late.denied = denied.denied = true;
	late.end_ns = AT(9);
	add(t, 9, &late);
	add(t, 9, &denied);
	struct half udp = tcp(40002, 0, 1, 60);
	udp.ip_proto = 17;
	udp.denied = true;
	add(t, 9, &udp);
	rows_finish(t->sink);
	EXPECT_CONNS(t, BASE, "0+9 tcp 10.0.0.5:40000 > 198.51.100.7:4433 ok x1 10/1512 9/4524",
		"0+1 tcp 10.0.0.5:40001 > 198.51.100.7:4433 denied@1 x3 3/0 0/0",
		"0+1 udp 10.0.0.5:40002 > 198.51.100.7:4433 denied@1 x1 1/32 0/0 inferred");
	told_free(t);
}

/* Full tables tell early, and then guess less: nothing is lost. */
static void test_full(void **state)
{
	(void)state;
	struct told_rows *t = told_new(4);
	uint64_t packets = 0;
	for (uint16_t i = 0; i < 64; i++) {
		struct half half = tcp((uint16_t)(40000 + i % 16), 0x02, i, (uint64_t)60 * i);
		half.start_ns = AT(i % 7);
		half.end_ns = AT(10);
		add(t, 10, &half);
		packets += i;
	}
	rows_finish(t->sink);
	for (size_t i = 0; i < t->events; i++) {
		packets -= t->event[i].conn.packets_out;
		assert_int_equal(t->event[i].conn.outcome, OUTCOME_UNKNOWN);
	}
	assert_int_equal(packets, 0);
	told_free(t);
}

/* Announcements and errors are no conversations. */
static void test_left_out(void **state)
{
	(void)state;
	struct told_rows *t = told_new(0);
	struct half group = tcp(40000, 0, 1, 60), error = tcp(0, 0, 1, 60);
	group.dst = addr_v4(0xe0000001);
	error.ip_proto = 1;
	error.dst_port = 3 << 8;
	add(t, 0, &group);
	add(t, 0, &error);
	rows_finish(t->sink);
	assert_int_equal(t->events, 0);
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_mostly_one_way), cmocka_unit_test(test_hold),
		cmocka_unit_test(test_client), cmocka_unit_test(test_client_guessed),
		cmocka_unit_test(test_tries), cmocka_unit_test(test_two_points),
		cmocka_unit_test(test_denied), cmocka_unit_test(test_full),
		cmocka_unit_test(test_left_out)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
