/* Walk: the paths that a person gave become files, in a fixed order. */
#pragma once

#include <stddef.h>

#include "base/check.h"
#include "base/fail.h"

/* Files of one run, and folders within folders. */
#define WALK_FILES_MAX ((size_t)1 << 18)
#define WALK_DEPTH_MAX 64

struct walk_file {
	char *path;      /* owned */
	struct fail why; /* code 0: to be opened */
};

struct walk { /* all zero is valid */
	struct walk_file *file;
	size_t files, room;
};

/* Adds path, or, when it is a folder, the files in it and below in the order of names: hidden ones
 * are left out; a link to a file is taken, a link to a folder is not followed, so there are no
 * loops. A folder that cannot be read, or holds no file, is added with the reason.
 * Fails: -ENOMEM, -E2BIG. */
MUST_USE int walk_add(struct walk *w, const char *path, struct fail *why);
void walk_fini(struct walk *w);
