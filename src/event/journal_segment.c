/* The files, and the header of each. All numbers are big-endian.
 *
 *   header, 28 bytes:  "PSTNJRNL"  version (1)  0 0 0  segment (4)  begun (8)  crc (4)
 *   then records, as in journal_record.c
 *
 * begun is the journal's clock when the segment was begun, nanoseconds UTC; crc is zlib's CRC-32 of
 * the 24 bytes before it. Segment n lies in PATH.0 when n is even, in PATH.1 when it is odd: there
 * are n and n - 1 at most. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "event/journal_private.h"

const char *segment_path(struct journal *j, const struct segment *s)
{
	j->path[strlen(j->path) - 1] = s == &j->segment[1] ? '1' : '0';
	return j->path;
}

int segment_failed(
	struct journal *j, const struct segment *s, int code, const char *what, struct fail *why)
{
	return fail_set(why, code, "%s: %s: %s", segment_path(j, s), what, strerror(-code));
}

/* ---- bytes ---- */

int segment_write(const struct segment *s, const uint8_t *bytes, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(s->fd, bytes + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ENOSPC;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int segment_read(const struct segment *s, uint8_t *bytes, size_t len, uint64_t offset, size_t *ret)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = pread(s->fd, bytes + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	*ret = done;
	return 0;
}

void segment_undo(const struct segment *s)
{
	int code = ftruncate(s->fd, (off_t)s->len);
	(void)code; /* the next try writes over it; half a record is known by its checksum */
}

/* ---- segments ---- */

int segment_shorten(struct journal *j, struct segment *s, uint64_t len, struct fail *why)
{
	if (ftruncate(s->fd, (off_t)len) < 0)
		return segment_failed(j, s, -errno, "cannot be shortened", why);
	if (len == 0)
		*s = (struct segment){.fd = s->fd};
	s->len = len;
	return 0;
}

int segment_begin(struct journal *j, uint32_t number, struct fail *why)
{
	struct segment *s = &j->segment[number & 1];
	uint8_t header[HEADER_BYTES] = MAGIC;
	int code = segment_shorten(j, s, 0, why);
	if (code < 0)
		return code;
	header[MAGIC_BYTES] = VERSION;
	put_be(header + 12, number, 4);
	put_be(header + 16, (uint64_t)j->clock_ns, 8);
	put_be(header + 24, record_crc(header, HEADER_BYTES - 4), 4);
	code = segment_write(s, header, sizeof header, 0);
	if (code < 0) {
		segment_undo(s);
		return segment_failed(j, s, code, "cannot be written", why);
	}
	*s = (struct segment){
		.fd = s->fd, .number = number, .len = HEADER_BYTES, .begun_ns = j->clock_ns};
	j->current = number;
	return 0;
}

int segments_begin_anew(struct journal *j, uint32_t number, struct fail *why)
{
	for (size_t i = 0; i < 2; i++) {
		int code = segment_shorten(j, &j->segment[i], 0, why);
		if (code < 0)
			return code;
	}
	return segment_begin(j, number > 0 && number <= SEGMENT_MAX ? number : 1, why);
}

static bool all_zero(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != 0)
			return false;
	return true;
}

/* Empty, cut within its header, or with a damaged one (zeroes are what a power cut leaves): there
 * is no such segment, and what is in the file is lost. */
static int read_header(struct journal *j, struct segment *s, uint64_t len, struct fail *why)
{
	uint8_t bytes[HEADER_BYTES] = {0};
	size_t got = 0;
	int code = segment_read(s, bytes, sizeof bytes, 0, &got);
	if (code < 0)
		return segment_failed(j, s, code, "cannot be read", why);
	size_t known = got < MAGIC_BYTES ? got : MAGIC_BYTES;
	if (memcmp(bytes, MAGIC, known) != 0 && !all_zero((struct span){bytes, got}))
		return fail_set(why, -EBADMSG, "%s: is not a journal: move it away to begin anew",
			segment_path(j, s));
	struct cur c = cur_of(bytes, got);
	cur_skip(&c, MAGIC_BYTES);
	uint8_t version = cur_u8(&c);
	if (cur_ok(&c) && version != VERSION && version != 0)
		return fail_set(why, -EPROTONOSUPPORT,
			"%s: was written by another version of Postern: move it away to begin anew",
			segment_path(j, s));
	cur_skip(&c, 3);
	uint32_t number = cur_be32(&c);
	int64_t begun_ns = (int64_t)cur_be64(&c);
	uint32_t crc = cur_be32(&c);
	if (!cur_ok(&c) || crc != record_crc(bytes, HEADER_BYTES - 4) || number == 0 ||
		number > SEGMENT_MAX || (number & 1) != (s == &j->segment[1]) || begun_ns < 0) {
		j->stats.bytes_lost += len > HEADER_BYTES ? len : 0;
		return 0;
	}
	s->number = number;
	s->begun_ns = begun_ns;
	s->len = len;
	return 0;
}

/* The lock is on the first file, which is never removed. */
static int open_file(struct journal *j, struct segment *s, struct fail *why)
{
	struct stat st;
	s->fd = open(
		segment_path(j, s), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (s->fd < 0)
		return fail_set(why, -errno, "%s: %s", segment_path(j, s), strerror(errno));
	if (fstat(s->fd, &st) < 0)
		return segment_failed(j, s, -errno, "cannot be looked at", why);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size >> OFFSET_BITS != 0)
		return fail_set(why, -EBADMSG, "%s: is not a journal", segment_path(j, s));
	if (s == &j->segment[0] && flock(s->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
		               ? fail_set(why, -EBUSY, "%s: another process has this journal",
					 segment_path(j, s))
		               : segment_failed(j, s, -errno, "cannot be locked", why);
	int code = read_header(j, s, (uint64_t)st.st_size, why);
	if (code == 0 && (st.st_mode & 0077) != 0 && fchmod(s->fd, 0600) < 0)
		code = segment_failed(j, s, -errno, "cannot be made private", why);
	return code;
}

int segments_open(struct journal *j, struct fail *why)
{
	int code = open_file(j, &j->segment[0], why);
	if (code == 0)
		code = open_file(j, &j->segment[1], why);
	if (code == 0 && j->options.sync && (code = folder_sync(j->path)) < 0)
		(void)fail_set(why, code, "the folder of %s: %s", j->path, strerror(-code));
	if (code < 0)
		return code;
	uint32_t even = j->segment[0].number, odd = j->segment[1].number;
	j->current = even > odd ? even : odd;
	if (j->current == 0)
		return segments_begin_anew(j, 1, why);
	/* one without its successor is of no use: what came between is not known */
	if (older(j)->number != 0 && older(j)->number != j->current - 1) {
		j->stats.bytes_lost += older(j)->len;
		code = segment_shorten(j, older(j), 0, why);
	}
	return code;
}
