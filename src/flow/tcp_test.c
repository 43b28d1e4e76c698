/* How conversations of TCP end: each outcome with its times. */
#include "flow/testing.h"

/* ---- unanswered ---- */

static void test_refused_each_time(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	for (int i = 0; i < 3; i++) { /* as Windows does: 0, 0.5, 1 s; each RST 10 ms later */
		at(&w, (int64_t)500 * i);
		if (i > 0)
			again(&w, &syn);
		at(&w, 500 * i + 10);
		l.seq[IN] = 0;
		send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	}
	assert_int_equal(w.events, 0);
	idle_until(&w, 1010 + 20 * 1000);
	assert_int_equal(w.events, 0); /* idle for no longer than its patience */
	idle_until(&w, 1010 + 20 * 1000 + 1100);
	const struct conn *c = only_end(&w);
	assert_true(c->settled);
	assert_outcome(c, OUTCOME_REFUSED);
	assert_ms(c->start_ns, 0);
	assert_ms(c->fail_ns, 1010);
	assert_ms(c->end_ns, 1010);
	assert_int_equal(c->leave_ns, 0);
	assert_int_equal(c->tries, 3);
	assert_int_equal(c->packets_out, 3);
	assert_int_equal(c->packets_in, 3);
	assert_int_equal(c->bytes_out + c->bytes_in, 0);
	assert_int_equal(c->client_port, 40000);
	assert_int_equal(c->server_port, 443);
	assert_false(c->one_way);
	assert_null(c->service);
	world_free(&w);
}

static void test_late_reset(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 3000);
	again(&w, &syn);
	at(&w, 9000);
	again(&w, &syn);
	at(&w, 29001); /* 1 ms too late */
	l.seq[IN] = 0;
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	finish(&w);
	const struct conn *c = only_end(&w);
	assert_outcome(c, OUTCOME_SILENT);
	assert_ms(c->fail_ns, 9000);
	assert_ms(c->leave_ns, 21000);
	assert_int_equal(c->tries, 3);
	world_free(&w);
}

static void test_reset_just_in_time(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 20000);
	l.seq[IN] = 0;
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_REFUSED);
	assert_ms(only_end(&w)->fail_ns, 20000);
	world_free(&w);
}

/* RFC 9293 3.5.2: a RST that acknowledges nothing, or something else, is not obeyed. */
static void test_forged_reset_to_syn(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 10);
	send_flags(&w, &l, IN, TCP_RST);
	struct packet rst = segment(&w, &l, IN, TCP_RST | TCP_ACK, NULL, 0);
	rst.tcp_ack += 77;
	give(&w, &rst);
	at(&w, 3010);
	finish(&w);
	const struct conn *c = only_end(&w);
	assert_int_equal(c->packets_in, 2);
	assert_outcome(
		c, OUTCOME_UNKNOWN); /* the end of the input is 10 ms after the last packet */
	world_free(&w);
}

static void test_silent(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	idle_until(&w, 70000);
	assert_int_equal(w.events, 0);
	at(&w, 75000); /* as patient as Linux */
	again(&w, &syn);
	idle_until(&w, 150000);
	assert_int_equal(w.events, 0);
	idle_until(&w, 151100);
	const struct conn *c = only_end(&w);
	assert_outcome(c, OUTCOME_SILENT);
	assert_int_equal(c->tries, 2);
	assert_ms(c->fail_ns, 75000);
	assert_ms(c->leave_ns, 225000);
	assert_true(c->one_way);
	assert_int_equal(c->packets_in, 0);
	world_free(&w);
}

static void test_silent_once(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	idle_until(&w, 3000);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_SILENT);
	assert_ms(only_end(&w)->fail_ns, 0);
	assert_int_equal(only_end(&w)->leave_ns, 0);
	world_free(&w);
}

static void test_input_ends_undecided(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	idle_until(&w, 2999);
	finish(&w);
	const struct conn *c = only_end(&w);
	assert_true(c->settled);
	assert_outcome(c, OUTCOME_UNKNOWN);
	assert_int_equal(c->fail_ns, 0);
	world_free(&w);
}

static void test_unreachable(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 40);
	unreachable(&w, &l, IP_TCP, 4); /* fragmentation needed: says nothing */
	unreachable(&w, &l, IP_TCP, 1);
	at(&w, 42);
	unreachable(&w, &l, IP_TCP, 1); /* by the second tap */
	at(&w, 1000);
	again(&w, &syn);
	at(&w, 1041);
	unreachable(&w, &l, IP_TCP, 13);
	at(&w, 1042);
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK); /* ICMP goes first */
	finish(&w);
	const struct conn *c = only_end(&w);
	assert_outcome(c, OUTCOME_UNREACHABLE);
	assert_ms(c->fail_ns, 1041);
	assert_int_equal(flow_table_stats(w.t)->errors, 4);
	world_free(&w);
}

