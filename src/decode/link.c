/* What stands before the IP header on real links: Ethernet, LLC, tags, labels, PPP. */
#include "decode/layers.h"

#define ETHERTYPE_MIN 1536 /* IEEE 802.3 3.2.6: less is a length */
#define ETHERTYPE_ARP 0x0806

enum layer walk_ethertype(struct walk *w, uint16_t type)
{
	enum layer next = layer_carried(SPACE_ETHERTYPE, type);
	return next != LAYER_END ? next : walk_end(w, DECODED_NOT_IP);
}

static enum layer type_or_length(struct walk *w, uint16_t type)
{
	if (type >= ETHERTYPE_MIN)
		return walk_ethertype(w, type);
	if (type < w->wire)
		walk_narrow(w, type);
	return LAYER_LLC;
}

enum layer ethernet_decode(struct walk *w)
{
	struct span h = walk_take(w, 14);
	if (h.len == 0)
		return walk_failed(w);
	if (!w->in_ip)
		w->packet.src_mac = (uint64_t)span_be16(h, 6) << 32 | span_be32(h, 8);
	return type_or_length(w, span_be16(h, 12));
}

/* IEEE 802.2, and SNAP (RFC 1042) within. What is cut or odd is some bridge's talk, not IP. */
enum layer llc_decode(struct walk *w)
{
	struct span h = walk_take(w, 3);
	if (h.len == 0)
		return walk_end(w, DECODED_NOT_IP);
	uint32_t sap = (uint32_t)span_be16(h, 0) << 8 | span_u8(h, 2);
	if (sap == 0x060603) /* IP's own service access point */
		return LAYER_IPV4;
	if (sap != 0xaaaa03)
		return walk_end(w, DECODED_NOT_IP);
	struct span snap = walk_take(w, 5);
	if (snap.len == 0)
		return walk_failed(w);
	uint32_t organisation = span_be32(snap, 0) >> 8;
	if (organisation != 0 && organisation != 0x0000f8) /* IEEE 802.1H */
		return walk_end(w, DECODED_NOT_IP);
	return walk_ethertype(w, span_be16(snap, 3));
}

enum layer vlan_decode(struct walk *w)
{
	struct span h = walk_take(w, 4);
	if (h.len == 0)
		return walk_failed(w);
	w->packet.vlan = span_be16(h, 0) & 0x0fff;
	return type_or_length(w, span_be16(h, 2));
}

/* Whether an Ethernet header of a kind that we know stands behind so many bytes. */
static bool ethernet_behind(const struct walk *w, size_t bytes)
{
	struct cur c = w->cur;
	cur_skip(&c, bytes + 12);
	uint16_t type = cur_be16(&c);
	return cur_ok(&c) &&
	       (type == ETHERTYPE_ARP || layer_carried(SPACE_ETHERTYPE, type) != LAYER_END);
}

/* RFC 3032. Nothing says what is behind the last label but the reserved ones, so it is guessed as
 * RFC 4928 3 expects: by the first four bits, which are 0 for a control word (RFC 4385 3). */
enum layer mpls_decode(struct walk *w)
{
	struct span h = walk_take(w, 4);
	if (h.len == 0)
		return walk_failed(w);
	if ((span_u8(h, 2) & 1) == 0) /* not the bottom of the stack */
		return LAYER_MPLS;
	struct cur ahead = w->cur;
	uint8_t first = cur_u8(&ahead);
	if (!cur_ok(&ahead)) {
		w->cur = ahead;
		return walk_failed(w);
	}
	if (first >= 0x45 && first <= 0x4f)
		return LAYER_IPV4;
	if (first >> 4 == 6)
		return LAYER_IPV6;
	/* the length is 0 or, under 64, that of all with the control word: else it is a MAC address
	 */
	unsigned control = (unsigned)first << 8 | cur_u8(&ahead);
	if ((control == 0 || control == w->wire) && ethernet_behind(w, 4)) {
		(void)walk_take(w, 4);
		return LAYER_ETHERNET;
	}
	return ethernet_behind(w, 0) ? LAYER_ETHERNET : walk_end(w, DECODED_NOT_IP);
}

/* Version, length, an option with the tag, EtherType; only version 1 with its one length of 1. */
enum layer cisco_metadata_decode(struct walk *w)
{
	struct span h = walk_take(w, 8);
	if (h.len == 0)
		return walk_failed(w);
	return span_be16(h, 0) == 0x0101 ? type_or_length(w, span_be16(h, 6))
	                                 : walk_end(w, DECODED_NOT_IP);
}

/* Tags of switches for the ports of their extenders: nothing in them is of use here. */
static enum layer tag(struct walk *w, size_t len)
{
	(void)walk_take(w, len);
	struct span type = walk_take(w, 2);
	return type.len == 0 ? walk_failed(w) : type_or_length(w, span_be16(type, 0));
}

enum layer vn_tag_decode(struct walk *w)
{
	return tag(w, 4);
}

enum layer e_tag_decode(struct walk *w)
{
	return tag(w, 6);
}

/* RFC 2516 4: version and type, code, session, length. Code 0 is a session's data. */
enum layer pppoe_decode(struct walk *w)
{
	struct span h = walk_take(w, 6);
	if (h.len == 0)
		return walk_failed(w);
	if (span_be16(h, 0) != 0x1100)
		return walk_end(w, DECODED_NOT_IP);
	walk_narrow(w, span_be16(h, 4));
	return LAYER_PPP;
}

/* RFC 1661 2, RFC 1662 3.1. The protocol's lowest bit is 1 in its last byte only, so a first byte
 * that has it is a compressed one (RFC 1661 6.5); 0xff is none but the address of RFC 1662. */
enum layer ppp_decode(struct walk *w)
{
	struct cur ahead = w->cur;
	if (cur_u8(&ahead) == 0xff)
		(void)walk_take(w, 2); /* with the control byte */
	struct span h = walk_take(w, 1);
	if (h.len == 0)
		return walk_failed(w);
	uint16_t protocol = span_u8(h, 0);
	if ((protocol & 1) == 0) {
		h = walk_take(w, 1);
		if (h.len == 0)
			return walk_failed(w);
		protocol = (uint16_t)(protocol << 8 | span_u8(h, 0));
	}
	enum layer next = layer_carried(SPACE_PPP, protocol);
	return next != LAYER_END ? next : walk_end(w, DECODED_NOT_IP);
}

/* RFC 1547 4.3.1: address, control, EtherType */
enum layer cisco_hdlc_decode(struct walk *w)
{
	struct span h = walk_take(w, 4);
	return h.len == 0 ? walk_failed(w) : walk_ethertype(w, span_be16(h, 2));
}
