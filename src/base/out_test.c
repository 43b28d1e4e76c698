#include <string.h>

#include "base/out.h"
#include "base/testing.h"

static void test_hostile_text_is_inert(void **s)
{
	(void)s;
	static const char *const pairs[][2] = {
		{"plain.example", "plain.example"}, {"naïve–ok", "naïve–ok"},
		{"\x1b[31mred", "\\x1b[31mred"}, {"a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"},
		{"\xc0\xaf", "\\xc0\\xaf"},          /* overlong */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* surrogate */
		{"\xc2\x9b"
		 "x",
			"\\xc2\\x9bx"}, /* C1 control sequence introducer */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, {"\xe2\x82", "\\xe2\\x82"}, /* cut */
	};
	/* bytes: a right-to-left override in the source would be one in an editor too */
	const unsigned char override[] = {0xe2, 0x80, 0xae, 't', 'x', 't', 0};
	struct out turned = {0};
	out_safe(&turned, (const char *) override, 100);
	assert_string_equal(out_string(&turned), "\\xe2\\x80\\xaetxt");
	out_fini(&turned);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct out o = {0};
		out_safe(&o, pairs[i][0], 100);
		assert_string_equal(out_string(&o), pairs[i][1]);
		out_fini(&o);
	}
}

static void test_long_text_is_cut(void **s)
{
	(void)s;
	struct out o = {0};
	out_safe(&o, "abcdefgh", 3);
	assert_string_equal(out_string(&o), "abc…");
	out_fini(&o);
}

static void test_grows(void **s)
{
	(void)s;
	struct out o = {0};
	assert_string_equal(out_string(&o), "");
	for (int i = 0; i < 10000; i++)
		out_printf(&o, "%d,", i % 10);
	assert_int_equal(o.len, 20000);
	assert_int_equal(strlen(out_string(&o)), 20000);
	assert_false(o.failed);
	out_clear(&o);
	assert_string_equal(out_string(&o), "");
	out_fini(&o);
}

static void test_times(void **s)
{
	(void)s;
	struct out o = {0};
	out_time(&o, INT64_C(1609951362123456789));
	assert_string_equal(out_string(&o), "2021-01-06T16:42:42.123456Z");
	out_clear(&o);
	out_time(&o, -1);
	assert_string_equal(out_string(&o), "1969-12-31T23:59:59.999999Z");
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {{0, "0 µs"}, {10000000, "10 ms"}, {5300000000, "5.3 s"}, {42000000000, "42 s"},
		{960000000000, "16 min"}, {9000000000000, "2.5 h"}, {267840000000000, "3.1 d"},
		{119960000000, "120 s"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		out_clear(&o);
		out_duration(&o, rows[i].ns);
		assert_string_equal(out_string(&o), rows[i].text);
	}
	out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_text_is_inert),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
