/* Frames that a test puts together, from the inside out: a payload first, then each header in front
 * of what is there, so that lengths are what they should be. */
#pragma once

#include <stdlib.h>

#include "base/testing.h"
#include "decode/decode.h"

struct frame_bytes {
	uint8_t at[70000];
	size_t len;
};

static inline unsigned hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	assert_true(c >= 'a' && c <= 'f');
	return (unsigned)(c - 'a') + 10;
}

static inline size_t hex_bytes(const char *hex, uint8_t *ret, size_t room)
{
	size_t len = 0;
	for (const char *p = hex; *p != '\0';) {
		if (*p == ' ') {
			p++;
			continue;
		}
		assert_true(len < room);
		ret[len++] = (uint8_t)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
		p += 2;
	}
	return len;
}

static inline void front_bytes(struct frame_bytes *b, const void *bytes, size_t len)
{
	assert_true(len <= sizeof b->at - b->len);
	memmove(b->at + len, b->at, b->len);
	memcpy(b->at, bytes, len);
	b->len += len;
}

static inline void front(struct frame_bytes *b, const char *hex)
{
	uint8_t bytes[2048];
	front_bytes(b, bytes, hex_bytes(hex, bytes, sizeof bytes));
}

static inline void set16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* 192.0.2.1 to 198.51.100.2, TTL 64 */
static inline void front_ipv4(struct frame_bytes *b, uint8_t proto)
{
	front(b, "4500 0000 0001 0000 40 00 0000 c000 0201 c633 6402");
	set16(b->at + 2, b->len);
	b->at[9] = proto;
}

/* 2001:db8::1 to 2001:db8::2, hop limit 64 */
static inline void front_ipv6(struct frame_bytes *b, uint8_t proto)
{
	size_t payload = b->len;
	front(b, "6000 0000 0000 00 40 20010db8000000000000000000000001 "
		 "20010db8000000000000000000000002");
	set16(b->at + 4, payload);
	b->at[6] = proto;
}

static inline void front_udp(struct frame_bytes *b, uint16_t src, uint16_t dst)
{
	front(b, "0000 0000 0000 0000");
	set16(b->at, src);
	set16(b->at + 2, dst);
	set16(b->at + 4, b->len);
}

static inline void front_ethernet(struct frame_bytes *b, uint16_t type)
{
	front(b, "0200 0000 0001 0200 0000 0002 0000");
	set16(b->at + 12, type);
}

static inline void put(struct frame_bytes *b, const void *bytes, size_t len)
{
	assert_true(len <= sizeof b->at - b->len);
	memcpy(b->at + b->len, bytes, len);
	b->len += len;
}

/* The packet that most tests wrap: UDP from 1234 to 5678, six bytes. */
#define INNER_PAYLOAD "abcdef"
#define INNER_SRC     1234
#define INNER_DST     5678

static inline void start_ipv4(struct frame_bytes *b)
{
	b->len = 0;
	put(b, INNER_PAYLOAD, strlen(INNER_PAYLOAD));
	front_udp(b, INNER_SRC, INNER_DST);
	front_ipv4(b, IP_UDP);
}

static inline void start_ipv6(struct frame_bytes *b)
{
	b->len = 0;
	put(b, INNER_PAYLOAD, strlen(INNER_PAYLOAD));
	front_udp(b, INNER_SRC, INNER_DST);
	front_ipv6(b, IP_UDP);
}

static inline struct decoder *new_decoder(void)
{
	struct decoder *d = NULL;
	assert_int_equal(decoder_new(&d, (size_t)1 << 20), 0);
	return d;
}

/* Decodes the first `captured` bytes, in a block of just that size, of a frame that was `wire`
 * bytes long. The payload is copied to *ret_payload (NULL: not wanted) since the block is freed. */
