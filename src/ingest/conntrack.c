/* The kernel's table of connections, as conntrack(8) tells it: events (`conntrack -E -o
 * timestamp,extended,id`), one row when a connection is new, when its state changes and when it is
 * forgotten; and the table itself (`conntrack -L`, /proc/net/nf_conntrack), which has no times.
 *
 *   [1795608000.123456] [NEW] ipv4 2 tcp 6 120 SYN_SENT src=10.0.0.5 dst=192.0.2.1 sport=40001
 *   dport=443 [UNREPLIED] src=192.0.2.1 dst=10.0.0.5 sport=443 dport=40001 id=123456
 *
 * The first tuple is the client's view, the second how answers look (NAT). With accounting (net.
 * netfilter.nf_conntrack_acct) rows have packets= and bytes= behind each, with headers. */
#include <errno.h>

#include "base/limits.h"
#include "base/scan.h"
#include "ingest/keyed.h"
#include "ingest/lines.h"

/* Connections whose beginning was told and whose end was not. */
#define FLOWS_MAX ((size_t)1 << 16)
/* Headers are not payload: IP's and the transport's without options. */
#define V4_BYTES 20u
#define V6_BYTES 40u

enum change { CHANGE_NEW, CHANGE_UPDATE, CHANGE_DESTROY, CHANGE_LISTED };

struct tuple {
	struct span src, dst, src_port, dst_port; /* ICMP: type and code */
	struct span packets, bytes;
};

struct entry { /* a row */
	enum change change;
	int64_t time_ns;
	struct span proto, state, id, delta;
	uint64_t timeout_s; /* until it is forgotten when nothing more comes; 0 unknown */
	struct tuple tuple[2];
	size_t tuples;
	unsigned ids; /* behind the second tuple's src */
	bool unreplied, icmp;
};

struct flow {
	struct conn conn;
	uint64_t key;       /* of its record in the sink */
	uint64_t timeout_s; /* when it was new */
	bool told, answered;
};

/* ---- a row ---- */

static bool take(struct span *rest, const char *text)
{
	if (!span_begins(*rest, text))
		return false;
	*rest = (struct span){rest->ptr + strlen(text), rest->len - strlen(text)};
	return true;
}

static void skip_space(struct span *rest)
{
	while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
		*rest = (struct span){rest->ptr + 1, rest->len - 1};
}

static struct span next_word(struct span *rest)
{
	struct span word = {0};
	skip_space(rest);
	(void)span_next(rest, ' ', &word);
	return word;
}

/* "[1795608000.123456]". Versions before 1.4.7 write microseconds without leading zeros and pad
 * them with spaces behind. */
static bool take_stamp(struct span *rest, int64_t *ret_ns)
{
	struct span in = *rest, stamp, seconds;
	uint64_t s = 0, us = 0;
	if (!take(&in, "[") || in.len == 0 || in.ptr[0] < '0' || in.ptr[0] > '9' ||
		!span_next(&in, ']', &stamp) || !span_next(&stamp, '.', &seconds))
		return false;
	if (scan_max(span_trim(seconds), (uint64_t)(READER_TIME_MAX / NS_PER_S) - 1, &s) < 0 ||
		scan_max(span_trim(stamp), 999999, &us) < 0)
		return false;
	*rest = in;
	*ret_ns = (int64_t)s * NS_PER_S + (int64_t)us * NS_PER_US;
	return true;
}

static bool take_change(struct span *rest, enum change *ret)
{
	static const struct {
		const char *word;
		enum change change;
	} words[] = {
		{"[NEW]", CHANGE_NEW}, {"[UPDATE]", CHANGE_UPDATE}, {"[DESTROY]", CHANGE_DESTROY}};
	skip_space(rest);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!take(rest, words[i].word))
			continue;
		*ret = words[i].change;
		return true;
	}
	return false;
}

static bool is_number(struct span s)
{
	uint64_t n;
	return scan_u64(s, &n) == 0;
}

/* "ipv4 2 tcp 6 120 SYN_SENT ", "tcp 6 ", "udp 17 30 ": up to the first tuple. */
static bool take_head(struct span *rest, struct entry *e)
{
	struct span word = next_word(rest);
	if (span_is(word, "ipv4") || span_is(word, "ipv6")) {
		(void)next_word(rest);
		word = next_word(rest);
	}
	e->proto = next_word(rest); /* the name is another way to say it */
	skip_space(rest);
	if (word.len == 0 || !is_number(e->proto))
		return false;
	for (int i = 0; i < 2 && !span_begins(*rest, "src=") && rest->len > 0; i++) {
		word = next_word(rest);
		if (scan_u64(word, &e->timeout_s) < 0)
			e->state = word;
		skip_space(rest);
	}
	return span_begins(*rest, "src=");
}

