/* The state file: text, a line per file, so that a person can read it.
 *
 *   postern-follow 1
 *   key 0123456789abcdef 0123456789abcdef      of the hashes below
 *   note TEXT                                  only when there is one
 *   file DEV INO HEAD_LEN HEAD OFFSET SUM MARK FLAGS PATH ORIGIN
 *   end COUNT
 *
 * Numbers are hexadecimal. FLAGS: u (unsummed), s (skipping), c (copy), or "-". In text every byte
 * outside ! to ~, and %, is %XX. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/scan.h"
#include "ingest/follow_private.h"

#define VERSION "postern-follow 1"
/* 4,096 files with paths of some length; more is none of ours */
#define STATE_BYTES_MAX ((size_t)64 << 20)

/* ---- print ---- */

static void print_text(struct out *o, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text > ' ' && *text <= '~' && *text != '%')
			out_bytes(o, text, 1);
		else
			out_printf(o, "%%%02X", (unsigned)(unsigned char)*text);
	}
}

static void print_tail(struct out *o, const struct tail *t)
{
	out_printf(o, "file %llx %llx %x %016llx %llx %016llx %016llx ", (unsigned long long)t->dev,
		(unsigned long long)t->ino, (unsigned)t->head_len, (unsigned long long)t->head,
		(unsigned long long)t->done.offset, (unsigned long long)t->done.sum,
		(unsigned long long)t->done.mark);
	out_text(o, t->done.unsummed ? "u" : "");
	out_text(o, t->done.skipping ? "s" : "");
	out_text(o, t->copy ? "c" : "");
	out_text(o, !t->done.unsummed && !t->done.skipping && !t->copy ? "- " : " ");
	print_text(o, t->path);
	out_text(o, " ");
	print_text(o, t->origin);
	out_text(o, "\n");
}

/* In the order of coming: what is older is read first after a restart as well. */
static const struct tail *next_tail(const struct follow *f, const struct tail *last)
{
	const struct tail *best = NULL;
	for (size_t i = 0; i < f->tails; i++) {
		const struct tail *t = f->tail[i];
		if ((last == NULL || t->order > last->order) &&
			(best == NULL || t->order < best->order))
			best = t;
	}
	return best;
}

void follow_state_print(const struct follow *f, struct out *o)
{
	out_printf(o, "%s\nkey %016llx %016llx\n", VERSION, (unsigned long long)f->key.k0,
		(unsigned long long)f->key.k1);
	if (f->note[0] != '\0') {
		out_text(o, "note ");
		print_text(o, f->note);
		out_text(o, "\n");
	}
	const struct tail *t = NULL;
	for (size_t i = 0; i < f->tails; i++) {
		t = next_tail(f, t);
		CHECK(t != NULL);
		print_tail(o, t);
	}
	out_printf(o, "end %zx\n", f->tails);
}

/* ---- parse ---- */

/* Up to the separator, which is taken. */
static struct span until(struct cur *c, uint8_t separator)
{
	const uint8_t *end = c->len > 0 ? memchr(c->ptr, separator, c->len) : NULL;
	struct span s = cur_bytes(c, end != NULL ? (size_t)(end - c->ptr) : c->len);
	if (end != NULL)
		cur_skip(c, 1);
	return s;
}

static uint64_t number(struct cur *line)
{
	struct span s = until(line, ' ');
	uint64_t v = 0;
	if (s.len == 0 || s.len > 16)
		cur_fail(line, CUR_BAD);
	for (size_t i = 0; i < s.len && cur_ok(line); i++) {
		unsigned digit = scan_hex(s.ptr[i]);
		if (digit > 15)
			cur_fail(line, CUR_BAD);
		v = v << 4 | (digit & 15);
	}
	return v;
}

/* Never longer than what it is made from; room for that and a NUL. */
static void text(struct cur *line, char *buf, size_t room)
{
	struct span s = until(line, ' ');
	struct cur c = cur_of(s.ptr, s.len);
	size_t len = 0;
	if (s.len == 0 || s.len >= room)
		cur_fail(line, CUR_BAD);
	while (c.len > 0 && cur_ok(line)) {
		uint8_t byte = cur_u8(&c);
		if (byte == '%') {
			unsigned high = scan_hex(cur_u8(&c)), low = scan_hex(cur_u8(&c));
			byte = (uint8_t)(high > 15 || low > 15 ? 0 : high << 4 | low);
		} else if (byte <= ' ' || byte > '~') {
			byte = 0;
		}
		if (byte == 0)
			cur_fail(line, CUR_BAD);
		buf[len++] = (char)byte;
	}
	buf[len] = '\0';
}

static void flags(struct cur *line, struct tail *t)
{
	struct span s = until(line, ' ');
	if (s.len == 0)
		cur_fail(line, CUR_BAD);
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == 'u')
			t->done.unsummed = true;
		else if (s.ptr[i] == 's')
			t->done.skipping = true;
		else if (s.ptr[i] == 'c')
			t->copy = true;
		else if (s.ptr[i] != '-' || s.len > 1)
			cur_fail(line, CUR_BAD);
	}
}

