/* The name says all: 00000000000000000042-0123456789abcdef0123456789abcdef. What is being written
 * has another, and is whole when it is renamed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alert/sink.h"
#include "base/cur.h"
#include "base/out.h"
#include "base/scan.h"

#define NAME_DIGITS 20u
#define ID_DIGITS   32u
#define NEW_NAME    "new"

struct spool {
	int folder; /* -1 none; the lock is on it */
};

struct name {
	char text[NAME_DIGITS + 1 + ID_DIGITS + 1];
};

static struct name name_of(const struct spool_item *item)
{
	struct name n;
	(void)snprintf(n.text, sizeof n.text, "%020" PRIu64 "-%.32s", item->number, item->id);
	return n;
}

static bool read_name(const char *name, struct spool_item *ret)
{
	if (strlen(name) != NAME_DIGITS + 1 + ID_DIGITS || name[NAME_DIGITS] != '-')
		return false;
	for (size_t i = 0; i < ID_DIGITS; i++)
		if (scan_hex((uint8_t)name[NAME_DIGITS + 1 + i]) > 15)
			return false;
	memcpy(ret->id, name + NAME_DIGITS + 1, ID_DIGITS);
	return scan_u64((struct span){(const uint8_t *)name, NAME_DIGITS}, &ret->number) == 0;
}

static int open_folder(const char *path, struct fail *why)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail_set(why, -errno, "%s: %s", path, strerror(errno));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? fail_set(why, -errno, "%s: %s", path, strerror(errno)) : fd;
}

int spool_open(struct spool **ret, const char *folder, const char *key, struct fail *why)
{
	struct out path = {0};
	out_printf(&path, "%s/%s", folder, key);
	int outer = open_folder(folder, why);
	int fd = outer < 0 ? outer : open_folder(out_string(&path), why);
	if (outer >= 0)
		(void)close(outer);
	out_fini(&path);
	if (fd < 0)
		return fd;
	struct spool *s = flock(fd, LOCK_EX | LOCK_NB) < 0 ? NULL : calloc(1, sizeof *s);
	if (s == NULL) {
		int code = errno == EWOULDBLOCK ? -EBUSY : -ENOMEM;
		(void)close(fd);
		return fail_set(why, code, "%s: %s", folder,
			code == -EBUSY ? "another run has this spool: give another --alert-spool"
				       : "out of memory");
	}
	s->folder = fd;
	(void)unlinkat(fd, NEW_NAME, 0); /* half of one, of a run that was killed */
	*ret = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (s != NULL)
		(void)close(s->folder);
	free(s);
}

static int by_number(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;
	return x->number < y->number ? -1 : x->number > y->number;
}

int spool_list(
	struct spool *s, struct spool_item *ret, size_t max, size_t *ret_count, struct fail *why)
{
	struct dirent *entry;
	struct stat st;
	int fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL)
		return fail_set(why, -errno, "the spool can't be read: %s", strerror(errno));
	size_t count = 0;
	while (count < max && (entry = readdir(dir)) != NULL) {
		struct spool_item item = {0};
		if (!read_name(entry->d_name, &item) ||
			fstatat(s->folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode) || st.st_size > (off_t)ALERT_BYTES_MAX ||
			st.st_size == 0) /* a power cut came before its bytes */
			continue;
		item.bytes = (size_t)st.st_size;
		ret[count++] = item;
	}
	(void)closedir(dir);
	if (count > 0)
		qsort(ret, count, sizeof *ret, by_number);
	*ret_count = count;
	return 0;
}

int spool_put(struct spool *s, const struct spool_item *item, const char *text)
{
	int fd = openat(
		s->folder, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	errno = 0;
	ssize_t wrote = write(fd, text, item->bytes);
	int code = wrote == (ssize_t)item->bytes ? 0 : -(errno != 0 ? errno : ENOSPC);
	if (close(fd) < 0 && code == 0)
		code = -errno;
	if (code == 0 && renameat(s->folder, NEW_NAME, s->folder, name_of(item).text) < 0)
		code = -errno;
	if (code < 0)
		(void)unlinkat(s->folder, NEW_NAME, 0);
	return code;
}

int spool_get(struct spool *s, const struct spool_item *item, char **ret)
{
	int fd = openat(s->folder, name_of(item).text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	char *text = calloc(1, item->bytes + 1);
	ssize_t got = text == NULL ? -1 : read(fd, text, item->bytes);
	int code = text == NULL ? -ENOMEM : got != (ssize_t)item->bytes ? -EIO : 0;
	(void)fdatasync(fd); /* what waits for its receiver outlives a power cut as well */
	(void)close(fd);
	if (code < 0)
		free(text);
	else
		*ret = text;
	return code;
}

void spool_drop(struct spool *s, const struct spool_item *item)
{
	(void)unlinkat(s->folder, name_of(item).text, 0);
}
