/* Reassembly of IP datagrams (RFC 791 3.2, RFC 8200 4.5) in fixed memory. Where fragments overlap
 * the bytes that came first stay, whatever the receiving system prefers: RFC 8200 throws such
 * datagrams away and nobody sends them in good faith. What is not whole after FRAGMENT_WAIT_NS is
 * given up, as is the oldest when the room is used up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/cur.h"
#include "base/limits.h"

/* By the packets' own time, from a datagram's first fragment (Linux: ipfrag_time). */
#define FRAGMENT_WAIT_NS (30 * NS_PER_S)
/* Pieces of one datagram: 65535 bytes over an MTU of 296 are 241. */
#define FRAGMENT_PIECES_MAX 256

struct fragments;

/* One of them, as its header tells. */
struct fragment {
	int64_t time_ns;
	struct addr src, dst;
	uint32_t id;
	bool v6;
	uint8_t proto; /* IPv4: part of the key; IPv6: the next header */
	uint8_t ttl;
	size_t header; /* bytes before the part that is fragmented, the fragment header not counted
	                */
	size_t offset; /* of the first byte in the datagram */
	size_t wire;   /* bytes as sent */
	bool more;
	struct cur captured; /* <= wire */
};

struct datagram {
	uint8_t proto, ttl; /* from the fragment at offset 0 */
	size_t header;
	size_t wire;      /* bytes behind the headers, as sent */
	struct cur bytes; /* those captured without a gap; borrowed until the next one is whole */
};

enum fragment_news {
	FRAGMENT_KEPT,  /* or known, or no room: more is to come */
	FRAGMENT_WHOLE, /* *ret is it */
	FRAGMENT_BAD,   /* contradicts its format or its siblings */
};

/* bytes: bound on what is held. Fails: -ENOMEM. */
MUST_USE int fragments_new(struct fragments **ret, size_t bytes);
void fragments_free(struct fragments *f);
enum fragment_news fragments_add(
	struct fragments *f, const struct fragment *sent, struct datagram *ret);
/* Datagrams given up. */
uint64_t fragments_dropped(const struct fragments *f);
