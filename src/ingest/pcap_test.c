#include <errno.h>

#include "ingest/ingest_testing.h"

#define US   0xa1b2c3d4
#define NS   0xa1b23c4d
#define KUZN 0xa1b2cd34

#define SEC     INT64_C(1000000000)
#define RECORDS 3 /* enough to be believed behind damage */

static struct build b;

static void start(uint32_t magic, bool big)
{
	b.len = 0;
	b.big = big;
	put_pcap(&b, magic, 1);
}

/* Every byte order and resolution; the upper half of the link type is no link type. */
static void test_formats(void **state)
{
	(void)state;
	static const uint32_t magics[] = {US, NS, KUZN};
	for (size_t i = 0; i < 2 * ARRAY_LEN(magics); i++) {
		uint32_t magic = magics[i / 2];
		b = (struct build){.big = i % 2 == 1};
		put_pcap(&b, magic, 0x24000000 | 113);
		for (uint32_t n = 0; n < 3; n++) {
			put(&b, 1600000000 + n, 4);
			put(&b, 123456, 4);
			put(&b, 60 + n, 4);
			put(&b, 1500, 4);
			if (magic == KUZN)
				put(&b, 0x0102030405060708, 8);
			put_pattern(&b, 60 + n);
		}
		struct open *o = open_build(&b);
		assert_string_equal(o->reader.format->name, "pcap");
		for (uint32_t n = 0; n < 3; n++) {
			int64_t fraction = magic == NS ? 123456 : 123456000;
			struct frame f =
				expect_frame(o, (INT64_C(1600000000) + n) * SEC + fraction, 60 + n);
			assert_int_equal(f.wire_bytes, 1500);
			assert_int_equal(f.linktype, 113);
			assert_int_equal(f.number, n + 1);
			assert_int_equal(f.iface, 0);
		}
		expect_end(o, false, 0);
		assert_int_equal(o->reader.rejected, 0);
		open_free(o);
	}
}

static void test_times(void **state)
{
	(void)state;
	start(US, false);
	put_record(&b, 0, 1, 4, 4);
	put_record(&b, UINT32_MAX, 999999, 4, 4);
	put_record(&b, 1600000000, 1000000, 4, 4);    /* one beyond */
	put_record(&b, 1600000000, UINT32_MAX, 4, 4); /* far beyond */
	struct open *o = open_build(&b);
	(void)expect_frame(o, 1000, 4);
	(void)expect_frame(o, INT64_C(4294967295) * SEC + 999999000, 4);
	(void)expect_frame(o, 1600000000 * SEC + 999999000, 4);
	(void)expect_frame(o, 1600000000 * SEC + 999999000, 4);
	expect_end(o, false, 0);
	open_free(o);

	start(NS, false);
	put_record(&b, 7, UINT32_MAX, 4, 4);
	o = open_build(&b);
	(void)expect_frame(o, 7 * SEC + 999999999, 4);
	open_free(o);
}

static void test_lengths(void **state)
{
	(void)state;
	start(US, false);
	put_record(&b, 1, 0, 60, 42); /* more captured than sent */
	put_record(&b, 2, 0, 0, 1500);
	put_record(&b, 3, 0, 0, 0); /* empty, but with a time */
	struct open *o = open_build(&b);
	assert_int_equal(expect_frame(o, 1 * SEC, 60).wire_bytes, 60);
	assert_int_equal(expect_frame(o, 2 * SEC, 0).wire_bytes, 1500);
	assert_int_equal(expect_frame(o, 3 * SEC, 0).wire_bytes, 0);
	expect_end(o, false, 0);
	open_free(o);
}

static void set_version(uint16_t major, uint16_t minor)
{
	size_t len = b.len;
	b.len = 4;
	put(&b, major, 2);
	put(&b, minor, 2);
	b.len = len;
}

