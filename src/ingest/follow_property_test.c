/* Whatever is done to a log, and wherever Postern is stopped: every line is seen exactly once. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "ingest/files_testing.h"
#include "ingest/follow.h"

#define LINES_MAX 20000
#define NAMES     3

static uint64_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % below;
}

/* ---- the writer ---- */

struct writer {
	uint32_t lines;        /* written, over all logs; each has its number in it */
	bool header;           /* as Zeek's logs have: files begin alike */
	uint32_t rotations;    /* of all logs: names of rotated files never come back */
	char rest[NAMES][256]; /* of a line that is half written */
};

static const char *const names[NAMES] = {"eve.json", "conn.log", "x-1.log"};

static void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void write_lines(struct writer *w, uint32_t log, uint32_t count)
{
	char text[512];
	struct stat st;
	const char *path = names[log];
	if (w->header && (stat(path, &st) < 0 || st.st_size == 0)) {
		(void)snprintf(text, sizeof text,
			"#separator "
			"\\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
			"#path\tconn\n#open\t%u\n#fields\tts\tuid\tid.orig_h\tid.orig_p\n",
			w->rotations);
		put_text(path, text);
	}
	for (; count > 0 && w->lines < LINES_MAX; count--) {
		put_text(path, w->rest[log]);
		w->rest[log][0] = '\0';
		uint32_t number = w->lines++;
		int len = snprintf(text, sizeof text,
			"{\"timestamp\":\"%u\",\"log\":%u,\"pad\":\"%0*u\"}\n", number, log,
			1 + (int)any(150), 0U);
		size_t now = any(5) == 0 ? any((uint32_t)len) : (size_t)len;
		(void)snprintf(w->rest[log], sizeof w->rest[log], "%s", text + now);
		text[now] = '\0';
		put_text(path, text);
	}
}

/* A file is given up only with whole lines in it. */
static void finish_line(struct writer *w, uint32_t log)
{
	if (w->rest[log][0] != '\0')
		put_text(names[log], w->rest[log]);
	w->rest[log][0] = '\0';
}

static void rotated_name(struct writer *w, uint32_t log, char buf[static 64])
{
	(void)snprintf(buf, 64, any(2) == 0 ? "%s.%u" : "%s-2024%04u", names[log], ++w->rotations);
}

static void rotate(struct writer *w, uint32_t log)
{
	char name[64];
	finish_line(w, log);
	rotated_name(w, log, name);
	(void)rename(names[log], name); /* it may not be there yet */
}

static void copy_truncate(struct writer *w, uint32_t log)
{
	static char bytes[1 << 22];
	char name[64];
	finish_line(w, log);
	int fd = open(names[log], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, bytes, sizeof bytes - 1);
	(void)close(fd);
	assert_true(n >= 0);
	bytes[n] = '\0';
	rotated_name(w, log, name);
	put_text(name, bytes);
	assert_int_equal(truncate(names[log], 0), 0);
}

static void write_on(struct writer *w)
{
	uint32_t log = any(NAMES), what = any(12);
	if (what == 0)
		rotate(w, log);
	else if (what == 1 && !w->header)
		copy_truncate(w, log);
	else
		write_lines(w, log, any(10));
}

/* ---- the reader ---- */

struct reading {
	struct follow *f;
	uint32_t *number; /* of the lines seen */
	size_t count, saved;
};

static void take_lines(struct reading *r, const struct follow_lines *lines)
{
	struct cur c = cur_of(lines->bytes, lines->len);
	while (c.len > 0) {
		const uint8_t *end = memchr(c.ptr, '\n', c.len);
		assert_non_null(end);
		struct span s = cur_bytes(&c, (size_t)(end - c.ptr) + 1);
		CHECK(s.ptr != NULL);
		if (s.ptr[0] == '#')
			continue;
		static const char head[] = "{\"timestamp\":\"";
		assert_true(s.len > sizeof head && memcmp(s.ptr, head, sizeof head - 1) == 0);
		assert_true(s.ptr[s.len - 2] == '}'); /* a whole line */
		assert_true(r->count < (size_t)4 * LINES_MAX);
		r->number[r->count++] =
			(uint32_t)strtoul((const char *)s.ptr + sizeof head - 1, NULL, 10);
	}
}

static void open_reader(struct reading *r)
{
	static const char *const folder = ".";
	struct fail why = {0};
	const struct follow_options options = {
		.paths = &folder, .path_count = 1, .state_path = "./state"};
	int code = follow_open(&r->f, &options, &why);
	if (code < 0)
		print_message("%s\n", why.text);
	assert_int_equal(code, 0);
}