static void take_field(struct entry *e, struct span field)
{
	struct span value = field;
	if (take(&value, "src=") && e->tuples < ARRAY_LEN(e->tuple))
		e->tuple[e->tuples++].src = value;
	else if (span_is(field, "[UNREPLIED]"))
		e->unreplied = true;
	if (e->tuples == 0)
		return;
	struct tuple *t = &e->tuple[e->tuples - 1];
	const struct {
		const char *key;
		struct span *to;
	} keys[] = {{"dst=", &t->dst}, {"sport=", &t->src_port}, {"dport=", &t->dst_port},
		{"type=", &t->src_port}, {"code=", &t->dst_port}, {"packets=", &t->packets},
		{"bytes=", &t->bytes}, {"delta-time=", &e->delta}};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		value = field;
		if (take(&value, keys[i].key) && keys[i].to->len == 0)
			*keys[i].to = value;
	}
	e->icmp |= span_begins(field, "type=");
	/* ICMP has an id of its own in each tuple; the entry's stands behind them */
	value = field;
	if (e->tuples == 2 && take(&value, "id=") && e->ids++ == (e->icmp ? 1 : 0))
		e->id = value;
}

/* NULL, or why it is none. */
static const char *read_entry(struct span line, struct entry *ret)
{
	struct entry e = {.change = CHANGE_LISTED};
	struct span field;
	bool stamped = take_stamp(&line, &e.time_ns);
	bool event = take_change(&line, &e.change);
	if (!take_head(&line, &e))
		return "no protocol and addresses in it";
	if (event && !stamped)
		return "it has no time: conntrack must be told -o timestamp";
	while (line.len > 0) {
		field = next_word(&line);
		take_field(&e, field);
	}
	*ret = e;
	return NULL;
}

/* ---- what it says ---- */

static uint64_t count(struct span text)
{
	uint64_t n = 0;
	return scan_u64(text, &n) < 0 ? 0 : n;
}

/* Bytes above the transport header, options of both taken for payload. */
static uint64_t payload(const struct tuple *t, const struct conn *c)
{
	uint64_t packets = count(t->packets), bytes = count(t->bytes);
	uint64_t header = (addr_is_v4(&c->client) ? V4_BYTES : V6_BYTES) +
	                  (c->transport == TRANSPORT_TCP ? 20u : 8u);
	return packets > UINT32_MAX || bytes < packets * header ? 0 : bytes - packets * header;
}

static const char *conn_of(const struct entry *e, struct conn *ret)
{
	const struct tuple *t = &e->tuple[0];
	struct conn c = {.start_ns = e->time_ns, .end_ns = e->time_ns};
	uint64_t proto = 0, from = 0, to = 0;
	if (scan_addr(t->src, &c.client) < 0 || scan_addr(t->dst, &c.server) < 0)
		return "no address in src or dst";
	if (scan_max(e->proto, UINT8_MAX, &proto) < 0)
		return "no protocol in it";
	c.ip_proto = (uint8_t)proto;
	c.transport = transport_of(c.ip_proto);
	if (c.transport != TRANSPORT_OTHER && (scan_max(t->src_port, UINT16_MAX, &from) < 0 ||
						      scan_max(t->dst_port, UINT16_MAX, &to) < 0))
		return "no ports in it";
	c.client_port = (uint16_t)from;
	c.server_port = (uint16_t)to;
	c.packets_out = count(t->packets);
	c.bytes_out = payload(t, &c);
	c.packets_in = count(e->tuple[1].packets);
	c.bytes_in = payload(&e->tuple[1], &c);
	*ret = c;
	return NULL;
}

static uint64_t key_of(struct sink *s, const struct entry *e, const struct conn *c)
{
	uint8_t bytes[64];
	size_t len = 0;
	memcpy(bytes, c->client.byte, 16);
	memcpy(bytes + 16, c->server.byte, 16);
	len = 32;
	const uint16_t ports[] = {c->client_port, c->server_port, c->ip_proto};
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		bytes[len++] = (uint8_t)(ports[i] >> 8);
		bytes[len++] = (uint8_t)ports[i];
	}
	uint64_t id = count(e->id);
	for (size_t i = 0; i < 8; i++)
		bytes[len++] = (uint8_t)(id >> 8 * i);
	return sink_key_bytes(s, bytes, len);
}

/* ---- the life of a connection ---- */

static void fail(struct conn *c, enum outcome outcome, int64_t at_ns)
{
	c->outcome = outcome;
	c->fail_ns = at_ns < c->start_ns ? c->start_ns : at_ns;
}

