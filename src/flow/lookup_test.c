/* Questions to resolvers: what became of each, and what is one question. */
#include "flow/testing.h"

struct message {
	uint8_t at[512];
	size_t len;
};

static void add(struct message *m, unsigned value, size_t n)
{
	for (size_t i = n; i > 0; i--)
		m->at[m->len++] = (uint8_t)(value >> 8 * (i - 1));
}

/* RFC 1035 4.1. flags: of the header; addresses: A records with these values. */
static struct message message_of(
	unsigned id, unsigned flags, const char *name, size_t answers, const uint32_t *address)
{
	struct message m = {.len = 0};
	add(&m, id, 2);
	add(&m, flags, 2);
	add(&m, 1, 2);
	add(&m, (unsigned)answers, 2);
	add(&m, 0, 4);
	for (size_t n = strcspn(name, "."); n > 0; n = strcspn(name, ".")) {
		add(&m, (unsigned)n, 1);
		for (size_t i = 0; i < n; i++)
			add(&m, (uint8_t)name[i], 1);
		name += n + (name[n] == '.');
	}
	add(&m, 0, 1);
	add(&m, 0x00010001, 4);
	for (size_t i = 0; i < answers; i++) {
		add(&m, 0xc00c, 2);
		add(&m, 0x00010001, 4);
		add(&m, 300, 4);
		add(&m, 4, 2);
		add(&m, address[i], 4);
	}
	return m;
}

static const uint32_t some_address = 0xc6336409;

static struct message question(unsigned id, const char *name)
{
	return message_of(id, 0x0100, name, 0, NULL);
}

static struct message answer(unsigned id, const char *name)
{
	return message_of(id, 0x8180, name, 1, &some_address);
}

static struct message failure(unsigned id, const char *name, unsigned rcode)
{
	return message_of(id, 0x8180 | rcode, name, 0, NULL);
}

static struct packet send_message(
	struct world *w, const struct line *l, enum from from, struct message m)
{
	static struct message kept[8]; /* for again() */
	static size_t next;
	struct message *mine = &kept[next++ % ARRAY_LEN(kept)];
	*mine = m;
	return datagram(w, l, from, mine->at, mine->len);
}

static const struct lookup *only_lookup(const struct world *w)
{
	assert_int_equal(w->events, 1);
	assert_int_equal(w->got[0].kind, EVENT_LOOKUP);
	return &w->got[0].lookup;
}

static void test_answered(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53);
	send_message(&w, &l, OUT, question(7, "C2.Example.net"));
	at(&w, 30);
	send_message(&w, &l, IN, answer(7, "c2.example.net"));
	const struct lookup *q = only_lookup(&w);
	assert_outcome(q, OUTCOME_OK);
	assert_string_equal(q->name, "c2.example.net");
	assert_ms(q->query_ns, 0);
	assert_ms(q->repeat_ns, 0);
	assert_ms(q->answer_ns, 30);
	assert_int_equal(q->fail_ns, 0);
	assert_int_equal(q->qtype, DNS_A);
	assert_int_equal(q->client_port, 50000);
	assert_true(addr_eq(&q->client, &l.addr[OUT]) && addr_eq(&q->resolver, &l.addr[IN]));
	assert_int_equal(q->transport, TRANSPORT_UDP);
	assert_int_equal(q->answers, 1);
	struct addr wanted = addr_v4(some_address);
	assert_true(addr_eq(&q->answer[0].addr, &wanted));
	assert_int_equal(q->answer[0].ttl_s, 300);
	finish(&w);
	assert_int_equal(w.events, 1);
	assert_int_equal(flow_table_stats(w.t)->messages, 2);
	assert_int_equal(flow_table_stats(w.t)->conversations, 0);
	world_free(&w);
}

/* a CNAME b.example, b.example A (RFC 1034 3.6.2) */
static void test_aliases(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53);
	struct message m = message_of(7, 0x8180, "a", 0, NULL);
	m.at[7] = 2;
	add(&m, 0xc00c, 2);
	add(&m, 0x00050001, 4);
	add(&m, 60, 4);
	add(&m, 11, 2);
	add(&m, 0x0162, 2);
	add(&m, 0x07657861, 4);
	add(&m, 0x6d706c65, 4);
	add(&m, 0, 1);
	add(&m, 0xc01f, 2);
	add(&m, 0x00010001, 4);
	add(&m, 30, 4);
	add(&m, 4, 2);
	add(&m, some_address, 4);
	send_message(&w, &l, IN, m);
	const struct lookup *q = only_lookup(&w);
	assert_string_equal(q->name, "a");
	assert_int_equal(q->cnames, 1);
	assert_string_equal(q->cname[0], "b.example");
	assert_int_equal(q->answers, 1);
	assert_int_equal(q->answer[0].ttl_s, 30);
	world_free(&w);
}

