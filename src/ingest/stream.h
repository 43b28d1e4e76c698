/* Stream: the unpacked bytes of one input, seen through a window that holds each record in one
 * piece. Bytes lie in chunks; whoever keeps a pointer into a chunk pins it, so that nothing needs
 * to be copied while frames wait for their turn. Chunks begin and end where the content says,
 * however the bytes arrive. */
#pragma once

#include "base/cur.h"
#include "ingest/unpack.h"

/* The most that can be seen in one piece. */
#define STREAM_VIEW_MAX ((size_t)1 << 20)

struct chunk {
	struct chunk *next; /* of the spare ones */
	size_t room;
	uint32_t pins;
	uint8_t bytes[];
};

struct stream {
	struct unpack unpack;
	struct chunk *chunk; /* being read; owned, as the spare ones are */
	size_t at, len;      /* in chunk->bytes */
	uint64_t base;       /* offset of chunk->bytes[0] in the unpacked stream */
	struct chunk *spare;
	size_t chunk_bytes; /* usual size of a chunk */
	size_t held;        /* bytes of all chunks but the spare ones */
	bool ended;
	const char *damage; /* why the stream ended too early, in words; NULL: it did not */
};

/* stream->unpack.raw is open, all else zero. The stream must not move from here on. The caller
 * closes it also when this fails: as unpack_start() does. */
MUST_USE int stream_start(struct stream *s, struct fail *why);
/* No chunk may be pinned. */
void stream_close(struct stream *s);

/* The stream had ended: it goes on with these bytes, borrowed until they are read. Of memory only,
 * not packed. */
void stream_go_on(struct stream *s, const void *bytes, size_t len);

/* Fills the window to n bytes, or to what there is. n <= STREAM_VIEW_MAX. */
void stream_fill(struct stream *s, size_t n);

/* At least the next n bytes, fewer only at the end of the stream; lives until the next call unless
 * pinned. */
static inline struct cur stream_view(struct stream *s, size_t n)
{
	if (s->len - s->at < n)
		stream_fill(s, n);
	return cur_of(s->chunk->bytes + s->at, s->len - s->at);
}

/* n bytes that were viewed are done with. */
static inline void stream_advance(struct stream *s, size_t n)
{
	CHECK(n <= s->len - s->at);
	s->at += n;
}

/* Drops n bytes, seen or not. False: the stream ended before. */
MUST_USE bool stream_skip(struct stream *s, uint64_t n);

static inline uint64_t stream_offset(const struct stream *s)
{
	return s->base + s->at;
}

/* Keeps what was viewed last where it is. */
static inline struct chunk *stream_pin(struct stream *s)
{
	s->chunk->pins++;
	return s->chunk;
}

void stream_retire(struct stream *s, struct chunk *chunk);

static inline void stream_unpin(struct stream *s, struct chunk *chunk)
{
	CHECK(chunk->pins > 0);
	if (--chunk->pins == 0 && chunk != s->chunk)
		stream_retire(s, chunk);
}
