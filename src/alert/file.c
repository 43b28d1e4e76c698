/* EVE's file: whole lines at its end. Whoever rotates it needs to tell nobody. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alert/sink.h"

struct file {
	const struct alert_target *target; /* borrowed */
	int fd;                            /* -1: not open */
};

static int file_new(void **ret, const struct alert_target *target, const char *ca)
{
	(void)ca;
	struct file *f = calloc(1, sizeof *f);
	if (f == NULL)
		return -ENOMEM;
	*f = (struct file){.target = target, .fd = -1};
	*ret = f;
	return 0;
}

static void close_file(struct file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
}

static void file_free(void *self)
{
	close_file(self);
	free(self);
}

/* A line that a killed writer left half must not spoil the next. Fails: -errno. */
static int end_line(int fd)
{
	char last = '\n';
	off_t len = lseek(fd, 0, SEEK_END);
	if (len > 0 && pread(fd, &last, 1, len - 1) == 1 && last != '\n' && write(fd, "\n", 1) != 1)
		return -errno;
	return 0;
}

/* The file of that name, which may have been renamed or removed since. Fails: -errno. */
static int open_file(struct file *f)
{
	struct stat there, here;
	if (f->fd >= 0 && stat(f->target->place, &there) == 0 && fstat(f->fd, &here) == 0 &&
		there.st_ino == here.st_ino && there.st_dev == here.st_dev)
		return 0;
	close_file(f);
	f->fd = open(f->target->place, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
	int code = f->fd < 0 ? -errno : end_line(f->fd);
	if (code < 0)
		close_file(f);
	return code;
}

static int file_send(void *self, const char *id, const char *text, size_t len,
	const atomic_bool *hurry, struct fail *why)
{
	struct file *f = self;
	struct stat before;
	(void)id;
	(void)hurry;
	int code = open_file(f);
	if (code == 0 && fstat(f->fd, &before) < 0)
		code = -errno;
	errno = 0;
	if (code == 0 && write(f->fd, text, len) != (ssize_t)len) {
		code = -(errno != 0 ? errno : ENOSPC);
		if (ftruncate(f->fd, before.st_size) < 0) /* no half of a line */
			close_file(f);                    /* the next opening ends it */
	}
	return code < 0 ? fail_set(why, code, "%s: %s", f->target->shown, strerror(-code)) : 0;
}

const struct sink_way sink_eve = {
	.form = ALERT_EVE, .new = file_new, .free = file_free, .send = file_send};
