/* Lists of what is known to be bad, for the verbs that take --intel. */
#pragma once

#include "cli/verb.h"
#include "intel/intel.h"

/* Reads them all. No files: both stay NULL. ret_seen is to be freed first. Fails: -errno, with
 * words. */
MUST_USE int intel_load(const struct texts *files, struct intel **ret, struct intel_seen **ret_seen,
	struct fail *why);
