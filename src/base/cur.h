/* Byte cursor: the only way this project reads bytes that came from outside. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

enum cur_state {
	CUR_OK,
	CUR_SHORT, /* the bytes end before the field does: truncated capture or file */
	CUR_BAD,   /* the bytes are there and contradict the format */
};

struct span { /* borrowed bytes; lives as long as the cursor's buffer */
	const uint8_t *ptr;
	size_t len;
};

/* All zero is a valid, empty cursor. */
struct cur {
	const uint8_t *ptr;
	size_t len;           /* bytes left */
	bool fenced;          /* the end comes from a length field, not from the capture */
	enum cur_state state; /* sticky: the first failure wins */
};

static inline struct cur cur_of(const void *buf, size_t len)
{
	CHECK(buf != NULL || len == 0);
	return (struct cur){.ptr = buf, .len = len};
}

/* Record that the format is violated; keeps an earlier failure. Empties the cursor. */
static inline void cur_fail(struct cur *c, enum cur_state why)
{
	CHECK(why != CUR_OK);
	if (c->state == CUR_OK)
		c->state = why;
	c->len = 0;
}

/* The next n bytes, or an empty span and a failed cursor. */
static inline struct span cur_bytes(struct cur *c, size_t n)
{
	if (n > c->len) {
		cur_fail(c, c->fenced ? CUR_BAD : CUR_SHORT);
		return (struct span){0};
	}
	struct span s = {c->ptr, n};
	if (n > 0)
		c->ptr += n;
	c->len -= n;
	return s;
}

/* Reads and drops n bytes. */
static inline void cur_skip(struct cur *c, size_t n)
{
	(void)cur_bytes(c, n);
}

/* Big-endian unsigned of n <= 8 bytes; 0 after any failure. */
static inline uint64_t cur_be(struct cur *c, size_t n)
{
	CHECK(n <= sizeof(uint64_t));
	struct span s = cur_bytes(c, n);
	uint64_t v = 0;
	for (size_t i = 0; s.len == n && i < n; i++) /* n is known when compiled: one load */
		v = v << 8 | s.ptr[i];
	return v;
}

/* Little-endian twin of cur_be(). */
static inline uint64_t cur_le(struct cur *c, size_t n)
{
	CHECK(n <= sizeof(uint64_t));
	struct span s = cur_bytes(c, n);
	uint64_t v = 0;
	for (size_t i = n; s.len == n && i > 0; i--)
		v = v << 8 | s.ptr[i - 1];
	return v;
}

static inline uint8_t cur_u8(struct cur *c)
{
	return (uint8_t)cur_be(c, 1);
}
static inline uint16_t cur_be16(struct cur *c)
{
	return (uint16_t)cur_be(c, 2);
}
static inline uint32_t cur_be32(struct cur *c)
{
	return (uint32_t)cur_be(c, 4);
}

static inline uint64_t cur_be64(struct cur *c)
{
	return cur_be(c, 8);
}
static inline uint16_t cur_le16(struct cur *c)
{
	return (uint16_t)cur_le(c, 2);
}
static inline uint32_t cur_le32(struct cur *c)
{
	return (uint32_t)cur_le(c, 4);
}
static inline uint64_t cur_le64(struct cur *c)
{
	return cur_le(c, 8);
}

static inline bool cur_ok(const struct cur *c)
{
	return c->state == CUR_OK;
}

/* A cursor over the next n bytes, the length some field claims. Reading past it is CUR_BAD (the
 * field lied), unless the capture itself was cut before n: then the part that is there, and
 * CUR_SHORT. */
static inline struct cur cur_sub(struct cur *c, size_t n)
{
	bool cut = n > c->len;
	struct span s = cur_bytes(c, cut ? c->len : n);
	return (struct cur){
		.ptr = s.ptr, .len = s.len, .fenced = !cut || c->fenced, .state = c->state};
}
