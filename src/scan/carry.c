/* TCP in order, for conversations that begin as one of the carriers does: bounded tables, and
 * segments that came early wait for those before them. */
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "scan/ranges.h"
#include "scan/raw.h"
#include "scan/smb.h"
#include "scan/talk.h"
#include "scan/web.h"

#define STREAMS_MAX 4096u
#define BUCKETS     8192u /* a power of two */
#define WAITING_MAX 64u   /* segments of one direction that came early */
#define PEEK_BYTES  8u    /* of each side, to tell the protocol */
#define NONE        UINT32_MAX
#define AHEAD_MAX   ((int32_t)4 << 20) /* further ahead is another conversation's */

struct waiting {
	uint32_t seq;
	size_t len;
	uint8_t *bytes;
};

struct order { /* of one direction */
	bool begun, ended;
	bool fin; /* it said that it ends, before fin_seq */
	uint32_t next, fin_seq;
	struct waiting waiting[WAITING_MAX];
	size_t waitings;
};

struct stream {
	uint32_t chain;        /* the next of its bucket */
	uint32_t newer, older; /* by when something came */
	uint32_t bucket;
	struct ends ends;
	struct order order[2];         /* by enum side */
	const struct carrier *carrier; /* NULL: what it says is too short to tell */
	union {
		struct peek {
			uint8_t bytes[2][PEEK_BYTES];
			size_t len[2];
		} peek;
		struct web web;
		struct talk talk;
		struct raw raw;
		struct smb smb;
	};
};

struct carry {
	struct carry_shared shared;
	struct stream *stream;
	uint32_t bucket[BUCKETS];
	uint32_t free, newest, oldest;
};

int carry_new(struct carry **ret, const struct carry_options *options)
{
	struct carry *c = calloc(1, sizeof *c);
	if (c == NULL)
		return -ENOMEM;
	c->shared.options = *options;
	c->shared.key = hash_key_new();
	c->stream = calloc(STREAMS_MAX, sizeof *c->stream);
	if (c->stream == NULL) {
		free(c);
		return -ENOMEM;
	}
	for (size_t i = 0; i < BUCKETS; i++)
		c->bucket[i] = NONE;
	for (uint32_t i = 0; i < STREAMS_MAX; i++)
		c->stream[i].chain = i + 1 < STREAMS_MAX ? i + 1 : NONE;
	c->newest = c->oldest = NONE;
	*ret = c;
	return 0;
}

/* ---- the table ---- */

static void unlink_age(struct carry *c, uint32_t i)
{
	struct stream *s = &c->stream[i];
	*(s->newer == NONE ? &c->newest : &c->stream[s->newer].older) = s->older;
	*(s->older == NONE ? &c->oldest : &c->stream[s->older].newer) = s->newer;
}

static void link_newest(struct carry *c, uint32_t i)
{
	c->stream[i].newer = NONE;
	c->stream[i].older = c->newest;
	*(c->newest == NONE ? &c->oldest : &c->stream[c->newest].newer) = i;
	c->newest = i;
}

static void forget_waiting(struct order *o)
{
	for (size_t i = 0; i < o->waitings; i++)
		free(o->waiting[i].bytes);
	o->waitings = 0;
}

void carry_free(struct carry *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = c->newest; i != NONE; i = c->stream[i].older) {
		forget_waiting(&c->stream[i].order[CLIENT]);
		forget_waiting(&c->stream[i].order[SERVER]);
		if (c->stream[i].carrier != NULL)
			c->stream[i].carrier->fini(&c->shared, &c->stream[i].web);
	}
	ranges_free(&c->shared);
	free(c->stream);
	free(c);
}

static bool is_side(const struct stream *s, enum side side, const struct packet *p)
{
	const struct ends *w = &s->ends;
	return w->port[side] == p->src_port && w->port[1 - side] == p->dst_port &&
	       addr_eq(&w->addr[side], &p->src) && addr_eq(&w->addr[1 - side], &p->dst);
}

/* The same for both directions. */
static uint32_t bucket_of(const struct carry *c, const struct packet *p)
{
	bool swap = p->src_port < p->dst_port ||
	            (p->src_port == p->dst_port && addr_cmp(&p->src, &p->dst) < 0);
	struct {
		struct addr a, b;
		uint16_t ports[2];
	} key = {swap ? p->dst : p->src, swap ? p->src : p->dst,
		{swap ? p->dst_port : p->src_port, swap ? p->src_port : p->dst_port}};
	return (uint32_t)hash_bytes(&c->shared.key, &key, sizeof key) & (BUCKETS - 1);
}

