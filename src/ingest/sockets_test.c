#include <errno.h>

#include "ingest/sockets_testing.h"
/* after the standard headers that it needs */
#include "base/testing.h"

#define SEC   INT64_C(1000000000)
#define START (INT64_C(1700000000) * SEC)
#define V4    2
#define V6    10

static struct sockets *table(size_t capacity)
{
	struct sockets *s = NULL;
	assert_int_equal(sockets_new(&s, capacity), 0);
	return s;
}

static struct record base(uint64_t sock)
{
	return (struct record){
		.time_ns = START,
		.sock = sock,
		.cgroup = 77,
		.pid = 1234,
		.uid = 1000,
		.family = V4,
		.v4_from = {192, 0, 2, 1},
		.v4_to = {198, 51, 100, 7},
		.port_to = 443,
		.from = SOCKET_CLOSE,
		.to = SOCKET_SYN_SENT,
		.comm = "curl",
	};
}

static const struct event *say(
	struct sockets *s, const struct record *r, struct kernel_owner *ret_owner)
{
	uint8_t bytes[CHANGE_BYTES];
	struct change change;
	record_make(r, bytes);
	struct cur c = cur_of(bytes, sizeof bytes);
	change_read(&c, &change);
	assert_true(cur_ok(&c));
	return sockets_change(s, &change, ret_owner);
}

/* Begins at START, then goes to the states given, a second apart. */
static const struct event *walk(struct sockets *s, struct record r, const uint8_t *states)
{
	const struct event *event = say(s, &r, NULL);
	r.comm = "ksoftirqd/0"; /* whoever runs when an answer comes */
	r.pid = 9;
	for (; *states != 0; states++) {
		assert_null(event);
		r.from = r.to;
		r.to = *states;
		r.time_ns += SEC;
		r.port_from = 40000;
		event = say(s, &r, NULL);
	}
	return event;
}

static void test_outcomes(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const uint8_t states[5];
		uint32_t error, retrans, sent, again, received;
		bool done;
		enum outcome outcome;
		int fail_s, leave_s; /* after the start; 0: none */
		uint32_t out, in;
	} row[] = {
		{"refused", {7}, ECONNREFUSED, 0, 0, 0, 0, false, OUTCOME_REFUSED, 1, 0, 0, 0},
		{"timed out", {7}, ETIMEDOUT, 6, 0, 0, 0, false, OUTCOME_SILENT, 1, 1, 0, 0},
		{"left after a wait", {7}, 0, 0, 0, 0, 0, false, OUTCOME_SILENT, 1, 1, 0, 0},
		{"no host", {7}, EHOSTUNREACH, 0, 0, 0, 0, false, OUTCOME_UNREACHABLE, 1, 0, 0, 0},
		{"no net", {7}, ENETUNREACH, 0, 0, 0, 0, false, OUTCOME_UNREACHABLE, 1, 0, 0, 0},
		{"prohibited", {7}, EACCES, 0, 0, 0, 0, false, OUTCOME_UNREACHABLE, 1, 0, 0, 0},
		{"own trouble", {7}, ENOBUFS, 0, 0, 0, 0, false, OUTCOME_UNKNOWN, 0, 0, 0, 0},
		{"talk", {1, 4, 7}, 0, 0, 100, 10, 501, true, OUTCOME_OK, 0, 0, 90, 500},
		{"talk, no FIN", {1, 4, 7}, 0, 0, 100, 0, 500, false, OUTCOME_OK, 0, 0, 100, 500},
		{"talk, cut", {1, 7}, ECONNRESET, 0, 9, 0, 5, false, OUTCOME_OK, 0, 0, 9, 5},
		{"cut", {1, 7}, ECONNRESET, 0, 9, 0, 0, false, OUTCOME_RESET, 2, 0, 9, 0},
		{"cut at once", {1, 7}, ECONNRESET, 0, 0, 0, 0, false, OUTCOME_RESET, 2, 0, 0, 0},
		{"server left", {1, 8, 7}, 0, 0, 9, 0, 1, true, OUTCOME_STALLED, 2, 0, 9, 0},
		{"left, then cut", {1, 8, 7}, ECONNRESET, 0, 9, 0, 1, true, OUTCOME_STALLED, 2, 0,
			9, 0},
		{"client left", {1, 4, 7}, 0, 0, 9, 0, 0, false, OUTCOME_STALLED, 2, 0, 9, 0},
		{"died", {1, 7}, ETIMEDOUT, 0, 9, 0, 5, false, OUTCOME_STALLED, 2, 0, 9, 5},
		{"nothing asked", {1, 4, 7}, 0, 0, 0, 0, 1, true, OUTCOME_UNKNOWN, 0, 0, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct sockets *s = table(4);
		struct record r = base(0xffff888000000040 + i * 64);
		r.error = row[i].error;
		r.retrans = row[i].retrans;
		r.sent = row[i].sent;
		r.again = row[i].again;
		r.received = row[i].received;
		r.done = row[i].done;
		const struct event *event = walk(s, r, row[i].states);
		assert_non_null(event);
		const struct conn *c = &event->conn;
		if (c->outcome != row[i].outcome)
			print_message("%s\n", row[i].what);
		assert_int_equal(c->outcome, row[i].outcome);
		assert_int_equal(c->fail_ns, row[i].fail_s > 0 ? START + row[i].fail_s * SEC : 0);
		assert_int_equal(
			c->leave_ns, row[i].leave_s > 0 ? START + row[i].leave_s * SEC : 0);
		assert_int_equal(c->bytes_out, row[i].out);
		assert_int_equal(c->bytes_in, row[i].in);
		assert_int_equal(c->tries, row[i].retrans + 1);
		assert_true(c->settled && c->ended);
		sockets_free(s);
	}
}

