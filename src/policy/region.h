/* Region: exact sets of flows, as boxes that do not overlap: a range of each of source,
 * destination, IP protocol, port, name and application protocol. Both families are one range of 128
 * bits (IPv4 as ::ffff:a.b.c.d). Names are numbers in an order in which each wildcard is one range
 * (policy_space). Every operation is exact or fails: none rounds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"

enum region_axis {
	REGION_SRC,
	REGION_DST,
	REGION_PROTO,
	REGION_PORT,
	REGION_NAME,
	REGION_AS,
	REGION_AXES
};

/* 200 bytes each: 13 MB. What needs more is refused, not approximated. */
#define REGION_BOXES_MAX ((size_t)65536)

struct wide { /* an unsigned number of 128 bits */
	uint64_t high, low;
};

struct range { /* both ends belong to it */
	struct wide first, last;
};

static inline int wide_cmp(struct wide a, struct wide b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low < b.low ? -1 : a.low > b.low;
}

/* The number behind it, and before it; around at the end. */
static inline struct wide wide_next(struct wide w)
{
	return (struct wide){w.high + (w.low == UINT64_MAX), w.low + 1};
}

static inline struct wide wide_before(struct wide w)
{
	return (struct wide){w.high - (w.low == 0), w.low - 1};
}

struct wide wide_of_addr(const struct addr *a);
struct addr addr_of_wide(struct wide w);

struct region_box {
	struct range axis[REGION_AXES];
};

struct region_point {
	struct wide at[REGION_AXES];
};

struct region {                 /* all zero is the empty set */
	struct region_box *box; /* none overlaps another */
	size_t count, room;
};

/* Everything. */
struct region_box region_box_all(void);
bool region_box_overlaps(const struct region_box *a, const struct region_box *b);
/* Whether all of b lies in a. */
bool region_box_holds(const struct region_box *a, const struct region_box *b);

void region_fini(struct region *r);
/* Each fails: -ENOMEM, -E2BIG (over REGION_BOXES_MAX); *r then holds less than it should, and is
 * only good for region_fini(). */
MUST_USE int region_add(struct region *r, const struct region_box *box);
MUST_USE int region_take_box(struct region *r, const struct region_box *box);
MUST_USE int region_take(struct region *r, const struct region *other);
MUST_USE int region_copy(struct region *ret, const struct region *r);
/* Into *ret, which is empty, what both hold. */
MUST_USE int region_cut(struct region *ret, const struct region *a, const struct region *b);

bool region_overlaps(const struct region *a, const struct region *b);
bool region_has(const struct region *r, const struct region_point *point);
