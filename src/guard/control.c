#include "guard/control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scan.h"

/* Operators' programs at once; more are turned away. */
#define CLIENTS_MAX 8u
/* Taken in one turn, so that a flood of them does not hold up the guard. */
#define ACCEPTS_MAX 16u
/* To ask, and to take the answer. */
#define CLIENT_NS (5 * NS_PER_S)
/* Of the client's side: a longer answer is none of ours. */
#define ANSWER_MAX ((size_t)8 << 20)

struct client {
	int fd; /* -1: none */
	int64_t until_ns;
	uint8_t in[CONTROL_LINE_MAX + 1];
	size_t len;
	struct out out;
	size_t sent;
};

struct control {
	int fd, wake;
	struct sockaddr_un at;
	struct control_reader *reader;
	struct client client[CLIENTS_MAX];
};

static int name_it(const char *path, struct sockaddr_un *ret, struct fail *why)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof at.sun_path)
		return fail_set(why, -ENAMETOOLONG, "%.80s...: too long for a socket's path", path);
	memcpy(at.sun_path, path, strlen(path));
	*ret = at;
	return 0;
}

static int connect_to(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0)
		return fd;
	int code = -errno;
	(void)close(fd);
	return code;
}

/* What a guard that was killed left behind. */
static int clear_place(const struct sockaddr_un *at, struct fail *why)
{
	struct stat st;
	if (lstat(at->sun_path, &st) < 0)
		return 0; /* bind() says what else is wrong */
	if (!S_ISSOCK(st.st_mode))
		return fail_set(why, -EEXIST, "%s: it is there and no socket", at->sun_path);
	int fd = connect_to(at);
	if (fd >= 0)
		(void)close(fd);
	if (fd != -ECONNREFUSED)
		return fail_set(why, -EADDRINUSE,
			"%s: another guard listens there: give another --control", at->sun_path);
	return unlink(at->sun_path) < 0
	               ? fail_set(why, -errno, "%s: %s", at->sun_path, strerror(errno))
	               : 0;
}

static int listen_at(struct control *c, struct fail *why)
{
	struct epoll_event event = {.events = EPOLLIN};
	int code = clear_place(&c->at, why);
	if (code < 0)
		return code;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0177);
	bool bound = c->fd >= 0 && bind(c->fd, (const struct sockaddr *)&c->at, sizeof c->at) == 0;
	code = bound ? 0 : -errno;
	(void)umask(mask);
	if (code == 0 && (listen(c->fd, (int)ACCEPTS_MAX) < 0 ||
				 epoll_ctl(c->wake, EPOLL_CTL_ADD, c->fd, &event) < 0))
		code = -errno;
	if (code == 0)
		return 0;
	if (!bound)
		c->at.sun_path[0] = '\0'; /* not ours to take away */
	return fail_set(why, code, "--control: %s", strerror(-code));
}

int control_open(struct control **ret, const char *path, int wake, struct fail *why)
{
	struct control *c = calloc(1, sizeof *c);
	if (c == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	c->fd = -1;
	c->wake = wake;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		c->client[i].fd = -1;
	int code = control_reader_new(&c->reader) < 0 ? fail_set(why, -ENOMEM, "out of memory")
	                                              : name_it(path, &c->at, why);
	if (code == 0)
		code = listen_at(c, why);
	if (code < 0) {
		if (c->fd < 0)
			c->at.sun_path[0] = '\0';
		control_close(c);
		return code;
	}
	*ret = c;
	return 0;
}

static void drop(struct client *client)
{
	(void)close(client->fd); /* epoll forgets it */
	out_fini(&client->out);
	*client = (struct client){.fd = -1};
}

void control_close(struct control *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i].fd >= 0)
			drop(&c->client[i]);
	if (c->fd >= 0) {
		(void)close(c->fd);
		if (c->at.sun_path[0] != '\0')
			(void)unlink(c->at.sun_path);
	}
	control_reader_free(c->reader);
	free(c);
}

/* ---- clients ---- */

