/* Inside intel/: forms of lists. Each is a file with one of these and a row in readers.def; the
 * first to claim a file's beginning reads it. */
#pragma once

#include "base/json.h"
#include "base/scan.h"
#include "intel/draft.h"

#define CLAIM_BYTES ((size_t)65536)
/* A line that is longer is no list's. */
#define LINE_BYTES_MAX 16384u

struct reading { /* of one file */
	struct intel *set;
	struct intel_file *file;
	struct span text;
	uint16_t number;      /* of the file */
	int err;              /* -ENOMEM, -E2BIG: nothing more is taken */
	struct origin origin; /* the last one, and its number; 0 none */
	uint32_t origin_number;
	/* where line_at() was last */
	const uint8_t *at;
	uint32_t line;
};

struct reader {
	const char *name;
	bool (*claims)(struct span head); /* its first CLAIM_BYTES */
	/* Fails: -ENOMEM, -EPROTO. */
	int (*read)(struct reading *r, struct fail *why);
};

#define READER(name) extern const struct reader reader_##name;
#include "intel/readers.def"
#undef READER

/* Into the set, or counted with the reason why not. */
void reading_take(struct reading *r, const struct draft *d);
/* All of them hold together only: none is taken when one can't be, and what is said twice is one.
 * 1 to GROUP_MAX. */
void reading_take_group(struct reading *r, const struct draft *all, size_t said);
void reading_skip(struct reading *r, uint32_t line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As text for reading_skip(), safe and short. Returns buf. */
const char *reading_word(struct span word, char buf[static WORD_BYTES]);
/* Of the place in the text; of what was copied from it: of the last place. Places may not go back.
 */
uint32_t reading_line(struct reading *r, const uint8_t *place);

/* The next line without its end and the white space around it, which *rest loses. False: no more.
 */
bool line_next(struct span *rest, struct span *ret, uint32_t *line);
static inline bool line_is_comment(struct span line)
{
	return line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';' || span_begins(line, "//");
}
/* The next field of a line of separated values, quoted or not (RFC 4180); doubled quotes stay.
 * False: no more. */
bool field_next(struct span *rest, uint8_t separator, struct span *ret);
/* The first line that is no comment; false: there is none. */
bool line_first(struct span head, struct span *ret);
