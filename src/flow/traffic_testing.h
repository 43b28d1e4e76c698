/* Bytes become traffic among few hosts and ports, so that conversations meet states and one
 * another; for the fuzz target and for tests with random bytes. And what must hold of the events,
 * whatever the traffic. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "flow/flow.h"

#define TRAFFIC_HOSTS 4
#define TRAFFIC_PORTS 6
#define TRAFFIC_LINES 64
#define TRAFFIC_T0    (INT64_C(1600000000) * NS_PER_S)

#define TRAFFIC_QUESTION 9u /* kinds of payload */
#define TRAFFIC_ANSWER   10u

struct traffic {
	struct cur c;
	int64_t now_ns;
	uint32_t seq[TRAFFIC_LINES]; /* by who sends to whom */
	struct packet last;
	bool has_last;
};

static inline struct traffic traffic_of(const uint8_t *data, size_t size)
{
	return (struct traffic){.c = cur_of(data, size), .now_ns = TRAFFIC_T0};
}

static inline struct addr traffic_addr(unsigned who)
{
	static const uint32_t v4[] = {0xc0a80102, 0xc6336407, 0xc0a80103};
	struct addr six = {{0x20, 1, 0x0d, 0xb8, [15] = 7}};
	return who % TRAFFIC_HOSTS < 3 ? addr_v4(v4[who % TRAFFIC_HOSTS]) : six;
}

static inline uint16_t traffic_port(unsigned which)
{
	static const uint16_t ports[TRAFFIC_PORTS] = {40000, 53, 443, 80, 3128, 40001};
	return ports[which % TRAFFIC_PORTS];
}

static inline struct span traffic_payload(struct traffic *t, size_t kind)
{
	static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 503 No\r\n\r\n",
		"CONNECT b.example:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 407 Who\r\n\r\n",
		"SSH-2.0-x\r\n"};
	static const uint8_t hello[] = {22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		0x13, 1, 1, 0, 0};
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 40}, data[] = {23, 3, 3, 0, 1, 'z'};
	static const uint8_t question[] = {
		0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};
	static const uint8_t answer[] = {
		0, 7, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};
	const struct span fixed[] = {{hello, sizeof hello}, {alert, sizeof alert},
		{data, sizeof data}, {question, sizeof question}, {answer, sizeof answer}};
	if (kind < ARRAY_LEN(texts))
		return (struct span){(const uint8_t *)texts[kind], strlen(texts[kind])};
	kind -= ARRAY_LEN(texts);
	if (kind < ARRAY_LEN(fixed))
		return fixed[kind];
	if (kind == ARRAY_LEN(fixed))
		return (struct span){0};
	size_t len = kind % 4 == 3 ? cur_be16(&t->c) % 2000u : cur_u8(&t->c) % 64u;
	return cur_bytes(&t->c, len < t->c.len ? len : t->c.len);
}

/* Time goes on by steps that matter somewhere, and now and then back. */
static inline void traffic_time(struct traffic *t, unsigned step)
{
	static const int64_t steps[8] = {0, NS_PER_US, NS_PER_MS, 6 * NS_PER_MS, NS_PER_S,
		11 * NS_PER_S, 121 * NS_PER_S, -2 * NS_PER_S};
	t->now_ns += steps[step % 8];
	if (step % 64 == 63)
		t->now_ns += ((int64_t)(int16_t)cur_be16(&t->c)) * NS_PER_S;
}

static inline void traffic_tcp(struct traffic *t, struct packet *p, unsigned line, unsigned twin)
{
	static const uint8_t usual[8] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK, TCP_ACK | TCP_PSH,
		TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN, TCP_ACK | TCP_RST, TCP_RST};
	uint8_t how = cur_u8(&t->c);
	p->tcp_flags = (how & 0x10) == 0 ? usual[how & 7] : cur_u8(&t->c) & 0x1f;
	p->tcp_seq = t->seq[line];
	p->tcp_ack = t->seq[twin];
	unsigned odd = how >> 5;
	if (odd == 1)
		p->tcp_seq -= cur_u8(&t->c);
	else if (odd == 2)
		p->tcp_seq += cur_u8(&t->c);
	else if (odd == 3)
		p->tcp_seq = cur_be32(&t->c);
	else if (odd == 4)
		p->tcp_ack = cur_be32(&t->c);
	if (odd < 3)
		t->seq[line] = p->tcp_seq + p->payload_wire + ((p->tcp_flags & TCP_SYN) != 0) +
		               ((p->tcp_flags & TCP_FIN) != 0);
}