static bool known(const struct follow *f, const struct tail *t)
{
	for (size_t i = 0; i < f->tails; i++)
		if (f->tail[i]->dev == t->dev && f->tail[i]->ino == t->ino)
			return true;
	return false;
}

static int parse_tail(struct follow *f, struct cur *line)
{
	char path[PATH_MAX * 3], origin[PATH_MAX * 3];
	struct tail t = {0};
	t.dev = number(line);
	t.ino = number(line);
	uint64_t head_len = number(line);
	t.head = number(line);
	t.done.offset = number(line);
	t.done.sum = number(line);
	t.done.mark = number(line);
	flags(line, &t);
	text(line, path, sizeof path);
	text(line, origin, sizeof origin);
	if (head_len > FOLLOW_HEAD_BYTES || t.done.offset > INT64_MAX || line->len > 0 ||
		known(f, &t) || f->tails == FOLLOW_FILES_MAX)
		cur_fail(line, CUR_BAD);
	if (!cur_ok(line))
		return 0;
	struct tail *added = follow_add(f, path, origin);
	if (added == NULL)
		return -ENOMEM;
	added->dev = t.dev;
	added->ino = t.ino;
	added->head = t.head;
	added->head_len = (uint8_t)head_len;
	added->given = added->done = t.done;
	added->copy = t.copy;
	return 0;
}

static bool is(struct span s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.ptr, word, s.len) == 0;
}

/* One line after the first; *ret_end when it was the last. */
static int parse_line(struct follow *f, struct cur *line, bool *ret_end)
{
	struct span word = until(line, ' ');
	if (is(word, "file"))
		return parse_tail(f, line);
	if (is(word, "key")) {
		f->key.k0 = number(line);
		f->key.k1 = number(line);
	} else if (is(word, "note")) {
		text(line, f->note, sizeof f->note);
	} else if (is(word, "end")) {
		if (number(line) != f->tails)
			cur_fail(line, CUR_BAD);
		*ret_end = true;
	} else {
		cur_fail(line, CUR_BAD);
	}
	if (line->len > 0)
		cur_fail(line, CUR_BAD);
	return 0;
}

int follow_state_parse(struct follow *f, struct cur c, struct fail *why)
{
	bool end = false;
	size_t count = 1;
	struct span first = until(&c, '\n');
	if (first.len > 15 && memcmp(first.ptr, VERSION, 15) == 0 && !is(first, VERSION))
		return fail_set(why, -EPROTONOSUPPORT,
			"%s: was written by another version of Postern", f->state_path);
	if (!is(first, VERSION))
		return fail_set(
			why, -EBADMSG, "%s: is not a state of followed files", f->state_path);
	while (!end && c.len > 0) {
		struct span s = until(&c, '\n');
		struct cur line = cur_of(s.ptr, s.len);
		count++;
		int code = parse_line(f, &line, &end);
		if (code < 0)
			return fail_set(why, code, "%s", strerror(-code));
		if (!cur_ok(&line))
			return fail_set(why, -EBADMSG,
				"%s: line %zu is damaged: move the file away to begin anew",
				f->state_path, count);
	}
	if (!end || c.len > 0)
		return fail_set(why, -EBADMSG, "%s: %s: move the file away to begin anew",
			f->state_path, end ? "goes on behind its end" : "the end is missing");
	return 0;
}

/* ---- the file ---- */

static int read_all(int fd, uint8_t *buf, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = pread(fd, buf + got, len - got, (off_t)got);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO; /* shorter than it was a moment ago */
		got += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int load(struct follow *f, int fd, struct fail *why)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return fail_set(why, -errno, "%s: %s", f->state_path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > STATE_BYTES_MAX)
		return fail_set(
			why, -EBADMSG, "%s: is not a state of followed files", f->state_path);
	size_t len = (size_t)st.st_size;
	uint8_t *bytes = malloc(len + 1);
	if (bytes == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	int code = read_all(fd, bytes, len);
	if (code < 0)
		(void)fail_set(why, code, "%s: %s", f->state_path, strerror(-code));
	else
		code = follow_state_parse(f, cur_of(bytes, len), why);
	free(bytes);
	return code < 0 ? code : 1;
}

int follow_state_load(struct follow *f, struct fail *why)
{
	int fd = open(f->state_path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return fail_set(why, -errno, "%s: %s", f->state_path, strerror(errno));
	int code = load(f, fd, why);
	(void)close(fd);
	return code;
}

int follow_save(struct follow *f, const char *note, struct fail *why)
{
	struct out o = {0};
	note = note != NULL ? note : "";
	if (strlen(note) > FOLLOW_NOTE_MAX)
		return fail_set(why, -EINVAL, "a note of more than %zu bytes", FOLLOW_NOTE_MAX);
	if (f->state_path == NULL)
		return 0;
	(void)snprintf(f->note, sizeof f->note, "%s", note);
	follow_state_print(f, &o);
	int code = o.failed ? -ENOMEM : folder_replace(f->state_path, &o);
	out_fini(&o);
	return code < 0 ? fail_set(why, code, "%s: %s", f->state_path, strerror(-code)) : 0;
}
