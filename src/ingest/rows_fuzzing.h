/* For fuzz targets of logs: any bytes as they might lie in a file, all the way to events, and what
 * every event promises. */
#pragma once

#include <stdlib.h>

#include "base/limits.h"
#include "ingest/reader.h"
#include "ingest/rows.h"
#include "ingest/source.h"

/* When the file was written, for stamps without a year. */
#define FUZZ_WRITTEN_NS (INT64_C(1764096053) * NS_PER_S)

struct seen_events {
	uint64_t count, sum, packets;
	uint64_t last_id;
	/* The rows of several logs are one conversation: one may tell of a failure after the last
	 * packet that another saw. */
	bool joined;
};

static inline void sum_up(struct seen_events *seen, const void *bytes, size_t len)
{
	struct cur c = cur_of(bytes, len);
	while (c.len > 0)
		seen->sum = (seen->sum ^ cur_u8(&c)) * 0x100000001b3; /* FNV-1a */
}

static inline void check_text(struct seen_events *seen, const char *text)
{
	CHECK(text == NULL || (text[0] != '\0' && strlen(text) < STREAM_VIEW_MAX));
	if (text != NULL)
		sum_up(seen, text, strlen(text) + 1);
}

static inline void check_name(const char *name)
{
	size_t len = name == NULL ? 0 : strlen(name);
	CHECK(len == 0 || name[len - 1] != '.');
	for (size_t i = 0; i < len; i++)
		CHECK(name[i] < 'A' || name[i] > 'Z');
}

static inline bool time_is_sane(int64_t ns)
{
	return ns <= READER_TIME_MAX && ns >= -READER_TIME_MAX;
}

static inline void check_conn_times(const struct seen_events *seen, const struct conn *c)
{
	const int64_t times[] = {c->start_ns, c->end_ns, c->fail_ns, c->leave_ns, c->first_data_ns};
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		CHECK(time_is_sane(times[i]));
	CHECK(c->end_ns >= c->start_ns);
	CHECK(seen->joined || c->fail_ns <= c->end_ns);
}

static inline void check_conn(struct seen_events *seen, const struct conn *c)
{
	CHECK(c->ended && c->settled == !c->rest && c->outcome < OUTCOME_COUNT);
	CHECK(outcome_is_failure(c->outcome) ? c->fail_ns >= c->start_ns : c->fail_ns == 0);
	CHECK(!c->rest || c->outcome == OUTCOME_UNKNOWN);
	check_conn_times(seen, c);
	/* only a proxy knows the address of some that have a name */
	CHECK(!addr_is_group(&c->client));
	CHECK(!addr_is_group(&c->server) || (addr_is_none(&c->server) && c->name != NULL));
	CHECK((c->name == NULL) == (c->name_source == NAME_NONE));
	check_name(c->name);
	const char *const texts[] = {c->name, c->service, c->ja3, c->ja4, c->alpn, c->user_agent,
		c->method, c->certificate, c->uid, c->process};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check_text(seen, texts[i]);
	seen->packets += c->packets_out + c->packets_in;
	uint64_t numbers[] = {(uint64_t)c->start_ns, (uint64_t)c->end_ns, (uint64_t)c->fail_ns,
		c->packets_out, c->packets_in, c->bytes_out, c->bytes_in, c->outcome, c->tries,
		c->client_port, c->server_port, c->ip_proto, c->joined, c->inferred, c->one_way};
	sum_up(seen, numbers, sizeof numbers);
	sum_up(seen, c->client.byte, sizeof c->client.byte);
	sum_up(seen, c->server.byte, sizeof c->server.byte);
}

