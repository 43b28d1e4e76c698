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
