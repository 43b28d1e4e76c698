/* The bytes of one record of the journal. */
#pragma once

#include "event/journal.h"

/* Room that any record fits in: the longest lookup has 18 texts and 64 answers. */
#define RECORD_BYTES_MAX ((size_t)160 << 10)

#define FRAME_BYTES 8 /* before them: checksum and length */

/* Bounded writer of bytes of our own. */
struct put {
	uint8_t *ptr;
	size_t len, room;
	bool full;          /* something did not fit: len is of no use */
	uint64_t texts_cut; /* longer than JOURNAL_TEXT_MAX */
};

void put_event(struct put *p, const struct event *event);
void put_note(struct put *p, uint8_t kind, const void *bytes, size_t len);

/* The FRAME_BYTES that stand right before the bytes that were put. */
void put_frame(const struct put *p);
void put_be(uint8_t *to, uint64_t v, size_t n);
uint32_t record_crc(const uint8_t *bytes, size_t len);

/* Reads one record, without its frame, which the cursor holds exactly; anything that put_event()
 * and put_note() would not have written just so is CUR_BAD, and *ret is then of no use. Texts are
 * borrowed from the cursor's bytes. */
void record_get(struct cur *c, struct journal_record *ret);
/* The next record with its frame, which *c loses with it. CUR_SHORT: it is not all there. */
enum cur_state record_next(struct cur *c, struct journal_record *ret);
