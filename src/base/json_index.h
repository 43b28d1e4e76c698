/* Where the tokens of a JSON text begin: the one thing asked of simdjson (json_index.cpp), and of
 * our own reader (json_plain.c) where simdjson refuses the text. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_index;

/* Fails: -ENOMEM. */
int json_index_new(struct json_index **ret);
void json_index_free(struct json_index *index);

/* The offsets, ascending, of each { } [ ] : , outside of strings, each string's opening quote and
 * each other scalar's first byte. Reads text[0..len) only. *ret lives until the next call.
 * Fails: -ENOMEM, -EBADMSG (no UTF-8, a control character in a string, a string without end,
 * nothing there). */
int json_index_mark(struct json_index *index, const uint8_t *text, size_t len, const uint32_t **ret,
	size_t *ret_count);

/* The same for any bytes. ret has room for len tokens. Returns how many; 0 where a string has no
 * end, or there is nothing. */
size_t json_plain_mark(const uint8_t *text, size_t len, uint32_t *ret);

#ifdef __cplusplus
}
#endif
