/* Store: a case file. One SQLite database holds what a hunt found, all of it, so that every report
 * can be made of it later; in it lies no packet. Written whole or not at all; what is read from one
 * is as hostile as any other input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fail.h"
#include "ingest/ingest.h"
#include "judge/judge.h"

/* A bigger file was made by something else. */
#define STORE_BYTES_MAX ((size_t)512 << 20)
/* A hunt tells 1,024 at most. */
#define STORE_FINDINGS_MAX 4096u

/* What an input was when the case was written: it may have been changed or lost since. */
struct store_digest {
	uint64_t bytes;  /* on disk, packed as it was */
	char sha256[65]; /* of those, hex; "": not a file, or not to be read any more */
};

/* How the hunt was asked, as it would be typed: {"since", "2026-03-02T00:00:00.000000Z"}. */
struct store_option {
	const char *name, *value;
};

/* A case: what goes into a file, and what comes out of it. Everything is borrowed. */
struct store_case {
	const struct finding *const *finding; /* in the order in which they are told */
	size_t findings;
	const struct summary *summary;
	double max_e; /* the line that findings had to pass */
	const struct input *const *input;
	const struct store_digest *digest; /* of each input; NULL none is known */
	size_t inputs;
	const struct store_option *option;
	size_t options;
	const struct ruling
		*ruling; /* all that people said, the oldest first; not for store_write() */
	size_t rulings;
	const char *version; /* of the program that hunted */
	int64_t made_ns;     /* when it did, UTC */
};

/* Reads the file to its end. Fails: -errno. */
MUST_USE int store_digest(const char *path, struct store_digest *ret);

/* Whether store_write() would find what it needs: nothing under that name in a folder that can be
 * written to, or a case of ours. Fails as store_write() does. */
MUST_USE int store_may_write(const char *path, struct fail *why);
/* Nothing there: the file appears when it is complete, readable by its owner alone. A case is
 * there: what it tells is replaced in one transaction, but for what people said. Anything else is
 * left alone. Fails: -EEXIST (no case of ours), -EBUSY (another program writes to it), -errno,
 * -ENOMEM. */
MUST_USE int store_write(const char *path, const struct store_case *c, struct fail *why);

/* Adds to what people said of a case. Fails as store_write(). */
MUST_USE int store_rule(const char *path, const struct ruling *ruling, struct fail *why);

struct stored;

/* Reads a case into memory. The file is not changed, not even one of an earlier version, but that
 * what a killed writer left half done is undone. Fails: -ENOENT, -errno, -EPROTO (no case, damaged,
 * or not as a hunt writes it), -ENOTSUP (a later version than this program knows), -E2BIG, -EBUSY,
 * -ENOMEM. */
MUST_USE int stored_open(struct stored **ret, const char *path, struct fail *why);
/* The same of a file's bytes. name stands for the file in complaints. */
MUST_USE int stored_of(struct stored **ret, const char *name, struct cur bytes, struct fail *why);
void stored_close(struct stored *s);
/* Applies a list to an old case in place of the one it had: what that had explained is open again.
 * Takes the list. Fails: -ENOMEM. */
MUST_USE int stored_vouch(struct stored *s, struct safelist *list);
/* Lives as long as s. */
const struct store_case *stored_case(const struct stored *s);
