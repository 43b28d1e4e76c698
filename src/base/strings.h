/* Strings: each distinct byte string is kept once and known by a number. Bounded: when full, new
 * strings are refused and counted, known ones are still found. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct strings;

/* Holds at most `bytes` of text and `count` strings. Memory is touched as it fills. Fails: -ENOMEM.
 */
MUST_USE int strings_new(struct strings **ret, size_t bytes, size_t count);
void strings_free(struct strings *s);

/* The number of this string, 1 or more: the same for equal bytes. 0: text NULL, empty, or no room.
 * Numbers are given in the order of first use. */
uint32_t strings_add(struct strings *s, const char *text);
uint32_t strings_add_bytes(struct strings *s, const void *bytes, size_t len);
/* The number if the string is known, else 0. */
uint32_t strings_find(const struct strings *s, const char *text);
/* NUL-terminated; lives as long as s. NULL for 0. */
const char *strings_get(const struct strings *s, uint32_t number);
/* How much of its room is taken, 0 to 1: of the bytes or of the numbers, whichever is more. */
double strings_filled(const struct strings *s);
uint64_t strings_refused(const struct strings *s);
