/* The command line of a verb: words and options become a struct call. */
#pragma once

#include "cli/verb.h"

/* Fills *call and `settings` (verb->settings_bytes, zeroed) and word (argc entries). Prints what is
 * wrong and returns EXIT_USAGE, or returns EXIT_DONE. Stops at --help. */
MUST_USE enum exit_code call_parse(
	struct call *call, void *settings, const char **word, int argc, char *const *argv);
