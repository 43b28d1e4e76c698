/* A journal's file as bytes, without a lock and without changing it: for whoever only looks. */
#include <errno.h>

#include "event/journal_private.h"

bool journal_claims(struct span head)
{
	return head.len >= MAGIC_BYTES && memcmp(head.ptr, MAGIC, MAGIC_BYTES) == 0;
}

int journal_read(const char *name, struct cur bytes,
	void (*take)(void *context, const struct journal_record *record), void *context,
	uint64_t *ret_lost, struct fail *why)
{
	struct journal_record record;
	struct span header = cur_bytes(&bytes, HEADER_BYTES);
	struct cur c = cur_of(header.ptr, header.len);
	if (!journal_claims(header))
		return fail_set(why, -EBADMSG, "%s: is not a journal", name);
	cur_skip(&c, MAGIC_BYTES);
	if (cur_u8(&c) != VERSION)
		return fail_set(why, -EPROTONOSUPPORT,
			"%s: was written by another version of Postern", name);
	cur_skip(&c, HEADER_BYTES - MAGIC_BYTES - 5);
	if (cur_be32(&c) != record_crc(header.ptr, HEADER_BYTES - 4))
		return fail_set(why, -EBADMSG, "%s: its header is damaged", name);
	size_t left = bytes.len;
	while (record_next(&bytes, &record) == CUR_OK) {
		take(context, &record);
		left = bytes.len;
	}
	*ret_lost = left;
	return 0;
}
