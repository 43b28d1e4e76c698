/* IEEE 802.11 frames that carry data in the clear, and the headers that capturing machines put in
 * front of them. */
#include "decode/layers.h"

/* The first bytes of both headers: two of version and flags, the length of all. */
static bool pass_front(struct walk *w, size_t fixed, struct cur *ret)
{
	struct span h = walk_take(w, fixed);
	struct cur c = cur_of(h.ptr, h.len);
	cur_skip(&c, 2);
	size_t len = cur_le16(&c);
	if (h.len > 0 && len < fixed)
		cur_fail(&w->cur, CUR_BAD);
	(void)walk_take(w, len < fixed ? 0 : len - fixed);
	*ret = c;
	return cur_ok(&w->cur);
}

/* CACE's PPI 1.0.10, 4.1: the link type stands behind the length. */
enum layer ppi_decode(struct walk *w)
{
	struct cur rest;
	if (!pass_front(w, 8, &rest))
		return walk_failed(w);
	return walk_linktype(w, cur_le32(&rest));
}

/* radiotap.org. A frame check sequence at the end falls off by the IP packet's own length. */
enum layer radiotap_decode(struct walk *w)
{
	struct cur rest;
	return pass_front(w, 8, &rest) ? LAYER_WIFI : walk_failed(w);
}

/* IEEE 802.11-2020 9.2.4, 9.3.2: of frame control's first byte the type and subtype, of its second
 * the flags. */
enum layer wifi_decode(struct walk *w)
{
	enum {
		TYPE = 0x0c,
		DATA = 0x08,
		NO_DATA = 0x40,
		QOS = 0x80,
		TO_AND_FROM_DS = 0x03,
		PROTECTED = 0x40,
		HT_CONTROL = 0x80,
		SEVERAL = 0x80, /* of QoS control: an A-MSDU */
	};
	struct span h = walk_take(w, 24);
	if (h.len == 0)
		return walk_end(w, DECODED_NOT_IP); /* an acknowledgement is shorter */
	unsigned kind = span_u8(h, 0), flags = span_u8(h, 1);
	bool fragment = (span_u8(h, 22) & 0x0f) != 0;
	if ((kind & TYPE) != DATA || (kind & NO_DATA) != 0 || (flags & PROTECTED) != 0 || fragment)
		return walk_end(w, DECODED_NOT_IP);
	if ((flags & TO_AND_FROM_DS) == TO_AND_FROM_DS) /* the fourth address */
		(void)walk_take(w, 6);
	if ((kind & QOS) != 0) {
		struct span qos = walk_take(w, 2);
		if (qos.len > 0 && (span_u8(qos, 0) & SEVERAL) != 0)
			return walk_end(w, DECODED_NOT_IP);
		if ((flags & HT_CONTROL) != 0)
			(void)walk_take(w, 4);
	}
	return cur_ok(&w->cur) ? LAYER_LLC : walk_failed(w);
}
