#include "flow/conversation.h"

/* A SYN with another number this soon after a RST is the same attempt: some stacks draw a new one.
 */
#define RETRY_NS (3 * NS_PER_S)

/* Further than this from what is expected a sequence number belongs to a forged packet or to
 * another conversation: nobody's window is larger in practice (RFC 7323 allows 2^30). */
#define FAR (1 << 24)

static bool knows(const struct conversation *c, enum side side)
{
	return (c->seq_known & 1u << side) != 0;
}

static void learn(struct conversation *c, enum side side, uint32_t seq)
{
	c->seq_known = (uint8_t)(c->seq_known | 1u << side);
	c->seq_first[side] = c->seq_end[side] = seq;
}

/* Whether the packet acknowledges what the other side sent, from its SYN to its FIN; or up to slack
 * bytes that the tap lost. */
static bool acknowledges(
	const struct conversation *c, enum side other, const struct packet *p, uint32_t slack)
{
	if ((p->tcp_flags & TCP_ACK) == 0)
		return false;
	if (!knows(c, other) || c->packets[other] == 0)
		return true;
	uint32_t sent = c->seq_end[other] - c->seq_first[other] + 1;
	return p->tcp_ack - c->seq_first[other] <= (sent > slack ? sent : slack);
}

/* The packet acknowledges what was sent and is not here: the tap lost it. Where one direction is
 * missing altogether nothing can be told. */
static void look_for_holes(
	struct flow_table *t, struct conversation *c, enum side other, const struct packet *p)
{
	if (c->holed || (p->tcp_flags & TCP_ACK) == 0 || !knows(c, other) || c->packets[other] == 0)
		return;
	uint32_t beyond = p->tcp_ack - c->seq_end[other] - 1; /* a FIN takes a number */
	c->holed = beyond > 0 && beyond <= FAR;
	t->stats.holed += c->holed;
}

static bool is_near(const struct conversation *c, enum side from, const struct packet *p)
{
	int32_t distance = (int32_t)(p->tcp_seq - c->seq_end[from]);
	return !knows(c, from) || (distance <= FAR && distance >= -FAR);
}

static bool both_closed(const struct conversation *c)
{
	return c->fin_ns[CLIENT] != 0 && c->fin_ns[SERVER] != 0;
}

static void open_up(struct flow_table *t, struct conversation *c)
{
	if (c->answer_ns == 0) {
		c->answer_ns = t->at_ns;
		c->rst_ns[SERVER] = 0; /* it was the answer to a SYN before */
	}
	c->open = true;
	if (c->wait == WAIT_SYN || c->wait == WAIT_HALF || c->wait == WAIT_REFUSED)
		conversation_wait(t, c, WAIT_OPEN);
}

/* ---- SYN ---- */

RARE static void on_client_syn(struct flow_table *t, struct conversation *c, const struct packet *p)
{
	if (!knows(c, CLIENT)) {
		learn(c, CLIENT, p->tcp_seq + 1);
	} else if (c->seq_first[CLIENT] == p->tcp_seq + 1) {
		c->joined = c->inferred = false; /* it only came late */
	} else if (c->answer_ns == 0) {
		learn(c, CLIENT, p->tcp_seq + 1);
		c->bytes[CLIENT] = 0; /* what a SYN before carried (TFO) comes again */
	}
	c->try_before_ns = c->try_ns;
	c->try_ns = t->at_ns;
	c->tries += c->tries < UINT32_MAX;
	c->rst_ns[CLIENT] = c->open ? c->rst_ns[CLIENT] : 0; /* it goes on trying */
	c->resyn = c->resyn || (c->answer_ns != 0 && !c->confirmed);
}

RARE static void on_server_syn(struct flow_table *t, struct conversation *c, const struct packet *p)
{
	bool plain = (p->tcp_flags & TCP_ACK) == 0; /* both opened at once, RFC 9293 3.5 */
	if (!plain && !knows(c, CLIENT))
		learn(c, CLIENT, p->tcp_ack);
	if (c->open || (!plain && !acknowledges(c, CLIENT, p, 0)))
		return; /* again, or the answer to something else */
	learn(c, SERVER, p->tcp_seq + 1);
	c->bytes[SERVER] = 0;
	c->rst_ns[SERVER] = 0; /* it was the answer to a SYN before */
	if (c->answer_ns == 0)
		c->answer_ns = t->at_ns;
	if (c->wait == WAIT_REFUSED)
		conversation_wait(t, c, WAIT_SYN);
}

