/* Findings that touch what lists know to be bad. */
#pragma once

#include "intel/intel.h"
#include "judge/judge.h"

#define BAD_ITEMS_MAX 16u

/* What the set has of the channel, valid when it was used; what holds only together with something
 * else does not count here. At most BAD_ITEMS_MAX, each once. */
size_t bad_items(
	const struct intel *set, const struct finding_channel *ch, uint32_t ret[BAD_ITEMS_MAX]);

/* Says so in the finding's evidence, with 0 bits: that an endpoint is on a list says nothing of how
 * often an innocent host's failures are followed by chance, which is what E is about; it says that
 * what followed deserves a look. The sights in seen are tied to the finding, unless a stronger one
 * came before. */
void bad_tell(struct finding *f, struct intel_seen *seen);
