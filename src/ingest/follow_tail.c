/* One followed file: opening it, knowing it again, the next lines of it. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/follow_private.h"

/* Files held open at once; others are opened again when they grow. */
#define OPEN_MAX ((size_t)256)

uint64_t follow_hash(const struct follow *f, const void *bytes, size_t len)
{
	return hash_bytes(&f->key, bytes, len);
}

/* A polynomial in an odd number: tells copies from other files, whatever pieces a file was read
 * in. Eight bytes at a time, or every line would cost more than its parsing. */
uint64_t follow_sum(const struct follow *f, uint64_t sum, const uint8_t *bytes, size_t len)
{
	uint64_t power[9] = {1};
	size_t i = 0;
	for (size_t n = 1; n < ARRAY_LEN(power); n++)
		power[n] = power[n - 1] * (f->key.k0 | 1);
	for (; i + 8 <= len; i += 8) {
		sum *= power[8];
		for (size_t n = 0; n < 8; n++)
			sum += (bytes[i + n] + UINT64_C(1)) * power[7 - n];
	}
	for (; i < len; i++)
		sum = sum * power[1] + bytes[i] + 1;
	return sum;
}

/* All of [offset, offset + len), or false. */
static bool read_at(int fd, uint8_t *buf, size_t len, uint64_t offset)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = pread(fd, buf + got, len - got, (off_t)(offset + got));
		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		got += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static size_t mark_bytes(const struct place *p)
{
	return p->offset < FOLLOW_MARK_BYTES ? (size_t)p->offset : FOLLOW_MARK_BYTES;
}

