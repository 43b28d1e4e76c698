/* Sought: what scan looks for: rules, lists of indicators, ClamAV's daemon; and how old they are.
 */
#pragma once

#include "intel/intel.h"
#include "scan/scan.h"

struct scan; /* the settings: cli/scanning.h */

struct sought { /* all zero is empty */
	struct intel *intel;
	struct intel_seen *seen;
	struct scanner *scanner;
	int64_t rules_ns,
		lists_ns; /* when the newest file of rules, of lists was changed; 0 none */
};

/* Reads what the settings name. Fails: -errno, with words; *ret is empty then. */
MUST_USE int sought_load(struct sought *ret, const struct scan *c, struct fail *why);
void sought_free(struct sought *s);
/* Whether the newest rules, or lists, are older than --max-age at now_ns; says so. */
bool sought_is_stale(const struct sought *s, const struct scan *c, int64_t now_ns);
