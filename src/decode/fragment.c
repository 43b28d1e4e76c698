#include "decode/fragment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define NONE           UINT32_MAX
#define DATAGRAM_BYTES 65535
#define IPV6_HEADER    40u
/* What Ethernet carries behind an IPv4 header; a longer fragment becomes several pieces. */
#define PIECE_BYTES 1480

/* What one fragment brought, less what was known. */
struct piece {
	uint32_t next;     /* by offset; or in the free list */
	uint16_t offset;   /* in the datagram */
	uint16_t wire;     /* bytes as sent, 1 or more */
	uint16_t captured; /* those kept, from the start */
	uint8_t bytes[PIECE_BYTES];
};

struct key {
	struct addr src, dst;
	uint32_t id;
	uint32_t proto; /* of IPv4; V6 where the protocol is no part of the key */
};
#define KEY_V6 0x100u

/* A datagram of which not all has come: in a bucket, and in the list of all by age. */
struct partial {
	struct key key;
	int64_t begin_ns;
	uint32_t older, newer;
	uint32_t bucket, next; /* next: in the bucket, or in the free list */
	uint32_t first, last;  /* pieces */
	uint32_t pieces;
	uint32_t known;   /* bytes of all pieces, as sent */
	uint32_t reached; /* the end of the last piece */
	uint32_t end;     /* of the datagram; 0: the last fragment has not come */
	uint32_t header;  /* with proto and ttl from the fragment at offset 0; 0: it has not come */
	uint8_t proto, ttl;
};

struct fragments {
	struct hash_key hash;
	uint32_t capacity; /* of pieces, of partials and of buckets */
	struct piece *piece;
	struct partial *partial;
	uint32_t *bucket;
	/* used again before fresh ones are touched */
	uint32_t free_piece, fresh_piece, free_partial, fresh_partial;
	uint32_t oldest, newest;
	uint64_t dropped;
	uint8_t whole[DATAGRAM_BYTES];
};

int fragments_new(struct fragments **ret, size_t bytes)
{
	struct fragments *f = calloc(1, sizeof *f);
	if (f == NULL)
		return -ENOMEM;
	size_t capacity =
		bytes / (sizeof(struct piece) + sizeof(struct partial) + sizeof(uint32_t));
	f->capacity = capacity < NONE ? (uint32_t)capacity : NONE - 1;
	size_t room = (size_t)f->capacity + 1; /* calloc(0) may be NULL */
	f->piece = calloc(room, sizeof *f->piece);
	f->partial = calloc(room, sizeof *f->partial);
	f->bucket = calloc(room, sizeof *f->bucket);
	if (f->piece == NULL || f->partial == NULL || f->bucket == NULL) {
		fragments_free(f);
		return -ENOMEM;
	}
	f->hash = hash_key_new();
	f->free_piece = f->free_partial = f->oldest = f->newest = NONE;
	for (uint32_t i = 0; i < f->capacity; i++)
		f->bucket[i] = NONE;
	*ret = f;
	return 0;
}

void fragments_free(struct fragments *f)
{
	if (f == NULL)
		return;
	free(f->piece);
	free(f->partial);
	free(f->bucket);
	free(f);
}

uint64_t fragments_dropped(const struct fragments *f)
{
	return f->dropped;
}

/* ---- datagrams ---- */

static void unlink_age(struct fragments *f, const struct partial *p)
{
	*(p->older == NONE ? &f->oldest : &f->partial[p->older].newer) = p->newer;
	*(p->newer == NONE ? &f->newest : &f->partial[p->newer].older) = p->older;
}

static void release(struct fragments *f, uint32_t index)
{
	struct partial *p = &f->partial[index];
	uint32_t *at = &f->bucket[p->bucket];
	while (*at != index)
		at = &f->partial[*at].next;
	*at = p->next;
	unlink_age(f, p);
	if (p->first != NONE) {
		f->piece[p->last].next = f->free_piece;
		f->free_piece = p->first;
	}
	p->next = f->free_partial;
	f->free_partial = index;
}

static void give_up(struct fragments *f, uint32_t index)
{
	release(f, index);
	f->dropped++;
}

