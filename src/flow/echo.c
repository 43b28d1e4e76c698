/* Echo (RFC 792, RFC 4443): what its requests hold. ping(8) and its like send the same again, but
 * for a stamp; a request that holds something else is a message of its own, and a conversation of
 * its own, so that it is told when it is answered. A payload is known by marks of its first pieces,
 * four bits each, and is compared with the two before it: two tools may ping one server in turn. */
#include "base/hash.h"
#include "flow/conversation.h"

/* What tools write into each request anew, wherever it stands: a time of 16 bytes and a number
 * (iputils, check_icmp), or a time of 8 and an id of 16. */
#define STAMP_BYTES 24u
#define PIECE_BYTES 8u
#define PIECES      16u
/* The lowest bit of each piece's mark. */
#define EACH UINT64_C(0x1111111111111111)

/* The marks of a payload; 0 where it has no whole piece any more. */
static uint64_t marks_of(struct cur body)
{
	uint64_t marks = 0;
	for (unsigned i = 0; i < PIECES && body.len >= PIECE_BYTES; i++) {
		uint64_t word = cur_be64(&body) * UINT64_C(0x9e3779b97f4a7c15);
		marks |= (1 + (word >> 32) % 15) << 4 * i;
	}
	return marks;
}

/* One bit for each mark that is not 0. */
static uint64_t which(uint64_t marks)
{
	marks |= marks >> 2;
	return (marks | marks >> 1) & EACH;
}

static unsigned count(uint64_t bits)
{
	return (unsigned)__builtin_popcountll(bits);
}

/* Bytes of the payload that neither of the two before held, a stamp's apart. Of what is longer than
 * its marks the rest is taken to be like them. */
static uint32_t fresh_bytes(const struct conversation *c, uint64_t marks, size_t len)
{
	uint64_t known = which(marks) & (which(c->echo_marks[0]) | which(c->echo_marks[1]));
	uint64_t fresh = known & which(marks ^ c->echo_marks[0]) & which(marks ^ c->echo_marks[1]);
	size_t bytes = len;
	if (known != 0) /* a stamp may lie across one piece more than it fills */
		bytes = count(fresh) * PIECE_BYTES <= STAMP_BYTES + PIECE_BYTES
		                ? 0
		                : len * count(fresh) / count(known);
	return bytes > STAMP_BYTES ? (uint32_t)(bytes - STAMP_BYTES) : 0;
}

bool echo_is_request(const struct packet *p)
{
	return p->src_port == (p->proto == IP_ICMP ? 8 : 128);
}

bool echo_begins_another(const struct conversation *c, const struct packet *p)
{
	return echo_is_request(p) && c->packets[SERVER] > 0 &&
	       fresh_bytes(c, marks_of(p->payload), p->payload.len) > 0;
}

void echo_follows(struct conversation *c, const struct conversation *before)
{
	c->echo_marks[0] = before->echo_marks[0];
	c->echo_marks[1] = before->echo_marks[1];
}

void echo_add(struct conversation *c, const struct packet *p)
{
	static const struct hash_key fixed = {0x6563686f, 0}; /* the same in every run */
	if (!echo_is_request(p))
		return;
	uint64_t marks = marks_of(p->payload);
	struct cur body = p->payload;
	cur_skip(&body, STAMP_BYTES);
	if (c->packets[CLIENT] == 1 && cur_ok(&body) && body.len > 0) {
		struct span rest = cur_bytes(&body, body.len);
		c->echo_hash = (uint32_t)hash_bytes(&fixed, rest.ptr, rest.len) | 1;
		c->echo_fresh = fresh_bytes(c, marks, p->payload.len);
	}
	c->echo_marks[1] = c->echo_marks[0];
	c->echo_marks[0] = marks;
}