static inline enum decoded decode_part(struct decoder *d, uint16_t linktype, const void *bytes,
	const size_t captured_and_wire[static 2], struct packet *ret)
{
	size_t captured = captured_and_wire[0];
	uint8_t *exact = malloc(captured == 0 ? 1 : captured);
	assert_non_null(exact);
	memcpy(exact, bytes, captured);
	struct frame frame = {.time_ns = 7,
		.bytes = exact,
		.cap_bytes = (uint32_t)captured,
		.wire_bytes = (uint32_t)captured_and_wire[1],
		.linktype = linktype};
	memset(ret, 0xa5, sizeof *ret);
	struct packet untouched = *ret;
	enum decoded verdict = decode_frame(d, &frame, ret);
	if (verdict != DECODED_OK) {
		assert_memory_equal(ret, &untouched, sizeof untouched);
	} else {
		struct cur c = ret->payload;
		struct span all = cur_bytes(&c, c.len);
		for (size_t i = 0; i < all.len; i++) /* the sanitizer looks on */
			assert_true(all.ptr[i] <= UINT8_MAX);
		assert_true(all.len <= ret->payload_wire);
		assert_int_equal(ret->time_ns, 7);
	}
	free(exact);
	return verdict;
}

static inline enum decoded decode_whole(
	uint16_t linktype, const struct frame_bytes *b, struct packet *ret)
{
	struct decoder *d = new_decoder();
	enum decoded verdict =
		decode_part(d, linktype, b->at, (const size_t[]){b->len, b->len}, ret);
	assert_int_equal(decoder_counts(d)[verdict], 1);
	decoder_free(d);
	return verdict;
}

static inline void assert_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_BYTES];
	assert_string_equal(addr_text(a, text), want);
}

static inline void assert_ports(const struct packet *p, uint8_t proto, uint16_t src, uint16_t dst)
{
	assert_int_equal(p->proto, proto);
	assert_int_equal(p->src_port, src);
	assert_int_equal(p->dst_port, dst);
}

/* The packet of start_ipv4() or start_ipv6(), found within whatever was around it. */
static inline void assert_inner(const struct packet *p, bool v6, unsigned tunnels)
{
	assert_addr(&p->src, v6 ? "2001:db8::1" : "192.0.2.1");
	assert_addr(&p->dst, v6 ? "2001:db8::2" : "198.51.100.2");
	assert_ports(p, IP_UDP, INNER_SRC, INNER_DST);
	assert_int_equal(p->ttl, 64);
	assert_int_equal(p->wire_bytes, v6 ? 54 : 34);
	assert_int_equal(p->payload_wire, 6);
	assert_int_equal(p->payload.len, 6);
	assert_int_equal(p->tunnels, tunnels);
	assert_false(p->quoted.present);
}

/* Cuts the frame at every length. The capture's cut: DECODED_SHORT up to `need` bytes, from there
 * on the same packet with the payload that is there, which begins at `payload_at`. The frame's own
 * end: never DECODED_SHORT. */
static inline void sweep(
	uint16_t linktype, const struct frame_bytes *b, size_t need, size_t payload_at)
{
	struct decoder *d = new_decoder();
	struct packet full, p;
	assert_int_equal(decode_whole(linktype, b, &full), DECODED_OK);
	for (size_t n = 0; n < b->len; n++) {
		enum decoded verdict =
			decode_part(d, linktype, b->at, (const size_t[]){n, b->len}, &p);
		assert_int_equal(verdict, n < need ? DECODED_SHORT : DECODED_OK);
		if (verdict == DECODED_OK) {
			assert_true(addr_eq(&p.src, &full.src) && addr_eq(&p.dst, &full.dst));
			assert_ports(&p, full.proto, full.src_port, full.dst_port);
			assert_int_equal(p.payload_wire, full.payload_wire);
			size_t captured = n < payload_at ? 0 : n - payload_at;
			assert_int_equal(p.payload.len,
				captured < full.payload.len ? captured : full.payload.len);
			assert_int_equal(p.wire_bytes, full.wire_bytes);
		}
		verdict = decode_part(d, linktype, b->at, (const size_t[]){n, n}, &p);
		assert_int_not_equal(verdict, DECODED_SHORT);
	}
	decoder_free(d);
}
