/* Small files as a whole. */
#pragma once

#include "base/cur.h"
#include "base/fail.h"

/* All of the file, and one byte more than max at most: then its reader says that it is too large.
 * *ret_owned is the caller's to free, *ret_text points into it. Fails: -errno. */
MUST_USE int file_read(
	const char *path, size_t max, char **ret_owned, struct cur *ret_text, struct fail *why);
