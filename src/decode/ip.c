/* IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers. */
#include "decode/layers.h"

#define IPV4_HEADER     20
#define IPV6_HEADER     40
#define FRAGMENT_HEADER 8

enum extension { /* IANA: IPv6 Extension Header Types, without ESP, which hides the rest */
	EXT_HOP_BY_HOP = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_AUTHENTICATION = 51,
	EXT_NONE = 59,
	EXT_DESTINATION = 60,
	EXT_MOBILITY = 135,
	EXT_HIP = 139,
	EXT_SHIM6 = 140,
};

/* Begins an IP packet, which another may be around. */
static bool enter(struct walk *w)
{
	if (w->in_ip) {
		if (w->packet.tunnels == TUNNELS_MAX)
			return false;
		w->packet = (struct packet){.time_ns = w->packet.time_ns,
			.vlan = w->packet.vlan,
			.tunnels = (uint8_t)(w->packet.tunnels + 1)};
	}
	w->in_ip = true;
	return true;
}

static enum layer carried(struct walk *w)
{
	enum layer next = layer_carried(SPACE_IP, w->packet.proto);
	return next != LAYER_END ? next : walk_done(w);
}

/* A length of 0 is what segmentation offload leaves in the sender's own captures. Hop-by-hop
 * options with it announce a jumbogram (RFC 2675), which is longer than any other packet. */
static bool offloaded(uint8_t proto, size_t wire)
{
	return proto == IP_TCP || proto == IP_UDP || (proto == EXT_HOP_BY_HOP && wire > UINT16_MAX);
}

/* Keeps the fragment. True when it was the last one missing: the walk goes on in the datagram. */
static bool reassemble(struct walk *w, struct fragment *f)
{
	f->time_ns = w->packet.time_ns;
	f->src = w->packet.src;
	f->dst = w->packet.dst;
	f->ttl = w->packet.ttl;
	f->wire = w->wire;
	f->captured = w->cur;
	struct datagram whole;
	enum fragment_news news = fragments_add(w->fragments, f, &whole);
	if (news != FRAGMENT_WHOLE) {
		(void)walk_end(w, news == FRAGMENT_BAD ? DECODED_BAD : DECODED_FRAGMENT);
		return false;
	}
	w->packet.proto = whole.proto;
	w->packet.ttl = whole.ttl;
	w->packet.wire_bytes = (uint32_t)(whole.header + whole.wire);
	w->cur = whole.bytes;
	w->wire = whole.wire;
	w->in_tunnel = false; /* the packet around may have lain where this one now does */
	return true;
}

bool ipv6_extension(struct cur *c, uint8_t *proto)
{
	static const struct {
		uint8_t proto, unit,
			more; /* bytes per unit of the length field, units not counted */
	} rows[] = {
		{EXT_HOP_BY_HOP, 8, 1},
		{EXT_ROUTING, 8, 1},
		{EXT_FRAGMENT, 0, 0},
		{EXT_AUTHENTICATION, 4, 2}, /* RFC 4302 2.2 */
		{EXT_DESTINATION, 8, 1},
		{EXT_MOBILITY, 8, 1},
		{EXT_HIP, 8, 1},
		{EXT_SHIM6, 8, 1},
	};
	size_t i = 0;
	while (i < ARRAY_LEN(rows) && rows[i].proto != *proto)
		i++;
	if (i == ARRAY_LEN(rows))
		return false;
	uint8_t next = cur_u8(c);
	size_t units = cur_u8(c);
	size_t len =
		*proto == EXT_FRAGMENT ? FRAGMENT_HEADER : (units + rows[i].more) * rows[i].unit;
	cur_skip(c, len - 2);
	*proto = next;
	return true;
}

