/* Copies, clocks, datagrams and limits. */
#include "flow/testing.h"

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

struct beginnings {
	size_t count;
	struct conn last;
};

static void begins(void *context, const struct conn *c)
{
	struct beginnings *b = context;
	b->count++;
	b->last = *c;
}

/* Before any event, once for each conversation, by its first packet. */
static void test_beginnings_are_told_at_once(void **state)
{
	(void)state;
	struct beginnings b = {0};
	struct world w = world_of((struct flow_options){
		.conversations_max = 64, .lookups_max = 64, .begun = begins, .context = &b});
	struct line l = line_new(40000, 4444), m = line_new(40001, 4445);
	send_flags(&w, &l, OUT, TCP_SYN);
	assert_int_equal(w.events, 0);
	assert_int_equal(b.count, 1);
	assert_int_equal(b.last.server_port, 4444);
	assert_int_equal(b.last.client_port, 40000);
	send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	datagram(&w, &m, OUT, "something", 9);
	assert_int_equal(b.count, 2);
	assert_int_equal(b.last.transport, TRANSPORT_UDP);
	finish(&w);
	assert_int_equal(b.count, 2);
	world_free(&w);
}

/* A RST that the client obeys, as it comes; not one that acknowledges something else, nor one after
 * the answer. */
static void test_refusals_are_told_at_once(void **state)
{
	(void)state;
	struct beginnings b = {0};
	struct world w = world_of((struct flow_options){
		.conversations_max = 64, .lookups_max = 64, .refused = begins, .context = &b});
	struct line l = line_new(40000, 4444), m = line_new(40001, 4445);
	send_flags(&w, &l, OUT, TCP_SYN);
	send_flags(&w, &l, IN, TCP_RST); /* acknowledges nothing */
	assert_int_equal(b.count, 0);
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	assert_int_equal(b.count, 1);
	assert_int_equal(b.last.server_port, 4444);
	assert_int_equal(w.events, 0);
	send_flags(&w, &m, OUT, TCP_SYN);
	send_flags(&w, &m, IN, TCP_SYN | TCP_ACK);
	send_flags(&w, &m, IN, TCP_RST | TCP_ACK);
	assert_int_equal(b.count, 1);
	finish(&w);
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
	datagram(&w, &l, OUT, "requests", 8);
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
	assert_int_equal(c->bytes_out, 19);
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

/* Requests of echo, one a second, each answered at once. */
static void ping(struct world *w, const uint8_t *payload, size_t len)
{
	struct line l = line_new(8, 0), back = line_new(0, 0);
	back.addr[OUT] = l.addr[IN];
	back.addr[IN] = l.addr[OUT];
	w->now_ns += NS_PER_S;
	struct packet p = packet_of(w, &l, OUT, payload, len);
	p.proto = IP_ICMP;
	give(w, &p);
	p = packet_of(w, &back, OUT, payload, len);
	p.proto = IP_ICMP;
	give(w, &p);
}

enum { PINGED_MAX = 200 };

static size_t pinged(struct world *w, uint32_t *ret_fresh)
{
	size_t ends = 0;
	finish(w);
	for (size_t i = 0; i < w->events; i++) {
		const struct conn *c = &w->got[i].conn;
		if (!c->ended)
			continue;
		assert_outcome(c, OUTCOME_OK);
		ends++;
		*ret_fresh = c->echo_fresh;
	}
	return ends;
}

/* What is unlike the two before is a message of its own. */
static void echo_with_something_new_is_a_message(void **state)
{
	(void)state;
	static const size_t sizes[] = {48, 96, 180, 1400};
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		struct world w = world_new();
		uint8_t payload[1400];
		uint32_t noise = 1, fresh = 0;
		for (int i = 0; i < 10; i++) {
			for (size_t n = 0; n < sizeof payload; n++) {
				noise = noise * 1664525 + 1013904223;
				payload[n] = (uint8_t)(noise >> 24);
			}
			ping(&w, payload, sizes[k]);
		}
		size_t ends = pinged(&w, &fresh);
		/* by accident a piece in eight has a mark of before: of six, five must be new */
		assert_true(k == 0 ? ends >= 5 : ends == 10);
		assert_true(fresh <= sizes[k] - 24);
		assert_true(k < 2 || fresh > sizes[k] / 2);
		world_free(&w);
	}
}

/* Honest tools: a time and a number in front, or behind; all sizes in turn; two tools at once; and
 * a payload that was cut away. */
static void honest_pings_are_one_conversation(void **state)
{
	(void)state;
	for (int tool = 0; tool < 5; tool++) {
		struct world w = world_new();
		uint8_t payload[1400];
		uint32_t fresh = 0;
		for (unsigned i = 0; i < PINGED_MAX; i++) {
			size_t len = tool == 2 ? i * 7 : tool == 4 ? 0 : 180;
			for (unsigned n = 0; n < sizeof payload; n++)
				payload[n] = (uint8_t)(n + (tool == 3 && i % 2 == 1 ? 99 : 0));
			uint64_t stamp[3] = {i, i * UINT64_C(0x9e3779b97f4a7c15), i / 5};
			memcpy(payload + (tool == 1 ? 101 : 0), stamp, sizeof stamp);
			ping(&w, payload, len);
		}
		size_t ends = pinged(&w, &fresh);
		assert_int_equal(ends, tool == 3 ? 2 : 1);
		world_free(&w);
	}
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

/* As many talks as there are places, and one more. */
static void test_talks_run_out(void **state)
{
	(void)state;
	struct world w =
		world_of((struct flow_options){.conversations_max = 16384, .lookups_max = 1});
	struct line l = line_new(0, 8080);
	for (size_t i = 0; i < TALKS_MAX + 1; i++) {
		l = line_new((uint16_t)(1024 + i), 8080);
		send_flags(&w, &l, OUT, TCP_SYN);
		send_text(&w, &l, OUT, "GE");
	}
	assert_int_equal(flow_table_stats(w.t)->talks_evicted, 1);
	send_text(&w, &l, OUT, "T / HTTP/1.1\r\nHost: late.example\r\n\r\n");
	send_text(&w, &l, IN, "HTTP/1.1 200 OK\r\n\r\n");
	assert_int_equal(w.events, 1);
	assert_string_equal(w.got[0].conn.name, "late.example");
	struct line first = line_new(1024, 8080);
	first.seq[OUT] += 3;
	send_text(&w, &first, IN, "HTTP/1.1 404 Not Found\r\n\r\n");
	assert_int_equal(w.events, 2); /* what was not read is not taken for a failure */
	assert_outcome(&w.got[1].conn, OUTCOME_OK);
	assert_string_equal(w.got[1].conn.service, "unknown");
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
		cmocka_unit_test(test_beginnings_are_told_at_once),
		cmocka_unit_test(test_refusals_are_told_at_once),
		cmocka_unit_test(test_span_port),
		cmocka_unit_test(test_real_retries_are_no_copies),
		cmocka_unit_test(test_datagram_copies),
		cmocka_unit_test(test_idle_is_exact),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_odd_times),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(echo_with_something_new_is_a_message),
		cmocka_unit_test(honest_pings_are_one_conversation),
		cmocka_unit_test(test_syn_flood),
		cmocka_unit_test(test_smallest_table),
		cmocka_unit_test(test_buffers_run_out),
		cmocka_unit_test(test_talks_run_out),
		cmocka_unit_test(test_strays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
