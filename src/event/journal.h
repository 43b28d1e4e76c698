/* Journal: every event in the order of its coming, and short notes among them, on disk, so that
 * what the hosts did is known again after a restart by going through it once more.
 *
 * Two files, PATH.0 and PATH.1, of mode 0600, held open and locked from journal_open() on: nothing
 * is opened later, so that a sandbox may close behind it. They are segments of one sequence: when
 * the newer is half of bytes_max long, or all of the older is older than age_ns, the older is
 * emptied and begins anew. The order of calls:
 *
 *   journal_open, journal_cut (when a position is stored), journal_replay, then at once
 *   journal_flush and store the position; then journal_add, journal_note, journal_flush and store.
 *
 * The caller stores each position together with its own place in what it reads, so that after
 * kill -9 the journal ends exactly where the reading goes on. Age is measured by the times of the
 * events, not by the machine's clock: the lowest of each 16 in a row, and never back, so that
 * single events with a wrong time cannot empty the journal. The ids of events are those of the run
 * that wrote them. */
#pragma once

#include "base/cur.h"
#include "base/fail.h"
#include "event/event.h"

#define JOURNAL_BYTES_DEFAULT ((uint64_t)256 << 20)
#define JOURNAL_BYTES_MIN     ((uint64_t)1 << 20)  /* a segment must be larger than the buffer */
#define JOURNAL_BYTES_MAX     ((uint64_t)32 << 30) /* a position has 36 bits for a file */
#define JOURNAL_NOTE_MAX      256
/* No name, fingerprint or id is longer; a longer text is cut there, and counted. */
#define JOURNAL_TEXT_MAX 8191

struct journal_options {
	uint64_t bytes_max; /* of both files; 0: JOURNAL_BYTES_DEFAULT */
	int64_t age_ns;     /* older records may go; 0: none goes but for bytes_max */
	bool sync;          /* journal_flush() waits for the disk: survives a power cut as well */
};

struct journal_record {     /* all of it borrowed until the callback returns */
	uint64_t position;  /* of its first byte */
	struct event event; /* EVENT_NONE: it is a note */
	uint8_t note;       /* its kind, the caller's own numbers */
	struct span bytes;  /* of the note */
};

struct journal_stats {
	uint64_t bytes, records; /* held now; records are known after journal_replay() */
	int64_t span_ns;         /* time between the oldest and the newest record, about */
	uint64_t aged;           /* records dropped because of their age */
	uint64_t forced;     /* records dropped for bytes_max, the last of them before its time */
	uint64_t refused;    /* records not taken: the disk was full, or no flush came in time */
	uint64_t texts_cut;  /* longer than JOURNAL_TEXT_MAX */
	uint64_t bytes_cut;  /* behind the stored position */
	uint64_t bytes_lost; /* from a damaged or unfinished record on */
};

struct journal;

/* Owns its files and one buffer until journal_close(), which writes nothing. A file that is
 * not a journal is never written to.
 * Fails: -EINVAL (bytes_max, age_ns), -EBUSY (another process has it), -EBADMSG (not a journal),
 * -EPROTONOSUPPORT (its version), -ENAMETOOLONG, -ENOMEM, what opening and writing say. */
MUST_USE int journal_open(struct journal **ret, const char *path,
	const struct journal_options *options, struct fail *why);
void journal_close(struct journal *j);

/* Everything behind the position is dropped: what was written and not yet stored by the caller, or
 * half a record. 0: all goes. Once, before journal_replay(). These leave a journal that can be
 * used and say in words what is lost: -ESTALE (the position is gone already: nothing is left),
 * -ENODATA (the journal ends before the position: what there is stays).
 * Fails: -EINVAL (no position of a journal), what the file system says. */
MUST_USE int journal_cut(struct journal *j, uint64_t position, struct fail *why);

/* All records, oldest first; take may be NULL and calls no function of the journal. Needed once,
 * before the first record is added. -EBADMSG: a record is damaged; it and all behind it are
 * dropped, the words say where; the journal can be used. An unfinished record at the very end is
 * dropped without that. Fails: -EIO and what else reading says; then only journal_close() is left.
 */
MUST_USE int journal_replay(struct journal *j,
	void (*take)(void *context, const struct journal_record *record), void *context,
	struct fail *why);

/* Into the buffer, and to the file when that is full. No failure here: what could not be kept is
 * counted in `refused`. A conn or a lookup; len is at most JOURNAL_NOTE_MAX. */
void journal_add(struct journal *j, const struct event *event);
void journal_note(struct journal *j, uint8_t kind, const void *bytes, size_t len);
/* The segment is full: flush now. Records are refused once it is twice as long. */
bool journal_due(const struct journal *j);

/* Writes what is in the buffer; the position behind the last record. The segment changes here and
 * nowhere else, at most once, so that a position stays good until the next one is stored. When
 * this fails (-ENOSPC, -EDQUOT, -EFBIG, -EIO, -EOVERFLOW) the records wait in the buffer as far as
 * it reaches, *ret_position is not set, nothing must be stored, and the next flush tries again. */
MUST_USE int journal_flush(struct journal *j, uint64_t *ret_position, struct fail *why);

struct journal_stats journal_stats(const struct journal *j);

/* ---- a copy, or one that somebody else writes to ---- */

/* Whether a file that begins like this is one of a journal's two. */
bool journal_claims(struct span head);
/* All records of one file's bytes, whose name stands in complaints; nothing is changed. What is
 * behind a damaged or unfinished record is lost: *ret_lost bytes. Fails: -EBADMSG,
 * -EPROTONOSUPPORT. */
MUST_USE int journal_read(const char *name, struct cur bytes,
	void (*take)(void *context, const struct journal_record *record), void *context,
	uint64_t *ret_lost, struct fail *why);
