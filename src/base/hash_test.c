#include "base/hash.h"
#include "base/testing.h"

/* Reference: the SipHash-1-3 vectors of the Rust standard library's tests (key 00..0f, message
 * 00..n-1). */
static void test_reference_vectors(void **s)
{
	(void)s;
	static const uint64_t want[] = {0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d,
		0x8bf80ab8e7ddf7fb, 0xcf75576088d38328, 0xdef9d52f49533b67, 0xc50d2b50c59f22a7,
		0xd3927d989bb11140, 0x369095118d299a8e, 0x25a48eb36c063de4};
	const struct hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	uint8_t message[16];
	for (size_t n = 0; n < sizeof want / sizeof want[0]; n++) {
		assert_true(hash_bytes(&key, message, n) == want[n]);
		message[n] = (uint8_t)n;
	}
}

static void test_key_matters(void **s)
{
	(void)s;
	struct hash_key a = hash_key_new(), b = hash_key_new();
	assert_true(a.k0 != b.k0 || a.k1 != b.k1);
	assert_true(hash_bytes(&a, "x", 1) != hash_bytes(&b, "x", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_vectors),
		cmocka_unit_test(test_key_matters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
