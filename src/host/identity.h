/* Inside host/: which addresses are one host. An IPv4 address and the IPv6 addresses that speak
 * from the same Ethernet address are; a router's Ethernet address, behind which several IPv4
 * addresses show, says nothing. */
#pragma once

#include "base/addr.h"
#include "base/check.h"

#define IDENTITY_NONE UINT32_MAX
/* A host with its privacy addresses (RFC 8981) has this many at most; what has more is a router. */
#define IDENTITY_ADDRS_MAX 16u

struct identity;

/* hosts_max: hosts known at once; each may have IDENTITY_ADDRS_MAX addresses, twice as many in all.
 * Fails: -ENOMEM. */
MUST_USE int identity_new(struct identity **ret, size_t hosts_max);
void identity_free(struct identity *id);

/* The host behind the address, seen from the Ethernet address mac (0 unknown), or IDENTITY_NONE. An
 * address that is new but speaks from a known host's Ethernet address is that host's from now on.
 */
uint32_t identity_find(struct identity *id, const struct addr *addr, uint64_t mac);
/* The address is a host of its own. False: no room. */
bool identity_add(struct identity *id, const struct addr *addr, uint64_t mac, uint32_t host);