static void test_versions(void **state)
{
	(void)state;
	static const struct {
		uint16_t major, minor;
		bool known, swaps, guesses;
	} rows[] = {{2, 4, true, false, false}, {2, 3, true, false, true},
		{2, 2, true, true, false}, {543, 0, true, true, false}, {2, 5, false, false, false},
		{1, 4, false, false, false}, {3, 0, false, false, false},
		{543, 1, false, false, false}, {0, 0, false, false, false}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		start(US, i % 2 == 1);
		set_version(rows[i].major, rows[i].minor);
		put(&b, 1, 4);
		put(&b, 0, 4);
		put(&b, 1500, 4);
		put(&b, 60, 4);
		put_pattern(&b, 60);
		struct open *o = open_bytes(b.bytes, b.len);
		assert_int_equal(o->code, rows[i].known ? 0 : -EPROTONOSUPPORT);
		if (rows[i].swaps || rows[i].guesses)
			assert_int_equal(expect_frame(o, SEC, 60).wire_bytes, 1500);
		else if (rows[i].known)
			expect_end(o, true, 24); /* 1500 bytes are not there */
		open_free(o);
	}
	start(US, false);
	set_version(1, 4);
	struct open *o = open_bytes(b.bytes, b.len);
	assert_string_equal(o->why.text, "a pcap file of version 1.4; 2.0 to 2.4 are known");
	open_free(o);
}

/* Cut at every length: the whole records before it are read, and the place is told. */
static void test_truncation(void **state)
{
	(void)state;
	static const uint32_t caps[] = {60, 0, 1, 333, 42};
	start(US, false);
	size_t ends[ARRAY_LEN(caps) + 1] = {b.len};
	for (uint32_t n = 0; n < ARRAY_LEN(caps); n++) {
		put_record(&b, 10 + n, 0, caps[n], 1000);
		ends[n + 1] = b.len;
	}
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
		for (; n < ARRAY_LEN(caps) && ends[n + 1] <= len; n++)
			(void)expect_frame(o, (int64_t)(10 + n) * SEC, caps[n]);
		expect_end(o, ends[n] != len, ends[n] != len ? ends[n] : 0);
		open_free(o);
	}
}

/* A record of absurd length, then good ones: they are found again. */
static void test_damage(void **state)
{
	(void)state;
	for (size_t junk = 0; junk < 40; junk++) {
		start(US, junk % 2 == 1);
		put_record(&b, 100, 0, 60, 60);
		size_t damaged = b.len;
		put(&b, 101, 4);
		put(&b, 0, 4);
		put(&b, READER_CAP_MAX + 1, 4);
		put(&b, 60, 4);
		put_pattern(&b, junk);
		for (uint32_t n = 0; n < 4; n++)
			put_record(&b, 102 + n, 5, 60 + n, 90);
		struct open *o = open_build(&b);
		(void)expect_frame(o, 100 * SEC, 60);
		for (uint32_t n = 0; n < 4; n++)
			(void)expect_frame(o, (102 + n) * SEC + 5000, 60 + n);
		expect_end(o, false, 0);
		assert_int_equal(o->reader.rejected, 1);
		assert_int_equal(o->reader.rejected_offset, damaged);
		assert_string_equal(o->reader.why_rejected, "a record of absurd length");
		open_free(o);
	}
}

/* The longest record that is read, and one byte more. */
static void test_longest(void **state)
{
	(void)state;
	for (uint32_t extra = 0; extra <= 1; extra++) {
		size_t cap = READER_CAP_MAX + extra;
		start(US, false);
		put(&b, 9, 4);
		put(&b, 0, 4);
		put(&b, cap, 4);
		put(&b, cap, 4);
		uint8_t *bytes = calloc(1, b.len + cap + 76);
		assert_non_null(bytes);
		memcpy(bytes, b.bytes, b.len);
		size_t len = b.len + cap;
		b.len = 0;
		put_record(&b, 10, 0, 60, 60);
		memcpy(bytes + len, b.bytes, b.len);
		struct open *o = open_bytes(bytes, len + b.len);
		assert_int_equal(o->code, 0);
		struct frame f;
		if (extra == 0) {
			assert_true(reader_next(&o->reader, &f));
			assert_int_equal(f.cap_bytes, READER_CAP_MAX);
		}
		(void)expect_frame(o, 10 * SEC, 60); /* found behind the one that was left out */
		expect_end(o, false, 0);
		assert_int_equal(o->reader.rejected, extra);
		open_free(o);
		free(bytes);
	}
}

