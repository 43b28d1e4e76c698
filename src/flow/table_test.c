/* Direction, ports used again, copies, clocks, limits, and what must hold for any traffic. */
#include "flow/testing.h"

/* ---- direction ---- */

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
		uint32_t src, dst;
		uint16_t src_port, dst_port;
		int64_t at_ms;
		bool src_is_client, inferred;
	} rows[] = {
		{A_CLIENT, A_SERVER, 50000, 123, 0, true, false},
		{A_SERVER, A_CLIENT, 123, 50000, 500000, false, true},
		{A_SERVER, A_CLIENT, 50000, 161, 0, true, false},
		{A_SERVER, A_CLIENT, 50000, 50001, 0, false, true}, /* may have begun before */
		{A_SERVER, A_CLIENT, 123, 123, 0, false, true},
		{A_SERVER, A_CLIENT, 50000, 50001, 120001, true, false},
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
		at(&w, (int64_t)100 * i);
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

/* ---- copies ---- */

/* Every packet twice, 1 ms later with another TTL: nothing but the duplicates differs. */
static void test_span_port(void **state)
{
	(void)state;
	struct conn once = {0};
	for (int copies = 0; copies < 2; copies++) {
		struct world w = world_new();
		struct line l = line_new(40000, 4444);
		const struct {
			enum from from;
			unsigned flags;
			size_t len;
		} rows[] = {{OUT, TCP_SYN, 0}, {IN, TCP_SYN | TCP_ACK, 0},
			{OUT, TCP_PSH | TCP_ACK, 40}, {IN, TCP_PSH | TCP_ACK, 90},
			{IN, TCP_PSH | TCP_ACK, 90}, {IN, TCP_FIN | TCP_ACK, 0},
			{OUT, TCP_RST | TCP_ACK, 0}};
		static const char bytes[100] = "whatever";
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			at(&w, 10 * (int64_t)i);
			struct packet p = segment(
				&w, &l, rows[i].from, rows[i].flags, bytes + i, rows[i].len);
			give(&w, &p);
			at(&w, 10 * (int64_t)i + 1);
			p.ttl--;
			if (copies)
				again(&w, &p);
		}
		finish(&w);
		struct conn c = *last_end(&w);
		assert_int_equal(flow_table_stats(w.t)->duplicates, copies * 7);
		assert_int_equal(c.tries, 1);
		assert_int_equal(c.packets_out, 3);
		assert_int_equal(c.packets_in, 4);
		assert_int_equal(c.bytes_in, 180);
		c.service = NULL;
		if (copies)
			assert_memory_equal(&c, &once, sizeof c);
		once = c;
		world_free(&w);
	}
}

static void test_real_retries_are_no_copies(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 6);
	again(&w, &syn);
	send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	struct packet ack = send_flags(&w, &l, OUT, TCP_ACK);
	again(&w, &ack); /* bare ACKs repeat by right */
	finish(&w);
	assert_int_equal(last_end(&w)->tries, 2);
	assert_int_equal(last_end(&w)->packets_out, 4);
	assert_int_equal(flow_table_stats(w.t)->duplicates, 0);
	world_free(&w);
}

static void test_datagram_copies(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444), other = line_new(40001, 4444);
	static const char first[] = "same start of sixteen bytes, then 1",
			  second[] = "same start of sixteen bytes, then 2";
	struct packet a = datagram(&w, &l, OUT, first, sizeof first);
	datagram(&w, &l, OUT, second, sizeof second);
	datagram(&w, &other, OUT, first, sizeof first);
	datagram(&w, &l, IN, first, sizeof first); /* an echo */
	again(&w, &a);
	at(&w, 5);
	again(&w, &a); /* too late for a copy */
	datagram(&w, &l, OUT, "short", 5);
	datagram(&w, &l, OUT, "short", 5); /* too little to tell */
	finish(&w);
	assert_int_equal(flow_table_stats(w.t)->duplicates, 1);
	assert_int_equal(flow_table_stats(w.t)->packets, 8);
	uint64_t out = 0;
	for (size_t i = 0; i < w.events; i++)
		out += w.got[i].conn.ended ? w.got[i].conn.packets_out : 0;
	assert_int_equal(out, 6);
	world_free(&w);
}

/* ---- clocks ---- */

