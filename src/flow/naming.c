/* Services of conversations that no decoder of ours recognises, by nDPI: it costs a hundred times
 * what the flow table does, so it is asked only from the second packet with payload on. A flood of
 * first packets never reaches it. */
#include <string.h>

#include "flow/conversation.h"

bool naming_hopes(const struct flow_table *t, const struct talk *talk)
{
	return t->options.namer != NULL && (!talk->asked || talk->place != 0);
}

void naming_end(struct flow_table *t, struct talk *talk)
{
	block_give(t, &talk->kept);
	if (t->options.namer != NULL)
		namer_end(t->options.namer, &talk->place);
	talk->asked = true;
}

static void keep_first(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	struct talk *talk = &t->talk[c->talk];
	struct cur payload = p->payload;
	talk->kept = block_take(t, c);
	if (talk->kept == NULL)
		return;
	struct span s = cur_bytes(
		&payload, payload.len < NAMER_PAYLOAD_MAX ? payload.len : NAMER_PAYLOAD_MAX);
	if (s.len > 0)
		memcpy(talk->kept, s.ptr, s.len);
	talk->kept_len = (uint32_t)s.len;
	talk->kept_from = (uint8_t)from;
	talk->kept_seq = p->tcp_seq;
	talk->kept_ack = p->tcp_ack;
}

static const char *show_kept(
	struct flow_table *t, struct talk *talk, enum side from, const struct packet *p)
{
	struct packet first = *p;
	if (talk->kept_from != from) {
		first.src = p->dst;
		first.dst = p->src;
		first.src_port = p->dst_port;
		first.dst_port = p->src_port;
	}
	first.tcp_seq = talk->kept_seq;
	first.tcp_ack = talk->kept_ack;
	first.payload = cur_of(talk->kept, talk->kept_len);
	first.payload_wire = talk->kept_len;
	return namer_guess(t->options.namer, &talk->place, &first);
}

/* A place of the namer; the oldest talks, which mostly hold one, give way. */
static void take_place(struct flow_table *t, struct conversation *c)
{
	struct talk *talk = &t->talk[c->talk];
	talk->asked = true;
	do
		talk->place = namer_begin(t->options.namer);
	while (talk->place == 0 && talk_evict(t, c));
}

void naming_show(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	struct talk *talk = &t->talk[c->talk];
	if (talk->kept == NULL && !talk->asked) {
		keep_first(t, c, from, p);
		return;
	}
	const char *name = NULL;
	if (!talk->asked) {
		take_place(t, c);
		name = show_kept(t, talk, from, p);
		block_give(t, &talk->kept);
	}
	if (name == NULL)
		name = namer_guess(t->options.namer, &talk->place, p);
	if (name != NULL)
		c->service = keep_text(t, name);
	if (talk->place == 0)
		talk_end(t, c);
}
