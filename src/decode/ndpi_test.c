#include "decode/ndpi.h"

#include <string.h>

#include "base/testing.h"

struct bytes {
	uint8_t at[512];
	size_t len;
};

/* An IPv4 packet of TCP between the same two hosts, from the client or back. */
static struct bytes tcp(bool back, uint8_t flags, uint32_t seq, const char *payload, size_t len)
{
	static const uint8_t client[] = {192, 0, 2, 1}, server[] = {198, 51, 100, 7};
	struct bytes b = {.len = 40 + len};
	b.at[0] = 0x45;
	b.at[3] = (uint8_t)b.len;
	b.at[8] = 64;
	b.at[9] = 6;
	memcpy(b.at + 12, back ? server : client, 4);
	memcpy(b.at + 16, back ? client : server, 4);
	b.at[20 + (back ? 2 : 0)] = 0x9c; /* port 40000, the other is 40001 */
	b.at[21 + (back ? 2 : 0)] = 0x40;
	b.at[20 + (back ? 0 : 2)] = 0x9c;
	b.at[21 + (back ? 0 : 2)] = 0x41;
	b.at[27] = (uint8_t)seq;
	b.at[32] = 0x50;
	b.at[33] = flags;
	memcpy(b.at + 40, payload, len);
	return b;
}

static struct namer *begin(size_t slots)
{
	struct namer *n = NULL;
	assert_int_equal(namer_new(&n, slots), 0);
	return n;
}

static void test_named(void **state)
{
	(void)state;
	static const char hello[] =
		"\023BitTorrent protocol\0\0\0\0\0\0\0\0aaaaaaaaaaaaaaaaaaaa-XX0000-aaaaaaaaaaaa";
	struct namer *n = begin(4);
	uint32_t place = namer_begin(n);
	assert_int_not_equal(place, 0);
	const struct bytes packets[] = {tcp(false, 2, 0, "", 0), tcp(true, 0x12, 0, "", 0),
		tcp(false, 0x10, 1, "", 0), tcp(false, 0x18, 1, hello, sizeof hello - 1)};
	const char *name = NULL;
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		assert_null(name);
		name = namer_guess(
			n, &place, (struct span){packets[i].at, packets[i].len}, (int64_t)i);
	}
	assert_non_null(name);
	assert_string_equal(name, "bittorrent");
	assert_int_equal(place, 0);
	namer_free(n);
}

static void test_given_up(void **state)
{
	(void)state;
	struct namer *n = begin(1);
	for (size_t round = 0; round < 3; round++) {
		uint32_t place = namer_begin(n);
		assert_int_equal(place, 1);
		assert_int_equal(namer_begin(n), 0);
		for (size_t i = 0; i < NAMER_PACKETS_MAX; i++) {
			assert_int_equal(place, 1);
			struct bytes b = tcp(i % 2 != 0, 0x18, (uint32_t)i, "\x01\x02zzzz", 6);
			assert_null(namer_guess(n, &place, (struct span){b.at, b.len}, (int64_t)i));
		}
		assert_int_equal(place, 0);
		assert_null(namer_guess(n, &place, (struct span){0}, 0));
	}
	assert_int_equal(namer_refused(n), 3);
	uint32_t place = namer_begin(n);
	namer_end(n, &place);
	assert_int_equal(place, 0);
	namer_end(n, &place);
	namer_free(n);
}

static void test_limits(void **state)
{
	(void)state;
	struct namer *n = NULL;
	assert_int_equal(namer_new(&n, 0), -22);
	assert_int_equal(namer_new(&n, NAMER_SLOTS_MAX + 1), -22);
	assert_null(n);
	namer_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
