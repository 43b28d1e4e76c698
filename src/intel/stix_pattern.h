/* Inside intel/: a pattern of STIX 2.1 (section 9) as ways in which it holds: any of them will do,
 * and each is a few things that must be seen together. */
#pragma once

#include "intel/draft.h"

#define PATTERN_BYTES_MAX 65536u
#define WAYS_MAX          1024u

struct pattern_way {
	uint8_t things;
	uint16_t port; /* of the server; 0 any */
	uint16_t thing[GROUP_MAX];
	const char *outside; /* NULL: it can be looked for; else why not, a word of the pattern
	                        follows */
	struct span word;
};

struct pattern_thing {
	enum intel_kind kind;
	bool network, below; /* below: LIKE '%.name' */
	struct span value;   /* in struct pattern's text */
};

struct pattern {
	struct pattern_way way[WAYS_MAX];
	size_t ways;
	struct pattern_thing thing[WAYS_MAX];
	size_t things;
	uint8_t text[PATTERN_BYTES_MAX]; /* values without their escapes */
	size_t text_bytes;
};

/* Reads all of it. Returns NULL, or why none of it can be used: a constant. Spans of what is
 * outside point into text. */
const char *pattern_read(struct pattern *ret, struct span text);
