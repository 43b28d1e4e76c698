#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ingest/ingest_testing.h"
#include "ingest/window.h"

#define SEC INT64_C(1000000000)

static char home[64]; /* a folder of this test's own; also the working directory */

/* ---- files ---- */

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void write_gzip(const char *path, const void *bytes, size_t len)
{
	gzFile file = gzopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(gzwrite(file, bytes, (unsigned)len), len);
	assert_int_equal(gzclose(file), Z_OK);
}

/* A capture of `count` packets, one per second from `first` on, cap bytes each. */
static void write_seconds(const char *path, uint32_t first, uint32_t count, uint32_t cap)
{
	static struct build b;
	b.len = 0;
	put_pcap(&b, 0xa1b2c3d4, 1);
	for (uint32_t i = 0; i < count; i++)
		put_record(&b, first + i, 0, cap, cap);
	write_file(path, b.bytes, b.len);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static void remove_all(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(home, sizeof home, "/tmp/ingest_test_XXXXXX");
	return mkdtemp(home) == NULL || chdir(home) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	int code = chdir("/");
	remove_all(home);
	return code;
}

/* ---- reading ---- */

static struct ingest *open_paths(const char *const *paths, size_t count)
{
	struct ingest *ing = NULL;
	struct fail why = {0};
	assert_int_equal(ingest_open(&ing, paths, count, &why), 0);
	return ing;
}

static struct ingest *open_one(const char *path)
{
	return open_paths(&path, 1);
}

struct seen {
	int64_t time_ns;
	uint32_t cap, sum, input;
	uint64_t number;
};

/* Reads all; the caller frees. The times must not go back. */
static struct seen *read_all(struct ingest *ing, size_t *ret_count)
{
	size_t count = 0, room = 1024;
	struct seen *seen = malloc(room * sizeof *seen);
	assert_non_null(seen);
	for (struct frame f; ingest_next(ing, &f) == 1; count++) {
		if (count == room) {
			room *= 2;
			seen = realloc(seen, room * sizeof *seen);
			assert_non_null(seen);
		}
		seen[count] = (struct seen){f.time_ns, f.cap_bytes, 0, f.input, f.number};
		for (uint32_t i = 0; i < f.cap_bytes; i++)
			seen[count].sum = seen[count].sum * 31 + f.bytes[i];
		if (count > 0)
			assert_true(seen[count - 1].time_ns <= f.time_ns);
	}
	struct frame f;
	assert_int_equal(ingest_next(ing, &f), 0); /* and stays so */
	*ret_count = count;
	return seen;
}

static void expect_input(
	const struct ingest *ing, size_t index, const char *path, int error, const char *text)
{
	const struct input *input = ingest_input(ing, index);
	assert_string_equal(input->path, path);
	assert_int_equal(input->error, error);
	assert_string_equal(input->text, text);
}

/* ---- one capture and its parts ---- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

enum { COUNT = 12000 };

struct image {
	uint8_t *bytes;
	size_t at[COUNT + 1]; /* where each record begins */
};

/* Times go up and down by as much as the window bears; many are equal. */
static void make_image(struct image *image, uint64_t seed, uint32_t disorder)
{
	static struct build b;
	image->bytes = malloc((size_t)COUNT * 400);
	assert_non_null(image->bytes);
	size_t len = 0;
	for (uint32_t i = 0; i <= COUNT; i++) {
		b.len = 0;
		if (i == 0)
			put_pcap(&b, 0xa1b2c3d4, 1);
		image->at[i] = len + b.len;
		uint64_t random = next_random(&seed);
		if (i < COUNT)
			put_record(&b, 100000 + i / 4 - (uint32_t)(random % (disorder + 1)), 0,
				(uint32_t)(random >> 32) % 300, 1500);
		memcpy(image->bytes + len, b.bytes, b.len);
		len += b.len;
	}
}

/* Records from, to (not included) with the file's header before them. */
static void write_part(
	const struct image *image, size_t from, size_t to, const char *path, bool packed)
{
	size_t head = image->at[0], len = image->at[to] - image->at[from];
	uint8_t *bytes = malloc(head + len);
	assert_non_null(bytes);
	memcpy(bytes, image->bytes, head);
	memcpy(bytes + head, image->bytes + image->at[from], len);
	(packed ? write_gzip : write_file)(path, bytes, head + len);
	free(bytes);
}

