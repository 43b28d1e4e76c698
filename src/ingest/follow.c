#include "ingest/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ingest/follow_private.h"

/* Names are looked at so often even when inotify says nothing: it does not know what other machines
 * do to a shared folder. */
#define RESCAN_NS (5 * NS_PER_S)
#define LOOK_NS   (FOLLOW_TICK_MS * NS_PER_MS)
#define QUIET_NS  (60 * NS_PER_S)

void follow_trouble(struct follow *f, const char *path, int code)
{
	f->stats.unreadable++;
	(void)snprintf(f->stats.text, sizeof f->stats.text, "%.200s: %s", path, strerror(code));
}

/* ---- the list ---- */

static bool make_room(struct follow *f)
{
	if (f->tails < f->tails_room)
		return true;
	size_t room = f->tails_room == 0 ? 16 : f->tails_room * 2;
	struct tail **tail = realloc(f->tail, room * sizeof(void *));
	if (tail == NULL)
		return false;
	f->tail = tail;
	f->tails_room = room;
	return true;
}

static void free_tail(struct tail *t)
{
	tail_close(t);
	free(t->path);
	free(t->origin);
	free(t);
}

struct tail *follow_add(struct follow *f, const char *path, const char *origin)
{
	struct tail *t = make_room(f) ? calloc(1, sizeof *t) : NULL;
	if (t == NULL)
		return NULL;
	t->fd = -1;
	t->path = strdup(path);
	t->origin = strdup(origin);
	if (t->path == NULL || t->origin == NULL) {
		free_tail(t);
		return NULL;
	}
	t->order = ++f->order;
	t->number = ++f->number;
	t->active_ns = clock_steady_ns();
	f->tail[f->tails++] = t;
	return t;
}

void follow_remove(struct follow *f, size_t index)
{
	free_tail(f->tail[index]);
	f->tail[index] = f->tail[--f->tails];
}

void tail_restart(struct follow *f, struct tail *t)
{
	t->given = t->done = (struct place){0};
	t->head_len = 0;
	t->head = 0;
	t->order = ++f->order;
	t->number = ++f->number;
	t->checked = t->more = true;
	t->copy = false;
}

/* ---- opening ---- */

static int start(struct follow *f, const struct follow_options *options, struct fail *why)
{
	int code = follow_specs(f, options->paths, options->path_count, why);
	if (code < 0)
		return code;
	f->key = hash_key_new();
	if (options->state_path != NULL) {
		f->state_path = strdup(options->state_path);
		if (f->state_path == NULL)
			return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
		code = follow_state_load(f, why);
	}
	if (code < 0)
		return code;
	f->first = code == 0;
	f->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->inotify_fd < 0)
		return fail_set(why, -errno, "inotify: %s%s", strerror(errno),
			errno == EMFILE ? ": raise sysctl fs.inotify.max_user_instances" : "");
	code = follow_scan(f, why);
	f->first = false;
	f->look_ns = f->rescan_ns = clock_steady_ns();
	return code;
}

int follow_open(struct follow **ret, const struct follow_options *options, struct fail *why)
{
	struct follow *f = calloc(1, sizeof *f);
	if (f == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	f->inotify_fd = -1;
	f->from_end = options->from_end;
	f->quiet_ns = options->quiet_ns != 0 ? options->quiet_ns : QUIET_NS;
	f->buffer = malloc(FOLLOW_BUFFER);
	int code = f->buffer != NULL ? start(f, options, why)
	                             : fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	if (code < 0) {
		follow_close(f);
		return code;
	}
	*ret = f;
	return 0;
}

void follow_close(struct follow *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->tails; i++)
		free_tail(f->tail[i]);
	free(f->tail);
	follow_specs_free(f);
	if (f->inotify_fd >= 0)
		(void)close(f->inotify_fd);
	free(f->state_path);
	free(f->buffer);
	free(f);
}

/* ---- reading ---- */

/* A file that went away is read while its writer may still have it open. */
static void look_at_gone(struct follow *f, struct tail *t, int64_t now_ns)
{
	if (t->more || now_ns - t->active_ns < f->quiet_ns)
		return;
	f->stats.partial += tail_size(t) > t->given.offset;
	tail_close(t);
	f->rescan = true;
}

