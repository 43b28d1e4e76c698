/* Where a watch tells: at once; or what it tells is held until somebody has kept it. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/check.h"
#include "base/fail.h"

struct watch_out {        /* all zero: closed */
	FILE *file;       /* to write to */
	FILE *last;       /* where it goes, when file holds it; else NULL */
	char *held;       /* by file */
	size_t bytes;     /* of that, when it was flushed */
	const char *path; /* borrowed; NULL: standard output */
};

/* Appends to the path; NULL: standard output. Fails: -errno, with words; watch_out_close() then
 * too. */
MUST_USE int watch_out_open(struct watch_out *o, const char *path, bool hold, struct fail *why);
void watch_out_close(struct watch_out *o);
/* What was written is on its way, or held. When it can't be told any more that is said, and the
 * watch is stopped. */
void watch_out_flush(struct watch_out *o);
/* What was held goes its way. */
void watch_out_let_go(struct watch_out *o);
