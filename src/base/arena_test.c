#include "base/arena.h"
#include "base/testing.h"

static void test_full_gives_null_and_counts(void **s)
{
	(void)s;
	struct arena a;
	assert_int_equal(arena_init(&a, 64), 0);
	size_t mark = arena_mark(&a);
	char *p = ARENA_NEW(&a, char, 40);
	assert_non_null(p);
	p[39] = 1;
	assert_null(ARENA_NEW(&a, char, 40));
	assert_null(ARENA_NEW(&a, uint64_t, SIZE_MAX / 4));
	assert_int_equal(a.refused, 2);
	arena_reset(&a, mark);
	p = ARENA_NEW(&a, char, 64);
	assert_non_null(p);
	assert_int_equal(p[39], 0); /* zeroed again */
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_gives_null_and_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
