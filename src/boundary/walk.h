/* Inside boundary/: one packet's way through chains, with all that is not known kept open. */
#pragma once

#include "boundary/boundary.h"

/* Behind the packet's fields: what happened to it on its way, 0 or 1. */
enum { FACT_DNAT = BOUNDARY_FIELDS, FACT_LOCAL, FACTS };

struct facts {          /* all packets that may stand at one place, joined */
	bool any;       /* false: none does */
	uint32_t known; /* bit per field: all have this value */
	struct addr value[FACTS];
};

/* What came of a chain, for when it is come to again with nothing changed. */
struct walked {
	const struct boundary_chain *chain; /* NULL: none was */
	unsigned depth, base;               /* its walk's; which base chain's it belongs to */
	struct facts before, after;
	const struct boundary_rule *accept; /* the last that did; NULL: none */
};
#define WALKED_MAX 64u

struct walk {
	const struct boundary_flow *flow;
	uint32_t left;         /* steps */
	struct facts accepted; /* by the base chain that is walked */
	bool dropped;
	const struct boundary_rule *drop[BOUNDARY_TOLD_MAX], *open[BOUNDARY_TOLD_MAX];
	size_t drops, opens;
	const struct boundary_rule *accept;                       /* the last that did */
	unsigned base;                                            /* chains that were walked */
	struct walked walked[WALKED_MAX];                         /* by the chain's number */
	const struct boundary_chain *drop_policy, *accept_policy; /* the last that did */
};

void facts_set(struct facts *f, unsigned field, const struct addr *value); /* NULL: not known */
void facts_join(struct facts *to, const struct facts *from);
bool facts_are(const struct facts *f, unsigned field, uint32_t value); /* known to be */
/* Walks a base chain with *f; its policy takes what comes out of the end. *f becomes what was
 * accepted. */
void walk_base(struct walk *w, const struct boundary_chain *chain, struct facts *f);
