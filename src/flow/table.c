#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/conversation.h"

/* Idle times in the data's clock, by enum wait. */
static const int64_t wait_ns[WAIT_COUNT] = {
	[WAIT_CLOSE] = 10 * NS_PER_S,
	[WAIT_REFUSED] = 20 * NS_PER_S,
	[WAIT_SYN] = 75 * NS_PER_S,
	[WAIT_DATAGRAM] = 120 * NS_PER_S,
	[WAIT_OPEN] = 3600 * NS_PER_S,
};

/* A copy of a packet by a second tap or inside a tunnel comes within this; TCP's own
 * retransmissions come later (RFC 6298: no RTO under 200 ms in practice; fast retransmit needs a
 * round trip). */
#define COPY_US 5000u

/* The longest wait for a port's conversation to be told apart from its next: a new SYN later than
 * this is a new one. */
#define RESYN_NS (130 * NS_PER_S)

int flow_table_new(struct flow_table **ret, const struct flow_options *options)
{
	struct flow_table *t = calloc(1, sizeof *t);
	if (t == NULL)
		return -ENOMEM;
	t->options = *options;
	t->hash = hash_key_new();
	size_t max =
		options->conversations_max == 0 ? CONVERSATIONS_MAX : options->conversations_max;
	CHECK(max > 0 && max < NOBODY);
	t->conversation_max = (uint32_t)max;
	for (t->slots = 16; t->slots < 2 * max; t->slots *= 2)
		;
	/* untouched pages of these cost nothing: the tables grow with use */
	t->conversation = calloc(max, sizeof *t->conversation);
	t->slot = calloc(t->slots, sizeof *t->slot);
	t->talk = calloc(TALKS_MAX, sizeof *t->talk);
	t->block = calloc(TALKS_MAX, TALK_BYTES_MAX);
	t->question = calloc(LOOKUPS_MAX, sizeof *t->question);
	t->bucket = malloc(LOOKUPS_MAX * sizeof *t->bucket);
	if (t->conversation == NULL || t->slot == NULL || t->talk == NULL || t->block == NULL ||
		t->question == NULL || t->bucket == NULL) {
		flow_table_free(t);
		return -ENOMEM;
	}
	for (size_t i = 0; i < WAIT_COUNT; i++)
		t->list[i] = (struct list){NOBODY, NOBODY};
	t->conversation_free = t->talk_free = t->block_free = NOBODY;
	t->ready_first = t->ready_last = NOBODY;
	lookups_init(t);
	*ret = t;
	return 0;
}

void flow_table_free(struct flow_table *t)
{
	if (t == NULL)
		return;
	free(t->conversation);
	free(t->slot);
	free(t->talk);
	free(t->block);
	free(t->question);
	free(t->bucket);
	free(t);
}

const struct flow_stats *flow_table_stats(const struct flow_table *t)
{
	return &t->stats;
}

/* ---- blocks: buffers of TALK_BYTES_MAX; a free one holds the number of the next ---- */

uint8_t *block_take(struct flow_table *t)
{
	if (t->block_free != NOBODY) {
		uint8_t *block = t->block + (size_t)t->block_free * TALK_BYTES_MAX;
		memcpy(&t->block_free, block, sizeof t->block_free);
		return block;
	}
	if (t->blocks == TALKS_MAX)
		return NULL;
	return t->block + (size_t)t->blocks++ * TALK_BYTES_MAX;
}

void block_give(struct flow_table *t, uint8_t *block)
{
	if (block == NULL)
		return;
	memcpy(block, &t->block_free, sizeof t->block_free);
	t->block_free = (uint32_t)((size_t)(block - t->block) / TALK_BYTES_MAX);
}

/* ---- the index: open addressing with backward shift, the tag saves most visits to the record ----
 */

static size_t home(const struct flow_table *t, uint32_t tag)
{
	return tag & (t->slots - 1);
}

