/* For flow's tests: TLS messages and streams that carry them. */
#pragma once

#include "flow/testing.h"

struct bytes {
	uint8_t at[4096];
	size_t len;
};

static inline void add(struct bytes *b, unsigned value, size_t n)
{
	for (size_t i = n; i > 0; i--)
		b->at[b->len++] = (uint8_t)(value >> 8 * (i - 1));
}

static inline void add_zeros(struct bytes *b, size_t n)
{
	memset(b->at + b->len, 0, n);
	b->len += n;
}

/* A ClientHello (RFC 8446 4.1.2) with a server name, padded to len bytes in all. */
static inline struct bytes hello_of(const char *name, size_t len)
{
	size_t n = strlen(name), sni = 4 + 5 + n;
	struct bytes b = {.len = 0};
	size_t fixed = 4 + 2 + 32 + 1 + 2 + 4 + 2 + 2, pad = len - fixed - sni - 4;
	add(&b, 1, 1);
	add(&b, (unsigned)(len - 4), 3);
	add(&b, 0x0303, 2);
	add_zeros(&b, 32);
	add(&b, 0, 1);
	add(&b, 4, 2);
	add(&b, 0x1301c02f, 4);
	add(&b, 0x0100, 2);
	add(&b, (unsigned)(sni + 4 + pad), 2);
	add(&b, 0, 2);
	add(&b, (unsigned)(sni - 4), 2);
	add(&b, (unsigned)(3 + n), 2);
	add(&b, 0, 1);
	add(&b, (unsigned)n, 2);
	memcpy(b.at + b.len, name, n);
	b.len += n;
	add(&b, 21, 2); /* padding, RFC 7685 */
	add(&b, (unsigned)pad, 2);
	add_zeros(&b, pad);
	assert_int_equal(b.len, len);
	return b;
}

/* One record of at most step bytes after the other. */
static inline struct bytes records_of(unsigned type, const struct bytes *body, size_t step)
{
	struct bytes b = {.len = 0};
	for (size_t i = 0; i < body->len; i += step) {
		size_t n = body->len - i < step ? body->len - i : step;
		add(&b, type, 1);
		add(&b, 0x0303, 2);
		add(&b, (unsigned)n, 2);
		memcpy(b.at + b.len, body->at + i, n);
		b.len += n;
	}
	return b;
}

static inline struct bytes client_hello(void)
{
	struct bytes hello = hello_of("c2.example.net", 300);
	return records_of(22, &hello, 300);
}

/* A ServerHello of TLS 1.3's form. */
static inline struct bytes server_hello(void)
{
	struct bytes b = {.len = 0};
	add(&b, 2, 1);
	add(&b, 38, 3);
	add(&b, 0x0303, 2);
	add_zeros(&b, 32);
	add(&b, 0, 1);
	add(&b, 0x1301, 2);
	add(&b, 0, 1);
	return records_of(22, &b, 100);
}

static inline struct bytes data_record(size_t len)
{
	struct bytes b = {.len = len};
	memset(b.at, 'z', len);
	return records_of(23, &b, 4096);
}

static inline void send_all(struct world *w, struct line *l, enum from from, const struct bytes *b)
{
	send_bytes(w, l, from, b->at, b->len);
}

static inline void send_piece(struct world *w, struct line *l, enum from from,
	const struct bytes *b, size_t at, size_t len)
{
	struct line side = *l;
	side.seq[from] += (uint32_t)at;
	send_bytes(w, &side, from, b->at + at, len);
}

static inline void assert_hello(const struct conn *c)
{
	assert_string_equal(c->service, "tls");
	assert_string_equal(c->name, "c2.example.net");
	assert_int_equal(c->name_source, NAME_SNI);
	assert_string_equal(c->ja3, "a91f27792e89a79ec395ec9128fd9f76");
	assert_int_equal(strlen(c->ja4), 36);
	assert_memory_equal(c->ja4, "t12d020200_", 11);
}
