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

/* What a request of echo holds behind a time stamp (iputils writes 16 bytes of it). The words of
 * TCP's sequence numbers are free: seq_end of the client is the last hash, seq_odd of the client
 * the bytes of those that were unlike the one before, seq_first the first hash. */
#define ECHO_STAMP_BYTES 16
RARE static void on_echo(struct conversation *c, const struct packet *p)
{
	static const struct hash_key fixed = {0x6563686f, 0}; /* the same in every run */
	struct cur body = p->payload;
	cur_skip(&body, ECHO_STAMP_BYTES);
	size_t len = cur_ok(&body) ? body.len : 0;
	struct span rest = cur_bytes(&body, len);
	if (rest.len == 0)
		return;
	uint32_t hash = (uint32_t)hash_bytes(&fixed, rest.ptr, rest.len) | 1;
	if (c->seq_first[CLIENT] == 0)
		c->seq_first[CLIENT] = hash;
	else if (hash != c->seq_end[CLIENT] && c->seq_odd[CLIENT] < UINT32_MAX - rest.len)
		c->seq_odd[CLIENT] += (uint32_t)rest.len;
	c->seq_end[CLIENT] = hash;
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
		on_echo(c, p);
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
