/* Headers that capturing machines put in front (tcpdump.org/linktypes.html). */
#include "decode/layers.h"
#include "event/event.h"

enum layer walk_ip_version(struct walk *w)
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

enum layer raw_ip_decode(struct walk *w)
{
	return walk_ip_version(w);
}

static enum layer by_family(struct walk *w, uint32_t family)
{
	enum layer next =
		family > UINT16_MAX ? LAYER_END : layer_carried(SPACE_FAMILY, (uint16_t)family);
	return next != LAYER_END ? next : walk_end(w, DECODED_NOT_IP);
}

/* The family is in the order of the capturing machine (type 0) or of the network (108); no family
 * needs more than 16 bits, so the number itself tells which. */
enum layer bsd_loopback_decode(struct walk *w)
{
	struct span h = walk_take(w, 4);
	if (h.len == 0)
		return walk_failed(w);
	uint32_t family = span_be32(h, 0);
	return by_family(w, family > UINT16_MAX ? __builtin_bswap32(family) : family);
}

/* Numbers under 1536 are Linux's own (if_ether.h) and no lengths: 4 is LLC. */
static enum layer cooked(struct walk *w, uint16_t protocol)
{
	return protocol == 4 ? LAYER_LLC : walk_ethertype(w, protocol);
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

/* Types 9 and 50 hold PPP or, by its unicast or broadcast address, Cisco's HDLC. */
enum layer ppp_or_hdlc_decode(struct walk *w)
{
	struct cur ahead = w->cur;
	uint8_t address = cur_u8(&ahead);
	return address == 0x0f || address == 0x8f ? LAYER_CISCO_HDLC : LAYER_PPP;
}

/* Length and type of an attribute, in the order of the capturing machine; types are small. */
static uint16_t nflog_attribute(struct walk *w, size_t *ret_len)
{
	struct span h = walk_take(w, 4);
	if (h.len == 0)
		return 0;
	uint16_t len = span_be16(h, 0), type = span_be16(h, 2);
	if (type > UINT8_MAX) {
		len = __builtin_bswap16(len);
		type = __builtin_bswap16(type);
	}
	if (len < 4)
		cur_fail(&w->cur, CUR_BAD);
	*ret_len = len < 4 ? 0 : len - 4u;
	return type;
}

/* family, version, resource; then attributes (linux/netfilter/nfnetlink_log.h), each padded to 4 */
enum layer nflog_decode(struct walk *w)
{
	enum { NFULA_PAYLOAD = 9, NFULA_PREFIX = 10 };
	struct span h = walk_take(w, 4);
	if (h.len == 0)
		return walk_failed(w);
	uint32_t family = span_u8(h, 0);
	while (cur_ok(&w->cur)) {
		size_t len = 0;
		uint16_t type = nflog_attribute(w, &len);
		if (type != NFULA_PAYLOAD) {
			struct span value = walk_take(w, (len + 3) & ~(size_t)3);
			if (type == NFULA_PREFIX && cur_ok(&w->cur))
				w->packet.denied |= verdict_of(value) == VERDICT_DENIED;
			continue;
		}
		w->packet.logged = true;
		walk_narrow(w, len);
		if (w->cur.len == len)
			w->cur.fenced = false; /* the kernel may have copied less of the packet */
		return by_family(w, family);
	}
	return walk_failed(w);
}

enum layer walk_linktype(struct walk *w, uint32_t type)
{
	enum layer next =
		type > UINT16_MAX ? LAYER_END : layer_carried(SPACE_LINKTYPE, (uint16_t)type);
	w->linktype = (uint16_t)type;
	return next != LAYER_END ? next : walk_end(w, DECODED_LINKTYPE);
}

/* macOS, any interface: length of this header, type of record, link type, and more; in the order of
 * the machine, which is little-endian. */
enum layer pktap_decode(struct walk *w)
{
	struct span h = walk_take(w, 12);
	if (h.len == 0)
		return walk_failed(w);
	struct cur fields = cur_of(h.ptr, h.len);
	size_t len = cur_le32(&fields);
	cur_skip(&fields, 4);
	uint32_t type = cur_le32(&fields);
	if (len < 12)
		return walk_end(w, DECODED_BAD);
	(void)walk_take(w, len - 12);
	return cur_ok(&w->cur) ? walk_linktype(w, type) : walk_failed(w);
}
