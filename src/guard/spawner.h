/* Spawner: a small child of the guard that starts postern-enforcer, so that the half which reads
 * strangers' packets needs no privilege to start it again. It is made before the guard has read
 * anything, holds CAP_NET_ADMIN alone, takes one byte ("start it") and gives back the socket to
 * the program (SCM_RIGHTS); which program was settled when it was made. It ends with the guard. */
#pragma once

#include <stdbool.h>

#include "base/check.h"
#include "base/fail.h"

struct guard_spawner;

/* The process must have one thread. program: borrowed for the call. Fails: -errno, with words. */
MUST_USE int guard_spawner_start(struct guard_spawner **ret, const char *program, struct fail *why);
/* Waits for it, and it for its enforcer: their socket must be closed. */
void guard_spawner_end(struct guard_spawner *s);
/* Ends the enforcer that it started before (whose socket must be closed) and starts one. *ret_fd:
 * the guard's end, the caller's. Fails: -errno of starting the program; -EPIPE: the spawner is
 * gone, for good. */
MUST_USE int guard_spawner_ask(struct guard_spawner *s, int *ret_fd);
bool guard_spawner_lives(struct guard_spawner *s);