static void look_at_sizes(struct follow *f, int64_t now_ns, bool all)
{
	for (size_t i = 0; i < f->tails; i++) {
		struct tail *t = f->tail[i];
		struct stat st;
		bool there = t->fd >= 0 ? fstat(t->fd, &st) == 0
		                        : all && t->seen && stat(t->path, &st) == 0;
		if (there)
			tail_look(t, &st);
		if (t->fd >= 0 && !t->seen)
			look_at_gone(f, t, now_ns);
	}
	follow_doubts(f, now_ns);
}

/* Brings what is known up to date, as far as something has changed or time has passed. */
static int refresh(struct follow *f, struct fail *why)
{
	int64_t now = clock_steady_ns();
	bool tick = now - f->look_ns >= LOOK_NS;
	if (f->rescan || now - f->rescan_ns >= RESCAN_NS) {
		f->rescan = false;
		f->rescan_ns = now;
		int code = follow_scan(f, why);
		if (code < 0)
			return code;
	}
	if (f->look || tick) {
		look_at_sizes(f, now, tick);
		f->look = false;
		f->look_ns = now;
	}
	return 0;
}

/* The oldest with lines of those that are one log: t, or what it has taken the place of. */
static struct tail *oldest_of(const struct follow *f, struct tail *t)
{
	struct tail *best = t;
	for (size_t i = 0; i < f->tails; i++) {
		struct tail *other = f->tail[i];
		if (other->more && !other->copy && other->order < best->order &&
			strcmp(other->origin, t->origin) == 0)
			best = other;
	}
	return best;
}

static bool give(struct follow *f, struct follow_lines *ret)
{
	for (size_t n = 0; n < f->tails; n++) {
		size_t i = (f->turn + n) % f->tails;
		struct tail *t = f->tail[i];
		while (t->more && !t->copy) {
			if (tail_read(f, oldest_of(f, t), ret)) {
				f->turn = i + 1;
				return true;
			}
		}
	}
	return false;
}

int follow_next(struct follow *f, int timeout_ms, struct follow_lines *ret, struct fail *why)
{
	int64_t end = clock_steady_ns() + timeout_ms * NS_PER_MS;
	follow_wait(f, 0);
	for (;;) {
		int code = refresh(f, why);
		if (code < 0)
			return code;
		if (give(f, ret))
			return 1;
		int64_t left = (end - clock_steady_ns() + NS_PER_MS - 1) / NS_PER_MS;
		if (left <= 0)
			return 0;
		left = f->rescan ? 1 : left; /* a file was found to be another one */
		follow_wait(f, left < FOLLOW_TICK_MS ? (int)left : FOLLOW_TICK_MS);
	}
}

int follow_fd(const struct follow *f)
{
	return f->inotify_fd;
}

static struct tail *find_number(const struct follow *f, uint32_t file)
{
	for (size_t i = 0; i < f->tails; i++)
		if (f->tail[i]->number == file)
			return f->tail[i];
	return NULL;
}

size_t follow_head(struct follow *f, uint32_t file, uint8_t *buf, size_t room)
{
	struct tail *t = find_number(f, file);
	if (t == NULL || !tail_open(f, t))
		return 0;
	ssize_t got = pread(t->fd, buf, room, 0);
	const uint8_t *newline = got > 0 ? memrchr(buf, '\n', (size_t)got) : NULL;
	return newline != NULL ? (size_t)(newline - buf) + 1 : 0;
}

bool follow_knows(const struct follow *f, uint32_t file)
{
	return find_number(f, file) != NULL;
}

void follow_commit(struct follow *f)
{
	for (size_t i = 0; i < f->tails; i++)
		f->tail[i]->done = f->tail[i]->given;
}

const char *follow_note(const struct follow *f)
{
	return f->note;
}

struct follow_stats follow_stats(const struct follow *f)
{
	struct follow_stats stats = f->stats;
	stats.files = f->tails;
	return stats;
}
