#include <errno.h>

#include "ingest/ingest_testing.h"

#define SEC   INT64_C(1000000000)
#define MICRO INT64_C(1600000000000000) /* units of the default resolution: 1600000000 s */

static struct build b;

static void start(bool big)
{
	b.len = 0;
	b.big = big;
	put_section(&b, UINT64_MAX, NULL);
}

static void test_sections(void **state)
{
	(void)state;
	for (int order = 0; order < 4; order++) {
		start(order & 1);
		put_iface(&b, 1, -1, 0);
		put_iface(&b, 101, 9, 0);
		put_packet(&b, 0, MICRO, 60);
		put_packet(&b, 1, (uint64_t)(1600000001 * SEC + 5), 61);
		size_t begin = b.len;
		b.big = (order & 2) != 0;
		put_section(&b, 0, NULL); /* the length is to be filled in */
		put_iface(&b, 113, -1, 0);
		put_packet(&b, 0, MICRO + 2000000, 62);
		uint64_t length = b.len - begin - 28;
		size_t end = b.len;
		b.len = begin + 16;
		put(&b, length, 8);
		b.len = end;
		put_packet(&b, 0, MICRO + 3000000, 63); /* the length does not end the section */

		struct open *o = open_build(&b);
		assert_string_equal(o->reader.format->name, "pcapng");
		struct frame f = expect_frame(o, 1600000000 * SEC, 60);
		assert_int_equal(f.linktype, 1);
		assert_int_equal(f.iface, 0);
		f = expect_frame(o, 1600000001 * SEC + 5, 61);
		assert_int_equal(f.linktype, 101);
		assert_int_equal(f.iface, 1);
		f = expect_frame(o, 1600000002 * SEC, 62);
		assert_int_equal(f.linktype, 113);
		assert_int_equal(f.iface, 2);
		assert_int_equal(f.number, 3);
		(void)expect_frame(o, 1600000003 * SEC, 63);
		expect_end(o, false, 0);
		assert_int_equal(o->reader.rejected, 0);
		open_free(o);
	}
}

static void test_resolutions(void **state)
{
	(void)state;
	static const struct {
		int resolution;
		int64_t offset_s;
		uint64_t units;
		int64_t time_ns;
	} rows[] = {
		{-1, 0, 1, 1000},
		{0, 0, 1600000000, 1600000000 * SEC},
		{3, 0, 1600000000123, 1600000000 * SEC + 123000000},
		{6, 0, 1600000000000007, 1600000000 * SEC + 7000},
		{9, 0, 1600000000000000007, 1600000000 * SEC + 7},
		{10, 0, UINT64_C(16000000000000000079), 1600000000 * SEC + 7},
		{12, 0, 123456789012, 123456789},
		{19, 0, UINT64_MAX, 1844674407},
		{20, 0, UINT64_MAX, 184467440},
		{127, 0, UINT64_MAX, 0},
		{0x80, 0, 1600000000, 1600000000 * SEC},
		{0x80 | 1, 0, 3, SEC + SEC / 2},
		{0x80 | 20, 0, (UINT64_C(1600000000) << 20) + (1 << 19),
			1600000000 * SEC + SEC / 2},
		{0x80 | 30, 0, UINT64_C(1) << 62, (INT64_C(1) << 32) * SEC},
		{0x80 | 32, 0, (UINT64_C(1600000000) << 32) + 0x40000000,
			1600000000 * SEC + SEC / 4},
		{0x80 | 63, 0, UINT64_C(1) << 63, SEC},
		{0x80 | 64, 0, UINT64_MAX, SEC - 1},
		{0x80 | 127, 0, UINT64_MAX, 0},
		{6, 100, 5000000, 105 * SEC},
		{6, -100, 5000000, -95 * SEC},
		/* what no clock says is kept within bounds */
		{0, 0, UINT64_MAX, READER_TIME_MAX},
		{0, INT64_MAX, UINT64_MAX, READER_TIME_MAX},
		{6, INT64_MIN, 0, -READER_TIME_MAX},
	};
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		start(i % 2 == 1);
		put_iface(&b, 1, rows[i / 2].resolution, rows[i / 2].offset_s);
		put_packet(&b, 0, rows[i / 2].units, 20);
		struct open *o = open_build(&b);
		(void)expect_frame(o, rows[i / 2].time_ns, 20);
		expect_end(o, false, 0);
		open_free(o);
	}
}