struct conversation *conversation_find(
	struct flow_table *t, const struct flow_key *key, uint32_t tag)
{
	for (size_t i = home(t, tag);; i = (i + 1) & (t->slots - 1)) {
		const struct slot *s = &t->slot[i];
		if (s->tag == 0)
			return NULL;
		if (s->tag == tag && memcmp(&t->conversation[s->index].key, key, sizeof *key) == 0)
			return &t->conversation[s->index];
	}
}

static uint32_t key_tag(const struct flow_table *t, const struct flow_key *key)
{
	uint32_t tag = (uint32_t)hash_bytes(&t->hash, key, sizeof *key);
	return tag == 0 ? 1 : tag; /* 0 marks an empty slot */
}

static void index_add(struct flow_table *t, uint32_t tag, uint32_t index)
{
	size_t i = home(t, tag);
	while (t->slot[i].tag != 0)
		i = (i + 1) & (t->slots - 1);
	t->slot[i] = (struct slot){tag, index};
}

static void index_remove(struct flow_table *t, uint32_t tag, uint32_t index)
{
	size_t mask = t->slots - 1, i = home(t, tag);
	while (t->slot[i].tag != tag || t->slot[i].index != index)
		i = (i + 1) & mask;
	for (size_t j = (i + 1) & mask; t->slot[j].tag != 0; j = (j + 1) & mask) {
		/* move j back unless its home lies behind the hole */
		if (((j - home(t, t->slot[j].tag)) & mask) >= ((j - i) & mask)) {
			t->slot[i] = t->slot[j];
			i = j;
		}
	}
	t->slot[i] = (struct slot){0};
}

/* ---- lists by what is waited for, oldest first ---- */

static uint32_t number_of(const struct flow_table *t, const struct conversation *c)
{
	return (uint32_t)(c - t->conversation);
}

static void list_remove(struct flow_table *t, struct conversation *c)
{
	struct list *l = &t->list[c->wait];
	if (c->older != NOBODY)
		t->conversation[c->older].newer = c->newer;
	else
		l->oldest = c->newer;
	if (c->newer != NOBODY)
		t->conversation[c->newer].older = c->older;
	else
		l->newest = c->older;
}

static void list_append(struct flow_table *t, struct conversation *c, enum wait wait)
{
	struct list *l = &t->list[wait];
	c->wait = (uint8_t)wait;
	c->listed_ns = c->last_ns;
	c->older = l->newest;
	c->newer = NOBODY;
	if (l->newest != NOBODY)
		t->conversation[l->newest].newer = number_of(t, c);
	else
		l->oldest = number_of(t, c);
	l->newest = number_of(t, c);
}

void conversation_wait(struct flow_table *t, struct conversation *c, enum wait wait)
{
	if (c->over || wait == c->wait)
		return; /* within a list the order is mended when the oldest is looked at */
	list_remove(t, c);
	list_append(t, c, wait);
}

/* The oldest of a list. Within a list nobody is moved when it speaks: that is mended here, once per
 * look at the head and at most once per packet. */
static struct conversation *oldest(struct flow_table *t, enum wait wait)
{
	for (;;) {
		if (t->list[wait].oldest == NOBODY)
			return NULL;
		struct conversation *c = &t->conversation[t->list[wait].oldest];
		if (c->last_ns <= c->listed_ns)
			return c;
		list_remove(t, c);
		list_append(t, c, wait);
	}
}

/* ---- what is due to be told ---- */

static void make_ready(struct flow_table *t, struct conversation *c)
{
	if (c->in_ready)
		return;
	c->in_ready = true;
	c->chain = NOBODY;
	if (t->ready_last != NOBODY)
		t->conversation[t->ready_last].chain = number_of(t, c);
	else
		t->ready_first = number_of(t, c);
	t->ready_last = number_of(t, c);
}

