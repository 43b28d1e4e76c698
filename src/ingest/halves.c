/* Halves: the records of flow exports, one a direction and one a piece of a long flow, become
 * conversations. What has been gathered is told when it has waited for its hold, the one that began
 * first before the others; pieces that come later are told as the rest of it. */
#include "ingest/halves.h"

#include <errno.h>
#include <stdlib.h>

/* The other half of a flow comes with the exporter's own timers, which are shorter. */
#define HALF_HOLD_NS (120 * NS_PER_S)
/* A SYN this long after the one before it, on the same ports, is another attempt: as in join.c. */
#define TRY_GAP_NS (35 * NS_PER_S)
/* Datagrams, and pieces of a connection, further apart are not of the same conversation. */
#define DATAGRAM_GAP_NS (120 * NS_PER_S)
#define SEGMENT_GAP_NS  (3600 * NS_PER_S)
#define EXPORTERS_MAX   ((size_t)1024)

struct waiting { /* one of the heap, the earliest on top */
	int64_t start_ns;
	uint64_t serial, key;
};

/* A conversation that was told: pieces of it may follow. */
struct followed {
	struct addr client;
	uint16_t client_port;
	int64_t start_ns, last_ns;
	bool closed;
};

struct halves {
	struct keyed flows;     /* struct flow by the five that name it, whichever way round */
	struct keyed followed;  /* struct followed, by the same key */
	struct keyed exporters; /* struct exporter */
	struct waiting *heap;   /* those that are gone from flows are left out when they come up */
	size_t waiting, heap_room;
	uint64_t serial;
};

