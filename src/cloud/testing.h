/* What the tests of cloud/ share: policies made at random, from a seed that a failure names, and
 * flows at the bounds of all that their rules speak of. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/testing.h"
#include "cloud/cloud.h"

/* One in so many flows of a policy is asked. */
#define SAMPLE 6

/* ---- policies ---- */

static uint64_t seed;

static inline unsigned any_of(unsigned count)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((seed >> 33) % count);
}

static const char *const services[] = {
	"web", "https", "quic", "dns", "ssh", "ping", "icmp", "high", "any", "udp"};
static const char *const ends[] = {"any", "203.0.113.0/24", "203.0.113.64/26", "198.51.100.7",
	"vendor", "mixed", "below", "\"2001:db8:9::/48\""};
static const char *const sources[] = {
	"any", "office", "lab", "10.0.0.5", "10.0.0.0/25", "\"2001:db8:1::/64\"", "10.0.1.7"};
static const char *const actions[] = {"allow", "allow", "deny", "reject"};

#define HEAD                                                                       \
	"version: 1\nzones:\n"                                                     \
	"  office: {networks: [10.0.0.0/24, \"2001:db8:1::/48\"], default: %s}\n"  \
	"  lab: {networks: [10.0.1.0/24, 10.0.0.128/25], default: %s}\n"           \
	"services:\n"                                                              \
	"  web: {protocol: tcp, ports: [80, 443]}\n"                               \
	"  https: {protocol: tcp, ports: 443, as: tls}\n"                          \
	"  quic: {protocol: udp, ports: 443, as: quic}\n"                          \
	"  dns: {protocol: [tcp, udp], ports: 53, as: dns}\n"                      \
	"  ssh: {protocol: tcp, ports: 22, as: ssh}\n"                             \
	"  ping: {protocol: icmp, types: [8, 128]}\n"                              \
	"  icmp: {protocol: icmp}\n"                                               \
	"  high: {protocol: [tcp, udp], ports: 8000-9000}\n"                       \
	"  udp: {protocol: udp}\n"                                                 \
	"destinations:\n"                                                          \
	"  vendor: {names: [vendor.example, \"*.vendor.example\"]}\n"              \
	"  below: {names: \"*.vendor.example\"}\n"                                 \
	"  mixed: {names: [a.example], networks: [203.0.113.128/25, 192.0.2.1]}\n" \
	"rules:\n"

static inline void make_policy(struct out *o)
{
	unsigned rules = 1 + any_of(7);
	out_clear(o);
	const char *first = actions[any_of(4)], *second = actions[any_of(4)];
	out_printf(o, HEAD, first, second);
	for (unsigned i = 0; i < rules; i++) {
		const char *service = services[any_of(ARRAY_LEN(services))];
		const char *more = services[any_of(ARRAY_LEN(services))];
		/* one after the other: arguments have no order */
		const char *from = sources[any_of(ARRAY_LEN(sources))];
		const char *to = ends[any_of(ARRAY_LEN(ends))];
		const char *action = actions[any_of(ARRAY_LEN(actions))];
		out_printf(o,
			"  - {id: r%u, owner: o, why: 'a \"b\"; c\\ ${x}', from: %s, to: %s, "
			"service: [%s, %s], action: %s}\n",
			i, from, to, service, more, action);
	}
}

/* ---- flows ---- */

static const char *const from4[] = {"10.0.0.5", "10.0.0.4", "10.0.0.6", "10.0.0.127", "10.0.0.128",
	"10.0.0.255", "10.0.1.0", "10.0.1.7"};
static const char *const from6[] = {"2001:db8:1::1", "2001:db8:1:1::1"};
static const char *const to4[] = {"203.0.113.0", "203.0.112.255", "203.0.113.63", "203.0.113.64",
	"203.0.113.127", "203.0.113.128", "203.0.113.255", "203.0.114.0", "198.51.100.7",
	"198.51.100.6", "198.51.100.8", "192.0.2.1"};
static const char *const to6[] = {"2001:db8:9::1", "2001:db8:a::1"};

static const struct {
	uint8_t proto;
	uint16_t port;
	const char *as, *name;
} talks[] = {
	{6, 443, "tls", "vendor.example"},
	{6, 443, "tls", "www.vendor.example"},
	{6, 443, "tls", "a.example"},
	{6, 443, "tls", "xvendor.example"},
	{6, 443, "tls", ""},
	{6, 442, "tls", "a.example"},
	{6, 80, "http", "www.vendor.example"},
	{6, 80, "http", "b.example"},
	{6, 81, "http", "a.example"},
	{6, 80, "", NULL},
	{6, 443, "ssh", NULL},
	{6, 22, "ssh", NULL},
	{6, 22, "", NULL},
	{6, 53, "dns", NULL},
	{6, 7999, "", NULL},
	{6, 8000, "", NULL},
	{6, 9000, "tls", "a.example"},
	{6, 9001, "", NULL},
	{17, 443, "quic", "www.vendor.example"},
	{17, 443, "quic", "c.example"},
	{17, 443, "", NULL},
	{17, 53, "dns", NULL},
	{17, 53, "", NULL},
	{17, 8000, "", NULL},
	{17, 9001, "", NULL},
	{1, 8, "", NULL},
	{1, 0, "", NULL},
	{1, 13, "", NULL},
	{47, 0, "", NULL},
};

static inline struct addr addr_from(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

typedef void ask_flow(void *context, const struct policy_flow *flow);

static inline void each_talk(struct policy_flow flow, bool v4, ask_flow *ask, void *context)
{
	for (size_t i = 0; i < ARRAY_LEN(talks); i++) {
		flow.proto = talks[i].proto;
		flow.port = talks[i].port;
		flow.as = talks[i].as;
		flow.name = talks[i].name;
		if (!v4 && flow.proto == 1) {
			flow.proto = 58;
			flow.port = flow.port == 8 ? 128 : flow.port;
		}
		if (any_of(SAMPLE) == 0)
			ask(context, &flow);
	}
}

static inline void each_flow(ask_flow *ask, void *context)
{
	struct policy_flow flow = {.src_port = 40000};
	for (size_t s = 0; s < ARRAY_LEN(from4); s++)
		for (size_t d = 0; d < ARRAY_LEN(to4); d++) {
			flow.src = addr_from(from4[s]);
			flow.dst = addr_from(to4[d]);
			each_talk(flow, true, ask, context);
		}
	for (size_t s = 0; s < ARRAY_LEN(from6); s++)
		for (size_t d = 0; d < ARRAY_LEN(to6); d++) {
			flow.src = addr_from(from6[s]);
			flow.dst = addr_from(to6[d]);
			each_talk(flow, false, ask, context);
		}
}

static inline void say_flow(struct out *o, const struct policy_flow *f)
{
	char src[ADDR_TEXT_BYTES], dst[ADDR_TEXT_BYTES];
	out_printf(o, "%u %s > %s:%u as %s, name %s", f->proto, addr_text(&f->src, src),
		addr_text(&f->dst, dst), f->port, f->as == NULL ? "?" : f->as,
		f->name == NULL ? "?" : f->name);
}

static inline struct policy *parsed(const char *text)
{
	struct policy *p = NULL;
	struct fail why = {0};
	if (policy_parse(&p, "p.yaml", cur_of(text, strlen(text)), &why) < 0)
		fail_msg("%s: %s", text, why.text);
	return p;
}
