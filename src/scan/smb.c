/* From bytes in order to messages of SMB. */
#include "scan/smb.h"

#include <string.h>

/* A session message's header; what other session packets there are (RFC 1002, 4.3.1). */
#define SESSION_MESSAGE   0x00
#define SESSION_REQUEST   0x81
#define SESSION_KEEPALIVE 0x85
/* Marks of versions 1 and 2, of what is encrypted and of what is compressed: each before "SMB". */
#define MARK_1      0xff
#define MARK_2      0xfe
#define MARK_SEALED 0xfd
#define MARK_PACKED 0xfc
#define FRAME_BYTES 4u
#define MARK_BYTES  4u
/* A cut message with less than this shows nothing of what it was. */
#define HEAD_LEAST 112u
/* Kept from one message to the next. */
#define ROOM_KEPT ((size_t)1 << 20)

static bool is_mark(struct span s)
{
	return s.len >= MARK_BYTES && s.ptr[0] >= MARK_PACKED && memcmp(s.ptr + 1, "SMB", 3) == 0;
}

bool smb_may_begin(struct span s)
{
	static const char mark[] = "SMB";
	for (size_t i = 0; i < s.len && i < FRAME_BYTES + MARK_BYTES; i++)
		if ((i == 0 && s.ptr[i] != SESSION_MESSAGE) ||
			(i == FRAME_BYTES && s.ptr[i] < MARK_PACKED) ||
			(i > FRAME_BYTES && s.ptr[i] != (uint8_t)mark[i - FRAME_BYTES - 1]))
			return false;
	return s.len > 0;
}

bool smb_begins(struct span s, enum side *ret_side)
{
	struct cur c = cur_of(s.ptr, s.len);
	uint32_t frame = cur_be32(&c), mark = cur_be32(&c);
	*ret_side = CLIENT;
	if (!cur_ok(&c))
		return false;
	/* 32 letters behind their count: the name that is called (RFC 1002, 4.3.2) */
	if (frame == ((uint32_t)SESSION_REQUEST << 24 | 68))
		return mark >> 24 == 32;
	if (!smb_may_begin(s) || frame < MARK_BYTES)
		return false;
	bool two = mark >> 24 == MARK_2;
	cur_skip(&c, two ? 12 : 5);
	uint8_t flags = cur_u8(&c);
	if (cur_ok(&c) && (flags & (two ? 0x01 : 0x80)) != 0 && mark >> 24 >= MARK_2)
		*ret_side = SERVER;
	return true;
}

/* ---- messages ---- */

struct span smb_part(struct span message, size_t at, size_t len)
{
	struct cur c = cur_of(message.ptr, message.len);
	cur_skip(&c, at);
	return cur_bytes(&c, len < c.len ? len : c.len);
}

void smb_tell_unnamed(const struct smb_now *now, struct span bytes, const char *gap)
{
	const struct ends *ends = now->smb->ends;
	carry_tell(now->x, &(struct carried){.bytes = bytes,
				   .at_ns = now->at_ns,
				   .from = ends->addr[SERVER],
				   .to = ends->addr[CLIENT],
				   .from_port = ends->port[SERVER],
				   .to_port = ends->port[CLIENT],
				   .protocol = "smb",
				   .host = "",
				   .uri = "",
				   .gap = gap});
}

/* Once each: something that no file can be told of. */
static void say(const struct smb_now *now, bool *said, const char *gap)
{
	if (*said)
		return;
	*said = true;
	smb_tell_unnamed(now, (struct span){0}, gap);
}

static void say_lacking(const struct smb_now *now)
{
	smb_lost(now->smb->files);
	say(now, &now->smb->lacking,
		"the capture lacks a part of the conversation, and whole files may be in it");
}

static void take_message(const struct smb_now *now, enum side side)
{
	struct smb *s = now->smb;
	struct smb_half *h = &s->half[side];
	struct span m = {h->message.bytes, h->message.len};
	h->state = SMB_LENGTH;
	h->head_len = 0;
	if (!is_mark(m))
		return;
	if (s->files == NULL)
		s->files = calloc(1, sizeof *s->files);
	if (s->files == NULL)
		return;
	if (now->cut && m.len < HEAD_LEAST)
		say_lacking(now);
	if (m.ptr[0] == MARK_2)
		smb2_message(now, side, m);
	else if (m.ptr[0] == MARK_1)
		smb1_message(now, side, m);
	else if (m.ptr[0] == MARK_SEALED)
		say(now, &s->sealed, "it is encrypted (SMB 3): what it carries is not seen");
	else {
		smb_lost(s->files);
		say(now, &s->packed, "parts of it are compressed (SMB 3), and are not unpacked");
	}
}

