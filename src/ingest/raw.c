#include "ingest/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

/* ---- descriptors ---- */

static void let_go(struct raw *r)
{
	if (r->fd >= 0 && !r->borrowed)
		(void)close(r->fd);
	r->fd = -1;
	for (size_t i = 0; r->pool != NULL && i < RAW_OPEN_MAX; i++)
		if (r->pool->open[i] == r)
			r->pool->open[i] = NULL;
}

/* A place in the pool: a free one, else the next in turn gives up its descriptor. */
static void take_place(struct raw *r)
{
	struct raw_pool *pool = r->pool;
	for (size_t i = 0; i < RAW_OPEN_MAX; i++) {
		if (pool->open[i] == NULL) {
			pool->open[i] = r;
			return;
		}
	}
	size_t place = pool->hand;
	pool->hand = (place + 1) % RAW_OPEN_MAX;
	let_go(pool->open[place]);
	pool->open[place] = r;
}

/* O_NONBLOCK would make a FIFO without a writer look empty. */
static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int refuse(const struct stat *st, bool standard_input, struct fail *why)
{
	if (S_ISDIR(st->st_mode))
		return fail_set(why, -EISDIR, "is a folder");
	if (standard_input && isatty(STDIN_FILENO))
		return fail_set(why, -ENOTSUP,
			"standard input is a terminal: pipe a capture into it, or name a file");
	if (S_ISREG(st->st_mode) || S_ISFIFO(st->st_mode) || standard_input)
		return 0;
	return fail_set(why, -ENOTSUP, "is a %s: give a file, a folder or a pipe",
		S_ISSOCK(st->st_mode) ? "socket" : "device");
}

static int fill(struct raw *r, const struct stat *st, struct fail *why)
{
	r->regular = S_ISREG(st->st_mode) && !r->borrowed;
	r->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	r->written_ns = st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
	r->dev = st->st_dev;
	r->ino = st->st_ino;
	return refuse(st, r->borrowed, why);
}

int raw_open(struct raw *r, const char *path, struct raw_pool *pool, struct fail *why)
{
	struct stat st;
	*r = (struct raw){.path = path, .fd = STDIN_FILENO, .borrowed = strcmp(path, "-") == 0};
	/* looked at before opening: to open some devices is to act on them */
	if ((r->borrowed ? fstat(r->fd, &st) : stat(path, &st)) < 0)
		return fail_set(why, -errno, "%s", strerror(errno));
	int code = fill(r, &st, why);
	if (code < 0 || r->borrowed)
		return code;
	r->fd = open_path(path);
	if (r->fd < 0)
		return fail_set(why, r->fd, "%s", strerror(-r->fd));
	code = fstat(r->fd, &st) < 0 ? fail_set(why, -errno, "%s", strerror(errno))
	                             : fill(r, &st, why);
	if (code < 0) {
		(void)close(r->fd);
		return code;
	}
	r->pool = r->regular ? pool : NULL;
	if (r->pool != NULL)
		take_place(r);
	(void)posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

void raw_of_memory(struct raw *r, const void *bytes, size_t len)
{
	CHECK(bytes != NULL || len == 0);
	*r = (struct raw){.fd = -1, .memory = bytes, .memory_bytes = len, .size = len};
}

void raw_close(struct raw *r)
{
	if (r->path != NULL)
		let_go(r);
	*r = (struct raw){.fd = -1};
}

/* ---- reading ---- */

static int open_again(struct raw *r)
{
	struct stat st;
	int fd = open_path(r->path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || st.st_dev != r->dev || st.st_ino != r->ino) {
		(void)close(fd);
		return -ESTALE;
	}
	r->fd = fd;
	take_place(r);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

static ssize_t read_file(struct raw *r, void *buf, size_t n)
{
	if (r->fd < 0) {
		int code = open_again(r);
		if (code < 0)
			return code;
	}
	ssize_t got;
	do
		got = r->regular ? pread(r->fd, buf, n, (off_t)r->offset) : read(r->fd, buf, n);
	while (got < 0 && errno == EINTR && r->regular);
	if (got < 0)
		return -errno;
	r->offset += (uint64_t)got;
	return got;
}

static ssize_t read_memory(struct raw *r, void *buf, size_t n)
{
	size_t left = r->memory_bytes - (size_t)r->offset;
	n = n < left ? n : left;
	if (n > 0)
		memcpy(buf, r->memory + r->offset, n);
	r->offset += n;
	return (ssize_t)n;
}

static ssize_t read_on(struct raw *r, void *buf, size_t n)
{
	return r->path != NULL ? read_file(r, buf, n) : read_memory(r, buf, n);
}

int raw_peek(struct raw *r, struct fail *why)
{
	CHECK(r->head_used == 0);
	while (r->head_bytes < sizeof r->head) {
		ssize_t got = read_on(r, r->head + r->head_bytes, sizeof r->head - r->head_bytes);
		if (got < 0)
			return fail_set(why, (int)got, "%s", strerror((int)-got));
		if (got == 0)
			break;
		r->head_bytes += (size_t)got;
	}
	return 0;
}

ssize_t raw_read(struct raw *r, void *buf, size_t n)
{
	size_t left = r->head_bytes - r->head_used;
	if (left == 0)
		return read_on(r, buf, n);
	n = n < left ? n : left;
	memcpy(buf, r->head + r->head_used, n);
	r->head_used += n;
	return (ssize_t)n;
}