static void test_event(void **state)
{
	(void)state;
	struct sockets *s = table(4);
	struct record r = base(0x1000);
	struct kernel_owner owner = {0};
	char text[ADDR_TEXT_BYTES];
	r.v4_from[0] = 0; /* not chosen yet */
	assert_null(say(s, &r, &owner));
	r.v4_from[0] = 192;
	r.port_from = 40000;
	r.pid = 0;
	r.comm = "swapper/1";
	r.segs_out = 3;
	r.segs_in = 2;
	r.to = SOCKET_CLOSE;
	r.error = ECONNREFUSED;
	r.time_ns += 250;
	const struct event *event = say(s, &r, &owner);
	assert_non_null(event);
	assert_int_equal(event->kind, EVENT_CONN);
	assert_int_equal(event->conn.id, 1);
	assert_int_equal(event->conn.start_ns, START);
	assert_int_equal(event->conn.end_ns, START + 250);
	assert_string_equal(addr_text(&event->conn.client, text), "192.0.2.1");
	assert_string_equal(addr_text(&event->conn.server, text), "198.51.100.7");
	assert_int_equal(event->conn.client_port, 40000);
	assert_int_equal(event->conn.server_port, 443);
	assert_int_equal(event->conn.packets_out, 3);
	assert_int_equal(event->conn.packets_in, 2);
	assert_string_equal(event->conn.process, "curl");
	assert_int_equal(owner.pid, 1234);
	assert_int_equal(owner.uid, 1000);
	assert_int_equal(owner.cgroup, 77);
	sockets_free(s);
}

static void test_addresses(void **state)
{
	(void)state;
	static const struct {
		uint16_t family;
		uint8_t to[16];
		const char *want;
	} row[] = {
		{V4, {0}, "198.51.100.7"},
		{V6, {0x20, 1, 0xd, 0xb8, [15] = 1}, "2001:db8::1"},
		{V6, {[10] = 0xff, 0xff, 198, 51, 100, 7}, "198.51.100.7"},
	};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct record r = base(1);
		uint8_t bytes[CHANGE_BYTES + 1];
		struct change change;
		char text[ADDR_TEXT_BYTES];
		r.family = row[i].family;
		memcpy(r.v6_to, row[i].to, 16);
		record_make(&r, bytes);
		struct cur c = cur_of(bytes, CHANGE_BYTES);
		change_read(&c, &change);
		assert_true(cur_ok(&c));
		assert_string_equal(addr_text(&change.server, text), row[i].want);
		for (size_t len = 0; len <= sizeof bytes; len++) { /* every other length is none */
			c = cur_of(bytes, len);
			change_read(&c, &change);
			assert_int_equal(cur_ok(&c), len == CHANGE_BYTES);
		}
	}
}

static void test_never_sent(void **state)
{
	(void)state;
	struct sockets *s = table(4);
	struct record r = base(0x1000);
	struct kernel_stats stats = {0};
	assert_null(say(s, &r, NULL));
	r.to = SOCKET_CLOSE; /* no port was free */
	assert_null(say(s, &r, NULL));
	sockets_stats(s, &stats);
	assert_int_equal(stats.unsent, 1);
	/* a change of a socket whose beginning was not seen */
	r.to = SOCKET_CLOSE;
	r.port_from = 1;
	assert_null(say(s, &r, NULL));
	sockets_free(s);
}

/* Told once when it has been open for long, once at its end; what was told to work may only have
 * fallen silent. */
