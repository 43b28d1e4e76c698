/* The inputs of a run, as a person is told of them. */
#pragma once

#include "cli/run.h"
#include "cli/verb.h"

/* Whether the file at path (may be NULL) is one of the words: to write it would destroy what is to
 * be read. */
bool inputs_hold(const char *const *word, size_t words, const char *path);

struct inputs_manner {
	bool quiet, verbose;
};

/* Tells what was not read; true when there is any. */
bool inputs_tell(
	const struct call *call, const struct run_result *r, const struct inputs_manner *manner);
