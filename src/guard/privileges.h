/* Privileges of the guard's processes, given up in steps. Each needs to be alone in its
 * process: capabilities are a thread's own. */
#pragma once

#include "base/check.h"
#include "base/fail.h"

/* The spawner's, before the guard has read a byte: nothing but CAP_NET_ADMIN, which the program
 * that it starts gets, and nobody gains more by starting one. What was not there is not missed:
 * the enforcer says so. Fails: -errno. */
MUST_USE int privileges_keep_admin(void);

/* The reloader's: nothing but CAP_DAC_READ_SEARCH, for the keys of the resolver that its program
 * talks to, and nobody gains more by starting one. Fails: -errno. */
MUST_USE int privileges_keep_reading(void);

/* The analyst half's, before it reads a byte: those to open a capture, and `user`'s files (NULL:
 * it stays who it is). Fails: -errno, with words. */
MUST_USE int privileges_lower(const char *user, struct fail *why);

/* The capture is open: no capability at all, none to be gained, and no calls but those of a program
 * that reads and writes its own files and sockets. Fails: -errno, with words. */
MUST_USE int privileges_drop(struct fail *why);
