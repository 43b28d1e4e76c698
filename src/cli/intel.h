/* Lists of what is known to be bad, for the verbs that take --intel. */
#pragma once

#include "cli/verb.h"
#include "intel/intel.h"

/* Reads them all. No files: both stay NULL. ret_seen is to be freed first. Fails: -errno, with
 * words. */
MUST_USE int intel_load(const struct texts *files, struct intel **ret, struct intel_seen **ret_seen,
	struct fail *why);

struct intel_settings {
	struct texts intel;
	const char *output;
	struct networks local;
	int64_t since_ns, until_ns;
	size_t memory_bytes;
	bool json, exit_code, quiet, verbose;
};

/* intel match (intel_match.c). */
enum exit_code intel_match_run(const struct call *call);
