#include <string.h>

#include "scan/carrier.h"

#define BODY_FIRST ((size_t)4096)
/* In the bodies of all conversations together. */
#define HELD_MAX ((size_t)512 << 20)
/* Zeros for what the capture lacks at one place. */
#define LACKS_MAX ((uint64_t)1 << 20)

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

void body_lacks(struct carry_shared *x, struct body *b, uint64_t bytes)
{
	static const uint8_t zero[4096];
	b->lacks = true;
	for (uint64_t left = bytes < LACKS_MAX ? bytes : LACKS_MAX; left > 0 && !b->too_long;) {
		size_t len = left < sizeof zero ? (size_t)left : sizeof zero;
		body_keep(x, b, (struct span){zero, len});
		left -= len;
	}
}

const char *body_gap(const struct body *b)
{
	return b->lacks      ? "the capture lacks a part of it"
	       : b->too_long ? "it is longer than is looked at"
	                     : NULL;
}

void carry_tell(struct carry_shared *x, const struct carried *file)
{
	static const uint8_t nothing;
	struct carried told = *file;
	if (file->bytes.len == 0 && file->gap == NULL)
		return;
	told.bytes.ptr = file->bytes.len == 0 ? &nothing : file->bytes.ptr;
	x->stats.files++;
	x->stats.cut += file->gap != NULL;
	x->options.take(x->options.context, &told);
}

void carry_unpack(
	const struct carry_shared *x, const char *coding, struct carried *file, uint8_t **ret)
{
	bool gzip = strcmp(coding, "gzip") == 0 || strcmp(coding, "x-gzip") == 0 ||
	            strcmp(coding, "deflate") == 0;
	const char *wrong = NULL;
	size_t len = 0;
	*ret = NULL;
	if (file->bytes.len > 0 && gzip)
		wrong = inflate_bytes(file->bytes, x->options.bytes_max, ret, &len);
	else if (coding[0] != '\0' && strcmp(coding, "identity") != 0)
		wrong = "it is packed in a way that is not unpacked";
	if (len > 0)
		file->bytes = (struct span){*ret, len};
	file->gap = file->gap != NULL ? file->gap : wrong;
}

void carry_tell_lost(struct carry_shared *x, const struct ends *ends, enum side side,
	const char *protocol, int64_t at_ns)
{
	carry_tell(x, &(struct carried){.at_ns = at_ns,
			      .from = ends->addr[side],
			      .to = ends->addr[1 - side],
			      .from_port = ends->port[side],
			      .to_port = ends->port[1 - side],
			      .upload = side == CLIENT,
			      .protocol = protocol,
			      .host = "",
			      .uri = "",
			      .gap = "the capture lacks a part of the conversation, and there may "
				     "have been files in it"});
}
