/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcer/rules.h"

#include <netinet/in.h>
#include <string.h>

#define S_NS      INT64_C(1000000000)
#define MINUTE_NS (60 * S_NS)

bool rules_is_v4(const uint8_t addr[static 16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(addr, mapped, sizeof mapped) == 0;
}

bool rules_net_has(const struct rules_net *net, const uint8_t addr[static 16])
{
	unsigned whole = net->bits / 8u, rest = net->bits % 8u;
	if (memcmp(net->addr, addr, whole) != 0)
		return false;
	return rest == 0 || ((net->addr[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

/* Not unspecified, loopback, of this link alone, or many. */
static bool is_one_far_address(const uint8_t a[static 16])
{
	static const uint8_t none[16], loopback[16] = {[15] = 1};
	if (rules_is_v4(a))
		return a[12] != 0 && a[12] != 127 && a[12] < 224 && !(a[12] == 169 && a[13] == 254);
	return memcmp(a, none, 16) != 0 && memcmp(a, loopback, 16) != 0 && a[0] != 0xff &&
	       !(a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

static bool is_net(const struct guard_command *c)
{
	struct rules_net net = {.bits = c->peer_bits};
	if (c->peer_bits == 0 || c->peer_bits > 128 || (c->peer_bits < 96 && rules_is_v4(c->peer)))
		return false;
	memcpy(net.addr, c->peer, 16);
	for (unsigned bit = net.bits; bit < 128; bit++)
		if ((net.addr[bit / 8] & (0x80u >> bit % 8)) != 0)
			return false;
	return true;
}

static bool has_port(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

static bool is_formed(const struct guard_command *c)
{
	static const uint8_t zero[sizeof c->reserved];
	bool same = rules_is_v4(c->host) == rules_is_v4(c->peer);
	bool host = is_one_far_address(c->host);
	if (c->version != GUARD_VERSION || memcmp(c->reserved, zero, sizeof zero) != 0)
		return false;
	switch (c->kind) {
	case GUARD_HELLO:
		return c->persistent <= 1 && c->channels >= 1 &&
		       c->channels <= GUARD_CHANNELS_MAX && c->hosts >= 1 &&
		       c->hosts <= GUARD_HOSTS_MAX && c->changes >= 1 &&
		       c->changes <= GUARD_CHANGES_MAX;
	case GUARD_NEVER:
		return is_net(c);
	case GUARD_BLOCK:
	case GUARD_UNBLOCK:
		return same && host && is_one_far_address(c->peer) && c->peer_bits == 128 &&
		       c->proto != 0 && (c->port == 0 || has_port(c->proto));
	case GUARD_ALLOW:
		return same && host && is_net(c) && has_port(c->proto) && c->port <= c->port_last;
	case GUARD_CONTAIN:
	case GUARD_RELEASE:
		return host;
	case GUARD_FLUSH:
	case GUARD_CLOSE:
	case GUARD_GATHER:
	case GUARD_REPLACE:
		return true;
	default:
		return false;
	}
}

static bool is_never(const struct rules *r, const uint8_t addr[static 16])
{
	for (uint32_t i = 0; i < r->lists.nevers; i++)
		if (rules_net_has(&r->lists.never[i], addr))
			return true;
	return false;
}

/* ---- what is remembered ---- */

static enum guard_reason add_never(struct rules_lists *r, const struct guard_command *c)
{
	struct rules_net net = {.bits = c->peer_bits};
	memcpy(net.addr, c->peer, 16);
	for (uint32_t i = 0; i < r->nevers; i++)
		if (r->never[i].bits <= net.bits && rules_net_has(&r->never[i], net.addr))
			return GUARD_REASON_NONE;
	if (r->nevers == GUARD_NEVER_MAX)
		return GUARD_REASON_FULL;
	r->never[r->nevers++] = net;
	return GUARD_REASON_NONE;
}

static bool is_same(const struct rules_allowed *a, const struct guard_command *c)
{
	return memcmp(a->host, c->host, 16) == 0 && memcmp(a->net.addr, c->peer, 16) == 0 &&
	       a->net.bits == c->peer_bits && a->proto == c->proto && a->port == c->port &&
	       a->port_last == c->port_last;
}

static enum guard_reason add_allowed(
	struct rules_lists *r, const struct guard_command *c, int64_t now_ns)
{
	struct rules_allowed *place = NULL;
	for (uint32_t i = 0; i < r->alloweds; i++) {
		if (is_same(&r->allowed[i], c)) {
			place = &r->allowed[i];
			break;
		}
		if (place == NULL && r->allowed[i].until_ns <= now_ns)
			place = &r->allowed[i];
	}
	if (place == NULL && r->alloweds == GUARD_ALLOWED_MAX)
		return GUARD_REASON_FULL;
	if (place == NULL)
		place = &r->allowed[r->alloweds++];
	*place = (struct rules_allowed){.net.bits = c->peer_bits,
		.port = c->port,
		.port_last = c->port_last,
		.proto = c->proto,
		.expiry_s = c->expiry_s,
		.until_ns = now_ns + c->expiry_s * S_NS};
	memcpy(place->host, c->host, 16);
	memcpy(place->net.addr, c->peer, 16);
	return GUARD_REASON_NONE;
}

static bool is_too_fast(struct rules *r, int64_t now_ns)
{
	if (r->minute_ns == 0 || now_ns - r->minute_ns >= MINUTE_NS) {
		r->minute_ns = now_ns;
		r->changes = 0;
	}
	return r->changes++ >= r->hello.changes;
}

static bool expires(const struct guard_command *c)
{
	return c->expiry_s >= 1 && c->expiry_s <= GUARD_EXPIRY_MAX_S;
}

enum guard_reason rules_ask(struct rules *r, const struct guard_command *c, int64_t now_ns)
{
	bool adds = c->kind == GUARD_BLOCK || c->kind == GUARD_CONTAIN;
	struct rules_lists *lists = r->gathering ? &r->next : &r->lists;
	if (!is_formed(c))
		return GUARD_REASON_FORM;
	if (r->open == (c->kind == GUARD_HELLO) || (c->kind == GUARD_REPLACE && !r->gathering))
		return GUARD_REASON_ORDER;
	if (c->kind == GUARD_HELLO) {
		r->open = true;
		r->hello = *c;
	}
	if (c->kind == GUARD_GATHER) {
		r->gathering = true;
		r->next.nevers = r->next.alloweds = 0;
	}
	if (c->kind == GUARD_REPLACE)
		r->gathering = false;
	if (c->kind == GUARD_NEVER)
		return add_never(lists, c);
	if ((adds || c->kind == GUARD_ALLOW) && !expires(c))
		return GUARD_REASON_EXPIRY;
	if (adds && (is_never(r, c->host) || (c->kind == GUARD_BLOCK && is_never(r, c->peer))))
		return GUARD_REASON_NEVER;
	if (c->kind == GUARD_ALLOW)
		return add_allowed(lists, c, now_ns);
	return adds && is_too_fast(r, now_ns) ? GUARD_REASON_RATE : GUARD_REASON_NONE;
}

bool rules_allow(const struct rules *r, const uint8_t host[static 16],
	const uint8_t peer[static 16], uint8_t proto, uint16_t port, int64_t now_ns)
{
	if (is_never(r, peer))
		return true;
	for (uint32_t i = 0; i < r->lists.alloweds; i++) {
		const struct rules_allowed *a = &r->lists.allowed[i];
		if (memcmp(a->host, host, 16) == 0 && a->proto == proto && a->port <= port &&
			port <= a->port_last && a->until_ns > now_ns &&
			rules_net_has(&a->net, peer))
			return true;
	}
	return false;
}

bool rules_is_hidden(const struct rules_net *nets, uint32_t count, uint32_t index)
{
	const struct rules_net *net = &nets[index];
	for (uint32_t i = 0; i < count; i++)
		if (i != index && nets[i].bits <= net->bits && rules_net_has(&nets[i], net->addr))
			return true;
	return false;
}

/* until_ns 0: it is not contained any more. */
static void contain(
	struct rules *r, const uint8_t host[static 16], int64_t until_ns, int64_t now_ns)
{
	uint32_t left = 0;
	for (uint32_t i = 0; i < r->containeds; i++)
		if (r->contained[i].until_ns > now_ns &&
			memcmp(r->contained[i].host, host, 16) != 0)
			r->contained[left++] = r->contained[i];
	r->containeds = left;
	if (until_ns == 0 || left == RULES_CONTAINED_MAX)
		return;
	memcpy(r->contained[left].host, host, 16);
	r->contained[r->containeds++].until_ns = until_ns;
}

void rules_done(struct rules *r, const struct guard_command *c, int64_t now_ns)
{
	if (c->kind == GUARD_CONTAIN)
		contain(r, c->host, now_ns + c->expiry_s * S_NS, now_ns);
	if (c->kind == GUARD_RELEASE)
		contain(r, c->host, 0, now_ns);
	if (c->kind == GUARD_FLUSH)
		r->lists.alloweds = r->containeds = 0;
	if (c->kind == GUARD_REPLACE)
		r->lists = r->next;
}
