#include <string.h>

#include "base/testing.h"
#include "event/event.h"

/* Vectors of the Community ID specification's baseline and of Zeek's test (seed 0). */
static void test_community_id(void **s)
{
	(void)s;
	static const struct {
		const char *client, *server;
		uint16_t client_port, server_port;
		uint8_t proto;
		const char *want;
	} rows[] = {
		{"128.232.110.120", "66.35.250.204", 34855, 80, 6,
			"1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"66.35.250.204", "128.232.110.120", 80, 34855, 6,
			"1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"192.168.1.52", "8.8.8.8", 54585, 53, 17, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
		{"1.2.3.4", "5.6.7.8", 1122, 3344, 6, "1:wCb3OG7yAFWelaUydu0D+125CLM="},
		{"1.2.3.4", "5.6.7.8", 1122, 3344, 17, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg="},
		{"1.2.3.4", "5.6.7.8", 8, 0, 1, "1:crodRHL2FEsHjbv3UkRrfbs4bZ0="},
		{"192.168.0.89", "192.168.0.1", 8, 0, 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
		{"192.168.0.1", "192.168.0.89", 0, 0, 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
		{"fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0, 58,
			"1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
		{"10.0.0.1", "10.0.0.2", 0, 0, 47, ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conn c = {.client_port = rows[i].client_port,
			.server_port = rows[i].server_port,
			.ip_proto = rows[i].proto};
		char buf[COMMUNITY_ID_BYTES];
		assert_int_equal(addr_parse(rows[i].client, &c.client), 0);
		assert_int_equal(addr_parse(rows[i].server, &c.server), 0);
		assert_string_equal(community_id(&c, buf), rows[i].want);
	}
}

static void test_registered_domain(void **s)
{
	(void)s;
	static const char *const pairs[][2] = {
		{"www.example.com", "example.com"},
		{"example.com", "example.com"},
		{"a.b.example.co.uk", "example.co.uk"},
		{"x.y.github.io", "y.github.io"}, /* the private section: tenants are apart */
		{"localhost", "localhost"},
		{"co.uk", "co.uk"},
		{"printer.lan", "printer.lan"},
		{"", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		assert_string_equal(registered_domain(pairs[i][0]), pairs[i][1]);
}

static void test_words_of_the_contract(void **s)
{
	(void)s;
	assert_string_equal(outcome_name(OUTCOME_DNS_SILENT), "dns-silent");
	assert_string_equal(outcome_name(OUTCOME_STALLED), "stalled");
	assert_false(outcome_is_failure(OUTCOME_OK));
	assert_false(outcome_is_failure(OUTCOME_UNKNOWN));
	assert_true(outcome_is_failure(OUTCOME_REFUSED));
	for (int i = 0; i < OUTCOME_COUNT; i++)
		assert_non_null(outcome_name((enum outcome)i));
}

static uint16_t mark(const char *target)
{
	return request_mark((struct span){(const uint8_t *)target, strlen(target)});
}

static void test_requests_for_the_same(void **s)
{
	(void)s;
	uint16_t token = mark("/VOEHSQ.php?v=x4tk7t4jo6");
	assert_int_not_equal(token, 0);
	assert_int_equal(token, mark("/76N1Lm.php?n=x4tk7t4jo6"));
	assert_int_equal(token, mark("http://a.long-name.example:8080/?x4tk7t4jo6"));
	assert_int_equal(token, mark("x4tk7t4jo6"));
	assert_int_not_equal(token, mark("/76N1Lm.php?n=x4tk7t4jo7"));
	/* the first of equally long words */
	assert_int_equal(mark("/abcdef/ghijkl"), mark("/abcdef"));
	/* nothing that is anybody's, and no host's name */
	static const char *const none[] = {"", "/", "/a.gif?b=12345", "http://",
		"http://longest-name.example", "https://longest-name.example/x"};
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_int_equal(mark(none[i]), 0);
	/* what a capture's decoder cuts off does not count anywhere */
	char text[300];
	memset(text, '/', sizeof text);
	memcpy(text + 10, "sameword", 8);
	memcpy(text + 252, "otherword0123", 13);
	text[299] = '\0';
	assert_int_equal(mark(text), mark("/sameword"));
}

static void test_transports(void **state)
{
	static const enum transport known[] = {TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_ICMP};
	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		assert_int_equal(transport_of(transport_proto(known[i])), known[i]);
	assert_int_equal(transport_of(58), TRANSPORT_ICMP);
	assert_int_equal(transport_of(0), TRANSPORT_OTHER);
	assert_int_equal(transport_of(132), TRANSPORT_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transports),
		cmocka_unit_test(test_community_id),
		cmocka_unit_test(test_registered_domain),
		cmocka_unit_test(test_words_of_the_contract),
		cmocka_unit_test(test_requests_for_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
