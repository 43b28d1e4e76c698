/* For fuzz targets of logs: any bytes as they might lie in a file, all the way to events, and what
 * every event promises. */
#pragma once

#include "base/limits.h"
#include "ingest/rows.h"
#include "ingest/source.h"

struct seen_events {
	uint64_t count, sum, packets;
	uint64_t last_id;
};

static inline void sum_up(struct seen_events *seen, const void *bytes, size_t len)
{
	struct cur c = cur_of(bytes, len);
	while (c.len > 0)
		seen->sum = (seen->sum ^ cur_u8(&c)) * 0x100000001b3; /* FNV-1a */
}

static inline void sum_up_text(struct seen_events *seen, const char *text)
{
	if (text != NULL)
		sum_up(seen, text, strlen(text) + 1);
}

static inline void check_conn(struct seen_events *seen, const struct conn *c)
{
	CHECK(c->ended && c->settled == !c->rest);
	CHECK(outcome_is_failure(c->outcome) == (c->fail_ns != 0));
	CHECK(c->end_ns >= c->start_ns && c->fail_ns <= c->end_ns);
	CHECK(c->start_ns >= -READER_TIME_MAX && c->end_ns <= READER_TIME_MAX);
	CHECK(!addr_is_group(&c->client) && !addr_is_group(&c->server));
	CHECK(c->name == NULL || (c->name_source != NAME_NONE && c->name[0] != '\0'));
	CHECK(c->name == NULL || strpbrk(c->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL);
	CHECK(!(c->rest && c->outcome != OUTCOME_UNKNOWN));
	seen->packets += c->packets_out + c->packets_in;
	uint64_t numbers[] = {(uint64_t)c->start_ns, (uint64_t)c->end_ns, (uint64_t)c->fail_ns,
		c->packets_out, c->packets_in, c->bytes_out, c->bytes_in, c->outcome, c->tries,
		c->client_port, c->server_port, c->ip_proto, c->joined, c->inferred, c->one_way};
	sum_up(seen, numbers, sizeof numbers);
	sum_up(seen, c->client.byte, sizeof c->client.byte);
	sum_up(seen, c->server.byte, sizeof c->server.byte);
	sum_up_text(seen, c->name);
	sum_up_text(seen, c->uid);
}

static inline void check_lookup(struct seen_events *seen, const struct lookup *l)
{
	CHECK(l->name != NULL && l->name[0] != '\0');
	CHECK(outcome_is_failure(l->outcome) == (l->fail_ns != 0));
	CHECK(l->answers <= LOOKUP_ANSWERS_MAX && l->cnames <= LOOKUP_CNAMES_MAX);
	sum_up_text(seen, l->name);
}

static inline void check_event(void *context, const struct event *e)
{
	struct seen_events *seen = context;
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

/* All rows of a file of this format; nothing when it is of another. */
static inline struct seen_events fuzz_file(
	const struct format *format, const uint8_t *data, size_t size, size_t waiting_max)
{
	struct fuzz_rows f;
	struct fail why = {0};
	struct frame frame;
	struct reader *r = calloc(1, sizeof *r);
	CHECK(r != NULL);
	fuzz_rows_init(&f, waiting_max);
	raw_of_memory(&r->stream.unpack.raw, data, size);
	if (reader_open(r, &why) == 0 && r->format == format) {
		while (reader_next(r, &frame)) {
			CHECK(frame.format == format && frame.number > 0);
			CHECK(frame.time_ns <= READER_TIME_MAX &&
				frame.time_ns >= -READER_TIME_MAX);
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
static inline void fuzz_format(const struct format *format, const uint8_t *data, size_t size)
{
	struct seen_events small = fuzz_file(format, data, size, 4);
	struct seen_events again = fuzz_file(format, data, size, 4);
	CHECK(small.count == again.count && small.sum == again.sum);
	(void)fuzz_file(format, data, size, 256);
}