static bool take_some(struct reading *r, int timeout_ms)
{
	struct follow_lines lines;
	struct fail why = {0};
	int code = follow_next(r->f, timeout_ms, &lines, &why);
	assert_true(code >= 0);
	if (code == 1)
		take_lines(r, &lines);
	return code == 1;
}

static void save(struct reading *r)
{
	struct fail why = {0};
	follow_commit(r->f);
	assert_int_equal(follow_save(r->f, NULL, &why), 0);
	r->saved = r->count;
}

static void crash(struct reading *r)
{
	follow_close(r->f);
	r->count = r->saved; /* what was not saved is forgotten on both sides */
}

static void read_on(struct reading *r)
{
	switch (any(6)) {
	case 0:
		save(r);
		break;
	case 1:
		crash(r);
		open_reader(r);
		break;
	default:
		for (uint32_t i = any(4); i > 0; i--)
			(void)take_some(r, 0);
	}
}

static void check_once(const struct reading *r, uint32_t lines)
{
	static uint8_t seen[LINES_MAX];
	memset(seen, 0, sizeof seen);
	for (size_t i = 0; i < r->count; i++) {
		assert_true(r->number[i] < lines);
		seen[r->number[i]]++;
	}
	for (uint32_t i = 0; i < lines; i++) {
		if (seen[i] != 1)
			print_message("line %u was seen %u times\n", i, seen[i]);
		assert_int_equal(seen[i], 1);
	}
}

static void enter(uint64_t run)
{
	char name[32];
	seed = run;
	(void)snprintf(name, sizeof name, "run%llu", (unsigned long long)run);
	assert_int_equal(chdir(home), 0);
	assert_int_equal(mkdir(name, 0755), 0);
	assert_int_equal(chdir(name), 0);
}

static void test_once(void **state)
{
	(void)state;
	for (uint64_t run = 1; run <= 30; run++) {
		struct writer w = {.header = run % 4 == 0};
		struct reading r = {.number = calloc((size_t)4 * LINES_MAX, sizeof(uint32_t))};
		assert_non_null(r.number);
		enter(run);
		open_reader(&r);
		for (int step = 0; step < 300; step++) {
			write_on(&w);
			if (any(3) == 0)
				read_on(&r);
		}
		for (uint32_t log = 0; log < NAMES; log++)
			finish_line(&w, log);
		while (take_some(&r, 30)) {
		}
		check_once(&r, w.lines);
		crash(&r);
		free(r.number);
	}
}

/* ---- killed ---- */

/* Writes what it reads to a file, and keeps with each state how much of it belongs to it. */
static void copy_lines(int idle_ms)
{
	struct reading r = {0};
	struct follow_lines lines;
	struct fail why = {0};
	char note[32];
	open_reader(&r);
	int fd = open("../out", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	off_t len = (off_t)strtoul(follow_note(r.f), NULL, 10);
	assert_true(fd >= 0 && ftruncate(fd, len) == 0 && lseek(fd, len, SEEK_SET) == len);
	while (follow_next(r.f, idle_ms, &lines, &why) == 1) {
		assert_int_equal(write(fd, lines.bytes, lines.len), lines.len);
		len += (off_t)lines.len;
		(void)snprintf(note, sizeof note, "%lld", (long long)len);
		follow_commit(r.f);
		assert_int_equal(follow_save(r.f, note, &why), 0);
	}
	follow_close(r.f);
	(void)close(fd);
}

static void test_killed(void **state)
{
	(void)state;
	/* no copying and truncating: whoever does that while another reads may give a line twice */
	struct writer w = {.header = true};
	enter(1000);
	for (int round = 0; round < 40; round++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			copy_lines(60000);
			_exit(0);
		}
		for (uint32_t i = 1 + any(20); i > 0; i--) {
			write_on(&w);
			(void)usleep(any(3000));
		}
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
	for (uint32_t log = 0; log < NAMES; log++)
		finish_line(&w, log);
	copy_lines(100);
	struct reading r = {.number = calloc((size_t)4 * LINES_MAX, sizeof(uint32_t))};
	static uint8_t bytes[1 << 22];
	int fd = open("../out", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof bytes);
	(void)close(fd);
	assert_true(n > 0 && n < (ssize_t)sizeof bytes && r.number != NULL);
	take_lines(&r, &(struct follow_lines){.bytes = bytes, .len = (size_t)n});
	check_once(&r, w.lines);
	free(r.number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_killed),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