static size_t simple_begin(uint32_t wire, size_t cap)
{
	size_t at = block_begin(&b, 3);
	put(&b, wire, 4);
	put_pattern(&b, cap);
	return at;
}

/* No time of its own, no captured length: the snapshot length of interface 0 and the block tell. */
static void test_simple_packets(void **state)
{
	(void)state;
	start(false);
	size_t at = block_begin(&b, 1);
	put(&b, 1, 2);
	put(&b, 0, 2);
	put(&b, 30, 4); /* snapshot length */
	block_end(&b, at);
	block_end(&b, simple_begin(9, 9));
	put_packet(&b, 0, MICRO, 60);
	block_end(&b, simple_begin(10, 10));
	block_end(&b, simple_begin(1500, 30));
	struct open *o = open_build(&b);
	(void)expect_frame(o, 0, 9);
	(void)expect_frame(o, 1600000000 * SEC, 60);
	(void)expect_frame(o, 1600000000 * SEC, 10);
	struct frame f = expect_frame(o, 1600000000 * SEC, 30);
	assert_int_equal(f.wire_bytes, 1500);
	assert_int_equal(f.number, 4);
	expect_end(o, false, 0);
	open_free(o);

	start(false);
	block_end(&b, simple_begin(9, 9)); /* no interface */
	put_iface(&b, 1, -1, 0);           /* no limit */
	block_end(&b, simple_begin(1500, 64));
	o = open_build(&b);
	f = expect_frame(o, 0, 64);
	assert_int_equal(f.number, 2);
	assert_int_equal(o->reader.rejected, 1);
	open_free(o);
}

static void put_old_packet(uint16_t iface, uint16_t drops, uint32_t cap, const char *comment)
{
	size_t at = block_begin(&b, 2);
	put(&b, iface, 2);
	put(&b, drops, 2);
	put(&b, MICRO >> 32, 4);
	put(&b, MICRO & 0xffffffff, 4);
	put(&b, cap, 4);
	put(&b, cap + 100, 4);
	put_pattern(&b, cap);
	while (b.len % 4 != 0)
		put(&b, 0, 1);
	if (comment != NULL)
		put_option(&b, 1, comment, strlen(comment));
	block_end(&b, at);
}

static void test_old_packets(void **state)
{
	(void)state;
	for (int big = 0; big <= 1; big++) {
		start(big);
		put_iface(&b, 1, -1, 0);
		put_iface(&b, 101, -1, 0);
		put_old_packet(1, 3, 41, NULL);
		put_old_packet(0, 0xffff, 42, "not known how many");
		put_old_packet(0, 4, 43, NULL);
		struct open *o = open_build(&b);
		struct frame f = expect_frame(o, 1600000000 * SEC, 41);
		assert_int_equal(f.linktype, 101);
		assert_int_equal(f.wire_bytes, 141);
		(void)expect_frame(o, 1600000000 * SEC, 42);
		assert_int_equal(o->reader.drops, 3);
		(void)expect_frame(o, 1600000000 * SEC, 43);
		expect_end(o, false, 0);
		assert_int_equal(o->reader.drops, 7);
		assert_int_equal(o->reader.comments, 1);
		open_free(o);
	}
}

static void put_statistics(uint32_t iface, uint64_t ifdrop, uint64_t osdrop)
{
	size_t at = block_begin(&b, 5);
	put(&b, iface, 4);
	put(&b, 0, 8);
	put_option_u64(&b, 4, 999999); /* received */
	put_option_u64(&b, 5, ifdrop);
	put_option_u64(&b, 7, osdrop);
	put(&b, 0, 4);
	block_end(&b, at);
}

/* Statistics count from the beginning; packets' own counts are the same losses seen otherwise. */
static void test_drops(void **state)
{
	(void)state;
	start(false);
	put_iface(&b, 1, -1, 0);
	put_iface(&b, 1, -1, 0);
	put_statistics(0, 10, 1);
	put_statistics(0, 15, 2);
	put_statistics(1, 100, 0);
	put_statistics(7, 1000000, 0); /* of no interface */
	size_t at = packet_begin(&b, 0, MICRO, 10);
	put_option_u64(&b, 4, 5);
	block_end(&b, at);
	at = packet_begin(&b, 1, MICRO, 10);
	put_option_u64(&b, 4, 400);
	block_end(&b, at);
	put_section(&b, UINT64_MAX, NULL);
	put_iface(&b, 1, -1, 0);
	put_statistics(0, 3, 0);
	struct open *o = open_build(&b);
	(void)expect_frame(o, 1600000000 * SEC, 10);
	assert_int_equal(o->reader.drops, 117);
	(void)expect_frame(o, 1600000000 * SEC, 10);
	assert_int_equal(o->reader.drops, 417);
	expect_end(o, false, 0);
	assert_int_equal(o->reader.drops, 420);
	open_free(o);

	start(true);
	put_iface(&b, 1, -1, 0);
	put_statistics(0, UINT64_MAX, UINT64_MAX);
	put_section(&b, UINT64_MAX, NULL);
	put_iface(&b, 1, -1, 0);
	put_statistics(0, 1, 1);
	o = open_build(&b);
	expect_end(o, false, 0);
	assert_true(o->reader.drops == UINT64_MAX);
	open_free(o);
}

