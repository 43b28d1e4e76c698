/* Who the client is, what the numbers say, and when a port is used again. */
#include "flow/testing.h"

static void test_joined_direction(void **state)
{
	(void)state;
	static const struct {
		uint32_t src, dst;
		uint16_t src_port, dst_port;
		bool src_is_client;
	} rows[] = {
		{A_SERVER, A_CLIENT, 443, 50000, false},
		{A_SERVER, A_CLIENT, 50000, 22, true}, /* ports go before who is at home */
		{A_CLIENT, A_SERVER, 50000, 8443, true},
		{A_SERVER, A_CLIENT, 8443, 50000, false},
		{A_SERVER, A_CLIENT, 50000, 8443, false}, /* nothing else tells */
		{A_CLIENT, 0xc0a80103, 50000, 8443, true},
		{A_CLIENT, 0xc0a80103, 8443, 50000, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w = world_new();
		struct line l = {.addr = {addr_v4(rows[i].src), addr_v4(rows[i].dst)},
			.port = {rows[i].src_port, rows[i].dst_port}};
		send_text(&w, &l, OUT, "in the middle of something");
		finish(&w);
		const struct conn *c = last_end(&w);
		assert_true(c->joined && c->inferred);
		assert_int_equal(c->client_port,
			rows[i].src_is_client ? rows[i].src_port : rows[i].dst_port);
		assert_true(addr_eq(&c->client, &l.addr[rows[i].src_is_client ? 0 : 1]));
		assert_int_equal(c->packets_out, rows[i].src_is_client);
		assert_outcome(c, rows[i].src_is_client ? OUTCOME_UNKNOWN : OUTCOME_OK);
		world_free(&w);
	}
}

static void test_datagram_direction(void **state)
{
	(void)state;
	static const struct {
		int64_t at_ms;
		uint32_t src, dst;
		uint16_t src_port, dst_port;
		bool src_is_client, inferred;
	} rows[] = {
		{0, A_CLIENT, A_SERVER, 50000, 123, true, false},
		{500000, A_SERVER, A_CLIENT, 123, 50000, false, true},
		{0, A_SERVER, A_CLIENT, 50000, 161, true, false},
		{0, A_SERVER, A_CLIENT, 50000, 50001, false, true}, /* may have begun before */
		{0, A_SERVER, A_CLIENT, 123, 123, false, true},
		{120001, A_SERVER, A_CLIENT, 50000, 50001, true, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w = world_new();
		struct line l = line_new(1, 2);
		datagram(&w, &l, OUT, "the first one", 13);
		idle_until(&w, rows[i].at_ms);
		l = (struct line){.addr = {addr_v4(rows[i].src), addr_v4(rows[i].dst)},
			.port = {rows[i].src_port, rows[i].dst_port}};
		datagram(&w, &l, OUT, "who begins?", 11);
		finish(&w);
		const struct conn *c = last_end(&w);
		assert_int_equal(c->client_port,
			rows[i].src_is_client ? rows[i].src_port : rows[i].dst_port);
		assert_int_equal(c->inferred, rows[i].inferred);
		assert_outcome(c, OUTCOME_UNKNOWN);
		world_free(&w);
	}
}

/* Whose networks they are can be said. */
static void test_local_networks(void **state)
{
	(void)state;
	struct cidr local;
	assert_int_equal(cidr_parse("198.51.100.0/24", &local), 0);
	struct world w = world_of((struct flow_options){
		.conversations_max = 4, .lookups_max = 4, .local = &local, .locals = 1});
	struct line l = line_new(50000, 50001);
	send_text(&w, &l, OUT, "in the middle of something");
	finish(&w);
	assert_int_equal(last_end(&w)->client_port, 50001);
	world_free(&w);
}

static void test_syn_ack_first(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	l.seq[OUT]++;
	send_flags(&w, &l, IN, TCP_SYN | TCP_ACK); /* the tap lost the SYN, or it comes late */
	l.seq[OUT]--;
	send_flags(&w, &l, OUT, TCP_SYN);
	send_flags(&w, &l, OUT, TCP_ACK);
	send_text(&w, &l, IN, "220 hello, this is a server\r\n");
	finish(&w);
	const struct conn *c = last_end(&w);
	assert_int_equal(c->client_port, 40000);
	assert_false(c->joined || c->inferred);
	assert_int_equal(c->packets_in, 2);
	assert_int_equal(c->packets_out, 2);
	assert_int_equal(c->bytes_in, 29);
	assert_int_equal(flow_table_stats(w.t)->conversations, 1);
	world_free(&w);
}

/* Two taps, not quite in order. */
static void test_data_first(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	l.seq[OUT]++;
	struct packet p = send_text(&w, &l, OUT, "a request that is long enough to tell");
	l.seq[OUT] = p.tcp_seq - 1;
	send_flags(&w, &l, OUT, TCP_SYN);
	finish(&w);
	assert_false(last_end(&w)->joined || last_end(&w)->inferred);
	assert_int_equal(last_end(&w)->tries, 1);
	assert_int_equal(last_end(&w)->bytes_out, 37);
	assert_int_equal(flow_table_stats(w.t)->conversations, 1);
	world_free(&w);
}

static void test_syn_ack_lost(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444);
	send_flags(&w, &l, OUT, TCP_SYN);
	l.seq[IN]++;
	send_flags(&w, &l, OUT, TCP_ACK);
	send_text(&w, &l, OUT, "a request that is long enough to tell");
	at(&w, 50);
	send_flags(&w, &l, IN, TCP_ACK);
	at(&w, 60);
	send_flags(&w, &l, IN, TCP_FIN | TCP_ACK);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_STALLED);
	assert_ms(only_end(&w)->fail_ns, 60);
	world_free(&w);
}