int halves_new(struct halves **ret, size_t room)
{
	struct halves *h = calloc(1, sizeof *h);
	if (h == NULL)
		return -ENOMEM;
	h->heap_room = 2 * room;
	h->heap = calloc(h->heap_room, sizeof *h->heap);
	if (h->heap == NULL || keyed_init(&h->flows, sizeof(struct flow), room) < 0 ||
		keyed_init(&h->followed, sizeof(struct followed), room) < 0 ||
		keyed_init(&h->exporters, sizeof(struct exporter),
			room < EXPORTERS_MAX ? room : EXPORTERS_MAX) < 0) {
		halves_free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void halves_free(struct halves *h)
{
	if (h == NULL)
		return;
	keyed_fini(&h->flows);
	keyed_fini(&h->followed);
	keyed_fini(&h->exporters);
	free(h->heap);
	free(h);
}

/* ---- the heap ---- */

static bool before(const struct waiting *a, const struct waiting *b)
{
	return a->start_ns != b->start_ns ? a->start_ns < b->start_ns : a->serial < b->serial;
}

static void heap_push(struct halves *h, struct waiting w)
{
	size_t at = h->waiting++;
	while (at > 0 && before(&w, &h->heap[(at - 1) / 2])) {
		h->heap[at] = h->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	h->heap[at] = w;
}

static void heap_pop(struct halves *h)
{
	struct waiting last = h->heap[--h->waiting];
	size_t at = 0;
	for (size_t child = 1; child < h->waiting; child = 2 * at + 1) {
		if (child + 1 < h->waiting && before(&h->heap[child + 1], &h->heap[child]))
			child++;
		if (!before(&h->heap[child], &last))
			break;
		h->heap[at] = h->heap[child];
		at = child;
	}
	if (h->waiting > 0)
		h->heap[at] = last;
}

/* The flow that is told next, or NULL. */
static struct flow *first_flow(struct halves *h)
{
	while (h->waiting > 0) {
		struct flow *f = keyed_find(&h->flows, h->heap[0].key);
		if (f != NULL && f->serial == h->heap[0].serial)
			return f;
		heap_pop(h);
	}
	return NULL;
}

/* ---- telling ---- */

static struct exporter *exporter_of(struct halves *h, uint64_t key)
{
	key = key == 0 ? 1 : key;
	struct exporter *x = keyed_find(&h->exporters, key);
	if (x != NULL)
		return x;
	if (keyed_full(&h->exporters)) {
		uint64_t oldest;
		(void)keyed_oldest(&h->exporters, &oldest);
		keyed_remove(&h->exporters, oldest);
	}
	return keyed_push(&h->exporters, key);
}

static bool is_closed(const struct flow *f)
{
	return ((f->side[0].flags | f->side[1].flags) & (HALF_FIN | HALF_RST)) != 0;
}

/* Further pieces belong to what was told. */
static void follow(struct halves *h, uint64_t key, const struct flow *f, const struct conn *c)
{
	struct followed *known = keyed_find(&h->followed, key);
	struct followed next = {.client = c->client,
		.client_port = c->client_port,
		.start_ns = c->start_ns,
		.last_ns = c->end_ns,
		.closed = is_closed(f)};
	if (known != NULL) {
		next.start_ns = f->rest ? known->start_ns : next.start_ns;
		next.closed |= f->rest && known->closed;
		keyed_remove(&h->followed, key); /* it goes behind the others */
	}
	while (keyed_full(&h->followed)) {
		uint64_t oldest;
		(void)keyed_oldest(&h->followed, &oldest);
		keyed_remove(&h->followed, oldest);
	}
	*(struct followed *)keyed_push(&h->followed, key) = next;
}

static void tell(struct sink *s, uint64_t key, struct flow *f)
{
	struct halves *h = s->halves;
	struct event
		e; /* large for the sake of look-ups: what is not a conversation's stays as it is */
	e.kind = EVENT_CONN;
	struct exporter *x = exporter_of(h, f->exporter);
	flow_settle(s, f, x, &e.conn);
	x->halved += flow_is_halved(f);
	e.conn.name = strings_get(s->options.strings, f->name);
	e.conn.name_source = e.conn.name == NULL ? NAME_NONE : f->name_source;
	e.conn.process = strings_get(s->options.strings, f->process);
	char uid[UID_BYTES];
	memcpy(uid, f->uid, sizeof uid);
	e.conn.uid = uid[0] == '\0' ? NULL : uid;
	e.conn.ended = true;
	e.conn.rest = f->rest;
	e.conn.settled = !f->rest;
	follow(h, key, f, &e.conn);
	bool empty = f->rest && (e.conn.packets_out | e.conn.packets_in | e.conn.bytes_out |
					e.conn.bytes_in) == 0;
	keyed_remove(&h->flows, key);
	if (!empty)
		sink_tell(s, &e);
}

int64_t halves_first(struct sink *s, int64_t *ret_due_ns)
{
	const struct flow *f = first_flow(s->halves);
	*ret_due_ns = f == NULL ? INT64_MAX : f->arrived_ns + f->hold_ns;
	return f == NULL ? INT64_MAX : s->halves->heap[0].start_ns;
}

void halves_tell_first(struct sink *s)
{
	struct flow *f = first_flow(s->halves);
	CHECK(f != NULL);
	uint64_t key = s->halves->heap[0].key;
	heap_pop(s->halves);
	tell(s, key, f);
}

/* ---- gathering ---- */

static bool is_icmp(uint8_t proto)
{
	return proto == 1 || proto == 58;
}

/* Errors and announcements are no conversation; a type that is not known may be one. */
static bool is_echo(const struct half *half)
{
	unsigned type = half->dst_port >> 8;
	return half->ip_proto == 1 ? type == 0 || type == 8
	                           : type == 0 || type == 128 || type == 129;
}

static uint64_t tuple_key(struct sink *s, const struct half *half)
{
	uint8_t bytes[37];
	bool icmp = is_icmp(half->ip_proto);
	uint16_t src_port = icmp ? 0 : half->src_port, dst_port = icmp ? 0 : half->dst_port;
	int order = addr_cmp(&half->src, &half->dst);
	bool swap = order > 0 || (order == 0 && src_port > dst_port);
	const struct addr *low = swap ? &half->dst : &half->src,
			  *high = swap ? &half->src : &half->dst;
	uint16_t low_port = swap ? dst_port : src_port, high_port = swap ? src_port : dst_port;
	memcpy(bytes, low->byte, 16);
	memcpy(bytes + 16, high->byte, 16);
	bytes[32] = (uint8_t)(low_port >> 8);
	bytes[33] = (uint8_t)low_port;
	bytes[34] = (uint8_t)(high_port >> 8);
	bytes[35] = (uint8_t)high_port;
	bytes[36] = half->ip_proto;
	return sink_key_bytes(s, bytes, sizeof bytes);
}

static int64_t gap_of(const struct half *half, int64_t start_ns, int64_t last_ns)
{
	if (half->start_ns > last_ns)
		return half->start_ns - last_ns;
	return half->end_ns < start_ns ? start_ns - half->end_ns : 0;
}

static bool begins(const struct half *half)
{
	return half->ip_proto == 6 && half->flags_known && (half->tcp_flags & HALF_SYN) != 0;
}

/* Whether the record is a piece of this conversation, and not of the next one of the same ports. */
static bool is_piece(const struct half *half, int64_t start_ns, int64_t last_ns, bool closed)
{
	int64_t gap = gap_of(half, start_ns, last_ns);
	if (half->ip_proto != 6)
		return gap <= DATAGRAM_GAP_NS;
	if (!begins(half))
		return gap <= SEGMENT_GAP_NS;
	return gap <= TRY_GAP_NS && !(closed && half->start_ns > last_ns);
}

static bool is_src(const struct flow *f, enum who who, const struct half *half)
{
	return addr_eq(&f->addr[who], &half->src) &&
	       (is_icmp(f->ip_proto) || f->port[who] == half->src_port);
}

static bool was_answered(const struct flow *f)
{
	return f->side[0].passed && f->side[1].passed &&
	       ((f->side[0].flags & f->side[1].flags & HALF_SYN) != 0);
}

static int64_t now_of(const struct sink *s)
{
	return s->row != NULL && s->row->time_ns > s->clock_ns ? s->row->time_ns : s->clock_ns;
}

static struct flow *new_flow(struct sink *s, uint64_t key, const struct half *half)
{
	struct halves *h = s->halves;
	while (keyed_full(&h->flows) || h->waiting == h->heap_room) {
		if (first_flow(h) == NULL)
			break; /* all that was left had been told */
		halves_tell_first(s);
	}
	struct flow *f = keyed_push(&h->flows, key);
	bool icmp = is_icmp(half->ip_proto);
	*f = (struct flow){.addr = {half->src, half->dst},
		.port = {icmp ? 0 : half->src_port, icmp ? 0 : half->dst_port},
		.ip_proto = half->ip_proto,
		.vlan = half->vlan,
		.client = WHO_UNKNOWN,
		.exporter = half->exporter,
		.serial = ++h->serial,
		.arrived_ns = now_of(s),
		.hold_ns = half->hold_ns > 0 ? half->hold_ns : HALF_HOLD_NS};
	heap_push(h, (struct waiting){half->start_ns, f->serial, key});
	const struct followed *old = keyed_find(&h->followed, key);
	if (old == NULL)
		return f;
	if (is_piece(half, old->start_ns, old->last_ns, old->closed)) {
		f->rest = true;
		bool src = addr_eq(&old->client, &half->src) &&
		           (icmp || old->client_port == half->src_port);
		f->client = src ? WHO_FIRST : WHO_SECOND;
	}
	return f;
}

static void count(struct side *side, const struct half *half)
{
	bool first = !side->seen && side->first_ns == 0;
	if (first)
		side->point = half->point;
	if (side->first_ns == 0 || half->start_ns < side->first_ns)
		side->first_ns = half->start_ns;
	if (half->end_ns > side->last_ns)
		side->last_ns = half->end_ns;
	side->flags |= half->flags_known ? half->tcp_flags : 0;
	side->flags_known = half->flags_known && (side->flags_known || !side->seen);
	if (half->denied && half->end_ns > side->denied_ns)
		side->denied_ns = half->end_ns;
	bool packets = (half->packets | half->bytes) != 0;
	side->payload |= half->payload;
	side->seen |= packets || half->denied;
	side->passed |= packets && !half->denied;
	if (side->point != half->point)
		return; /* the same packets, seen at another place */
	if (__builtin_add_overflow(side->packets, half->packets, &side->packets))
		side->packets = UINT64_MAX;
	if (__builtin_add_overflow(side->bytes, half->bytes, &side->bytes))
		side->bytes = UINT64_MAX;
}

static void note(struct sink *s, struct flow *f, enum who src, const struct half *half)
{
	unsigned icmp_type = is_icmp(half->ip_proto) ? half->dst_port >> 8 : 0;
	bool request = icmp_type == 8 || icmp_type == 128;
	if (half->initiator || request)
		f->client = src;
	else if (half->responder || icmp_type == 129)
		f->client = 1 - src;
	if (request)
		f->icmp_type = (uint8_t)icmp_type;
	f->acks_hidden |= half->acks_hidden;
	f->sampled |= half->sampled;
	f->both_exported |= half->both_exported;
	f->whole |= half->whole;
	if (half->name != NULL && f->name == 0) {
		f->name = strings_add(s->options.strings, half->name);
		f->name_source = half->name_source;
	}
	if (half->process != NULL && f->process == 0)
		f->process = strings_add(s->options.strings, half->process);
	size_t len = half->uid == NULL || f->uid[0] != '\0' ? 0 : strlen(half->uid);
	if (len > 0 && len < sizeof f->uid)
		memcpy(f->uid, half->uid, len + 1);
}

/* The flow that the record is a piece of, or NULL: what the ports were used for before is told. */
static struct flow *flow_of(struct sink *s, uint64_t key, const struct half *half)
{
	struct flow *f = keyed_find(&s->halves->flows, key);
	if (f == NULL)
		return NULL;
	const struct side *a = &f->side[0], *b = &f->side[1];
	int64_t start_ns = a->first_ns == 0 || (b->first_ns != 0 && b->first_ns < a->first_ns)
	                           ? b->first_ns
	                           : a->first_ns;
	int64_t last_ns = a->last_ns > b->last_ns ? a->last_ns : b->last_ns, due_ns;
	if (is_piece(half, start_ns, last_ns, is_closed(f) && was_answered(f)))
		return f;
	while (first_flow(s->halves) != f && halves_first(s, &due_ns) <= start_ns &&
		due_ns <= now_of(s))
		halves_tell_first(s);
	tell(s, key, f);
	return NULL;
}

void sink_half(struct sink *s, const struct half *half)
{
	struct halves *h = s->halves;
	if (addr_is_group(&half->src) || addr_is_group(&half->dst))
		return; /* announcements are no conversation: captures leave them out too */
	if (is_icmp(half->ip_proto) && !is_echo(half))
		return;
	uint64_t key = tuple_key(s, half);
	struct flow *f = flow_of(s, key, half);
	if (f == NULL)
		f = new_flow(s, key, half);
	enum who src = is_src(f, WHO_FIRST, half) ? WHO_FIRST : WHO_SECOND;
	bool pair = f->side[0].passed && f->side[1].passed;
	count(&f->side[src], half);
	note(s, f, src, half);
	if (!pair && f->side[0].passed && f->side[1].passed)
		exporter_of(h, f->exporter)->pairs++;
}
