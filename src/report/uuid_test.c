#include "report/uuid.h"

#include "base/testing.h"

/* RFC 9562, appendix A.4. */
static void test_published_vector(void **s)
{
	(void)s;
	char text[UUID_BYTES];
	assert_string_equal(
		uuid_of("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com", text),
		"2ed6657d-e927-568b-95e1-2665a8aea6a2");
	/* Python: uuid.uuid5 with STIX's namespace, of a domain's contributing properties */
	assert_string_equal(uuid_of(UUID_STIX, "{\"value\":\"a.example\"}", text),
		"064f846b-2bd3-5015-8d6f-d260dbda99c1");
}

static void test_parts_are_one_name(void **s)
{
	(void)s;
	char one[UUID_BYTES], two[UUID_BYTES];
	assert_string_equal(
		uuid_of2(UUID_POSTERN, "ab", "c", one), uuid_of(UUID_POSTERN, "abc", two));
	assert_string_not_equal(one, uuid_of(UUID_POSTERN, "abd", two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vector),
		cmocka_unit_test(test_parts_are_one_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
