/* Twins: two files with the same content, such as a log and its packed copy. */
#pragma once

#include "ingest/raw.h"

/* Whether both unpack to the same bytes, to the end and without damage. Reads no further than to
 * the first difference. False too when one can't be read (now), or is no regular file. */
MUST_USE bool twins_same(const char *a, const char *b, struct raw_pool *pool);
