#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "ingest/files_testing.h"
#include "ingest/walk.h"

static void expect_input(
	const struct ingest *ing, size_t index, const char *path, int error, const char *text)
{
	const struct input *input = ingest_input(ing, index);
	assert_string_equal(input->path, path);
	assert_int_equal(input->error, error);
	assert_string_equal(input->text, text);
}

/* ---- folders ---- */

static void test_folder(void **state)
{
	(void)state;
	write_seconds("elsewhere", 500, 1, 21);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("d/b", 0700), 0);
	assert_int_equal(mkdir("d/.hidden", 0700), 0);
	assert_int_equal(mkdir("d/empty", 0700), 0);
	write_seconds("d/.hidden/x", 400, 1, 20);
	write_seconds("d/.x", 400, 1, 20);
	write_seconds("d/b/2", 401, 1, 22);
	write_seconds("d/b/10", 402, 1, 23);
	write_seconds("d/a.txt", 403, 1, 24); /* the name tells nothing */
	write_file("d/c.pcap", "some words\n", 11);
	write_file("d/d.pcap", "", 0);
	assert_int_equal(symlink("../elsewhere", "d/e"), 0);
	assert_int_equal(symlink("b/2", "d/f"), 0); /* read already */
	assert_int_equal(symlink("..", "d/g"), 0);
	assert_int_equal(symlink("nowhere", "d/h"), 0);
	assert_int_equal(mkfifo("d/i", 0600), 0);
	assert_int_equal(link("d/a.txt", "d/j"), 0);

	struct ingest *ing = open_one("d/");
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, 4);
	assert_int_equal(ingest_inputs(ing), 8);
	expect_input(ing, 0, "d/a.txt", 0, "");
	expect_input(ing, 1, "d/b/10", 0, "");
	expect_input(ing, 2, "d/b/2", 0, "");
	expect_input(ing, 3, "d/c.pcap", -ENOMSG,
		"d/c.pcap: neither a capture nor a known log: looks like a text file");
	expect_input(ing, 4, "d/d.pcap", -ENODATA, "d/d.pcap: is empty (0 bytes)");
	expect_input(ing, 5, "d/e", 0, "");
	expect_input(ing, 6, "d/f", -EEXIST, "d/f: the same file as d/b/2: read once");
	expect_input(ing, 7, "d/j", -EEXIST, "d/j: the same file as d/a.txt: read once");
	ingest_close(ing);
	free(got);

	ing = open_one("d/empty");
	expect_input(ing, 0, "d/empty", -ENOENT, "d/empty: a folder without files in it");
	ingest_close(ing);
	remove_all("d");
}

/* One content under two names is read once, whatever they are packed in or called. */
static void test_twins(void **state)
{
	(void)state;
	assert_int_equal(mkdir("t", 0700), 0);
	write_seconds("t/a", 100, 3, 40);
	write_seconds("t/b", 100, 4, 40);
	write_seconds("t/c", 100, 3, 40);
	write_seconds("t/d", 101, 3, 40);
	struct ingest *ing = open_one("t");
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, 10);
	expect_input(ing, 0, "t/a", 0, "");
	expect_input(ing, 1, "t/b", 0, "");
	expect_input(ing, 2, "t/c", -EEXIST, "t/c: holds the same as t/a: read once");
	expect_input(ing, 3, "t/d", 0, "");
	ingest_close(ing);
	free(got);
	remove_all("t");
}

/* ---- what cannot be read ---- */

static void test_errors(void **state)
{
	(void)state;
	write_seconds("good", 100, 2, 40);
	write_file("long \x1b[31m name", "x", 1);
	write_file("header", "\xd4\xc3\xb2\xa1\2\0\4\0\0\0", 10);
	static const char *const paths[] = {"missing", "/dev/null", "good", "long \x1b[31m name",
		"header", "good/below", "./good"};
	struct ingest *ing = open_paths(paths, ARRAY_LEN(paths));
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, 2);
	expect_input(ing, 0, "missing", -ENOENT, "missing: No such file or directory");
	expect_input(ing, 1, "/dev/null", -ENOTSUP,
		"/dev/null: is a device: give a file, a folder or a pipe");
	expect_input(ing, 2, "good", 0, "");
	expect_input(ing, 3, paths[3], -ENOMSG,
		"long \\x1b[31m name: neither a capture nor a known log: looks like a text file");
	expect_input(ing, 4, "header", -EBADMSG,
		"header: a pcap file that ends within its header, at byte 10");
	expect_input(ing, 5, "good/below", -ENOTDIR, "good/below: Not a directory");
	expect_input(ing, 6, "./good", -EEXIST, "./good: the same file as good: read once");
	ingest_close(ing);
	free(got);

	struct fail why = {0};
	static const char *const twice[] = {"-", "good", "-"};
	ing = NULL;
	assert_int_equal(ingest_open(&ing, twice, 3, &why), -EINVAL);
	assert_string_equal(why.text, "standard input (-) given twice");
	assert_int_equal(ingest_open(&ing, NULL, 0, &why), -EINVAL);
	assert_null(ing);
	ingest_close(NULL);
}

