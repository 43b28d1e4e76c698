/* What the files of follow share: follow.c hands out lines, follow_scan.c finds files,
 * follow_state.c keeps positions. */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "base/cur.h"
#include "base/hash.h"
#include "base/out.h"
#include "ingest/follow.h"

#define FOLLOW_HEAD_BYTES 64 /* know a file */
#define FOLLOW_MARK_BYTES 64 /* before a position: tell whether the file is still what was read */
#define FOLLOW_BUFFER     (FOLLOW_MARK_BYTES + FOLLOW_LINE_MAX)

struct place { /* in a file; all zero is its start */
	uint64_t offset;
	uint64_t sum;  /* of all bytes before it; 0 with `unsummed` */
	uint64_t mark; /* hash of the FOLLOW_MARK_BYTES before it, or of what there is */
	bool unsummed; /* the bytes before it were not read */
	bool skipping; /* within a line that is too long */
};

struct tail { /* one file, by whatever name */
	uint64_t dev, ino;
	uint64_t head; /* hash of its first head_len bytes */
	uint8_t head_len;
	struct place given, done; /* handed out, committed */
	char *path;               /* owned: its name when last seen */
	char *origin;   /* owned: the followed name whose rotation it is, or its own first name */
	uint64_t order; /* of coming: a rotated file is older than its successor */
	uint32_t number;
	int fd;           /* -1: not open */
	bool more;        /* may have lines that were not handed out */
	bool checked;     /* this run has seen that its head is the known one */
	bool seen, there; /* by the last look into the folders; by the one before */
	bool copy;        /* perhaps a copy of another one: waits for that one's truncation */
	uint64_t alike;   /* bytes of it that are as in the file alike_number */
	uint32_t alike_number;
	off_t size; /* with its time: as looked at last */
	struct timespec modified;
	int64_t active_ns; /* monotonic: when it last gave lines, or went away */
};

struct spec {                   /* one path that was given */
	char *folder, *pattern; /* owned */
	bool literal;           /* the pattern is a name */
};

struct follow {
	struct spec *spec;
	size_t specs;
	struct tail **tail; /* owned, and each of it; in no order */
	size_t tails, tails_room, turn;
	char *state_path;
	struct stat own[2]; /* of the state file and of a new one */
	struct hash_key key;
	char note[FOLLOW_NOTE_MAX + 1];
	bool first;    /* no state, and the first look */
	bool from_end; /* then */
	int inotify_fd;
	bool rescan, look; /* into the folders; at the sizes of files */
	int64_t rescan_ns, look_ns, quiet_ns;
	uint64_t order;
	uint32_t number;
	uint8_t *buffer; /* FOLLOW_BUFFER */
	struct follow_stats stats;
};

void follow_trouble(struct follow *f, const char *path, int code);

/* ---- follow.c ---- */

/* A new one, in f's list; NULL: out of memory. Strings are copied. */
struct tail *follow_add(struct follow *f, const char *path, const char *origin);
void follow_remove(struct follow *f, size_t index);
/* The file begins again: nothing of it was read. */
void tail_restart(struct follow *f, struct tail *t);

/* ---- follow_tail.c: one file ---- */

/* False, and counted: it cannot be opened, or is another file by now. */
bool tail_open(struct follow *f, struct tail *t);
void tail_close(struct tail *t);
uint64_t follow_hash(const struct follow *f, const void *bytes, size_t len);
/* The sum of what was summed and these bytes. */
uint64_t follow_sum(const struct follow *f, uint64_t sum, const uint8_t *bytes, size_t len);
/* Its first bytes are those it is known by; learns more of them when there are more. */
bool tail_head(struct follow *f, struct tail *t);
/* The bytes before the place are those that were read; a file that cannot be read has not. */
bool tail_holds(struct follow *f, const struct tail *t, const struct place *place);
/* The whole of what was read of `of` is what this file begins with. */
bool tail_begins_like(struct follow *f, const struct tail *t, const struct place *of);
/* All that is there counts as handed out and committed. */
void tail_skip(struct follow *f, struct tail *t);
/* Sets more when the file has changed since the last look. */
void tail_look(struct tail *t, const struct stat *st);
uint64_t tail_size(const struct tail *t); /* 0: unknown */
/* The next lines. False: there are none now. */
bool tail_read(struct follow *f, struct tail *t, struct follow_lines *ret);

/* ---- follow_scan.c ---- */

MUST_USE int follow_specs(
	struct follow *f, const char *const *paths, size_t count, struct fail *why);
void follow_specs_free(struct follow *f);
/* Looks into all folders; also when one cannot be read: that is counted. Fails: -ENOMEM. */
MUST_USE int follow_scan(struct follow *f, struct fail *why);
/* Waits for inotify, then takes what it says. */
void follow_wait(struct follow *f, int timeout_ms);
/* `of` was truncated: what waited as a copy of it is one, or is not. */
void follow_copies(struct follow *f, struct tail *of);
/* What waits as a copy, and is none by now or waited for too long. */
void follow_doubts(struct follow *f, int64_t now_ns);

/* ---- follow_state.c ---- */

/* Fills the empty f->tail, f->key and f->note. f is to be closed also when this fails. */
MUST_USE int follow_state_parse(struct follow *f, struct cur text, struct fail *why);
void follow_state_print(const struct follow *f, struct out *o);
/* 1: read; 0: there is none. */
MUST_USE int follow_state_load(struct follow *f, struct fail *why);