/* The next packet; false at the end. Its bytes live as long as the data. */
static inline bool traffic_next(struct traffic *t, struct packet *ret)
{
	if (t->c.len == 0)
		return false;
	uint8_t what = cur_u8(&t->c), who = cur_u8(&t->c), ports = cur_u8(&t->c);
	traffic_time(t, what >> 2);
	if (what % 4 == 3 && t->has_last) { /* the same again */
		t->last.time_ns = t->now_ns;
		*ret = t->last;
		return true;
	}
	static const uint8_t protos[4] = {IP_TCP, IP_UDP, IP_ICMP, 47};
	unsigned src = who % TRAFFIC_HOSTS, dst = (who >> 2) % TRAFFIC_HOSTS;
	struct packet p = {.time_ns = t->now_ns,
		.src = traffic_addr(src),
		.dst = traffic_addr(dst),
		.proto = (who >> 4) % 4 == 2 ? protos[(who >> 6) % 4] : protos[(who >> 4) % 2],
		.src_port = traffic_port(ports % 16),
		.dst_port = traffic_port(ports / 16)};
	unsigned kind = cur_u8(&t->c) % 16u;
	if (p.proto == IP_UDP && (kind == TRAFFIC_QUESTION || kind == TRAFFIC_ANSWER)) {
		p.src_port = kind == TRAFFIC_QUESTION ? 40000 : 53;
		p.dst_port = kind == TRAFFIC_QUESTION ? 53 : 40000;
	}
	struct span payload = traffic_payload(t, kind);
	p.payload = cur_of(payload.ptr, payload.len);
	p.payload_wire = (uint32_t)payload.len;
	if (what % 4 == 2) { /* the capture cut it */
		p.payload.len = p.payload.len > 8 ? 8 : p.payload.len;
		p.payload_wire += 5;
	}
	if (p.proto == IP_TCP)
		traffic_tcp(t, &p, src << 4 | dst << 2 | ports % 4,
			dst << 4 | src << 2 | ports / 16 % 4);
	if (p.proto == IP_ICMP) {
		p.src_port = ports % 16;
		p.dst_port = ports / 16;
		p.quoted = (struct quoted){.present = p.src_port == 3,
			.src = p.dst,
			.dst = p.src,
			.proto = protos[cur_u8(&t->c) % 2],
			.src_port = traffic_port(cur_u8(&t->c)),
			.dst_port = traffic_port(cur_u8(&t->c))};
	}
	t->last = p;
	t->has_last = true;
	*ret = p;
	return true;
}

/* What was told so far. */
struct told {
	uint64_t conversations, packets, lookups; /* ends, and the packets in them */
	uint64_t sum;                             /* of all events, in their order */
};

