/* Finding files: which names in a folder are followed, which file is which, what is a copy. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ingest/follow_private.h"

/* A file that looks like a copy of another is one, or is not, when that is not truncated soon. */
#define COPY_WAIT_NS (60 * NS_PER_S)

#define WATCHED_NAMES                                                                          \
	(IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | \
		IN_ATTRIB)
#define CHANGED_NAMES (WATCHED_NAMES | IN_IGNORED | IN_Q_OVERFLOW)

struct entry { /* a regular file in a folder */
	char *name;
	struct stat st;
};

struct entries {
	struct entry *entry;
	size_t count, room;
};

/* ---- specs ---- */

static int add_spec(struct follow *f, const char *path, struct fail *why)
{
	struct stat st;
	struct spec *s = &f->spec[f->specs++]; /* there is room */
	const char *slash = strrchr(path, '/');
	int found = stat(path, &st);
	if (found == 0 && S_ISDIR(st.st_mode)) {
		s->folder = strdup(path);
		s->pattern = strdup("*");
	} else {
		s->folder = slash == NULL ? strdup(".")
		                          : strndup(path, (size_t)(slash - path) + (slash == path));
		s->pattern = strdup(slash == NULL ? path : slash + 1);
		s->literal = found == 0 || strpbrk(path, "*?[") == NULL;
	}
	if (s->folder == NULL || s->pattern == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	if (found == 0 && !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return fail_set(
			why, -ENOTSUP, "%s: only files grow: give a file or a folder", path);
	if (s->pattern[0] == '\0' || stat(s->folder, &st) < 0)
		return fail_set(why, -ENOENT, "%s: there is no folder %s", path, s->folder);
	if (access(s->folder, R_OK | X_OK) < 0)
		return fail_set(why, -errno, "%s: %s", s->folder, strerror(errno));
	if (found == 0 && access(path, R_OK) < 0)
		return fail_set(why, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

int follow_specs(struct follow *f, const char *const *paths, size_t count, struct fail *why)
{
	int code = 0;
	if (count == 0)
		return fail_set(why, -EINVAL, "no file to follow");
	f->spec = calloc(count, sizeof *f->spec);
	if (f->spec == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < count && code == 0; i++)
		code = add_spec(f, paths[i], why);
	return code;
}

void follow_specs_free(struct follow *f)
{
	for (size_t i = 0; i < f->specs; i++) {
		free(f->spec[i].folder);
		free(f->spec[i].pattern);
	}
	free(f->spec);
}

static bool matches(const struct spec *s, const char *name)
{
	return s->literal ? strcmp(s->pattern, name) == 0
	                  : fnmatch(s->pattern, name, FNM_PERIOD) == 0;
}

static bool ends_with(const char *name, const char *ending)
{
	size_t len = strlen(name), n = strlen(ending);
	return len > n && strcmp(name + len - n, ending) == 0;
}

static bool is_packed(const char *name)
{
	static const char *const endings[] = {
		".gz", ".zst", ".xz", ".bz2", ".lz4", ".lzma", ".Z", ".zip"};
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (ends_with(name, endings[i]))
			return true;
	return false;
}

/* ---- one folder ---- */

static int by_age(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	const struct timespec *s = &x->st.st_mtim, *t = &y->st.st_mtim;
	if (s->tv_sec != t->tv_sec)
		return s->tv_sec < t->tv_sec ? -1 : 1;
	if (s->tv_nsec != t->tv_nsec)
		return s->tv_nsec < t->tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool add_entry(struct entries *e, const char *name, const struct stat *st)
{
	if (e->count == e->room) {
		size_t room = e->room == 0 ? 64 : e->room * 2;
		struct entry *entry = realloc(e->entry, room * sizeof *entry);
		if (entry == NULL)
			return false;
		e->entry = entry;
		e->room = room;
	}
	e->entry[e->count] = (struct entry){strdup(name), *st};
	return e->entry[e->count].name != NULL && ++e->count > 0;
}

/* The name that `name` is the rotation of, by its form (eve.json.1, eve.json-20240101): its length,
 * or 0. */
static size_t base_length(const struct follow *f, const struct spec *s, const char *name)
{
	char base[NAME_MAX + 1], path[PATH_MAX];
	for (size_t len = strlen(name); len-- > 1;) {
		struct stat st;
		if ((name[len] != '.' && name[len] != '-') || len > NAME_MAX)
			continue;
		(void)snprintf(base, sizeof base, "%.*s", (int)len, name);
		int n = snprintf(path, sizeof path, "%s/%s", s->folder, base);
		if (!matches(s, base) || n < 0 || (size_t)n >= sizeof path)
			continue;
		if (s->literal || (stat(path, &st) == 0 && S_ISREG(st.st_mode)))
			return len;
		for (size_t i = 0; i < f->tails; i++)
			if (strcmp(f->tail[i]->origin, path) == 0)
				return len;
	}
	return 0;
}

static int list(struct follow *f, const struct spec *s, struct entries *ret)
{
	DIR *dir = opendir(s->folder);
	if (dir == NULL)
		return (void)follow_trouble(f, s->folder, errno), 0;
	int code = 0;
	const struct dirent *d;
	while (code == 0 && (d = readdir(dir)) != NULL) {
		struct stat st;
		if (d->d_name[0] == '.' && !(s->literal && strcmp(d->d_name, s->pattern) == 0))
			continue;
		if (is_packed(d->d_name) && !(s->literal && strcmp(d->d_name, s->pattern) == 0))
			continue;
		if (s->literal && strncmp(d->d_name, s->pattern, strlen(s->pattern)) != 0)
			continue;
		if (fstatat(dirfd(dir), d->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (!add_entry(ret, d->d_name, &st))
			code = -ENOMEM;
	}
	(void)closedir(dir);
	if (ret->count > 1)
		qsort(ret->entry, ret->count, sizeof *ret->entry, by_age);
	return code;
}

static struct tail *find(const struct follow *f, const struct stat *st)
{
	for (size_t i = 0; i < f->tails; i++)
		if (f->tail[i]->dev == st->st_dev && f->tail[i]->ino == st->st_ino)
			return f->tail[i];
	return NULL;
}

/* ---- copies ---- */

/* All that is in a copy that is being made is what the original begins with. What was compared is
 * not compared again. */
static bool same_bytes(struct follow *f, struct tail *t, const struct tail *of)
{
	enum { HALF = FOLLOW_LINE_MAX / 2 };
	uint64_t size = tail_size(t);
	if (t->alike_number != of->number)
		t->alike = 0;
	t->alike_number = of->number;
	while (t->alike < size) {
		uint64_t left = size - t->alike;
		size_t n = left < HALF ? (size_t)left : HALF;
		off_t at = (off_t)t->alike;
		if (pread(t->fd, f->buffer, n, at) != (ssize_t)n ||
			pread(of->fd, f->buffer + HALF, n, at) != (ssize_t)n ||
			memcmp(f->buffer, f->buffer + HALF, n) != 0)
			return false;
		t->alike += n;
	}
	return true;
}

static bool same_head(struct follow *f, const struct tail *t, const struct tail *of)
{
	uint8_t head[FOLLOW_HEAD_BYTES];
	size_t n = of->head_len;
	return n > 0 && pread(t->fd, head, n, 0) == (ssize_t)n &&
	       follow_hash(f, head, n) == of->head;
}

enum likeness {
	NOT_ALIKE,
	ALIKE_SO_FAR, /* the original is as it was: the copy is being made, or is no rotation */
	ALIKE_CUT,    /* the original is not what was read any more: the copy has the rest */
};

/* Whether a new file under a rotated name may be what copytruncate makes, or is about to make. */
static enum likeness likeness(struct follow *f, struct tail *t, struct tail *of)
{
	if (of == t || of->copy || strcmp(of->origin, t->origin) != 0)
		return NOT_ALIKE;
	bool open = tail_open(f, of);
	uint64_t size = tail_size(t), its = tail_size(of);
	bool intact = open && its >= of->given.offset && tail_holds(f, of, &of->given) &&
	              (of->head_len == 0 || same_head(f, of, of));
	bool head = same_head(f, t, of);
	if (intact && size <= its)
		return (head || size < of->head_len) && same_bytes(f, t, of) ? ALIKE_SO_FAR
		                                                             : NOT_ALIKE;
	if (!head)
		return NOT_ALIKE;
	if (size >= of->given.offset)
		return of->given.offset > 0 && tail_holds(f, t, &of->given) ? ALIKE_CUT : NOT_ALIKE;
	/* what was written between copying and cutting was read in time */
	return !intact && of->head_len == FOLLOW_HEAD_BYTES ? ALIKE_CUT : NOT_ALIKE;
}

static bool looks_like_copy(struct follow *f, struct tail *t)
{
	for (size_t i = 0; i < f->tails; i++)
		if (likeness(f, t, f->tail[i]) != NOT_ALIKE)
			return true;
	return false;
}

static void is_copy(struct follow *f, struct tail *t)
{
	f->stats.copies++;
	t->more = false;
	tail_skip(f, t);
}

/* `of` was truncated. A copy goes on where that one was; one that holds less than was read of the
 * original has nothing new. */
static void settle(struct follow *f, struct tail *t, struct tail *of)
{
	t->copy = false;
	t->more = true;
	if (!tail_open(f, t) || !same_head(f, t, of))
		return;
	uint64_t size = tail_size(t);
	if (size > 0 && size < of->given.offset) {
		is_copy(f, t);
		return;
	}
	if (of->given.offset == 0 || !tail_begins_like(f, t, &of->given))
		return; /* its own, from its start */
	f->stats.copies++;
	t->given = of->given;
	t->done = of->done;
}

void follow_copies(struct follow *f, struct tail *of)
{
	for (size_t i = 0; i < f->tails; i++) {
		struct tail *t = f->tail[i];
		if (t->copy && tail_open(f, t) && likeness(f, t, of) != NOT_ALIKE)
			settle(f, t, of);
	}
}

static void doubt(struct follow *f, struct tail *t, bool late)
{
	bool like = false;
	for (size_t i = 0; i < f->tails; i++) {
		struct tail *of = f->tail[i];
		enum likeness how = likeness(f, t, of);
		if (how == ALIKE_CUT && of->fd < 0) { /* cut, and gone */
			settle(f, t, of);
			return;
		}
		of->more = of->more || how == ALIKE_CUT; /* that it was cut is found on reading */
		like = like || how != NOT_ALIKE;
		if (how == ALIKE_SO_FAR && late && tail_size(t) > 0) {
			t->copy = false;
			is_copy(f, t); /* of one that goes on: cp, not copytruncate */
			return;
		}
	}
	t->copy = like && !late;
	t->more = !t->copy;
}

void follow_doubts(struct follow *f, int64_t now_ns)
{
	for (size_t i = 0; i < f->tails; i++) {
		struct tail *t = f->tail[i];
		if (t->copy && tail_open(f, t))
			doubt(f, t, now_ns - t->active_ns >= COPY_WAIT_NS);
	}
}

/* ---- looking ---- */

/* The state file, and what a crash left of a new one, by whatever path they are reached: they may
 * lie in a followed folder. */
static void find_own(struct follow *f)
{
	char path[PATH_MAX];
	memset(f->own, 0, sizeof f->own);
	for (size_t i = 0; i < ARRAY_LEN(f->own) && f->state_path != NULL; i++) {
		int len = snprintf(path, sizeof path, "%s%s", f->state_path, i == 0 ? "" : ".new");
		if (len > 0 && (size_t)len < sizeof path && stat(path, &f->own[i]) < 0)
			f->own[i] = (struct stat){0};
	}
}

static bool is_own(const struct follow *f, const struct stat *st)
{
	for (size_t i = 0; i < ARRAY_LEN(f->own); i++)
		if (f->own[i].st_ino == st->st_ino && f->own[i].st_dev == st->st_dev)
			return true;
	return false;
}

static int begin(struct follow *f, const struct spec *s, const struct entry *e, const char *path)
{
	char origin[PATH_MAX];
	size_t base = base_length(f, s, e->name);
	(void)snprintf(origin, sizeof origin, "%s/%.*s", s->folder,
		base > 0 ? (int)base : (int)strlen(e->name), e->name);
	if (f->tails == FOLLOW_FILES_MAX)
		return (void)f->stats.refused++, 0;
	struct tail *t = follow_add(f, path, origin);
	if (t == NULL)
		return -ENOMEM;
	t->dev = e->st.st_dev;
	t->ino = e->st.st_ino;
	t->seen = t->checked = t->more = true;
	t->active_ns = clock_steady_ns();
	bool history = f->first && (f->from_end || !matches(s, e->name));
	if (history && tail_open(f, t)) {
		(void)tail_head(f, t);
		tail_skip(f, t);
	} else if (!f->first && base > 0 && tail_open(f, t)) {
		t->copy = looks_like_copy(f, t);
	}
	return 0;
}

static int visit(struct follow *f, const struct spec *s, const struct entry *e)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof path, "%s/%s", s->folder, e->name);
	if (len < 0 || (size_t)len >= sizeof path || is_own(f, &e->st))
		return 0;
	struct tail *t = find(f, &e->st);
	if (t == NULL)
		return begin(f, s, e, path);
	if (t->seen) /* by another name: a link */
		return 0;
	if (strcmp(t->path, path) != 0) {
		char *copy = strdup(path);
		if (copy == NULL)
			return -ENOMEM;
		free(t->path);
		t->path = copy;
	}
	t->seen = true;
	tail_look(t, &e->st); /* the first time it has changed */
	return 0;
}

static int look_into(struct follow *f, const struct spec *s)
{
	struct entries e = {0};
	int code = list(f, s, &e);
	/* what was rotated is older, whatever its last line's time */
	for (int rotated = 1; rotated >= 0; rotated--) {
		for (size_t i = 0; i < e.count && code == 0; i++) {
			const char *name = e.entry[i].name;
			bool is_rotated = base_length(f, s, name) > 0;
			if (is_rotated == (rotated == 1) && (is_rotated || matches(s, name)))
				code = visit(f, s, &e.entry[i]);
		}
	}
	for (size_t i = 0; i < e.count; i++)
		free(e.entry[i].name);
	free(e.entry);
	return code;
}

/* A folder that was made anew under the same name gets a new watch. */
static int watch(const struct follow *f, const struct spec *s, struct fail *why)
{
	if (inotify_add_watch(f->inotify_fd, s->folder, WATCHED_NAMES | IN_MODIFY | IN_ONLYDIR) >=
		0)
		return 0;
	return fail_set(why, -errno, "%s: %s%s", s->folder, strerror(errno),
		errno == ENOSPC ? ": raise sysctl fs.inotify.max_user_watches" : "");
}

static void let_go(struct follow *f)
{
	int64_t now = clock_steady_ns();
	for (size_t i = f->tails; i-- > 0;) {
		struct tail *t = f->tail[i];
		if (t->seen)
			continue;
		if (t->there) { /* a moment ago */
			t->active_ns = now;
			t->there = false;
		}
		if (t->fd < 0 && !t->more && t->given.offset == t->done.offset) {
			f->stats.lost += !t->checked && strcmp(t->path, t->origin) == 0;
			follow_copies(f, t);
			follow_remove(f, i);
		}
	}
}

int follow_scan(struct follow *f, struct fail *why)
{
	int code = 0;
	find_own(f);
	for (size_t i = 0; i < f->tails; i++) {
		f->tail[i]->there = f->tail[i]->seen;
		f->tail[i]->seen = false;
	}
	for (size_t i = 0; i < f->specs && code == 0; i++) {
		struct fail spare;
		code = watch(f, &f->spec[i], f->first ? why : &spare);
		if (code < 0 && f->first)
			return code;
		code = look_into(f, &f->spec[i]);
	}
	if (code < 0)
		return fail_set(why, code, "%s", strerror(-code));
	/* a file that was renamed between reading its folder and looking at it was missed: nothing
	 * is forgotten, or it would be read from its start again, while names change */
	follow_wait(f, 0);
	if (!f->rescan)
		let_go(f);
	return 0;
}

/* ---- waiting ---- */

static uint32_t host_u32(struct cur *c)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? cur_le32(c) : cur_be32(c);
}

/* inotify(7): int wd; uint32_t mask, cookie, len; char name[len] */
static void take_events(struct follow *f, struct cur c)
{
	while (c.len > 0) {
		(void)host_u32(&c);
		uint32_t mask = host_u32(&c);
		(void)host_u32(&c);
		cur_skip(&c, host_u32(&c));
		if ((mask & CHANGED_NAMES) != 0)
			f->rescan = true;
		f->look = true;
	}
}

void follow_wait(struct follow *f, int timeout_ms)
{
	uint8_t events[16384];
	struct pollfd poller = {.fd = f->inotify_fd, .events = POLLIN};
	if (poll(&poller, 1, timeout_ms) <= 0)
		return;
	for (;;) {
		ssize_t n = read(f->inotify_fd, events, sizeof events);
		if (n <= 0)
			return;
		take_events(f, cur_of(events, (size_t)n));
	}
}
