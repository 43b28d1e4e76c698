#include "ingest/twins.h"

#include <zlib.h>

#include "ingest/files_testing.h"

/* Longer than what is compared at once, and than a chunk. */
#define LONG ((size_t)600 << 10)

static char content[LONG];

static void write_gzip(const char *path, size_t len)
{
	gzFile file = gzopen(path, "wb1");
	assert_non_null(file);
	assert_int_equal(gzwrite(file, content, (unsigned)len), len);
	assert_int_equal(gzclose(file), Z_OK);
}

static bool same(const char *a, const char *b)
{
	struct raw_pool pool = {0};
	bool ret = twins_same(a, b, &pool);
	assert_int_equal(twins_same(b, a, &pool), ret);
	return ret;
}

static void test_content_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < LONG; i++)
		content[i] = (char)('a' + i * 7919 % 26);
	write_file("log", content, LONG);
	write_file("copy", content, LONG);
	write_gzip("log.gz", LONG);
	write_file("shorter", content, LONG - 1);
	write_gzip("shorter.gz", LONG - 1);
	content[LONG - 1] ^= 1;
	write_file("other", content, LONG);
	assert_true(same("log", "copy"));
	assert_true(same("log", "log.gz"));
	assert_true(same("shorter", "shorter.gz"));
	assert_false(same("log", "shorter"));
	assert_false(same("log", "shorter.gz"));
	assert_false(same("log", "other"));
}

/* What can't be read whole is no twin of anything. */
static void test_damage(void **state)
{
	(void)state;
	static char packed[LONG];
	write_gzip("a.gz", LONG / 2);
	FILE *file = fopen("a.gz", "rb");
	assert_non_null(file);
	size_t len = fread(packed, 1, LONG, file);
	assert_int_equal(fclose(file), 0);
	write_file("cut", packed, len - 9);
	write_file("again", packed, len - 9);
	assert_false(same("cut", "again"));
	assert_false(same("a.gz", "cut"));
	assert_false(same("a.gz", "missing"));
	assert_false(same("a.gz", "."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content_counts), cmocka_unit_test(test_damage)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
