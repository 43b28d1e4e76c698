#include "ingest/twins.h"

#include "ingest/stream.h"

/* Compared at once. */
#define STEP_BYTES ((size_t)64 << 10)

static bool open_stream(struct stream *s, const char *path, struct raw_pool *pool)
{
	struct fail why;
	*s = (struct stream){0};
	if (raw_open(&s->unpack.raw, path, pool, &why) < 0)
		return false;
	if (s->unpack.raw.regular && stream_start(s, &why) == 0)
		return true;
	stream_close(s);
	return false;
}

static bool same_to_the_end(struct stream *a, struct stream *b)
{
	for (;;) {
		struct cur ca = stream_view(a, STEP_BYTES), cb = stream_view(b, STEP_BYTES);
		size_t len = ca.len < cb.len ? ca.len : cb.len;
		if (len == 0)
			return ca.len == cb.len && a->damage == NULL && b->damage == NULL;
		if (memcmp(ca.ptr, cb.ptr, len) != 0)
			return false;
		stream_advance(a, len);
		stream_advance(b, len);
	}
}

bool twins_same(const char *a, const char *b, struct raw_pool *pool)
{
	struct stream one, other;
	if (!open_stream(&one, a, pool))
		return false;
	bool both = open_stream(&other, b, pool);
	bool same = both && same_to_the_end(&one, &other);
	if (both)
		stream_close(&other);
	stream_close(&one);
	return same;
}
