/* For tests: capture files in a folder of the test's own, and all that is read from them. */
#pragma once

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/ingest_testing.h"

#define SEC INT64_C(1000000000)

static char home[64]; /* a folder of this test's own; also the working directory */

/* ---- files ---- */

static inline void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* A capture of `count` packets, one per second from `first` on, cap bytes each. */
static inline void write_seconds(const char *path, uint32_t first, uint32_t count, uint32_t cap)
{
	static struct build b;
	b.len = 0;
	put_pcap(&b, 0xa1b2c3d4, 1);
	for (uint32_t i = 0; i < count; i++)
		put_record(&b, first + i, 0, cap, cap);
	write_file(path, b.bytes, b.len);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void remove_all(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int set_up(void **state)
{
	(void)state;
	(void)snprintf(home, sizeof home, "/tmp/ingest_test_XXXXXX");
	return mkdtemp(home) == NULL || chdir(home) < 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	int code = chdir("/");
	remove_all(home);
	return code;
}

/* ---- reading ---- */

static inline struct ingest *open_paths(const char *const *paths, size_t count)
{
	struct ingest *ing = NULL;
	struct fail why = {0};
	assert_int_equal(ingest_open(&ing, paths, count, &why), 0);
	return ing;
}

static inline struct ingest *open_one(const char *path)
{
	return open_paths(&path, 1);
}

struct seen {
	int64_t time_ns;
	uint32_t cap, sum, input;
	uint64_t number;
};

/* Reads all; the caller frees. The times must not go back. */
static inline struct seen *read_all(struct ingest *ing, size_t *ret_count)
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
