#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "guard/guard.h"

/* To make the table, on a busy machine. */
#define HELLO_MS 10000

struct guard_link {
	int fd;
	pid_t pid;
};

const char *guard_reason_words(enum guard_reason reason)
{
	static const char *const words[] = {[GUARD_REASON_NONE] = "",
		[GUARD_REASON_FORM] = "the command contradicts itself",
		[GUARD_REASON_ORDER] = "no hello, or a second one",
		[GUARD_REASON_EXPIRY] = "no end, or too late a one",
		[GUARD_REASON_NEVER] = "never-block",
		[GUARD_REASON_RATE] = "too many changes within a minute",
		[GUARD_REASON_FULL] = "as much is blocked as may be at once",
		[GUARD_REASON_KERNEL] = "the kernel refused it"};
	return reason < GUARD_REASON_COUNT ? words[reason] : "an unknown reason";
}

static int start(struct guard_link *l, const char *program, int there)
{
	char name[] = "postern-enforcer";
	char *const argv[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	int code = -posix_spawn_file_actions_init(&actions);
	if (code < 0)
		return code;
	/* a descriptor that is 3 already would be closed with the program's start */
	if (code == 0 && there == GUARD_FD && fcntl(there, F_SETFD, 0) < 0)
		code = -errno;
	if (code == 0)
		code = -posix_spawn_file_actions_adddup2(&actions, there, GUARD_FD);
	if (code == 0)
		code = -posix_spawn(&l->pid, program, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return code;
}

int guard_link_send(struct guard_link *l, struct guard_command *c, uint64_t serial)
{
	c->version = GUARD_VERSION;
	c->serial = serial;
	return send(l->fd, c, sizeof *c, MSG_NOSIGNAL) == (ssize_t)sizeof *c ? 0 : -EPIPE;
}

int guard_link_hear(struct guard_link *l, struct guard_reply *ret)
{
	struct guard_reply r;
	ssize_t len = recv(l->fd, &r, sizeof r, MSG_DONTWAIT | MSG_TRUNC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len != (ssize_t)sizeof r || r.version != GUARD_VERSION)
		return -EPIPE;
	*ret = r;
	return 1;
}

int guard_link_never(struct guard_link *l, const struct cidr *net)
{
	struct guard_command c = {.kind = GUARD_NEVER, .peer_bits = net->bits};
	memcpy(c.peer, net->net.byte, 16);
	return guard_link_send(l, &c, 0);
}

static int greet(struct guard_link *l, const struct guard_link_options *o, struct fail *why)
{
	struct guard_command c = {.kind = GUARD_HELLO,
		.persistent = o->persistent,
		.channels = o->channels,
		.hosts = o->hosts,
		.changes = o->changes};
	struct pollfd waiting = {.fd = l->fd, .events = POLLIN};
	struct guard_reply r = {0};
	int code = guard_link_send(l, &c, 0);
	if (code == 0 && poll(&waiting, 1, HELLO_MS) == 1)
		code = guard_link_hear(l, &r);
	if (code < 0 || r.kind == 0)
		return fail_set(
			why, -EPIPE, "postern-enforcer does not answer: it needs CAP_NET_ADMIN");
	if (r.kind != GUARD_DONE)
		return fail_set(why, -EPERM, "postern-enforcer: %s (%s)",
			guard_reason_words((enum guard_reason)r.reason),
			strerror((int)r.error_number));
	code = 0;
	for (size_t i = 0; i < o->nevers && code == 0; i++)
		code = guard_link_never(l, &o->never[i]);
	return code < 0 ? fail_set(why, code, "postern-enforcer has ended") : 0;
}

int guard_link_open(
	struct guard_link **ret, const struct guard_link_options *options, struct fail *why)
{
	struct guard_link *l = calloc(1, sizeof *l);
	int pair[2] = {-1, -1}, size = 1 << 20;
	if (l == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	l->fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(l);
		return fail_set(why, -errno, "socketpair: %s", strerror(errno));
	}
	l->fd = pair[0];
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	int code = start(l, options->program, pair[1]);
	(void)close(pair[1]);
	if (code < 0)
		(void)fail_set(why, code, "%s: %s", options->program, strerror(-code));
	else
		code = greet(l, options, why);
	if (code < 0)
		guard_link_close(l);
	else
		*ret = l;
	return code;
}

void guard_link_close(struct guard_link *l)
{
	if (l == NULL)
		return;
	(void)close(l->fd);
	if (l->pid > 0)
		(void)waitpid(l->pid, NULL, 0);
	free(l);
}

int guard_link_fd(const struct guard_link *l)
{
	return l->fd;
}
