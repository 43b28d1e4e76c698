/* A safelist from a file. */
#pragma once

#include "base/fail.h"
#include "judge/judge.h"

/* path NULL: none is asked for, nothing happens. Fails: -errno, as safelist_parse(). */
MUST_USE int safelist_read(const char *path, struct safelist **ret, struct fail *why);
