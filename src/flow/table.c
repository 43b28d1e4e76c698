#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/conversation.h"

/* Datagram conversations met this soon after the data begins may have begun before. */
#define BEGIN_NS (120 * NS_PER_S)

/* Ports below are servers' (RFC 6335 6). */
#define SYSTEM_PORTS 1024

/* Memory that is not touched until it is used. */
static void *room_for(size_t count, size_t size)
{
	size_t bytes = (count * size + 63) / 64 * 64;
	return aligned_alloc(64, bytes);
}

int flow_table_new(struct flow_table **ret, const struct flow_options *options)
{
	struct flow_table *t = calloc(1, sizeof *t);
	if (t == NULL)
		return -ENOMEM;
	t->options = *options;
	t->hash = hash_key_new();
	size_t max = options->conversations_max;
	max = max == 0 ? CONVERSATIONS_MAX : max;
	CHECK(max < NOBODY - 1);
	t->conversation_max = (uint32_t)max;
	/* one more than are held: a port's next conversation begins before its last one is told */
	t->conversation = room_for(max + 1, sizeof *t->conversation);
	/* a small table needs few */
	t->talk_max = (uint32_t)(max + 1 < TALKS_MAX ? max + 1 : TALKS_MAX);
	t->block_max =
		(uint32_t)(2 * (max + 1) < TALK_BLOCKS_MAX ? 2 * (max + 1) : TALK_BLOCKS_MAX);
	t->talk = room_for(t->talk_max, sizeof *t->talk);
	t->block = room_for(t->block_max, TALK_BYTES_MAX);
	if (t->conversation == NULL || t->talk == NULL || t->block == NULL ||
		index_new(t, max) < 0 || lookups_new(t) < 0) {
		flow_table_free(t);
		return -ENOMEM;
	}
	for (size_t i = 0; i < WHEEL_BUCKETS; i++)
		t->wheel[i] = NOBODY;
	t->conversation_free = t->ready_first = t->ready_last = NOBODY;
	talks_init(t);
	clock_done(t, 0);
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

uint32_t number_of(const struct flow_table *t, const struct conversation *c)
{
	return (uint32_t)(c - t->conversation);
}

/* ---- what is due to be told ---- */

static void make_ready(struct flow_table *t, struct conversation *c)
{
	if (c->in_ready)
		return;
	t->quiet = false;
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
	c->told = true;
	c->settle_due = true;
	make_ready(t, c);
}

/* Out of the index and the wheel; the record lives until it has been told. */
void conversation_end(struct flow_table *t, struct conversation *c)
{
	talk_end(t, c);
	wheel_remove(t, c);
	index_remove(t, c);
	if (t->latest == c)
		t->latest = NULL;
	c->end_due = true;
	make_ready(t, c);
}

static struct conversation *conversation_new(
	struct flow_table *t, struct flow_key key, uint32_t tag, enum wait wait)
{
	uint32_t index = t->conversation_free;
	if (index != NOBODY)
		t->conversation_free = t->conversation[index].chain;
	else
		index = t->conversations++;
	CHECK(index <= t->conversation_max);
	struct conversation *c = &t->conversation[index];
	*c = (struct conversation){.key = key,
		.tag = tag,
		.wait = (uint8_t)wait,
		.id = ++t->next_id,
		.talk = NOBODY,
		.clock_ns = t->clock_ns,
		.start_ns = t->at_ns,
		.last_ns = t->at_ns};
	index_add(t, c);
	wheel_add(t, c);
	t->stats.conversations++;
	t->quiet = t->quiet && t->live <= t->conversation_max;
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

/* Whether the packet's sender is the client, when its flags do not say: by what its ports are for,
 * then, unless the first packet seen must have been the first, by who is at home. */
static bool sender_is_client(const struct flow_table *t, const struct packet *p, bool *ret_inferred)
{
	*ret_inferred = true;
	bool ports = p->proto == IP_TCP || p->proto == IP_UDP || p->proto == IP_SCTP;
	bool src_low = ports && p->src_port < SYSTEM_PORTS,
	     dst_low = ports && p->dst_port < SYSTEM_PORTS;
	bool first = p->proto != IP_TCP && t->at_ns - t->begin_ns > BEGIN_NS;
	if (src_low != dst_low) {
		*ret_inferred = p->proto == IP_TCP || src_low;
		return dst_low;
	}
	bool src_local = is_local(t, &p->src), dst_local = is_local(t, &p->dst);
	if (!first && src_local != dst_local) {
		*ret_inferred = p->proto == IP_TCP || dst_local;
		return src_local;
	}
	if (p->proto == IP_TCP)
		return p->src_port >= p->dst_port;
	*ret_inferred = false;
	return true;
}

static bool is_icmp(const struct packet *p)
{
	return p->proto == IP_ICMP || p->proto == IP_ICMPV6;
}

/* ICMP echo: a request and its reply share one key, whoever is seen first. */
static bool is_echo(const struct packet *p)
{
	uint16_t type = p->src_port;
	return p->proto == IP_ICMP ? type == 8 || type == 0 : type == 128 || type == 129;
}

/* Backscatter and stragglers are no evidence; a SYN with RST is nonsense. */
static bool is_stray(const struct packet *p)
{
	if (p->proto == IP_TCP)
		return (p->tcp_flags & TCP_RST) != 0 ||
		       ((p->tcp_flags & TCP_SYN) == 0 && p->payload_wire == 0);
	return is_icmp(p) && !is_echo(p);
}

RARE static struct conversation *begin(
	struct flow_table *t, const struct packet *p, struct place *place)
{
	if (addr_is_group(&p->dst) || addr_is_group(&p->src)) {
		t->stats.group++;
		return NULL;
	}
	if (is_stray(p)) {
		t->stats.strays++;
		return NULL;
	}
	bool syn = p->proto == IP_TCP && (p->tcp_flags & TCP_SYN) != 0;
	bool by_client = true, inferred = false;
	if (syn)
		by_client = (p->tcp_flags & TCP_ACK) == 0;
	else if (is_icmp(p))
		by_client = echo_is_request(p);
	else
		by_client = sender_is_client(t, p, &inferred);
	place->from = by_client ? CLIENT : SERVER;
	struct conversation *c =
		conversation_new(t, key_of(p, by_client), place->tag, syn ? WAIT_SYN : WAIT_HALF);
	c->inferred = inferred || (is_icmp(p) && !by_client);
	c->joined = p->proto == IP_TCP && !syn;
	c->vlan = p->vlan;
	c->client_mac = by_client ? p->src_mac : 0;
	return c;
}

/* ---- packets ---- */

/* The quoted packet's conversation learns that it is not reachable. */
RARE static void icmp_error(struct flow_table *t, const struct packet *p)
{
	t->stats.errors++;
	bool unreachable = p->proto == IP_ICMP ? p->src_port == 3 : p->src_port == 1;
	if (!is_icmp(p) || !unreachable ||
		(p->proto == IP_ICMP && p->dst_port == 4)) /* fragmentation needed: not a failure */
		return;
	struct packet inner = {.src = p->quoted.src,
		.dst = p->quoted.dst,
		.proto = p->quoted.proto,
		.src_port = p->quoted.src_port,
		.dst_port = p->quoted.dst_port};
	struct place place;
	struct conversation *c = index_find(t, &inner, &place);
	if (c != NULL && place.from == CLIENT) {
		if (c->icmp_ns == 0 || t->at_ns - c->icmp_ns > COPY_NS)
			c->icmp_ns = t->at_ns;
		conversation_refused(t, c);
	} else if (inner.proto == IP_UDP && inner.dst_port == 53) {
		lookup_unreachable(t, &inner);
	}
}

/* The same packet may be logged by two rules: one that denies it is the last. */
RARE static void note_log(struct conversation *c, enum side from, const struct packet *p)
{
	c->logged = true;
	c->denied |= p->denied && from == CLIENT && c->answer_ns == 0;
}

static bool maybe_dns(const struct packet *p)
{
	return p->proto == IP_UDP && (p->dst_port == 53 || p->src_port == 53);
}

static void tell(const struct flow_table *t, const struct conversation *c, struct conn *conn);

RARE static void tell_begun(const struct flow_table *t, const struct conversation *c)
{
	struct conn conn;
	tell(t, c, &conn);
	t->options.begun(t->options.context, &conn);
}

RARE void conversation_refused(const struct flow_table *t, const struct conversation *c)
{
	struct conn conn;
	if (t->options.refused == NULL || c->joined || c->answer_ns != 0)
		return;
	tell(t, c, &conn);
	t->options.refused(t->options.context, &conn);
}

static bool begins_another(const struct flow_table *t, const struct conversation *c, enum side from,
	const struct packet *p)
{
	bool syn = p->proto == IP_TCP && (p->tcp_flags & TCP_SYN) != 0;
	return syn ? tcp_begins_another(t, c, from, p) : is_icmp(p) && echo_begins_another(c, p);
}

/* Ends what the packet does not belong to any more (NULL: nothing), and begins its own. */
RARE static struct conversation *begin_anew(struct flow_table *t, const struct packet *p,
	struct place *place, struct conversation *before)
{
	if (before != NULL)
		conversation_end(t, before);
	struct conversation *c = begin(t, p, place);
	if (c == NULL)
		return NULL;
	if (before != NULL && is_icmp(p))
		echo_follows(c, before);
	if (t->options.begun != NULL)
		tell_begun(t, c);
	return c;
}

void flow_table_add(struct flow_table *t, const struct packet *packet)
{
	CHECK(t->quiet);
	t->stats.packets++;
	clock_set(t, packet->time_ns);
	if (packet->quoted.present) {
		icmp_error(t, packet);
		return;
	}
	if (maybe_dns(packet) && lookup_message(t, packet, packet->payload))
		return;
	struct place place;
	struct conversation *c = index_find(t, packet, &place);
	if (c == NULL || is_idle(t, c) || begins_another(t, c, place.from, packet)) {
		c = begin_anew(t, packet, &place, c);
		if (c == NULL)
			return;
	}
	t->latest = c;
	if (packet->logged)
		note_log(c, place.from, packet);
	if (is_copy(t, c, packet)) {
		t->stats.duplicates++;
		return;
	}
	enum side from = place.from;
	c->clock_ns = t->clock_ns;
	if (t->at_ns > c->last_ns)
		c->last_ns = t->at_ns;
	c->packets[from]++;
	if (packet->proto == IP_TCP)
		tcp_add(t, c, from, packet);
	else
		datagram_add(t, c, from, packet);
}

void flow_table_advance(struct flow_table *t, int64_t now_ns)
{
	CHECK(t->quiet);
	if (t->started && now_ns > t->clock_ns + t->origin_ns)
		clock_set(t, now_ns);
}

void flow_table_finish(struct flow_table *t)
{
	t->finishing = true;
	t->quiet = false;
}

/* ---- events ---- */

static const char *text(const struct flow_table *t, uint32_t number)
{
	return strings_get(t->options.strings, number);
}

static void tell(const struct flow_table *t, const struct conversation *c, struct conn *conn)
{
	const struct flow_key *key = &c->key;
	*conn = (struct conn){.id = c->id,
		.joined = c->joined,
		.inferred = c->inferred,
		.one_way = c->packets[CLIENT] == 0 || c->packets[SERVER] == 0,
		.start_ns = c->start_ns,
		.end_ns = c->last_ns,
		.client = key_addr(key, CLIENT),
		.server = key_addr(key, SERVER),
		.client_mac = c->client_mac,
		.client_port = key_port(key, CLIENT),
		.server_port = key_port(key, SERVER),
		.ip_proto = key_proto(key),
		.vlan = c->vlan,
		.transport = transport_of(key_proto(key)),
		.packets_out = c->packets[CLIENT],
		.packets_in = c->packets[SERVER],
		.bytes_out = c->bytes[CLIENT],
		.bytes_in = c->bytes[SERVER],
		.tries = c->tries,
		.request_bytes = c->request_bytes,
		.request_mark = c->request_mark,
		.request_hash = c->request_hash,
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
		.certificate = text(t, c->certificate),
		.http_status = c->status,
		.to_proxy = c->to_proxy};
	if (!c->sized && !c->joined) /* the first response is all there is so far */
		conn->response_bytes =
			c->bytes[SERVER] > UINT32_MAX ? UINT32_MAX : (uint32_t)c->bytes[SERVER];
	if (!c->data && !c->joined && conn->transport == TRANSPORT_TCP)
		conn->request_bytes =
			c->bytes[CLIENT] > UINT32_MAX ? UINT32_MAX : (uint32_t)c->bytes[CLIENT];
	if (conn->transport == TRANSPORT_ICMP) { /* type and code stand for the ports */
		conn->client_port = key_proto(key) == IP_ICMP ? 8 : 128;
		conn->server_port = 0;
		conn->echo_hash = c->echo_hash;
		conn->echo_fresh = c->echo_fresh;
	}
}

/* Tells the next thing due of the first ready conversation: that it is OK, or, when it is over, how
 * it ended. What was told to be OK and then fell silent is settled twice. */
static const struct event *tell_ready(struct flow_table *t)
{
	struct conversation *c = &t->conversation[t->ready_first];
	t->event.kind = EVENT_CONN;
	struct conn *conn = &t->event.conn;
	tell(t, c, conn);
	enum outcome told = c->told && !c->settle_due ? OUTCOME_OK : OUTCOME_UNKNOWN;
	struct verdict v = {.outcome = OUTCOME_OK};
	if (c->end_due)
		v = conversation_verdict(c, t->clock_ns + t->origin_ns, t->finishing || c->evicted);
	conn->ended = c->end_due;
	conn->settled = c->settle_due || v.outcome != told || v.outcome == OUTCOME_UNKNOWN;
	conn->outcome = v.outcome;
	if (outcome_is_failure(v.outcome)) {
		/* a late packet may say so of a time before the first one */
		conn->fail_ns = v.fail_ns > c->start_ns ? v.fail_ns : c->start_ns;
		conn->leave_ns = v.leave_ns > conn->fail_ns ? v.leave_ns : 0;
	}
	c->settle_due = false;
	c->in_ready = false;
	t->ready_first = c->chain;
	if (t->ready_first == NOBODY)
		t->ready_last = NOBODY;
	if (c->end_due) {
		c->chain = t->conversation_free;
		t->conversation_free = number_of(t, c);
	}
	return &t->event;
}

struct event *event_queue(struct flow_table *t)
{
	if (t->queued == EVENTS_MAX)
		return NULL;
	t->quiet = false;
	struct event *e = &t->queue[(t->queue_first + t->queued++) % EVENTS_MAX];
	e->kind = EVENT_LOOKUP;
	return e;
}

static const struct event *tell_queued(struct flow_table *t)
{
	const struct event *e = &t->queue[t->queue_first];
	t->queue_first = (t->queue_first + 1) % EVENTS_MAX;
	t->queued--;
	return e;
}

/* Ends whoever is due: by the clock, because the input is over, or because the table is full. */
RARE static void end_due(struct flow_table *t, uint32_t tick)
{
	struct conversation *c = wheel_first(t, t->finishing ? UINT32_MAX : tick);
	if (c == NULL && t->live > t->conversation_max) {
		c = wheel_first(t, UINT32_MAX);
		c->evicted = true;
		t->stats.evicted++;
	}
	if (c != NULL)
		conversation_end(t, c);
}

RARE static const struct event *next_due(struct flow_table *t)
{
	uint32_t tick = (uint32_t)(t->clock_ns >> TICK_BITS);
	lookups_expire(t);
	if (t->queued > 0)
		return tell_queued(t);
	end_due(t, tick);
	if (t->ready_first != NOBODY)
		return tell_ready(t);
	clock_done(t, tick);
	return NULL;
}

const struct event *flow_table_next(struct flow_table *t)
{
	if (t->quiet && t->clock_ns < t->due_ns)
		return NULL;
	if (t->queued > 0)
		return tell_queued(t);
	if (t->ready_first != NOBODY)
		return tell_ready(t);
	if (t->clock_ns < t->due_ns && t->live <= t->conversation_max && !t->finishing) {
		t->quiet = true;
		return NULL;
	}
	return next_due(t);
}