static void end_message(struct carry_shared *x, struct smb *s, enum side side, int64_t at_ns)
{
	struct smb_half *h = &s->half[side];
	take_message(&(struct smb_now){x, s, at_ns, h->cut || h->message.too_long}, side);
	if (h->message.room > ROOM_KEPT)
		body_drop(x, &h->message);
	h->message.len = 0;
	h->message.too_long = h->cut = false;
}

/* ---- bytes ---- */

static struct span take(struct span *bytes, size_t len)
{
	struct span some = {bytes->ptr, len};
	*bytes = (struct span){bytes->ptr + len, bytes->len - len};
	return some;
}

static void length_bytes(struct smb_half *h, struct span *bytes)
{
	while (bytes->len > 0 && h->head_len < FRAME_BYTES)
		h->head[h->head_len++] = take(bytes, 1).ptr[0];
	if (h->head_len < FRAME_BYTES)
		return;
	struct cur c = cur_of(h->head, FRAME_BYTES);
	uint8_t kind = cur_u8(&c);
	h->left = (uint32_t)cur_be(&c, 3);
	h->head_len = 0;
	if (kind != SESSION_MESSAGE && (kind < SESSION_REQUEST || kind > SESSION_KEEPALIVE))
		h->state = SMB_SEEK;
	else if (h->left > 0)
		h->state = SMB_MESSAGE;
}

static void seek_bytes(struct carry_shared *x, struct smb_half *h, struct span *bytes)
{
	while (bytes->len > 0) {
		if (h->head_len == sizeof h->head)
			memmove(h->head, h->head + 1, --h->head_len);
		h->head[h->head_len++] = take(bytes, 1).ptr[0];
		struct cur c = cur_of(h->head, h->head_len);
		uint32_t len = cur_be32(&c);
		struct span mark = cur_bytes(&c, MARK_BYTES);
		if (!cur_ok(&c) || !is_mark(mark) || len >> 24 != SESSION_MESSAGE ||
			len <= MARK_BYTES)
			continue;
		h->state = SMB_MESSAGE;
		h->left = len - MARK_BYTES;
		body_keep(x, &h->message, mark);
		return;
	}
}

static void smb_data(
	struct carry_shared *x, void *state, enum side side, struct span bytes, int64_t at_ns)
{
	struct smb *s = state;
	struct smb_half *h = &s->half[side];
	while (bytes.len > 0) {
		enum smb_state was = h->state;
		if (was == SMB_LENGTH)
			length_bytes(h, &bytes);
		else if (was == SMB_SEEK)
			seek_bytes(x, h, &bytes);
		if (was == SMB_LENGTH && h->state == SMB_SEEK)
			say_lacking(&(struct smb_now){x, s, at_ns, false});
		if (was != SMB_MESSAGE)
			continue;
		size_t len = bytes.len < h->left ? bytes.len : h->left;
		body_keep(x, &h->message, take(&bytes, len));
		h->left -= (uint32_t)len;
		if (h->left == 0)
			end_message(x, s, side, at_ns);
	}
}

static void smb_hole(struct carry_shared *x, void *state, enum side side, uint64_t bytes)
{
	struct smb *s = state;
	struct smb_half *h = &s->half[side];
	if (h->state == SMB_MESSAGE && bytes <= h->left) {
		h->cut = true;
		h->message.too_long = true; /* nothing behind the hole has its place */
		h->left -= (uint32_t)bytes;
		if (h->left == 0)
			end_message(x, s, side, h->message.at_ns);
		return;
	}
	if (h->state == SMB_MESSAGE) {
		h->cut = true;
		end_message(x, s, side, h->message.at_ns);
	}
	say_lacking(&(struct smb_now){x, s, h->message.at_ns, true});
	h->state = SMB_SEEK;
	h->head_len = 0;
}

static void smb_end(struct carry_shared *x, void *state, enum side side, bool whole)
{
	struct smb *s = state;
	struct smb_half *h = &s->half[side];
	(void)whole;
	if (h->state == SMB_MESSAGE) {
		h->cut = true;
		end_message(x, s, side, h->message.at_ns);
	}
	if (++s->over == 2)
		smb_tell_all(x, s);
}

static void smb_fini(struct carry_shared *x, void *state)
{
	struct smb *s = state;
	body_drop(x, &s->half[CLIENT].message);
	body_drop(x, &s->half[SERVER].message);
	smb_files_free(x, s->files);
	s->files = NULL;
}

const struct carrier carrier_smb = {smb_data, smb_hole, smb_end, smb_fini};