static void test_both_open_at_once(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 41000);
	send_flags(&w, &l, OUT, TCP_SYN);
	send_flags(&w, &l, IN, TCP_SYN);
	l.seq[OUT]--;
	send_flags(&w, &l, OUT, TCP_SYN | TCP_ACK);
	send_text(&w, &l, OUT, "so we are both here at the same time");
	send_text(&w, &l, IN, "so we are both here at the same time");
	finish(&w);
	const struct conn *c = last_end(&w);
	assert_outcome(c, OUTCOME_OK);
	assert_int_equal(c->client_port, 40000);
	assert_int_equal(c->bytes_out, 36);
	assert_int_equal(c->bytes_in, 36);
	assert_int_equal(flow_table_stats(w.t)->conversations, 1);
	world_free(&w);
}

static void test_one_way(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443), m = line_new(40001, 443);
	send_flags(&w, &l, OUT, TCP_SYN); /* the client's side only */
	at(&w, 20);
	l.seq[IN]++;
	send_flags(&w, &l, OUT, TCP_ACK);
	send_text(&w, &l, OUT, "a request that is long enough to tell");
	m.seq[OUT]++;
	send_flags(&w, &m, IN, TCP_SYN | TCP_ACK); /* the server's side only */
	m.seq[OUT] += 100;
	send_text(&w, &m, IN, "an answer that is long enough to tell");
	finish(&w);
	assert_int_equal(w.events, 3);
	for (size_t i = 0; i < w.events; i++) {
		const struct conn *c = &w.got[i].conn;
		bool client_side = c->client_port == 40000;
		assert_true(c->one_way);
		assert_false(c->joined);
		assert_outcome(c, client_side ? OUTCOME_UNKNOWN : OUTCOME_OK);
		assert_int_equal(client_side ? c->bytes_out : c->bytes_in, 37);
	}
	world_free(&w);
}

static void test_fast_open(void **state)
{
	(void)state;
	for (int answered = 0; answered < 2; answered++) {
		struct world w = world_new();
		struct line l = line_new(40000, 4444);
		struct packet syn = segment(&w, &l, OUT, TCP_SYN,
			"what a TFO SYN carries, RFC 7413, in its payload", 48);
		give(&w, &syn);
		if (answered) {
			at(&w, 10);
			send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
			send_text(&w, &l, IN, "the answer to what the SYN carried");
		}
		idle_until(&w, 5000);
		finish(&w);
		const struct conn *c = last_end(&w);
		assert_outcome(c, answered ? OUTCOME_OK : OUTCOME_SILENT);
		assert_int_equal(c->bytes_out, 48);
		assert_int_equal(c->request_bytes, 48);
		assert_int_equal(c->bytes_in, answered ? 34 : 0);
		world_free(&w);
	}
}

