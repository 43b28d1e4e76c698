/* Store: what a guard told, kept in a file while it runs for months: one SQLite database with a log
 * of its own (WAL), to which rows are only added, in transactions that are on disk when they are
 * done. The oldest rows go, so that the file stays bounded. What is read from one is as hostile as
 * any other input. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fail.h"

/* Rows that wait until the disk takes them, and their bytes; of more the oldest are dropped. */
#define CASES_WAITING_MAX       4096u
#define CASES_WAITING_BYTES_MAX ((size_t)8 << 20)
/* Of one text; a longer one is dropped. */
#define CASES_TEXT_MAX ((size_t)512 << 10)
/* What a file holds, but for the last transaction and its log. */
#define CASES_BYTES_MAX ((uint64_t)512 << 20)

/* One thing that was told. No text is NULL. */
struct cases_row {
	int64_t at_ns;     /* UTC since 1970 */
	double e_value;    /* of a finding; NAN: it rests on none, NULL in the file */
	const char *type;  /* "finding", "change", "left" and others */
	const char *host;  /* as addr_text() writes it */
	const char *id;    /* of the finding */
	const char *state; /* "provisional", or what was done */
	const char *kind;  /* of the finding; what kind of change */
	const char *text;  /* all of it, a JSON object */
};

struct cases_options {
	int64_t age_ns;     /* older rows go; 0: none do for their age */
	uint64_t bytes_max; /* 0: CASES_BYTES_MAX; when the file has more in it the oldest go */
};

struct cases_stats {
	uint64_t written, dropped; /* rows, since it was opened */
	size_t waiting;
};

struct cases;

/* Makes the file, readable by its owner alone, or goes on with one. One program writes at a time.
 * Anything that is no such file, or a damaged one, is left alone. Fails: -EBUSY (another guard
 * writes it), -EPROTO, -errno, -ENOMEM, with words. */
MUST_USE int cases_open(struct cases **ret, const char *path, const struct cases_options *options,
	struct fail *why);
/* What still waits is tried once more. */
void cases_close(struct cases *c);

/* It waits for the next cases_commit(). Copied. */
void cases_add(struct cases *c, const struct cases_row *row);
/* All that waits goes to the disk, in one transaction; and a few of the oldest rows go when it is
 * their time. now_ns: the day's clock. Fails: -ENOSPC and others, with words: all of it waits on,
 * and the next call tries again. */
MUST_USE int cases_commit(struct cases *c, int64_t now_ns, struct fail *why);
struct cases_stats cases_stats(const struct cases *c);

/* Each row's text of the host (as addr_text() writes it), the oldest first, until each() fails,
 * which is what is returned then. A guard may be writing meanwhile. text: borrowed for the call.
 * Fails as cases_open(), but that nobody holds it up. */
MUST_USE int cases_story(const char *path, const char *host,
	int (*each)(void *context, const char *text, struct fail *why), void *context,
	struct fail *why);
