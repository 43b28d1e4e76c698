/* Properties that hold for any traffic; the traffic is random, from seeds that are printed. */
#include "flow/traffic_testing.h"

#include "base/testing.h"

#define BYTES  20000
#define ROUNDS 40

/* xorshift64*, so that a seed means the same everywhere */
static void fill(uint8_t *bytes, size_t len, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15 + 1;
	for (size_t i = 0; i < len; i++) {
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		bytes[i] = (uint8_t)(x * 0x2545f4914f6cdd1d >> 56);
	}
}

static uint8_t *random_bytes(uint64_t seed)
{
	uint8_t *bytes = malloc(BYTES);
	assert_non_null(bytes);
	fill(bytes, BYTES, seed);
	return bytes;
}

/* Nothing is lost (the run checks), and two tables, whose secrets differ, tell the same. */
static void test_same_again(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 3, 1000};
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		uint8_t *bytes = random_bytes(seed);
		struct flow_options options = {
			.conversations_max = sizes[seed % 3], .lookups_max = sizes[seed / 3 % 3]};
		struct told one = traffic_run(bytes, BYTES, options, 0),
			    two = traffic_run(bytes, BYTES, options, 0);
		if (one.sum != two.sum)
			print_message("seed %d\n", (int)seed);
		assert_true(one.conversations > 100);
		assert_true(one.lookups >= 5);
		assert_int_equal(one.sum, two.sum);
		free(bytes);
	}
}

struct times {
	int64_t shift_ns;
	uint64_t sum;
};

/* The sum of what was told, with all times taken from the first packet's. */
static uint64_t run_shifted(const uint8_t *bytes, int64_t shift_ns)
{
	struct strings *strings = NULL;
	struct flow_table *table = NULL;
	assert_int_equal(strings_new(&strings, 1 << 16, 1 << 10), 0);
	struct flow_options options = {
		.conversations_max = 7, .lookups_max = 8, .strings = strings};
	assert_int_equal(flow_table_new(&table, &options), 0);
	struct traffic t = traffic_of(bytes, BYTES);
	struct told told = {0};
	struct packet p;
	bool more = true;
	while (more) {
		more = traffic_next(&t, &p);
		p.time_ns += shift_ns;
		if (more)
			flow_table_add(table, &p);
		else
			flow_table_finish(table);
		for (const struct event *e = flow_table_next(table); e != NULL;
			e = flow_table_next(table)) {
			const struct conn *c = &e->conn;
			if (e->kind == EVENT_LOOKUP)
				continue;
			told_number(&told, (int64_t)c->id);
			told_number(&told, (int64_t)c->outcome);
			told_number(&told, c->ended);
			told_number(&told, c->start_ns - shift_ns);
			told_number(&told, c->end_ns - shift_ns);
			told_number(&told, c->fail_ns == 0 ? 0 : c->fail_ns - shift_ns);
		}
	}
	flow_table_free(table);
	strings_free(strings);
	return told.sum;
}

static void test_shifted(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		uint8_t *bytes = random_bytes(seed);
		uint64_t sum = run_shifted(bytes, 0);
		/* copies' times are kept in units of 1.024 us: shifts are whole ones */
		assert_int_equal(run_shifted(bytes, INT64_C(1) << 50), sum);
		assert_int_equal(run_shifted(bytes, -(INT64_C(1234567) << 10)), sum);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_shifted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
