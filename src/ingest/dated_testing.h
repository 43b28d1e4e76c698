/* For tests of logs whose meaning depends on the date of the file, and what of an event
 * rows_testing.h leaves out. */
#pragma once

#include <fcntl.h>

#include "ingest/rows_testing.h"

/* 2026-11-25 12:00:00 UTC: stamps "Nov 25" of this file are of 2026. */
#define DATED_S INT64_C(1795608000)

static inline struct told_rows *tell_dated(const char *format, const char *text)
{
	const char *path = "in.log";
	const struct timespec at[2] = {{.tv_sec = DATED_S}, {.tv_sec = DATED_S}};
	write_file(path, text, strlen(text));
	assert_int_equal(utimensat(AT_FDCWD, path, at, 0), 0);
	struct told_rows *t = tell_paths(&path, 1);
	assert_non_null(ingest_input(t->ingest, 0)->format);
	assert_string_equal(ingest_input(t->ingest, 0)->format, format);
	return t;
}

/* Rows that were left out, and the words for the first. */
static inline void expect_rejected(const struct told_rows *t, uint64_t count, const char *words)
{
	const struct input *in = ingest_input(t->ingest, 0);
	assert_int_equal(in->rows_rejected, count);
	if (count > 0 && strstr(in->text, words) == NULL)
		assert_string_equal(in->text, words);
}

/* Every line's every prefix, and the whole text up to every length: nothing but that it is read. */
static inline void sweep_cuts(const struct format *format, const char *text)
{
	size_t len = strlen(text);
	struct told_rows *t = told_new(64);
	for (size_t i = 0; i <= len; i++) {
		uint8_t *copy = malloc(i == 0 ? 1 : i);
		assert_non_null(copy);
		memcpy(copy, text, i);
		struct reader *r = calloc(1, sizeof *r);
		struct fail why = {0};
		assert_non_null(r);
		raw_of_memory(&r->stream.unpack.raw, copy, i);
		r->stream.unpack.raw.written_ns = DATED_S * SEC;
		assert_int_equal(stream_start(&r->stream, &why), 0);
		r->format = format;
		assert_true(format->open == NULL || format->open(r, &why) == 0);
		for (struct frame f; reader_next(r, &f);)
			rows_add(t->sink, &f);
		t->events = 0;
		reader_close(r);
		free(r);
		free(copy);
	}
	rows_finish(t->sink);
	told_free(t);
}
