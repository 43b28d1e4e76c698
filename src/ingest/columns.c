#include "ingest/columns.h"

#include "base/scan.h"

static uint8_t field_of(struct span name, const struct column_name *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_is_nocase(name, names[i].name))
			return names[i].field;
	return COLUMN_NONE;
}

bool columns_read(struct columns *ret, struct span header, uint8_t separator,
	const struct column_name *names, size_t count)
{
	uint32_t end[COLUMNS_MAX];
	size_t columns = lines_split(header, separator, end, COLUMNS_MAX);
	*ret = (struct columns){0};
	if (columns > COLUMNS_MAX)
		return false;
	ret->count = (uint32_t)columns;
	for (size_t i = 0; i < columns; i++) {
		uint8_t f = field_of(span_trim(lines_field(header, end, i)), names, count);
		if (f != COLUMN_NONE && (ret->present & UINT64_C(1) << f) != 0)
			f = COLUMN_NONE;
		ret->field[i] = f;
		if (f != COLUMN_NONE)
			ret->present |= UINT64_C(1) << f;
	}
	return true;
}

bool columns_split(const struct columns *c, struct span row, uint8_t separator, struct span *ret,
	size_t fields)
{
	uint32_t end[COLUMNS_MAX];
	for (size_t i = 0; i < fields; i++)
		ret[i] = (struct span){0};
	if (lines_split(row, separator, end, COLUMNS_MAX) != c->count)
		return false;
	for (uint32_t i = 0; i < c->count; i++)
		if (c->field[i] != COLUMN_NONE)
			ret[c->field[i]] = span_trim(lines_field(row, end, i));
	return true;
}

struct span columns_one(const struct columns *c, struct span row, uint8_t separator, uint8_t field)
{
	struct span one;
	for (uint32_t i = 0; i < c->count && span_next(&row, separator, &one); i++)
		if (c->field[i] == field)
			return span_trim(one);
	return (struct span){0};
}
