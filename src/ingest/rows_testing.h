/* For tests: a log's text goes all the way to events, and each event to one line that says all that
 * matters of it. */
#pragma once

#include <inttypes.h>

#include "ingest/files_testing.h"
#include "ingest/rows.h"

#define TOLD_MAX 4096

struct told_rows {
	struct strings *strings;
	struct sink *sink;
	struct ingest *ingest;
	struct event event[TOLD_MAX];
	size_t events;
};

#define MARK(word) request_mark((struct span){(const uint8_t *)(word), strlen(word)})

static inline const char *keep(struct told_rows *t, const char *text)
{
	return strings_get(t->strings, strings_add(t->strings, text));
}

static inline void keep_event(void *context, const struct event *event)
{
	struct told_rows *t = context;
	assert_true(t->events < TOLD_MAX);
	struct event *e = &t->event[t->events++];
	*e = *event;
	if (e->kind != EVENT_CONN)
		return;
	struct conn *c = &e->conn;
	const char **texts[] = {&c->name, &c->service, &c->ja3, &c->ja4, &c->alpn, &c->user_agent,
		&c->method, &c->certificate, &c->uid, &c->process};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = keep(t, *texts[i]);
}

/* Without an input: rows are made by the test. waiting_max 0: the default. */
static inline struct told_rows *told_new(size_t waiting_max)
{
	struct told_rows *t = calloc(1, sizeof *t);
	assert_non_null(t);
	assert_int_equal(strings_new(&t->strings, (size_t)1 << 20, (size_t)1 << 14), 0);
	struct rows_options options = {.strings = t->strings,
		.event = keep_event,
		.context = t,
		.waiting_max = waiting_max};
	assert_int_equal(rows_new(&t->sink, &options), 0);
	return t;
}

/* All rows of the named files, to the end. */
static inline struct told_rows *tell_paths(const char *const *paths, size_t count)
{
	struct told_rows *t = calloc(1, sizeof *t);
	assert_non_null(t);
	assert_int_equal(strings_new(&t->strings, (size_t)1 << 20, (size_t)1 << 14), 0);
	t->ingest = open_paths(paths, count);
	struct rows_options options = {
		.strings = t->strings, .ingest = t->ingest, .event = keep_event, .context = t};
	assert_int_equal(rows_new(&t->sink, &options), 0);
	for (struct frame f; ingest_next(t->ingest, &f) == 1;) {
		assert_non_null(f.format);
		rows_add(t->sink, &f);
	}
	rows_finish(t->sink);
	return t;
}

/* All rows of a file with these bytes, which the format of this name must claim. Needs set_up(). */
static inline struct told_rows *tell_bytes(const char *format, const void *bytes, size_t len)
{
	const char *path = "in.log";
	write_file(path, bytes, len);
	struct told_rows *t = tell_paths(&path, 1);
	assert_int_equal(ingest_inputs(t->ingest), 1);
	const char *is = ingest_input(t->ingest, 0)->format;
	assert_non_null(is);
	assert_string_equal(is, format);
	return t;
}

static inline struct told_rows *tell_text(const char *format, const char *text)
{
	return tell_bytes(format, text, strlen(text));
}

/* The lines, one behind the other. */
static inline struct told_rows *tell_lines(
	const char *format, const char *const *lines, size_t count)
{
	static char text[1 << 16];
	size_t len = 0;
	for (size_t i = 0; i < count; i++) {
		size_t more = strlen(lines[i]);
		assert_true(len + more < sizeof text);
		memcpy(text + len, lines[i], more);
		len += more;
	}
	return tell_bytes(format, text, len);
}

#define TELL_LINES(format, ...)                             \
	tell_lines((format), (const char *[]){__VA_ARGS__}, \
		sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static inline void told_free(struct told_rows *t)
{
	rows_free(t->sink);
	ingest_close(t->ingest);
	strings_free(t->strings);
	free(t);
}

/* "START+LENGTH tcp CLIENT:PORT > SERVER:PORT OUTCOME@FAIL xTRIES OUT/BYTES IN/BYTES" in seconds
 * since `base_s`, then what is true and not usual. */
static inline const char *conn_line(const struct conn *c, int64_t base_s)
{
	static char line[512];
	char client[ADDR_TEXT_BYTES], server[ADDR_TEXT_BYTES], fail[32] = "";
	double start_s = (double)(c->start_ns - base_s * SEC) / 1e9;
	if (c->fail_ns != 0)
		(void)snprintf(fail, sizeof fail, "@%g", (double)(c->fail_ns - base_s * SEC) / 1e9);
	(void)snprintf(line, sizeof line,
		"%g+%g %s %s:%u > %s:%u %s%s x%u %" PRIu64 "/%" PRIu64 " %" PRIu64 "/%" PRIu64
		"%s%s%s%s%s%s%s%s",
		start_s, (double)(c->end_ns - c->start_ns) / 1e9, transport_name(c->transport),
		addr_text(&c->client, client), c->client_port, addr_text(&c->server, server),
		c->server_port, outcome_name(c->outcome), fail, c->tries, c->packets_out,
		c->bytes_out, c->packets_in, c->bytes_in, c->joined ? " joined" : "",
		c->inferred ? " inferred" : "", c->one_way ? " one-way" : "",
		c->rest ? " rest" : "", c->name == NULL ? "" : " ", c->name == NULL ? "" : c->name,
		c->process == NULL ? "" : " by ", c->process == NULL ? "" : c->process);
	return line;
}

/* Exactly these conversations, in this order. */
static inline void expect_conns(
	const struct told_rows *t, int64_t base_s, const char *const *lines, size_t count)
{
	for (size_t i = 0; i < count && i < t->events; i++) {
		assert_int_equal(t->event[i].kind, EVENT_CONN);
		assert_int_equal(t->event[i].conn.settled, !t->event[i].conn.rest);
		assert_true(t->event[i].conn.ended);
		assert_string_equal(conn_line(&t->event[i].conn, base_s), lines[i]);
	}
	assert_int_equal(t->events, count);
}

#define EXPECT_CONNS(t, base_s, ...)                                                   \
	do {                                                                           \
		const char *const lines_[] = {__VA_ARGS__};                            \
		expect_conns((t), (base_s), lines_, sizeof lines_ / sizeof lines_[0]); \
	} while (0)

/* How many rows the remark that has these words is about; 0 when it is not made. */
static inline uint64_t remark_count(const struct told_rows *t, const char *words)
{
	uint64_t count = 0;
	const char *remark;
	for (size_t i = 0; (remark = rows_remark(t->sink, i, &count)) != NULL; i++)
		if (strstr(remark, words) != NULL)
			return count;
	return 0;
}
