/* Man pages in mdoc, made from the rows when the program is built. */
#pragma once

#include "cli/verb.h"

/* The page of a verb, or of the whole for NULL, to stdout. */
enum exit_code man_print(const char *name);
