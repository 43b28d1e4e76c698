/* Grow: an array that doubles. */
#pragma once

#include <stddef.h>
#include <stdlib.h>

/* The array with room for one more item behind count of them: itself, or moved; *room is then
 * larger. NULL: out of memory; array is then as it was, and still the caller's. first: room of the
 * first. */
static inline void *grow_array(void *array, size_t count, size_t *room, size_t first, size_t item)
{
	if (count < *room)
		return array;
	size_t more = *room == 0 ? first : *room * 2;
	void *bigger = reallocarray(array, more, item);
	if (bigger != NULL)
		*room = more;
	return bigger;
}