static inline void told_add(struct told *t, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		t->sum = (t->sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3; /* FNV-1a */
}

static inline void told_text(struct told *t, const char *text)
{
	told_add(t, text == NULL ? "" : text, text == NULL ? 1 : strlen(text) + 1);
}

static inline void told_number(struct told *t, int64_t number)
{
	told_add(t, &number, sizeof number);
}

static inline void told_conn(struct told *t, const struct conn *c)
{
	CHECK(c->id != 0 && (c->settled || c->ended));
	CHECK(c->start_ns > 0 && c->end_ns >= c->start_ns);
	CHECK((c->fail_ns != 0) == outcome_is_failure(c->outcome));
	CHECK(c->fail_ns == 0 || c->fail_ns >= c->start_ns);
	CHECK(c->leave_ns == 0 || (c->outcome == OUTCOME_SILENT && c->leave_ns > c->fail_ns));
	CHECK(c->packets_in + c->packets_out > 0);
	CHECK(c->one_way == (c->packets_in == 0 || c->packets_out == 0));
	CHECK(c->name == NULL ? c->name_source == NAME_NONE : c->name_source != NAME_NONE);
	if (!c->ended)
		CHECK(c->outcome == OUTCOME_OK);
	if (c->ended) {
		t->conversations++;
		t->packets += c->packets_in + c->packets_out;
	}
	const int64_t numbers[] = {(int64_t)c->id, c->settled, c->ended, c->joined, c->inferred,
		c->one_way, c->start_ns, c->fail_ns, c->leave_ns, c->end_ns, c->client_port,
		c->server_port, c->ip_proto, (int64_t)c->outcome, (int64_t)c->packets_out,
		(int64_t)c->packets_in, (int64_t)c->bytes_out, (int64_t)c->bytes_in, c->tries,
		c->request_bytes, c->response_bytes, c->first_data_ns, (int64_t)c->name_source,
		c->http_status, c->to_proxy};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		told_number(t, numbers[i]);
	told_add(t, &c->client, sizeof c->client);
	told_add(t, &c->server, sizeof c->server);
	const char *const texts[] = {c->name, c->service, c->ja3, c->ja4, c->alpn, c->user_agent,
		c->method, c->certificate};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		told_text(t, texts[i]);
}

static inline void told_lookup(struct told *t, const struct lookup *l)
{
	CHECK(l->id != 0 && l->query_ns > 0 && l->repeat_ns >= l->query_ns);
	CHECK((l->fail_ns != 0) == outcome_is_failure(l->outcome));
	t->lookups++;
	const int64_t numbers[] = {(int64_t)l->id, l->query_ns, l->repeat_ns, l->answer_ns,
		l->fail_ns, l->client_port, (int64_t)l->transport, (int64_t)l->outcome, l->qtype,
		l->rcode, (int64_t)l->cnames, (int64_t)l->answers};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		told_number(t, numbers[i]);
	told_text(t, l->name);
}

static inline void told_drain(struct told *t, struct flow_table *table)
{
	for (const struct event *e = flow_table_next(table); e != NULL;
		e = flow_table_next(table)) {
		CHECK(e->kind == EVENT_CONN || e->kind == EVENT_LOOKUP);
		if (e->kind == EVENT_CONN)
			told_conn(t, &e->conn);
		else
			told_lookup(t, &e->lookup);
	}
}

/* Runs the traffic through a new table to its end, and checks that nothing got lost. shift_ns is
 * added to all times. */
static inline struct told traffic_run(
	const uint8_t *data, size_t size, struct flow_options options, int64_t shift_ns)
{
	struct strings *strings = NULL;
	struct flow_table *table = NULL;
	CHECK(strings_new(&strings, 1 << 16, 1 << 10) == 0);
	options.strings = strings;
	CHECK(flow_table_new(&table, &options) == 0);
	struct traffic t = traffic_of(data, size);
	struct told told = {0};
	struct packet p;
	while (traffic_next(&t, &p)) {
		p.time_ns += shift_ns;
		flow_table_add(table, &p);
		told_drain(&told, table);
		const struct flow_stats *s = flow_table_stats(table);
		CHECK(s->conversations - told.conversations <= options.conversations_max);
		CHECK(s->lookups >= told.lookups + s->lookups_evicted + s->lookups_untold);
	}
	flow_table_finish(table);
	told_drain(&told, table);
	const struct flow_stats *s = flow_table_stats(table);
	CHECK(told.conversations == s->conversations);
	CHECK(told.lookups + s->lookups_evicted + s->lookups_untold == s->lookups);
	CHECK(s->packets ==
		told.packets + s->messages + s->errors + s->duplicates + s->strays + s->group);
	flow_table_free(table);
	strings_free(strings);
	return told;
}
