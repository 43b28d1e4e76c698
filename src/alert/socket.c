/* Syslog and the journal: a datagram for each alert, or a stream of them. Neither acknowledges:
 * what the kernel took is taken for told. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alert/sink.h"
#include "base/out.h"

struct socket {
	const struct alert_target *target; /* borrowed */
	int fd;                            /* -1: not connected */
};

static int socket_new(void **ret, const struct alert_target *target, const char *ca)
{
	(void)ca;
	struct socket *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	*s = (struct socket){.target = target, .fd = -1};
	*ret = s;
	return 0;
}

static void hang_up(struct socket *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

static void socket_free(void *self)
{
	hang_up(self);
	free(self);
}

/* The socket of the place, or -errno. */
static int connect_here(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof at.sun_path)
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return fd < 0 ? -errno : fd;
	int code = -errno;
	(void)close(fd);
	return code;
}

/* One that nobody waits for longer than a try. */
static int connect_to(const struct addrinfo *a)
{
	const struct timeval limit = {.tv_sec = SINK_TRY_S / 3};
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); /* of connect too */
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return fd;
	int code = errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	(void)close(fd);
	return code;
}

static int connect_far(const struct alert_target *t, struct fail *why)
{
	struct addrinfo *all = NULL;
	const struct addrinfo hints = {.ai_socktype = t->tcp ? SOCK_STREAM : SOCK_DGRAM};
	int wrong = getaddrinfo(t->host, t->port, &hints, &all);
	if (wrong != 0)
		return fail_set(why, -EHOSTUNREACH, "%s: %s", t->shown, gai_strerror(wrong));
	int fd = -EHOSTUNREACH;
	for (const struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next)
		fd = connect_to(a);
	freeaddrinfo(all);
	return fd < 0 ? fail_set(why, fd, "%s: %s", t->shown, strerror(-fd)) : fd;
}

/* A stream that its other end has closed takes bytes once more, and loses them. */
static bool is_closed(const struct socket *s)
{
	char byte;
	struct pollfd p = {.fd = s->fd, .events = POLLIN | POLLRDHUP};
	return poll(&p, 1, 0) > 0 && ((p.revents & (POLLERR | POLLHUP | POLLRDHUP)) != 0 ||
					     recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0);
}

static int send_all(int fd, const char *text, size_t len, bool stream)
{
	size_t sent = 0;
	while (sent < len) {
		ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		sent += (size_t)n;
		if (!stream)
			break;
	}
	return 0;
}

static int send_socket(struct socket *s, const char *text, size_t len, struct fail *why)
{
	const struct alert_target *t = s->target;
	if (s->fd >= 0 && t->tcp && is_closed(s))
		hang_up(s);
	if (s->fd < 0 && t->host[0] == '\0') {
		s->fd = connect_here(t->place);
		if (s->fd < 0)
			(void)fail_set(why, s->fd, "%s: %s", t->place, strerror(-s->fd));
	} else if (s->fd < 0) {
		s->fd = connect_far(t, why);
	}
	if (s->fd < 0) {
		int code = s->fd;
		s->fd = -1;
		return code;
	}
	int code = send_all(s->fd, text, len, t->tcp);
	if (code == 0)
		return 0;
	hang_up(s); /* what was begun on it can't be gone on with */
	(void)fail_set(why, code, "%s: %s", t->shown, strerror(-code));
	return code == -EMSGSIZE ? -EBADMSG : code;
}

static int syslog_send(void *self, const char *id, const char *text, size_t len,
	const atomic_bool *hurry, struct fail *why)
{
	struct socket *s = self;
	struct out framed = {0};
	(void)id;
	(void)hurry;
	size_t line = len > 0 && text[len - 1] == '\n' ? len - 1 : len;
	if (s->target->tcp) /* RFC 6587, 3.4.1: octet counting */
		out_printf(&framed, "%zu ", line);
	out_bytes(&framed, text, line);
	int code = framed.failed ? -ENOMEM : send_socket(s, framed.text, framed.len, why);
	out_fini(&framed);
	return code;
}

static int journal_send(void *self, const char *id, const char *text, size_t len,
	const atomic_bool *hurry, struct fail *why)
{
	(void)id;
	(void)hurry;
	return send_socket(self, text, len, why);
}

const struct sink_way sink_syslog = {
	.form = ALERT_SYSLOG, .new = socket_new, .free = socket_free, .send = syslog_send};
const struct sink_way sink_journal = {
	.form = ALERT_JOURNAL, .new = socket_new, .free = socket_free, .send = journal_send};
