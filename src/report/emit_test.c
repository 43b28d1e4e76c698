#include "report/emit.h"

#include <math.h>

#include "base/testing.h"

static void test_document(void **s)
{
	(void)s;
	struct out o = {0};
	struct emit e = {.out = &o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "a", "x\"\\\n\xff<&>", 100);
	emit_text(&e, "n", NULL, 100);
	emit_open(&e, "list", '[');
	emit_count(&e, NULL, UINT64_MAX);
	emit_bool(&e, NULL, true);
	emit_open(&e, NULL, '{');
	emit_close(&e, '}');
	emit_null(&e, NULL);
	emit_close(&e, ']');
	emit_time(&e, "t", INT64_C(1609951362123456789));
	emit_close(&e, '}');
	assert_string_equal(out_string(&o), "{\"a\":\"x\\\"\\\\\\\\x0a\\\\xff<&>\",\"n\":null,"
					    "\"list\":[18446744073709551615,true,{},null],"
					    "\"t\":\"2021-01-06T16:42:42.123456Z\"}");
	assert_false(o.failed);
	out_fini(&o);
}

static void test_nothing_ends_a_script(void **s)
{
	(void)s;
	struct out o = {0};
	struct emit e = {.out = &o, .script = true};
	emit_text(&e, NULL, "</script><!--&", 100);
	assert_string_equal(out_string(&o), "\"\\u003c/script\\u003e\\u003c!--\\u0026\"");
	out_fini(&o);
}

static void test_numbers(void **s)
{
	(void)s;
	static const struct {
		double value;
		const char *want;
	} rows[] = {{0, "0"}, {-0.0, "0"}, {0.1, "0.1"}, {5, "5"}, {1.0 / 3, "0.333333"},
		{-11.123456789, "-11.1235"}, {2.2250738585072014e-308, "2.22507e-308"},
		{(double)NAN, "0"}, {(double)INFINITY, "1.79769e+308"},
		{-(double)INFINITY, "-1.79769e+308"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct out o = {0};
		struct emit e = {.out = &o};
		emit_number(&e, NULL, rows[i].value);
		assert_string_equal(out_string(&o), rows[i].want);
		out_fini(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_nothing_ends_a_script),
		cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
