#include "ingest/sockets.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/limits.h"

/* An open connection that nobody has closed for so long works; that of a capture is given as long
 * to answer (flow/outcome.c). */
#define SETTLE_NS (10 * NS_PER_S)
/* RFC 6298: a SYN is repeated after 1 s. Who leaves before has not waited for an answer. */
#define FIRST_WAIT_NS (1 * NS_PER_S)

#define FAMILY_V6 10

/* So that durations can be added: 146 years. */
#define TIME_MAX ((uint64_t)1 << 62)

struct slot {
	uint64_t sock; /* 0: free */
	struct kernel_owner owner;
	char process[PROCESS_BYTES + 1];
	bool open, told;
	struct conn conn;
	int64_t server_fin_ns, client_fin_ns;
};

struct due {
	uint64_t sock, id;
	int64_t time_ns;
};

struct sockets {
	struct slot *slot; /* open addressing, a power of two, at most half full */
	size_t room, count, capacity, hand;
	struct due *due; /* ring of `capacity`: connections that were opened, in order */
	size_t due_first, dues;
	uint64_t id, evicted, unsent;
	struct event event;
	char process[PROCESS_BYTES + 1];
};

/* ---- the record ---- */

static uint64_t host(struct cur *c, size_t n)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? cur_le(c, n) : cur_be(c, n);
}

static struct addr pick(uint16_t family, struct span v4, struct span v6, bool mapped)
{
	return addr_of(family == FAMILY_V6 && !mapped ? v6 : v4);
}

void change_read(struct cur *c, struct change *ret)
{
	struct change change = {0};
	uint64_t time_ns = host(c, 8);
	change.sock = host(c, 8);
	change.owner.cgroup = host(c, 8);
	uint64_t sent = host(c, 8), again = host(c, 8);
	change.bytes_in = host(c, 8);
	change.owner.pid = (uint32_t)host(c, 4);
	change.owner.uid = (uint32_t)host(c, 4);
	change.packets_in = (uint32_t)host(c, 4);
	change.packets_out = (uint32_t)host(c, 4);
	change.retries = (uint32_t)host(c, 4);
	uint32_t error = (uint32_t)host(c, 4);
	struct span v4_from = cur_bytes(c, 4), v4_to = cur_bytes(c, 4);
	struct span v6_from = cur_bytes(c, 16), v6_to = cur_bytes(c, 16);
	change.client_port = cur_be16(c);
	change.server_port = cur_be16(c);
	uint16_t family = (uint16_t)host(c, 2);
	change.from = cur_u8(c);
	change.to = cur_u8(c);
	uint64_t fin = host(c, 4); /* the kernel counts it as a byte */
	cur_skip(c, 4);
	struct span process = cur_bytes(c, PROCESS_BYTES);
	if (!cur_ok(c) || c->len > 0 || change.sock == 0 || time_ns > TIME_MAX) {
		cur_fail(c, CUR_BAD);
		return;
	}
	change.time_ns = (int64_t)time_ns;
	struct addr to = addr_of(v6_to);
	bool mapped = addr_is_v4(&to); /* an IPv6 socket that speaks IPv4 */
	change.client = pick(family, v4_from, v6_from, mapped);
	change.server = pick(family, v4_to, v6_to, mapped);
	change.error = error <= 4095 ? (int)error : 0; /* MAX_ERRNO */
	change.bytes_out = sent > again ? sent - again : 0;
	change.bytes_in -= fin != 0 && change.bytes_in > 0;
	memcpy(change.process, process.ptr, PROCESS_BYTES);
	*ret = change;
}

/* ---- the table ---- */

