/* Copies: a span port sees a packet come and go, a tap sees a tunnel and what is in it. A copy
 * comes within milliseconds, with the same numbers, whatever became of its TTL and its Ethernet
 * frame; TCP's own retransmissions come later (no RTO under 200 ms in practice, RFC 6298).
 *
 * Only packets that say something are compared: bare ACKs repeat by right. What is remembered hangs
 * on the packets alone, not on the run's secret, so that runs repeat exactly. */
#include "flow/conversation.h"

/* From here on a datagram has enough bytes to tell a copy from a second one. */
#define TELLING_BYTES 8

/* Copies' times are kept in units of 1.024 us. */
#define UNIT_BITS 10

static uint64_t stir(uint64_t a, uint64_t b)
{
	a = (a ^ b) * 0x9e3779b97f4a7c15;
	return a ^ a >> 32;
}

/* The next 8 bytes; 0 when there are none. One load, when written so. */
static uint64_t take_word(struct cur *c)
{
	struct span s = cur_bytes(c, c->len < 8 ? 0 : 8);
	const uint8_t *b = s.ptr;
	if (s.len < 8)
		return 0;
	return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
	       (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
	       (uint64_t)b[7] << 56;
}

/* Start and end of a payload: numbers stand in the one, checksums and seals in the other. */
static uint64_t content(uint64_t sum, struct cur payload)
{
	struct cur tail = payload;
	cur_skip(&tail, tail.len - TELLING_BYTES);
	sum = stir(sum, take_word(&payload));
	sum = stir(sum, take_word(&payload));
	return stir(sum, take_word(&tail));
}

/* Whether it says something that can be compared. */
static bool is_telling(const struct packet *p)
{
	if (p->proto == IP_TCP)
		return p->payload_wire > 0 || (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0;
	return p->payload.len >= TELLING_BYTES;
}

bool is_copy(struct flow_table *t, const struct conversation *c, const struct packet *p)
{
	if (!is_telling(p))
		return false;
	/* the direction is in the port, or else in the address */
	uint64_t sum = stir(c->id, (uint64_t)p->src_port << 48 | (uint64_t)p->src.byte[15] << 40 |
					   (uint64_t)p->src.byte[14] << 32);
	sum = stir(sum, (uint64_t)p->payload_wire << 8 | p->tcp_flags);
	if (p->proto == IP_TCP)
		sum = stir(sum, (uint64_t)p->tcp_seq << 32 | p->tcp_ack);
	else
		sum = content(sum, p->payload);
	struct copy *seen = &t->copy[sum >> (64 - COPIES_BITS)];
	uint32_t mark = (uint32_t)sum, at = (uint32_t)(uint64_t)(t->at_ns >> UNIT_BITS);
	uint32_t window = (uint32_t)(COPY_NS >> UNIT_BITS);
	if (seen->mark == mark && at - seen->at + window < 2 * window)
		return true;
	*seen = (struct copy){mark, at};
	return false;
}
