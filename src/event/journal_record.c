/* A record: crc (4), length (4), that many bytes; big-endian. crc is zlib's CRC-32 of the length
 * and the bytes. The bytes are its kind (1 conn, 2 lookup, 3 note) and its fields in a fixed order,
 * most of them small numbers.
 *
 * A number: 7 bits a byte, lowest first, the high bit says that more follow; the shortest form
 * only.
 *
 * A signed one: the number 2n, or -2n-1 for n < 0.
 *
 * A time: signed, less the record's first time (conn start_ns, lookup query_ns); only when its bit
 * in the flags says that it is not 0.
 *
 * An addr: 0, or 4 and the IPv4 address, or 16 and the address.
 *
 * A text: 0 for NULL, or the number of its bytes plus 1, the bytes, and a NUL.
 *
 * A conn: id, flags, start and up to 4 times, client, server, mac, both ports (2 bytes each),
 * ip_proto, transport, outcome, name_source (1 byte each), vlan, http_status, four counters, tries,
 * request and response bytes, two numbers of echoes, a request's mark, 10 texts, the request's hash
 * when its bit says so.
 *
 * A lookup: id, flags, query and up to 3 times, client, resolver, mac, port, transport, outcome,
 * qtype, rcode, name, cnames, answers with their TTL, uid, process.
 *
 * A note: its own kind, and the rest of the record. */
#include "event/journal_record.h"

#include <zlib.h>

enum { RECORD_CONN = 1, RECORD_LOOKUP, RECORD_NOTE };

enum conn_flag {
	CONN_SETTLED = 1 << 0,
	CONN_ENDED = 1 << 1,
	CONN_REST = 1 << 2,
	CONN_JOINED = 1 << 3,
	CONN_INFERRED = 1 << 4,
	CONN_ONE_WAY = 1 << 5,
	CONN_TO_PROXY = 1 << 6,
	CONN_FAIL_TIME = 1 << 7,
	CONN_LEAVE_TIME = 1 << 8,
	CONN_END_TIME = 1 << 9,
	CONN_DATA_TIME = 1 << 10,
	CONN_REQUEST = 1 << 11, /* a hash of the request follows the texts; of most there is none */
	CONN_FLAGS = (1 << 12) - 1
};

enum lookup_flag {
	LOOKUP_REPEAT_TIME = 1 << 0,
	LOOKUP_ANSWER_TIME = 1 << 1,
	LOOKUP_FAIL_TIME = 1 << 2,
	LOOKUP_FLAGS = (1 << 3) - 1
};

/* ---- write ---- */

static void put_bytes(struct put *p, const void *bytes, size_t n)
{
	if (p->full || n > p->room - p->len) {
		p->full = true;
		return;
	}
	if (n > 0)
		memcpy(p->ptr + p->len, bytes, n);
	p->len += n;
}

static void put_u8(struct put *p, unsigned v)
{
	uint8_t byte = (uint8_t)v;
	put_bytes(p, &byte, 1);
}

static void put_be16(struct put *p, uint16_t v)
{
	put_u8(p, v >> 8);
	put_u8(p, v & 0xff);
}

static void put_number(struct put *p, uint64_t v)
{
	uint8_t buf[10];
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		buf[n++] = (uint8_t)(v | 0x80);
	buf[n++] = (uint8_t)v;
	put_bytes(p, buf, n);
}

/* Differences of times wrap, as unsigned numbers do, so that any two have one. */
static void put_time(struct put *p, int64_t time_ns, int64_t base_ns)
{
	uint64_t v = (uint64_t)time_ns - (uint64_t)base_ns;
	put_number(p, v << 1 ^ (v >> 63 != 0 ? UINT64_MAX : 0));
}

static void put_time_known(struct put *p, int64_t time_ns, int64_t base_ns)
{
	if (time_ns != 0)
		put_time(p, time_ns, base_ns);
}

static void put_addr(struct put *p, const struct addr *a)
{
	if (addr_is_none(a)) {
		put_u8(p, 0);
	} else if (addr_is_v4(a)) {
		put_u8(p, 4);
		put_bytes(p, a->byte + 12, 4);
	} else {
		put_u8(p, 16);
		put_bytes(p, a->byte, 16);
	}
}

static void put_text(struct put *p, const char *text)
{
	if (text == NULL) {
		put_u8(p, 0);
		return;
	}
	size_t len = strnlen(text, JOURNAL_TEXT_MAX + 1);
	if (len > JOURNAL_TEXT_MAX) {
		len = JOURNAL_TEXT_MAX;
		p->texts_cut++;
	}
	put_number(p, len + 1);
	put_bytes(p, text, len);
	put_u8(p, 0);
}

