/* A file and the versions before it: FILE.1 is the latest of them, FILE.2 the one before. */
#pragma once

#include <stdbool.h>

#include "base/check.h"
#include "base/fail.h"
#include "base/out.h"

#define VERSIONS_MAX 999

/* Puts text in place of what stands at path, which becomes path.1, and what that was path.2, up to
 * path.keep (0: none is kept). Names change one by one, the oldest first, and path itself holds the
 * old or the new text at any moment: a crash in between loses nothing but the oldest version, and
 * leaves a number free that the next time fills. The same text again changes nothing: *ret_changed.
 * A link stays a link. Fails: -errno. */
MUST_USE int versions_write(const char *path, const struct out *text, unsigned keep,
	bool *ret_changed, struct fail *why);
/* How many stand there one after another from path.1. */
unsigned versions_count(const char *path);
/* path.version; the caller's to free. NULL: out of memory. */
char *versions_name(const char *path, unsigned version);
