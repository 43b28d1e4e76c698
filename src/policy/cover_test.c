#include <errno.h>
#include <string.h>

#include "base/testing.h"
#include "policy/cover.h"

#define UNIVERSE 8u  /* addresses of a /29 */
#define PREFIXES 15u /* of it: /29, two /30, four /31, eight /32 */

static uint64_t seed = 20261125;

static uint32_t draw(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 32);
}

/* The addresses of prefix i, in the order of a heap. */
static unsigned mask_of(unsigned i)
{
	unsigned level = i == 0 ? 0 : i < 3 ? 1 : i < 7 ? 2 : 3;
	unsigned size = UNIVERSE >> level, at = (i + 1 - (1u << level)) * size;
	return ((1u << size) - 1) << at;
}

static unsigned bits_of(unsigned n)
{
	return (unsigned)__builtin_popcount(n);
}

/* Every set of prefixes is tried: best[k] is the least excess of k or fewer that hold `needed`. */
static void try_all(unsigned needed, unsigned best[UNIVERSE + 1])
{
	for (unsigned k = 0; k <= UNIVERSE; k++)
		best[k] = UNIVERSE + 1;
	for (unsigned set = 1; set < 1u << PREFIXES; set++) {
		unsigned held = 0, k = bits_of(set);
		for (unsigned i = 0; k <= UNIVERSE && i < PREFIXES; i++)
			held |= (set >> i & 1) != 0 ? mask_of(i) : 0;
		if (k > UNIVERSE || (needed & ~held) != 0)
			continue;
		unsigned excess = bits_of(held & ~needed);
		for (unsigned more = k; more <= UNIVERSE; more++)
			best[more] = excess < best[more] ? excess : best[more];
	}
}

static void the_best_of_all_sets(void **state)
{
	(void)state;
	for (unsigned needed = 1; needed < 1u << UNIVERSE; needed += 1 + draw() % 3) {
		unsigned best[UNIVERSE + 1];
		try_all(needed, best);
		for (unsigned max = 1; max <= UNIVERSE; max++) {
			struct addr addr[2 * UNIVERSE];
			struct cover c = {0};
			size_t count = 0;
			unsigned held = 0;
			for (unsigned i = 0; i < 2 * UNIVERSE; i++) /* each twice */
				if ((needed >> i % UNIVERSE & 1) != 0)
					addr[count++] = addr_v4(0xc0000200 + i % UNIVERSE);
			assert_int_equal(cover_find(addr, count, max, &c), 0);
			assert_true(c.count <= max);
			for (unsigned i = 0; i < UNIVERSE; i++)
				for (size_t k = 0; k < c.count; k++) {
					struct addr a = addr_v4(0xc0000200 + i);
					held |= cidr_has(&c.net[k], &a) ? 1u << i : 0;
				}
			assert_int_equal(needed & ~held, 0);
			assert_near(c.excess, (double)bits_of(held & ~needed), 0);
			assert_near(c.excess, (double)best[max], 0);
			/* no more prefixes than help */
			assert_true(c.count == 1 || best[c.count - 1] > best[max]);
			cover_fini(&c);
		}
	}
}

static void both_families(void **state)
{
	(void)state;
	struct addr addr[4];
	struct cover c = {0};
	assert_int_equal(addr_parse("2001:db8::1", &addr[0]), 0);
	assert_int_equal(addr_parse("192.0.2.7", &addr[1]), 0);
	assert_int_equal(addr_parse("2001:db8::4", &addr[2]), 0);
	assert_int_equal(addr_parse("::1", &addr[3]), 0);
	assert_int_equal(cover_find(addr, 4, 1, &c), -EINVAL);
	assert_int_equal(cover_find(addr, 4, 3, &c), 0);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.net[0].bits, 128);
	assert_true(addr_is_v4(&c.net[0].net));
	assert_int_equal(c.net[1].bits, 128);
	assert_int_equal(c.net[2].bits, 125);
	assert_near(c.excess, 6, 0);
	cover_fini(&c);
}

static void many(void **state)
{
	(void)state;
	size_t count = 100000;
	struct addr *addr = calloc(count, sizeof *addr);
	assert_non_null(addr);
	double before = -1;
	for (unsigned max = 60; max >= 15; max /= 2) {
		struct cover c = {0};
		seed = 7;
		for (size_t i = 0; i < count; i++)
			addr[i] = addr_v4(draw() & (i % 2 == 0 ? 0x0fffffff : 0xff00ffff));
		assert_int_equal(cover_find(addr, count, max, &c), 0);
		assert_true(c.count > 0 && c.count <= max);
		assert_true(c.excess >= before);
		before = c.excess;
		cover_fini(&c);
	}
	free(addr);
}

static void what_can_not_be(void **state)
{
	(void)state;
	struct addr none = {0}, one = addr_v4(0xc0000201);
	struct cover c = {0};
	assert_int_equal(cover_find(&none, 1, 4, &c), -EINVAL);
	assert_int_equal(cover_find(&one, 1, 0, &c), -EINVAL);
	assert_int_equal(cover_find(&one, 1, COVER_NETS_MAX + 1, &c), -EINVAL);
	assert_int_equal(cover_find(NULL, 0, 1, &c), 0);
	assert_int_equal(c.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_of_all_sets),
		cmocka_unit_test(both_families),
		cmocka_unit_test(many),
		cmocka_unit_test(what_can_not_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