static unsigned flag(bool is, unsigned bit)
{
	return is ? bit : 0;
}

static void put_conn_times(struct put *p, const struct conn *c)
{
	unsigned flags = flag(c->settled, CONN_SETTLED) | flag(c->ended, CONN_ENDED) |
	                 flag(c->rest, CONN_REST) | flag(c->joined, CONN_JOINED) |
	                 flag(c->inferred, CONN_INFERRED) | flag(c->one_way, CONN_ONE_WAY) |
	                 flag(c->to_proxy, CONN_TO_PROXY) | flag(c->fail_ns != 0, CONN_FAIL_TIME) |
	                 flag(c->leave_ns != 0, CONN_LEAVE_TIME) |
	                 flag(c->end_ns != 0, CONN_END_TIME) |
	                 flag(c->first_data_ns != 0, CONN_DATA_TIME) |
	                 flag(c->request_hash != 0, CONN_REQUEST);
	put_number(p, flags);
	put_time(p, c->start_ns, 0);
	put_time_known(p, c->fail_ns, c->start_ns);
	put_time_known(p, c->leave_ns, c->start_ns);
	put_time_known(p, c->end_ns, c->start_ns);
	put_time_known(p, c->first_data_ns, c->start_ns);
}

static void put_conn(struct put *p, const struct conn *c)
{
	put_number(p, c->id);
	put_conn_times(p, c);
	put_addr(p, &c->client);
	put_addr(p, &c->server);
	put_number(p, c->client_mac);
	put_be16(p, c->client_port);
	put_be16(p, c->server_port);
	put_u8(p, c->ip_proto);
	put_u8(p, c->transport);
	put_u8(p, c->outcome);
	put_u8(p, c->name_source);
	const uint64_t numbers[] = {c->vlan, c->http_status, c->packets_out, c->packets_in,
		c->bytes_out, c->bytes_in, c->tries, c->request_bytes, c->response_bytes,
		c->echo_hash, c->echo_fresh, c->request_mark};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		put_number(p, numbers[i]);
	const char *const texts[] = {c->name, c->service, c->ja3, c->ja4, c->alpn, c->user_agent,
		c->method, c->certificate, c->uid, c->process};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		put_text(p, texts[i]);
	if (c->request_hash != 0)
		put_number(p, c->request_hash);
}

static void put_lookup(struct put *p, const struct lookup *l)
{
	CHECK(l->cnames <= LOOKUP_CNAMES_MAX && l->answers <= LOOKUP_ANSWERS_MAX);
	put_number(p, l->id);
	put_number(p, flag(l->repeat_ns != 0, LOOKUP_REPEAT_TIME) |
			      flag(l->answer_ns != 0, LOOKUP_ANSWER_TIME) |
			      flag(l->fail_ns != 0, LOOKUP_FAIL_TIME));
	put_time(p, l->query_ns, 0);
	put_time_known(p, l->repeat_ns, l->query_ns);
	put_time_known(p, l->answer_ns, l->query_ns);
	put_time_known(p, l->fail_ns, l->query_ns);
	put_addr(p, &l->client);
	put_addr(p, &l->resolver);
	put_number(p, l->client_mac);
	put_be16(p, l->client_port);
	put_u8(p, l->transport);
	put_u8(p, l->outcome);
	put_number(p, l->qtype);
	put_number(p, l->rcode);
	put_text(p, l->name);
	put_number(p, l->cnames);
	for (size_t i = 0; i < l->cnames; i++)
		put_text(p, l->cname[i]);
	put_number(p, l->answers);
	for (size_t i = 0; i < l->answers; i++) {
		put_addr(p, &l->answer[i].addr);
		put_number(p, l->answer[i].ttl_s);
	}
	put_text(p, l->uid);
	put_text(p, l->process);
}

void put_event(struct put *p, const struct event *event)
{
	CHECK(event->kind == EVENT_CONN || event->kind == EVENT_LOOKUP);
	if (event->kind == EVENT_CONN) {
		put_u8(p, RECORD_CONN);
		put_conn(p, &event->conn);
	} else {
		put_u8(p, RECORD_LOOKUP);
		put_lookup(p, &event->lookup);
	}
}

void put_note(struct put *p, uint8_t kind, const void *bytes, size_t len)
{
	CHECK(len <= JOURNAL_NOTE_MAX);
	put_u8(p, RECORD_NOTE);
	put_u8(p, kind);
	put_bytes(p, bytes, len);
}

