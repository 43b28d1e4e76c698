/* Bytes that a test puts together. */
#pragma once

#include <string.h>

#include "base/testing.h"

struct bytes {
	uint8_t at[8192];
	size_t len;
};

static inline void add(struct bytes *b, unsigned value, size_t n)
{
	for (size_t i = n; i > 0; i--)
		b->at[b->len++] = (uint8_t)(value >> 8 * (i - 1));
}

static inline void add_span(struct bytes *b, const void *from, size_t len)
{
	assert_true(len <= sizeof b->at - b->len);
	memcpy(b->at + b->len, from, len);
	b->len += len;
}
