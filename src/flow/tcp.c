#include "flow/conversation.h"

/* A RST this long after the last SYN is not the answer to it: the client has left (Trickbot
 * 2020-04: 75 s). */
#define RST_ANSWERS_NS (20 * NS_PER_S)

static void on_syn(struct conversation *c, enum side from, const struct packet *p)
{
	if ((p->tcp_flags & TCP_ACK) == 0 && from == CLIENT) {
		c->syn_before_ns = c->syn_ns;
		c->syn_ns = p->time_ns;
		c->tries++;
	}
	if ((p->tcp_flags & TCP_ACK) != 0 && from == SERVER && c->answer_ns == 0)
		c->answer_ns = p->time_ns;
	c->seq_end[from] = p->tcp_seq + 1;
	c->seq_known[from] = true;
}

static void on_reset(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	bool unanswered = from == SERVER && c->answer_ns == 0;
	if (unanswered && (c->joined || p->time_ns - c->syn_ns > RST_ANSWERS_NS))
		return;
	if (unanswered || c->rst_ns[from] == 0) /* the last RST to a SYN, the first of a session */
		c->rst_ns[from] = p->time_ns;
	conversation_wait(t, c, unanswered ? WAIT_REFUSED : WAIT_CLOSE);
}

/* Counts payload by sequence numbers, so that what is sent again or seen twice counts once. Returns
 * whether any is new. */
static bool count_payload(struct conversation *c, enum side from, const struct packet *p)
{
	uint32_t end = p->tcp_seq + p->payload_wire;
	if (!c->seq_known[from]) {
		c->seq_known[from] = true;
		c->seq_end[from] = p->tcp_seq;
	}
	int32_t ahead = (int32_t)(end - c->seq_end[from]);
	if (ahead <= 0)
		return false;
	c->seq_end[from] = end;
	c->bytes[from] += (uint32_t)ahead;
	return true;
}

static uint32_t add_capped(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void on_payload(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	bool fresh = count_payload(c, from, p);
	if (from == CLIENT) {
		if (!fresh)
			c->repeats = (uint16_t)(c->repeats + (c->repeats < UINT16_MAX));
		else if (c->data_ns == 0)
			c->request_bytes = add_capped(c->request_bytes, p->payload_wire);
		else
			c->response_done = true;
	} else if (fresh) {
		if (c->data_ns == 0)
			c->data_ns = p->time_ns;
		if (!c->response_done)
			c->response_bytes = add_capped(c->response_bytes, p->payload_wire);
	}
	if (c->service == 0 && c->talk == NOBODY)
		talk_begin(t, c);
	if (c->talk != NOBODY) {
		talk_segment(t, c, from, p->tcp_seq, p);
	} else if (from == SERVER && fresh && http_is_response(p->payload)) {
		struct cur head = p->payload;
		struct http_response r = {0};
		http_response_decode(&head, &r);
		talk_status(c, p->time_ns, r.status);
	}
}

void tcp_add(struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	if (from == SERVER) {
		c->heard_ns = p->time_ns;
		c->repeats = 0;
		if (c->answer_ns == 0 && (p->tcp_flags & TCP_RST) == 0)
			c->answer_ns = p->time_ns; /* also when the SYN/ACK was lost by the tap */
	} else if (c->answer_ns == 0 && p->payload_wire > 0) {
		c->answer_ns = p->time_ns; /* nobody sends data to a connection that is not open
		                              (TFO aside) */
	}
	if ((p->tcp_flags & TCP_SYN) != 0)
		on_syn(c, from, p);
	else if (c->answer_ns != 0 && c->wait == WAIT_SYN)
		conversation_wait(t, c, WAIT_OPEN);
	if (p->payload_wire > 0 &&
		(p->tcp_flags & TCP_RST) == 0) /* a RST may carry a reason (RFC 9293 3.5.3) */
		on_payload(t, c, from, p);
	if ((p->tcp_flags & TCP_FIN) != 0 && c->fin_ns[from] == 0) {
		c->fin_ns[from] = p->time_ns;
		if (c->fin_ns[1 - from] != 0)
			conversation_wait(t, c, WAIT_CLOSE);
	}
	if ((p->tcp_flags & TCP_RST) != 0)
		on_reset(t, c, from, p);
	if (c->told == OUTCOME_UNKNOWN && conversation_answered(c))
		conversation_settle(t, c);
}