static void expire(struct fragments *f, int64_t now_ns)
{
	while (f->oldest != NONE) {
		int64_t begin_ns = f->partial[f->oldest].begin_ns;
		/* unsigned: a file's times may be any, so that their difference overflows */
		if (begin_ns >= now_ns ||
			(uint64_t)now_ns - (uint64_t)begin_ns <= (uint64_t)FRAGMENT_WAIT_NS)
			return;
		give_up(f, f->oldest);
	}
}

static uint32_t begin(struct fragments *f, const struct key *key, uint32_t bucket, int64_t now_ns)
{
	if (f->free_partial == NONE && f->fresh_partial == f->capacity)
		give_up(f, f->oldest);
	uint32_t index = f->free_partial;
	if (index == NONE)
		index = f->fresh_partial++;
	else
		f->free_partial = f->partial[index].next;
	f->partial[index] = (struct partial){
		.key = *key,
		.begin_ns = now_ns,
		.older = f->newest,
		.newer = NONE,
		.bucket = bucket,
		.next = f->bucket[bucket],
		.first = NONE,
		.last = NONE,
	};
	f->bucket[bucket] = index;
	*(f->newest == NONE ? &f->oldest : &f->partial[f->newest].newer) = index;
	f->newest = index;
	return index;
}

static uint32_t find_or_begin(struct fragments *f, const struct fragment *in)
{
	struct key key = {in->src, in->dst, in->id, in->v6 ? KEY_V6 : in->proto};
	uint32_t bucket = (uint32_t)(hash_bytes(&f->hash, &key, sizeof key) % f->capacity);
	for (uint32_t i = f->bucket[bucket]; i != NONE; i = f->partial[i].next)
		if (memcmp(&f->partial[i].key, &key, sizeof key) == 0)
			return i;
	return begin(f, &key, bucket, in->time_ns);
}

/* ---- pieces ---- */

/* NONE when the datagram itself had to be given up for the room. */
static uint32_t piece_new(struct fragments *f, uint32_t index)
{
	if (f->partial[index].pieces == FRAGMENT_PIECES_MAX) {
		give_up(f, index);
		return NONE;
	}
	while (f->free_piece == NONE && f->fresh_piece == f->capacity) {
		bool itself = f->oldest == index;
		give_up(f, f->oldest);
		if (itself)
			return NONE;
	}
	uint32_t piece = f->free_piece;
	if (piece == NONE)
		piece = f->fresh_piece++;
	else
		f->free_piece = f->piece[piece].next;
	return piece;
}

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t piece_end(const struct piece *piece)
{
	return (uint32_t)piece->offset + piece->wire;
}

/* Links an empty piece for what comes at `offset` behind the piece `before`. NONE: no room. */
static uint32_t piece_begin(struct fragments *f, uint32_t index, uint32_t before, uint32_t offset)
{
	uint32_t fresh = piece_new(f, index);
	if (fresh == NONE)
		return NONE;
	struct partial *p = &f->partial[index];
	struct piece *piece = &f->piece[fresh];
	uint32_t *at = before == NONE ? &p->first : &f->piece[before].next;
	piece->next = *at;
	piece->offset = (uint16_t)offset;
	piece->wire = piece->captured = 0;
	*at = fresh;
	if (piece->next == NONE)
		p->last = fresh;
	p->pieces++;
	return fresh;
}

/* Puts up to `len` bytes of the fragment, from `at` of the datagram on, into a piece that ends
 * there. Returns how many; 0: it ends elsewhere, or is full. So the tiniest fragments take no more
 * room than others. */
static uint32_t piece_extend(
	struct piece *piece, const struct fragment *in, uint32_t at, uint32_t len)
{
	if (piece_end(piece) != at || piece->captured != piece->wire)
		return 0; /* behind what the capture cut, bytes would move up */
	len = min(len, (uint32_t)PIECE_BYTES - piece->wire);
	struct cur c = in->captured;
	size_t before = at - in->offset;
	cur_skip(&c, before < c.len ? before : c.len);
	struct span s = cur_bytes(&c, len < c.len ? len : c.len);
	if (s.len > 0)
		memcpy(piece->bytes + piece->wire, s.ptr, s.len);
	piece->wire = (uint16_t)(piece->wire + len);
	piece->captured = (uint16_t)(piece->captured + s.len);
	return len;
}