static void test_comments(void **state)
{
	(void)state;
	for (int big = 0; big <= 1; big++) {
		b.len = 0;
		b.big = big;
		put_section(&b, UINT64_MAX, "of the section");
		put_iface(&b, 1, -1, 0);
		size_t at = packet_begin(&b, 0, MICRO, 11);
		put_option(&b, 2, "\1\0\0\0", 4); /* flags */
		put_option(&b, 1, "one", 3);
		put_option(&b, 1, "", 0);
		put(&b, 0, 4);
		put_option(&b, 1, "behind the end", 14);
		block_end(&b, at);
		put_packet(&b, 0, MICRO, 12);
		struct open *o = open_build(&b);
		(void)expect_frame(o, 1600000000 * SEC, 11);
		(void)expect_frame(o, 1600000000 * SEC, 12);
		expect_end(o, false, 0);
		assert_int_equal(o->reader.comments, 3);
		open_free(o);
	}
}

/* An option that claims more than its block holds ends the options, not the block. */
static void test_option_too_long(void **state)
{
	(void)state;
	for (uint16_t len = 0; len < 12; len++) {
		start(false);
		put_iface(&b, 1, -1, 0);
		size_t at = packet_begin(&b, 0, MICRO, 12);
		put(&b, 1, 2);
		put(&b, len, 2);
		put(&b, 0, 4);
		block_end(&b, at);
		struct open *o = open_build(&b);
		(void)expect_frame(o, 1600000000 * SEC, 12);
		expect_end(o, false, 0);
		assert_int_equal(o->reader.comments, len <= 4);
		assert_int_equal(o->reader.rejected, 0);
		open_free(o);
	}
}

/* Blocks of names, secrets, the system's journal, of somebody's own, and of times to come. */
static void test_other_blocks(void **state)
{
	(void)state;
	static const uint32_t types[] = {4, 9, 10, 0xbad, 0x40000bad, 0x80000001, 0x12345678};
	start(false);
	put_iface(&b, 1, -1, 0);
	for (uint32_t i = 0; i < ARRAY_LEN(types); i++) {
		size_t at = block_begin(&b, types[i]);
		put_pattern(&b, (size_t)i * 5);
		block_end(&b, at);
		put_packet(&b, 0, MICRO + i, 20 + i);
	}
	struct open *o = open_build(&b);
	for (uint32_t i = 0; i < ARRAY_LEN(types); i++)
		(void)expect_frame(o, 1600000000 * SEC + INT64_C(1000) * i, 20 + i);
	expect_end(o, false, 0);
	open_free(o);
}

static void test_rejected(void **state)
{
	(void)state;
	start(false);
	put_packet(&b, 0, MICRO, 10); /* no interface yet */
	put_iface(&b, 1, -1, 0);
	size_t first = 28;
	put_packet(&b, 1, MICRO, 10); /* no such interface */
	size_t at = block_begin(&b, 6);
	put(&b, 0, 12);
	put(&b, 20, 4); /* captured: more than there is */
	put(&b, 20, 4);
	put_pattern(&b, 16);
	block_end(&b, at);
	at = block_begin(&b, 6); /* too short for its fields */
	put(&b, 0, 16);
	block_end(&b, at);
	put_packet(&b, 0, MICRO, 13);
	struct open *o = open_build(&b);
	struct frame f = expect_frame(o, 1600000000 * SEC, 13);
	assert_int_equal(f.number, 5);
	expect_end(o, false, 0);
	assert_int_equal(o->reader.rejected, 4);
	assert_int_equal(o->reader.rejected_offset, first);
	assert_string_equal(
		o->reader.why_rejected, "a packet of an interface that is not described");
	open_free(o);
}

