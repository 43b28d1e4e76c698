/* TCP in order, for conversations that begin with HTTP: bounded tables, and segments that came
 * early wait for those before them. */
#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "scan/web.h"

#define STREAMS_MAX 4096u
#define BUCKETS     8192u /* a power of two */
#define WAITING_MAX 64u   /* segments of one direction that came early */
#define NONE        UINT32_MAX
#define AHEAD_MAX   ((int32_t)4 << 20) /* further ahead is another conversation's */

struct waiting {
	uint32_t seq;
	size_t len;
	uint8_t *bytes;
};

struct order { /* of one direction */
	bool begun, ended;
	uint32_t next;
	struct waiting waiting[WAITING_MAX];
	size_t waitings;
};

struct stream {
	uint32_t chain;        /* the next of its bucket */
	uint32_t newer, older; /* by when something came */
	uint32_t bucket;
	bool counted;
	struct order order[2]; /* by enum side */
	struct web web;
};

struct carry {
	struct web_shared shared;
	struct hash_key key;
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
	c->key = hash_key_new();
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
		web_fini(&c->shared, &c->stream[i].web);
	}
	free(c->stream);
	free(c);
}

static bool is_side(const struct stream *s, enum side side, const struct packet *p)
{
	const struct web *w = &s->web;
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
	return (uint32_t)hash_bytes(&c->key, &key, sizeof key) & (BUCKETS - 1);
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

/* ---- order ---- */

static void give(
	struct carry *c, struct stream *s, enum side side, struct span bytes, int64_t at_ns)
{
	s->order[side].next += (uint32_t)bytes.len;
	web_data(&c->shared, &s->web, side, bytes, at_ns);
	c->shared.stats.streams += s->web.begun && !s->counted;
	s->counted |= s->web.begun;
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
			give(c, s, side, (struct span){now.bytes + old, now.len - old}, at_ns);
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
	c->shared.stats.holes += s->web.begun ? (uint64_t)nearest : 0;
	web_hole(&c->shared, &s->web, side);
	o->next += (uint32_t)nearest;
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
		give(c, s, side, (struct span){bytes.ptr + old, bytes.len - old}, p->time_ns);
	/* what the capture cut off this packet is a hole */
	if (p->payload_wire > bytes.len && old <= bytes.len) {
		c->shared.stats.holes += s->web.begun ? p->payload_wire - bytes.len : 0;
		web_hole(&c->shared, &s->web, side);
		o->next += p->payload_wire - (uint32_t)bytes.len;
	}
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
		web_end(&c->shared, &s->web, (enum side)side);
	}
	web_fini(&c->shared, &s->web);
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
		.web = {.addr = {p->src, p->dst}, .port = {p->src_port, p->dst_port}}};
	c->bucket[bucket] = i;
	link_newest(c, i);
	return i;
}

void carry_add(struct carry *c, const struct packet *p)
{
	enum side side = CLIENT;
	if (p->proto != IP_TCP)
		return;
	uint32_t bucket = bucket_of(c, p), i = find(c, p, bucket, &side);
	bool syn = (p->tcp_flags & TCP_SYN) != 0;
	if (i != NONE && syn && (p->tcp_flags & TCP_ACK) == 0) { /* the ports are used again */
		end_stream(c, i);
		i = NONE;
	}
	if (i == NONE && (p->payload.len == 0 || !http_is_request(p->payload)))
		return; /* who speaks first, and in HTTP, is the client */
	if (i == NONE) {
		i = begin(c, p, bucket);
		/* what the client has of the server so far: its answer begins there */
		c->stream[i].order[SERVER].begun = (p->tcp_flags & TCP_ACK) != 0;
		c->stream[i].order[SERVER].next = p->tcp_ack;
	}
	struct stream *s = &c->stream[i];
	unlink_age(c, i);
	link_newest(c, i);
	if (p->payload.len > 0 && !syn)
		take_bytes(c, s, side, p);
	if ((p->tcp_flags & TCP_FIN) != 0 && s->order[side].waitings == 0) {
		s->order[side].ended = true;
		web_end(&c->shared, &s->web, side);
	}
	if ((p->tcp_flags & TCP_RST) != 0 || (s->order[CLIENT].ended && s->order[SERVER].ended))
		end_stream(c, i);
}

void carry_finish(struct carry *c)
{
	while (c->oldest != NONE)
		end_stream(c, c->oldest);
}

struct carry_stats carry_stats(const struct carry *c)
{
	return c->shared.stats;
}
