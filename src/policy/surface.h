/* Egress surface: how many of all pairs of a destination and a service (TCP and UDP ports, ICMP
 * types, other IP protocols) a policy lets a zone reach, counted exactly, for each family.
 * Destinations in the policy's own zones are inside and are not counted. */
#pragma once

#include "policy/policy.h"

struct surface_count { /* an unsigned number of 192 bits, the lowest word first */
	uint64_t word[3];
};

#define SURFACE_COUNT_BYTES 64
/* Decimal, without separators. Returns buf. */
const char *surface_count_text(
	const struct surface_count *count, char buf[static SURFACE_COUNT_BYTES]);
void surface_count_add(struct surface_count *to, const struct surface_count *n);
/* Of the whole, 0 to 1; 0 when the whole is. */
double surface_share(const struct surface_count *part, const struct surface_count *whole);

enum surface_family { SURFACE_V4, SURFACE_V6, SURFACE_FAMILIES };

struct surface_part {              /* each pair belongs to one of the three */
	struct surface_count open; /* every host of the zone, whatever the name and application */
	struct surface_count some; /* it depends on the host, the name or the application */
	struct surface_count shut; /* nobody */
};

struct surface { /* all zero is valid */
	struct surface_part part[SURFACE_FAMILIES];
	struct region open, some; /* full in source, name and application protocol */
};

/* What the policy says of the zone at the time. Fails: -ENOMEM, -E2BIG (region.h): *ret is then
 * only good for surface_fini(). */
MUST_USE int surface_of(const struct policy *p, const struct policy_space *space,
	const struct policy_zone *zone, int64_t at_ns, struct surface *ret);
void surface_fini(struct surface *s);

/* The box's pairs of the family. */
struct surface_count surface_measure(const struct region_box *box, enum surface_family family);
/* "203.0.113.0/24 tcp 443": the family's destinations, protocol and ports of a box. */
void surface_say_box(struct out *o, const struct region_box *box, enum surface_family family);
