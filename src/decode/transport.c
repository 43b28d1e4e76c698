/* TCP (RFC 9293), UDP (RFC 768), and the ports of SCTP (RFC 9260) and UDP-Lite (RFC 3828). The
 * checksums are not verified: offload makes them wrong on the sending host. */
#include "decode/layers.h"

#define TCP_HEADER      20
#define UDP_HEADER      8
#define SCTP_HEADER     12
#define UDP_LITE_HEADER 8

/* The capture ends within the header: the ports must be there, the rest counts as far as it goes.
 * `header`: its length where no field tells. */
static enum layer cut(struct walk *w, struct cur c, size_t header)
{
	struct packet *p = &w->packet;
	p->src_port = cur_be16(&c);
	p->dst_port = cur_be16(&c);
	if (!cur_ok(&c)) {
		w->cur = c;
		return walk_failed(w);
	}
	if (p->proto == IP_TCP) {
		p->tcp_seq = cur_be32(&c);
		p->tcp_ack = cur_be32(&c);
		uint8_t offset = cur_u8(&c);
		p->tcp_flags = cur_u8(&c);
		if (cur_ok(&c))
			header = (offset >> 4) * WORD;
		if (header < TCP_HEADER || header > w->wire)
			return walk_end(w, DECODED_BAD);
	}
	w->wire -= header;
	w->cur = (struct cur){0};
	return walk_done(w);
}

enum layer tcp_decode(struct walk *w)
{
	struct cur start = w->cur;
	size_t wire = w->wire;
	if (wire < TCP_HEADER)
		return walk_end(w, DECODED_BAD);
	struct span h = walk_take(w, TCP_HEADER);
	if (h.len == 0)
		return cut(w, start, TCP_HEADER);
	struct packet *p = &w->packet;
	p->src_port = span_be16(h, 0);
	p->dst_port = span_be16(h, 2);
	p->tcp_seq = span_be32(h, 4);
	p->tcp_ack = span_be32(h, 8);
	p->tcp_flags = span_u8(h, 13);
	p->tcp_window = span_be16(h, 14);
	size_t header = (span_u8(h, 12) >> 4) * WORD;
	if (header < TCP_HEADER || header > wire)
		return walk_end(w, DECODED_BAD);
	walk_pass(w, header - TCP_HEADER); /* options */
	return walk_done(w);
}

enum layer udp_decode(struct walk *w)
{
	struct cur start = w->cur;
	size_t wire = w->wire;
	if (wire < UDP_HEADER)
		return walk_end(w, DECODED_BAD);
	struct span h = walk_take(w, UDP_HEADER);
	if (h.len == 0)
		return cut(w, start, UDP_HEADER);
	struct packet *p = &w->packet;
	p->src_port = span_be16(h, 0);
	p->dst_port = span_be16(h, 2);
	size_t total = span_be16(h, 4);
	if (total == 0) /* RFC 2675 4, and segmentation offload */
		total = wire;
	if (total < UDP_HEADER || total > wire)
		return walk_end(w, DECODED_BAD);
	walk_narrow(w, total - UDP_HEADER);
	enum layer inside = layer_carried(SPACE_UDP, p->dst_port);
	if (inside == LAYER_END)
		inside = layer_carried(SPACE_UDP, p->src_port);
	if (inside == LAYER_END)
		return walk_done(w);
	walk_tunnel(w);
	return inside;
}

static enum layer ports_only(struct walk *w, size_t header)
{
	struct cur start = w->cur;
	if (w->wire < header)
		return walk_end(w, DECODED_BAD);
	struct span h = walk_take(w, header);
	if (h.len == 0)
		return cut(w, start, header);
	w->packet.src_port = span_be16(h, 0);
	w->packet.dst_port = span_be16(h, 2);
	return walk_done(w);
}

enum layer sctp_decode(struct walk *w)
{
	return ports_only(w, SCTP_HEADER);
}

enum layer udp_lite_decode(struct walk *w)
{
	return ports_only(w, UDP_LITE_HEADER);
}
