#include "ingest/feed.h"

#include <errno.h>

#include "ingest/source.h"

struct chunk_kept {
	struct chunk_kept *next;
	size_t len;
	uint8_t bytes[];
};

struct feed {
	struct reader reader;
	bool open, dead;
	uint32_t number;
	struct chunk_kept *first, **last; /* added and not yet read; owned */
	struct chunk_kept *reading;       /* the reader's; owned */
	size_t held;
	struct frame frame;
	bool ready; /* frame is the next one */
};

int feed_new(struct feed **ret, uint32_t number)
{
	struct feed *f = calloc(1, sizeof *f);
	if (f == NULL)
		return -ENOMEM;
	f->number = number;
	f->last = &f->first;
	*ret = f;
	return 0;
}

static void drop_chunks(struct feed *f)
{
	while (f->first != NULL) {
		struct chunk_kept *next = f->first->next;
		free(f->first);
		f->first = next;
	}
	f->last = &f->first;
	free(f->reading);
	f->reading = NULL;
	f->held = 0;
	f->ready = false;
}

void feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	if (f->open)
		reader_close(&f->reader);
	drop_chunks(f);
	free(f);
}

static int open_reader(struct feed *f, struct fail *why)
{
	struct chunk_kept *c = f->first;
	raw_of_memory(&f->reader.stream.unpack.raw, c->bytes, c->len);
	int code = reader_open(&f->reader, why);
	if (code == 0 && f->reader.format->parse == NULL)
		code = fail_set(why, -ENOMSG, "a capture: only logs are followed; hunt reads it");
	if (code < 0) {
		reader_close(&f->reader);
		f->reader = (struct reader){0};
		f->dead = true;
		drop_chunks(f);
		return code;
	}
	f->open = true;
	f->reading = c;
	f->first = c->next;
	if (f->first == NULL)
		f->last = &f->first;
	return 0;
}

int feed_add(struct feed *f, const uint8_t *bytes, size_t len, struct fail *why)
{
	if (f->dead || len == 0)
		return 0;
	struct chunk_kept *c = malloc(sizeof *c + len);
	if (c == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	c->next = NULL;
	c->len = len;
	memcpy(c->bytes, bytes, len); /* as they are: the reader looks at them */
	*f->last = c;
	f->last = &c->next;
	f->held += len;
	return f->open ? 0 : open_reader(f, why);
}

/* The reader is at the end of its chunk: it goes on with the next one. */
static bool next_chunk(struct feed *f)
{
	if (f->reading != NULL)
		f->held -= f->reading->len;
	free(f->reading);
	f->reading = f->first;
	if (f->reading == NULL)
		return false;
	f->first = f->reading->next;
	if (f->first == NULL)
		f->last = &f->first;
	stream_go_on(&f->reader.stream, f->reading->bytes, f->reading->len);
	return true;
}

const struct frame *feed_first(struct feed *f)
{
	while (f->open && !f->ready) {
		f->ready = f->reading != NULL && reader_next(&f->reader, &f->frame);
		if (!f->ready && !next_chunk(f))
			return NULL;
	}
	f->frame.input = f->number;
	return f->ready ? &f->frame : NULL;
}

void feed_take(struct feed *f)
{
	f->ready = false;
}

void feed_pass(struct feed *f)
{
	while (feed_first(f) != NULL)
		feed_take(f);
}

size_t feed_held(const struct feed *f)
{
	return f->held;
}

uint64_t feed_rejected(const struct feed *f)
{
	return f->reader.rejected;
}

const char *feed_format(const struct feed *f)
{
	return f->open ? f->reader.format->name : NULL;
}
