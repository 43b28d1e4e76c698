/* The two files of the journal, shared by its parts. */
#pragma once

#include <limits.h>

#include "event/journal_record.h"

#define MAGIC        "PSTNJRNL"
#define MAGIC_BYTES  8
#define VERSION      3
#define HEADER_BYTES 28
#define OFFSET_BITS  36
#define SEGMENT_MAX  ((uint32_t)0xfffffff)
#define BUFFER_BYTES ((size_t)256 << 10)

struct segment {
	int fd;
	uint32_t number;  /* 0: there is none */
	uint64_t len;     /* of its file, header included; where the next record goes */
	uint64_t records; /* in it */
	int64_t begun_ns; /* by the journal's clock; 0: before its first time */
};

struct journal {
	struct journal_options options;
	char path[PATH_MAX]; /* of the first file; only the last letter of the other differs */
	struct segment segment[2]; /* by the lowest bit of their number */
	uint32_t current;          /* number of the one that grows, never 0 */
	bool ready;                /* replayed */
	bool stuck;                /* writing failed: not tried again before the next flush */
	int64_t clock_ns;          /* the lowest time of each CLOCK_WINDOW events, never back */
	int64_t window_ns;
	unsigned window;
	struct journal_stats stats;
	uint64_t waiting; /* records in the buffer */
	size_t fill;      /* bytes of it in use */
	uint8_t buffer[BUFFER_BYTES];
};

static inline struct segment *current(struct journal *j)
{
	return &j->segment[j->current & 1];
}

/* Its number is 0 when there is no older one. */
static inline struct segment *older(struct journal *j)
{
	return &j->segment[~j->current & 1];
}

/* Borrowed until the next call. */
const char *segment_path(struct journal *j, const struct segment *s);
/* Fills *why and returns code. */
int segment_failed(
	struct journal *j, const struct segment *s, int code, const char *what, struct fail *why);
/* 0 or negative errno; a part may be written then. */
MUST_USE int segment_write(
	const struct segment *s, const uint8_t *bytes, size_t len, uint64_t offset);
/* After a failed segment_write(): what it left behind the segment's len goes. */
void segment_undo(const struct segment *s);
/* As much as there is, at most len bytes. */
MUST_USE int segment_read(
	const struct segment *s, uint8_t *bytes, size_t len, uint64_t offset, size_t *ret);
/* Shorter, or empty and gone (len 0). */
MUST_USE int segment_shorten(struct journal *j, struct segment *s, uint64_t len, struct fail *why);
/* The current one from now on, in place of the older one. When that fails there is no such
 * segment, and the current one stays. */
MUST_USE int segment_begin(struct journal *j, uint32_t number, struct fail *why);
/* All is dropped, and the journal begins with that number. */
MUST_USE int segments_begin_anew(struct journal *j, uint32_t number, struct fail *why);
/* Both files: made when they are not there, locked, their headers read. */
MUST_USE int segments_open(struct journal *j, struct fail *why);
