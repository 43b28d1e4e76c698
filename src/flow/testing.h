/* For flow's tests: packets made directly, without frames, and the events that came of them. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/testing.h"
#include "flow/flow.h"

#define T0       (INT64_C(1600000000) * NS_PER_S)
#define MS(ms)   (T0 + (int64_t)(ms)*NS_PER_MS)
#define GOT_MAX  4096
#define A_CLIENT 0xc0a80102 /* 192.168.1.2 */
#define A_SERVER 0xc6336407 /* 198.51.100.7 */

enum from { OUT, IN }; /* the client's packet, or the server's */

struct world {
	struct strings *strings;
	struct flow_table *t;
	int64_t now_ns; /* time of the packets that are sent */
	struct event *got;
	size_t events;
};

/* Two ends that keep their numbers. */
struct line {
	struct addr addr[2];
	uint16_t port[2];
	uint32_t seq[2]; /* next to be sent */
};

static inline struct world world_of(struct flow_options options)
{
	struct world w = {.now_ns = T0, .got = calloc(GOT_MAX, sizeof *w.got)};
	assert_non_null(w.got);
	assert_int_equal(strings_new(&w.strings, 1 << 20, 1 << 14), 0);
	options.strings = w.strings;
	assert_int_equal(flow_table_new(&w.t, &options), 0);
	return w;
}

static inline struct world world_new(void)
{
	return world_of((struct flow_options){.conversations_max = 64, .lookups_max = 64});
}

static inline void world_free(struct world *w)
{
	flow_table_free(w->t);
	strings_free(w->strings);
	free(w->got);
}

static inline void drain(struct world *w)
{
	for (const struct event *e = flow_table_next(w->t); e != NULL; e = flow_table_next(w->t)) {
		assert_true(w->events < GOT_MAX);
		w->got[w->events++] = *e;
	}
}

static inline void give(struct world *w, const struct packet *p)
{
	flow_table_add(w->t, p);
	drain(w);
}

static inline void finish(struct world *w)
{
	flow_table_finish(w->t);
	drain(w);
}

static inline void at(struct world *w, int64_t ms)
{
	w->now_ns = T0 + ms * NS_PER_MS;
}

/* Time passes without packets. */
static inline void idle_until(struct world *w, int64_t ms)
{
	at(w, ms);
	flow_table_advance(w->t, w->now_ns);
	drain(w);
}

static inline struct line line_new(uint16_t client_port, uint16_t server_port)
{
	return (struct line){.addr = {addr_v4(A_CLIENT), addr_v4(A_SERVER)},
		.port = {client_port, server_port},
		.seq = {1000, 900000}};
}

static inline struct packet packet_of(const struct world *w, const struct line *l, enum from from,
	const void *payload, size_t len)
{
	return (struct packet){.time_ns = w->now_ns,
		.src = l->addr[from],
		.dst = l->addr[1 - from],
		.src_port = l->port[from],
		.dst_port = l->port[1 - from],
		.ttl = 64,
		.payload_wire = (uint32_t)len,
		.payload = cur_of(payload, len)};
}

/* The line's next segment, not yet given. */
static inline struct packet segment(struct world *w, struct line *l, enum from from, unsigned flags,
	const void *payload, size_t len)
{
	struct packet p = packet_of(w, l, from, payload, len);
	p.proto = IP_TCP;
	p.tcp_flags = (uint8_t)flags;
	p.tcp_seq = l->seq[from];
	p.tcp_ack = (flags & TCP_ACK) != 0 ? l->seq[1 - from] : 0;
	p.tcp_window = 65535;
	l->seq[from] += (uint32_t)len + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
	return p;
}

static inline struct packet send_flags(
	struct world *w, struct line *l, enum from from, unsigned flags)
{
	struct packet p = segment(w, l, from, flags, NULL, 0);
	give(w, &p);
	return p;
}

static inline struct packet send_bytes(
	struct world *w, struct line *l, enum from from, const void *payload, size_t len)
{
	struct packet p = segment(w, l, from, TCP_PSH | TCP_ACK, payload, len);
	give(w, &p);
	return p;
}

static inline struct packet send_text(
	struct world *w, struct line *l, enum from from, const char *text)
{
	return send_bytes(w, l, from, text, strlen(text));
}

/* The same packet again, now. */
static inline void again(struct world *w, const struct packet *p)
{
	struct packet copy = *p;
	copy.time_ns = w->now_ns;
	give(w, &copy);
}

/* SYN, SYN/ACK 1 ms and ACK 2 ms later. */
static inline void shake_hands(struct world *w, struct line *l)
{
	int64_t start = w->now_ns;
	send_flags(w, l, OUT, TCP_SYN);
	w->now_ns = start + NS_PER_MS;
	send_flags(w, l, IN, TCP_SYN | TCP_ACK);
	w->now_ns = start + 2 * NS_PER_MS;
	send_flags(w, l, OUT, TCP_ACK);
}

static inline struct line connected(struct world *w, uint16_t server_port)
{
	struct line l = line_new(40000, server_port);
	shake_hands(w, &l);
	at(w, 10);
	return l;
}

static inline struct packet datagram(
	struct world *w, const struct line *l, enum from from, const void *payload, size_t len)
{
	struct packet p = packet_of(w, l, from, payload, len);
	p.proto = IP_UDP;
	give(w, &p);
	return p;
}

/* An ICMP error that quotes the line's packet from OUT. */
static inline void unreachable(struct world *w, const struct line *l, uint8_t proto, uint16_t code)
{
	struct packet p = {.time_ns = w->now_ns,
		.proto = IP_ICMP,
		.src = addr_v4(0xc0a80101),
		.dst = l->addr[OUT],
		.src_port = 3,
		.dst_port = code,
		.quoted = {.present = true,
			.src = l->addr[OUT],
			.dst = l->addr[IN],
			.proto = proto,
			.src_port = l->port[OUT],
			.dst_port = l->port[IN]}};
	give(w, &p);
}

/* The only event so far, which must be the end of a conversation. */
static inline const struct conn *only_end(const struct world *w)
{
	assert_int_equal(w->events, 1);
	assert_int_equal(w->got[0].kind, EVENT_CONN);
	assert_true(w->got[0].conn.ended);
	return &w->got[0].conn;
}

static inline const struct conn *last_end(const struct world *w)
{
	assert_true(w->events > 0);
	const struct event *e = &w->got[w->events - 1];
	assert_int_equal(e->kind, EVENT_CONN);
	assert_true(e->conn.ended);
	return &e->conn;
}

/* The end of the conversation from this port. */
static inline const struct conn *end_of(const struct world *w, uint16_t client_port)
{
	for (size_t i = 0; i < w->events; i++) {
		const struct conn *c = &w->got[i].conn;
		if (w->got[i].kind == EVENT_CONN && c->ended && c->client_port == client_port)
			return c;
	}
	fail_msg("no end of the conversation from port %u", client_port);
	return NULL;
}

#define assert_outcome(conn, wanted) \
	assert_string_equal(outcome_name((conn)->outcome), outcome_name(wanted))
/* Times in ms after T0, so that a failing test can be read. */
#define assert_ms(time_ns, ms) assert_int_equal((time_ns)-T0, (int64_t)(ms)*NS_PER_MS)
