/* Documents: files, and folders of them, that are read into one model. */
#pragma once

#include "base/cur.h"
#include "base/fail.h"
#include "cli/verb.h"

struct documents {               /* of one kind */
	const char *const *ends; /* of names: of a folder only these are read; NULL at the end */
	const char *folder;      /* the same in words: "files *.json" */
	const char *wanted;      /* what could be given, when nothing was read */
	size_t bytes_max;        /* of one file; read() is given one more of what is larger */
	/* What read() fails with when a part is missing, so that answers would be wrong; 0: none.
	 */
	int fatal[2];
	int (*read)(void *model, const char *name, struct span text, struct fail *why);
	/* The i-th text of them, from 0: a line each, safe; NULL: no more. */
	const char *(*warnings)(const void *model, size_t i);
};

/* first is the text of path[0], NULL: not read yet. Says what is wrong. Returns EXIT_DONE,
 * EXIT_PARTIAL (some could not be read) or EXIT_NOTHING. */
enum exit_code documents_read(const struct documents *kind, void *model, const char *const *path,
	size_t paths, const struct cur *first, bool quiet);
