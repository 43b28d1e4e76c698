/* How open conversations of TCP end: each outcome with its times. */
#include "flow/testing.h"

/* ---- what the tap lost ---- */

static uint64_t holed_after(bool lost, bool answers)
{
	struct world w = world_new();
	struct line l = answers ? connected(&w, 443) : line_new(40000, 443);
	at(&w, 10);
	send_text(&w, &l, OUT, "hello over there");
	struct packet p = segment(&w, &l, IN, TCP_PSH | TCP_ACK, "answer", 6);
	if (!lost && answers)
		give(&w, &p);
	at(&w, 30);
	send_flags(&w, &l, OUT, TCP_ACK);
	send_flags(&w, &l, OUT, TCP_FIN | TCP_ACK);
	if (answers)
		send_flags(&w, &l, IN, TCP_FIN | TCP_ACK); /* of the FIN: no data */
	send_flags(&w, &l, OUT, TCP_ACK);
	uint64_t holed = flow_table_stats(w.t)->holed;
	world_free(&w);
	return holed;
}

static void test_acknowledged_and_never_seen(void **state)
{
	(void)state;
	assert_int_equal(holed_after(true, true), 1); /* once, however often */
	assert_int_equal(holed_after(false, true), 0);
	assert_int_equal(holed_after(true, false), 0); /* one direction: everything is missing */
}

/* ---- answered, but no more ---- */

static void test_connected_and_closed(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	shake_hands(&w, &l);
	at(&w, 50);
	send_flags(&w, &l, OUT, TCP_FIN | TCP_ACK);
	at(&w, 60);
	send_flags(&w, &l, IN, TCP_FIN | TCP_ACK);
	idle_until(&w, 10060);
	assert_int_equal(w.events, 0);
	idle_until(&w, 11200);
	assert_outcome(only_end(&w), OUTCOME_UNKNOWN); /* nothing was asked */
	assert_ms(only_end(&w)->end_ns, 60);
	world_free(&w);
}

static void test_reset_before_data(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 8080);
	shake_hands(&w, &l);
	at(&w, 10);
	send_text(&w, &l, OUT, "hello over there");
	at(&w, 30);
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	at(&w, 31);
	send_flags(&w, &l, IN, TCP_RST); /* once more: the first one counts */
	finish(&w);
	const struct conn *c = only_end(&w);
	assert_outcome(c, OUTCOME_RESET);
	assert_ms(c->fail_ns, 30);
	assert_int_equal(c->bytes_out, 16);
	assert_int_equal(c->request_bytes, 16);
	assert_int_equal(c->response_bytes, 0);
	world_free(&w);
}

static void test_mute_then_server_closes(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	shake_hands(&w, &l);
	at(&w, 10);
	send_text(&w, &l, OUT, "hello over there");
	at(&w, 5000);
	send_flags(&w, &l, IN, TCP_FIN | TCP_ACK);
	at(&w, 5200);
	send_flags(&w, &l, OUT, TCP_FIN | TCP_ACK);
	at(&w, 5300);
	send_flags(&w, &l, IN, TCP_RST); /* after its FIN: no reset */
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_STALLED);
	assert_ms(only_end(&w)->fail_ns, 5000);
	world_free(&w);
}

static void test_mute_then_client_closes(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	shake_hands(&w, &l);
	at(&w, 10);
	send_text(&w, &l, OUT, "hello over there");
	at(&w, 3000);
	send_flags(&w, &l, OUT, TCP_FIN | TCP_ACK);
	at(&w, 3100);
	send_flags(&w, &l, IN, TCP_ACK);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_STALLED);
	assert_ms(only_end(&w)->fail_ns, 3000);
	world_free(&w);
}

/* Hancitor: a RST of the client's own, and it goes on. */
static void test_stray_client_reset(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 80);
	shake_hands(&w, &l);
	at(&w, 10);
	send_text(&w, &l, OUT, "hello over there");
	at(&w, 20);
	send_flags(&w, &l, OUT, TCP_RST);
	at(&w, 9000);
	send_text(&w, &l, OUT, "hello once more.");
	idle_until(&w, 25000); /* a RST would have ended it 10 s later */
	send_text(&w, &l, IN, "so here is an answer");
	assert_int_equal(w.events, 1);
	assert_true(w.got[0].conn.settled && !w.got[0].conn.ended);
	assert_outcome(&w.got[0].conn, OUTCOME_OK);
	assert_int_equal(w.got[0].conn.request_bytes, 32);
	world_free(&w);
}

static void test_mute_to_the_end(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct world w = world_new();
		struct line l = line_new(40000, 443);
		shake_hands(&w, &l);
		at(&w, 10);
		send_text(&w, &l, OUT, "hello over there");
		at(&w, 11);
		send_flags(&w, &l, IN, TCP_ACK);
		idle_until(&w, late ? 10010 : 10009);
		finish(&w);
		assert_outcome(only_end(&w), late ? OUTCOME_STALLED : OUTCOME_UNKNOWN);
		assert_int_equal(only_end(&w)->fail_ns, late ? MS(11) : 0);
		world_free(&w);
	}
}

static void test_refused_then_answered(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 5);
	struct line rst = l;
	rst.seq[IN] = 0;
	send_flags(&w, &rst, IN, TCP_RST | TCP_ACK);
	at(&w, 505);
	again(&w, &syn);
	at(&w, 510);
	send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	at(&w, 511);
	send_flags(&w, &l, OUT, TCP_ACK);
	at(&w, 520);
	send_text(&w, &l, IN, "220 welcome, whoever you are\r\n");
	idle_until(&w, 40000); /* no refusal's patience any more */
	assert_int_equal(w.events, 1);
	assert_outcome(&w.got[0].conn, OUTCOME_OK);
	assert_int_equal(w.got[0].conn.tries, 2);
	world_free(&w);
}