static void test_no_permission(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip(); /* root may read everything */
	write_seconds("secret", 100, 2, 40);
	assert_int_equal(chmod("secret", 0), 0);
	assert_int_equal(mkdir("open", 0700), 0);
	assert_int_equal(mkdir("open/closed", 0), 0);
	static const char *const paths[] = {"secret", "open"};
	struct ingest *ing = open_paths(paths, 2);
	expect_input(ing, 0, "secret", -EACCES, "secret: Permission denied");
	expect_input(ing, 1, "open/closed", -EACCES, "open/closed: Permission denied");
	ingest_close(ing);
}

static void test_cut(void **state)
{
	(void)state;
	write_seconds("whole", 100, 3, 40);
	assert_int_equal(truncate("whole", 24 + 3 * 56 - 1), 0);
	struct ingest *ing = open_one("whole");
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, 2);
	assert_true(ingest_input(ing, 0)->cut);
	assert_int_equal(ingest_input(ing, 0)->cut_offset, 24 + 2 * 56);
	expect_input(ing, 0, "whole", 0,
		"whole: cut at byte 136: the file ends within a record; was it copied whole? All "
		"before it was read");
	ingest_close(ing);
	free(got);
}

/* What is told while reading: the same struct, brought up to date. */
static void test_rejected(void **state)
{
	(void)state;
	static struct build b;
	b.len = 0;
	put_section(&b, UINT64_MAX, "a comment");
	put_iface(&b, 1, -1, 0);
	put_packet(&b, 0, 1000000, 20);
	put_packet(&b, 1, 1000000, 20);
	write_file("rejected", b.bytes, b.len);
	struct ingest *ing = open_one("rejected");
	expect_input(ing, 0, "rejected", 0,
		"rejected: 1 record left out, the first at byte 116: a packet of an interface that "
		"is "
		"not described");
	put_packet(&b, 2, 1000000, 20);
	put(&b, 6, 4);
	write_file("rejected", b.bytes, b.len);
	ingest_close(ing);

	ing = open_one("rejected");
	struct frame f;
	assert_int_equal(ingest_next(ing, &f), 1);
	assert_int_equal(ingest_input(ing, 0)->frames, 1);
	assert_int_equal(ingest_next(ing, &f), 0);
	const struct input *input = ingest_input(ing, 0);
	assert_int_equal(input->rejected, 2);
	assert_int_equal(input->comments, 1);
	assert_true(input->cut);
	assert_string_equal(input->format, "pcapng");
	expect_input(ing, 0, "rejected", 0,
		"rejected: cut at byte 220: the file ends within a record; was it copied whole? "
		"All "
		"before it was read; 2 records left out, the first at byte 116: a packet of an "
		"interface "
		"that is not described");
	ingest_close(ing);
}

/* Of a long path the end is told; a character is not torn. */
static void test_long_path(void **state)
{
	(void)state;
	char path[240] = "";
	for (size_t i = 0; i + 3 < sizeof path; i += 2)
		memcpy(path + i, "\xc3\xa4", 3);
	write_file(path, "x", 1);
	struct ingest *ing = open_one(path);
	const char *text = ingest_input(ing, 0)->text;
	assert_int_equal(strlen(text),
		3 + 100 + strlen(": neither a capture nor a known log: looks like a text file"));
	assert_memory_equal(text, "…\xc3\xa4\xc3\xa4", 7);
	ingest_close(ing);
	assert_int_equal(rename(path, path + 1), 0);
	ing = open_one(path + 1); /* begins in the middle of a character */
	text = ingest_input(ing, 0)->text;
	assert_memory_equal(text, "…\xc3\xa4\xc3\xa4", 7);
	ingest_close(ing);
	assert_int_equal(unlink(path + 1), 0);
}

/* Folders within folders: to a depth that no person makes. */
static void test_deep(void **state)
{
	(void)state;
	char path[4096] = "deep";
	size_t len = 4;
	for (int i = 0; i <= WALK_DEPTH_MAX + 3; i++) {
		assert_int_equal(mkdir(path, 0700), 0);
		if (i == WALK_DEPTH_MAX || i == WALK_DEPTH_MAX + 1) {
			char file[4200];
			(void)snprintf(file, sizeof file, "%s/a", path);
			write_seconds(file, 100, 1, 20);
		}
		len += (size_t)snprintf(path + len, sizeof path - len, "/d");
	}
	struct ingest *ing = open_one("deep");
	assert_int_equal(ingest_inputs(ing), 2);
	assert_int_equal(ingest_input(ing, 0)->error, 0);
	assert_int_equal(ingest_input(ing, 1)->error, -ELOOP);
	ingest_close(ing);
	remove_all("deep");
}