static void test_outcomes(void **state)
{
	(void)state;
	static const uint32_t zero = 0, loopback = 0x7f000001;
	const struct {
		struct message m;
		enum outcome outcome;
	} rows[] = {
		{failure(7, "a.example", 3), OUTCOME_NXDOMAIN},
		{failure(7, "a.example", 2), OUTCOME_SERVFAIL},
		{failure(7, "a.example", 5), OUTCOME_SERVFAIL},
		{failure(7, "a.example", 1), OUTCOME_UNKNOWN},
		{failure(7, "a.example", 0), OUTCOME_OK}, /* the name is there, without address */
		{message_of(7, 0x8380, "a.example", 0, NULL), OUTCOME_UNKNOWN}, /* truncated */
		{message_of(7, 0x8180, "a.example", 1, &zero), OUTCOME_SINKHOLED},
		{message_of(7, 0x8180, "a.example", 1, &loopback), OUTCOME_SINKHOLED},
		{answer(7, "a.example"), OUTCOME_OK},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w = world_new();
		struct line l = line_new(50000, 53);
		send_message(&w, &l, OUT, question(7, "a.example"));
		at(&w, 20);
		send_message(&w, &l, IN, rows[i].m);
		assert_outcome(only_lookup(&w), rows[i].outcome);
		assert_int_equal(
			only_lookup(&w)->fail_ns, outcome_is_failure(rows[i].outcome) ? MS(20) : 0);
		world_free(&w);
	}
}

static void test_silent(void **state)
{
	(void)state;
	for (int retried = 0; retried < 2; retried++) {
		struct world w = world_new();
		struct line l = line_new(50000, 53);
		struct packet p = send_message(&w, &l, OUT, question(7, "a.example"));
		int64_t last = retried ? 5000 : 0;
		at(&w, 5000);
		if (retried)
			again(&w, &p);
		idle_until(&w, last + 10000);
		assert_int_equal(w.events, 0);
		idle_until(&w, last + 11100);
		const struct lookup *q = only_lookup(&w);
		assert_outcome(q, OUTCOME_DNS_SILENT);
		assert_ms(q->query_ns, 0);
		assert_ms(q->repeat_ns, last);
		assert_ms(q->fail_ns, retried ? 8000 : 1000);
		assert_int_equal(q->answer_ns, 0);
		world_free(&w);
	}
}

static void test_input_ends(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct world w = world_new();
		struct line l = line_new(50000, 53);
		send_message(&w, &l, OUT, question(7, "a.example"));
		idle_until(&w, late ? 1000 : 999);
		finish(&w);
		assert_outcome(only_lookup(&w), late ? OUTCOME_DNS_SILENT : OUTCOME_UNKNOWN);
		assert_int_equal(only_lookup(&w)->fail_ns, late ? MS(1000) : 0);
		world_free(&w);
	}
}

/* One question that repeats itself does not keep the others from being given up. */
static void test_repeated_one_holds_nobody_back(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53), other = line_new(50001, 53);
	struct packet p = send_message(&w, &l, OUT, question(7, "a.example"));
	send_message(&w, &other, OUT, question(8, "b.example"));
	for (int64_t i = 1; i <= 4; i++) {
		at(&w, 5000 * i);
		again(&w, &p);
	}
	assert_string_equal(only_lookup(&w)->name, "b.example");
	assert_ms(only_lookup(&w)->fail_ns, 1000);
	world_free(&w);
}

static void test_unreachable(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53), other = line_new(50001, 53);
	send_message(&w, &l, OUT, question(7, "a.example"));
	send_message(&w, &other, OUT, question(8, "b.example"));
	at(&w, 3);
	unreachable(&w, &l, IP_UDP, 3);
	assert_string_equal(only_lookup(&w)->name, "a.example");
	assert_outcome(only_lookup(&w), OUTCOME_UNREACHABLE);
	assert_ms(only_lookup(&w)->fail_ns, 3);
	world_free(&w);
}

