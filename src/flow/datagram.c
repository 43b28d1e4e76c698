#include "flow/conversation.h"

/* UDP, ICMP echo and everything else without a connection. */

static uint32_t cap(uint64_t bytes)
{
	return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

static void on_client(struct flow_table *t, struct conversation *c, const struct packet *p)
{
	if (!c->data) {
		/* the first is the request: those that follow unheard are mostly the same again */
		if (c->tries == 0)
			c->request_bytes = p->payload_wire;
		c->tries += c->tries < UINT32_MAX;
		c->try_before_ns = c->try_ns;
		c->try_ns = t->at_ns;
	} else if (!c->sized) {
		c->sized = true;
		c->response_bytes = cap(c->bytes[SERVER]);
	}
}

static void on_server(struct flow_table *t, struct conversation *c)
{
	c->heard_ns = t->at_ns;
	if (c->data)
		return;
	c->data = true;
	c->answer_ns = c->data_ns = t->at_ns;
}

void datagram_add(
	struct flow_table *t, struct conversation *c, enum side from, const struct packet *p)
{
	c->bytes[from] += p->payload_wire;
	if (from == CLIENT && (p->proto == IP_ICMP || p->proto == IP_ICMPV6))
		echo_add(c, p);
	if (from == CLIENT)
		on_client(t, c, p);
	else
		on_server(t, c);
	if (p->proto == IP_UDP) {
		if (!c->talked)
			talk_begin(t, c);
		if (c->talk != NOBODY)
			talk_datagram(t, c, from, p);
	}
	if (!c->told && conversation_answered(c))
		conversation_settle(t, c);
}