/* NONE: there is none. */
static uint32_t find(const struct carry *c, const struct packet *p, uint32_t bucket, enum side *ret)
{
	for (uint32_t i = c->bucket[bucket]; i != NONE; i = c->stream[i].chain)
		for (int side = CLIENT; side <= SERVER; side++)
			if (is_side(&c->stream[i], (enum side)side, p)) {
				*ret = (enum side)side;
				return i;
			}
	return NONE;
}

/* ---- protocols ---- */

static bool begins_any(struct span s, const char *const *word, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (span_begins(s, word[i]))
			return true;
	return false;
}

/* Whose words these are; NULL: nobody's. *ret_side: who says them. */
static const struct carrier *recognise(struct span s, enum side *ret_side)
{
	static const char *const clients[] = {
		"EHLO ", "HELO ", "LHLO ", "ehlo ", "helo ", "USER ", "user "};
	static const char *const servers[] = {"220 ", "220-"};
	*ret_side = CLIENT;
	if (begins_any(s, clients, ARRAY_LEN(clients)))
		return &carrier_talk;
	if (http_is_request(cur_of(s.ptr, s.len)))
		return &carrier_web;
	if (smb_begins(s, ret_side))
		return &carrier_smb;
	*ret_side = SERVER;
	if (http_is_response(cur_of(s.ptr, s.len)))
		return &carrier_web;
	return begins_any(s, servers, ARRAY_LEN(servers)) ? &carrier_talk : NULL;
}

/* Too short to tell, and a text so far, or SMB's frame. */
static bool may_become(struct span s)
{
	if (s.len < PEEK_BYTES && smb_may_begin(s))
		return true;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < ' ' || s.ptr[i] > '~')
			return false;
	return s.len > 0 && s.len < PEEK_BYTES;
}

/* Who was taken for the client is the server. */
static void turn(struct stream *s)
{
	struct order order = s->order[CLIENT];
	struct ends ends = s->ends;
	s->order[CLIENT] = s->order[SERVER];
	s->order[SERVER] = order;
	s->ends = (struct ends){
		{ends.addr[SERVER], ends.addr[CLIENT]}, {ends.port[SERVER], ends.port[CLIENT]}};
}

static void become(struct carry *c, struct stream *s, const struct carrier *carrier)
{
	memset(&s->web, 0, sizeof s->web);
	s->carrier = carrier;
	if (carrier == &carrier_web)
		s->web = (struct web){.ends = &s->ends};
	else if (carrier == &carrier_talk)
		s->talk = (struct talk){.ends = &s->ends};
	else if (carrier == &carrier_smb)
		s->smb = (struct smb){.ends = &s->ends};
	else
		s->raw = (struct raw){.ends = &s->ends};
	c->shared.stats.streams++;
}

/* The first bytes came one by one. True: they were of a carrier, and the bytes were taken; *side
 * is then as that carrier sees it. */
static bool peek(
	struct carry *c, struct stream *s, enum side *side, struct span bytes, int64_t at_ns)
{
	struct peek *p = &s->peek;
	size_t room = PEEK_BYTES - p->len[*side], len = bytes.len < room ? bytes.len : room;
	enum side says = CLIENT;
	memcpy(p->bytes[*side] + p->len[*side], bytes.ptr, len);
	p->len[*side] += len;
	const struct carrier *found =
		recognise((struct span){p->bytes[*side], p->len[*side]}, &says);
	if (found == NULL)
		return false;
	struct peek were = *p;
	enum side was = *side;
	if (says != was)
		turn(s);
	become(c, s, found);
	for (int k = CLIENT; k <= SERVER; k++) {
		enum side now = says != was ? (enum side)(1 - k) : (enum side)k;
		if (were.len[k] > 0)
			found->data(&c->shared, &s->web, now,
				(struct span){were.bytes[k], were.len[k]}, at_ns);
	}
	*side = says;
	if (len < bytes.len)
		found->data(&c->shared, &s->web, says,
			(struct span){bytes.ptr + len, bytes.len - len}, at_ns);
	return true;
}

/* ---- order ---- */