static void test_idle_is_exact(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct world w = world_new();
		struct line l = line_new(40000, 4444);
		datagram(&w, &l, OUT, "something", 9);
		at(&w, 50000);
		datagram(&w, &l, IN, "something", 9);
		w.now_ns = MS(170000) + late;
		datagram(&w, &l, OUT, "something", 9);
		finish(&w);
		assert_int_equal(flow_table_stats(w.t)->conversations, 1 + late);
		world_free(&w);
	}
}

static void test_clock_set_back(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444), m = line_new(40001, 4444);
	datagram(&w, &l, OUT, "something", 9);
	at(&w, 3600000);
	datagram(&w, &m, OUT, "something", 9); /* ends the first one */
	assert_int_equal(w.events, 1);
	at(&w, 1000); /* an hour back; the second one goes on */
	datagram(&w, &m, IN, "something", 9);
	at(&w, 121000);
	datagram(&w, &m, OUT, "something", 9);
	idle_until(&w, 242100);
	assert_int_equal(w.events, 3);
	const struct conn *c = last_end(&w);
	assert_int_equal(c->packets_out + c->packets_in, 3);
	assert_true(c->end_ns >= c->start_ns);
	assert_int_equal(flow_table_stats(w.t)->clock_backs, 1);
	world_free(&w);
}

static void test_odd_times(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444);
	static const int64_t times[] = {0, -1, INT64_MIN, INT64_MAX, 5, INT64_MAX / 2, 0};
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		w.now_ns = times[i];
		send_flags(&w, &l, OUT, TCP_SYN);
		l.seq[OUT]--;
		send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	}
	finish(&w);
	for (size_t i = 0; i < w.events; i++) {
		const struct conn *c = &w.got[i].conn;
		assert_true(c->start_ns > 0 && c->end_ns >= c->start_ns);
		assert_int_equal(c->fail_ns != 0, outcome_is_failure(c->outcome));
	}
	world_free(&w);
}

/* ---- datagrams and ICMP ---- */

static void test_datagrams(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 4444), m = line_new(40001, 4445), n = line_new(40002, 4446);
	datagram(&w, &l, OUT, "request", 7);
	at(&w, 1000);
	datagram(&w, &l, OUT, "request", 7);
	at(&w, 1020);
	datagram(&w, &l, IN, "response1", 9);
	datagram(&w, &l, IN, "response2", 9);
	datagram(&w, &l, OUT, "next", 4);
	datagram(&w, &l, IN, "more", 4);
	assert_int_equal(w.events, 1);
	datagram(&w, &m, OUT, "request", 7);
	at(&w, 1025);
	unreachable(&w, &m, IP_UDP, 3);
	datagram(&w, &n, OUT, "request", 7);
	idle_until(&w, 5000);
	finish(&w);
	assert_int_equal(w.events, 4);
	const struct conn *c = end_of(&w, 40000);
	assert_outcome(c, OUTCOME_OK);
	assert_false(c->settled);
	assert_int_equal(c->tries, 2);
	assert_int_equal(c->request_bytes, 7);
	assert_int_equal(c->response_bytes, 18);
	assert_int_equal(c->bytes_out, 18);
	assert_int_equal(c->bytes_in, 22);
	assert_ms(c->first_data_ns, 1020);
	assert_outcome(end_of(&w, 40001), OUTCOME_UNREACHABLE);
	assert_ms(end_of(&w, 40001)->fail_ns, 1025);
	assert_outcome(end_of(&w, 40002), OUTCOME_SILENT);
	assert_ms(end_of(&w, 40002)->fail_ns, 1025);
	assert_int_equal(end_of(&w, 40002)->leave_ns, 0);
	world_free(&w);
}

static void test_echo(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(8, 0), back = line_new(0, 0);
	back.addr[OUT] = l.addr[IN];
	back.addr[IN] = l.addr[OUT];
	struct packet p = packet_of(&w, &l, OUT, "12345678", 8);
	p.proto = IP_ICMP;
	give(&w, &p);
	p = packet_of(&w, &back, OUT, "12345678", 8);
	p.proto = IP_ICMP;
	give(&w, &p);
	finish(&w);
	assert_int_equal(w.events, 2);
	const struct conn *c = last_end(&w);
	assert_int_equal(c->transport, TRANSPORT_ICMP);
	assert_int_equal(c->client_port, 8);
	assert_int_equal(c->server_port, 0);
	assert_true(addr_eq(&c->client, &l.addr[OUT]));
	assert_int_equal(c->bytes_out, 8);
	assert_int_equal(c->bytes_in, 8);
	assert_outcome(c, OUTCOME_OK);
	assert_null(c->service);
	world_free(&w);
}

