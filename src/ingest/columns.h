/* Columns: tables as text with a header line that names their columns, in any order. */
#pragma once

#include "ingest/lines.h"

#define COLUMNS_MAX 128
#define COLUMN_NONE UINT8_MAX /* one that nobody needs */

/* What a column may be called; case does not matter. */
struct column_name {
	const char *name;
	uint8_t field;
};

struct columns {
	uint32_t count;
	uint8_t field[COLUMNS_MAX];
	uint64_t present; /* bit of each field */
};

/* Reads a header. Of a field that is named twice the first counts. False: too many columns. */
bool columns_read(struct columns *ret, struct span header, uint8_t separator,
	const struct column_name *names, size_t count);

/* A row's fields, trimmed; ret has room for all fields, those not there are empty. False: it has
 * more or fewer than the header. */
bool columns_split(const struct columns *c, struct span row, uint8_t separator, struct span *ret,
	size_t fields);

/* One field of a row, trimmed; empty when it is not there. */
struct span columns_one(const struct columns *c, struct span row, uint8_t separator, uint8_t field);
