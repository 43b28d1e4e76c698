#include "ingest/follow.h"

#include <errno.h>
#include <fcntl.h>

#include "ingest/files_testing.h"

#define STATE "state"

static struct follow *f;
static char got[1 << 16]; /* all lines since the last expect() */
static size_t got_len;

static void open_paths_of(const char *const *paths, size_t count, bool from_end)
{
	struct fail why = {0};
	const struct follow_options options = {.paths = paths,
		.path_count = count,
		.state_path = STATE,
		.from_end = from_end,
		.quiet_ns = 1};
	int code = follow_open(&f, &options, &why);
	if (code < 0)
		print_message("%s\n", why.text);
	assert_int_equal(code, 0);
}

static void open_path(const char *path)
{
	open_paths_of(&path, 1, false);
}

/* Takes all that comes until nothing has come for a moment. */
static void take_all(void)
{
	struct follow_lines lines;
	struct fail why = {0};
	int code;
	while ((code = follow_next(f, 20, &lines, &why)) == 1) {
		assert_true(lines.len > 0 && got_len + lines.len < sizeof got);
		assert_int_equal(lines.bytes[lines.len - 1], '\n');
		memcpy(got + got_len, lines.bytes, lines.len);
		got_len += lines.len;
	}
	assert_int_equal(code, 0);
}

static void expect(const char *want)
{
	take_all();
	got[got_len] = '\0';
	assert_string_equal(got, want);
	got_len = 0;
}

static void save(void)
{
	struct fail why = {0};
	follow_commit(f);
	assert_int_equal(follow_save(f, "a note of 100%", &why), 0);
}

/* As a crash would: what was not saved is forgotten. */
static void restart(const char *path)
{
	follow_close(f);
	open_path(path);
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void copy_file(const char *from, const char *to)
{
	static char bytes[1 << 16];
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof bytes - 1);
	assert_true(n >= 0);
	(void)close(fd);
	bytes[n] = '\0';
	append(to, bytes);
}

/* Every test has a folder of its own. */
static int enter(void **state)
{
	static int count;
	char name[32];
	(void)state;
	(void)snprintf(name, sizeof name, "test%d", ++count);
	got_len = 0;
	return chdir(home) < 0 || mkdir(name, 0755) < 0 || chdir(name) < 0;
}

static int leave(void **state)
{
	(void)state;
	follow_close(f);
	f = NULL;
	return 0;
}

/* Enough of a line that heads differ. */
#define LINE(text) \
	text " ........................................................................\n"

static void test_growth(void **state)
{
	(void)state;
	open_path("eve.json"); /* not there yet */
	expect("");
	append("eve.json", "1\n2\n3");
	expect("1\n2\n");
	append("eve.json", "x\n4\n");
	expect("3x\n4\n");
	append("other.json", "not this\n");
	append("eve.json.gz", "nor this\n");
	append("eve.jsonx", "nor this\n");
	expect("");
	assert_int_equal(follow_stats(f).files, 1);
	assert_int_equal(follow_stats(f).truncations, 0);
}

static void test_rename(void **state)
{
	(void)state;
	append("log", "1\n");
	open_path("log");
	append("log", "2\n");
	assert_int_equal(rename("log", "log.1"), 0);
	append("log", "4\n");
	append("log.1", "3\n"); /* the writer has not opened the new one yet */
	expect("1\n2\n3\n4\n");
	append("log.1", "5\n");
	expect("5\n");
	assert_int_equal(rename("log.1", "log.2"), 0);
	assert_int_equal(rename("log", "log.1"), 0);
	append("log", "6\n");
	expect("6\n");
	/* packed: the same content by another name */
	append("log.2.gz", "packed\n");
	assert_int_equal(unlink("log.2"), 0);
	expect("");
	/* twice between two looks */
	append("log", "7\n");
	assert_int_equal(rename("log", "log.2"), 0);
	append("log", "8\n");
	assert_int_equal(rename("log", "log.3"), 0);
	append("log", "9\n");
	expect("7\n8\n9\n");
}