/* ---- limits ---- */

static void test_syn_flood(void **state)
{
	(void)state;
	struct world w =
		world_of((struct flow_options){.conversations_max = 100, .lookups_max = 1});
	struct line real = line_new(40000, 4444);
	shake_hands(&w, &real);
	send_text(&w, &real, OUT, "a request that is long enough to tell");
	send_text(&w, &real, IN, "an answer");
	struct line l = line_new(1, 443);
	for (uint32_t i = 0; i < 3000; i++) {
		w.now_ns += NS_PER_MS;
		l.addr[OUT] = addr_v4(0x0a000000 + i);
		l.seq[OUT] = i;
		send_flags(&w, &l, OUT, TCP_SYN);
	}
	assert_int_equal(w.events, 1 + 3000 - 99);
	const struct flow_stats *s = flow_table_stats(w.t);
	assert_int_equal(s->evicted, 3000 - 99);
	send_text(&w, &real, OUT, "still here");
	assert_int_equal(s->conversations, 3001); /* the flood ended none but its own */
	finish(&w);
	assert_int_equal(w.events, 1 + 3001);
	for (size_t i = 1; i < w.events; i++) /* ended early: no failure is claimed */
		assert_outcome(&w.got[i].conn,
			w.got[i].conn.client_port == 1 ? OUTCOME_UNKNOWN : OUTCOME_OK);
	world_free(&w);
}

static void test_smallest_table(void **state)
{
	(void)state;
	struct world w = world_of((struct flow_options){.conversations_max = 1, .lookups_max = 1});
	for (uint16_t i = 0; i < 50; i++) {
		struct line l = line_new((uint16_t)(40000 + i / 2), 443);
		l.seq[OUT] = i;
		send_flags(&w, &l, OUT, TCP_SYN);
	}
	assert_int_equal(w.events, 49);
	finish(&w);
	assert_int_equal(w.events, 50);
	world_free(&w);
}

/* More first messages under way than there are buffers: the oldest give way, none is refused. */
static void test_buffers_run_out(void **state)
{
	(void)state;
	struct world w =
		world_of((struct flow_options){.conversations_max = 4096, .lookups_max = 1});
	static const char part[] = "GET / HTTP/1.1\r\nHost: late.example\r\n";
	struct line l = line_new(0, 8080);
	for (uint16_t i = 0; i < 3000; i++) {
		l = line_new((uint16_t)(1024 + i), 8080);
		send_flags(&w, &l, OUT, TCP_SYN);
		send_text(&w, &l, OUT, part);
	}
	assert_int_equal(flow_table_stats(w.t)->talks_evicted, 3000 - TALK_BLOCKS_MAX);
	send_text(&w, &l, OUT, "\r\n");
	send_text(&w, &l, IN, "HTTP/1.1 200 OK\r\n\r\n");
	assert_int_equal(w.events, 1);
	assert_string_equal(w.got[0].conn.name, "late.example");
	world_free(&w);
}

static void test_strays(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	send_flags(&w, &l, OUT, TCP_ACK);
	send_flags(&w, &l, OUT, TCP_FIN | TCP_ACK);
	send_flags(&w, &l, OUT, TCP_SYN | TCP_RST);
	struct line group = line_new(5353, 5353);
	group.addr[IN] = addr_v4(0xe00000fb);
	datagram(&w, &group, OUT, "anybody there?", 14);
	finish(&w);
	assert_int_equal(w.events, 0);
	assert_int_equal(flow_table_stats(w.t)->strays, 4);
	assert_int_equal(flow_table_stats(w.t)->group, 1);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joined_direction),
		cmocka_unit_test(test_datagram_direction),
		cmocka_unit_test(test_syn_ack_first),
		cmocka_unit_test(test_syn_ack_lost),
		cmocka_unit_test(test_both_open_at_once),
		cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_fast_open),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_far_away),
		cmocka_unit_test(test_port_used_again),
		cmocka_unit_test(test_port_used_again_unanswered),
		cmocka_unit_test(test_span_port),
		cmocka_unit_test(test_real_retries_are_no_copies),
		cmocka_unit_test(test_datagram_copies),
		cmocka_unit_test(test_idle_is_exact),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_odd_times),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_syn_flood),
		cmocka_unit_test(test_smallest_table),
		cmocka_unit_test(test_buffers_run_out),
		cmocka_unit_test(test_strays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
