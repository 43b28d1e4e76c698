/* For fuzz targets: any bytes as a log of one format; what every event promises is checked. */
#pragma once

#include <stdlib.h>

#include "ingest/reader.h"
#include "ingest/rows.h"
#include "ingest/source.h"

#define FUZZ_WRITTEN_NS (INT64_C(1764096053) * 1000000000)

static inline void check_name(const char *name)
{
	if (name == NULL)
		return;
	size_t len = strlen(name);
	CHECK(len > 0 && name[len - 1] != '.');
	for (size_t i = 0; i < len; i++)
		CHECK(name[i] < 'A' || name[i] > 'Z');
}

static inline bool time_is_sane(int64_t ns)
{
	return ns <= READER_TIME_MAX && ns >= -READER_TIME_MAX;
}

static inline void check_conn(const struct conn *c)
{
	CHECK(c->id != 0 && (c->settled || c->rest) && c->ended);
	CHECK(c->outcome < OUTCOME_COUNT);
	CHECK(outcome_is_failure(c->outcome) == (c->fail_ns != 0));
	CHECK(time_is_sane(c->start_ns) && time_is_sane(c->end_ns) && time_is_sane(c->fail_ns) &&
		time_is_sane(c->leave_ns) && time_is_sane(c->first_data_ns));
	CHECK(c->end_ns >= c->start_ns);
	CHECK((c->name == NULL) == (c->name_source == NAME_NONE));
	check_name(c->name);
}

static inline void check_lookup(const struct lookup *l)
{
	CHECK(l->id != 0 && l->outcome < OUTCOME_COUNT);
	CHECK(outcome_is_failure(l->outcome) == (l->fail_ns != 0));
	CHECK(time_is_sane(l->query_ns) && time_is_sane(l->repeat_ns) &&
		time_is_sane(l->answer_ns) && time_is_sane(l->fail_ns));
	CHECK(l->answers <= LOOKUP_ANSWERS_MAX && l->cnames <= LOOKUP_CNAMES_MAX);
	check_name(l->name);
}

static inline void check_event(void *context, const struct event *e)
{
	(void)context;
	if (e->kind == EVENT_CONN)
		check_conn(&e->conn);
	else
		check_lookup(&e->lookup);
}

/* Reads the bytes as this format, whether it claims them or not. */
static inline int fuzz_rows(const struct format *format, const uint8_t *data, size_t size)
{
	struct strings *strings = NULL;
	struct sink *sink = NULL;
	struct fail why = {0};
	struct reader *r = calloc(1, sizeof *r);
	CHECK(r != NULL && strings_new(&strings, (size_t)1 << 20, 4096) == 0);
	struct rows_options options = {.strings = strings, .event = check_event, .waiting_max = 64};
	CHECK(rows_new(&sink, &options) == 0);
	raw_of_memory(&r->stream.unpack.raw, data, size);
	r->stream.unpack.raw.written_ns = FUZZ_WRITTEN_NS;
	if (stream_start(&r->stream, &why) == 0) {
		struct cur c = stream_view(&r->stream, SOURCE_LOOK_BYTES);
		if (c.len >= sizeof(uint32_t))
			(void)format->claims(c);
		r->format = format;
		CHECK(format->open == NULL || format->open(r, &why) == 0);
		for (struct frame f; reader_next(r, &f);) {
			CHECK(f.format == format && time_is_sane(f.time_ns));
			rows_add(sink, &f);
		}
	}
	rows_finish(sink);
	reader_close(r);
	rows_free(sink);
	strings_free(strings);
	free(r);
	return 0;
}
