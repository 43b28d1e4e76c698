/* Completion for bash, made from the rows. */
#pragma once

#include "cli/verb.h"

enum exit_code complete_print(void);