/* Every packet twice, 2 ms apart, as two taps see it; the answer comes between. */
static void test_copies(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53);
	struct packet q = send_message(&w, &l, OUT, question(7, "a.example"));
	at(&w, 1);
	struct packet a = send_message(&w, &l, IN, failure(7, "a.example", 3));
	at(&w, 2);
	again(&w, &q);
	at(&w, 3);
	again(&w, &a);
	finish(&w);
	assert_outcome(only_lookup(&w), OUTCOME_NXDOMAIN);
	assert_ms(only_lookup(&w)->fail_ns, 1);
	assert_ms(only_lookup(&w)->repeat_ns, 0);
	assert_int_equal(flow_table_stats(w.t)->duplicates, 2);
	assert_int_equal(flow_table_stats(w.t)->messages, 2);
	assert_int_equal(flow_table_stats(w.t)->lookups, 1);
	world_free(&w);
}

static void test_copies_unanswered(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53);
	struct packet q = send_message(&w, &l, OUT, question(7, "a.example"));
	at(&w, 2);
	again(&w, &q);
	idle_until(&w, 12000);
	assert_ms(only_lookup(&w)->fail_ns, 1000); /* asked once */
	world_free(&w);
}

static void test_second_answer(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53);
	struct packet q = send_message(&w, &l, OUT, question(7, "a.example"));
	at(&w, 1000);
	again(&w, &q);
	at(&w, 1010);
	send_message(&w, &l, IN, answer(7, "a.example"));
	at(&w, 1020); /* it crossed the answer: no further look-up */
	again(&w, &q);
	at(&w, 1040);
	send_message(&w, &l, IN, answer(7, "a.example"));
	at(&w, 1050); /* injected, or another server's */
	send_message(&w, &l, IN, failure(7, "a.example", 3));
	finish(&w);
	assert_outcome(only_lookup(&w), OUTCOME_OK);
	assert_ms(only_lookup(&w)->answer_ns, 1010);
	assert_int_equal(flow_table_stats(w.t)->answers_again, 2);
	world_free(&w);
}

static void test_asked_again_after_failure(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53);
	struct packet q = send_message(&w, &l, OUT, question(7, "a.example"));
	at(&w, 10);
	send_message(&w, &l, IN, failure(7, "a.example", 2));
	at(&w, 20);
	again(&w, &q);
	at(&w, 30);
	send_message(&w, &l, IN, answer(7, "a.example"));
	finish(&w);
	assert_int_equal(w.events, 2);
	assert_outcome(&w.got[0].lookup, OUTCOME_SERVFAIL);
	assert_outcome(&w.got[1].lookup, OUTCOME_OK);
	assert_ms(w.got[1].lookup.query_ns, 20);
	assert_int_not_equal(w.got[0].lookup.id, w.got[1].lookup.id);
	world_free(&w);
}

/* An answer whose question was not seen is a look-up; its copies and repeats are none. */
static void test_answer_alone(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53);
	struct packet a = send_message(&w, &l, IN, answer(7, "a.example"));
	again(&w, &a);
	at(&w, 500);
	again(&w, &a);
	finish(&w);
	assert_outcome(only_lookup(&w), OUTCOME_OK);
	assert_ms(only_lookup(&w)->query_ns, 0);
	assert_int_equal(flow_table_stats(w.t)->duplicates, 1);
	assert_int_equal(flow_table_stats(w.t)->answers_again, 1);
	world_free(&w);
}

/* What differs in any part is another question. */
static void test_told_apart(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53), port = line_new(50001, 53), resolver = l;
	resolver.addr[IN] = addr_v4(0x08080808);
	send_message(&w, &l, OUT, question(7, "a.example"));
	send_message(&w, &l, OUT, question(8, "a.example"));
	send_message(&w, &l, OUT, question(7, "b.example"));
	send_message(&w, &port, OUT, question(7, "a.example"));
	send_message(&w, &resolver, OUT, question(7, "a.example"));
	at(&w, 10);
	send_message(&w, &l, IN, answer(8, "a.example"));
	finish(&w);
	assert_int_equal(w.events, 5);
	assert_outcome(&w.got[0].lookup, OUTCOME_OK);
	for (size_t i = 1; i < 5; i++)
		assert_outcome(&w.got[i].lookup, OUTCOME_UNKNOWN);
	world_free(&w);
}