/* The second of a block's lengths is wrong: believed when another block follows, or the end. */
static void test_two_lengths(void **state)
{
	(void)state;
	start(false);
	put_iface(&b, 1, -1, 0);
	put_packet(&b, 0, MICRO, 10);
	b.bytes[b.len - 4] ^= 0xff;
	put_packet(&b, 0, MICRO, 11);
	b.bytes[b.len - 4] ^= 0xff;
	struct open *o = open_build(&b);
	(void)expect_frame(o, 1600000000 * SEC, 10);
	(void)expect_frame(o, 1600000000 * SEC, 11);
	expect_end(o, false, 0);
	open_free(o);
}

/* The first length is wrong: the block is left out, what follows is found. */
static void test_damage(void **state)
{
	(void)state;
	static const uint32_t totals[] = {0, 8, 11, 0xffffffff, 0x08100004, 44, 52};
	for (size_t i = 0; i < ARRAY_LEN(totals); i++) {
		start(i % 2 == 1);
		put_iface(&b, 1, -1, 0);
		put_packet(&b, 0, MICRO, 10);
		size_t damaged = b.len;
		put_packet(&b, 0, MICRO, 16); /* 48 bytes */
		size_t end = b.len;
		b.len = damaged + 4;
		put(&b, totals[i], 4);
		b.len = end;
		put_packet(&b, 0, MICRO, 12);
		put_packet(&b, 0, MICRO, 13);
		struct open *o = open_build(&b);
		(void)expect_frame(o, 1600000000 * SEC, 10);
		(void)expect_frame(o, 1600000000 * SEC, 12);
		(void)expect_frame(o, 1600000000 * SEC, 13);
		expect_end(o, false, 0);
		assert_int_equal(o->reader.rejected, 1);
		assert_int_equal(o->reader.rejected_offset, damaged);
		open_free(o);
	}
}

/* Nothing good behind the damage. */
static void test_no_resync(void **state)
{
	(void)state;
	start(false);
	put_iface(&b, 1, -1, 0);
	put_packet(&b, 0, MICRO, 10);
	size_t damaged = b.len;
	put(&b, 6, 4);
	put(&b, 7, 4);
	put_pattern(&b, 999);
	struct open *o = open_build(&b);
	(void)expect_frame(o, 1600000000 * SEC, 10);
	expect_end(o, true, damaged);
	assert_string_equal(o->reader.why_cut, "a block of absurd length");
	open_free(o);
}

/* A later section that cannot be read ends the file there. */
static void test_bad_section(void **state)
{
	(void)state;
	for (int version = 0; version <= 1; version++) {
		start(false);
		put_iface(&b, 1, -1, 0);
		put_packet(&b, 0, MICRO, 10);
		size_t at = b.len;
		put_section(&b, UINT64_MAX, NULL);
		b.bytes[at + (version ? 12 : 8)] ^= 0x40;
		put_iface(&b, 1, -1, 0);
		struct open *o = open_build(&b);
		(void)expect_frame(o, 1600000000 * SEC, 10);
		expect_end(o, true, at);
		assert_string_equal(o->reader.why_cut, version ? "a section of unknown version"
							       : "a section of unknown byte order");
		open_free(o);
	}
}

static void test_bad_start(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		int code;
		const char *text;
	} rows[] = {
		{8, -EBADMSG, "a pcapng file that begins with a section of unknown byte order"},
		{4, -EBADMSG, "a pcapng file that begins with a block of absurd length"},
		{12, -EPROTONOSUPPORT, "a pcapng file of version 65.0; 1.0 and 1.2 are known"},
		{14, -EPROTONOSUPPORT, "a pcapng file of version 1.64; 1.0 and 1.2 are known"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		start(false);
		b.bytes[rows[i].at] ^= rows[i].at == 4 ? 0x18 : 0x40;
		struct open *o = open_bytes(b.bytes, b.len);
		assert_int_equal(o->code, rows[i].code);
		assert_string_equal(o->why.text, rows[i].text);
		open_free(o);
	}
	start(false);
	b.bytes[14] = 2; /* 1.2 is 1.0 with another number */
	struct open *o = open_build(&b);
	expect_end(o, false, 0);
	open_free(o);
}

