/* Bytes as they might lie in a journal: with their frames, and as the bytes of one record, which
 * come out again just so. */
#include "event/journal_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	CHECK(text == NULL || strlen(text) <= JOURNAL_TEXT_MAX);
}

static void check(const struct journal_record *r, const uint8_t *want, size_t len)
{
	static uint8_t buf[FRAME_BYTES + RECORD_BYTES_MAX];
	struct put p = {.ptr = buf + FRAME_BYTES, .room = RECORD_BYTES_MAX};
	if (r->event.kind == EVENT_NONE)
		put_note(&p, r->note, r->bytes.ptr, r->bytes.len);
	else
		put_event(&p, &r->event);
	CHECK(!p.full && p.texts_cut == 0 && p.len == len && memcmp(p.ptr, want, len) == 0);
	put_frame(&p);
	struct cur c = cur_of(buf, FRAME_BYTES + len);
	struct journal_record again;
	CHECK(record_next(&c, &again) == CUR_OK && c.len == 0 && again.event.kind == r->event.kind);
	if (r->event.kind == EVENT_CONN)
		check_text(r->event.conn.method);
	if (r->event.kind == EVENT_LOOKUP)
		check_text(r->event.lookup.uid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_record r;
	struct cur frames = cur_of(data, size);
	for (size_t left = frames.len; record_next(&frames, &r) == CUR_OK; left = frames.len) {
		size_t len = left - frames.len - FRAME_BYTES;
		check(&r, data + (size - left) + FRAME_BYTES, len);
	}
	struct cur body = cur_of(data, size);
	record_get(&body, &r);
	if (cur_ok(&body) && size <= RECORD_BYTES_MAX)
		check(&r, data, size);
	return 0;
}