static void give(
	struct carry *c, struct stream *s, enum side *side, struct span bytes, int64_t at_ns)
{
	s->order[*side].next += (uint32_t)bytes.len;
	if (s->carrier != NULL)
		s->carrier->data(&c->shared, &s->web, *side, bytes, at_ns);
	else if (s->peek.len[*side] < PEEK_BYTES)
		(void)peek(c, s, side, bytes, at_ns);
}

static void hole(struct carry *c, struct stream *s, enum side side, uint32_t bytes)
{
	s->order[side].next += bytes;
	if (s->carrier == NULL) {
		s->peek.len[side] = PEEK_BYTES; /* nothing more is told by it */
		return;
	}
	c->shared.stats.holes += bytes;
	s->carrier->hole(&c->shared, &s->web, side, bytes);
}

/* What waited and may go on now; the part that was there before is left out. */
static void give_waiting(struct carry *c, struct stream *s, enum side side, int64_t at_ns)
{
	struct order *o = &s->order[side];
	for (size_t i = 0; i < o->waitings;) {
		struct waiting *w = &o->waiting[i];
		int32_t ahead = (int32_t)(w->seq - o->next);
		if (ahead > 0) {
			i++;
			continue;
		}
		struct waiting now = *w;
		*w = o->waiting[--o->waitings];
		size_t old = (size_t) - (int64_t)ahead;
		if (old < now.len)
			give(c, s, &side, (struct span){now.bytes + old, now.len - old}, at_ns);
		o = &s->order[side];
		free(now.bytes);
		i = 0;
	}
}

/* Bytes are missing that will not come: on with the nearest that is there. */
static void jump(struct carry *c, struct stream *s, enum side side, int64_t at_ns)
{
	struct order *o = &s->order[side];
	int32_t nearest = INT32_MAX;
	for (size_t i = 0; i < o->waitings; i++) {
		int32_t ahead = (int32_t)(o->waiting[i].seq - o->next);
		nearest = ahead < nearest ? ahead : nearest;
	}
	hole(c, s, side, (uint32_t)nearest);
	give_waiting(c, s, side, at_ns);
}

static void wait_for(struct carry *c, struct stream *s, enum side side, uint32_t seq,
	struct span bytes, int64_t at_ns)
{
	struct order *o = &s->order[side];
	if (o->waitings == WAITING_MAX)
		jump(c, s, side, at_ns);
	uint8_t *copy = o->waitings == WAITING_MAX ? NULL : malloc(bytes.len);
	if (copy == NULL)
		return;
	memcpy(copy, bytes.ptr, bytes.len);
	o->waiting[o->waitings++] = (struct waiting){seq, bytes.len, copy};
}

static void take_bytes(struct carry *c, struct stream *s, enum side side, const struct packet *p)
{
	struct order *o = &s->order[side];
	struct span bytes = {p->payload.ptr, p->payload.len};
	if (!o->begun) {
		o->begun = true;
		o->next = p->tcp_seq;
	}
	int32_t ahead = (int32_t)(p->tcp_seq - o->next);
	if (ahead > AHEAD_MAX)
		return;
	if (ahead > 0) {
		wait_for(c, s, side, p->tcp_seq, bytes, p->time_ns);
		return;
	}
	size_t old = (size_t) - (int64_t)ahead;
	if (old < bytes.len)
		give(c, s, &side, (struct span){bytes.ptr + old, bytes.len - old}, p->time_ns);
	/* what the capture cut off this packet is a hole */
	if (p->payload_wire > bytes.len && old <= bytes.len)
		hole(c, s, side, p->payload_wire - (uint32_t)bytes.len);
	give_waiting(c, s, side, p->time_ns);
}

/* ---- conversations ---- */

/* Its end: what is under way is told. */
static void end_stream(struct carry *c, uint32_t i)
{
	struct stream *s = &c->stream[i];
	uint32_t *link = &c->bucket[s->bucket];
	for (int side = CLIENT; side <= SERVER; side++) {
		while (s->order[side].waitings > 0)
			jump(c, s, (enum side)side, 0); /* no file begins behind a hole */
		if (s->carrier != NULL && !s->order[side].ended)
			s->carrier->end(&c->shared, &s->web, (enum side)side, false);
	}
	if (s->carrier != NULL)
		s->carrier->fini(&c->shared, &s->web);
	while (*link != i)
		link = &c->stream[*link].chain;
	*link = s->chain;
	unlink_age(c, i);
	memset(s, 0, sizeof *s);
	s->chain = c->free;
	c->free = i;
}

