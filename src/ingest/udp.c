#include "ingest/udp.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"

#define BATCH          64
#define DATAGRAM_BYTES 65536 /* more than the largest */
/* the time and the drops; a multiple of what struct cmsghdr is aligned to */
#define CONTROL_BYTES (CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t)))
#define BUFFER_MAX    ((size_t)1 << 30)
#define PORT_DIGITS   5

union peer {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct udp {
	int fd;
	uint16_t port;
	size_t buffer_bytes;
	uint64_t drops;
	uint32_t drops_seen; /* the kernel's counter, which wraps */
	size_t next, count;  /* of the batch */
	struct mmsghdr message[BATCH];
	struct iovec place[BATCH];
	union peer from[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL_BYTES];
	uint8_t *bytes; /* BATCH x DATAGRAM_BYTES; only what is needed is touched */
};

/* ---- where ---- */

struct where {
	char host[ADDR_TEXT_BYTES + IF_NAMESIZE]; /* with a zone: fe80::1%eth0 */
	char port[PORT_DIGITS + 1];
};

static bool copy(char *to, size_t room, const char *from, size_t len)
{
	if (len >= room)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

static bool is_port(const char *text)
{
	size_t len = strlen(text);
	return len > 0 && len <= PORT_DIGITS && strspn(text, "0123456789") == len &&
	       strtoul(text, NULL, 10) <= UINT16_MAX;
}

static bool where_parse(const char *text, struct where *ret)
{
	const char *colon = strrchr(text, ':');
	const char *port = colon != NULL ? colon + 1 : text;
	const char *host = text;
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	if (len > 0 && host[0] == '[') {
		if (len < 3 || host[len - 1] != ']')
			return false;
		host++;
		len -= 2;
	} else if (memchr(host, ':', len) != NULL) {
		return false; /* which colon is the port's? */
	}
	if (len == 0) {
		host = "::";
		len = 2;
	}
	return is_port(port) && copy(ret->port, sizeof ret->port, port, strlen(port)) &&
	       copy(ret->host, sizeof ret->host, host, len);
}

/* ---- opening ---- */

static int fail_bind(int code, const char *where, struct fail *why)
{
	const char *remedy = "";
	if (code == EADDRINUSE)
		remedy = ": another program listens there (ss -ulpn shows which)";
	else if (code == EACCES)
		remedy = ": ports below 1024 need root or cap_net_bind_service";
	else if (code == EADDRNOTAVAIL)
		remedy = ": no interface has this address (ip address shows those there are)";
	return fail_set(why, -code, "%s: %s%s", where, strerror(code), remedy);
}

static void set_buffer(struct udp *u, size_t bytes)
{
	int want = (int)(bytes < BUFFER_MAX ? bytes : BUFFER_MAX), got = 0;
	socklen_t len = sizeof got;
	/* past net.core.rmem_max only with CAP_NET_ADMIN */
	if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof want) < 0)
		(void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want);
	if (getsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &got, &len) == 0)
		u->buffer_bytes = (size_t)got;
}

static uint16_t port_of(const union peer *peer)
{
	return ntohs(peer->any.sa_family == AF_INET6 ? peer->v6.sin6_port : peer->v4.sin_port);
}

