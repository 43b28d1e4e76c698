/* Packets within packets. Whatever turns out to be no tunnel ends the walk as DECODED_NOT_IP or
 * DECODED_BAD, which makes the packet around it the innermost (see decode.c): a port number alone
 * proves nothing. */
#include "decode/layers.h"

/* RFC 2003, RFC 4213 3, RFC 2473 */
enum layer ip_in_ip_decode(struct walk *w)
{
	walk_tunnel(w);
	return walk_ip_version(w);
}

/* ---- GRE ---- */

enum {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACK = 0x0080, /* version 1 */
	GRE_VERSION = 0x0007,
	GRE_PPP = 0x880b,
	GRE_ERSPAN = 0x88be,
};

/* RFC 2637 4.1: a length and a call number stand for the key; PPP follows if there is a sequence
 * number. */
static enum layer pptp(struct walk *w, unsigned flags, unsigned type)
{
	if (type != GRE_PPP || (flags & GRE_KEY) == 0 || (flags & GRE_SEQUENCE) == 0)
		return walk_end(w, DECODED_NOT_IP);
	struct span h = walk_take(w, 8);
	if ((flags & GRE_ACK) != 0)
		(void)walk_take(w, 4);
	if (!cur_ok(&w->cur))
		return walk_failed(w);
	walk_narrow(w, span_be16(h, 0));
	return LAYER_PPP;
}

/* RFC 2784, 2890; source routes (RFC 1701) are deprecated and not followed. */
enum layer gre_decode(struct walk *w)
{
	walk_tunnel(w);
	struct span h = walk_take(w, 4);
	if (h.len == 0)
		return walk_failed(w);
	unsigned flags = span_be16(h, 0);
	uint16_t type = span_be16(h, 2);
	if ((flags & GRE_VERSION) == 1)
		return pptp(w, flags, type);
	if ((flags & GRE_VERSION) != 0 || (flags & GRE_ROUTING) != 0)
		return walk_end(w, DECODED_NOT_IP);
	static const unsigned optional[] = {GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE};
	for (size_t i = 0; i < ARRAY_LEN(optional); i++)
		if ((flags & optional[i]) != 0)
			(void)walk_take(w, 4);
	if (!cur_ok(&w->cur))
		return walk_failed(w);
	if (type == GRE_ERSPAN && (flags & GRE_SEQUENCE) == 0)
		return LAYER_ETHERNET; /* ERSPAN type I has no header of its own */
	enum layer next = layer_carried(SPACE_GRE, type);
	return next != LAYER_END ? next : walk_ethertype(w, type);
}

/* draft-foschiano-erspan-03 4.2: type II, version 1 in the first four bits */
enum layer erspan_decode(struct walk *w)
{
	struct span h = walk_take(w, 8);
	if (h.len == 0)
		return walk_failed(w);
	return span_u8(h, 0) >> 4 == 1 ? LAYER_ETHERNET : walk_end(w, DECODED_NOT_IP);
}

/* The same, 4.3: type III, version 2; what it carries (FT) in bits 1 to 5, and in the last bit
 * whether 8 bytes more follow. */
enum layer erspan_3_decode(struct walk *w)
{
	struct span h = walk_take(w, 12);
	if (h.len == 0)
		return walk_failed(w);
	unsigned carries = span_u8(h, 10) >> 2 & 0x1f;
	if (span_u8(h, 0) >> 4 != 2)
		return walk_end(w, DECODED_NOT_IP);
	if ((span_u8(h, 11) & 1) != 0)
		(void)walk_take(w, 8);
	if (!cur_ok(&w->cur))
		return walk_failed(w);
	if (carries == 2)
		return walk_ip_version(w);
	return carries == 0 ? LAYER_ETHERNET : walk_end(w, DECODED_NOT_IP);
}

/* draft-wilson-wrec-wccp-v2-00 4.12: a cache's redirect header stands in front, but not in version
 * 1. */
enum layer wccp_decode(struct walk *w)
{
	struct cur ahead = w->cur;
	if (cur_u8(&ahead) >> 4 != 4)
		(void)walk_take(w, 4);
	return LAYER_IPV4;
}

/* ---- over UDP ---- */

