/* Talks: what is kept while a conversation's first messages are read. Places and buffers are few;
 * the oldest talk gives way, since a message that was going to be complete mostly is by then, and
 * whoever opens many without completing them loses his own. */
#include <string.h>

#include "flow/conversation.h"

/* A server that has sent this many datagrams without a readable hello of the client will not be
 * named by one. */
#define QUIC_ANSWERS_MAX  4
#define QUIC_INITIALS_MAX 8

void talks_init(struct flow_table *t)
{
	t->talk_free = t->block_free = t->talk_oldest = t->talk_newest = NOBODY;
}

/* ---- blocks: a free one holds the number of the next ---- */

uint8_t *block_take(struct flow_table *t, const struct conversation *c)
{
	while (t->block_free == NOBODY && t->blocks == t->block_max)
		if (!talk_evict(t, c))
			return NULL;
	if (t->block_free == NOBODY)
		return t->block + (size_t)t->blocks++ * TALK_BYTES_MAX;
	uint8_t *block = t->block + (size_t)t->block_free * TALK_BYTES_MAX;
	memcpy(&t->block_free, block, sizeof t->block_free);
	return block;
}

void block_give(struct flow_table *t, uint8_t **block)
{
	if (*block == NULL)
		return;
	memcpy(*block, &t->block_free, sizeof t->block_free);
	t->block_free = (uint32_t)((size_t)(*block - t->block) / TALK_BYTES_MAX);
	*block = NULL;
}

/* ---- lives ---- */

static void link_newest(struct flow_table *t, uint32_t index)
{
	struct talk *talk = &t->talk[index];
	talk->newer = NOBODY;
	talk->older = t->talk_newest;
	if (talk->older != NOBODY)
		t->talk[talk->older].newer = index;
	else
		t->talk_oldest = index;
	t->talk_newest = index;
}

static void talk_unlink(struct flow_table *t, const struct talk *talk)
{
	if (talk->older != NOBODY)
		t->talk[talk->older].newer = talk->newer;
	else
		t->talk_oldest = talk->newer;
	if (talk->newer != NOBODY)
		t->talk[talk->newer].older = talk->older;
	else
		t->talk_newest = talk->older;
}

bool talk_evict(struct flow_table *t, const struct conversation *c)
{
	uint32_t index = t->talk_oldest;
	if (index != NOBODY && index == c->talk)
		index = t->talk[index].newer;
	if (index == NOBODY)
		return false;
	struct conversation *other = &t->conversation[t->talk[index].owner];
	t->stats.talks_evicted++;
	if (!t->talk[index].half[SERVER].done)
		read_blind(other);
	talk_end(t, other);
	return true;
}

/* Where the next byte of a direction is to be looked for, when that is known. */
static void sync_half(struct half *h, const struct conversation *c, enum side side)
{
	h->synced = (c->seq_known & 1u << side) != 0;
	h->next = c->seq_first[side];
}

void talk_begin(struct flow_table *t, struct conversation *c)
{
	uint32_t index = t->talk_free;
	if (index == NOBODY && t->talks == t->talk_max) {
		(void)talk_evict(t, c);
		index = t->talk_free;
	}
	if (index != NOBODY)
		t->talk_free = t->talk[index].newer;
	else
		index = t->talks++;
	struct talk *talk = &t->talk[index];
	*talk = (struct talk){.owner = number_of(t, c)};
	link_newest(t, index);
	c->talk = index;
	c->talked = true;
	sync_half(&talk->half[CLIENT], c, CLIENT);
	sync_half(&talk->half[SERVER], c, SERVER);
}

void half_finish(struct flow_table *t, struct half *h)
{
	h->done = true;
	h->pieces = 0;
	block_give(t, &h->head);
	block_give(t, &h->late);
}

void talk_end(struct flow_table *t, struct conversation *c)
{
	if (c->talk == NOBODY)
		return;
	struct talk *talk = &t->talk[c->talk];
	if (talk->half[SERVER].pieces > 0)
		read_blind(c); /* it said more, behind a hole */
	half_finish(t, &talk->half[CLIENT]);
	half_finish(t, &talk->half[SERVER]);
	block_give(t, &talk->quic.bytes);
	naming_end(t, talk);
	talk_unlink(t, talk);
	talk->newer = t->talk_free;
	t->talk_free = c->talk;
	c->talk = NOBODY;
	if (c->service == 0)
		c->service = keep_text(t, "unknown");
}

/* ---- segments into order ---- */