/* RFC 8200 4.5. True when there is more to read. */
static bool fragment_v6(struct walk *w, size_t header)
{
	struct span h = walk_take(w, FRAGMENT_HEADER);
	if (h.len == 0) {
		(void)walk_failed(w);
		return false;
	}
	w->packet.proto = span_u8(h, 0);
	struct fragment f = {.id = span_be32(h, 4),
		.v6 = true,
		.proto = w->packet.proto,
		.header = header,
		.offset = span_be16(h, 2) & 0xfff8u,
		.more = (span_be16(h, 2) & 1) != 0};
	if (f.offset == 0 && !f.more) /* RFC 6946: all of it */
		return true;
	return reassemble(w, &f);
}

/* From an extension header to what is behind the last of them. */
static enum layer extensions(struct walk *w, size_t header)
{
	size_t start = w->wire + header;
	for (int n = 0;; n++) {
		if (n > EXTENSIONS_MAX)
			return walk_end(w, DECODED_DEPTH);
		if (w->packet.proto == EXT_FRAGMENT) {
			if (!fragment_v6(w, start - w->wire))
				return LAYER_END;
			start = w->wire + header;
			continue;
		}
		size_t before = w->cur.len;
		if (!ipv6_extension(&w->cur, &w->packet.proto))
			return carried(w);
		if (!cur_ok(&w->cur))
			return walk_failed(w);
		w->wire -= before - w->cur.len;
	}
}

enum layer ipv4_decode(struct walk *w)
{
	size_t here = w->wire;
	struct span h = walk_take(w, IPV4_HEADER);
	if (h.len == 0)
		return walk_failed(w);
	if (!enter(w))
		return walk_end(w, DECODED_DEPTH);
	size_t header = (span_u8(h, 0) & 15u) * WORD, total = span_be16(h, 2);
	struct packet *p = &w->packet;
	p->ttl = span_u8(h, 8);
	p->proto = span_u8(h, 9);
	if (total == 0 && offloaded(p->proto, 0))
		total = here;
	if (span_u8(h, 0) >> 4 != 4 || header < IPV4_HEADER || total < header)
		return walk_end(w, DECODED_BAD);
	p->src = addr_of(span_part(h, 12, 4));
	p->dst = addr_of(span_part(h, 16, 4));
	p->wire_bytes = (uint32_t)total;
	if (header > IPV4_HEADER && walk_take(w, header - IPV4_HEADER).len == 0)
		return walk_failed(w);
	walk_narrow(w, total - header);
	unsigned part = span_be16(h, 6) & 0x3fffu;
	if (part != 0) {
		struct fragment f = {.id = span_be16(h, 4),
			.proto = p->proto,
			.header = header,
			.offset = (size_t)(part & 0x1fffu) * 8,
			.more = (part & 0x2000u) != 0};
		if (!reassemble(w, &f))
			return LAYER_END;
	}
	return p->proto == EXT_AUTHENTICATION ? extensions(w, header) : carried(w);
}

enum layer ipv6_decode(struct walk *w)
{
	struct span h = walk_take(w, IPV6_HEADER);
	if (h.len == 0)
		return walk_failed(w);
	if (!enter(w))
		return walk_end(w, DECODED_DEPTH);
	size_t payload = span_be16(h, 4);
	struct packet *p = &w->packet;
	p->proto = span_u8(h, 6);
	p->ttl = span_u8(h, 7);
	if (payload == 0 && offloaded(p->proto, w->wire))
		payload = w->wire;
	if (span_u8(h, 0) >> 4 != 6 || (payload == 0 && p->proto == EXT_HOP_BY_HOP))
		return walk_end(w, DECODED_BAD);
	p->src = addr_of(span_part(h, 8, 16));
	p->dst = addr_of(span_part(h, 24, 16));
	/* ::ffff:0:0/96 is no address of a packet (Linux drops it too), and would be taken for the
	 * IPv4 host's */
	if (addr_is_v4(&p->src) || addr_is_v4(&p->dst))
		return walk_end(w, DECODED_BAD);
	p->wire_bytes = (uint32_t)(IPV6_HEADER + payload);
	walk_narrow(w, payload);
	return extensions(w, IPV6_HEADER);
}
