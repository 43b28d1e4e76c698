/* Scanning: what a run of scan looks at and what it tells: files, folders, captures. */
#pragma once

#include <stdlib.h>

#include "cli/endpoints.h"
#include "cli/verb.h"
#include "ingest/walk.h"
#include "scan/scan.h"

struct scan { /* the settings */
	struct texts rules, intel;
	const char *clamd, *quarantine, *output;
	double timeout_s, depth, members;
	size_t file_bytes, unpacked_bytes, memory_bytes;
	struct networks local;
	int64_t since_ns, until_ns;
	bool json, all, exit_code, quiet, verbose;
};

struct scanning {
	const struct scan *c;
	struct scanner *scanner;
	struct out text;
	int quarantine; /* folder; -1 none */
	const char *capture;
	uint64_t files, bytes, matching, gaps, unread, captures, kept;
	struct carry_stats carried;
	struct endpoints endpoints;
	const struct intel_seen *seen; /* NULL: no list names endpoints */
};

struct origin { /* where the bytes come from */
	const char *path;
	const struct carried *carried; /* NULL: the file itself */
	const char *member;            /* of an archive; NULL: it is none */
	const char *gap;               /* NULL none */
};

/* Of captures and logs: all of them, in their order; what cannot be read is told. */
void scanning_words(struct scanning *s, const struct walk *walk);
/* Looks at bytes, and at what is in them if they are an archive; keeps and tells what matches. */
void scanning_look_at(struct scanning *s, struct origin from, struct span bytes);
bool scanning_is_partial(const struct scanning *s);

void scanning_tell(struct scanning *s, const struct origin *from, const struct scan_result *r);
void scanning_summary(struct scanning *s);