/* Zeek's way: moved to a folder that is not followed, while lines are unread. */
static void test_moved_away(void **state)
{
	(void)state;
	assert_int_equal(mkdir("current", 0755), 0);
	assert_int_equal(mkdir("archive", 0755), 0);
	append("current/conn.log", "1\n");
	append("current/dns.log", "a\n");
	open_path("current/*.log");
	expect("1\na\n");
	append("current/conn.log", "2\n");
	int fd = open("current/conn.log", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(rename("current/conn.log", "archive/conn.log"), 0);
	append("current/conn.log", "3\n");
	expect("2\n3\n");
	/* let go once it is quiet, and forgotten */
	(void)close(fd);
	follow_commit(f);
	(void)usleep(1100 * 1000);
	take_all();
	take_all();
	assert_int_equal(follow_stats(f).files, 2);
	append("archive/conn.log", "late\n");
	append("current/dns.log", "b\n");
	expect("b\n");
}

static void test_deleted(void **state)
{
	(void)state;
	append("log", "1\n");
	open_path("log");
	expect("1\n");
	append("log", "2\n");
	assert_int_equal(unlink("log"), 0);
	append("log", "1\n"); /* the same first line */
	expect("2\n1\n");
}

static void test_truncated(void **state)
{
	(void)state;
	append("log", LINE("1") LINE("2"));
	open_path("log");
	expect(LINE("1") LINE("2"));
	assert_int_equal(truncate("log", 0), 0);
	append("log", LINE("3"));
	expect(LINE("3"));
	/* grown past the old position before anybody looked */
	assert_int_equal(truncate("log", 0), 0);
	append("log", LINE("4") LINE("5") LINE("6"));
	expect(LINE("4") LINE("5") LINE("6"));
	assert_int_equal(follow_stats(f).truncations, 2);
	/* to nothing, and the same again */
	assert_int_equal(truncate("log", 0), 0);
	expect("");
	append("log", LINE("4"));
	expect(LINE("4"));
}

/* copytruncate: of the copy only what was not read before the original was cut. */
static void test_copied(void **state)
{
	(void)state;
	append("log", LINE("1") LINE("2"));
	open_path(".");
	expect(LINE("1") LINE("2"));
	append("log", LINE("3"));
	copy_file("log", "log.1");
	assert_int_equal(truncate("log", 0), 0);
	append("log", LINE("4"));
	expect(LINE("3") LINE("4"));
	assert_int_equal(follow_stats(f).copies, 1);
	/* again, with a look between copying and cutting */
	assert_int_equal(rename("log.1", "log.2"), 0);
	append("log", LINE("5"));
	copy_file("log", "log.1");
	expect(LINE("5"));
	append("log", LINE("6")); /* is in no copy, but was read in time */
	expect(LINE("6"));
	assert_int_equal(truncate("log", 0), 0);
	append("log", LINE("7"));
	expect(LINE("7"));
	assert_int_equal(follow_stats(f).copies, 2);
	/* the copy is made slowly */
	int fd = open("log.1.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	(void)close(fd);
	assert_int_equal(rename("log.1", "log.3"), 0);
	assert_int_equal(rename("log.1.new", "log.1"), 0);
	expect("");
	append("log.1", "7 ....");
	expect("");
	append("log.1", &LINE("7")[6]);
	expect("");
	assert_int_equal(truncate("log", 0), 0);
	append("log", LINE("8"));
	expect(LINE("8"));
	append("log", LINE("9"));
	expect(LINE("9"));
}

static void test_restart(void **state)
{
	(void)state;
	append("log", LINE("1") LINE("2"));
	open_path("log");
	expect(LINE("1") LINE("2"));
	save();
	append("log", LINE("3"));
	expect(LINE("3")); /* handed out, not saved */
	restart("log");
	assert_string_equal(follow_note(f), "a note of 100%");
	expect(LINE("3"));
	follow_commit(f); /* committed, not saved */
	restart("log");
	expect(LINE("3"));
	save();
	restart("log");
	expect("");
	/* all while nobody looks: rotated twice, and grown */
	follow_close(f);
	append("log", LINE("4"));
	assert_int_equal(rename("log", "log.1"), 0);
	append("log", LINE("5"));
	assert_int_equal(rename("log.1", "log.2"), 0);
	assert_int_equal(rename("log", "log.1"), 0);
	append("log", LINE("6"));
	open_path("log");
	expect(LINE("4") LINE("5") LINE("6"));
	save();
	/* truncated, with a copy */
	follow_close(f);
	append("log", LINE("7"));
	assert_int_equal(rename("log.2", "log.3"), 0);
	assert_int_equal(rename("log.1", "log.2"), 0);
	copy_file("log", "log.1");
	assert_int_equal(truncate("log", 0), 0);
	append("log", LINE("8") LINE("9") LINE("10"));
	open_path("log");
	expect(LINE("7") LINE("8") LINE("9") LINE("10"));
	save();
	/* made anew, in the place of the old one */
	follow_close(f);
	append("new", LINE("11")); /* first, or it might get the old one's inode */
	assert_int_equal(rename("new", "log"), 0);
	open_path("log");
	expect(LINE("11"));
	assert_int_equal(follow_stats(f).lost, 1); /* nobody can say what log held last */
	restart("log"); /* not saved: log is the file made anew, still not known */
	expect(LINE("11"));
}

static void test_history(void **state)
{
	(void)state;
	append("log.2", LINE("old"));
	append("log.1", LINE("newer"));
	append("log", LINE("1"));
	open_path("log");
	expect(LINE("1"));
	append("log.1", LINE("late")); /* its writer goes on */
	expect(LINE("late"));
	follow_close(f);
	/* the whole folder: all of it, the oldest first */
	assert_int_equal(unlink(STATE), -1);
	open_path(".");
	expect(LINE("old") LINE("newer") LINE("late") LINE("1"));
	follow_close(f);
	const char *path = ".";
	append("log", "partial");
	open_paths_of(&path, 1, true);
	expect("");
	append("log", "\nnext\n");
	append("new", "all\n");
	expect("partial\nnext\nall\n");
	/* the state lies in the folder, and is no log */
	append("state.new", "what a crash left\n");
	save();
	expect("");
	append("log", "more\n");
	expect("more\n");
	save();
	restart(".");
	expect("");
}

static void test_long_lines(void **state)
{
	(void)state;
	struct follow_lines lines;
	struct fail why = {0};
	static char text[FOLLOW_LINE_MAX + 2];
	open_path("log");
	memset(text, 'x', sizeof text - 1);
	append("log", "1\n");
	append("log", text);
	append("log", text);
	append("log", "\n2\n");
	expect("1\n2\n");
	assert_int_equal(follow_stats(f).lines_long, 1);
	/* the longest that fits; over a restart within one that does not */
	text[FOLLOW_LINE_MAX - 1] = '\n';
	text[FOLLOW_LINE_MAX] = '\0';
	append("log", text);
	assert_int_equal(follow_next(f, 20, &lines, &why), 1);
	assert_int_equal(lines.len, FOLLOW_LINE_MAX);
	assert_memory_equal(lines.bytes, text, lines.len);
	memset(text, 'y', sizeof text - 1);
	append("log", text);
	expect("");
	save();
	restart("log");
	append("log", "y\n3\n");
	expect("3\n");
}

/* What a reader of headers needs. */
static void test_numbers(void **state)
{
	(void)state;
	struct follow_lines lines;
	struct fail why = {0};
	uint8_t head[16];
	append("log", "#head\n1\n");
	open_path("log");
	assert_int_equal(follow_next(f, 20, &lines, &why), 1);
	uint32_t first = lines.file;
	assert_int_equal(lines.offset, 0);
	assert_string_equal(lines.path, "./log");
	append("log", "2\n");
	assert_int_equal(follow_next(f, 100, &lines, &why), 1);
	assert_int_equal(lines.offset, 8);
	assert_int_equal(lines.file, first);
	assert_int_equal(follow_head(f, first, head, sizeof head), 10);
	assert_memory_equal(head, "#head\n1\n2\n", 10);
	assert_int_equal(follow_head(f, first, head, 7), 6);
	assert_int_equal(rename("log", "log.1"), 0);
	append("log", "#head\n3\n");
	assert_int_equal(follow_next(f, 100, &lines, &why), 1);
	assert_int_not_equal(lines.file, first);
	assert_true(follow_knows(f, first));
	assert_int_equal(truncate("log", 0), 0);
	append("log", "#\n");
	uint32_t second = lines.file;
	assert_int_equal(follow_next(f, 100, &lines, &why), 1);
	assert_int_equal(lines.offset, 0);
	assert_true(lines.file != first && lines.file != second);
	assert_false(follow_knows(f, second));
}

static void test_several(void **state)
{
	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	assert_int_equal(mkdir("b", 0755), 0);
	append("a/x[1].log", "1\n");
	append("a/x1.log", "not this\n");
	append("b/y.log", "2\n");
	append("b/.hidden", "not this\n");
	assert_int_equal(symlink("y.log", "b/link.log"), 0);
	static const char *const paths[] = {"a/x[1].log", "b", "b/y.log"};
	open_paths_of(paths, ARRAY_LEN(paths), false);
	expect("1\n2\n");
	assert_int_equal(follow_stats(f).files, 2);
	/* a folder that is made anew */
	assert_int_equal(rename("b", "c"), 0);
	assert_int_equal(mkdir("b", 0755), 0);
	expect("");
	append("b/z.log", "3\n");
	(void)usleep(5100 * 1000);
	expect("3\n");
	append("b/z.log", "4\n");
	expect("4\n");
}

static void test_refused(void **state)
{
	(void)state;
	struct fail why = {0};
	const char *const none[] = {"nowhere/log"}, *const device[] = {"/dev/null"};
	struct follow_options options = {.paths = none, .path_count = 1};
	assert_int_equal(follow_open(&f, &options, &why), -ENOENT);
	assert_string_equal(why.text, "nowhere/log: there is no folder nowhere");
	options.paths = device;
	assert_int_equal(follow_open(&f, &options, &why), -ENOTSUP);
	options.path_count = 0;
	assert_int_equal(follow_open(&f, &options, &why), -EINVAL);
	assert_null(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
	const struct CMUnitTest tests[] = {
		TEST(test_growth),
		TEST(test_rename),
		TEST(test_moved_away),
		TEST(test_deleted),
		TEST(test_truncated),
		TEST(test_copied),
		TEST(test_restart),
		TEST(test_history),
		TEST(test_long_lines),
		TEST(test_numbers),
		TEST(test_several),
		TEST(test_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
