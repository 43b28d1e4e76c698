#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/testing.h"

static void test_same_text_same_number(void **s)
{
	(void)s;
	struct strings *t = NULL;
	assert_int_equal(strings_new(&t, 4096, 100), 0);
	uint32_t a = strings_add(t, "a.example");
	assert_int_equal(a, 1);
	assert_int_equal(strings_add(t, "b.example"), 2);
	assert_int_equal(strings_add(t, "a.example"), a);
	assert_int_equal(strings_find(t, "b.example"), 2);
	assert_int_equal(strings_find(t, "c.example"), 0);
	assert_string_equal(strings_get(t, 2), "b.example");
	assert_null(strings_get(t, 0));
	assert_int_equal(strings_add(t, ""), 0);
	assert_int_equal(strings_add(t, NULL), 0);
	/* bytes with a NUL inside are one key of their own */
	uint32_t n = strings_add_bytes(t, "a\0b", 3);
	assert_int_not_equal(n, strings_add_bytes(t, "a\0c", 3));
	assert_memory_equal(strings_get(t, n), "a\0b", 3);
	strings_free(t);
}

static void test_full_refuses_and_counts(void **s)
{
	(void)s;
	struct strings *t = NULL;
	char name[32];
	assert_int_equal(strings_new(&t, 1 << 16, 50), 0);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 100; i++) {
			(void)snprintf(name, sizeof name, "host%d.example", i);
			assert_int_equal(strings_add(t, name), i < 50 ? i + 1 : 0);
		}
	assert_int_equal(strings_refused(t), 100);
	strings_free(t);
	assert_int_equal(strings_new(&t, 32, 50), 0);
	assert_int_equal(strings_add(t, "0123456789012345678901234567890"), 1);
	assert_int_equal(strings_add(t, "x"), 0);
	strings_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_text_same_number),
		cmocka_unit_test(test_full_refuses_and_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
