/* Inside audit/: which boxes of a chain may overlap a box, without asking all of them. */
#pragma once

#include "audit/shape.h"

struct nearby_entry {
	struct wide first, last; /* on the axis */
	struct wide most;        /* the greatest last of the subtree */
	uint32_t shape, box;
};

struct nearby { /* sorted by first: the middle of a part is the root of its tree */
	enum region_axis axis;
	struct nearby_entry *entry;
	size_t count;
	const struct shapes *shapes;
};

/* Of what rules are known to match. Fails: -ENOMEM. */
MUST_USE int nearby_new(struct nearby *ret, const struct shapes *shapes);
void nearby_fini(struct nearby *n);
/* Tells the rules, by number, with boxes that overlap; false from tell ends it. *left: boxes that
 * may be looked at; 0 ends it too. */
void nearby_each(const struct nearby *n, const struct region_box *box, uint64_t *left,
	bool (*tell)(void *context, size_t shape, const struct region_box *box), void *context);