int sockets_new(struct sockets **ret, size_t capacity)
{
	CHECK(capacity > 0 && capacity <= SIZE_MAX / 4 / sizeof(struct slot));
	struct sockets *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	s->capacity = capacity;
	s->room = 2;
	while (s->room < 2 * capacity)
		s->room *= 2;
	s->slot = calloc(s->room, sizeof *s->slot);
	s->due = calloc(capacity, sizeof *s->due);
	if (s->slot == NULL || s->due == NULL) {
		sockets_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void sockets_free(struct sockets *s)
{
	if (s == NULL)
		return;
	free(s->slot);
	free(s->due);
	free(s);
}

/* Fibonacci hashing: the kernel's addresses are nobody's choice. */
static size_t home_of(const struct sockets *s, uint64_t sock)
{
	return (size_t)((sock * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (s->room - 1);
}

/* Where it is, or where it would be. */
static struct slot *find(const struct sockets *s, uint64_t sock)
{
	size_t i = home_of(s, sock);
	while (s->slot[i].sock != 0 && s->slot[i].sock != sock)
		i = (i + 1) & (s->room - 1);
	return &s->slot[i];
}

/* Closes the gap, so that no search ends in it. */
static void drop(struct sockets *s, struct slot *slot)
{
	size_t mask = s->room - 1, gap = (size_t)(slot - s->slot);
	for (size_t i = (gap + 1) & mask; s->slot[i].sock != 0; i = (i + 1) & mask) {
		size_t home = home_of(s, s->slot[i].sock);
		if (((i - home) & mask) >= ((i - gap) & mask)) {
			s->slot[gap] = s->slot[i];
			gap = i;
		}
	}
	s->slot[gap] = (struct slot){0};
	s->count--;
}

static void evict(struct sockets *s)
{
	while (s->slot[s->hand].sock == 0)
		s->hand = (s->hand + 1) & (s->room - 1);
	drop(s, &s->slot[s->hand]);
	s->hand = (s->hand + 1) & (s->room - 1);
	s->evicted++;
}

/* ---- events ---- */

static const struct event *tell(
	struct sockets *s, const struct slot *slot, struct kernel_owner *ret_owner)
{
	s->event = (struct event){.kind = EVENT_CONN, .conn = slot->conn};
	memcpy(s->process, slot->process, sizeof s->process);
	s->event.conn.process = s->process[0] != '\0' ? s->process : NULL;
	if (ret_owner != NULL)
		*ret_owner = slot->owner;
	return &s->event;
}

static void begin(struct sockets *s, const struct change *c)
{
	struct slot *slot = find(s, c->sock);
	if (slot->sock != 0) /* its end was lost */
		drop(s, slot);
	if (s->count == s->capacity)
		evict(s);
	slot = find(s, c->sock);
	s->count++;
	*slot = (struct slot){.sock = c->sock, .owner = c->owner};
	memcpy(slot->process, c->process, sizeof slot->process);
	slot->conn = (struct conn){
		.id = ++s->id,
		.start_ns = c->time_ns,
		.ip_proto = IPPROTO_TCP,
		.transport = TRANSPORT_TCP,
	};
}

static void update(struct conn *conn, const struct change *c)
{
	conn->end_ns = c->time_ns > conn->start_ns ? c->time_ns : conn->start_ns;
	conn->packets_out = c->packets_out;
	conn->packets_in = c->packets_in;
	conn->bytes_out = c->bytes_out;
	conn->bytes_in = c->bytes_in;
	if (c->client_port != 0) /* chosen after SYN_SENT was told */
		conn->client_port = c->client_port;
	if (c->server_port != 0)
		conn->server_port = c->server_port;
	if (!addr_is_none(&c->client))
		conn->client = c->client;
	if (!addr_is_none(&c->server))
		conn->server = c->server;
}

static void fail(struct conn *conn, enum outcome outcome, int64_t when_ns)
{
	conn->outcome = outcome;
	conn->fail_ns = when_ns;
}

/* The answer never came; why, in the words of connect(2) and of icmp_err_convert in the kernel.
 * An ICMP port unreachable is ECONNREFUSED to the kernel as well. */
static void unanswered(struct conn *conn, int error)
{
	switch (error) {
	case ECONNREFUSED:
		fail(conn, OUTCOME_REFUSED, conn->end_ns);
		return;
	case ETIMEDOUT:
		break;
	case 0: /* the client closed it */
		if (conn->tries <= 1 && conn->end_ns - conn->start_ns < FIRST_WAIT_NS)
			return;
		break;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENONET:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case EACCES:
	case EPROTO:
		fail(conn, OUTCOME_UNREACHABLE, conn->end_ns);
		return;
	default: /* the machine's own troubles */
		return;
	}
	fail(conn, OUTCOME_SILENT, conn->end_ns);
	conn->leave_ns = conn->end_ns;
}

/* As flow/outcome.c has it for packets. */
static void answered(struct conn *conn, const struct slot *slot, int error)
{
	bool dead = error != 0 && error != ECONNRESET && error != EPIPE;
	if (dead && conn->bytes_out > 0) {
		fail(conn, OUTCOME_STALLED, conn->end_ns);
	} else if (conn->bytes_in > 0) {
		conn->outcome = OUTCOME_OK;
	} else if (error == ECONNRESET && slot->server_fin_ns == 0) {
		fail(conn, OUTCOME_RESET, conn->end_ns);
	} else if (conn->bytes_out > 0) {
		int64_t when = slot->server_fin_ns != 0 ? slot->server_fin_ns : slot->client_fin_ns;
		fail(conn, OUTCOME_STALLED, when != 0 ? when : conn->end_ns);
	} /* else the port answered, and nothing was asked */
}

static const struct event *end(struct sockets *s, struct slot *slot, const struct change *c,
	struct kernel_owner *ret_owner)
{
	const struct event *event = NULL;
	struct conn *conn = &slot->conn;
	if (!slot->open)
		conn->tries = 1 + c->retries;
	if (conn->client_port == 0) {
		s->unsent++;
	} else {
		if (slot->open)
			answered(conn, slot, c->error);
		else
			unanswered(conn, c->error);
		/* what was told to work can only have fallen silent since */
		if (slot->told && conn->outcome != OUTCOME_STALLED)
			fail(conn, OUTCOME_OK, 0);
		conn->settled = conn->ended = true;
		event = tell(s, slot, ret_owner);
	}
	drop(s, slot);
	return event;
}

const struct event *sockets_change(
	struct sockets *s, const struct change *c, struct kernel_owner *ret_owner)
{
	if (c->to == SOCKET_SYN_SENT)
		begin(s, c);
	struct slot *slot = find(s, c->sock);
	if (slot->sock == 0)
		return NULL;
	update(&slot->conn, c);
	switch (c->to) {
	case SOCKET_ESTABLISHED:
		if (slot->open)
			return NULL;
		slot->open = true;
		slot->conn.tries = 1 + c->retries;
		if (s->dues < s->capacity)
			s->due[(s->due_first + s->dues++) % s->capacity] =
				(struct due){c->sock, slot->conn.id, c->time_ns + SETTLE_NS};
		return NULL;
	case SOCKET_CLOSE_WAIT:
		slot->server_fin_ns = slot->conn.end_ns;
		return NULL;
	case SOCKET_FIN_WAIT1:
		slot->client_fin_ns = slot->conn.end_ns;
		return NULL;
	case SOCKET_CLOSE:
		return end(s, slot, c, ret_owner);
	default:
		return NULL;
	}
}

const struct event *sockets_due(struct sockets *s, int64_t now_ns, struct kernel_owner *ret_owner)
{
	while (s->dues > 0 && s->due[s->due_first].time_ns <= now_ns) {
		const struct due *due = &s->due[s->due_first];
		struct slot *slot = find(s, due->sock);
		s->due_first = (s->due_first + 1) % s->capacity;
		s->dues--;
		bool fin = slot->server_fin_ns != 0 || slot->client_fin_ns != 0;
		if (slot->sock == 0 || slot->conn.id != due->id || fin)
			continue;
		slot->told = slot->conn.settled = true;
		slot->conn.outcome = OUTCOME_OK;
		return tell(s, slot, ret_owner);
	}
	return NULL;
}

void sockets_stats(const struct sockets *s, struct kernel_stats *ret)
{
	ret->evicted = s->evicted;
	ret->unsent = s->unsent;
}
