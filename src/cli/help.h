/* What the command line can do, told from its rows. */
#pragma once

#include <stdio.h>

#include "base/out.h"
#include "cli/verb.h"

#define PROGRAM "postern"

/* Words that every caller of the program may rely on; also in the man page. */
struct exit_meaning {
	enum exit_code code;
	const char *meaning;
};
size_t exit_meanings(const struct exit_meaning **ret);

void help_usage(FILE *file);
enum exit_code help_all(void);
enum exit_code help_verb(const struct verb *verb);
enum exit_code help_version(void);
/* The verb, or NULL after a message with what was probably meant. */
const struct verb *help_find_verb(const char *name);
/* Prints to stdout: a reader that went away is told, not ignored. */
enum exit_code help_print(const struct out *text);
