/* Attempts of TCP that got no further than a SYN/ACK: each outcome with its times. */
#include "flow/testing.h"

/* ---- unanswered ---- */

static void test_refused_each_time(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	struct packet syn = send_flags(&w, &l, OUT, TCP_SYN);
	for (int64_t i = 0; i < 3; i++) { /* as Windows does: 0, 0.5, 1 s; each RST 10 ms later */
		at(&w, 500 * i);
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

/* A rule that logs and denies: its words are the outcome. One that only logs need not see answers.
 */
static void test_logged(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct world w = world_new();
		struct line l = line_new(40000, 443);
		struct packet p = segment(&w, &l, OUT, TCP_SYN, NULL, 0);
		p.logged = true;
		p.denied = i == 1;
		give(&w, &p);
		p.denied = i == 1 || i == 2; /* logged by two rules */
		give(&w, &p);
		at(&w, 1000);
		p.time_ns = w.now_ns;
		give(&w, &p);
		idle_until(&w, 90000);
		const struct conn *c = only_end(&w);
		assert_outcome(c, i == 0 ? OUTCOME_UNKNOWN : OUTCOME_DENIED);
		if (i > 0)
			assert_ms(c->fail_ns, 1000);
		assert_int_equal(c->tries, 2);
		world_free(&w);
	}
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
	at(&w, 1000);
	again(&w, &syn);
	at(&w, 1041);
	unreachable(&w, &l, IP_TCP, 13);
	at(&w, 1042);
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK); /* ICMP goes first */
	at(&w, 1045);
	unreachable(&w, &l, IP_TCP, 13); /* by the second tap */
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
	for (int64_t i = 0; i < 4; i++) {
		at(&w, 1000 << i);
		again(&w, &answer);
	}
	idle_until(&w, 84300); /* a flood's are not kept for an hour */
	assert_outcome(only_end(&w), OUTCOME_UNKNOWN);
	assert_int_equal(only_end(&w)->packets_in, 5);
	world_free(&w);
}

static void test_reset_half_open(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 1);
	struct packet answer = send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	at(&w, 2);
	send_flags(&w, &l, IN, TCP_RST | TCP_ACK);
	at(&w, 8);
	send_flags(&w, &l, OUT, TCP_ACK); /* crossed the RST */
	again(&w, &answer);               /* and so did this */
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_RESET);
	assert_ms(only_end(&w)->fail_ns, 2);
	world_free(&w);
}

/* A server that gives up on a client that has long left resets nothing. */
static void test_reset_half_open_late(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(40000, 443);
	send_flags(&w, &l, OUT, TCP_SYN);
	at(&w, 1);
	struct packet answer = send_flags(&w, &l, IN, TCP_SYN | TCP_ACK);
	for (int64_t ms = 1000; ms < 63000; ms *= 2) {
		at(&w, ms);
		again(&w, &answer);
	}
	at(&w, 64000);
	send_flags(&w, &l, IN, TCP_RST);
	finish(&w);
	assert_outcome(only_end(&w), OUTCOME_UNKNOWN);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_each_time),
		cmocka_unit_test(test_late_reset),
		cmocka_unit_test(test_reset_just_in_time),
		cmocka_unit_test(test_forged_reset_to_syn),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_silent_once),
		cmocka_unit_test(test_logged),
		cmocka_unit_test(test_input_ends_undecided),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_unreachable_is_for_the_sender),
		cmocka_unit_test(test_client_never_saw_the_answer),
		cmocka_unit_test(test_syn_ack_retried_unheard),
		cmocka_unit_test(test_reset_half_open),
		cmocka_unit_test(test_reset_half_open_late),
		cmocka_unit_test(test_scanned),
		cmocka_unit_test(test_answered_too_late),
		cmocka_unit_test(test_challenge_is_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
