/* Inside audit/: what a firewall's rule matches, as boxes over source, destination, protocol, port
 * (of ICMP: type) and both interfaces; the rest of its conditions as they stand. The name and
 * application axes of a region stand for the interfaces here. */
#pragma once

#include "audit/audit.h"

#define SHAPE_OTHERS_MAX 8u
/* Of one rule and of a chain, 192 bytes each. */
#define SHAPE_BOXES_MAX       ((size_t)16384)
#define SHAPE_CHAIN_BOXES_MAX ((size_t)262144)

enum shape_state {
	SHAPE_KNOWN,   /* the boxes are just what it matches, but for the others */
	SHAPE_UNKNOWN, /* something of it is not known: nothing is said of it */
	SHAPE_LARGE,   /* the same, as it has too many boxes */
};

struct shape {
	const struct boundary_rule *rule;
	enum shape_state state;
	bool ends;    /* what it matches sees no later rule of the chain */
	bool blocks;  /* it may decide in a way that is not its verdict alone */
	bool changes; /* it may change the packet, or its mark or state */
	enum boundary_verdict_kind verdict; /* CONTINUE: none, or a translation's */
	size_t first, count;                /* of the boxes */
	const struct boundary_step *other[SHAPE_OTHERS_MAX]; /* conditions that are no axis */
	size_t others;
};

struct shapes { /* of one chain; all zero is valid */
	struct shape *shape;
	size_t count;
	struct region_box *box;
	size_t boxes, room;
	bool large; /* some rule was */
};

/* jumps_change: what chains that are jumped to do may change packets. Fails: -ENOMEM. */
MUST_USE int shapes_of(struct shapes *ret, const struct boundary_chain *chain, bool jumps_change);
void shapes_fini(struct shapes *s);
/* Whether the rule may change a packet that goes on. */
bool shape_changes(const struct boundary_rule *r);
/* Whether a's conditions beside the boxes hold wherever b's do. */
bool shape_others_hold(const struct shape *a, const struct shape *b);
