#include "flow/conversation.h"

/* UDP, ICMP echo and everything else without a connection. */
void datagram_add(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	c->bytes[from] += p->payload_wire;
	if (from == SERVER) {
		c->heard_ns = p->time_ns;
		c->repeats = 0;
		if (c->answer_ns == 0)
			c->answer_ns = c->data_ns = p->time_ns;
		if (!c->response_done)
			c->response_bytes = p->payload_wire > UINT32_MAX - c->response_bytes
			                            ? UINT32_MAX
			                            : c->response_bytes + p->payload_wire;
	} else {
		c->repeats = (uint16_t)(c->repeats + (c->repeats < UINT16_MAX));
		c->syn_before_ns = c->syn_ns;
		c->syn_ns = p->time_ns;
		if (c->data_ns == 0) {
			c->tries++;
			c->request_bytes = c->tries == 1 ? p->payload_wire : c->request_bytes;
		} else {
			c->response_done = true;
		}
	}
	if (c->service == 0 && c->talk == NOBODY)
		talk_begin(t, c);
	if (c->talk != NOBODY)
		talk_datagram(t, c, from, p);
	if (c->told == OUTCOME_UNKNOWN && conversation_answered(c))
		conversation_settle(t, c);
}
