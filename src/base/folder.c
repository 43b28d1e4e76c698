#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int folder_sync(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int len = slash != NULL ? (int)(slash - path) + 1 : 1;
	if ((size_t)len >= sizeof folder)
		return -ENAMETOOLONG;
	(void)snprintf(folder, sizeof folder, "%.*s", len, slash != NULL ? path : ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : -errno; /* a drop box: nobody here can sync it */
	int code = fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
	(void)close(fd);
	return code;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int folder_replace(const char *path, const struct out *text)
{
	char temporary[PATH_MAX];
	int len = snprintf(temporary, sizeof temporary, "%s.new", path);
	if (len < 0 || (size_t)len >= sizeof temporary)
		return -ENAMETOOLONG;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int code = write_all(fd, text->text, text->len);
	if (close(fd) < 0 && code == 0)
		code = -errno;
	if (code == 0 && rename(temporary, path) < 0)
		code = -errno;
	if (code < 0)
		(void)unlink(temporary);
	return code < 0 ? code : folder_sync(path);
}
