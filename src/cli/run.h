/* Run: the whole way of the data for one hunt, from files to findings. Nothing here prints, reads
 * the clock for anything but `seconds`, or knows what a terminal is. */
#pragma once

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/fail.h"
#include "ingest/ingest.h"
#include "judge/judge.h"

struct run_progress {
	uint64_t done_bytes, total_bytes; /* of the files on disk; total 0: unknown (a pipe) */
	uint64_t records;                 /* packets and rows taken so far */
};

struct run_options { /* all borrowed for the call; all zero but paths and max_e is a plain hunt */
	const char *const *path; /* files, folders, "-"; at least one */
	size_t paths;
	const struct cidr *local;
	size_t locals; /* 0: addr_is_private() */
	double max_e;  /* report findings with E up to this; > 0 unless budget is set */
	double budget; /* > 0: instead, max_e = budget / local hosts seen (at least 1) */
	int64_t since_ns, until_ns;  /* only what begins within [since, until); 0: no limit */
	struct safelist *safelist;   /* NULL none; outlives the result; its counts grow */
	const struct ruling *ruling; /* people's, of earlier hunts; outlives the result */
	size_t rulings;
	const struct lessons *lessons; /* of earlier cases; outlives the result; NULL none */
	size_t memory_bytes;           /* scale the tables to fit; 0: the sizes of base/limits.h */
	/* What hosts are known to reach from before; NULL nothing. Outlives the result. */
	const struct baseline *baseline;
	const struct policy *policy;   /* whom it names is known as well */
	struct intel_seen *bad;        /* counts what lists know to be bad; outlives the result */
	const struct scanned *scanned; /* what hosts received; outlives the result; NULL none */
	struct host_hooks hooks;       /* told() and its context, which outlives the result */

	/* Set by a signal: stop reading, judge what is known, say so (summary.partial, an `off`).
	 * May be NULL. */
	const volatile sig_atomic_t *stop;
	/* Called every few thousand records at most; may be NULL. The callee decides what is due.
	 */
	void (*progress)(void *context, const struct run_progress *progress);
	void *context;
};

struct run; /* what the result's pointers point into */

struct run_result {
	/* Everything the judge made, by e_value, then id: reported ones (e_value <= max_e,
	 * explained NULL), weaker ones (e_value > max_e) and those explained as benign. Whoever
	 * prints chooses. */
	const struct finding *const *finding;
	size_t findings;
	double max_e;                     /* the threshold in force */
	struct summary summary;           /* findings and explained counted with max_e */
	const struct input *const *input; /* in the order given */
	size_t inputs;
	struct hosts *hosts;       /* of the run, for whoever hooked into them */
	uint16_t unknown_linktype; /* the first that no decoder knows; 0 none */
	struct run *run;
};

/* Hunts. Inputs that cannot be read do not fail it: their struct input says why, and the caller
 * decides whether anything was read at all. *ret is written only on success and lives until
 * run_result_fini(). Fails: -ENOMEM, -EINVAL (as ingest_open). */
MUST_USE int run_hunt(const struct run_options *options, struct run_result *ret, struct fail *why);
void run_result_fini(struct run_result *result); /* all zero is fine */

/* Whether the input needs no attention: the same as another one; or, found below a folder and not
 * named, of no known format or empty. */
bool run_passed_by(const char *const *path, size_t paths, const struct input *input);
