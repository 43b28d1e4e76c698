#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/testing.h"

static void test_text_is_canonical(void **s)
{
	(void)s;
	static const char *const pairs[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"fe80::1%eth0", "fe80::1"},
		{"::", "::"},
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct addr a;
		char buf[ADDR_TEXT_BYTES];
		assert_int_equal(addr_parse(pairs[i][0], &a), 0);
		assert_string_equal(addr_text(&a, buf), pairs[i][1]);
	}
}

static void test_refuses_half_addresses(void **s)
{
	(void)s;
	static const char *const bad[] = {"", "10.0.0.", "10.0.0", "010.0.0.1", "1.2.3.4:80",
		" 1.2.3.4", "1.2.3.4 ", "::g", "%eth0", "1.2.3.4.5", "2001:db8::1::2"};
	struct addr a = {0};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(addr_parse(bad[i], &a), -EINVAL);
	assert_true(addr_is_none(&a));
}

static void test_cidr(void **s)
{
	(void)s;
	static const struct {
		const char *net, *addr;
		bool in;
	} rows[] = {
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.77/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"::/0", "2001:db8::1", true},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cidr c;
		struct addr a;
		assert_int_equal(cidr_parse(rows[i].net, &c), 0);
		assert_int_equal(addr_parse(rows[i].addr, &a), 0);
		assert_int_equal(cidr_has(&c, &a), rows[i].in);
	}
	static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
		"/8", "2001:db8::/129", "x/8", "10.0.0.0/ 8"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cidr c;
		assert_int_equal(cidr_parse(bad[i], &c), -EINVAL);
	}
}

static void test_scopes(void **s)
{
	(void)s;
	static const struct {
		const char *text;
		bool private, group;
	} rows[] = {
		{"10.1.2.3", true, false},
		{"172.15.0.1", false, false},
		{"172.31.0.1", true, false},
		{"192.168.1.1", true, false},
		{"100.64.0.1", true, false},
		{"100.128.0.1", false, false},
		{"169.254.1.1", true, false},
		{"127.0.0.1", true, false},
		{"8.8.8.8", false, false},
		{"224.0.0.251", false, true},
		{"255.255.255.255", false, true},
		{"0.0.0.0", false, true},
		{"fd00::1", true, false},
		{"fe80::1", true, false},
		{"::1", true, false},
		{"2001:db8::1", false, false},
		{"ff02::fb", false, true},
		{"::", false, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;
		assert_int_equal(addr_parse(rows[i].text, &a), 0);
		assert_int_equal(addr_is_private(&a), rows[i].private);
		assert_int_equal(addr_is_group(&a), rows[i].group);
	}
}

static void test_same_net(void **s)
{
	(void)s;
	struct addr a = addr_v4(0xc0000201), b = addr_v4(0xc00002fe), c = addr_v4(0xc0000301);
	assert_true(addr_same_net(&a, &b));
	assert_false(addr_same_net(&a, &c));
	struct addr six, six_near;
	assert_int_equal(addr_parse("2001:db8:1::1", &six), 0);
	assert_int_equal(addr_parse("2001:db8:1:ffff::1", &six_near), 0);
	assert_true(addr_same_net(&six, &six_near));
	assert_false(addr_same_net(&six, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_canonical),
		cmocka_unit_test(test_refuses_half_addresses),
		cmocka_unit_test(test_cidr),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_same_net),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
