/* Folder: new names of files are on disk only when their folder is. */
#pragma once

#include "base/check.h"

/* The folder in which the file of the path is. Fails: -errno; not where the file system has no such
 * thing, nor where the folder may be written to but not read. */
MUST_USE int folder_sync(const char *path);
