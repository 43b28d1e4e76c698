/* The short way for nearly every frame of nearly every capture: untagged Ethernet, IPv4 without
 * options, TCP or UDP, headers captured. Whatever is not just that is left to the layers, so that
 * they alone decide what is bad, cut, or a tunnel; where both ways can go they come to the same
 * packet (packet_fuzz.c compares them). */
#include "decode/layers.h"

#define ETHERNET    14
#define IPV4        20
#define TCP         20
#define UDP         8
#define HEAD        (ETHERNET + IPV4 + TCP) /* of UDP frames too: those under 60 are rare */
#define IP_AT(n)    (ETHERNET + (n))
#define ABOVE_AT(n) (ETHERNET + IPV4 + (n))

static bool is_plain(const struct frame *frame, struct span h)
{
	return frame->linktype == 1 && h.len > 0 && span_be16(h, 12) == 0x0800 &&
	       span_u8(h, IP_AT(0)) == 0x45 && (span_be16(h, IP_AT(6)) & 0x3fff) == 0;
}

/* Bytes of the TCP header; 0 when it is not for here. `room`: of the segment. */
static size_t plain_tcp(struct span h, size_t room, struct packet *p)
{
	size_t header = (span_u8(h, ABOVE_AT(12)) >> 4) * WORD;
	if (header < TCP || header > room)
		return 0;
	p->tcp_seq = span_be32(h, ABOVE_AT(4));
	p->tcp_ack = span_be32(h, ABOVE_AT(8));
	p->tcp_flags = span_u8(h, ABOVE_AT(13));
	p->tcp_window = span_be16(h, ABOVE_AT(14));
	return header;
}

/* The same of UDP; *room becomes what its own length says. */
static size_t plain_udp(struct span h, size_t *room, const struct packet *p)
{
	size_t total = span_be16(h, ABOVE_AT(4));
	if (total < UDP || total > *room || layer_carried(SPACE_UDP, p->dst_port) != LAYER_END ||
		layer_carried(SPACE_UDP, p->src_port) != LAYER_END)
		return 0;
	*room = total;
	return UDP;
}

bool plain_decode(const struct frame *frame, struct packet *p)
{
	struct cur c = cur_of(frame->bytes, frame->cap_bytes), head = c;
	struct span h = cur_bytes(&head, HEAD);
	if (!is_plain(frame, h))
		return false;
	size_t total = span_be16(h, IP_AT(2)), room = total - IPV4, header = 0;
	if (total < IPV4)
		return false;
	p->proto = span_u8(h, IP_AT(9));
	p->src_port = span_be16(h, ABOVE_AT(0));
	p->dst_port = span_be16(h, ABOVE_AT(2));
	if (p->proto == IP_TCP)
		header = plain_tcp(h, room, p);
	else if (p->proto == IP_UDP)
		header = plain_udp(h, &room, p);
	if (header == 0 || ABOVE_AT(header) > frame->cap_bytes)
		return false;
	p->time_ns = frame->time_ns;
	p->src_mac = (uint64_t)span_be16(h, 6) << 32 | span_be32(h, 8);
	p->ttl = span_u8(h, IP_AT(8));
	p->src = addr_of(span_part(h, IP_AT(12), 4));
	p->dst = addr_of(span_part(h, IP_AT(16), 4));
	p->wire_bytes = (uint32_t)total;
	p->payload_wire = (uint32_t)(room - header);
	cur_skip(&c, ABOVE_AT(header));
	c.fenced = frame->cap_bytes >= frame->wire_bytes;
	p->payload = cur_sub(&c, room - header);
	return true;
}
