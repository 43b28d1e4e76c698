#include "host/uids.h"

#include <stdio.h>

#include "base/testing.h"

static void test_ring(void **state)
{
	(void)state;
	struct uids *u = NULL;
	assert_int_equal(uids_new(&u, 4), 0);
	char text[UIDS_TEXT_BYTES + 1];
	uint32_t number[6];
	for (size_t i = 0; i < 6; i++) {
		(void)snprintf(text, sizeof text, "C%zu", i);
		number[i] = uids_add(u, text);
		assert_int_equal(number[i], i + 1);
	}
	assert_null(uids_get(u, number[0])); /* overwritten */
	assert_null(uids_get(u, number[1]));
	assert_string_equal(uids_get(u, number[2]), "C2");
	assert_string_equal(uids_get(u, number[5]), "C5");
	assert_null(uids_get(u, 0));
	assert_null(uids_get(u, 7)); /* never given */
	uids_free(u);
}

static void test_none(void **state)
{
	(void)state;
	struct uids *u = NULL;
	assert_int_equal(uids_new(&u, 4), 0);
	char text[UIDS_TEXT_BYTES + 1];
	assert_int_equal(uids_add(u, NULL), 0);
	assert_int_equal(uids_add(u, ""), 0);
	memset(text, 'x', sizeof text);
	text[UIDS_TEXT_BYTES] = '\0';
	assert_int_equal(uids_add(u, text), 0);
	assert_int_equal(uids_add(u, text + 1), 1);
	assert_string_equal(uids_get(u, 1), text + 1);
	uids_free(u);
	uids_free(NULL);
}

static void test_taken_back(void **state)
{
	(void)state;
	struct uids *u = NULL;
	assert_int_equal(uids_new(&u, 4), 0);
	uint32_t a = uids_add(u, "a"), b = uids_add(u, "b");
	uids_take_back(u, a); /* not the last one */
	assert_string_equal(uids_get(u, b), "b");
	uids_take_back(u, 0);
	uids_take_back(u, b);
	assert_null(uids_get(u, b));
	assert_int_equal(uids_add(u, "c"), b);
	assert_string_equal(uids_get(u, b), "c");
	assert_string_equal(uids_get(u, a), "a");
	uids_free(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ring), cmocka_unit_test(test_none),
		cmocka_unit_test(test_taken_back)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
