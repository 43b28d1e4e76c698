#include <string.h>

#include "scan/carrier.h"

#define BODY_FIRST ((size_t)4096)
/* In the bodies of all conversations together. */
#define HELD_MAX ((size_t)512 << 20)

void body_drop(struct carry_shared *x, struct body *b)
{
	x->held -= b->room;
	free(b->bytes);
	*b = (struct body){0};
}

static bool have_room(struct carry_shared *x, struct body *b, size_t want)
{
	if (want <= b->room)
		return true;
	size_t room = b->room * 2 > want ? b->room * 2 : want;
	room = room < BODY_FIRST ? BODY_FIRST : room;
	room = room < x->options.bytes_max ? room : x->options.bytes_max;
	if (room < want || x->held - b->room + room > HELD_MAX)
		return false;
	uint8_t *bigger = realloc(b->bytes, room);
	if (bigger == NULL)
		return false;
	x->held += room - b->room;
	b->bytes = bigger;
	b->room = room;
	return true;
}

void body_keep(struct carry_shared *x, struct body *b, struct span bytes)
{
	if (bytes.len == 0 || b->too_long)
		return;
	size_t room = x->options.bytes_max - b->len;
	size_t len = bytes.len < room ? bytes.len : room;
	if (len > 0 && have_room(x, b, b->len + len)) {
		memcpy(b->bytes + b->len, bytes.ptr, len);
		b->len += len;
	} else {
		len = 0;
	}
	b->too_long = len < bytes.len;
}

void carry_tell(struct carry_shared *x, const struct carried *file)
{
	if (file->bytes.len == 0)
		return;
	x->stats.files++;
	x->stats.cut += file->gap != NULL;
	x->options.take(x->options.context, file);
}