static void give_up(struct flow_table *t, struct conversation *c, enum side from)
{
	half_finish(t, &t->talk[c->talk].half[from]);
	if (from == SERVER)
		read_blind(c);
}

static void keep_late(struct flow_table *t, struct conversation *c, enum side from, uint32_t seq,
	const struct packet *p)
{
	struct half *h = &t->talk[c->talk].half[from];
	struct cur bytes = p->payload;
	if (h->late == NULL)
		h->late = block_take(t, c);
	if (h->late == NULL || h->pieces == LATE_PIECES_MAX || bytes.len < p->payload_wire ||
		bytes.len > TALK_BYTES_MAX - h->late_len) {
		give_up(t, c, from); /* what is missing will not come any more */
		return;
	}
	struct span s = cur_bytes(&bytes, bytes.len);
	memcpy(h->late + h->late_len, s.ptr, s.len);
	h->piece[h->pieces].seq = seq;
	h->piece[h->pieces].at = (uint16_t)h->late_len;
	h->piece[h->pieces].len = (uint16_t)s.len;
	h->pieces++;
	h->late_len += (uint32_t)s.len;
}

/* Reads what of these bytes is next; returns false when they begin beyond it. */
static bool read_at(struct flow_table *t, struct conversation *c, enum side from, uint32_t seq,
	struct cur bytes, const struct packet *p)
{
	struct half *h = &t->talk[c->talk].half[from];
	int32_t old = (int32_t)(h->next - seq);
	if (old < 0)
		return false;
	if ((size_t)old >= bytes.len)
		return true;
	cur_skip(&bytes, (size_t)old);
	h->next += (uint32_t)bytes.len;
	read_bytes(t, c, from, bytes, p);
	return true;
}

static void read_late(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	struct half *h = &t->talk[c->talk].half[from];
	for (uint8_t i = 0; i < h->pieces;) {
		struct cur bytes = cur_of(h->late + h->piece[i].at, h->piece[i].len);
		if (read_at(t, c, from, h->piece[i].seq, bytes, p) && h->pieces > 0) {
			h->piece[i] = h->piece[--h->pieces];
			i = 0; /* another may follow now */
		} else {
			i++;
		}
	}
	if (h->pieces == 0) {
		h->late_len = 0;
		block_give(t, &h->late);
	}
}

static void read_segment(struct flow_table *t, struct conversation *c, enum side from, uint32_t seq,
	const struct packet *p)
{
	struct half *h = &t->talk[c->talk].half[from];
	if (!h->synced) {
		h->synced = true;
		h->next = seq;
	}
	if (!read_at(t, c, from, seq, p->payload, p)) {
		keep_late(t, c, from, seq, p);
		return;
	}
	if (p->payload.len < p->payload_wire && !h->done)
		give_up(t, c, from); /* the capture cut this segment: the rest has a hole */
	read_late(t, c, from, p);
}

void talk_segment(struct flow_table *t, struct conversation *c, enum side from, uint32_t seq,
	const struct packet *p)
{
	struct talk *talk = &t->talk[c->talk];
	enum side other = from == CLIENT ? SERVER : CLIENT;
	read_no_more(t, c, other);
	if (!talk->half[from].done)
		read_segment(t, c, from, seq, p);
	if (c->service == 0 && naming_hopes(t, talk))
		naming_show(t, c, from, p);
	if (c->talk == NOBODY)
		return;
	bool read = talk->half[CLIENT].done && talk->half[SERVER].done;
	if (read && (c->service != 0 || !naming_hopes(t, talk)))
		talk_end(t, c);
}

/* ---- datagrams ---- */

static void on_quic(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	struct talk *talk = &t->talk[c->talk];
	if (from == CLIENT && quic_is_initial(p->payload) && talk->initials < QUIC_INITIALS_MAX) {
		talk->initials++;
		read_quic(t, c, talk, p->payload);
	} else if (c->packets[SERVER] > QUIC_ANSWERS_MAX) {
		talk_end(t, c);
	}
}

void talk_datagram(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	struct talk *talk = &t->talk[c->talk];
	if (!talk->is_quic && from == CLIENT && quic_looks_like(p->payload)) {
		talk->is_quic = true;
		naming_end(t, talk);
		c->service = keep_text(t, "quic");
	}
	if (talk->is_quic) {
		on_quic(t, c, from, p);
		return;
	}
	const char *service = banner_service(p->payload, from == SERVER);
	if (service != NULL) {
		c->service = keep_text(t, service);
		talk_end(t, c);
	} else if (naming_hopes(t, talk)) {
		naming_show(t, c, from, p);
	} else {
		talk_end(t, c);
	}
}
