/* Reloading: a resolver is told, by a program of its own (unbound-control, rndc), that a zone's
 * file is another. A child of the guard's starts it (guard/child.h), since the guard itself may
 * start nothing; the guard never waits for it. */
#pragma once

#include <stdbool.h>

#include "base/check.h"
#include "base/fail.h"

/* It has as long as this, then it is killed. */
#define RELOAD_TIMEOUT_S 10
#define RELOAD_WORDS_MAX 32u

struct reload;

/* command: words with blanks between them; the first is the program, by its path or looked for in
 * PATH. No shell reads it. Before the guard has read anything, and with one thread. Fails: -EINVAL
 * and as child_start(), with words. */
MUST_USE int reload_new(struct reload **ret, const char *command, struct fail *why);
/* Waits up to RELOAD_TIMEOUT_S for what was asked for. NULL is fine. */
void reload_free(struct reload *r);
/* It is to be run, after the one that may be running. */
void reload_ask(struct reload *r);
/* Starts, ends and starts again what failed. Fails: the last run did; once for each, with words. */
MUST_USE int reload_turn(struct reload *r, struct fail *why);
/* The last that ended failed, or it could not be started. */
bool reload_failed(const struct reload *r);