void conversation_settle(struct flow_table *t, struct conversation *c)
{
	if (c->told == OUTCOME_OK || c->over)
		return;
	c->told = OUTCOME_OK;
	c->settle_due = true;
	make_ready(t, c);
}

/* Out of the index and the lists; the record lives until it has been told. */
void conversation_end(struct flow_table *t, struct conversation *c)
{
	if (c->over)
		return;
	talk_end(t, c);
	list_remove(t, c);
	index_remove(t, key_tag(t, &c->key), number_of(t, c));
	c->over = true;
	c->end_due = true;
	make_ready(t, c);
}

static void conversation_drop(struct flow_table *t, struct conversation *c)
{
	c->chain = t->conversation_free;
	t->conversation_free = number_of(t, c);
}

/* Ends the one that is the most overdue, measured by its own patience. */
static void evict(struct flow_table *t)
{
	struct conversation *worst = NULL;
	double worst_idle = -1;
	for (int wait = 0; wait < WAIT_COUNT; wait++) {
		struct conversation *c = oldest(t, (enum wait)wait);
		if (c == NULL)
			continue;
		double idle = (double)(t->now_ns - c->last_ns) / (double)wait_ns[wait];
		if (idle > worst_idle) {
			worst_idle = idle;
			worst = c;
		}
	}
	if (worst != NULL) {
		t->stats.evicted++;
		conversation_end(t, worst);
	}
}

static struct conversation *conversation_new(
	struct flow_table *t, const struct flow_key *key, uint32_t tag, enum wait wait)
{
	uint32_t index = t->conversation_free;
	if (index != NOBODY) {
		t->conversation_free = t->conversation[index].chain;
	} else if (t->conversations < t->conversation_max) {
		index = t->conversations++;
	} else {
		return NULL;
	}
	struct conversation *c = &t->conversation[index];
	*c = (struct conversation){.key = *key,
		.id = ++t->next_id,
		.talk = NOBODY,
		.chain = NOBODY,
		.start_ns = t->now_ns,
		.last_ns = t->now_ns};
	index_add(t, tag, index);
	list_append(t, c, wait);
	t->stats.conversations++;
	return c;
}

/* ---- direction ---- */

static bool is_local(const struct flow_table *t, const struct addr *a)
{
	for (size_t i = 0; i < t->options.locals; i++)
		if (cidr_has(&t->options.local[i], a))
			return true;
	return t->options.locals == 0 && addr_is_private(a);
}

/* Whether the packet's sender is the client, when its flags do not say. */
static bool sender_is_client(const struct flow_table *t, const struct packet *p)
{
	bool src_local = is_local(t, &p->src), dst_local = is_local(t, &p->dst);
	if (src_local != dst_local)
		return src_local;
	bool src_low = p->src_port < 1024, dst_low = p->dst_port < 1024;
	if (src_low != dst_low)
		return dst_low;
	return p->proto != IP_TCP || p->src_port >= p->dst_port;
}

/* ICMP echo: a request and its reply share one key, whoever is seen first. */
static bool icmp_echo(const struct packet *p, bool *ret_request)
{
	*ret_request = p->src_port == (p->proto == IP_ICMP ? 8 : 128);
	return *ret_request || p->src_port == (p->proto == IP_ICMP ? 0 : 129);
}

static struct flow_key key_of(const struct packet *p, uint8_t *ret_src_at)
{
	struct flow_key key = {.proto = p->proto};
	bool ports = p->proto == IP_TCP || p->proto == IP_UDP || p->proto == IP_SCTP;
	uint16_t src_port = ports ? p->src_port : 0, dst_port = ports ? p->dst_port : 0;
	int order = addr_cmp(&p->src, &p->dst);
	uint8_t src_at = order > 0 || (order == 0 && src_port > dst_port);
	key.addr[src_at] = p->src;
	key.port[src_at] = src_port;
	key.addr[1 - src_at] = p->dst;
	key.port[1 - src_at] = dst_port;
	*ret_src_at = src_at;
	return key;
}