/* Fills with the fragment what no earlier one has told. False: the datagram was given up. */
static bool insert(struct fragments *f, uint32_t index, const struct fragment *in)
{
	struct partial *p = &f->partial[index];
	uint32_t at = (uint32_t)in->offset, stop = at + (uint32_t)in->wire;
	bool appends = at >= p->reached;
	uint32_t before = appends ? p->last : NONE, next = appends ? NONE : p->first;
	while (at < stop) {
		while (next != NONE && f->piece[next].offset <= at) {
			uint32_t end = piece_end(&f->piece[next]);
			at = end > at ? end : at;
			before = next;
			next = f->piece[next].next;
		}
		uint32_t gap = next == NONE ? stop : min(stop, f->piece[next].offset);
		if (at >= gap)
			continue;
		uint32_t put = 0;
		if (before != NONE)
			put = piece_extend(&f->piece[before], in, at, gap - at);
		if (put == 0) {
			before = piece_begin(f, index, before, at);
			if (before == NONE)
				return false;
			put = piece_extend(&f->piece[before], in, at, gap - at);
		}
		at += put;
		p->known += put;
		p->reached = at > p->reached ? at : p->reached;
	}
	return true;
}

/* ---- the whole ---- */

static struct cur join(struct fragments *f, const struct partial *p)
{
	size_t len = 0;
	bool cut = false;
	for (uint32_t i = p->first; i != NONE && !cut; i = f->piece[i].next) {
		const struct piece *piece = &f->piece[i];
		memcpy(f->whole + len, piece->bytes, piece->captured);
		len += piece->captured;
		cut = piece->captured < piece->wire;
	}
	struct cur c = cur_of(f->whole, len);
	c.fenced = !cut;
	return c;
}

static bool contradicts(const struct fragment *in)
{
	size_t most = DATAGRAM_BYTES + (in->v6 ? IPV6_HEADER : 0);
	return in->wire == 0 || (in->more && in->wire % 8 != 0) ||
	       in->header + in->offset + in->wire > most;
}

/* Offsets count in eights, so what is left over has no place. Linux and its like cut it off in IPv4
 * (ip_frag_queue) and refuse the fragment in IPv6 (RFC 8200 4.5). */
static struct fragment whole_eights(struct fragment in)
{
	if (in.more && !in.v6)
		in.wire -= in.wire % 8;
	return in;
}

static bool contradicts_siblings(const struct partial *p, const struct fragment *in)
{
	size_t stop = in->offset + in->wire;
	if (in->more)
		return p->end != 0 && stop >= p->end;
	return p->end != 0 ? stop != p->end : stop < p->reached;
}

enum fragment_news fragments_add(
	struct fragments *f, const struct fragment *sent, struct datagram *ret)
{
	struct fragment eights = whole_eights(*sent), *in = &eights;
	if (contradicts(in))
		return FRAGMENT_BAD;
	expire(f, in->time_ns);
	if (f->capacity == 0) {
		f->dropped++;
		return FRAGMENT_KEPT;
	}
	uint32_t index = find_or_begin(f, in);
	struct partial *p = &f->partial[index];
	if (contradicts_siblings(p, in))
		return FRAGMENT_BAD;
	if (in->offset == 0 && p->header == 0) {
		p->header = (uint32_t)in->header;
		p->proto = in->proto;
		p->ttl = in->ttl;
	}
	if (!in->more)
		p->end = (uint32_t)(in->offset + in->wire);
	if (!insert(f, index, in) || p->end == 0 || p->known != p->end)
		return FRAGMENT_KEPT;
	*ret = (struct datagram){.proto = p->proto,
		.ttl = p->ttl,
		.header = p->header,
		.wire = p->end,
		.bytes = join(f, p)};
	release(f, index);
	return FRAGMENT_WHOLE;
}
