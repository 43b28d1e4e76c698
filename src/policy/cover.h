/* Cover: at most so many prefixes that hold all addresses that are needed, with as few others as
 * possible: for targets whose rules are counted. Exact. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"

/* Addresses at once, and prefixes allowed. A level of the trie has at most as many table entries of
 * 10 bytes as there are addresses: 84 MB for IPv4's 32 levels, four times that for IPv6's. */
#define COVER_ADDRS_MAX ((size_t)1 << 18)
#define COVER_NETS_MAX  1024u

struct cover {
	struct cidr *net; /* IPv4 first, in the order of addresses; none holds another; owned */
	size_t count;
	/* Addresses that the prefixes hold beyond those needed. Exact up to 2^53 (as all that is of
	 * IPv4 is), the nearest double beyond. */
	double excess;
};

/* addr: in any order, also twice; sorted in place. IPv4 and IPv6 never share a prefix. max: from 1
 * (2, when both families are needed). Of covers with equal excess one with fewest prefixes is
 * taken. Cost: addresses times max, at most. Fails: -EINVAL (max too small or too large, or a
 * "none" address), -E2BIG, -ENOMEM. */
MUST_USE int cover_find(struct addr *addr, size_t count, unsigned max, struct cover *ret);
void cover_fini(struct cover *c);