/* The RST was the answer to a SYN before: it says nothing of what came later. */
static void test_refused_then_mute(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 5);
	struct line rst = l;
	rst.seq[IN] = 0;
	send_flags(&w, &rst, IN, TCP_RST | TCP_ACK);
	at(&w, 505);
	again(&w, &syn);
	at(&w, 510);
	send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	at(&w, 511);
	send_text(&w, &l, OUT, "hello over there");
	at(&w, 600);
	send_flags(&w, &l, IN, TCP_FIN | TCP_ACK);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_STALLED);
	assert_ms(only_end(&w)->fail_ns, 600);
	world_free(&w);
}

/* ---- established, then not ---- */

static void test_fell_silent(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 8443);
	shake_hands(&w, &l);
	at(&w, 10);
	send_text(&w, &l, OUT, "ping ping ping ping ping ping ping");
	at(&w, 20);
	send_text(&w, &l, IN, "pong pong pong pong pong pong pong");
	assert_int_equal(w.events, 1);
	assert_true(w.got[0].conn.settled && !w.got[0].conn.ended);
	assert_outcome(&w.got[0].conn, OUTCOME_OK);
	at(&w, 60000);
	struct packet ping = send_text(&w, &l, OUT, "ping ping ping ping ping ping ping");
	for (int64_t i = 0; i < 4; i++) {
		at(&w, 60000 + (300 << i));
		again(&w, &ping);
	}
	finish(&w);
	assert_int_equal(w.events, 2);
	const struct conn *c = last_end(&w);
	assert_true(c->settled);
	assert_int_equal(c->id, w.got[0].conn.id);
	assert_outcome(c, OUTCOME_STALLED);
	assert_ms(c->fail_ns, 62400);
	assert_int_equal(c->bytes_out, 68); /* what is sent again counts once */
	assert_int_equal(c->packets_out, 8);
	world_free(&w);
}

static void test_keep_alives_and_probes(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 8443);
	shake_hands(&w, &l);
	at(&w, 10);
	send_text(&w, &l, OUT, "ping ping ping ping ping ping ping");
	at(&w, 20);
	send_text(&w, &l, IN, "pong pong pong pong pong pong pong");
	for (int64_t i = 0; i < 5; i++) { /* RFC 1122 4.2.3.6: one old byte, acknowledged */
		at(&w, 10000 * (i + 1));
		l.seq[OUT]--;
		send_bytes(&w, &l, OUT, "", 1);
		at(&w, 10000 * (i + 1) + 20);
		send_flags(&w, &l, IN, TCP_ACK);
	}
	for (int64_t i = 0; i < 5; i++) { /* a window probe: one new byte, not taken, sent again */
		at(&w, 60000 + 10000 * i);
		send_bytes(&w, &l, IN, "x", 1);
		l.seq[IN]--;
	}
	finish(&w);
	const struct conn *c = last_end(&w);
	assert_outcome(c, OUTCOME_OK);
	assert_false(c->settled); /* told before */
	assert_int_equal(c->bytes_out, 34);
	assert_int_equal(c->bytes_in, 35);
	world_free(&w);
}

/* Keep-alives that nobody answers: the other side is gone. */
static void test_keep_alives_unanswered(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 8443);
	shake_hands(&w, &l);
	at(&w, 10);
	send_text(&w, &l, IN, "pong pong pong pong pong pong pong");
	for (int64_t i = 0; i < 3; i++) {
		at(&w, 10000 * (i + 1));
		send_bytes(&w, &l, OUT, "", 1);
		l.seq[OUT]--;
	}
	finish(&w);
	assert_outcome(
		last_end(&w), OUTCOME_OK); /* the first was new: two repeats are not enough */
	world_free(&w);
}

/* Begun before the capture, heard, then heard no more. */
static void test_joined_fell_silent(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 8443);
	struct packet p = send_text(&w, &l, OUT, "ping ping ping ping ping ping ping");
	at(&w, 1);
	send_flags(&w, &l, IN, TCP_ACK);
	for (int64_t ms = 1000; ms < 10000; ms *= 2) {
		at(&w, ms);
		again(&w, &p);
	}
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_STALLED);
	assert_ms(only_end(&w)->fail_ns, 8000);
	assert_true(only_end(&w)->joined);
	world_free(&w);
}

static void test_blind_reset(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 8080);
	shake_hands(&w, &l);
	at(&w, 10);
	send_text(&w, &l, OUT, "hello over there");
	struct packet rst = segment(&w, &l, IN, TCP_RST, NULL, 0);
	rst.tcp_seq += 1u << 30;
	give(&w, &rst);
	idle_until(&w, 30000); /* its end is not nearer for it */
	assert_int_equal(w.events, 0);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_STALLED);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connected_and_closed),
		cmocka_unit_test(test_reset_before_data),
		cmocka_unit_test(test_mute_then_server_closes),
		cmocka_unit_test(test_mute_then_client_closes),
		cmocka_unit_test(test_stray_client_reset),
		cmocka_unit_test(test_mute_to_the_end),
		cmocka_unit_test(test_refused_then_answered),
		cmocka_unit_test(test_refused_then_mute),
		cmocka_unit_test(test_fell_silent),
		cmocka_unit_test(test_keep_alives_and_probes),
		cmocka_unit_test(test_acknowledged_and_never_seen),
		cmocka_unit_test(test_keep_alives_unanswered),
		cmocka_unit_test(test_joined_fell_silent),
		cmocka_unit_test(test_blind_reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
