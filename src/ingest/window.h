/* Window: the frames of one capture in the order of time, as far as they are out of it by no more
 * than the window. Frames wait where the file's bytes lie; nothing is copied. */
#pragma once

#include "ingest/reader.h"

/* So much waits: enough for the queues of a capturing machine and for captures that were put
 * together carelessly. There is no limit in time on purpose: a frame with a wrong time far ahead
 * waits for the end and does not hurt the others. */
#define WINDOW_FRAMES ((size_t)4096)
#define WINDOW_BYTES  ((size_t)8 << 20)

struct waiting {
	struct frame frame;
	struct chunk *chunk; /* pinned */
};

struct window {                /* all zero is valid, empty */
	struct waiting *queue; /* ring: each not earlier than the one before it; owned */
	size_t queue_room;     /* a power of two, or 0 */
	size_t queue_first, queued;
	struct waiting *stray; /* heap: those that came after a later one; owned */
	size_t stray_room, strays;
	bool ended; /* the reader has no more */
};

/* Reads on until the window is full or the capture has ended. bytes_max: what its chunks may hold,
 * WINDOW_BYTES or less; one frame is read anyway. */
void window_fill(struct window *w, struct reader *r, size_t bytes_max);

/* The first in the order of time, then of number; NULL when none waits. Borrowed until
 * window_pop(). */
const struct frame *window_first(const struct window *w);
void window_pop(struct window *w, struct reader *r);

/* Gives back all that waits. */
void window_fini(struct window *w, struct reader *r);