/* A packet that was seen already within a few milliseconds. Only packets that say something are
 * compared: bare ACKs repeat. */
static bool is_copy(struct conversation *c, const struct packet *p)
{
	uint32_t mark = p->src_port * 0x9e3779b1u;
	if (p->proto == IP_TCP) {
		if (p->payload_wire == 0 && (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0)
			return false;
		mark ^= (p->tcp_seq * 0x85ebca6bu) ^ (p->tcp_ack * 0xc2b2ae35u) ^
		        ((uint32_t)p->tcp_flags << 24) ^ (p->payload_wire * 0x27d4eb2fu);
	} else {
		struct cur payload = p->payload;
		mark ^= (uint32_t)cur_be(&payload, payload.len < 8 ? payload.len : 8) * 0x85ebca6bu;
		mark ^= (uint32_t)cur_be(&payload, payload.len < 8 ? payload.len : 8) * 0xc2b2ae35u;
		mark ^= p->payload_wire * 0x27d4eb2fu;
		if (p->payload_wire < 8)
			return false; /* too little to tell a copy from a second one */
	}
	uint32_t at_us = (uint32_t)(uint64_t)(p->time_ns / NS_PER_US);
	for (size_t i = 0; i < ARRAY_LEN(c->seen); i++)
		if (c->seen[i].mark == mark && at_us - c->seen[i].at_us < COPY_US)
			return true;
	c->seen[c->seen_next].mark = mark;
	c->seen[c->seen_next].at_us = at_us;
	c->seen_next = (uint8_t)((c->seen_next + 1) % ARRAY_LEN(c->seen));
	return false;
}

/* Whether a SYN on a known pair of ports begins another conversation. */
static bool begins_another(const struct conversation *c, const struct packet *p, uint8_t src_at)
{
	if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return false;
	if (c->joined || src_at != c->client_at)
		return true;
	if (c->answer_ns == 0) /* a retry, also after a RST */
		return p->time_ns - c->syn_ns > RESYN_NS;
	return c->seq_known[CLIENT] &&
	       p->tcp_seq + 1 != c->seq_end[CLIENT] - (uint32_t)c->bytes[CLIENT];
}

static struct conversation *begin(struct flow_table *t, const struct packet *p,
	const struct flow_key *key, uint8_t src_at, uint32_t tag)
{
	uint8_t flags = p->tcp_flags;
	bool tcp = p->proto == IP_TCP, syn = tcp && (flags & TCP_SYN) != 0;
	bool request = false;
	if (tcp && !syn && (p->payload_wire == 0 || (flags & TCP_RST) != 0)) {
		t->stats.strays++; /* backscatter and stragglers are no evidence */
		return NULL;
	}
	if ((p->proto == IP_ICMP || p->proto == IP_ICMPV6) && !icmp_echo(p, &request)) {
		t->stats.strays++;
		return NULL;
	}
	struct conversation *c = conversation_new(t, key, tag,
		syn   ? WAIT_SYN
		: tcp ? WAIT_OPEN
		      : WAIT_DATAGRAM);
	if (c == NULL)
		return NULL;
	bool by_client = true;
	if (syn) {
		by_client = (flags & TCP_ACK) == 0;
		c->joined = !by_client;
	} else if (tcp) {
		c->joined = c->inferred = true;
		by_client = sender_is_client(t, p);
	} else if (p->proto == IP_ICMP || p->proto == IP_ICMPV6) {
		by_client = request;
		c->inferred = !request;
	} else {
		by_client = sender_is_client(t, p);
		c->inferred = !by_client;
	}
	c->client_at = by_client ? src_at : (uint8_t)(1 - src_at);
	c->vlan = p->vlan;
	c->client_mac = by_client ? p->src_mac : 0;
	return c;
}

/* ---- ICMP errors: the quoted packet's conversation learns that it is not reachable ---- */

static void icmp_error(struct flow_table *t, const struct packet *p)
{
	bool unreachable = p->proto == IP_ICMP ? p->src_port == 3 : p->src_port == 1;
	if (!unreachable ||
		(p->proto == IP_ICMP && p->dst_port == 4)) /* fragmentation needed: not a failure */
		return;
	struct packet inner = {.src = p->quoted.src,
		.dst = p->quoted.dst,
		.proto = p->quoted.proto,
		.src_port = p->quoted.src_port,
		.dst_port = p->quoted.dst_port,
		.time_ns = p->time_ns};
	uint8_t src_at = 0;
	struct flow_key key = key_of(&inner, &src_at);
	struct conversation *c = conversation_find(t, &key, key_tag(t, &key));
	if (c != NULL && src_at == c->client_at)
		c->icmp_ns = p->time_ns;
	else if (inner.proto == IP_UDP && inner.dst_port == 53)
		lookup_unreachable(t, &inner);
}

static bool is_icmp_error(const struct packet *p)
{
	return (p->proto == IP_ICMP || p->proto == IP_ICMPV6) && p->quoted.present;
}

void flow_table_add(struct flow_table *t, const struct packet *packet)
{
	t->stats.packets++;
	if (packet->time_ns > t->now_ns)
		t->now_ns = packet->time_ns;
	if (is_icmp_error(packet)) {
		icmp_error(t, packet);
		return;
	}
	if (addr_is_group(&packet->dst) || addr_is_group(&packet->src)) {
		t->stats.group++;
		return;
	}
	if (packet->proto == IP_UDP && (packet->dst_port == 53 || packet->src_port == 53) &&
		lookup_message(t, packet, packet->payload))
		return;
	uint8_t src_at = 0;
	struct flow_key key = key_of(packet, &src_at);
	uint32_t tag = key_tag(t, &key);
	struct conversation *c = conversation_find(t, &key, tag);
	if (c != NULL && packet->proto == IP_TCP && begins_another(c, packet, src_at)) {
		conversation_end(t, c);
		c = NULL;
	}
	if (c == NULL) {
		c = begin(t, packet, &key, src_at, tag);
		if (c == NULL)
			return;
	}
	if (is_copy(c, packet)) {
		t->stats.duplicates++;
		return;
	}
	enum side from = src_at == c->client_at ? CLIENT : SERVER;
	c->last_ns = packet->time_ns > c->last_ns ? packet->time_ns : c->last_ns;
	c->packets[from]++;
	if (packet->proto == IP_TCP)
		tcp_add(t, c, from, packet);
	else
		datagram_add(t, c, from, packet);
}

void flow_table_advance(struct flow_table *t, int64_t now_ns)
{
	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
}

void flow_table_finish(struct flow_table *t)
{
	t->finishing = true;
}

static const char *text(const struct flow_table *t, uint32_t number)
{
	return strings_get(t->options.strings, number);
}

static enum transport transport_of(uint8_t proto)
{
	switch (proto) {
	case IP_TCP:
		return TRANSPORT_TCP;
	case IP_UDP:
		return TRANSPORT_UDP;
	case IP_ICMP:
	case IP_ICMPV6:
		return TRANSPORT_ICMP;
	default:
		return TRANSPORT_OTHER;
	}
}

static void tell(struct flow_table *t, const struct conversation *c, struct conn *conn)
{
	const struct flow_key *key = &c->key;
	*conn = (struct conn){.id = c->id,
		.joined = c->joined,
		.inferred = c->inferred,
		.one_way = c->packets[CLIENT] == 0 || c->packets[SERVER] == 0,
		.start_ns = c->start_ns,
		.end_ns = c->last_ns,
		.client = key->addr[c->client_at],
		.server = key->addr[1 - c->client_at],
		.client_mac = c->client_mac,
		.client_port = key->port[c->client_at],
		.server_port = key->port[1 - c->client_at],
		.ip_proto = key->proto,
		.vlan = c->vlan,
		.transport = transport_of(key->proto),
		.packets_out = c->packets[CLIENT],
		.packets_in = c->packets[SERVER],
		.bytes_out = c->bytes[CLIENT],
		.bytes_in = c->bytes[SERVER],
		.tries = c->tries,
		.request_bytes = c->request_bytes,
		.response_bytes = c->response_bytes,
		.first_data_ns = c->data_ns,
		.name = text(t, c->name),
		.name_source = (enum name_source)c->name_source,
		.service = text(t, c->service),
		.ja3 = text(t, c->ja3),
		.ja4 = text(t, c->ja4),
		.alpn = text(t, c->alpn),
		.user_agent = text(t, c->user_agent),
		.method = text(t, c->method),
		.uri = text(t, c->uri),
		.certificate = text(t, c->certificate),
		.http_status = c->status,
		.to_proxy = c->to_proxy};
	if (conn->transport == TRANSPORT_ICMP) { /* type and code stand for the ports */
		conn->client_port = key->proto == IP_ICMP ? 8 : 128;
		conn->server_port = 0;
	}
}

/* Tells the next thing due of the first ready conversation. */
static void tell_ready(struct flow_table *t)
{
	struct conversation *c = &t->conversation[t->ready_first];
	t->event.kind = EVENT_CONN;
	struct conn *conn = &t->event.conn;
	tell(t, c, conn);
	struct verdict v = conversation_verdict(c, t->now_ns, t->finishing);
	conn->ended = c->end_due;
	/* OK may be told early; a later verdict that says more is told as settled once more */
	conn->settled = c->settle_due || (c->end_due && v.outcome != c->told) ||
	                (c->end_due && v.outcome == OUTCOME_UNKNOWN);
	conn->outcome = c->end_due ? v.outcome : OUTCOME_OK;
	if (outcome_is_failure(conn->outcome)) {
		conn->fail_ns = v.fail_ns;
		conn->leave_ns = v.leave_ns;
	}
	c->settle_due = false;
	t->ready_first = c->chain;
	if (t->ready_first == NOBODY)
		t->ready_last = NOBODY;
	c->in_ready = false;
	if (c->end_due)
		conversation_drop(t, c);
}

/* Ends one conversation that has been idle for too long; when finishing, the one idle for the
 * longest. */
static bool expire_one(struct flow_table *t)
{
	struct conversation *first = NULL;
	for (int wait = 0; wait < WAIT_COUNT; wait++) {
		struct conversation *c = oldest(t, (enum wait)wait);
		if (c == NULL || (!t->finishing && t->now_ns - c->last_ns <= wait_ns[wait]))
			continue;
		if (first == NULL || c->last_ns < first->last_ns)
			first = c;
	}
	if (first != NULL)
		conversation_end(t, first);
	return first != NULL;
}

struct event *event_queue(struct flow_table *t)
{
	if (t->queued == EVENTS_MAX)
		return NULL;
	struct event *e = &t->queue[(t->queue_first + t->queued++) % EVENTS_MAX];
	e->kind = EVENT_LOOKUP;
	return e;
}

const struct event *flow_table_next(struct flow_table *t)
{
	if (t->queued == 0)
		lookups_expire(t);
	if (t->queued > 0) {
		t->event = t->queue[t->queue_first];
		t->queue_first = (t->queue_first + 1) % EVENTS_MAX;
		t->queued--;
		return &t->event;
	}
	/* keep one record free, so that begin() always finds room */
	if (t->ready_first == NOBODY && !expire_one(t) && t->conversation_free == NOBODY &&
		t->conversations == t->conversation_max)
		evict(t);
	if (t->ready_first == NOBODY)
		return NULL;
	tell_ready(t);
	return &t->event;
}