static void test_late_answer(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53);
	send_message(&w, &l, OUT, question(7, "a.example"));
	at(&w, 10001);
	send_message(&w, &l, IN, answer(7, "a.example"));
	finish(&w);
	assert_int_equal(w.events, 2);
	assert_outcome(&w.got[0].lookup, OUTCOME_DNS_SILENT);
	assert_outcome(&w.got[1].lookup, OUTCOME_OK);
	world_free(&w);
}

static void test_flood(void **state)
{
	(void)state;
	struct world w = world_new(); /* 64 questions */
	struct line l = line_new(50000, 53);
	send_message(&w, &l, OUT, question(1, "answered.example"));
	send_message(&w, &l, IN, answer(1, "answered.example"));
	for (unsigned i = 0; i < 1000; i++)
		send_message(&w, &l, OUT, question(i + 10, "flood.example"));
	finish(&w);
	const struct flow_stats *s = flow_table_stats(w.t);
	assert_int_equal(s->lookups, 1001);
	assert_int_equal(s->lookups_evicted, 1000 - 64); /* what was told went first, uncounted */
	assert_int_equal(w.events, 65);
	assert_int_equal(s->messages, 1002);
	world_free(&w);
}

static void test_over_tcp(void **state)
{
	(void)state;
	for (size_t step = 1; step < 200; step = step * 2 + 1) {
		struct world w = world_new();
		struct line l = line_new(50000, 53);
		shake_hands(&w, &l);
		struct message one = question(7, "a.example"), two = question(8, "b.example"), all;
		all.len = 0;
		add(&all, (unsigned)one.len, 2);
		memcpy(all.at + all.len, one.at, one.len);
		all.len += one.len;
		add(&all, (unsigned)two.len, 2);
		memcpy(all.at + all.len, two.at, two.len);
		all.len += two.len;
		at(&w, 100);
		for (size_t i = 0; i < all.len; i += step)
			send_bytes(
				&w, &l, OUT, all.at + i, all.len - i < step ? all.len - i : step);
		struct message a = failure(8, "b.example", 3), framed = {.len = 0};
		add(&framed, (unsigned)a.len, 2);
		memcpy(framed.at + 2, a.at, a.len);
		at(&w, 120);
		send_bytes(&w, &l, IN, framed.at, 2 + a.len);
		assert_int_equal(w.events, 2);
		assert_outcome(&w.got[0].lookup, OUTCOME_NXDOMAIN);
		assert_string_equal(w.got[0].lookup.name, "b.example");
		assert_int_equal(w.got[0].lookup.transport, TRANSPORT_TCP);
		assert_ms(w.got[0].lookup.query_ns, 100);
		assert_true(w.got[1].conn.settled);
		assert_outcome(&w.got[1].conn, OUTCOME_OK);
		assert_string_equal(w.got[1].conn.service, "dns");
		assert_int_equal(flow_table_stats(w.t)->lookups, 2);
		assert_int_equal(flow_table_stats(w.t)->messages, 0);
		world_free(&w);
	}
}

/* Another protocol behind DNS's port is a conversation. */
static void test_not_dns(void **state)
{
	(void)state;
	struct world w = world_new();
	struct line l = line_new(50000, 53);
	datagram(&w, &l, OUT, "\1\2nothing known", 15);
	struct line stream = line_new(50001, 53);
	shake_hands(&w, &stream);
	send_text(&w, &stream, OUT, "whatever this is, it is no question\n");
	send_text(&w, &stream, IN, "nor is this an answer to anybody's question\n");
	finish(&w);
	assert_int_equal(flow_table_stats(w.t)->lookups, 0);
	assert_int_equal(flow_table_stats(w.t)->conversations, 2);
	assert_string_equal(last_end(&w)->service, "unknown");
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_input_ends),
		cmocka_unit_test(test_repeated_one_holds_nobody_back),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_copies_unanswered),
		cmocka_unit_test(test_second_answer),
		cmocka_unit_test(test_asked_again_after_failure),
		cmocka_unit_test(test_answer_alone),
		cmocka_unit_test(test_told_apart),
		cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_over_tcp),
		cmocka_unit_test(test_not_dns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