uint64_t tail_size(const struct tail *t)
{
	struct stat st;
	return t->fd >= 0 && fstat(t->fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

void tail_look(struct tail *t, const struct stat *st)
{
	/* size for what is added; time for what was written over and happens to be as long */
	if (st->st_size != t->size || st->st_mtim.tv_sec != t->modified.tv_sec ||
		st->st_mtim.tv_nsec != t->modified.tv_nsec)
		t->more = true;
	t->size = st->st_size;
	t->modified = st->st_mtim;
}

/* ---- opening ---- */

/* Closes the one that has been quiet for longest, of those that can be opened again. */
static void make_room(struct follow *f)
{
	struct tail *oldest = NULL;
	size_t open = 0;
	for (size_t i = 0; i < f->tails; i++) {
		struct tail *t = f->tail[i];
		open += t->fd >= 0;
		if (t->fd >= 0 && t->seen && !t->more &&
			(oldest == NULL || t->active_ns < oldest->active_ns))
			oldest = t;
	}
	if (open >= OPEN_MAX && oldest != NULL)
		tail_close(oldest);
}

bool tail_open(struct follow *f, struct tail *t)
{
	struct stat st;
	if (t->fd >= 0)
		return true;
	make_room(f);
	/* not waiting, should it be a pipe by now */
	int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		if (errno != ENOENT)
			follow_trouble(f, t->path, errno);
		return false;
	}
	if (fstat(fd, &st) < 0 || st.st_dev != t->dev || st.st_ino != t->ino) {
		(void)close(fd); /* another one has taken the name: the next look finds it */
		f->rescan = true;
		return false;
	}
	t->fd = fd;
	return true;
}

void tail_close(struct tail *t)
{
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
}

/* ---- knowing ---- */

bool tail_head(struct follow *f, struct tail *t)
{
	uint8_t head[FOLLOW_HEAD_BYTES];
	ssize_t got = pread(t->fd, head, sizeof head, 0);
	if (got < (ssize_t)t->head_len)
		return false;
	if (t->head_len > 0 && follow_hash(f, head, t->head_len) != t->head)
		return false;
	t->head_len = (uint8_t)got;
	t->head = follow_hash(f, head, (size_t)got);
	return true;
}

bool tail_holds(struct follow *f, const struct tail *t, const struct place *place)
{
	uint8_t mark[FOLLOW_MARK_BYTES];
	size_t len = mark_bytes(place);
	return len == 0 || (read_at(t->fd, mark, len, place->offset - len) &&
				   follow_hash(f, mark, len) == place->mark);
}

bool tail_begins_like(struct follow *f, const struct tail *t, const struct place *of)
{
	uint64_t sum = 0;
	if (!tail_holds(f, t, of))
		return false;
	for (uint64_t at = 0; at < of->offset && !of->unsummed;) {
		uint64_t left = of->offset - at;
		size_t n = left < FOLLOW_BUFFER ? (size_t)left : FOLLOW_BUFFER;
		if (!read_at(t->fd, f->buffer, n, at))
			return false;
		sum = follow_sum(f, sum, f->buffer, n);
		at += n;
	}
	return of->unsummed || sum == of->sum;
}

void tail_skip(struct follow *f, struct tail *t)
{
	uint64_t size = tail_size(t);
	uint8_t *buf = f->buffer;
	size_t n = size < FOLLOW_BUFFER ? (size_t)size : FOLLOW_BUFFER;
	struct place place = {.offset = size, .unsummed = size > 0};
	/* a line that is being written is a new one */
	if (n > 0 && read_at(t->fd, buf, n, size - n)) {
		const uint8_t *newline = memrchr(buf, '\n', n);
		size_t keep = newline != NULL ? (size_t)(newline - buf) + 1 : 0;
		if (newline != NULL || n == size)
			place.offset = size - n + keep;
	}
	uint8_t mark[FOLLOW_MARK_BYTES];
	size_t len = mark_bytes(&place);
	if (len > 0 && read_at(t->fd, mark, len, place.offset - len))
		place.mark = follow_hash(f, mark, len);
	t->given = t->done = place;
}

/* ---- reading ---- */

/* n bytes at f->buffer + skip are behind us. */
static void advance(struct follow *f, struct tail *t, size_t mark, size_t n)
{
	struct place *p = &t->given;
	if (!p->unsummed)
		p->sum = follow_sum(f, p->sum, f->buffer + mark, n);
	p->offset += n;
	size_t len = mark_bytes(p);
	p->mark = follow_hash(f, f->buffer + mark + n - len, len);
}

/* The bytes from the position on, behind those before it. Fewer than 0: the file is not the one
 * that was read. */
static ssize_t fill(struct follow *f, struct tail *t, size_t mark)
{
	size_t got = 0;
	while (got < mark + FOLLOW_LINE_MAX) {
		ssize_t n = pread(t->fd, f->buffer + got, mark + FOLLOW_LINE_MAX - got,
			(off_t)(t->given.offset - mark + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) { /* it may yet be read: nothing now */
			follow_trouble(f, t->path, errno);
			return 0;
		}
		if (n == 0)
			break;
		got += (size_t)n;
	}
	if (got < mark || (mark > 0 && follow_hash(f, f->buffer, mark) != t->given.mark))
		return -1;
	if (!tail_head(f, t))
		return -1;
	t->checked = true;
	return (ssize_t)(got - mark);
}

/* What there is of a line that is too long. */
static void skip_line(struct follow *f, struct tail *t, size_t mark, size_t got)
{
	const uint8_t *bytes = f->buffer + mark;
	const uint8_t *newline = memchr(bytes, '\n', got);
	advance(f, t, mark, newline != NULL ? (size_t)(newline - bytes) + 1 : got);
	t->given.skipping = newline == NULL;
}

static void begin_again(struct follow *f, struct tail *t)
{
	struct fail spare;
	f->stats.truncations++;
	/* a copy may have been made since the last look */
	if (follow_scan(f, &spare) < 0)
		follow_trouble(f, t->path, ENOMEM);
	follow_copies(f, t); /* what was cut off comes before what is there now */
	tail_restart(f, t);
}

/* t->more stays set when it is worth trying again. */
static bool take(struct follow *f, struct tail *t, struct follow_lines *ret)
{
	size_t mark = mark_bytes(&t->given);
	ssize_t filled = fill(f, t, mark);
	if (filled < 0) {
		begin_again(f, t);
		return false;
	}
	size_t got = (size_t)filled;
	t->more = got > 0;
	if (got == 0)
		return false;
	if (t->given.skipping) {
		skip_line(f, t, mark, got);
		return false;
	}
	const uint8_t *bytes = f->buffer + mark;
	const uint8_t *newline = memrchr(bytes, '\n', got);
	if (newline == NULL) {
		t->more = t->given.skipping = got == FOLLOW_LINE_MAX;
		f->stats.lines_long += t->given.skipping;
		return false;
	}
	size_t len = (size_t)(newline - bytes) + 1;
	*ret = (struct follow_lines){bytes, len, t->given.offset, t->number, t->path};
	advance(f, t, mark, len);
	t->active_ns = clock_steady_ns();
	return true;
}

bool tail_read(struct follow *f, struct tail *t, struct follow_lines *ret)
{
	while (t->more) {
		if (!tail_open(f, t)) {
			t->more = false;
			break;
		}
		uint32_t number = t->number;
		if (take(f, t, ret))
			return true;
		if (t->number != number) /* began again: what was cut off comes first */
			break;
	}
	return false;
}
