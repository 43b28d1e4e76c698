#include "store/cases.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/testing.h"

#define T0 (INT64_C(1772438414) * NS_PER_S)

struct folder {
	char path[64], file[96];
};

static int make_folder(void **state)
{
	static struct folder f;
	(void)snprintf(f.path, sizeof f.path, "/tmp/postern-cases-XXXXXX");
	assert_non_null(mkdtemp(f.path));
	(void)snprintf(f.file, sizeof f.file, "%s/guard.db", f.path);
	*state = &f;
	return 0;
}

static int remove_folder(void **state)
{
	const struct folder *f = *state;
	(void)unlink(f->file);
	assert_int_equal(rmdir(f->path), 0); /* and nothing else was left in it */
	return 0;
}

static struct cases *open_at(const struct folder *f, int64_t age_ns, uint64_t bytes_max)
{
	struct cases *c = NULL;
	struct fail why = {0};
	const struct cases_options o = {.age_ns = age_ns, .bytes_max = bytes_max};
	assert_int_equal(cases_open(&c, f->file, &o, &why), 0);
	return c;
}

static void add(struct cases *c, int64_t at_ns, const char *host, const char *text)
{
	cases_add(c, &(struct cases_row){.at_ns = at_ns,
			     .e_value = 1e-9,
			     .type = "finding",
			     .host = host,
			     .id = "0123456789abcdef0123456789abcdef",
			     .state = "final",
			     .kind = "ladder",
			     .text = text});
}

static void commit(struct cases *c, int64_t now_ns)
{
	struct fail why = {0};
	assert_int_equal(cases_commit(c, now_ns, &why), 0);
}

struct heard {
	size_t count;
	char first[16], last[16];
};

static int hear(void *context, const char *text, struct fail *why)
{
	struct heard *h = context;
	if (strcmp(text, "stop") == 0)
		return fail_set(why, -EPROTO, "stopped");
	(void)snprintf(h->count == 0 ? h->first : h->last, sizeof h->first, "%.15s", text);
	h->count++;
	return 0;
}

static struct heard story(const struct folder *f, const char *host)
{
	struct heard h = {0};
	struct fail why = {0};
	assert_int_equal(cases_story(f->file, host, hear, &h, &why), 0);
	return h;
}

static void test_a_story(void **state)
{
	const struct folder *f = *state;
	struct cases *c = open_at(f, 0, 0);
	struct stat st;
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	add(c, T0, "10.0.0.1", "one");
	add(c, T0, "10.0.0.2", "other");
	assert_int_equal(story(f, "10.0.0.1").count, 0); /* it waits */
	add(c, T0 + 1, "10.0.0.1", "two");
	commit(c, T0);
	struct heard h = story(f, "10.0.0.1"); /* while it is open */
	assert_int_equal(h.count, 2);
	assert_string_equal(h.first, "one");
	assert_string_equal(h.last, "two");
	/* the last rests on no finding */
	cases_add(c, &(struct cases_row){.at_ns = T0,
			     .e_value = (double)NAN,
			     .type = "change",
			     .host = "10.0.0.1",
			     .id = "",
			     .state = "made",
			     .kind = "block",
			     .text = "at the end"});
	cases_close(c);
	assert_string_equal(story(f, "10.0.0.1").last, "at the end");
	struct heard none = {0};
	struct fail why = {0};
	c = open_at(f, 0, 0);
	add(c, T0, "10.0.0.3", "stop");
	cases_close(c);
	assert_int_equal(cases_story(f->file, "10.0.0.3", hear, &none, &why), -EPROTO);
	assert_string_equal(why.text, "stopped");
}

static void test_one_writes(void **state)
{
	const struct folder *f = *state;
	struct cases *c = open_at(f, 0, 0), *second = NULL;
	struct fail why = {0};
	assert_int_equal(cases_open(&second, f->file, &(struct cases_options){0}, &why), -EBUSY);
	assert_null(second);
	cases_close(c);
	cases_close(open_at(f, 0, 0));
	cases_close(NULL);
}

static void test_the_old_go(void **state)
{
	const struct folder *f = *state;
	const int64_t hour = 3600 * NS_PER_S;
	struct cases *c = open_at(f, hour, 0);
	for (size_t i = 0; i < 1000; i++)
		add(c, T0, "10.0.0.1", "old");
	add(c, T0 + hour, "10.0.0.1", "young");
	commit(c, T0);
	assert_int_equal(story(f, "10.0.0.1").count, 1001);
	for (int64_t turn = 0; turn < 3; turn++) /* in steps of 256 */
		commit(c, T0 + 2 * hour - 1);
	assert_int_equal(story(f, "10.0.0.1").count, 1001 - 3 * 256);
	for (int64_t turn = 0; turn < 3; turn++)
		commit(c, T0 + 2 * hour - 1);
	struct heard h = story(f, "10.0.0.1");
	assert_int_equal(h.count, 1);
	assert_string_equal(h.first, "young");
	cases_close(c);
}

static void test_the_file_stays_small(void **state)
{
	const struct folder *f = *state;
	const uint64_t most = 1 << 20;
	static char text[2001];
	struct stat st;
	struct cases *c = open_at(f, 0, most);
	memset(text, 'x', sizeof text - 1);
	for (size_t turn = 0; turn < 60; turn++) {
		for (size_t i = 0; i < 50; i++)
			add(c, T0, "10.0.0.1", text);
		commit(c, T0);
	}
	add(c, T0, "10.0.0.1", "newest");
	cases_close(c);
	assert_int_equal(stat(f->file, &st), 0);
	assert_in_range(
		st.st_size, most / 2, most + 60 * (uint64_t)4096 /* a row a page, and the index */);
	struct heard h = story(f, "10.0.0.1");
	assert_in_range(h.count, 100, 3000 - 1);
	assert_string_equal(h.last, "newest");
}

static void test_what_waits_is_bounded(void **state)
{
	const struct folder *f = *state;
	struct cases *c = open_at(f, 0, 0);
	struct fail why = {0};
	sqlite3 *db = NULL;
	char number[16];
	/* somebody holds the file up */
	assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (size_t i = 0; i < CASES_WAITING_MAX + 10; i++) {
		(void)snprintf(number, sizeof number, "%zu", i);
		add(c, T0, "10.0.0.1", number);
	}
	assert_int_equal(cases_commit(c, T0, &why), -EBUSY);
	assert_int_equal(cases_stats(c).waiting, CASES_WAITING_MAX);
	assert_int_equal(cases_stats(c).dropped, 10);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	commit(c, T0);
	assert_int_equal(cases_stats(c).waiting, 0);
	assert_int_equal(cases_stats(c).written, CASES_WAITING_MAX);
	char *big = calloc(1, CASES_TEXT_MAX);
	assert_non_null(big);
	memset(big, 'x', CASES_TEXT_MAX - 1);
	add(c, T0, "10.0.0.1", big); /* too long */
	assert_int_equal(cases_stats(c).dropped, 11);
	big[CASES_TEXT_MAX - 200] = '\0';
	for (size_t i = 0; i < 20; i++)
		add(c, T0, "10.0.0.1", big);
	assert_in_range(cases_stats(c).waiting, 15, 17);
	assert_int_equal(cases_stats(c).waiting + cases_stats(c).dropped, 31);
	free(big);
	cases_close(c);
	assert_string_equal(story(f, "10.0.0.1").first, "10"); /* the oldest ten are gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_story, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_one_writes, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_the_old_go, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_the_file_stays_small, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_what_waits_is_bounded, make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
