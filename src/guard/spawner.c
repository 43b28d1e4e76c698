/* Both sides of the spawner: the guard, which asks, and the child that starts enforcers. */
#include "guard/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard/child.h"
#include "guard/command.h"
#include "guard/privileges.h"

/* The guard hung up on it, and it has its table to take away; then it is killed. */
#define END_MS 5000
/* To end one and to start the next, on a busy machine. */
#define ASK_MS (2 * END_MS)

struct guard_spawner {
	struct child child;
};

/* ---- the child ---- */

static int start(const char *program, int there, pid_t *ret)
{
	char name[] = "postern-enforcer";
	char *const argv[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t usual;
	int code = -posix_spawn_file_actions_init(&actions);
	if (code < 0)
		return code;
	if ((code = -posix_spawnattr_init(&attributes)) < 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return code;
	}
	(void)sigemptyset(&usual);
	(void)sigaddset(&usual, SIGTERM);
	(void)posix_spawnattr_setsigdefault(&attributes, &usual);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	/* a descriptor that is 3 already would be closed with the program's start */
	if (there == GUARD_FD && fcntl(there, F_SETFD, 0) < 0)
		code = -errno;
	if (code == 0)
		code = -posix_spawn_file_actions_adddup2(&actions, there, GUARD_FD);
	if (code == 0)
		code = -posix_spawn(ret, program, &actions, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return code;
}

/* Two at once would fight for the table. */
static void end(pid_t *pid)
{
	int status;
	if (*pid > 0)
		(void)child_wait(*pid, END_MS, &status);
	*pid = 0;
}

/* code: 0, and fd goes with it; or a negative errno. */
static void answer(int code, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {&code, sizeof code};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	if (code == 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof control.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		*c = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof fd)};
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	(void)sendmsg(CHILD_FD, &m, MSG_NOSIGNAL);
}

static int serve(const void *program)
{
	pid_t pid = 0;
	if (privileges_keep_admin() < 0)
		return -EPERM;
	while (child_asked()) {
		int pair[2] = {-1, -1}, size = 1 << 20;
		end(&pid);
		int code = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? -errno
		                                                                           : 0;
		for (size_t i = 0; i < 2 && code == 0; i++)
			(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
		if (code == 0)
			code = start(program, pair[1], &pid);
		answer(code, pair[0]);
		for (size_t i = 0; i < 2; i++)
			if (pair[i] >= 0)
				(void)close(pair[i]);
	}
	end(&pid); /* the guard decides what becomes of its table */
	return 0;
}

/* ---- the guard ---- */

int guard_spawner_start(struct guard_spawner **ret, const char *program, struct fail *why)
{
	struct guard_spawner *s = calloc(1, sizeof *s);
	if (s == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	int code = child_start(&s->child, "postern-spawner", serve, program, why);
	if (code < 0)
		free(s);
	else
		*ret = s;
	return code;
}

void guard_spawner_end(struct guard_spawner *s)
{
	if (s != NULL)
		child_end(&s->child);
	free(s);
}

bool guard_spawner_lives(struct guard_spawner *s)
{
	return child_lives(&s->child);
}

/* One descriptor, or none with a reason. */
static int take_answer(struct guard_spawner *s, int *ret)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	int code = 0;
	struct iovec part = {&code, sizeof code};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control.bytes};
	if (recvmsg(s->child.fd, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof code)
		return -EPIPE;
	if (code < 0)
		return code;
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		c->cmsg_len != CMSG_LEN(sizeof *ret))
		return -EPIPE;
	memcpy(ret, CMSG_DATA(c), sizeof *ret);
	return 0;
}

int guard_spawner_ask(struct guard_spawner *s, int *ret_fd)
{
	int code = -EPIPE;
	if (s->child.fd < 0)
		return -EPIPE;
	if (send(s->child.fd, "s", 1, MSG_NOSIGNAL) == 1 && child_readable(s->child.fd, ASK_MS))
		code = take_answer(s, ret_fd);
	if (code == -EPIPE)
		child_lose(&s->child);
	return code;
}
