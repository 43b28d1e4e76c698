/* JSON logs: a text as objects, one a line, whatever they say. */
#pragma once

#include "base/json.h"
#include "ingest/lines.h"

/* What every row's schema points to. Owned by the reader. */
struct json_log {
	struct json *json;
	struct json_keys *keys;
	/* What the rows of one file say about the file; a row may change it. NULL unless asked for
	 * (memory_bytes). */
	void *memory;
};

/* The most keys that a kind of log may ask for. */
#define JSON_LOG_KEYS_MAX 128

/* For formats' open(): wanted members, as json_keys_new() takes them. memory_bytes may be 0. */
MUST_USE int json_log_open(struct reader *r, const char *const *paths, size_t count,
	size_t memory_bytes, struct fail *why);
void json_log_close(struct reader *r);

/* The next row. when: the row's time, as it stands in the line, and false when it has none: then
 * the row before gives its time. Lines without "{" are left out, counted. */
bool json_log_next(
	struct reader *r, struct frame *ret, bool (*when)(struct span line, int64_t *ns));

/* The line from its first "{" (syslog and others write before it); empty: there is none. */
struct span json_log_object(struct span line);

/* Picks the row's members into slots. False: the row is none, which was said. */
bool json_log_pick(struct sink *s, const struct frame *row, struct json_value *slots);
/* A list's items, each with the mark behind it, in the sink's room; empty when that is full. An
 * item's NUL bytes become "?". */
struct span json_log_flatten(
	struct sink *s, const struct json_log *log, const struct json_value *list, char mark);

/* Whether one of the first lines is of this kind: a file may begin within a line. */
bool json_log_claims(struct cur start, bool (*is)(struct span object));
/* Whether the object has a member of this name, at any depth, whose value is no list and no object.
 */
bool json_log_has(struct span object, const char *name);