/* ---- numbers ---- */

static void test_wrap(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444);
	l.seq[OUT] = UINT32_MAX - 1000;
	l.seq[IN] = UINT32_MAX;
	shake_hands(&w, &l);
	static const char much[1400];
	uint64_t total = 0;
	for (int i = 0; i < 100; i++) {
		send_bytes(&w, &l, OUT, much, sizeof much);
		send_bytes(&w, &l, IN, much, 700);
		total += sizeof much;
	}
	finish(&w);
	assert_int_equal(last_end(&w)->bytes_out, total);
	assert_int_equal(last_end(&w)->bytes_in, total / 2);
	assert_int_equal(last_end(&w)->request_bytes, 1400);
	assert_int_equal(last_end(&w)->response_bytes, 700);
	world_free(&w);
}

/* A forged segment far away moves nothing; a stream that really went on there does. */
static void test_far_away(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444);
	shake_hands(&w, &l);
	send_text(&w, &l, OUT, "0123456789");
	struct line forged = l;
	forged.seq[OUT] += 0x40000000;
	send_text(&w, &forged, OUT, "forged");
	send_text(&w, &l, OUT, "0123456789");
	assert_int_equal(w.events, 0);
	send_text(&w, &l, IN, "ok");
	assert_int_equal(w.got[0].conn.bytes_out, 20);
	l.seq[OUT] += 0x20000000; /* the tap lost half a gigabyte */
	send_text(&w, &l, OUT, "0123456789");
	send_text(&w, &l, OUT, "0123456789");
	send_text(&w, &l, OUT, "0123456789");
	finish(&w);
	assert_int_equal(last_end(&w)->bytes_out, 20 + 20); /* the first of them is not believed */
	assert_int_equal(last_end(&w)->packets_out, 2 + 6);
	world_free(&w);
}

/* ---- ports used again ---- */

static void test_port_used_again(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444);
	for (uint32_t i = 0; i < 3; i++) {
		at(&w, 100 * (int64_t)i);
		l.seq[OUT] = 5000 + 1000000 * i;
		shake_hands(&w, &l);
		send_text(&w, &l, OUT, "what is this, in more than a few bytes?");
		send_text(&w, &l, IN, "an answer");
		send_flags(&w, &l, IN, TCP_FIN | TCP_ACK);
		send_flags(&w, &l, OUT, TCP_FIN | TCP_ACK);
	}
	assert_int_equal(w.events, 3 + 2);
	finish(&w);
	assert_int_equal(w.events, 6);
	assert_int_equal(flow_table_stats(w.t)->conversations, 3);
	assert_ms(last_end(&w)->start_ns, 200);
	assert_int_equal(last_end(&w)->bytes_out, 39);
	world_free(&w);
}

static void test_port_used_again_unanswered(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444);
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 1000);
	l.seq[OUT] = 77777; /* another number, after silence: another attempt */
	send_flags(&w, &l, OUT, TCP_SYN);
	assert_outcome(only_end(&w), OUTCOME_SILENT);
	at(&w, 1010);
	l.seq[IN] = 0;
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	at(&w, 1510);
	l.seq[OUT] = 88888; /* soon after a RST: the same one */
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 1520);
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	assert_int_equal(w.events, 1);
	finish(&w);
	assert_int_equal(w.events, 2);
	assert_outcome(last_end(&w), OUTCOME_REFUSED);
	assert_ms(last_end(&w)->start_ns, 1000);
	assert_ms(last_end(&w)->fail_ns, 1520);
	assert_int_equal(last_end(&w)->tries, 2);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joined_direction),
		cmocka_unit_test(test_datagram_direction),
		cmocka_unit_test(test_local_networks),
		cmocka_unit_test(test_syn_ack_first),
		cmocka_unit_test(test_data_first),
		cmocka_unit_test(test_syn_ack_lost),
		cmocka_unit_test(test_both_open_at_once),
		cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_fast_open),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_far_away),
		cmocka_unit_test(test_port_used_again),
		cmocka_unit_test(test_port_used_again_unanswered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
