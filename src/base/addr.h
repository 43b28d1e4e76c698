/* Internet addresses: one 16-byte form for both families, so that ::ffff:192.0.2.1 and 192.0.2.1
 * are the same host wherever they come from. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/cur.h"

struct addr { /* network byte order; IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2); all zero is "none"
	       */
	uint8_t byte[16];
};

struct cidr {
	struct addr net;
	uint8_t bits; /* of the 128; an IPv4 /24 is 120 */
};

#define ADDR_TEXT_BYTES 46 /* INET6_ADDRSTRLEN */

struct addr addr_v4(uint32_t host_order);
/* From 4 or 16 wire bytes; any other length gives "none". */
struct addr addr_of(struct span bytes);
bool addr_is_none(const struct addr *a);
bool addr_is_v4(const struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b);
int addr_cmp(const struct addr *a, const struct addr *b);

/* RFC 5952 text, IPv4 dotted. Returns buf. */
const char *addr_text(const struct addr *a, char buf[static ADDR_TEXT_BYTES]);

/* Dotted quad, RFC 4291 text, with or without a zone (fe80::1%eth0: the zone is dropped).
 * Fails: -EINVAL (half an address, port, spaces, leading zeros). */
MUST_USE int addr_parse(const char *text, struct addr *ret);
/* ADDR/BITS, or ADDR alone (one host). Host bits are cleared. Fails: -EINVAL. */
MUST_USE int cidr_parse(const char *text, struct cidr *ret);
bool cidr_has(const struct cidr *c, const struct addr *a);

/* The default `--local`: RFC 1918, CGNAT (RFC 6598), link-local, loopback, ULA (RFC 4193). */
bool addr_is_private(const struct addr *a);
/* Multicast, 255.255.255.255, unspecified: never an endpoint of a conversation. */
bool addr_is_group(const struct addr *a);
/* Same /24 (IPv4) or /48 (IPv6): taken for one operator's neighbours. */
bool addr_same_net(const struct addr *a, const struct addr *b);
