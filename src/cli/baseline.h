/* Inside cli/: postern baseline's settings, and what its words do. */
#pragma once

#include "baseline/baseline.h"
#include "cli/verb.h"

#define BASELINE_WORDS "learn|show|diff|restore"

struct baseline_settings {
	const char *output, *update, *held, *host;
	struct texts zone, include;
	struct networks local;
	double min_days, min_hosts, shared, max_e, keep, version, factor;
	int64_t since_ns, until_ns;
	size_t memory_bytes;
	bool json, exit_code, quiet, verbose;
};

/* Each with the words that follow its own. */
enum exit_code baseline_learn(const struct call *call);
enum exit_code baseline_show(const struct call *call);
enum exit_code baseline_difference(const struct call *call);
enum exit_code baseline_restore(const struct call *call);

/* The file at path. Fails: -errno, as baseline_read(). */
MUST_USE int baseline_load(const char *path, struct baseline **ret, struct fail *why);

/* One JSON line of it. */
void baseline_json(struct out *o, const struct baseline_entry *e);
