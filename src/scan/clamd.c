/* ClamAV's daemon: zINSTREAM, the bytes in chunks of (length, bytes), a length of 0, and one line
 * of answer (clamd(8)). */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/out.h"
#include "base/scan.h"
#include "scan/scan_private.h"

#define CHUNK_BYTES  ((size_t)1 << 20)
#define ANSWER_BYTES 1024u

/* Negative errno, or the socket. */
static int open_socket(const char *path, int timeout_s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = timeout_s};
	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		int err = -errno;
		(void)close(fd);
		return err;
	}
	return fd;
}

static int send_all(int fd, const void *bytes, size_t len)
{
	struct cur c = cur_of(bytes, len);
	while (c.len > 0) {
		ssize_t n = send(fd, c.ptr, c.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		cur_skip(&c, (size_t)n);
	}
	return 0;
}

/* One answer, up to a NUL or the end. */
static int receive(int fd, char answer[static ANSWER_BYTES])
{
	size_t len = 0;
	while (len + 1 < ANSWER_BYTES) {
		ssize_t n = recv(fd, answer + len, ANSWER_BYTES - 1 - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (memchr(answer, 0, len) != NULL)
			break;
	}
	answer[len] = '\0';
	return len > 0 ? 0 : -EIO;
}

int clamd_ping(const char *path, int timeout_s, struct fail *why)
{
	char answer[ANSWER_BYTES] = "";
	int fd = open_socket(path, timeout_s);
	int err = fd < 0 ? fd : send_all(fd, "zPING", sizeof "zPING");
	if (err == 0)
		err = receive(fd, answer);
	if (fd >= 0)
		(void)close(fd);
	if (err < 0 || strcmp(answer, "PONG") != 0)
		return fail_set(why, -ENOTCONN, "%s: no clamd answers there: %s", path,
			err < 0 ? strerror(-err) : "it speaks something else");
	return 0;
}

static int stream(int fd, struct span bytes)
{
	struct cur c = cur_of(bytes.ptr, bytes.len);
	int err = send_all(fd, "zINSTREAM", sizeof "zINSTREAM");
	while (err == 0) {
		size_t len = c.len < CHUNK_BYTES ? c.len : CHUNK_BYTES;
		const uint8_t head[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16),
			(uint8_t)(len >> 8), (uint8_t)len};
		struct span chunk = cur_bytes(&c, len);
		err = send_all(fd, head, sizeof head);
		if (len == 0)
			break;
		if (err == 0)
			err = send_all(fd, chunk.ptr, chunk.len);
	}
	return err;
}

/* "stream: NAME FOUND", "stream: OK", "… ERROR". */
static void take_answer(const char *answer, struct scan_result *ret)
{
	struct span s = span_of(answer);
	struct out text = {0};
	if (span_begins(s, "stream: "))
		s = (struct span){s.ptr + 8, s.len - 8};
	size_t found = span_find(s, " FOUND");
	char name[SCAN_NAME_BYTES];
	(void)snprintf(name, sizeof name, "%.*s", (int)found, (const char *)s.ptr);
	out_safe(&text, name, SCAN_NAME_BYTES);
	if (found < s.len)
		result_match(ret, SCAN_CLAMAV, out_string(&text), "");
	else if (!span_is(s, "OK"))
		result_gap(ret, "clamd: %s", out_string(&text));
	out_fini(&text);
}

void clamd_scan(const char *path, int timeout_s, struct span bytes, struct scan_result *ret)
{
	char answer[ANSWER_BYTES] = "";
	int fd = open_socket(path, timeout_s);
	if (fd < 0) {
		result_gap(ret, "clamd: %s", strerror(-fd));
		return;
	}
	int sent = stream(fd, bytes); /* also a refusal in the middle is an answer */
	int err = receive(fd, answer);
	(void)close(fd);
	if (err < 0)
		result_gap(ret, "clamd: %s", sent < 0 ? "it takes no more" : strerror(-err));
	else
		take_answer(answer, ret);
}