/* Damage without anything good behind it. */
static void test_no_resync(void **state)
{
	(void)state;
	start(US, false);
	put_record(&b, 100, 0, 60, 60);
	size_t damaged = b.len;
	put(&b, 101, 4);
	put(&b, 0, 4);
	put(&b, UINT32_MAX, 4);
	put(&b, 60, 4);
	put_pattern(&b, 3000);
	struct open *o = open_build(&b);
	(void)expect_frame(o, 100 * SEC, 60);
	expect_end(o, true, damaged);
	assert_string_equal(o->reader.why_cut, "a record of absurd length");
	assert_int_equal(o->reader.rejected, 0);
	open_free(o);

	/* good records, but of another year: not believed */
	start(US, false);
	put_record(&b, 1000000000, 0, 60, 60);
	damaged = b.len;
	put(&b, UINT64_MAX, 8);
	put(&b, UINT64_MAX, 8);
	for (uint32_t n = 0; n < 5; n++)
		put_record(&b, 1100000000, 0, 60, 60);
	o = open_build(&b);
	(void)expect_frame(o, INT64_C(1000000000) * SEC, 60);
	expect_end(o, true, damaged);
	open_free(o);
}

static void test_zeros(void **state)
{
	(void)state;
	start(US, false);
	put_record(&b, 100, 0, 60, 60);
	size_t hole = b.len;
	for (size_t i = 0; i < 4096; i++)
		put(&b, 0, 1);
	struct open *o = open_build(&b);
	(void)expect_frame(o, 100 * SEC, 60);
	expect_end(o, true, hole);
	assert_string_equal(o->reader.why_cut, "zeros where a record should be");
	open_free(o);

	put_record(&b, 101, 0, 60, 60);
	o = open_build(&b);
	(void)expect_frame(o, 100 * SEC, 60);
	(void)expect_frame(o, 101 * SEC, 60);
	expect_end(o, false, 0);
	assert_int_equal(o->reader.rejected, 1);
	assert_int_equal(o->reader.rejected_offset, hole);
	open_free(o);
}

/* A file that is damaged all over ends after so many places. */
static void test_damaged_all_over(void **state)
{
	(void)state;
	start(US, false);
	size_t last = 0;
	for (size_t i = 0; i <= READER_RESYNCS_MAX; i++) {
		last = b.len;
		put(&b, UINT64_MAX, 8);
		put(&b, UINT64_MAX, 8);
		for (uint32_t n = 0; n < RECORDS; n++)
			put_record(&b, 100, n, 20, 20);
	}
	struct open *o = open_build(&b);
	for (size_t i = 0; i < (size_t)RECORDS * READER_RESYNCS_MAX; i++)
		(void)expect_frame(o, 100 * SEC + (int64_t)(i % RECORDS) * 1000, 20);
	expect_end(o, true, last);
	assert_string_equal(o->reader.why_cut, "damaged in too many places");
	assert_int_equal(o->reader.rejected, READER_RESYNCS_MAX);
	open_free(o);
}

/* Two captures in one file, of different kinds. */
static void test_concatenated(void **state)
{
	(void)state;
	start(US, false);
	put_record(&b, 100, 0, 60, 60);
	b.big = true;
	put_pcap(&b, NS, 101);
	put_record(&b, 101, 7, 61, 61);
	struct open *o = open_build(&b);
	struct frame f = expect_frame(o, 100 * SEC, 60);
	assert_int_equal(f.linktype, 1);
	f = expect_frame(o, 101 * SEC + 7, 61);
	assert_int_equal(f.linktype, 101);
	assert_int_equal(f.iface, 1);
	assert_int_equal(f.number, 2);
	expect_end(o, false, 0);
	open_free(o);
}

/* Records over many chunks: none is torn, whatever lies at a chunk's end. */
static void test_chunks(void **state)
{
	(void)state;
	enum { COUNT = 3000 };
	uint8_t *bytes = malloc((size_t)COUNT * 1600);
	assert_non_null(bytes);
	start(US, false);
	memcpy(bytes, b.bytes, b.len);
	size_t len = b.len;
	for (uint32_t n = 0; n < COUNT; n++) {
		b.len = 0;
		put_record(&b, n, 0, n * 7919 % 1500, 1500);
		memcpy(bytes + len, b.bytes, b.len);
		len += b.len;
	}
	struct open *o = open_bytes(bytes, len);
	for (uint32_t n = 0; n < COUNT; n++)
		(void)expect_frame(o, n * SEC, n * 7919 % 1500);
	expect_end(o, false, 0);
	assert_int_equal(stream_offset(&o->reader.stream), len);
	open_free(o);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_no_resync),
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_damaged_all_over),
		cmocka_unit_test(test_concatenated),
		cmocka_unit_test(test_chunks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
