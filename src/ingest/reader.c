#include "ingest/reader.h"

#include <errno.h>

#include "ingest/kinds.h"

static const struct format *const formats[] = {&format_pcap, &format_pcapng};

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
	return fail_set(why, -ENOMSG, "not a capture: %s", kind_text(c));
}

int reader_open(struct reader *r, struct fail *why)
{
	int code = stream_start(&r->stream, why);
	if (code < 0)
		return code;
	struct cur c = stream_view(&r->stream, sizeof(uint32_t));
	for (size_t i = 0; i < ARRAY_LEN(formats) && r->format == NULL; i++)
		if (c.len >= sizeof(uint32_t) && formats[i]->claims(c))
			r->format = formats[i];
	return r->format == NULL ? unknown(r, why) : r->format->open(r, why);
}

void reader_close(struct reader *r)
{
	if (r->format != NULL)
		r->format->close(r);
	stream_close(&r->stream);
	r->format = NULL;
}
