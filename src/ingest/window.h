/* Window: the frames of one capture in the order of time, as far as they are out of it by no more
 * than the window. Frames wait where the file's bytes lie; nothing is copied. */
#pragma once

#include "base/limits.h"
#include "ingest/reader.h"

/* A frame waits until one is read that is this much later, or until so much waits. Large enough for
 * the queues of a capturing machine and for the clock's small steps. */
#define WINDOW_NS     (10 * NS_PER_S)
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
	struct waiting
		*stray; /* heap: came later than a frame of the queue that is after it; owned */
	size_t stray_room, strays;
	int64_t latest_ns; /* of all frames read; needs `begun` */
	bool begun;
	size_t bytes_max; /* 0: WINDOW_BYTES */
	bool ended;       /* the reader has no more */
	bool failed;      /* memory ran out: what was read is given, then it ends */
};

/* Reads on until the first frame's turn has come or the file has ended. */
void window_fill(struct window *w, struct reader *r);

/* Reads one frame only: enough to know when the file begins. */
void window_begin(struct window *w, struct reader *r);

/* The first in the order of time, then of number; NULL when none waits. Borrowed until
 * window_pop(). */
const struct frame *window_first(const struct window *w);
void window_pop(struct window *w, struct reader *r);

/* Gives back all that waits. */
void window_fini(struct window *w, struct reader *r);
