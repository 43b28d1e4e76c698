#include "ingest/reader.h"

#include <errno.h>

#include "ingest/kinds.h"
#include "ingest/source.h"

#define SOURCE(name) &format_##name,
static const struct format *const formats[] = {
#include "ingest/sources.def"
};
#undef SOURCE

bool reader_cut(struct reader *r, uint64_t offset, const char *why)
{
	if (!r->cut) {
		r->cut = true;
		r->cut_offset = offset;
		r->why_cut = why;
	}
	return false;
}

bool reader_end(struct reader *r, size_t left)
{
	const char *damage = r->stream.damage;
	if (damage == NULL && left == 0)
		return false;
	return reader_cut(r, stream_offset(&r->stream),
		damage != NULL ? damage : "the file ends within a record; was it copied whole?");
}

void reader_reject(struct reader *r, uint64_t offset, const char *why)
{
	if (r->rejected++ == 0) {
		r->rejected_offset = offset;
		r->why_rejected = why;
	}
}

void reader_reject_line(struct reader *r, uint64_t line, const char *why)
{
	if (r->rejected++ == 0) {
		r->rejected_line = line;
		r->why_rejected = why;
	}
}

bool reader_resync(
	struct reader *r, const char *why, bool (*fits)(const struct reader *r, struct cur c))
{
	uint64_t offset = stream_offset(&r->stream);
	struct cur c = stream_view(&r->stream, STREAM_VIEW_MAX);
	size_t skipped = 0;
	if (r->cut || r->resyncs == READER_RESYNCS_MAX)
		return reader_cut(r, offset, "damaged in too many places");
	r->resyncs++;
	while (c.len > 1) {
		cur_skip(&c, 1);
		skipped++;
		if (fits(r, c)) {
			stream_advance(&r->stream, skipped);
			reader_reject(r, offset, why);
			return true;
		}
	}
	return reader_cut(r, offset, why);
}

static int unknown(struct reader *r, struct fail *why)
{
	struct cur c = stream_view(&r->stream, KINDS_BYTES);
	const char *damage = r->stream.damage;
	if (c.len < sizeof(uint32_t) && damage != NULL)
		return fail_set(why, -EBADMSG, "nothing can be unpacked: %s", damage);
	if (c.len == 0)
		return fail_set(why, -ENODATA, "is empty%s",
			r->stream.unpack.packing == PACKING_NONE ? " (0 bytes)" : " when unpacked");
	return fail_set(why, -ENOMSG, "neither a capture nor a known log: %s", kind_text(c));
}

/* The start, without its byte order mark; of a text the first line at least. */
static struct cur look_at_start(struct reader *r, size_t bytes)
{
	struct cur c = stream_view(&r->stream, bytes);
	if (c.len >= 3 && memcmp(c.ptr, "\xef\xbb\xbf", 3) == 0)
		cur_skip(&c, 3);
	return c;
}

static const struct format *claimed(struct cur start, bool log)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		const struct format *f = formats[i];
		CHECK(f != NULL);
		if ((f->parse != NULL) == log && start.len >= sizeof(uint32_t) && f->claims(start))
			return f;
	}
	return NULL;
}

/* Whether no more need be seen to tell what a text is. A text does not begin with NUL: flow exports
 * do. */
static bool has_line(struct cur c)
{
	return c.len > 0 && c.ptr[0] != 0 && memchr(c.ptr, '\n', c.len) != NULL;
}

/* Some logs begin with short lines that say nothing. A file has more of them; a pipe need not give
 * more. */
static bool must_look_on(const struct reader *r, struct cur c)
{
	bool file = r->stream.unpack.raw.regular || r->stream.unpack.raw.memory != NULL;
	return !has_line(c) || (file && c.len <= RAW_HEAD_BYTES);
}

/* Captures are told by their first four bytes; logs by a line. */
static const struct format *recognise(struct reader *r)
{
	size_t want = sizeof(uint32_t);
	struct cur c = look_at_start(r, want);
	const struct format *found = claimed(c, false);
	while (found == NULL && want < SOURCE_LOOK_BYTES && !r->stream.ended &&
		must_look_on(r, c)) {
		want = r->stream.len - r->stream.at + 1; /* what is there, and the next byte */
		c = look_at_start(r, want);
	}
	return found != NULL ? found : claimed(c, true);
}

int reader_open(struct reader *r, struct fail *why)
{
	int code = stream_start(&r->stream, why);
	if (code < 0)
		return code;
	r->format = recognise(r);
	if (r->format == NULL)
		return unknown(r, why);
	return r->format->open == NULL ? 0 : r->format->open(r, why);
}

void reader_close(struct reader *r)
{
	if (r->format != NULL && r->format->close != NULL)
		r->format->close(r);
	stream_close(&r->stream);
	r->format = NULL;
}

bool reader_next(struct reader *r, struct frame *ret)
{
	if (r->cut || !r->format->next(r, ret)) /* what was cut stays so */
		return false;
	ret->format = r->format->parse == NULL ? NULL : r->format;
	return true;
}
