/* Endpoints that lists know to be bad, in captures, logs, journals and cases: for scan. */
#pragma once

#include "base/out.h"
#include "cli/verb.h"
#include "intel/intel.h"

struct endpoints_options { /* borrowed */
	struct intel_seen *seen;
	const struct call *call;
	struct networks local;
	int64_t since_ns, until_ns; /* 0: no limit */
	size_t memory_bytes;        /* 0: the usual tables */
	bool quiet, verbose;
};

struct endpoints {
	struct endpoints_options options;
	const char **traffic; /* captures and logs; the words are borrowed */
	size_t traffics;
	uint64_t read; /* journals, cases, captures and logs */
	bool partial;  /* not all could be read */
};

/* Fails: -ENOMEM. */
MUST_USE int endpoints_init(
	struct endpoints *e, const struct endpoints_options *options, size_t paths_max);
void endpoints_fini(struct endpoints *e);
/* Whether path is a journal of watch or a case of hunt, and then it is asked. Fails: -errno, with
 * words. */
MUST_USE int endpoints_kept(struct endpoints *e, const char *path, bool *ret, struct fail *why);
/* A capture or a log, for endpoints_finish(). */
void endpoints_traffic(struct endpoints *e, const char *path);
/* Reads captures and logs together, as hunt does, and puts what was seen in order. */
void endpoints_finish(struct endpoints *e);

bool endpoints_within(const struct endpoints_options *o, int64_t at_ns);
/* A line each. */
void endpoints_text(struct out *o, const struct intel_seen *seen);
void endpoints_json(struct out *o, const struct intel_seen *seen);