/* Settles and tells it. */
static void tell(struct sink *s, struct flow *f)
{
	if (f->conn.outcome == OUTCOME_UNKNOWN)
		sink_remark(s, REMARK_NO_OUTCOME);
	f->told = true;
	sink_conn(s, f->key, &f->conn);
}

/* What is still open at the end, or when another takes its place. */
static void let_go(struct sink *s, struct keyed *table, uint64_t key)
{
	struct flow *f = keyed_find(table, key);
	if (!f->told)
		tell(s, f);
	keyed_remove(table, key);
}

static void finish(struct sink *s, struct keyed *table)
{
	uint64_t key;
	while (keyed_oldest(table, &key) != NULL)
		let_go(s, table, key);
}

static struct flow *begin(struct sink *s, struct keyed *table, uint64_t key, const struct conn *c)
{
	uint64_t oldest;
	if (keyed_find(table, key) != NULL)
		let_go(s, table, key);
	while (keyed_full(table) && keyed_oldest(table, &oldest) != NULL)
		let_go(s, table, oldest);
	struct flow *f = keyed_push(table, key);
	f->conn = *c;
	f->conn.tries = 1;
	if (f->conn.packets_out == 0)
		f->conn.packets_out = 1;
	const struct {
		uint64_t key, start;
	} record = {key, (uint64_t)c->start_ns};
	f->key = sink_key_bytes(s, &record, sizeof record);
	return f;
}

static bool answered(const struct entry *e)
{
	return !e->unreplied && e->tuples == 2;
}

/* TCP's state changed, or another protocol's first answer came. */
static void update(struct sink *s, struct flow *f, const struct entry *e)
{
	struct conn *c = &f->conn;
	bool tcp = c->transport == TRANSPORT_TCP, first = answered(e) && !f->answered;
	f->answered |= answered(e);
	if (f->told)
		return;
	c->end_ns = e->time_ns > c->end_ns ? e->time_ns : c->end_ns;
	if (c->packets_in == 0 && f->answered)
		c->packets_in = 1;
	if (!tcp || span_is(e->state, "ESTABLISHED")) {
		c->outcome = answered(e) ? OUTCOME_OK : OUTCOME_UNKNOWN;
		if (answered(e))
			tell(s, f);
	} else if (span_is(e->state, "CLOSE") && first && !c->joined) {
		fail(c, OUTCOME_REFUSED, e->time_ns); /* the first answer was a RST */
		tell(s, f);
	} else if (span_is(e->state, "CLOSE") || span_is(e->state, "FIN_WAIT")) {
		tell(s, f); /* left before it was open, by which side is not said */
	}
}

/* When the client asked last: so long before it was forgotten. Its timer doubles, which bounds it
 * where the packets were counted. */
static int64_t last_asked(const struct flow *f, int64_t forgotten_ns)
{
	const struct conn *c = &f->conn;
	int64_t last = forgotten_ns - (int64_t)(f->timeout_s % 86400) * NS_PER_S;
	int64_t timers = c->packets_out > 16 ? INT64_C(1) << 16 : INT64_C(1) << c->packets_out;
	int64_t latest = c->start_ns + 3 * (timers / 2 - 1) * NS_PER_S;
	if (c->transport == TRANSPORT_TCP && last > latest && c->tries > 0)
		last = latest;
	return last;
}

/* It is forgotten: what it was in numbers, and that nothing answered if nothing did. */
static void destroy(struct sink *s, struct flow *f, const struct conn *now, const struct entry *e)
{
	struct conn *c = &f->conn;
	c->end_ns = e->time_ns > c->end_ns ? e->time_ns : c->end_ns;
	c->packets_out = now->packets_out > c->packets_out ? now->packets_out : c->packets_out;
	c->packets_in = now->packets_in > c->packets_in ? now->packets_in : c->packets_in;
	c->bytes_out = now->bytes_out;
	c->bytes_in = now->bytes_in;
	if (f->told) {
		c->joined = true; /* it begins nothing, should the sink have forgotten it */
		sink_conn(s, f->key, c);
		return;
	}
	if (e->unreplied && !f->answered && !c->joined) {
		bool counted = now->packets_out > 0;
		int64_t last =
			counted || f->timeout_s > 0 ? last_asked(f, e->time_ns) : c->start_ns;
		c->tries = (uint32_t)(c->packets_out > UINT16_MAX ? UINT16_MAX : c->packets_out);
		fail(c, OUTCOME_SILENT, last);
		c->end_ns = c->fail_ns;
		if (c->transport == TRANSPORT_TCP)
			c->bytes_out = 0; /* a SYN's options, not payload */
	} else if (!e->unreplied && (c->transport != TRANSPORT_TCP || now->packets_in >= 3)) {
		c->outcome = OUTCOME_OK; /* more than a RST, or than a SYN, ACK and its RST */
	}
	tell(s, f);
}