/* A file that is replaced or vanishes between the first look and its turn. */
static void test_changed(void **state)
{
	(void)state;
	enum { FILES = 20 };
	assert_int_equal(mkdir("changed", 0700), 0);
	for (uint32_t i = 0; i < FILES; i++) {
		char path[64];
		(void)snprintf(path, sizeof path, "changed/%02u", i);
		write_seconds(path, 1000 * (1 + i), 3, 40);
	}
	struct ingest *ing = open_one("changed");
	assert_int_equal(truncate("changed/17", 24), 0);
	assert_int_equal(unlink("changed/18"), 0);
	assert_int_equal(unlink("changed/19"), 0);
	write_file("changed/19", "words", 5);
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, (FILES - 3) * 3);
	expect_input(ing, 17, "changed/17", 0, "");
	expect_input(ing, 18, "changed/18", -ENOENT, "changed/18: No such file or directory");
	expect_input(ing, 19, "changed/19", -ENOMSG,
		"changed/19: neither a capture nor a known log: looks like a text file");
	ingest_close(ing);
	free(got);
	remove_all("changed");
}

/* ---- pipes ---- */

/* A child that writes the file into the pipe, some bytes at a time. */
static pid_t start_writer(const char *from, const char *to, size_t step)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child != 0)
		return child;
	static char bytes[1 << 16];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY);
	for (ssize_t got = read(in, bytes, step); got > 0; got = read(in, bytes, step))
		if (write(out, bytes, (size_t)got) != got)
			_exit(1);
	_exit(0);
}

static void test_pipe(void **state)
{
	(void)state;
	static const size_t steps[] = {1, 7, 4096};
	write_seconds("source", 100, 100, 40);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		pid_t child = start_writer("source", "fifo", steps[i]);
		struct ingest *ing = open_one("fifo");
		uint64_t done, total;
		ingest_progress(ing, &done, &total);
		assert_int_equal(total, 0);
		size_t count;
		struct seen *got = read_all(ing, &count);
		assert_int_equal(count, 100);
		ingest_progress(ing, &done, &total);
		assert_int_equal(done, 24 + 100 * 56);
		assert_int_equal(total, 0);
		expect_input(ing, 0, "fifo", 0, "");
		ingest_close(ing);
		free(got);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
}

static void with_stdin(const char *path, size_t want, int error, const char *text)
{
	int saved = dup(STDIN_FILENO), fd = open(path, O_RDONLY);
	assert_true(saved >= 0 && fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	(void)close(fd);
	struct ingest *ing = open_one("-");
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, want);
	expect_input(ing, 0, "-", error, text);
	ingest_close(ing);
	free(got);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* still open: it was not ours */
	assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	(void)close(saved);
}

static void test_stdin(void **state)
{
	(void)state;
	write_seconds("source", 100, 7, 40);
	with_stdin("source", 7, 0, "");
	pid_t child = start_writer("source", "fifo", 5);
	with_stdin("fifo", 7, 0, "");
	assert_int_equal(waitpid(child, NULL, 0), child);
	with_stdin("/dev/null", 0, -ENODATA, "standard input: is empty (0 bytes)");
	with_stdin("/dev/zero", 0, -ENOMSG,
		"standard input: neither a capture nor a known log: begins with zeros; was it "
		"preallocated and never "
		"written?");
	with_stdin(".", 0, -EISDIR, "standard input: is a folder");
}

static void on_alarm(int number)
{
	(void)number;
}

/* A signal ends the wait for a pipe whose writer says no more. */
static void test_interrupted(void **state)
{
	(void)state;
	int ends[2], saved = dup(STDIN_FILENO);
	static struct build b;
	b.len = 0;
	put_pcap(&b, 0xa1b2c3d4, 1);
	put_record(&b, 100, 0, 40, 40);
	put_record(&b, 101, 0, 40, 40);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], b.bytes, b.len), b.len);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	struct sigaction action = {.sa_handler = on_alarm}, before;
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	(void)alarm(1);
	struct ingest *ing = open_one("-");
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, 2);
	expect_input(ing, 0, "-", 0,
		"standard input: cut at byte 136: Interrupted system call. All before it was read");
	ingest_close(ing);
	free(got);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
	(void)close(saved);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void test_progress(void **state)
{
	(void)state;
	write_seconds("one", 100, 10, 40);
	write_seconds("two", 200, 20, 40);
	static const char *const paths[] = {"one", "two", "missing"};
	struct ingest *ing = open_paths(paths, 3);
	uint64_t done, total, all = 24 + 10 * 56 + 24 + 20 * 56;
	ingest_progress(ing, &done, &total);
	assert_int_equal(total, all);
	assert_true(done <= all);
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, 30);
	ingest_progress(ing, &done, &total);
	assert_int_equal(done, all);
	assert_int_equal(total, all);
	ingest_close(ing);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_stdin),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_progress),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