bool tcp_begins_another(const struct flow_table *t, const struct conversation *c, enum side from,
	const struct packet *p)
{
	if ((p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
		return false;
	bool answered = c->answer_ns != 0;
	if (from == SERVER) /* both at once, when nobody answered yet */
		return answered ? c->open : t->at_ns - c->try_ns > RST_ANSWERS_NS;
	if (knows(c, CLIENT) && p->tcp_seq + 1 == c->seq_first[CLIENT])
		return false; /* again */
	bool retry = !answered && c->rst_ns[SERVER] != 0 && t->at_ns - c->rst_ns[SERVER] < RETRY_NS;
	return !retry;
}

/* ---- RST and FIN ---- */

RARE static void on_reset(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	if (from == SERVER && c->answer_ns == 0) {
		/* RFC 9293 3.5.2: without the right number the client does not listen to it */
		if (c->try_ns == 0 || t->at_ns - c->try_ns > RST_ANSWERS_NS ||
			!acknowledges(c, CLIENT, p, 0))
			return;
		c->rst_ns[SERVER] = t->at_ns; /* the last one counts */
		conversation_wait(t, c, WAIT_REFUSED);
		conversation_refused(t, c);
		return;
	}
	if (!is_near(c, from, p))
		return; /* RFC 5961 3: nobody obeys it */
	if (c->rst_ns[from] == 0)
		c->rst_ns[from] = t->at_ns;
	conversation_wait(t, c, c->answer_ns == 0 ? WAIT_REFUSED : WAIT_CLOSE);
}

RARE static void on_fin(struct flow_table *t, struct conversation *c, enum side from)
{
	if (c->fin_ns[from] != 0)
		return;
	c->fin_ns[from] = t->at_ns;
	if (both_closed(c))
		conversation_wait(t, c, WAIT_CLOSE);
}

/* ---- payload ---- */

/* How many bytes of the payload are new, by their numbers: what is sent again counts once, what the
 * tap lost counts too. */
static uint32_t count_payload(struct conversation *c, enum side from, uint32_t seq, uint32_t len)
{
	if (!knows(c, from))
		learn(c, from, seq);
	int32_t distance = (int32_t)(seq - c->seq_end[from]);
	if (distance > FAR || distance < -FAR) {
		/* believed when a second packet follows on the first */
		bool follows = seq == c->seq_odd[from];
		c->seq_odd[from] = seq + len;
		if (!follows)
			return 0;
		c->seq_end[from] = seq;
	}
	int32_t ahead = (int32_t)(seq + len - c->seq_end[from]);
	if (ahead <= 0)
		return 0;
	c->seq_end[from] += (uint32_t)ahead;
	c->bytes[from] += (uint32_t)ahead;
	return (uint32_t)ahead;
}

static uint32_t cap(uint64_t bytes)
{
	return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

static void on_client_payload(
	struct flow_table *t, struct conversation *c, uint32_t fresh, const struct packet *p)
{
	if (fresh == 0) { /* a client whose acknowledgements move on is not alone */
		if (p->tcp_ack != c->repeat_ack)
			c->repeats = 0;
		c->repeats = (uint8_t)(c->repeats + (c->repeats < REPEATS_MAX));
		c->repeat_ack = p->tcp_ack;
		return;
	}
	if (c->ask_ns == 0)
		c->ask_ns = t->at_ns;
	if (c->data && !c->sized) {
		c->sized = true;
		c->response_bytes = c->joined ? 0 : cap(c->bytes[SERVER]);
	}
}

static void on_server_payload(struct flow_table *t, struct conversation *c, uint32_t fresh)
{
	if (fresh == 0 || c->data)
		return;
	c->data = true;
	c->data_ns = t->at_ns;
	c->request_bytes = c->joined ? 0 : cap(c->bytes[CLIENT]);
}

static void on_payload(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	uint32_t seq = p->tcp_seq + ((p->tcp_flags & TCP_SYN) != 0);
	uint32_t fresh = count_payload(c, from, seq, p->payload_wire);
	if (from == CLIENT)
		on_client_payload(t, c, fresh, p);
	else
		on_server_payload(t, c, fresh);
	if (c->wait == WAIT_CLOSE && fresh > 0 && !both_closed(c))
		conversation_wait(t, c, WAIT_OPEN); /* the RST was stray or forged */
	if (!c->talked)
		talk_begin(t, c);
	if (c->talk != NOBODY)
		talk_segment(t, c, from, seq, p);
	else if (c->http && from == SERVER && fresh > 0)
		read_later_status(t, c, p);
}

/* ---- */

/* Without SYN and RST: what shows that the conversation is open, also where the tap lost the
 * SYN/ACK or sees one direction only. */
RARE static void look_whether_open(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	/* RFC 5961 4: an ACK to a SYN that acknowledges something else is no answer */
	if (!acknowledges(c, from == CLIENT ? SERVER : CLIENT, p, FAR))
		return;
	if (c->joined && c->packets[1 - from] == 0)
		return; /* forged as easily as a SYN: no more patience than with one */
	if (from == CLIENT) {
		c->confirmed = true;
		if (!knows(c, SERVER))
			learn(c, SERVER, p->tcp_ack);
		open_up(t, c);
	} else if (p->payload_wire > 0 || (p->tcp_flags & TCP_FIN) != 0 || c->confirmed) {
		open_up(t, c);
	} else if (c->answer_ns == 0) {
		c->answer_ns = t->at_ns;
	}
}

void tcp_add(struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	unsigned flags = p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST);
	if (from == SERVER) {
		c->heard_ns = t->at_ns;
		c->repeats = 0;
	}
	if ((flags & TCP_RST) != 0) { /* may carry a reason (RFC 9293 3.5.3): no payload */
		on_reset(t, c, from, p);
		return;
	}
	if ((flags & TCP_SYN) != 0) {
		if (from == SERVER)
			on_server_syn(t, c, p);
		else if ((p->tcp_flags & TCP_ACK) == 0)
			on_client_syn(t, c, p);
		else
			look_whether_open(t, c, from, p);
	} else if (!c->open) {
		look_whether_open(t, c, from, p);
	}
	look_for_holes(t, c, from == CLIENT ? SERVER : CLIENT, p);
	if (p->payload_wire > 0)
		on_payload(t, c, from, p);
	if ((flags & TCP_FIN) != 0)
		on_fin(t, c, from);
	if (!c->told && c->data && conversation_answered(c))
		conversation_settle(t, c);
}
