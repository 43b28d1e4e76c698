/* Follow: the lines of log files that grow, while they grow: over rotation by renaming, by copying
 * and truncating, over files made anew, and over restarts of Postern. Every complete line of every
 * file is handed out once.
 *
 * Copying and truncating (logrotate's copytruncate) is a race of whoever does it: what is copied
 * while it is read may come twice.
 *
 * A file is known by its device, inode and first 64 bytes, not by its name. Its position moves on
 * disk only for what the caller has committed, and is kept in a small text file. Linux: inotify on
 * the folders, and a look every second where that says nothing (network file systems). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fail.h"

#define FOLLOW_FILES_MAX ((size_t)4096)    /* known at once; more are left alone, and counted */
#define FOLLOW_LINE_MAX  ((size_t)1 << 20) /* longer lines are left out, and counted */
#define FOLLOW_NOTE_MAX  ((size_t)256)
/* The caller calls follow_next() at least this often. */
#define FOLLOW_TICK_MS 1000

struct follow_options {
	/* Files, which need not be there yet; folders, which are all files in them; patterns in the
	 * last part (logs/conn*.log). Compressed and hidden files are left alone: what a rotation
	 * packs was read before. Borrowed during follow_open() only. */
	const char *const *paths;
	size_t path_count;
	const char *state_path; /* NULL: nothing is kept */
	bool from_end; /* files that are there when there is no state: only what is added to them */
	int64_t quiet_ns; /* a file that went away is let go after this; 0: 60 s */
};

struct follow_lines { /* complete lines of one file; the last byte is a newline */
	const uint8_t *bytes;
	size_t len;
	uint64_t offset;  /* of the first byte in its file; 0: the file begins here */
	uint32_t file;    /* number of this file in this run: a rotated file keeps it, its successor
	                     and a truncated file get a new one; never used again */
	const char *path; /* its name when last seen */
};

struct follow_stats {
	size_t files;         /* known now */
	uint64_t lines_long;  /* left out: longer than FOLLOW_LINE_MAX */
	uint64_t truncations; /* a file began again from its start */
	uint64_t copies;     /* files that were copies of a followed one (logrotate's copytruncate):
	                        only what was not yet read of them was handed out */
	uint64_t partial;    /* files that went away within a line: that piece was not handed out */
	uint64_t lost;       /* files that were still growing when the state was saved, and are
	                        gone or packed now: lines behind the position were not seen */
	uint64_t refused;    /* files left alone: over FOLLOW_FILES_MAX; counted at each look */
	uint64_t unreadable; /* failures to open or read a file */
	char text[FAIL_BYTES]; /* the last of these failures, in words; "" */
};

struct follow;

/* Without a state file a file that is there is read from its start (or end), and what was rotated
 * away before is left alone; with one everything goes on where it was committed, what was rotated
 * in between included (unless it was packed meanwhile: that is lost). Older files come first.
 * Owns everything until follow_close(), which saves nothing.
 * Fails: -ENOENT (no such folder), -EINVAL (no path), -EBADMSG (the state file is damaged: says the
 * line), -EPROTONOSUPPORT (its version), -ENOMEM, -EMFILE (inotify's limits), what opening says. */
MUST_USE int follow_open(
	struct follow **ret, const struct follow_options *options, struct fail *why);
void follow_close(struct follow *f);

/* Waits at most timeout_ms (0: not at all) for lines. Returns 1 and lines that live until the next
 * call on f, 0 when there were none, or a failure of the machine (-ENOMEM, -EIO). What a rotated
 * file still has comes before its successor; different files take turns. */
MUST_USE int follow_next(
	struct follow *f, int timeout_ms, struct follow_lines *ret, struct fail *why);
/* Readable when something has happened; then, and every FOLLOW_TICK_MS, call follow_next(). */
int follow_fd(const struct follow *f);

/* The first lines of that file, at most room bytes, for readers that need its header when they go
 * on in its middle. 0: it is gone. Only for a file that follow_next() gave last. */
size_t follow_head(struct follow *f, uint32_t file, uint8_t *buf, size_t room);
/* False: no line of this file will come any more; what the caller keeps for it may go. */
bool follow_knows(const struct follow *f, uint32_t file);

/* All lines handed out so far are done with: after a restart they do not come again, once saved. */
void follow_commit(struct follow *f);
/* Writes what was committed: to a new file, synchronised, then renamed, so that a crash leaves the
 * old state or the new one. note: anything short of the caller's own that belongs to this state, as
 * how much it had written itself by then; NULL: none. Without a state path it does nothing.
 * Fails: -EINVAL (note over FOLLOW_NOTE_MAX), -ENOMEM, what the file system says. */
MUST_USE int follow_save(struct follow *f, const char *note, struct fail *why);
/* The note of the state that follow_open() read; "" when there was none. */
const char *follow_note(const struct follow *f);

struct follow_stats follow_stats(const struct follow *f);
