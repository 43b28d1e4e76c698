/* Folder: new names of files are on disk only when their folder is. */
#pragma once

#include "base/check.h"
#include "base/out.h"

/* The folder in which the file of the path is. Fails: -errno; not where the file system has no such
 * thing, nor where the folder may be written to but not read. */
MUST_USE int folder_sync(const char *path);

/* A file of its owner's takes the place of what is there, wholly or not at all, and stays so when
 * the power fails. "path.new" is written for it. Fails: -errno. */
MUST_USE int folder_replace(const char *path, const struct out *text);