static void test_unreachable_is_for_the_sender(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 40);
	struct line back = {.addr = {l.addr[IN], l.addr[OUT]}, .port = {443, 40000}};
	unreachable(&w, &back, IP_TCP, 1);
	idle_until(&w, 5000);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_SILENT);
	world_free(&w);
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
	idle_until(&w, 15000); /* a RST would have ended it 10 s later */
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

/* ---- half open ---- */

static void test_client_never_saw_the_answer(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 20);
	struct packet answer = send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	at(&w, 1000);
	again(&w, &syn);
	at(&w, 1020);
	again(&w, &answer);
	at(&w, 3000);
	again(&w, &syn);
	idle_until(&w, 79200);
	const struct conn *c = only_end(&w);
	assert_outcome(c, OUTCOME_SILENT);
	assert_ms(c->fail_ns, 3000);
	assert_ms(c->leave_ns, 7000);
	world_free(&w);
}

static void test_syn_ack_retried_unheard(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 1);
	struct packet answer = send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	for (int i = 0; i < 4; i++) {
		at(&w, 1000 << i);
		again(&w, &answer);
	}
	idle_until(&w, 84300); /* a flood's are not kept for an hour */
	assert_outcome(only_end(&w), OUTCOME_UNKNOWN);
	assert_int_equal(only_end(&w)->packets_in, 5);
	world_free(&w);
}

static void test_scanned(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 1);
	send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	at(&w, 2);
	send_flags(&w, &l, OUT, TCP_RST);
	idle_until(&w, 11200);
	assert_outcome(only_end(&w), OUTCOME_OK);
	world_free(&w);
}

/* It asked twice, gave up, and its kernel resets what comes then. */
static void test_answered_too_late(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 80);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 1000);
	again(&w, &syn);
	at(&w, 1200);
	send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	at(&w, 1201);
	send_flags(&w, &l, OUT, TCP_RST);
	idle_until(&w, 12400);
	assert_outcome(only_end(&w), OUTCOME_SILENT);
	assert_ms(only_end(&w)->fail_ns, 1000);
	world_free(&w);
}

/* RFC 5961 4: the server still has the port's last conversation and acknowledges that. */
static void test_challenge_is_no_answer(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 1);
	struct packet challenge = segment(&w, &l, IN, TCP_ACK, NULL, 0);
	challenge.tcp_ack = 3000000000;
	give(&w, &challenge);
	idle_until(&w, 10000);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_SILENT);
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
	for (int i = 0; i < 4; i++) {
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
	for (int i = 0; i < 5; i++) { /* RFC 1122 4.2.3.6: one old byte, acknowledged */
		at(&w, (int64_t)10000 * (i + 1));
		l.seq[OUT]--;
		send_bytes(&w, &l, OUT, "", 1);
		at(&w, 10000 * (i + 1) + 20);
		send_flags(&w, &l, IN, TCP_ACK);
	}
	for (int i = 0; i < 5; i++) { /* a window probe: one new byte, not taken, sent again */
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
	for (int i = 0; i < 3; i++) {
		at(&w, (int64_t)10000 * (i + 1));
		send_bytes(&w, &l, OUT, "", 1);
		l.seq[OUT]--;
	}
	finish(&w);
	assert_outcome(
		last_end(&w), OUTCOME_OK); /* the first was new: two repeats are not enough */
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
		cmocka_unit_test(test_refused_each_time),
		cmocka_unit_test(test_late_reset),
		cmocka_unit_test(test_reset_just_in_time),
		cmocka_unit_test(test_forged_reset_to_syn),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_silent_once),
		cmocka_unit_test(test_input_ends_undecided),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_unreachable_is_for_the_sender),
		cmocka_unit_test(test_connected_and_closed),
		cmocka_unit_test(test_reset_before_data),
		cmocka_unit_test(test_mute_then_server_closes),
		cmocka_unit_test(test_mute_then_client_closes),
		cmocka_unit_test(test_stray_client_reset),
		cmocka_unit_test(test_mute_to_the_end),
		cmocka_unit_test(test_refused_then_answered),
		cmocka_unit_test(test_client_never_saw_the_answer),
		cmocka_unit_test(test_syn_ack_retried_unheard),
		cmocka_unit_test(test_scanned),
		cmocka_unit_test(test_answered_too_late),
		cmocka_unit_test(test_challenge_is_no_answer),
		cmocka_unit_test(test_fell_silent),
		cmocka_unit_test(test_keep_alives_and_probes),
		cmocka_unit_test(test_keep_alives_unanswered),
		cmocka_unit_test(test_blind_reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