/* RFC 7348 5, with the extensions GBP (draft-smith-vxlan-group-policy) and GPE
 * (draft-ietf-nvo3-vxlan-gpe), whose flag P says that the next protocol is given. */
enum layer vxlan_decode(struct walk *w)
{
	enum { VNI = 0x08, GROUP = 0x80, PROTOCOL = 0x04 };
	static const enum layer next[] = {LAYER_END, LAYER_IPV4, LAYER_IPV6, LAYER_ETHERNET};
	struct span h = walk_take(w, 8);
	if (h.len == 0)
		return walk_failed(w);
	unsigned flags = span_u8(h, 0), protocol = span_u8(h, 3);
	bool known = (flags & VNI) != 0 && (flags & ~(unsigned)(VNI | GROUP | PROTOCOL)) == 0;
	if (!known || span_u8(h, 7) != 0)
		return walk_end(w, DECODED_NOT_IP);
	if ((flags & PROTOCOL) == 0)
		return LAYER_ETHERNET;
	enum layer layer = protocol < ARRAY_LEN(next) ? next[protocol] : LAYER_END;
	return layer != LAYER_END ? layer : walk_end(w, DECODED_NOT_IP);
}

/* RFC 8926 3.4: version, length of the options in fours; flags; EtherType; network; reserved */
enum layer geneve_decode(struct walk *w)
{
	struct span h = walk_take(w, 8);
	if (h.len == 0)
		return walk_failed(w);
	unsigned first = span_u8(h, 0);
	if (first >> 6 != 0 || (span_u8(h, 1) & 0x3f) != 0 || span_u8(h, 7) != 0)
		return walk_end(w, DECODED_NOT_IP);
	(void)walk_take(w, (first & 0x3f) * WORD);
	return cur_ok(&w->cur) ? walk_ethertype(w, span_be16(h, 2)) : walk_failed(w);
}

/* 3GPP TS 29.281 5.2: each extension has its length in fours first and the next one's type last. */
static void gtp_extensions(struct walk *w, unsigned type)
{
	for (int n = 0; n < EXTENSIONS_MAX && type != 0 && cur_ok(&w->cur); n++) {
		size_t len = 0;
		struct span head = walk_take(w, 1);
		if (head.len > 0)
			len = span_u8(head, 0) * WORD;
		struct span body = walk_take(w, len > 0 ? len - 1 : 0);
		type = body.len > 0 ? span_u8(body, body.len - 1) : 0;
	}
}

/* 3GPP TS 29.281 5.1: version 1, protocol type GTP; message type 255 carries a packet */
enum layer gtp_u_decode(struct walk *w)
{
	enum { HAS_EXTENSION = 0x04, HAS_MORE = 0x07, PACKET = 255 };
	struct span h = walk_take(w, 8);
	if (h.len == 0)
		return walk_failed(w);
	unsigned first = span_u8(h, 0);
	size_t len = span_be16(h, 2);
	if (first >> 4 != 3 || span_u8(h, 1) != PACKET || len > w->wire)
		return walk_end(w, DECODED_NOT_IP);
	walk_narrow(w, len);
	if ((first & HAS_MORE) != 0) {
		struct span more = walk_take(w, 4);
		if (more.len > 0 && (first & HAS_EXTENSION) != 0)
			gtp_extensions(w, span_u8(more, 3));
	}
	return cur_ok(&w->cur) ? walk_ip_version(w) : walk_failed(w);
}

/* RFC 4380 5.1.1: an authentication and an origin may stand in front. */
enum layer teredo_decode(struct walk *w)
{
	enum { ORIGIN = 0x0000, AUTHENTICATION = 0x0001 };
	struct cur ahead = w->cur;
	if (cur_be16(&ahead) == AUTHENTICATION) {
		struct span h = walk_take(w, 4);
		if (h.len > 0)
			(void)walk_take(w, (size_t)span_u8(h, 2) + span_u8(h, 3) + 9);
	}
	ahead = w->cur;
	if (cur_be16(&ahead) == ORIGIN)
		(void)walk_take(w, 8);
	ahead = w->cur;
	if (!cur_ok(&w->cur))
		return walk_failed(w);
	return cur_u8(&ahead) >> 4 == 6 ? LAYER_IPV6 : walk_end(w, DECODED_NOT_IP);
}
