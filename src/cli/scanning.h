/* Scanning: what a run of scan looks at and what it tells: files, folders, captures. */
#pragma once

#include <stdlib.h>

#include "cli/endpoints.h"
#include "cli/sought.h"
#include "cli/verb.h"
#include "ingest/walk.h"

struct scan { /* the settings */
	struct texts rules, intel;
	const char *clamd, *quarantine, *output, *iface, *filter, *state;
	double timeout_s, depth, members, max_age_days;
	size_t file_bytes, unpacked_bytes, memory_bytes;
	struct networks local;
	int64_t since_ns, until_ns;
	bool json, all, exit_code, quiet, verbose;
};

struct scanning {
	const struct scan *c;
	struct sought sought;
	struct out text;
	int quarantine; /* folder; -1 none */
	const char *capture;
	uint64_t files, bytes, matching, gaps, unread, captures, kept;
	struct carry_stats carried;
	struct endpoints endpoints;
	const struct intel_seen *seen; /* NULL: no list names endpoints */
	bool stale;                    /* --max-age */
	int64_t begun_ns;
	uint64_t files_lost, packets_lost; /* of an interface */
	int64_t matched_ns;                /* the latest match; 0 none */
	char match[SCAN_NAME_BYTES], sha256[65];
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

/* --state: what was the latest match for an earlier run stays it until there is another. No file
 * yet: nothing. Fails: -errno. */
MUST_USE int scanning_state_read(struct scanning *s, struct fail *why);
/* Appears whole or not at all. Fails: -errno. */
MUST_USE int scanning_state_write(const struct scanning *s, struct fail *why);

/* Scans what passes the interface until a signal ends it; tells at once, to file. SIGHUP reads
 * rules and lists again. Fails: -errno, with words. */
MUST_USE int scanning_live(struct scanning *s, FILE *file, struct fail *why);
