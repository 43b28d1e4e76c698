#include "cli/value.h"

#include <string.h>

#include "base/limits.h"
#include "base/testing.h"

static void test_numbers(void **s)
{
	(void)s;
	double value = 7;
	struct fail why = {0};
	assert_int_equal(value_number("0.1", 0, 1, &value, &why), 0);
	assert_true(value == 0.1);
	assert_int_equal(value_number("1e-9", 0, 1, &value, &why), 0);
	assert_true(value == 1e-9);
	assert_int_equal(value_number("1", 0, 1, &value, &why), 0);
	static const char *const bad[] = {"", "x", "0x10", "inf", "nan", " 1", "1 ", "1,5", "--1"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_true(value_number(bad[i], 0, 1, &value, &why) < 0);
		assert_non_null(strstr(why.text, "is not a number; give one such as 0.1"));
	}
	static const char *const out_of_range[] = {"0", "-1", "1.01", "1e400"};
	for (size_t i = 0; i < ARRAY_LEN(out_of_range); i++) {
		assert_true(value_number(out_of_range[i], 0, 1, &value, &why) < 0);
		assert_non_null(strstr(why.text, "is out of range; give a number over 0, to 1"));
	}
	assert_true(value == 1); /* untouched since */
}

static void test_sizes(void **s)
{
	(void)s;
	static const struct {
		const char *text;
		size_t want;
	} good[] = {{"1", 1}, {"512M", (size_t)512 << 20}, {"2g", (size_t)2 << 30}, {"1.5K", 1536},
		{"4KiB", 4096}, {"4KB", 4096}, {"1T", (size_t)1 << 40}};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		size_t value = 0;
		assert_int_equal(value_size(good[i].text, 1, 0x1p44, &value, NULL), 0);
		assert_int_equal(value, good[i].want);
	}
	static const char *const bad[] = {"", "M", "12Q", "1MM", "-1M", "1 M", "1.2.3M", "1e3"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t value = 3;
		struct fail why = {0};
		assert_true(value_size(bad[i], 1, 0x1p44, &value, &why) < 0);
		assert_non_null(strstr(why.text, "is not a size; give one such as 512M or 4G"));
		assert_int_equal(value, 3);
	}
	size_t value = 3;
	struct fail why = {0};
	assert_true(value_size("1K", 0x1p26, 0x1p44, &value, &why) < 0);
	assert_string_equal(why.text, "'1K' is out of range; give a size from 64M to 16T");
	assert_true(value_size("9999999999999T", 0x1p26, 0x1p44, &value, &why) < 0);
}

static void test_times(void **s)
{
	(void)s;
	static const struct {
		const char *text;
		int64_t want;
	} good[] = {{"1970-01-01T00:00:00Z", 0}, {"2021-01-06T16:42:42Z", 1609951362 * NS_PER_S},
		{"2021-01-06T17:42:42+01:00", 1609951362 * NS_PER_S},
		{"2021-01-06t11:12:42-05:30", 1609951362 * NS_PER_S},
		{"2021-01-06 16:42:42z", 1609951362 * NS_PER_S},
		{"2021-01-06", 1609891200 * NS_PER_S},
		{"2021-01-06T16:42:42.5Z", 1609951362 * NS_PER_S + NS_PER_S / 2},
		{"2021-01-06T16:42:42.123456789Z", 1609951362 * NS_PER_S + 123456789},
		{"2021-01-06T16:42:42.1234567891Z", 1609951362 * NS_PER_S + 123456789},
		{"2020-02-29", 1582934400 * NS_PER_S},
		{"2016-12-31T23:59:60Z", 1483228800 * NS_PER_S}};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t value = -1;
		assert_int_equal(value_time(good[i].text, &value, NULL), 0);
		assert_int_equal(value, good[i].want);
	}
	static const char *const bad[] = {"", "yesterday", "2021-1-6", "2021-02-29", "2021-13-01",
		"2021-04-31", "2021-01-06T", "2021-01-06T16:42:42", "2021-01-06T24:00:00Z",
		"2021-01-06T16:42Z", "2021-01-06T16:42:42.Z", "2021-01-06T16:42:42+1:00",
		"2021-01-06T16:42:42Zx", "2021-01-06x", "0999-01-01", "9999-01-01", "1609951362"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int64_t value = -1;
		struct fail why = {0};
		assert_true(value_time(bad[i], &value, &why) < 0);
		assert_non_null(strstr(why.text, "is not a time; give one such as 2021-01-06T"));
		assert_int_equal(value, -1);
	}
}

static void test_networks(void **s)
{
	(void)s;
	struct networks n = {0};
	struct fail why = {0};
	struct addr a;
	assert_int_equal(value_networks("10.0.0.0/8,2001:db8::/32", &n, &why), 0);
	assert_int_equal(value_networks("192.0.2.1", &n, &why), 0); /* added to those before */
	assert_int_equal(n.count, 3);
	assert_int_equal(addr_parse("10.255.0.1", &a), 0);
	assert_true(cidr_has(&n.net[0], &a));
	assert_int_equal(addr_parse("2001:db8:1::", &a), 0);
	assert_true(cidr_has(&n.net[1], &a));
	assert_int_equal(n.net[2].bits, 128);
	static const char *const bad[] = {"", "10.0.0.0/40", "10.0.0.0/8,", ",10.0.0.0/8", "10.0.0",
		"a.example", "10.0.0.0/8 ",
		"11111111111111111111111111111111111111111111111111111111111111111111111111111111"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct networks none = {0};
		assert_true(value_networks(bad[i], &none, &why) < 0);
		assert_non_null(strstr(why.text, "is not a network; give ADDRESS or ADDRESS/BITS"));
	}
	n.count = NETWORKS_MAX;
	assert_true(value_networks("10.0.0.0/8", &n, &why) < 0);
	assert_string_equal(why.text, "more than 64 networks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_networks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
