/* For tests: captures built byte by byte, and read from memory. */
#pragma once

#include <stdio.h>

#include "ingest/source.h"
/* after the standard headers that it needs */
#include "base/testing.h"

struct build {
	uint8_t bytes[(size_t)1 << 16];
	size_t len;
	bool big; /* byte order */
};

static inline void put(struct build *b, uint64_t value, size_t bytes)
{
	assert_true(b->len + bytes <= sizeof b->bytes);
	for (size_t i = 0; i < bytes; i++) {
		size_t place = b->big ? bytes - 1 - i : i;
		b->bytes[b->len++] = (uint8_t)(place < 8 ? value >> 8 * place : 0);
	}
}

static inline void put_bytes(struct build *b, const void *bytes, size_t len)
{
	assert_true(b->len + len <= sizeof b->bytes);
	if (len > 0)
		memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
}

/* Bytes whose values tell where they stand. */
static inline void put_pattern(struct build *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(b, (i * 7 + len) & 0xff, 1);
}

/* ---- pcap ---- */

static inline void put_pcap(struct build *b, uint32_t magic, uint32_t linktype)
{
	put(b, magic, 4);
	put(b, 2, 2);
	put(b, 4, 2);
	put(b, 0, 8);
	put(b, 65535, 4);
	put(b, linktype, 4);
}

static inline void put_record(
	struct build *b, uint32_t seconds, uint32_t fraction, uint32_t cap, uint32_t wire)
{
	put(b, seconds, 4);
	put(b, fraction, 4);
	put(b, cap, 4);
	put(b, wire, 4);
	put_pattern(b, cap);
}

/* ---- pcapng ---- */

/* Returns where the block begins; block_end() fills its lengths in. */
static inline size_t block_begin(struct build *b, uint32_t type)
{
	size_t at = b->len;
	put(b, type, 4);
	put(b, 0, 4);
	return at;
}

static inline void block_end(struct build *b, size_t at)
{
	while (b->len % 4 != 0)
		put(b, 0, 1);
	size_t end = b->len;
	b->len = at + 4;
	put(b, end + 4 - at, 4);
	b->len = end;
	put(b, end + 4 - at, 4);
}

static inline void put_option(struct build *b, uint16_t code, const void *value, size_t len)
{
	put(b, code, 2);
	put(b, len, 2);
	put_bytes(b, value, len);
	while (b->len % 4 != 0)
		put(b, 0, 1);
}

static inline void put_option_u64(struct build *b, uint16_t code, uint64_t value)
{
	put(b, code, 2);
	put(b, 8, 2);
	put(b, value, 8);
}

static inline void put_section(struct build *b, uint64_t length, const char *comment)
{
	size_t at = block_begin(b, 0x0a0d0d0a);
	put(b, 0x1a2b3c4d, 4);
	put(b, 1, 2);
	put(b, 0, 2);
	put(b, length, 8);
	if (comment != NULL)
		put_option(b, 1, comment, strlen(comment));
	block_end(b, at);
}

/* resolution -1: the option is left out. */
static inline void put_iface(struct build *b, uint16_t linktype, int resolution, int64_t offset_s)
{
	size_t at = block_begin(b, 1);
	put(b, linktype, 2);
	put(b, 0, 2);
	put(b, 0, 4);
	uint8_t byte = (uint8_t)resolution;
	if (resolution >= 0)
		put_option(b, 9, &byte, 1);
	if (offset_s != 0)
		put_option_u64(b, 14, (uint64_t)offset_s);
	block_end(b, at);
}

static inline size_t packet_begin(struct build *b, uint32_t iface, uint64_t units, uint32_t cap)
{
	size_t at = block_begin(b, 6);
	put(b, iface, 4);
	put(b, units >> 32, 4);
	put(b, units & 0xffffffff, 4);
	put(b, cap, 4);
	put(b, cap, 4);
	put_pattern(b, cap);
	while (b->len % 4 != 0)
		put(b, 0, 1);
	return at;
}

static inline void put_packet(struct build *b, uint32_t iface, uint64_t units, uint32_t cap)
{
	block_end(b, packet_begin(b, iface, units, cap));
}

/* ---- reading ---- */

/* Reads from exactly len bytes on the heap, so that a sanitizer sees one byte too far. */
struct open {
	struct reader reader;
	uint8_t *copy;
	struct fail why;
	int code;
};

static inline struct open *open_bytes(const void *bytes, size_t len)
{
	struct open *o = calloc(1, sizeof *o);
	assert_non_null(o);
	o->copy = malloc(len == 0 ? 1 : len);
	assert_non_null(o->copy);
	if (len > 0)
		memcpy(o->copy, bytes, len);
	raw_of_memory(&o->reader.stream.unpack.raw, o->copy, len);
	o->code = reader_open(&o->reader, &o->why);
	return o;
}

static inline struct open *open_build(const struct build *b)
{
	struct open *o = open_bytes(b->bytes, b->len);
	assert_int_equal(o->code, 0);
	return o;
}

static inline void open_free(struct open *o)
{
	reader_close(&o->reader);
	free(o->copy);
	free(o);
}

/* The next frame must be there, at that time and of that length, with the bytes of put_pattern().
 */
static inline struct frame expect_frame(struct open *o, int64_t time_ns, uint32_t cap)
{
	struct frame f = {0};
	assert_true(reader_next(&o->reader, &f));
	assert_int_equal(f.time_ns, time_ns);
	assert_int_equal(f.cap_bytes, cap);
	for (uint32_t i = 0; i < cap; i++)
		assert_int_equal(f.bytes[i], (i * 7 + cap) & 0xff);
	return f;
}

static inline void expect_end(struct open *o, bool cut, uint64_t cut_offset)
{
	struct frame f;
	assert_false(reader_next(&o->reader, &f));
	assert_false(reader_next(&o->reader, &f));
	assert_int_equal(o->reader.cut, cut);
	assert_int_equal(o->reader.cut_offset, cut_offset);
}
