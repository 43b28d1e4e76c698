#include "ingest/stream.h"

#include <errno.h>

/* Large enough that a read costs little, small enough that decoding finds the bytes in the cache.
 */
#define CHUNK_BYTES     ((size_t)256 << 10)
#define CHUNK_BYTES_MIN ((size_t)4 << 10)
#define HEAD_BYTES_MAX  ((size_t)64) /* what a reader asks for behind the last record */

static struct chunk *chunk_new(struct stream *s, size_t room)
{
	struct chunk *chunk = s->spare;
	room = room < s->chunk_bytes ? s->chunk_bytes : room;
	if (chunk != NULL) {
		s->spare = chunk->next;
		if (chunk->room < room) {
			free(chunk);
			chunk = NULL;
		}
	}
	if (chunk == NULL) {
		chunk = malloc(sizeof *chunk + room);
		if (chunk == NULL)
			return NULL;
		chunk->room = room;
	}
	chunk->next = NULL;
	chunk->pins = 0;
	s->held += chunk->room;
	return chunk;
}

void stream_retire(struct stream *s, struct chunk *chunk)
{
	s->held -= chunk->room;
	chunk->next = s->spare;
	s->spare = chunk;
}

int stream_start(struct stream *s, struct fail *why)
{
	int code = unpack_start(&s->unpack, why);
	if (code < 0)
		return code;
	/* a small file needs no large chunk, and the end is met without another one */
	const struct raw *raw = &s->unpack.raw;
	s->chunk_bytes = CHUNK_BYTES;
	if (s->unpack.packing == PACKING_NONE && raw->size > 0 && raw->size < CHUNK_BYTES)
		s->chunk_bytes = (size_t)raw->size + HEAD_BYTES_MAX;
	if (s->chunk_bytes < CHUNK_BYTES_MIN)
		s->chunk_bytes = CHUNK_BYTES_MIN;
	s->chunk = chunk_new(s, 0);
	return s->chunk == NULL ? fail_set(why, -ENOMEM, "%s", strerror(ENOMEM)) : 0;
}

void stream_close(struct stream *s)
{
	while (s->spare != NULL) {
		struct chunk *next = s->spare->next;
		free(s->spare);
		s->spare = next;
	}
	CHECK(s->chunk == NULL || s->chunk->pins == 0);
	free(s->chunk);
	unpack_close(&s->unpack);
	*s = (struct stream){.ended = true};
}

void stream_go_on(struct stream *s, const void *bytes, size_t len)
{
	struct unpack *u = &s->unpack;
	CHECK(u->packing == PACKING_NONE && u->raw.path == NULL);
	raw_of_memory(&u->raw, bytes, len);
	u->ended = false;
	s->ended = false;
	s->damage = NULL;
}

static void end(struct stream *s, const char *damage)
{
	s->ended = true;
	s->damage = damage;
}

/* Makes room for n bytes from `at` on. */
static bool make_room(struct stream *s, size_t n)
{
	struct chunk *old = s->chunk;
	size_t left = s->len - s->at;
	if (old->room - s->at >= n)
		return true;
	if (old->pins == 0 && old->room >= n) {
		memmove(old->bytes, old->bytes + s->at, left);
	} else {
		struct chunk *chunk = chunk_new(s, n);
		if (chunk == NULL) {
			end(s, "out of memory");
			return false;
		}
		memcpy(chunk->bytes, old->bytes + s->at, left);
		s->chunk = chunk;
		if (old->pins == 0)
			stream_retire(s, old);
	}
	s->base += s->at;
	s->at = 0;
	s->len = left;
	return true;
}

void stream_fill(struct stream *s, size_t n)
{
	CHECK(n <= STREAM_VIEW_MAX);
	if (s->ended || !make_room(s, n))
		return;
	while (!s->ended && s->len - s->at < n) {
		size_t got =
			unpack_read(&s->unpack, s->chunk->bytes + s->len, s->chunk->room - s->len);
		s->len += got;
		if (got == 0)
			end(s, s->unpack.damage);
	}
}

bool stream_skip(struct stream *s, uint64_t n)
{
	for (;;) {
		size_t seen = s->len - s->at;
		if (n <= seen) {
			s->at += (size_t)n;
			return true;
		}
		s->at = s->len;
		n -= seen;
		stream_fill(s, n < CHUNK_BYTES_MIN ? (size_t)n : CHUNK_BYTES_MIN);
		if (s->at == s->len)
			return false;
	}
}
