#include "base/testing.h"

#include "base/limits.h"
#include "base/scan.h"

static void seconds_become_nanoseconds(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {{"1600000000", 1600000000 * NS_PER_S}, {"0", 0}, {"0.5", NS_PER_S / 2},
		{"1609951277.153842", INT64_C(1609951277153842000)}, {"1.", NS_PER_S},
		{"0.104691", 104691000}, {"0.1046910285949707", 104691028},
		{"1.1920928955078125e-06", 1192}, {"1e-05", 10000}, {"-1.5", -3 * NS_PER_S / 2}};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t ns = 0;
		assert_int_equal(scan_seconds(span_of(good[i].text), &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	static const char *const bad[] = {"", "-", "1,5", " 1", "1 ", "1.5.2", "nan", "inf",
		"0x1p3", "1e400", "1.5x", "99999999999999999999", "T"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int64_t ns = 7;
		assert_true(scan_seconds(span_of(bad[i]), &ns) < 0);
		assert_int_equal(ns, 7);
	}
}

static void times_of_all_kinds_are_one(void **state)
{
	(void)state;
	const int64_t noon = INT64_C(1609951275583105000);
	static const char *const same[] = {"1609951275.583105", "1609951275583105",
		"2021-01-06T16:41:15.583105Z", "2021-01-06T16:41:15.583105+0000",
		"2021-01-06T16:41:15.583105", "2021-01-06 16:41:15.583105",
		"2021/01/06T16:41:15,583105Z", "2021-01-06T18:41:15.583105+0200",
		"2021-01-06T18:41:15.583105+02:00", "2021-01-06T18:41:15.583105+02",
		"2021-01-06T11:11:15.583105-05:30", "1609951275583105000"};
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		int64_t ns = 0;
		assert_int_equal(scan_time(span_of(same[i]), &ns), 0);
		assert_int_equal(ns, noon);
	}
	int64_t ns = 0;
	assert_int_equal(scan_time(span_of("1609951275583"), &ns), 0);
	assert_int_equal(ns, INT64_C(1609951275583000000));
	assert_int_equal(scan_time(span_of("1609951275583.25"), &ns), 0);
	assert_int_equal(ns, INT64_C(1609951275583000000));
	assert_int_equal(scan_time(span_of("2000-02-29T00:00:00Z"), &ns), 0);
	assert_int_equal(ns, INT64_C(951782400) * NS_PER_S);
	static const char *const bad[] = {"", "yesterday", "2021-13-06T16:41:15Z",
		"2021-01-06T25:41:15Z", "2021-01-06", "2021-01-06T16:41:15.Z",
		"2021-01-06T16:41:15+9900", "9999-01-06T16:41:15Z", "2021-01-06T16:41:15Zulu",
		"99999999999999999999999", "1.6e99", "2021-02-29T00:00:00Z", "2021-04-31T00:00:00Z",
		"2021-12-32T00:00:00Z", "2021-01-00T00:00:00Z"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(scan_time(span_of(bad[i]), &ns) < 0);
}

static void a_time_without_a_zone_is_known(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool zoneless;
	} times[] = {{"2020-09-13T12:26:40", true}, {"2020/09/13 12:26:40.5", true},
		{"2020-09-13T12:26:40Z", false}, {"2020-09-13T12:26:40+0200", false},
		{"2020-09-13T12:26:4", false}, {"2020-09-13T12:26:40x", false},
		{"1600000000000000000", false}, {"", false}};
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		assert_int_equal(scan_is_zoneless(span_of(times[i].text)), times[i].zoneless);
}

static void addresses_are_whole_or_none(void **state)
{
	(void)state;
	struct addr a, b;
	char buf[ADDR_TEXT_BYTES];
	assert_int_equal(scan_addr(span_of("10.1.6.206"), &a), 0);
	assert_string_equal(addr_text(&a, buf), "10.1.6.206");
	assert_int_equal(scan_addr(span_of("::ffff:10.1.6.206"), &b), 0);
	assert_true(addr_eq(&a, &b));
	assert_int_equal(scan_addr(span_of("fe80:0:0::1%eth0"), &a), 0);
	assert_string_equal(addr_text(&a, buf), "fe80::1");
	static const char *const bad[] = {"", "-", "10.0.0.", "10.0.0", "10.0.0.256", "10.0.0.1.2",
		"10.0.0.01", "10.0.0.1 ", "fe80::g", "1.2.3.4:80", "10..0.1", "10.0.0.1111"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(scan_addr(span_of(bad[i]), &a) < 0);
	assert_true(scan_addr((struct span){(const uint8_t *)"10.0.0.1\0", 9}, &a) < 0);
}

static void parts_are_taken_off(void **state)
{
	(void)state;
	struct span rest = span_of("a,,b"), part;
	assert_true(span_next(&rest, ',', &part) && span_is(part, "a"));
	assert_true(span_next(&rest, ',', &part) && part.len == 0);
	assert_true(span_next(&rest, ',', &part) && span_is(part, "b"));
	assert_false(span_next(&rest, ',', &part));
	assert_true(span_is(span_trim(span_of(" \tx y\r\n")), "x y"));
	assert_int_equal(span_find(span_of("abcabd"), "abd"), 3);
	assert_int_equal(span_find(span_of("abc"), "abd"), 3);
	assert_true(span_is_nocase(span_of("TcP"), "tcp"));
	uint64_t v = 9;
	assert_true(scan_u64(span_of("18446744073709551615"), &v) == 0 && v == UINT64_MAX);
	assert_true(scan_u64(span_of("18446744073709551616"), &v) < 0 && v == UINT64_MAX);
	assert_true(scan_max(span_of("65536"), UINT16_MAX, &v) < 0);
	static const char digits[] = "0123456789abcdef", others[] = "/:@G`g \x10\x80\xff";
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(scan_hex((uint8_t)digits[i]), i);
	assert_int_equal(scan_hex('A'), 10);
	assert_int_equal(scan_hex('F'), 15);
	for (size_t i = 0; i < sizeof others; i++)
		assert_int_equal(scan_hex((uint8_t)others[i]), 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_become_nanoseconds),
		cmocka_unit_test(times_of_all_kinds_are_one),
		cmocka_unit_test(a_time_without_a_zone_is_known),
		cmocka_unit_test(addresses_are_whole_or_none),
		cmocka_unit_test(parts_are_taken_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
