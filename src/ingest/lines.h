/* Lines: a text as rows, one a line. Takes off "\r" and a byte order mark; a line may hold any byte
 * but "\n". */
#pragma once

#include "ingest/source.h"

/* Longer lines are left out, counted. */
#define LINE_BYTES_MAX (STREAM_VIEW_MAX - 1)

/* The next line that is not empty, or false at the end. r->number is its number. It lives as the
 * window's bytes do: until the next call unless pinned. */
bool lines_next(struct reader *r, struct span *ret);

/* The line as a row of this time. */
struct frame lines_frame(struct reader *r, struct span line, int64_t time_ns, const void *schema);

/* Fields of a line: where each ends, all of them; line[end] is the separator, but for the last.
 * Returns how many there are, also when they are more than max. */
size_t lines_split(struct span line, uint8_t separator, uint32_t *ret_end, size_t max);

static inline struct span lines_field(struct span line, const uint32_t *end, size_t index)
{
	size_t from = index == 0 ? 0 : (size_t)end[index - 1] + 1;
	return (struct span){line.ptr + from, end[index] - from};
}

/* The first line of a start, for claims(). */
struct span lines_first(struct cur start);
