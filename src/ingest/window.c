#include "ingest/window.h"

/* Frames from now whose first bytes are fetched. */
#define AHEAD 4

static bool before(const struct frame *a, const struct frame *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
}

static struct waiting *queue_at(const struct window *w, size_t index)
{
	return &w->queue[(w->queue_first + index) & (w->queue_room - 1)];
}

/* ---- room ---- */

static bool grow_queue(struct window *w)
{
	size_t room = w->queue_room == 0 ? 16 : w->queue_room * 2;
	struct waiting *queue = malloc(room * sizeof *queue);
	if (queue == NULL)
		return false;
	for (size_t i = 0; i < w->queued; i++)
		queue[i] = *queue_at(w, i);
	free(w->queue);
	w->queue = queue;
	w->queue_room = room;
	w->queue_first = 0;
	return true;
}

static bool grow_strays(struct window *w)
{
	size_t room = w->stray_room == 0 ? 16 : w->stray_room * 2;
	struct waiting *stray = realloc(w->stray, room * sizeof *stray);
	if (stray == NULL)
		return false;
	w->stray = stray;
	w->stray_room = room;
	return true;
}

/* ---- the heap of strays ---- */

static void stray_push(struct window *w, const struct waiting *item)
{
	size_t at = w->strays++;
	while (at > 0 && before(&item->frame, &w->stray[(at - 1) / 2].frame)) {
		w->stray[at] = w->stray[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	w->stray[at] = *item;
}

static void stray_pop(struct window *w)
{
	struct waiting item = w->stray[--w->strays];
	size_t at = 0;
	for (size_t child = 1; child < w->strays; child = 2 * at + 1) {
		if (child + 1 < w->strays &&
			before(&w->stray[child + 1].frame, &w->stray[child].frame))
			child++;
		if (!before(&w->stray[child].frame, &item.frame))
			break;
		w->stray[at] = w->stray[child];
		at = child;
	}
	w->stray[at] = item;
}

/* ---- in and out ---- */

static bool has_room(struct window *w)
{
	return (w->queued < w->queue_room || grow_queue(w)) &&
	       (w->strays < w->stray_room || grow_strays(w));
}

/* Reads one frame. */
static void read_one(struct window *w, struct reader *r)
{
	if (!has_room(w)) {
		(void)reader_cut(r, stream_offset(&r->stream), "out of memory");
		w->ended = true;
		return;
	}
	struct waiting *item = queue_at(w, w->queued);
	if (!reader_next(r, &item->frame)) {
		w->ended = true;
		return;
	}
	item->chunk = stream_pin(&r->stream);
	if (w->queued > 0 && before(&item->frame, &queue_at(w, w->queued - 1)->frame))
		stray_push(w, item);
	else
		w->queued++;
}

static const struct waiting *first(const struct window *w)
{
	const struct waiting *queue = w->queued > 0 ? queue_at(w, 0) : NULL;
	if (w->strays == 0 || (queue != NULL && before(&queue->frame, &w->stray[0].frame)))
		return queue;
	return &w->stray[0];
}

void window_fill(struct window *w, struct reader *r, size_t bytes_max)
{
	while (!w->ended && w->queued + w->strays < WINDOW_FRAMES &&
		(w->queued == 0 || r->stream.held < bytes_max))
		read_one(w, r);
}

const struct frame *window_first(const struct window *w)
{
	const struct waiting *next = first(w);
	return next != NULL ? &next->frame : NULL;
}

void window_pop(struct window *w, struct reader *r)
{
	const struct waiting *next = first(w);
	CHECK(next != NULL);
	stream_unpin(&r->stream, next->chunk);
	if (w->strays > 0 && next == &w->stray[0]) {
		stray_pop(w);
		return;
	}
	w->queue_first = (w->queue_first + 1) & (w->queue_room - 1);
	w->queued--;
	if (w->queued > AHEAD) /* read a while ago: back into the nearest cache before its turn */
		__builtin_prefetch(queue_at(w, AHEAD)->frame.bytes);
}

void window_fini(struct window *w, struct reader *r)
{
	while (first(w) != NULL)
		window_pop(w, r);
	free(w->queue);
	free(w->stray);
	*w = (struct window){.ended = true};
}
