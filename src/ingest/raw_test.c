#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ingest/files_testing.h"

/* More files than places, read a byte at a time in turn: each goes on where it was. */
static void test_turns(void **state)
{
	(void)state;
	enum { FILES = RAW_OPEN_MAX + 5, BYTES = 20 };
	static struct raw raw[FILES];
	static char paths[FILES][16];
	static struct raw_pool pool;
	char bytes[BYTES];
	for (size_t i = 0; i < FILES; i++) {
		(void)snprintf(paths[i], sizeof paths[i], "f%zu", i);
		for (size_t n = 0; n < BYTES; n++)
			bytes[n] = (char)(i * 3 + n * 5);
		write_file(paths[i], bytes, BYTES);
		assert_int_equal(raw_open(&raw[i], paths[i], &pool, NULL), 0);
		assert_int_equal(raw[i].size, BYTES);
		assert_int_equal(raw_peek(&raw[i], NULL), 0);
		assert_int_equal(raw[i].head_bytes, RAW_HEAD_BYTES);
	}
	for (size_t n = 0; n <= BYTES; n++) {
		size_t open = 0;
		for (size_t i = 0; i < FILES; i++) {
			char byte;
			assert_int_equal(raw_read(&raw[i], &byte, 1), n < BYTES);
			if (n < BYTES)
				assert_int_equal(byte, (char)(i * 3 + n * 5));
		}
		for (size_t i = 0; i < FILES; i++)
			open += raw[i].fd >= 0;
		assert_int_equal(open, RAW_OPEN_MAX);
	}
	for (size_t i = 0; i < FILES; i++)
		raw_close(&raw[i]);
	for (size_t i = 0; i < RAW_OPEN_MAX; i++)
		assert_null(pool.open[i]);
}

/* A file whose descriptor was given back is another one, or gone, when it is opened again. */
static void test_replaced(void **state)
{
	(void)state;
	static struct raw raw[2 + RAW_OPEN_MAX];
	static struct raw_pool pool;
	char bytes[100] = "";
	write_file("one", bytes, sizeof bytes);
	write_file("two", bytes, sizeof bytes);
	write_file("other", bytes, sizeof bytes);
	assert_int_equal(raw_open(&raw[0], "one", &pool, NULL), 0);
	assert_int_equal(raw_open(&raw[1], "two", &pool, NULL), 0);
	assert_int_equal(raw_read(&raw[0], bytes, 10), 10);
	for (size_t i = 2; i < ARRAY_LEN(raw); i++)
		assert_int_equal(raw_open(&raw[i], "other", &pool, NULL), 0);
	assert_int_equal(raw[0].fd, -1);
	assert_int_equal(raw[1].fd, -1);
	write_file("new", bytes, sizeof bytes);
	assert_int_equal(rename("new", "one"), 0);
	assert_int_equal(unlink("two"), 0);
	assert_int_equal(raw_read(&raw[0], bytes, 10), -ESTALE);
	assert_int_equal(raw_read(&raw[1], bytes, 10), -ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(raw); i++)
		raw_close(&raw[i]);
}

static void test_refused(void **state)
{
	(void)state;
	struct raw raw;
	struct fail why = {0};
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(raw_open(&raw, "socket", NULL, &why), -ENOTSUP);
	assert_string_equal(why.text, "is a socket: give a file, a folder or a pipe");
	(void)close(fd);
	assert_int_equal(raw_open(&raw, ".", NULL, &why), -EISDIR);
	assert_string_equal(why.text, "is a folder");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
