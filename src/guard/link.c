#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/grow.h"
#include "base/limits.h"
#include "guard/child.h"
#include "guard/guard.h"

/* To make the table, on a busy machine. */
#define HELLO_MS 10000
/* For one command to be taken: before it others may be, each a change of the firewall. */
#define SEND_MS 10000

/* Refusals and denials that came while commands were sent; more are a stranger's. */
#define HELD_MAX ((size_t)1 << 17)

struct guard_link {
	int fd;
	struct guard_reply *held; /* those that nobody has heard yet */
	size_t held_from, helds, room;
};

const char *guard_reason_words(enum guard_reason reason)
{
	static const char *const words[] = {[GUARD_REASON_NONE] = "",
		[GUARD_REASON_FORM] = "the command contradicts itself",
		[GUARD_REASON_ORDER] = "not its turn",
		[GUARD_REASON_EXPIRY] = "no end, or too late a one",
		[GUARD_REASON_NEVER] = "never-block",
		[GUARD_REASON_RATE] = "too many changes within a minute",
		[GUARD_REASON_FULL] = "as much is blocked as may be at once",
		[GUARD_REASON_KERNEL] = "the kernel refused it"};
	return reason < GUARD_REASON_COUNT ? words[reason] : "an unknown reason";
}

/* 1: *ret; 0: none now; fails: -EPIPE. */
static int take_reply(struct guard_link *l, struct guard_reply *ret)
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

/* Who only says and never listens would wait for an enforcer that waits to be heard. */
static int wait_for_room(struct guard_link *l)
{
	struct pollfd waiting = {.fd = l->fd, .events = POLLIN | POLLOUT};
	struct guard_reply r;
	int code = 0;
	if (poll(&waiting, 1, SEND_MS) == 0)
		return -EPIPE;
	while ((code = take_reply(l, &r)) == 1) {
		if (r.kind == GUARD_DONE)
			continue;
		struct guard_reply *grown =
			l->helds >= HELD_MAX
				? NULL
				: grow_array(l->held, l->helds, &l->room, 64, sizeof *grown);
		if (grown == NULL)
			return -EPIPE;
		l->held = grown;
		l->held[l->helds++] = r;
	}
	return code;
}

int guard_link_send(struct guard_link *l, struct guard_command *c, uint64_t serial)
{
	int code = 0;
	c->version = GUARD_VERSION;
	c->serial = serial;
	while (code == 0) {
		ssize_t sent = send(l->fd, c, sizeof *c, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent == (ssize_t)sizeof *c)
			return 0;
		if (sent >= 0 || (errno != EAGAIN && errno != EINTR))
			return -EPIPE;
		code = wait_for_room(l);
	}
	return code;
}

int guard_link_hear(struct guard_link *l, struct guard_reply *ret)
{
	if (l->held_from == l->helds) {
		l->held_from = l->helds = 0;
		return take_reply(l, ret);
	}
	*ret = l->held[l->held_from++];
	return 1;
}

int guard_link_say(struct guard_link *l, enum guard_command_kind kind, uint64_t serial)
{
	struct guard_command c = {.kind = (uint32_t)kind};
	return guard_link_send(l, &c, serial);
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
	struct guard_reply r = {0};
	int code = guard_link_send(l, &c, 0);
	if (code == 0 && child_readable(l->fd, HELLO_MS))
		code = guard_link_hear(l, &r);
	if (code < 0 || r.kind == 0)
		return fail_set(
			why, -EPIPE, "postern-enforcer does not answer: it needs CAP_NET_ADMIN");
	if (r.kind != GUARD_DONE)
		return fail_set(why, -EPERM, "postern-enforcer: %s (%s)",
			guard_reason_words((enum guard_reason)r.reason),
			strerror((int)r.error_number));
	code = o->flush ? guard_link_say(l, GUARD_FLUSH, 0) : 0;
	return code < 0 ? fail_set(why, code, "postern-enforcer has ended") : 0;
}

int guard_link_open(
	struct guard_link **ret, const struct guard_link_options *options, struct fail *why)
{
	struct guard_link *l = calloc(1, sizeof *l);
	if (l == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	l->fd = -1;
	int code = guard_spawner_ask(options->spawner, &l->fd);
	if (code == -EPIPE)
		(void)fail_set(why, code,
			"what starts postern-enforcer has ended: restart the guard; nothing is "
			"changed until then");
	else if (code < 0)
		(void)fail_set(why, code,
			"postern-enforcer can't be started: %s (--enforcer "
			"PROGRAM says where it is)",
			strerror(-code));
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
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->held);
	free(l);
}

int guard_link_fd(const struct guard_link *l)
{
	return l->fd;
}