static void expect_parts(const struct image *image, size_t parts, uint64_t *seed)
{
	size_t count, again, from = 0;
	assert_int_equal(mkdir("parts", 0700), 0);
	for (size_t part = 0; part < parts; part++) {
		size_t to = part + 1 == parts ? COUNT
		                              : (size_t)COUNT * (part + 1) / parts -
		                                        next_random(seed) % (COUNT / parts / 2);
		char path[64];
		/* rotated files whose names sort otherwise: 1, 10, 11, 2, … */
		(void)snprintf(path, sizeof path, "parts/trace.pcap%zu", part + 1);
		write_part(image, from, to, path, part % 3 == 1);
		from = to;
	}
	struct ingest *ing = open_one("whole.pcap");
	struct seen *whole = read_all(ing, &count);
	assert_int_equal(count, COUNT);
	assert_int_equal(ingest_input(ing, 0)->late, 0);
	ingest_close(ing);

	ing = open_one("parts");
	struct seen *got = read_all(ing, &again);
	assert_int_equal(again, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		assert_true(got[i].time_ns == whole[i].time_ns && got[i].cap == whole[i].cap &&
			    got[i].sum == whole[i].sum);
	assert_int_equal(ingest_inputs(ing), parts);
	for (size_t i = 0; i < parts; i++)
		assert_int_equal(ingest_input(ing, i)->late, 0);
	ingest_close(ing);
	free(got);
	free(whole);
	remove_all("parts");
}

static void test_parts(void **state)
{
	(void)state;
	static const size_t parts[] = {1, 2, 3, 12, 40};
	static const uint32_t disorders[] = {0, 1, 40, 900};
	static struct image image;
	uint64_t seed = 20240229;
	for (size_t d = 0; d < ARRAY_LEN(disorders); d++) {
		make_image(&image, next_random(&seed), disorders[d]);
		write_part(&image, 0, COUNT, "whole.pcap", false);
		for (size_t i = 0; i < ARRAY_LEN(parts); i++) /* 40 are looked at in part only */
			if (parts[i] <= 16 || disorders[d] <= 10)
				expect_parts(&image, parts[i], &seed);
		free(image.bytes);
	}
	assert_int_equal(unlink("whole.pcap"), 0);
}

/* Two taps at the same time: merged; what is equal comes in the order in which they begin. */
static void test_overlap(void **state)
{
	(void)state;
	write_seconds("b", 100, 5, 20);
	write_seconds("a", 102, 5, 30);
	static const char *const paths[] = {"a", "b"};
	static const struct seen want[] = {{100 * SEC, 20, 0, 1, 1}, {101 * SEC, 20, 0, 1, 2},
		{102 * SEC, 20, 0, 1, 3}, {102 * SEC, 30, 0, 0, 1}, {103 * SEC, 20, 0, 1, 4},
		{103 * SEC, 30, 0, 0, 2}, {104 * SEC, 20, 0, 1, 5}, {104 * SEC, 30, 0, 0, 3},
		{105 * SEC, 30, 0, 0, 4}, {106 * SEC, 30, 0, 0, 5}};
	struct ingest *ing = open_paths(paths, 2);
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, ARRAY_LEN(want));
	for (size_t i = 0; i < count; i++)
		assert_true(got[i].time_ns == want[i].time_ns && got[i].cap == want[i].cap &&
			    got[i].input == want[i].input && got[i].number == want[i].number);
	const struct input *input = ingest_input(ing, 0);
	assert_string_equal(input->format, "pcap");
	assert_null(input->packing);
	assert_int_equal(input->frames, 5);
	assert_int_equal(input->first_ns, 102 * SEC);
	assert_int_equal(input->last_ns, 106 * SEC);
	assert_false(input->cut);
	assert_string_equal(input->text, "");
	ingest_close(ing);
	free(got);
}

/* Far more files than descriptors, all overlapping or one after the other. */
static void test_many(void **state)
{
	(void)state;
	enum { FILES = 600 };
	struct rlimit before, few;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = RAW_OPEN_MAX + 32;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (uint32_t step = 0; step <= 1000; step += 1000) {
		assert_int_equal(mkdir("many", 0700), 0);
		for (uint32_t i = 0; i < FILES; i++) {
			char path[64];
			(void)snprintf(path, sizeof path, "many/%u", i * 7 % FILES);
			write_seconds(path, 1000 + i * step, 5, 300);
		}
		struct ingest *ing = open_one("many");
		assert_int_equal(ingest_inputs(ing), FILES);
		size_t count;
		struct seen *got = read_all(ing, &count);
		assert_int_equal(count, FILES * 5);
		free(got);
		for (size_t i = 0; i < FILES; i++)
			assert_int_equal(ingest_input(ing, i)->frames, 5);
		ingest_close(ing);
		remove_all("many");
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Large files that take turns: descriptors are given back and opened again in the middle. */
static void test_turns(void **state)
{
	(void)state;
	enum { FILES = RAW_OPEN_MAX + 10, RECORDS = 35 };
	static struct build b;
	assert_int_equal(mkdir("turns", 0700), 0);
	for (uint32_t i = 0; i < FILES; i++) {
		char path[64];
		(void)snprintf(path, sizeof path, "turns/%u", i);
		FILE *file = fopen(path, "wb");
		assert_non_null(file);
		b.len = 0;
		put_pcap(&b, 0xa1b2c3d4, 1);
		for (uint32_t n = 0; n < RECORDS; n++) {
			put_record(&b, 1000 + n, i, 8000, 8000);
			assert_int_equal(fwrite(b.bytes, 1, b.len, file), b.len);
			b.len = 0;
		}
		assert_int_equal(fclose(file), 0);
	}
	struct ingest *ing = open_one("turns");
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, (size_t)FILES * RECORDS);
	for (size_t i = 0; i < count; i++)
		assert_true(got[i].time_ns == (int64_t)(1000 + i / FILES) * SEC +
						      (int64_t)(i % FILES) * 1000 &&
			    got[i].sum == got[0].sum);
	free(got);
	ingest_close(ing);
	remove_all("turns");
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
	expect_input(
		ing, 3, "d/c.pcap", -ENOMSG, "d/c.pcap: not a capture: looks like a text file");
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
		"long \\x1b[31m name: not a capture: looks like a text file");
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
	assert_int_equal(mkdir("closed", 0), 0);
	static const char *const paths[] = {"secret", "closed"};
	struct ingest *ing = open_paths(paths, 2);
	expect_input(ing, 0, "secret", -EACCES, "secret: Permission denied");
	expect_input(ing, 1, "closed", -EACCES, "closed: Permission denied");
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
	assert_int_equal(unlink("changed/18"), 0);
	assert_int_equal(unlink("changed/19"), 0);
	write_file("changed/19", "words", 5);
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, (FILES - 2) * 3);
	expect_input(ing, 18, "changed/18", -ENOENT, "changed/18: No such file or directory");
	expect_input(ing, 19, "changed/19", -ENOMSG,
		"changed/19: not a capture: looks like a text file");
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
		"standard input: not a capture: begins with zeros; was it preallocated and never "
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
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_stdin),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_progress),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
