#include "judge/ruling.h"

#include <string.h>

const char *ruling_name(enum ruling_kind kind)
{
	static const char *const names[RULING_COUNT] = {"undone", "accepted", "rejected"};
	return names[kind];
}

const struct ruling *rulings_find(const struct ruling *history, size_t count, const char *id)
{
	for (size_t i = count; i > 0; i--)
		if (strcmp(history[i - 1].id, id) == 0)
			return history[i - 1].kind == RULING_UNDONE ? NULL : &history[i - 1];
	return NULL;
}