static void test_due(void **state)
{
	(void)state;
	for (int silent = 0; silent < 2; silent++) {
		struct sockets *s = table(4);
		struct kernel_owner owner = {0};
		const uint8_t open[] = {SOCKET_ESTABLISHED, 0};
		struct record r = base(0x1000);
		assert_null(walk(s, r, open));
		assert_null(sockets_due(s, START + 11 * SEC - 1, &owner));
		const struct event *event = sockets_due(s, START + 11 * SEC, &owner);
		assert_non_null(event);
		assert_true(event->conn.settled && !event->conn.ended);
		assert_int_equal(event->conn.outcome, OUTCOME_OK);
		assert_int_equal(event->conn.start_ns, START);
		assert_int_equal(owner.pid, 1234);
		uint64_t id = event->conn.id;
		assert_null(sockets_due(s, START + 99 * SEC, &owner));
		r.to = SOCKET_CLOSE;
		r.port_from = 40000;
		r.time_ns += 100 * SEC;
		r.error = silent == 1 ? ETIMEDOUT : ECONNRESET;
		r.sent = 5;
		event = say(s, &r, NULL);
		assert_int_equal(event->conn.id, id);
		assert_int_equal(event->conn.outcome, silent == 1 ? OUTCOME_STALLED : OUTCOME_OK);
		assert_int_equal(event->conn.fail_ns, silent == 1 ? START + 100 * SEC : 0);
		assert_string_equal(event->conn.process, "curl");
		sockets_free(s);
	}
	/* being closed, or closed and begun again at the same place: not told early */
	struct sockets *s = table(4);
	const uint8_t closing[] = {SOCKET_ESTABLISHED, SOCKET_FIN_WAIT1, 0};
	assert_null(walk(s, base(0x1000), closing));
	assert_null(sockets_due(s, START + 99 * SEC, NULL));
	const uint8_t closed[] = {SOCKET_ESTABLISHED, SOCKET_CLOSE, 0};
	assert_non_null(walk(s, base(0x2000), closed));
	struct record again = base(0x2000);
	assert_null(say(s, &again, NULL));
	assert_null(sockets_due(s, START + 99 * SEC, NULL));
	sockets_free(s);
}

/* Against a list: whatever order sockets come and go in, each end tells its own beginning. */
static void test_table(void **state)
{
	(void)state;
	enum { CAPACITY = 50, SOCKETS = 60, STEPS = 20000 };
	struct sockets *s = table(CAPACITY);
	int64_t begun[SOCKETS] = {0}; /* 0: not open */
	uint64_t seed = 1, told = 0, untold = 0;
	struct kernel_stats stats = {0};
	for (int64_t step = 1; step <= STEPS; step++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
		size_t i = (size_t)(seed >> 33) % SOCKETS;
		struct record r = base(0xffff888000000000 + i * 0x940);
		r.time_ns = START + step;
		r.port_from = (uint16_t)(i + 1);
		if ((seed >> 60) < 8) {
			begun[i] = r.time_ns; /* also when its end was lost */
			assert_null(say(s, &r, NULL));
			continue;
		}
		r.to = SOCKET_CLOSE;
		r.error = ECONNREFUSED;
		const struct event *event = say(s, &r, NULL);
		if (event != NULL) {
			assert_int_equal(event->conn.start_ns, begun[i]);
			assert_int_equal(event->conn.client_port, i + 1);
		}
		told += event != NULL;
		untold += event == NULL && begun[i] != 0; /* it was evicted */
		begun[i] = 0;
	}
	sockets_stats(s, &stats);
	assert_true(told > STEPS / 5);
	assert_true(untold <= stats.evicted);
	/* what was told has gone */
	for (size_t i = 0; i < SOCKETS; i++) {
		struct record r = base(0xffff888000000000 + i * 0x940);
		r.to = SOCKET_CLOSE;
		r.port_from = 1;
		const struct event *event = say(s, &r, NULL);
		assert_true(event == NULL || begun[i] != 0);
	}
	sockets_free(s);
	/* with room for all nothing is ever untold */
	s = table(SOCKETS);
	for (size_t i = 0; i < SOCKETS; i++) {
		struct record r = base(0xffff888000000000 + i * 0x940);
		assert_null(say(s, &r, NULL));
	}
	for (size_t i = SOCKETS; i-- > 0;) {
		struct record r = base(0xffff888000000000 + i * 0x940);
		r.to = SOCKET_CLOSE;
		r.port_from = 1;
		assert_non_null(say(s, &r, NULL));
	}
	stats = (struct kernel_stats){0};
	sockets_stats(s, &stats);
	assert_int_equal(stats.evicted, 0);
	sockets_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_never_sent),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
