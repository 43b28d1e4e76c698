#include "guard/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* Of the guard's it keeps standard error, for its programs' words, and its end of the pair. */
static bool settle_in(const char *name, int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ready = null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0;
	if (ready && fd != CHILD_FD)
		ready = dup3(fd, CHILD_FD, O_CLOEXEC) >= 0;
	(void)close_range(CHILD_FD + 1, ~0u, 0);
	(void)close(CHILD_FD - 1);
	/* it ends when the guard does */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)prctl(PR_SET_NAME, name);
	return ready;
}

int child_start(struct child *ret, const char *name, int (*serve)(const void *what),
	const void *what, struct fail *why)
{
	int pair[2] = {-1, -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
		(ret->pid = fork()) < 0) {
		int code = -errno;
		for (size_t i = 0; i < 2; i++)
			if (pair[i] >= 0)
				(void)close(pair[i]);
		return fail_set(why, code, "%s can't be started: %s", name, strerror(-code));
	}
	if (ret->pid == 0)
		_exit(settle_in(name, pair[1]) && serve(what) == 0 ? 0 : 3);
	(void)close(pair[1]);
	ret->fd = pair[0];
	return 0;
}

void child_end(struct child *c)
{
	child_lose(c);
	(void)waitpid(c->pid, NULL, 0);
}

bool child_asked(void)
{
	char byte;
	ssize_t got;
	while ((got = recv(CHILD_FD, &byte, 1, 0)) < 0 && errno == EINTR)
		;
	return got == 1;
}

bool child_lives(struct child *c)
{
	struct pollfd at = {.fd = c->fd};
	if (c->fd >= 0 && poll(&at, 1, 0) == 1)
		child_lose(c);
	return c->fd >= 0;
}

bool child_readable(int fd, int timeout_ms)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	int64_t until_ns = clock_steady_ns() + timeout_ms * NS_PER_MS;
	int got;
	while ((got = poll(&waiting, 1, timeout_ms)) < 0 && errno == EINTR) {
		int64_t left_ms = (until_ns - clock_steady_ns()) / NS_PER_MS;
		timeout_ms = left_ms > 0 ? (int)left_ms : 0;
	}
	return got == 1;
}

void child_lose(struct child *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
}

bool child_wait(pid_t program, int timeout_ms, int *ret_status)
{
	int fd = pidfd_open(program, 0);
	bool ended = fd >= 0 && child_readable(fd, timeout_ms);
	if (!ended)
		(void)kill(program, SIGKILL);
	(void)waitpid(program, ret_status, 0);
	if (fd >= 0)
		(void)close(fd);
	return ended;
}