void put_be(uint8_t *to, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

uint32_t record_crc(const uint8_t *bytes, size_t len)
{
	return (uint32_t)crc32_z(0, bytes, len);
}

void put_frame(const struct put *p)
{
	uint8_t *frame = p->ptr - FRAME_BYTES;
	put_be(frame + 4, p->len, 4);
	put_be(frame, record_crc(frame + 4, 4 + p->len), 4);
}

/* ---- read ---- */

/* At most max; only the shortest form, so that a record has one. */
static uint64_t get_number(struct cur *c, uint64_t max)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = cur_u8(c);
		v |= (uint64_t)(byte & 0x7f) << shift;
		if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
			break;
		if (byte < 0x80 && v <= max && cur_ok(c))
			return v;
		if (byte < 0x80)
			break;
	}
	cur_fail(c, CUR_BAD);
	return 0;
}

static int64_t get_time(struct cur *c, int64_t base_ns)
{
	uint64_t v = get_number(c, UINT64_MAX);
	v = v >> 1 ^ ((v & 1) != 0 ? UINT64_MAX : 0);
	return (int64_t)(v + (uint64_t)base_ns);
}

static int64_t get_time_known(struct cur *c, bool known, int64_t base_ns)
{
	if (!known)
		return 0;
	int64_t time_ns = get_time(c, base_ns);
	if (time_ns == 0)
		cur_fail(c, CUR_BAD);
	return time_ns;
}

static struct addr get_addr(struct cur *c)
{
	uint8_t len = cur_u8(c);
	if (len != 0 && len != 4 && len != 16)
		cur_fail(c, CUR_BAD);
	struct span bytes = cur_bytes(c, cur_ok(c) ? len : 0);
	struct addr a = addr_of(bytes);
	if (len == 16 && (addr_is_none(&a) || addr_is_v4(&a)))
		cur_fail(c, CUR_BAD);
	return a;
}

static const char *get_text(struct cur *c)
{
	uint64_t len = get_number(c, JOURNAL_TEXT_MAX + 1);
	if (len == 0)
		return NULL;
	struct span s = cur_bytes(c, (size_t)len); /* the text and its NUL */
	if (s.len == 0)
		return NULL;
	if (memchr(s.ptr, '\0', s.len) != s.ptr + s.len - 1)
		cur_fail(c, CUR_BAD);
	return (const char *)s.ptr;
}

/* One of the values below count. */
static unsigned get_choice(struct cur *c, unsigned count)
{
	unsigned v = cur_u8(c);
	if (v >= count)
		cur_fail(c, CUR_BAD);
	return v < count ? v : 0;
}

/* Returns the flags. */
static unsigned get_conn_times(struct cur *c, struct conn *conn)
{
	unsigned flags = (unsigned)get_number(c, CONN_FLAGS);
	conn->settled = (flags & CONN_SETTLED) != 0;
	conn->ended = (flags & CONN_ENDED) != 0;
	conn->rest = (flags & CONN_REST) != 0;
	conn->joined = (flags & CONN_JOINED) != 0;
	conn->inferred = (flags & CONN_INFERRED) != 0;
	conn->one_way = (flags & CONN_ONE_WAY) != 0;
	conn->to_proxy = (flags & CONN_TO_PROXY) != 0;
	conn->start_ns = get_time(c, 0);
	conn->fail_ns = get_time_known(c, (flags & CONN_FAIL_TIME) != 0, conn->start_ns);
	conn->leave_ns = get_time_known(c, (flags & CONN_LEAVE_TIME) != 0, conn->start_ns);
	conn->end_ns = get_time_known(c, (flags & CONN_END_TIME) != 0, conn->start_ns);
	conn->first_data_ns = get_time_known(c, (flags & CONN_DATA_TIME) != 0, conn->start_ns);
	return flags;
}

