#include "guard/strangers.h"

#include <netinet/in.h>

#include "base/limits.h"
#include "base/testing.h"

#define MINUTE (60 * NS_PER_S)
/* The data's clock; 0 is "unknown". */
#define T0 (1000 * NS_PER_S)

static struct addr addr(const char *text)
{
	struct addr a = {0};
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct stranger tcp(const char *peer, uint16_t port)
{
	return (struct stranger){
		.host = addr("10.0.0.5"), .peer = addr(peer), .proto = IPPROTO_TCP, .port = port};
}

static struct strangers *made(void)
{
	struct strangers *s = NULL;
	struct addr host = addr("10.0.0.5");
	assert_int_equal(strangers_new(&s), 0);
	strangers_watch(s, &host, T0);
	return s;
}

/* A contact each minute that is answered; returns when the next would be. */
static int64_t use(struct strangers *s, struct stranger one, int64_t at_ns, unsigned contacts)
{
	struct switch_sign sign;
	for (unsigned i = 0; i < contacts; i++, at_ns += MINUTE) {
		assert_false(strangers_begin(s, &one, at_ns, 0, &sign));
		strangers_answer(s, &one, at_ns, false);
	}
	return at_ns;
}

static enum switch_cause begins(struct strangers *s, struct stranger one, int64_t at_ns)
{
	struct switch_sign sign;
	bool is = strangers_begin(s, &one, at_ns, 0, &sign);
	assert_int_equal(is, sign.cause != SWITCH_NONE);
	assert_true(sign.chance >= 0 && sign.chance <= 1);
	return sign.cause;
}

static void test_what_follows_a_failure(void **state)
{
	(void)state;
	struct strangers *s = made();
	struct stranger a = tcp("198.51.100.7", 443), b = tcp("203.0.113.8", 443);
	struct switch_sign sign;
	int64_t at = use(s, a, T0, 10);
	assert_int_equal(begins(s, a, at), SWITCH_NONE); /* itself again */
	strangers_fail(s, &a, at);
	assert_true(strangers_begin(s, &b, at + NS_PER_S / 2, 0, &sign));
	assert_int_equal(sign.cause, SWITCH_FAILED);
	assert_true(addr_eq(&sign.left.peer, &a.peer));
	assert_int_equal(sign.lag_ns, NS_PER_S / 2);
	/* one met in ten minutes: two in 600 s, for the second that is the least lag */
	assert_true(sign.chance > 2 / 601.0 && sign.chance < 2 / 599.0);
	strangers_free(s);
}

static void test_what_does_not_follow(void **state)
{
	(void)state;
	struct stranger a = tcp("198.51.100.7", 443), b = tcp("203.0.113.8", 443);
	struct strangers *s = made(); /* failed, but was never in use */
	assert_int_equal(begins(s, a, T0 + 10 * MINUTE), SWITCH_NONE);
	strangers_fail(s, &a, T0 + 10 * MINUTE);
	assert_int_equal(begins(s, b, T0 + 10 * MINUTE + 1), SWITCH_NONE);
	strangers_free(s);
	s = made(); /* it works again */
	int64_t at = use(s, a, T0, 10);
	strangers_fail(s, &a, at);
	at = use(s, a, at + 1, 1);
	assert_int_equal(begins(s, b, at), SWITCH_NONE);
	strangers_free(s);
	s = made(); /* too late */
	at = use(s, a, T0, 60);
	strangers_fail(s, &a, at);
	assert_int_equal(begins(s, b, at + SWITCH_LAG_NS + NS_PER_S), SWITCH_NONE);
	strangers_free(s);
	s = made(); /* not new */
	at = use(s, b, use(s, a, T0, 10), 1);
	strangers_fail(s, &a, at);
	assert_int_equal(begins(s, b, at + 1), SWITCH_NONE);
	strangers_free(s);
}

static void test_silence_needs_a_second(void **state)
{
	(void)state;
	struct strangers *s = made();
	struct stranger a = tcp("198.51.100.7", 443), b = tcp("203.0.113.8", 443),
			c = tcp("203.0.113.9", 443);
	int64_t at = use(s, a, T0, 10);
	assert_int_equal(begins(s, a, at), SWITCH_NONE);
	assert_int_equal(begins(s, b, at + NS_PER_S / 2), SWITCH_NONE);
	assert_int_equal(begins(s, a, at + NS_PER_S), SWITCH_NONE); /* asked again */
	assert_int_equal(begins(s, c, at + 3 * NS_PER_S / 2), SWITCH_SILENT);
	strangers_free(s);
}

/* A host that meets somebody new every ten seconds is not told to have switched. */
static void test_a_lively_host(void **state)
{
	(void)state;
	struct strangers *s = made();
	struct stranger a = tcp("198.51.100.7", 443);
	int64_t at = use(s, a, T0, 2);
	for (uint16_t port = 1000; port < 1060; port++, at += 10 * NS_PER_S)
		(void)use(s, tcp("203.0.113.77", port), at, 1);
	at = use(s, a, at, 2);
	strangers_fail(s, &a, at);
	assert_int_equal(begins(s, tcp("203.0.113.8", 443), at + 2 * NS_PER_S), SWITCH_NONE);
	strangers_free(s);
}

static void test_what_browsers_do(void **state)
{
	(void)state;
	struct stranger a = tcp("198.51.100.7", 80), quic = tcp("198.51.100.7", 443);
	struct strangers *s = made();
	int64_t at = use(s, a, T0, 10);
	strangers_fail(s, &a, at);
	assert_int_equal(begins(s, tcp("198.51.100.7", 443), at + 1), SWITCH_NONE);
	strangers_free(s);
	s = made();
	quic.proto = IPPROTO_UDP;
	at = use(s, quic, T0, 10);
	strangers_fail(s, &quic, at);
	assert_int_equal(begins(s, tcp("198.51.100.7", 443), at + 1), SWITCH_NONE);
	strangers_free(s);
	s = made(); /* 443, then 80: nobody does that by itself */
	a.port = 443;
	at = use(s, a, T0, 10);
	strangers_fail(s, &a, at);
	assert_int_equal(begins(s, tcp("198.51.100.7", 80), at + 1), SWITCH_FAILED);
	strangers_free(s);
}

static void test_names(void **state)
{
	(void)state;
	struct strangers *s = made();
	struct stranger a = tcp("198.51.100.7", 443), other = tcp("203.0.113.8", 443);
	a.domain = other.domain = strangers_domain("one.example");
	int64_t at = use(s, a, T0, 10);
	strangers_fail(s, &a, at);
	assert_int_equal(begins(s, other, at + 1), SWITCH_NONE); /* another address of its name */
	strangers_free(s);
	s = made();
	at = use(s, a, T0, 10);
	strangers_fail_domain(s, &a.host, a.domain, at);
	other.domain = strangers_domain("two.example");
	assert_int_equal(begins(s, other, at + 1), SWITCH_FAILED);
	strangers_free(s);
}

/* First spoken to by its address alone: its name is learnt from the handshake. */
static void test_a_name_that_is_learnt_later(void **state)
{
	(void)state;
	struct strangers *s = made();
	struct switch_sign sign;
	struct stranger a = tcp("198.51.100.7", 443), other = tcp("203.0.113.8", 443);
	assert_false(strangers_begin(s, &a, T0, 1, &sign));
	strangers_answer(s, &a, T0, false);
	a.domain = other.domain = strangers_domain("one.example");
	assert_false(strangers_begin(s, &a, T0 + MINUTE, 1, &sign));
	assert_false(strangers_begin(s, &other, T0 + 2 * MINUTE, 1, &sign));
	/* two tunnels in DNS have no address to be the same by */
	struct stranger tunnel = {.host = a.host, .domain = a.domain, .port = 53};
	strangers_answer(s, &tunnel, T0, false);
	tunnel.domain = strangers_domain("two.example");
	assert_true(strangers_begin(s, &tunnel, T0 + 3 * MINUTE, 2, &sign));
	strangers_free(s);
}

static void test_what_follows_a_block(void **state)
{
	(void)state;
	struct strangers *s = made();
	struct stranger a = tcp("198.51.100.7", 443);
	int64_t at = T0 + 20 * MINUTE;
	strangers_stop(s, &a, at);
	assert_int_equal(begins(s, a, at + 1), SWITCH_STOPPED); /* asked of what is new only */
	assert_int_equal(begins(s, tcp("203.0.113.8", 443), at + NS_PER_S), SWITCH_STOPPED);
	strangers_free(s);
}

static void test_a_limit(void **state)
{
	(void)state;
	struct strangers *s = made();
	struct switch_sign sign;
	struct stranger a = tcp("198.51.100.7", 443), b = tcp("203.0.113.8", 443);
	assert_false(strangers_begin(s, &a, T0, 1, &sign));
	strangers_answer(s, &a, T0, false);
	assert_false(strangers_begin(s, &a, T0 + MINUTE, 1, &sign));
	assert_false(strangers_begin(s, &b, T0 + MINUTE, 2, &sign));
	assert_true(strangers_begin(s, &b, T0 + MINUTE, 1, &sign));
	assert_int_equal(sign.cause, SWITCH_MANY);
	assert_int_equal(sign.used, 1);
	/* what was used more than an hour ago is not in use */
	assert_false(strangers_begin(s, &b, T0 + STRANGERS_USED_NS + MINUTE, 1, &sign));
	strangers_free(s);
}

static void test_one_that_lasts(void **state)
{
	(void)state;
	struct strangers *s = made();
	struct stranger a = tcp("198.51.100.7", 443), b = tcp("203.0.113.8", 443);
	int64_t at = use(s, a, T0, 1) + 9 * MINUTE;
	strangers_answer(s, &a, T0, true);
	strangers_fail(s, &a, at);
	assert_int_equal(begins(s, b, at + 1), SWITCH_FAILED);
	strangers_free(s);
}

/* Ten times as many hosts as there is room for: nothing is remembered of most, nothing breaks. */
static void test_room(void **state)
{
	(void)state;
	struct strangers *s = made();
	struct stranger a = tcp("198.51.100.7", 443);
	struct switch_sign sign;
	unsigned told = 0;
	for (uint32_t i = 0; i < 200000; i++) {
		a.host = addr("10.0.0.0");
		a.host.byte[13] = (uint8_t)(i >> 16);
		a.host.byte[14] = (uint8_t)(i >> 8);
		a.host.byte[15] = (uint8_t)i;
		told += strangers_begin(s, &a, T0 + i, 0, &sign);
		strangers_answer(s, &a, T0 + i, false);
		strangers_fail(s, &a, T0 + i + 1);
	}
	assert_int_equal(told, 0);
	strangers_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_follows_a_failure),
		cmocka_unit_test(test_what_does_not_follow),
		cmocka_unit_test(test_silence_needs_a_second),
		cmocka_unit_test(test_a_lively_host),
		cmocka_unit_test(test_what_browsers_do),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_a_name_that_is_learnt_later),
		cmocka_unit_test(test_what_follows_a_block),
		cmocka_unit_test(test_a_limit),
		cmocka_unit_test(test_one_that_lasts),
		cmocka_unit_test(test_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
