/* ICMP (RFC 792) and ICMPv6 (RFC 4443): type, code, and the packet that an error quotes. */
#include "decode/layers.h"

#define ICMP_HEADER     8
#define ICMP_HEADER_MIN 4 /* type, code, checksum */

/* RFC 1812 4.3.2.1, RFC 4443 2.1: the types that quote */
static bool is_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static bool is_error_v6(uint8_t type)
{
	return type >= 1 && type <= 4;
}

/* The first two fields behind the IP header: 8 bytes at least are quoted, ports or type and code.
 */
static void quoted_ports(struct cur *c, struct quoted *q)
{
	switch (q->proto) {
	case IP_TCP:
	case IP_UDP:
	case IP_SCTP: {
		uint16_t src = cur_be16(c), dst = cur_be16(c);
		if (cur_ok(c)) {
			q->src_port = src;
			q->dst_port = dst;
		}
		break;
	}
	case IP_ICMP:
	case IP_ICMPV6: {
		uint8_t type = cur_u8(c), code = cur_u8(c);
		if (cur_ok(c)) {
			q->src_port = type;
			q->dst_port = code;
		}
		break;
	}
	default:
		break;
	}
}

static void quoted_v4(struct cur *c, struct quoted *q)
{
	struct span h = cur_bytes(c, 20);
	if (h.len == 0 || (span_u8(h, 0) & 15) < 5)
		return;
	q->present = true;
	q->proto = span_u8(h, 9);
	q->src = addr_of(span_part(h, 12, 4));
	q->dst = addr_of(span_part(h, 16, 4));
	cur_skip(c, (span_u8(h, 0) & 15u) * WORD - 20);
	if ((span_be16(h, 6) & 0x1fff) == 0) /* a later fragment begins in mid-payload */
		quoted_ports(c, q);
}

static void quoted_v6(struct cur *c, struct quoted *q)
{
	struct span h = cur_bytes(c, 40);
	if (h.len == 0)
		return;
	struct addr src = addr_of(span_part(h, 8, 16)), dst = addr_of(span_part(h, 24, 16));
	if (addr_is_v4(&src) || addr_is_v4(&dst))
		return;
	q->present = true;
	q->src = src;
	q->dst = dst;
	q->proto = span_u8(h, 6);
	for (int n = 0; n < EXTENSIONS_MAX; n++) {
		struct cur start = *c;
		uint8_t proto = q->proto;
		if (!ipv6_extension(c, &proto))
			break;
		if (!cur_ok(c))
			return;
		bool fragment = q->proto == 44;
		q->proto = proto;
		cur_skip(&start, 2);
		if (fragment && (cur_be16(&start) & 0xfff8) != 0)
			return;
	}
	quoted_ports(c, q);
}

static enum layer icmp(struct walk *w, bool (*quotes)(uint8_t type))
{
	if (w->wire < ICMP_HEADER_MIN)
		return walk_end(w, DECODED_BAD);
	struct span h = walk_take(w, 2);
	if (h.len == 0)
		return walk_failed(w);
	struct packet *p = &w->packet;
	p->src_port = span_u8(h, 0);
	p->dst_port = span_u8(h, 1);
	size_t rest = w->wire < ICMP_HEADER - 2 ? w->wire : ICMP_HEADER - 2;
	walk_pass(w, rest);
	if (quotes(span_u8(h, 0)) && w->cur.len > 0) {
		struct cur quote = w->cur, ahead = w->cur;
		unsigned version = cur_u8(&ahead) >> 4;
		if (version == 4)
			quoted_v4(&quote, &p->quoted);
		else if (version == 6)
			quoted_v6(&quote, &p->quoted);
	}
	return walk_done(w);
}

enum layer icmp_decode(struct walk *w)
{
	return icmp(w, is_error);
}

enum layer icmpv6_decode(struct walk *w)
{
	return icmp(w, is_error_v6);
}