/* A row whose connection began before the log did. Accounting of times tells since when it was
 * there. */
static struct flow *begun_before(struct sink *s, struct keyed *table, uint64_t key,
	const struct entry *e, const struct conn *c)
{
	struct flow *f = begin(s, table, key, c);
	uint64_t since_s;
	f->conn.joined = scan_max(e->delta, 86400 * UINT64_C(365), &since_s) < 0;
	if (!f->conn.joined)
		f->conn.start_ns -= (int64_t)since_s * NS_PER_S;
	f->answered = answered(e);
	return f;
}

static void tell_listed(struct sink *s, struct conn *c, const struct entry *e)
{
	uint64_t since_s;
	c->joined = scan_max(e->delta, 86400 * UINT64_C(365), &since_s) < 0;
	if (!c->joined)
		c->start_ns -= (int64_t)since_s * NS_PER_S;
	else
		sink_remark(s, REMARK_NO_TIME);
	c->outcome = e->unreplied ? OUTCOME_UNKNOWN : OUTCOME_OK;
	if (c->packets_in == 0 && !e->unreplied)
		c->packets_in = 1;
	sink_conn(s, 0, c);
}

static void take_event(
	struct sink *s, struct keyed *table, const struct entry *e, const struct conn *c)
{
	uint64_t key = key_of(s, e, c);
	if (e->change == CHANGE_NEW) {
		struct flow *fresh = begin(s, table, key, c);
		fresh->timeout_s = e->timeout_s;
		/* picked up in the middle: its state is not that of a SYN */
		fresh->conn.joined = c->transport == TRANSPORT_TCP && e->state.len > 0 &&
		                     !span_begins(e->state, "SYN_");
		return;
	}
	struct flow *f = keyed_find(table, key);
	if (f == NULL)
		f = begun_before(s, table, key, e, c);
	if (e->change == CHANGE_UPDATE) {
		update(s, f, e);
		return;
	}
	destroy(s, f, c, e);
	keyed_remove(table, key);
}

/* ---- the source ---- */

struct conntrack_log {
	int64_t written_ns;
};

static bool claims(struct cur start)
{
	struct entry e;
	struct span line = lines_first(start);
	int64_t ns;
	(void)take_stamp(&line, &ns);
	(void)take_change(&line, &e.change);
	e = (struct entry){0};
	return take_head(&line, &e) && span_find(line, " dst=") < line.len;
}

static int conntrack_open(struct reader *r, struct fail *why)
{
	struct conntrack_log *log = calloc(1, sizeof *log);
	if (log == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	log->written_ns = r->stream.unpack.raw.written_ns;
	r->log = log;
	return 0;
}

static void conntrack_close(struct reader *r)
{
	free(r->log);
}

static bool conntrack_next(struct reader *r, struct frame *ret)
{
	const struct conntrack_log *log = r->log;
	struct span line;
	if (!lines_next(r, &line))
		return false;
	struct span rest = line;
	int64_t ns = r->last_ns != 0 ? r->last_ns : log->written_ns;
	(void)take_stamp(&rest, &ns);
	*ret = lines_frame(r, line, ns, log);
	return true;
}

static void conntrack_parse(struct sink *sink, const struct frame *row)
{
	struct entry e;
	struct conn c;
	const char *why = read_entry((struct span){row->bytes, row->cap_bytes}, &e);
	if (why == NULL && e.change == CHANGE_LISTED)
		e.time_ns = row->time_ns;
	if (why == NULL)
		why = conn_of(&e, &c);
	if (why != NULL) {
		sink_reject(sink, why);
		return;
	}
	if (c.transport == TRANSPORT_OTHER) {
		sink_remark(sink, REMARK_NO_PORTS);
		return;
	}
	if (e.change == CHANGE_LISTED) {
		tell_listed(sink, &c, &e);
		return;
	}
	struct keyed *table =
		sink_table(sink, &format_conntrack, sizeof(struct flow), FLOWS_MAX, finish);
	if (table == NULL)
		sink_reject(sink, "out of memory");
	else
		take_event(sink, table, &e, &c);
}

const struct format format_conntrack = {.name = "conntrack",
	.claims = claims,
	.open = conntrack_open,
	.next = conntrack_next,
	.close = conntrack_close,
	.parse = conntrack_parse};
