/* Events for tests: what a host did, in seconds since a fixed start. */
#pragma once

#include <string.h>

#include "base/limits.h"
#include "base/testing.h"
#include "host/host.h"

#define TEST_START_NS (INT64_C(1700000000) * NS_PER_S)

static inline int64_t at(double s)
{
	return TEST_START_NS + (int64_t)(s * 1e9);
}

static inline struct addr test_addr(const char *text)
{
	struct addr a = {0};
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* A TCP conversation of 10.0.0.5, over and told at once. A failure is learnt fail_s after the
 * start. */
static inline struct event conn_event(
	const char *server, uint16_t port, double start_s, enum outcome outcome, double fail_s)
{
	static uint64_t id;
	id++;
	struct event e = {.kind = EVENT_CONN};
	struct conn *c = &e.conn;
	*c = (struct conn){.id = id,
		.settled = true,
		.ended = true,
		.start_ns = at(start_s),
		.end_ns = at(start_s + 1),
		.client = test_addr("10.0.0.5"),
		.server = test_addr(server),
		.client_port = (uint16_t)(20000 + id % 40000),
		.server_port = port,
		.ip_proto = 6,
		.transport = TRANSPORT_TCP,
		.outcome = outcome,
		.packets_out = 3,
		.packets_in = 3,
		.tries = 1};
	if (outcome_is_failure(outcome))
		c->fail_ns = at(start_s + fail_s);
	return e;
}

/* A question of 10.0.0.5, answered (or not) 20 ms later; answer NULL: none. */
static inline struct event lookup_event(
	const char *name, double start_s, enum outcome outcome, const char *answer)
{
	static uint64_t id;
	id++;
	struct event e = {.kind = EVENT_LOOKUP};
	struct lookup *l = &e.lookup;
	*l = (struct lookup){.id = (UINT64_C(1) << 40) + id,
		.query_ns = at(start_s),
		.repeat_ns = at(start_s),
		.answer_ns = at(start_s + 0.02),
		.client = test_addr("10.0.0.5"),
		.resolver = test_addr("10.0.0.1"),
		.client_port = 5353,
		.transport = TRANSPORT_UDP,
		.outcome = outcome,
		.qtype = 1,
		.name = name};
	if (outcome_is_failure(outcome))
		l->fail_ns = l->answer_ns;
	if (answer != NULL)
		l->answer[l->answers++] = (struct answer){test_addr(answer), 60};
	return e;
}

/* ---- hosts to add events to, and what is seen of the first ---- */

struct rig {
	struct strings *strings;
	struct hosts *hosts;
	struct arena arena;
	struct view view;
};

static inline void rig_start_with(struct rig *r, struct host_hooks hooks)
{
	assert_int_equal(strings_new(&r->strings, 4 << 20, 1 << 16), 0);
	struct hosts_options options = {.strings = r->strings, .hooks = hooks};
	assert_int_equal(hosts_new(&r->hosts, &options), 0);
	assert_int_equal(arena_init(&r->arena, 1 << 20), 0);
}

static inline void rig_start(struct rig *r)
{
	rig_start_with(r, (struct host_hooks){0});
}

static inline void rig_stop(struct rig *r)
{
	arena_fini(&r->arena);
	hosts_free(r->hosts);
	strings_free(r->strings);
}

static inline const struct view *rig_look(struct rig *r)
{
	arena_reset(&r->arena, 0);
	assert_true(host_view(r->hosts, hosts_get(r->hosts, 0), &r->arena, &r->view));
	return &r->view;
}