static uint32_t begin(struct carry *c, const struct packet *p, uint32_t bucket)
{
	if (c->free == NONE) {
		c->shared.stats.refused++;
		end_stream(c, c->oldest);
	}
	uint32_t i = c->free;
	struct stream *s = &c->stream[i];
	c->free = s->chain;
	*s = (struct stream){.chain = c->bucket[bucket],
		.bucket = bucket,
		.ends = {{p->src, p->dst}, {p->src_port, p->dst_port}}};
	c->bucket[bucket] = i;
	link_newest(c, i);
	return i;
}

/* A conversation that this packet shows to be of use; NONE: it does not. Who speaks first is taken
 * for the client until it is known better. */
static uint32_t admit(struct carry *c, const struct packet *p, uint32_t bucket)
{
	bool opens = (p->tcp_flags & TCP_SYN) != 0 && (p->tcp_flags & TCP_ACK) == 0;
	struct span first = {p->payload.ptr, p->payload.len};
	enum side says = CLIENT;
	uint64_t expected = raw_expected(&c->shared, p);
	const struct carrier *found = expected != 0 ? &carrier_raw : recognise(first, &says);
	if (found == NULL && !may_become(first))
		return NONE;
	uint32_t i = begin(c, p, bucket);
	struct stream *s = &c->stream[i];
	if (!opens) { /* what the one has of the other so far: its words begin there */
		s->order[SERVER].begun = (p->tcp_flags & TCP_ACK) != 0;
		s->order[SERVER].next = p->tcp_ack;
	}
	if (says == SERVER && found != NULL)
		turn(s);
	if (found != NULL)
		become(c, s, found);
	if (found == &carrier_web && says == SERVER) /* what was asked is missing */
		carry_tell_lost(&c->shared, &s->ends, CLIENT, "http", p->time_ns);
	if (expected != 0) {
		s->raw.expected = expected;
		bool starts = (p->tcp_flags & TCP_SYN) != 0 || p->payload.len == 0;
		s->raw.body[CLIENT].lacks = s->raw.body[SERVER].lacks = !starts;
	}
	return i;
}

/* All up to its end has come. */
static void end_side(struct carry *c, struct stream *s, enum side side)
{
	struct order *o = &s->order[side];
	if (!o->fin || o->ended || (o->begun && (int32_t)(o->fin_seq - o->next) > 0))
		return;
	o->ended = true;
	if (s->carrier != NULL)
		s->carrier->end(&c->shared, &s->web, side, true);
}

void carry_add(struct carry *c, const struct packet *p)
{
	enum side side = CLIENT;
	if (p->proto != IP_TCP)
		return;
	ranges_age(&c->shared, p->time_ns);
	uint32_t bucket = bucket_of(c, p), i = find(c, p, bucket, &side);
	bool syn = (p->tcp_flags & TCP_SYN) != 0;
	if (i != NONE && syn && (p->tcp_flags & TCP_ACK) == 0) { /* the ports are used again */
		end_stream(c, i);
		i = NONE;
	}
	if (i == NONE)
		i = admit(c, p, bucket);
	if (i == NONE)
		return;
	struct stream *s = &c->stream[i];
	(void)find(c, p, bucket, &side);
	unlink_age(c, i);
	link_newest(c, i);
	if (syn && !s->order[side].begun) {
		s->order[side].begun = true;
		s->order[side].next = p->tcp_seq + 1;
	}
	if (p->payload.len > 0 && !syn)
		take_bytes(c, s, side, p);
	(void)find(c, p, bucket, &side); /* it may have turned */
	if ((p->tcp_flags & TCP_FIN) != 0) {
		s->order[side].fin = true;
		s->order[side].fin_seq = p->tcp_seq + p->payload_wire;
	}
	end_side(c, s, side);
	bool nothing = s->carrier == NULL &&
	               (s->peek.len[CLIENT] == PEEK_BYTES || s->peek.len[SERVER] == PEEK_BYTES);
	if (nothing || (p->tcp_flags & TCP_RST) != 0 ||
		(s->order[CLIENT].ended && s->order[SERVER].ended))
		end_stream(c, i);
}

void carry_finish(struct carry *c)
{
	while (c->oldest != NONE)
		end_stream(c, c->oldest);
	ranges_finish(&c->shared);
}

struct carry_stats carry_stats(const struct carry *c)
{
	return c->shared.stats;
}
