/* What stands before the IP header: link types, tags, LLC. */
#include "decode/layers.h"

#define ETHERTYPE_MIN 1536 /* IEEE 802.3 3.2.6: less is a length */

enum layer layer_of_ethertype(struct walk *w, uint32_t type)
{
	if (type < ETHERTYPE_MIN) {
		if (type < w->wire)
			walk_narrow(w, type);
		return LAYER_LLC;
	}
	enum layer next = layer_carried(SPACE_ETHERTYPE, type);
	return next != LAYER_END ? next : walk_end(w, DECODED_NOT_IP);
}

enum layer ethernet_decode(struct walk *w)
{
	struct span h = walk_take(w, 14);
	if (h.len == 0)
		return walk_failed(w);
	return layer_of_ethertype(w, span_be16(h, 12));
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
	uint32_t organisation = span_be32(snap, 0) >> 8, type = span_be16(snap, 3);
	if ((organisation != 0 && organisation != 0x0000f8) || type < ETHERTYPE_MIN)
		return walk_end(w, DECODED_NOT_IP);
	return layer_of_ethertype(w, type);
}

enum layer vlan_decode(struct walk *w)
{
	struct span h = walk_take(w, 4);
	if (h.len == 0)
		return walk_failed(w);
	w->packet.vlan = span_be16(h, 0) & 0x0fff;
	return layer_of_ethertype(w, span_be16(h, 2));
}

enum layer raw_ip_decode(struct walk *w)
{
	struct cur ahead = w->cur;
	unsigned version = cur_u8(&ahead) >> 4;
	if (!cur_ok(&ahead)) {
		w->cur = ahead;
		return walk_failed(w);
	}
	if (version != 4 && version != 6)
		return walk_end(w, DECODED_BAD);
	return version == 4 ? LAYER_IPV4 : LAYER_IPV6;
}

/* The family is in the order of the capturing machine (type 0) or of the network (108); no family
 * needs more than 16 bits, so the number itself tells which. */
enum layer bsd_loopback_decode(struct walk *w)
{
	struct span h = walk_take(w, 4);
	if (h.len == 0)
		return walk_failed(w);
	uint32_t family = span_be32(h, 0);
	if (family > UINT16_MAX)
		family = __builtin_bswap32(family);
	enum layer next = family > UINT16_MAX ? LAYER_END : layer_carried(SPACE_FAMILY, family);
	return next != LAYER_END ? next : walk_end(w, DECODED_NOT_IP);
}

/* Numbers under 1536 are Linux's own (if_ether.h) and no lengths here. */
static enum layer cooked(struct walk *w, uint32_t protocol)
{
	if (protocol == 0x0004)
		return LAYER_LLC;
	if (protocol < ETHERTYPE_MIN)
		return walk_end(w, DECODED_NOT_IP);
	return layer_of_ethertype(w, protocol);
}

/* packet type, ARPHRD_, address length, address, protocol */
enum layer linux_cooked_decode(struct walk *w)
{
	struct span h = walk_take(w, 16);
	return h.len == 0 ? walk_failed(w) : cooked(w, span_be16(h, 14));
}

/* protocol, reserved, interface, ARPHRD_, packet type, address length, address */
enum layer linux_cooked_2_decode(struct walk *w)
{
	struct span h = walk_take(w, 20);
	return h.len == 0 ? walk_failed(w) : cooked(w, span_be16(h, 0));
}
