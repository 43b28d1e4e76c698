#include "ingest/lines.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The line is too long: drops it up to its end. */
static void skip_line(struct reader *r)
{
	struct stream *s = &r->stream;
	reader_reject_line(r, ++r->number, "a line of a mebibyte or more");
	for (;;) {
		struct cur c = stream_view(s, 1);
		if (c.len == 0)
			return;
		const uint8_t *end = memchr(c.ptr, '\n', c.len);
		stream_advance(s, end == NULL ? c.len : (size_t)(end - c.ptr) + 1);
		if (end != NULL)
			return;
	}
}

/* One more byte than was seen, or, of a long line, much more: it is moved each time. */
static size_t want_after(size_t seen)
{
	if (seen < ((size_t)64 << 10))
		return seen + 1;
	return seen < STREAM_VIEW_MAX / 2 ? 2 * seen : STREAM_VIEW_MAX;
}

/* One line with its end, or what is left at the end. Length 0: nothing is left. */
static struct span take_line(struct reader *r)
{
	struct stream *s = &r->stream;
	for (size_t seen = 0;;) {
		struct cur c = stream_view(s, want_after(seen));
		const uint8_t *end =
			c.len == seen ? NULL : memchr(c.ptr + seen, '\n', c.len - seen);
		if (end == NULL && c.len > LINE_BYTES_MAX) {
			skip_line(r);
			seen = 0;
		} else if (end == NULL && c.len > seen) {
			seen = c.len;
		} else {
			size_t len = end == NULL ? c.len : (size_t)(end - c.ptr) + 1;
			stream_advance(s, len);
			r->number += len > 0;
			return (struct span){c.ptr, len};
		}
	}
}

static struct span strip(struct reader *r, struct span line)
{
	while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
		line.len--;
	if (r->number == 1 && line.len >= 3 && memcmp(line.ptr, "\xef\xbb\xbf", 3) == 0)
		line = (struct span){line.ptr + 3, line.len - 3};
	return line;
}

bool lines_next(struct reader *r, struct span *ret)
{
	for (;;) {
		struct span whole = take_line(r);
		if (whole.len == 0)
			return reader_end(r, 0);
		struct span line = strip(r, whole);
		/* a damaged archive ends anywhere: half a row is none */
		bool cut = r->stream.ended && r->stream.damage != NULL &&
		           whole.ptr[whole.len - 1] != '\n';
		if (cut)
			return reader_end(r, whole.len);
		if (line.len == 0)
			continue;
		*ret = line;
		return true;
	}
}

struct frame lines_frame(struct reader *r, struct span line, int64_t time_ns, const void *schema)
{
	r->last_ns = time_ns;
	return (struct frame){.time_ns = time_ns,
		.bytes = line.ptr,
		.cap_bytes = (uint32_t)line.len,
		.wire_bytes = (uint32_t)line.len,
		.number = r->number,
		.schema = schema};
}

size_t lines_split(struct span line, uint8_t separator, uint32_t *ret_end, size_t max)
{
	size_t count = 0, at = 0;
#ifdef __SSE2__
	const __m128i wanted = _mm_set1_epi8((char)separator);
	for (; at + 16 <= line.len; at += 16) {
		struct cur c = cur_of(line.ptr + at, 16);
		uint64_t low = cur_le64(&c), high = cur_le64(&c);
		__m128i block = _mm_set_epi64x((int64_t)high, (int64_t)low);
		unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, wanted));
		for (; mask != 0; mask &= mask - 1, count++)
			if (count < max)
				ret_end[count] = (uint32_t)(at + (unsigned)__builtin_ctz(mask));
	}
#endif
	for (; at < line.len; at++) {
		if (line.ptr[at] != separator)
			continue;
		if (count < max)
			ret_end[count] = (uint32_t)at;
		count++;
	}
	if (count < max)
		ret_end[count] = (uint32_t)line.len;
	return count + 1;
}

struct span lines_first(struct cur start)
{
	const uint8_t *end = start.len == 0 ? NULL : memchr(start.ptr, '\n', start.len);
	struct span line = {start.ptr, end == NULL ? start.len : (size_t)(end - start.ptr)};
	while (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}