static void get_conn(struct cur *c, struct conn *conn)
{
	conn->id = get_number(c, UINT64_MAX);
	unsigned flags = get_conn_times(c, conn);
	conn->client = get_addr(c);
	conn->server = get_addr(c);
	conn->client_mac = get_number(c, UINT64_MAX);
	conn->client_port = cur_be16(c);
	conn->server_port = cur_be16(c);
	conn->ip_proto = cur_u8(c);
	conn->transport = (enum transport)get_choice(c, TRANSPORT_ICMP + 1);
	conn->outcome = (enum outcome)get_choice(c, OUTCOME_COUNT);
	conn->name_source = (enum name_source)get_choice(c, NAME_CERTIFICATE + 1);
	conn->vlan = (uint16_t)get_number(c, UINT16_MAX);
	conn->http_status = (uint16_t)get_number(c, UINT16_MAX);
	conn->packets_out = get_number(c, UINT64_MAX);
	conn->packets_in = get_number(c, UINT64_MAX);
	conn->bytes_out = get_number(c, UINT64_MAX);
	conn->bytes_in = get_number(c, UINT64_MAX);
	conn->tries = (uint32_t)get_number(c, UINT32_MAX);
	conn->request_bytes = (uint32_t)get_number(c, UINT32_MAX);
	conn->response_bytes = (uint32_t)get_number(c, UINT32_MAX);
	conn->echo_hash = (uint32_t)get_number(c, UINT32_MAX);
	conn->echo_fresh = (uint32_t)get_number(c, UINT32_MAX);
	conn->request_mark = (uint16_t)get_number(c, UINT16_MAX);
	const char **const texts[] = {&conn->name, &conn->service, &conn->ja3, &conn->ja4,
		&conn->alpn, &conn->user_agent, &conn->method, &conn->certificate, &conn->uid,
		&conn->process};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = get_text(c);
	if ((flags & CONN_REQUEST) != 0)
		conn->request_hash = get_number(c, UINT64_MAX);
	if ((flags & CONN_REQUEST) != 0 && conn->request_hash == 0)
		cur_fail(c, CUR_BAD); /* one way to write a record */
}

static void get_lookup(struct cur *c, struct lookup *l)
{
	l->id = get_number(c, UINT64_MAX);
	unsigned flags = (unsigned)get_number(c, LOOKUP_FLAGS);
	l->query_ns = get_time(c, 0);
	l->repeat_ns = get_time_known(c, (flags & LOOKUP_REPEAT_TIME) != 0, l->query_ns);
	l->answer_ns = get_time_known(c, (flags & LOOKUP_ANSWER_TIME) != 0, l->query_ns);
	l->fail_ns = get_time_known(c, (flags & LOOKUP_FAIL_TIME) != 0, l->query_ns);
	l->client = get_addr(c);
	l->resolver = get_addr(c);
	l->client_mac = get_number(c, UINT64_MAX);
	l->client_port = cur_be16(c);
	l->transport = (enum transport)get_choice(c, TRANSPORT_ICMP + 1);
	l->outcome = (enum outcome)get_choice(c, OUTCOME_COUNT);
	l->qtype = (uint16_t)get_number(c, UINT16_MAX);
	l->rcode = (uint16_t)get_number(c, UINT16_MAX);
	l->name = get_text(c);
	l->cnames = (size_t)get_number(c, LOOKUP_CNAMES_MAX);
	for (size_t i = 0; i < l->cnames; i++)
		l->cname[i] = get_text(c);
	l->answers = (size_t)get_number(c, LOOKUP_ANSWERS_MAX);
	for (size_t i = 0; i < l->answers; i++) {
		l->answer[i].addr = get_addr(c);
		l->answer[i].ttl_s = (uint32_t)get_number(c, UINT32_MAX);
	}
	l->uid = get_text(c);
	l->process = get_text(c);
}

void record_get(struct cur *c, struct journal_record *ret)
{
	ret->event.kind = EVENT_NONE;
	ret->note = 0;
	ret->bytes = (struct span){0};
	switch (cur_u8(c)) {
	case RECORD_CONN:
		ret->event.kind = EVENT_CONN;
		ret->event.conn = (struct conn){0};
		get_conn(c, &ret->event.conn);
		break;
	case RECORD_LOOKUP:
		ret->event.kind = EVENT_LOOKUP;
		ret->event.lookup = (struct lookup){0};
		get_lookup(c, &ret->event.lookup);
		break;
	case RECORD_NOTE:
		ret->note = cur_u8(c);
		ret->bytes = cur_bytes(c, c->len <= JOURNAL_NOTE_MAX ? c->len : 0);
		break;
	default:
		cur_fail(c, CUR_BAD);
	}
	if (c->len > 0)
		cur_fail(c, CUR_BAD);
}

enum cur_state record_next(struct cur *c, struct journal_record *ret)
{
	struct cur frame = *c;
	uint32_t crc = cur_be32(&frame);
	struct cur covered = frame;
	uint32_t len = cur_be32(&frame);
	if (cur_ok(&frame) && (len == 0 || len > RECORD_BYTES_MAX))
		return CUR_BAD;
	struct span bytes = cur_bytes(&frame, len);
	if (!cur_ok(&frame))
		return frame.state;
	struct span all = cur_bytes(&covered, 4 + (size_t)len);
	if (record_crc(all.ptr, all.len) != crc)
		return CUR_BAD;
	struct cur body = cur_of(bytes.ptr, bytes.len);
	record_get(&body, ret);
	if (!cur_ok(&body))
		return CUR_BAD;
	*c = frame;
	return CUR_OK;
}