static int start(struct udp *u, const struct addrinfo *info, const char *where, struct fail *why)
{
	const int on = 1, off = 0;
	u->fd = socket(info->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->fd < 0)
		return fail_set(why, -errno, "%s: %s", where, strerror(errno));
	if (info->ai_family == AF_INET6)
		(void)setsockopt(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	/* without these drops are not told, and times are those of reading */
	(void)setsockopt(u->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
	(void)setsockopt(u->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	if (bind(u->fd, info->ai_addr, info->ai_addrlen) < 0)
		return fail_bind(errno, where, why);
	union peer name = {0};
	socklen_t len = sizeof name;
	if (getsockname(u->fd, &name.any, &len) < 0)
		return fail_set(why, -errno, "%s: %s", where, strerror(errno));
	u->port = port_of(&name);
	return 0;
}

static struct udp *udp_new(void)
{
	struct udp *u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	u->fd = -1;
	u->bytes = malloc((size_t)BATCH * DATAGRAM_BYTES);
	if (u->bytes != NULL)
		return u;
	free(u);
	return NULL;
}

/* A machine without IPv6 has no [::]: then every address is 0.0.0.0. */
static int find_and_start(struct udp *u, struct where *at, const char *where, struct fail *why)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *info = NULL;
	int status = getaddrinfo(at->host, at->port, &hints, &info);
	if (status != 0)
		return fail_set(why, -EINVAL, "%s: want ADDRESS:PORT, as in %s or [::]:2055", where,
			UDP_WHERE);
	int code = start(u, info, where, why);
	freeaddrinfo(info);
	return code;
}

int udp_open(struct udp **ret, const char *where, size_t buffer_bytes, struct fail *why)
{
	struct where at;
	where = where != NULL ? where : UDP_WHERE;
	if (!where_parse(where, &at))
		return fail_set(why, -EINVAL, "%.64s: want ADDRESS:PORT, as in %s or [::]:2055",
			where, UDP_WHERE);
	struct udp *u = udp_new();
	if (u == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	int code = find_and_start(u, &at, where, why);
	if (code == -EAFNOSUPPORT && strcmp(at.host, "::") == 0) {
		(void)snprintf(at.host, sizeof at.host, "0.0.0.0");
		code = find_and_start(u, &at, where, why);
	}
	if (code < 0) {
		udp_close(u);
		return code;
	}
	set_buffer(u, buffer_bytes != 0 ? buffer_bytes : UDP_BUFFER_BYTES);
	*ret = u;
	return 0;
}

void udp_close(struct udp *u)
{
	if (u == NULL)
		return;
	if (u->fd >= 0)
		(void)close(u->fd);
	free(u->bytes);
	free(u);
}

/* ---- reading ---- */

static int receive(struct udp *u, struct fail *why)
{
	for (size_t i = 0; i < BATCH; i++) {
		u->place[i] = (struct iovec){u->bytes + i * DATAGRAM_BYTES, DATAGRAM_BYTES};
		u->message[i].msg_hdr = (struct msghdr){
			.msg_name = &u->from[i],
			.msg_namelen = sizeof u->from[i],
			.msg_iov = &u->place[i],
			.msg_iovlen = 1,
			.msg_control = u->control[i],
			.msg_controllen = sizeof u->control[i],
		};
	}
	int got;
	do
		got = recvmmsg(u->fd, u->message, BATCH, MSG_DONTWAIT, NULL);
	while (got < 0 && errno == EINTR);
	u->next = 0;
	u->count = got > 0 ? (size_t)got : 0;
	if (got >= 0 || errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	return fail_set(why, -errno, "port %u: %s", (unsigned)u->port, strerror(errno));
}

/* What the kernel, not the sender, wrote beside the datagram. */
static int64_t read_control(struct udp *u, struct msghdr *message)
{
	struct timespec time = {0};
	uint32_t drops = u->drops_seen;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SO_TIMESTAMPNS && c->cmsg_len >= CMSG_LEN(sizeof time))
			memcpy(&time, CMSG_DATA(c), sizeof time);
		if (c->cmsg_type == SO_RXQ_OVFL && c->cmsg_len >= CMSG_LEN(sizeof drops))
			memcpy(&drops, CMSG_DATA(c), sizeof drops);
	}
	u->drops += (uint32_t)(drops - u->drops_seen);
	u->drops_seen = drops;
	return time.tv_sec == 0 ? clock_day_ns() : time.tv_sec * NS_PER_S + time.tv_nsec;
}

static struct addr addr_from(const union peer *peer)
{
	if (peer->any.sa_family == AF_INET6)
		return addr_of((struct span){peer->v6.sin6_addr.s6_addr, 16});
	return addr_v4(ntohl(peer->v4.sin_addr.s_addr));
}

int udp_next(struct udp *u, struct udp_datagram *ret, struct fail *why)
{
	if (u->next == u->count) {
		int code = receive(u, why);
		if (code < 0 || u->count == 0)
			return code;
	}
	size_t i = u->next++;
	*ret = (struct udp_datagram){
		.time_ns = read_control(u, &u->message[i].msg_hdr),
		.from = addr_from(&u->from[i]),
		.from_port = port_of(&u->from[i]),
		.bytes = u->bytes + i * DATAGRAM_BYTES,
		.len = u->message[i].msg_len,
	};
	return 1;
}

int udp_fd(const struct udp *u)
{
	return u->fd;
}

uint16_t udp_port(const struct udp *u)
{
	return u->port;
}

size_t udp_buffer_bytes(const struct udp *u)
{
	return u->buffer_bytes;
}

uint64_t udp_drops(const struct udp *u)
{
	return u->drops;
}