static inline void check_lookup(struct seen_events *seen, const struct lookup *l)
{
	CHECK(l->outcome < OUTCOME_COUNT);
	CHECK(outcome_is_failure(l->outcome) ? l->fail_ns >= l->query_ns : l->fail_ns == 0);
	CHECK(time_is_sane(l->query_ns) && time_is_sane(l->repeat_ns) &&
		time_is_sane(l->answer_ns) && time_is_sane(l->fail_ns));
	CHECK(l->answers <= LOOKUP_ANSWERS_MAX && l->cnames <= LOOKUP_CNAMES_MAX);
	CHECK(l->name != NULL);
	check_name(l->name);
	check_text(seen, l->name);
	check_text(seen, l->uid);
	check_text(seen, l->process);
	uint64_t numbers[] = {(uint64_t)l->query_ns, (uint64_t)l->answer_ns, (uint64_t)l->fail_ns,
		l->outcome, l->qtype, l->rcode, l->answers, l->cnames, l->client_port};
	sum_up(seen, numbers, sizeof numbers);
	sum_up(seen, l->client.byte, sizeof l->client.byte);
	sum_up(seen, l->resolver.byte, sizeof l->resolver.byte);
}

static inline void check_event(void *context, const struct event *e)
{
	struct seen_events *seen = context;
	CHECK(e->kind == EVENT_CONN || e->kind == EVENT_LOOKUP);
	uint64_t id = e->kind == EVENT_CONN ? e->conn.id : e->lookup.id;
	CHECK(id > seen->last_id);
	seen->last_id = id;
	seen->count++;
	if (e->kind == EVENT_CONN)
		check_conn(seen, &e->conn);
	else
		check_lookup(seen, &e->lookup);
}

struct fuzz_rows {
	struct strings *strings;
	struct sink *sink;
	struct seen_events seen;
};

/* *f stays where it is until fuzz_rows_fini(). */
static inline void fuzz_rows_init(struct fuzz_rows *f, size_t waiting_max)
{
	*f = (struct fuzz_rows){0};
	CHECK(strings_new(&f->strings, (size_t)1 << 18, (size_t)1 << 10) == 0);
	struct rows_options options = {.strings = f->strings,
		.event = check_event,
		.context = &f->seen,
		.waiting_max = waiting_max};
	CHECK(rows_new(&f->sink, &options) == 0);
}

static inline void fuzz_rows_fini(struct fuzz_rows *f)
{
	rows_free(f->sink);
	strings_free(f->strings);
}

/* Opens the bytes as this format, whether it claims them or not. */
static inline bool fuzz_open(
	struct reader *r, const struct format *format, const uint8_t *data, size_t size)
{
	struct fail why = {0};
	raw_of_memory(&r->stream.unpack.raw, data, size);
	r->stream.unpack.raw.written_ns = FUZZ_WRITTEN_NS;
	if (stream_start(&r->stream, &why) < 0)
		return false;
	struct cur c = stream_view(&r->stream, SOURCE_LOOK_BYTES);
	if (c.len >= sizeof(uint32_t))
		(void)format->claims(c);
	r->format = format;
	return format->open == NULL || format->open(r, &why) == 0;
}

static inline struct seen_events fuzz_file(
	const struct format *format, const uint8_t *data, size_t size, size_t waiting_max)
{
	struct fuzz_rows f;
	struct frame frame;
	struct reader *r = calloc(1, sizeof *r);
	CHECK(r != NULL);
	fuzz_rows_init(&f, waiting_max);
	if (fuzz_open(r, format, data, size)) {
		while (reader_next(r, &frame)) {
			CHECK(frame.format == format && frame.number > 0);
			CHECK(time_is_sane(frame.time_ns));
			rows_add(f.sink, &frame);
		}
		CHECK(r->cut == (r->why_cut != NULL));
		CHECK((r->rejected > 0) == (r->why_rejected != NULL));
	}
	rows_finish(f.sink);
	reader_close(r);
	free(r);
	fuzz_rows_fini(&f);
	return f.seen;
}

/* In small tables and in large ones; hash secrets differ from run to run and change nothing. */
static inline int fuzz_format(const struct format *format, const uint8_t *data, size_t size)
{
	struct seen_events small = fuzz_file(format, data, size, 4);
	struct seen_events again = fuzz_file(format, data, size, 4);
	CHECK(small.count == again.count && small.sum == again.sum);
	(void)fuzz_file(format, data, size, 256);
	return 0;
}
