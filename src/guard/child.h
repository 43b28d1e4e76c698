/* Child: a small process of the guard's that does one thing, whenever it is asked by a byte, which
 * the half that reads strangers' packets may not do itself. It is made before the guard has read
 * anything, so that what it does is settled then. It ends with the guard. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/check.h"
#include "base/fail.h"

/* The child's end of the socket (SOCK_SEQPACKET). */
#define CHILD_FD 4

struct child {
	int fd; /* -1: it is of no use any more */
	pid_t pid;
};

/* serve: runs in the child, with standard error and CHILD_FD alone; gives up what it does not need
 * and returns when the guard has hung up (0), or can't begin. The process must have one thread.
 * Fails: -errno, with words. */
MUST_USE int child_start(struct child *ret, const char *name, int (*serve)(const void *what),
	const void *what, struct fail *why);
/* Hangs up, and waits for what it has begun. */
void child_end(struct child *c);
/* In the child: the next byte has come. False: the guard has hung up. */
bool child_asked(void);
/* Of one that says nothing unless asked. */
bool child_lives(struct child *c);
/* Waits up to timeout_ms for something to read, whatever signals come meanwhile: they are for the
 * guard's loop to heed. False: nothing. */
bool child_readable(int fd, int timeout_ms);
/* What it says later is no answer to what is asked then. */
void child_lose(struct child *c);
/* Waits up to timeout_ms for the program to end; what does not is killed. True: it ended by itself;
 * status: as of waitpid(). */
bool child_wait(pid_t program, int timeout_ms, int *ret_status);
