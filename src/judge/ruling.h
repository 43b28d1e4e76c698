/* Ruling: what a person said of a finding, and why. A machine's explanation is something else: see
 * struct finding.explained. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* More than people say of one case. */
#define RULINGS_MAX      65536u
#define RULING_WHY_BYTES 1000u
#define RULING_BY_BYTES  100u

enum ruling_kind {
	RULING_UNDONE,   /* what was said before does not count any more */
	RULING_ACCEPTED, /* it is a real fallback channel */
	RULING_REJECTED, /* it is benign */
	RULING_COUNT
};

struct ruling {
	char id[33]; /* of the finding */
	enum ruling_kind kind;
	const char *why; /* NOT safe to print (out_safe); "" for what was undone without words */
	const char *by;  /* NULL: not told; NOT safe to print */
	int64_t at_ns;   /* UTC, of the clock of the day: a person's deed */
};

const char *ruling_name(enum ruling_kind kind); /* "undone", "accepted", "rejected" */
/* The latest on that finding, of a history that begins with the oldest; NULL: none, or undone. */
const struct ruling *rulings_find(const struct ruling *history, size_t count, const char *id);