static bool may_ask(int fd)
{
	struct ucred who = {0};
	socklen_t size = sizeof who;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

static void take_clients(struct control *c, int64_t now_ns)
{
	for (size_t n = 0; n < ACCEPTS_MAX; n++) {
		struct epoll_event event = {.events = EPOLLIN};
		int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		size_t i = 0;
		if (fd < 0)
			return;
		while (i < CLIENTS_MAX && c->client[i].fd >= 0)
			i++;
		if (i == CLIENTS_MAX || !may_ask(fd) ||
			epoll_ctl(c->wake, EPOLL_CTL_ADD, fd, &event) < 0) {
			(void)close(fd);
			continue;
		}
		c->client[i].fd = fd;
		c->client[i].until_ns = now_ns + CLIENT_NS;
	}
}

/* The whole request is there: what else comes is not read. */
static void answer_line(struct control *c, struct client *client, size_t len,
	void (*answer)(void *context, const struct control_request *request, struct out *o),
	void *context)
{
	struct control_request request;
	const char *wrong = control_read(c->reader, (struct span){client->in, len}, &request);
	(void)epoll_ctl(c->wake, EPOLL_CTL_DEL, client->fd, NULL);
	if (wrong != NULL)
		control_refuse(&client->out, wrong);
	else
		answer(context, &request, &client->out);
	out_text(&client->out, "\n");
}

/* False: the client is to be dropped. */
static bool hear(struct control *c, struct client *client,
	void (*answer)(void *context, const struct control_request *request, struct out *o),
	void *context)
{
	ssize_t got = recv(client->fd, client->in + client->len, sizeof client->in - client->len,
		MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0)
		return false;
	client->len += (size_t)got;
	const uint8_t *end = memchr(client->in, '\n', client->len);
	if (end != NULL)
		answer_line(c, client, (size_t)(end - client->in), answer, context);
	else if (client->len == sizeof client->in)
		answer_line(c, client, client->len, answer, context);
	return true;
}

static bool speak(struct client *client)
{
	const char *text = out_string(&client->out);
	ssize_t put = send(client->fd, text + client->sent, client->out.len - client->sent,
		MSG_DONTWAIT | MSG_NOSIGNAL);
	if (put < 0)
		return errno == EAGAIN || errno == EINTR;
	client->sent += (size_t)put;
	return client->sent < client->out.len;
}

void control_turn(struct control *c,
	void (*answer)(void *context, const struct control_request *request, struct out *o),
	void *context)
{
	int64_t now_ns = clock_steady_ns();
	take_clients(c, now_ns);
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &c->client[i];
		if (client->fd < 0)
			continue;
		bool stays = now_ns < client->until_ns;
		if (stays && client->out.len == 0)
			stays = hear(c, client, answer, context);
		if (stays && client->out.len > 0)
			stays = speak(client);
		if (!stays)
			drop(client);
	}
}

/* ---- the other side ---- */

static int take_answer(int fd, int wait_ms, struct out *ret)
{
	char bytes[4096];
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	while (poll(&waiting, 1, wait_ms) == 1 && ret->len < ANSWER_MAX) {
		ssize_t got = recv(fd, bytes, sizeof bytes, 0);
		if (got <= 0)
			return -EPIPE;
		const char *end = memchr(bytes, '\n', (size_t)got);
		out_bytes(ret, bytes, end == NULL ? (size_t)got : (size_t)(end - bytes));
		if (end != NULL)
			return ret->failed ? -ENOMEM : 0;
	}
	return -ETIMEDOUT;
}

int control_ask(const char *path, const struct control_request *request, int wait_ms,
	struct out *ret, struct fail *why)
{
	struct sockaddr_un at;
	struct out line = {0};
	int code = name_it(path, &at, why);
	if (code < 0)
		return code;
	int fd = connect_to(&at);
	if (fd < 0)
		return fail_set(
			why, fd, "%s: %s: is a guard running with --control?", path, strerror(-fd));
	control_say(&line, request);
	out_text(&line, "\n");
	bool sent = send(fd, out_string(&line), line.len, MSG_NOSIGNAL) == (ssize_t)line.len;
	code = sent ? take_answer(fd, wait_ms, ret) : -EPIPE;
	out_fini(&line);
	(void)close(fd);
	if (code == -EPIPE)
		return fail_set(why, code,
			"%s: the guard hung up: root and its own user may ask, a few at a time",
			path);
	return code < 0 ? fail_set(why, code, "%s: %s", path, strerror(-code)) : 0;
}
