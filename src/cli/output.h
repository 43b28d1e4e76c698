/* Where results go: standard output, or a file that appears complete or not at all. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/fail.h"
#include "base/out.h"

struct output { /* all zero is closed */
	FILE *file;
	const char *name; /* as the caller gave it, for messages; borrowed */
	char *path;       /* owned; NULL: not to be renamed (standard output, a device, a pipe) */
	char *temp;       /* owned; what stands beside path until it is whole */
};

/* path NULL or "-": standard output. Something else that is no regular file (a pipe, /dev/null) is
 * written to directly. Fails: -errno, with words. */
MUST_USE int output_open(struct output *o, const char *path, struct fail *why);
/* Writes all of it, and makes it appear under its name. Closes in any case. Fails: -errno (a full
 * disk, a reader that went away). */
MUST_USE int output_finish(struct output *o, const struct out *text, struct fail *why);
/* All of it in one go; says what went wrong. Returns whether it is written. */
bool output_print(const char *path, const struct out *text);
/* Gives up: nothing appears. Also after output_finish(). */
void output_close(struct output *o);