static void test_truncation(void **state)
{
	(void)state;
	start(true);
	size_t ends[8] = {b.len};
	put_iface(&b, 1, 9, 5);
	ends[1] = b.len;
	size_t at = packet_begin(&b, 0, 7, 33);
	put_option(&b, 1, "comment", 7);
	put(&b, 0, 4);
	block_end(&b, at);
	ends[2] = b.len;
	put_statistics(0, 1, 2);
	ends[3] = b.len;
	block_end(&b, simple_begin(50, 50));
	ends[4] = b.len;
	put_old_packet(0, 1, 41, "old");
	ends[5] = b.len;
	put_section(&b, UINT64_MAX, "another");
	ends[6] = b.len;
	static const uint32_t caps[] = {0, 33, 0, 50, 41, 0};
	for (size_t len = 0; len <= b.len; len++) {
		struct open *o = open_bytes(b.bytes, len);
		if (len < 24) {
			assert_int_equal(o->code, len == 0  ? -ENODATA
						  : len < 4 ? -ENOMSG
							    : -EBADMSG);
			open_free(o);
			continue;
		}
		assert_int_equal(o->code, 0);
		size_t n = 0;
		struct frame f;
		for (; n < ARRAY_LEN(caps) && ends[n + 1] <= len; n++) {
			if (caps[n] == 0)
				continue;
			assert_true(reader_next(&o->reader, &f));
			assert_int_equal(f.cap_bytes, caps[n]);
		}
		uint64_t whole = len < ends[0] ? 0 : ends[n];
		expect_end(o, whole != len, whole != len ? whole : 0);
		open_free(o);
	}
}

/* Blocks that are longer than what can be seen at once are stepped over; as packets, counted. */
static void test_long_blocks(void **state)
{
	(void)state;
	static const uint32_t types[] = {10, 6};
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		size_t body = STREAM_VIEW_MAX + 4096, len = 0;
		uint8_t *bytes = calloc(1, body + 1024);
		assert_non_null(bytes);
		start(false);
		put_iface(&b, 1, -1, 0);
		put(&b, types[i], 4);
		put(&b, body + 12, 4);
		memcpy(bytes, b.bytes, b.len);
		size_t at = b.len - 8;
		len = b.len + body;
		b.len = 0;
		put(&b, body + 12, 4);
		put_packet(&b, 0, MICRO, 13);
		memcpy(bytes + len, b.bytes, b.len);
		struct open *o = open_bytes(bytes, len + b.len);
		assert_int_equal(o->code, 0);
		struct frame f = expect_frame(o, 1600000000 * SEC, 13);
		assert_int_equal(f.number, 1 + i);
		assert_int_equal(o->reader.rejected, i);
		open_free(o);
		o = open_bytes(bytes, len - 5);
		expect_end(o, true, at);
		open_free(o);
		free(bytes);
	}
}

/* Interfaces without end. */
static void test_many_interfaces(void **state)
{
	(void)state;
	size_t len = 0, room = (size_t)(READER_IFACES_MAX + 2) * 20 + 512;
	uint8_t *bytes = malloc(room);
	assert_non_null(bytes);
	start(false);
	for (uint32_t i = 0; i <= READER_IFACES_MAX; i++) {
		put_iface(&b, (uint16_t)i, -1, 0);
		memcpy(bytes + len, b.bytes, b.len);
		len += b.len;
		b.len = 0;
	}
	put_packet(&b, READER_IFACES_MAX - 1, MICRO, 13);
	put_packet(&b, READER_IFACES_MAX, MICRO, 13);
	put_section(&b, UINT64_MAX, NULL);
	put_iface(&b, 1, -1, 0);
	put_packet(&b, 0, MICRO, 14);
	memcpy(bytes + len, b.bytes, b.len);
	struct open *o = open_bytes(bytes, len + b.len);
	struct frame f = expect_frame(o, 1600000000 * SEC, 13);
	assert_int_equal(f.linktype, READER_IFACES_MAX - 1);
	f = expect_frame(o, 1600000000 * SEC, 14);
	assert_int_equal(f.iface, READER_IFACES_MAX);
	expect_end(o, false, 0);
	assert_int_equal(o->reader.rejected, 2);
	open_free(o);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_resolutions),
		cmocka_unit_test(test_simple_packets),
		cmocka_unit_test(test_old_packets),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_option_too_long),
		cmocka_unit_test(test_other_blocks),
		cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_two_lengths),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_no_resync),
		cmocka_unit_test(test_bad_section),
		cmocka_unit_test(test_bad_start),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_long_blocks),
		cmocka_unit_test(test_many_interfaces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
