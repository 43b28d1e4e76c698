/* Inside store/: which struct goes into which table. */
#pragma once

#include "store/column.h"

/* The one row about the hunt itself. */
struct hunt_row {
	struct summary summary;
	double max_e;
	int64_t made_ns;
	const char *version;
	const char *safelist; /* its name; NULL: none was given */
};

struct input_row {
	struct input input;
	struct store_digest digest;
};

/* The file may hold any lines of a list; see load.c. */
struct safelist_row {
	const char *text;
	uint64_t hid;
};

extern const struct table table_hunt, table_option, table_off, table_calibration, table_safelist,
	table_input, table_finding, table_ruling;

/* Arrays of fixed size within a finding, and within a channel of it. */
struct part {
	const struct table *table;
	size_t offset; /* of the array */
	size_t count;  /* of its size_t */
	size_t most;
};

#define FINDING_PARTS 6
#define CHANNEL_PARTS 2
extern const struct part finding_parts[FINDING_PARTS]; /* the channels are the first */
extern const struct part channel_parts[CHANNEL_PARTS];

static inline size_t *part_count(const struct part *p, void *owner)
{
	return (size_t *)(void *)((uint8_t *)owner + p->count);
}

static inline void *part_item(const struct part *p, void *owner, size_t index)
{
	return (uint8_t *)owner + p->offset + index * p->table->bytes;
}
