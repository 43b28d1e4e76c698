#include <errno.h>

#include "ingest/ingest_testing.h"

#define SEC INT64_C(1000000000)

enum { RECORDS = 40, CAP = 100, RECORD = 16 + CAP };

struct packed {
	uint8_t *bytes;
	size_t len, room;
};

static void add(struct packed *p, const void *bytes, size_t len)
{
	if (p->len + len > p->room) {
		p->room = (p->len + len) * 2;
		p->bytes = realloc(p->bytes, p->room);
		assert_non_null(p->bytes);
	}
	if (len > 0)
		memcpy(p->bytes + p->len, bytes, len);
	p->len += len;
}

static void add_gzip(struct packed *p, const void *bytes, size_t len)
{
	uint8_t out[4096];
	z_stream z = {.next_in = bytes, .avail_in = (uInt)len};
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	int code;
	do {
		z.next_out = out;
		z.avail_out = sizeof out;
		code = deflate(&z, Z_FINISH);
		add(p, out, sizeof out - z.avail_out);
	} while (code == Z_OK);
	assert_int_equal(code, Z_STREAM_END);
	(void)deflateEnd(&z);
}

static void add_zstd(struct packed *p, const void *bytes, size_t len)
{
	size_t room = ZSTD_compressBound(len);
	void *out = malloc(room);
	assert_non_null(out);
	size_t got = ZSTD_compress(out, room, bytes, len, 3);
	assert_false(ZSTD_isError(got));
	add(p, out, got);
	free(out);
}

typedef void add_packed(struct packed *p, const void *bytes, size_t len);

static const struct {
	const char *name;
	add_packed *add;
} packings[] = {{"gzip", add_gzip}, {"zstd", add_zstd}};

static void capture(struct build *b)
{
	*b = (struct build){0};
	put_pcap(b, 0xa1b2c3d4, 1);
	for (uint32_t n = 0; n < RECORDS; n++)
		put_record(b, n, 0, CAP, CAP);
}

/* In one piece, and in several that were packed apart: as one. */
static void test_whole(void **state)
{
	(void)state;
	struct build b;
	capture(&b);
	for (size_t i = 0; i < ARRAY_LEN(packings); i++) {
		for (size_t parts = 1; parts <= 7; parts++) {
			struct packed p = {0};
			for (size_t part = 0; part < parts; part++) {
				size_t from = b.len * part / parts, to = b.len * (part + 1) / parts;
				packings[i].add(&p, b.bytes + from, to - from);
				packings[i].add(&p, NULL, 0); /* an empty one between */
			}
			struct open *o = open_bytes(p.bytes, p.len);
			assert_int_equal(o->code, 0);
			assert_string_equal(
				packing_name(o->reader.stream.unpack.packing), packings[i].name);
			for (uint32_t n = 0; n < RECORDS; n++)
				(void)expect_frame(o, n * SEC, CAP);
			expect_end(o, false, 0);
			open_free(o);
			free(p.bytes);
		}
	}
	assert_null(packing_name(PACKING_NONE));
}

/* Unpacks len bytes, `step` at a time: how many come out, all as in b. */
static size_t unpack_all(const struct packed *p, size_t len, size_t step, const struct build *b)
{
	static uint8_t out[1 << 16];
	size_t done = 0, got;
	struct unpack u = {0};
	raw_of_memory(&u.raw, p->bytes, len);
	assert_int_equal(unpack_start(&u, NULL), 0);
	while ((got = unpack_read(&u, out, step)) > 0) {
		assert_true(done + got <= b->len);
		assert_memory_equal(out, b->bytes + done, got);
		done += got;
	}
	assert_int_equal(u.damage == NULL, len == p->len);
	unpack_close(&u);
	return done;
}

/* Asked for little at a time: what the unpacker holds back comes out though its input is at its
 * end, whole or cut. */
static void test_small_buffers(void **state)
{
	(void)state;
	struct build b;
	capture(&b);
	for (size_t i = 0; i < ARRAY_LEN(packings); i++) {
		struct packed p = {0};
		packings[i].add(&p, b.bytes, b.len);
		assert_int_equal(unpack_all(&p, p.len, 1, &b), b.len);
		assert_int_equal(unpack_all(&p, p.len, 1000, &b), b.len);
		for (size_t len = 20; len < p.len; len += 7) {
			size_t most = unpack_all(&p, len, 1 << 16, &b);
			assert_int_equal(unpack_all(&p, len, 1, &b), most);
			assert_int_equal(unpack_all(&p, len, 3, &b), most);
		}
		free(p.bytes);
	}
}

/* Cut at every length: what could be unpacked is read, in whole records, and the end is told. */
static void test_truncation(void **state)
{
	(void)state;
	struct build b;
	capture(&b);
	for (size_t i = 0; i < ARRAY_LEN(packings); i++) {
		struct packed p = {0};
		packings[i].add(&p, b.bytes, b.len / 2);
		packings[i].add(&p, b.bytes + b.len / 2, b.len - b.len / 2);
		size_t most = 0;
		for (size_t len = 4; len < p.len; len++) {
			struct open *o = open_bytes(p.bytes, len);
			if (o->code < 0) {
				assert_true(o->code == -EBADMSG);
				open_free(o);
				continue;
			}
			size_t n = 0;
			struct frame f;
			for (; reader_next(&o->reader, &f); n++)
				assert_int_equal(f.time_ns, (int64_t)n * SEC);
			assert_true(n >= most && n <= RECORDS);
			most = n;
			/* also where the first part ends, which is within a record */
			assert_true(o->reader.cut);
			assert_int_equal(o->reader.cut_offset, 24 + n * RECORD);
			open_free(o);
		}
		assert_true(most >= RECORDS / 2 - 1); /* the first part, at least */
		free(p.bytes);
	}
}

static void test_tails(void **state)
{
	(void)state;
	static const struct {
		size_t packing;
		const char *tail;
		size_t len;
		const char *why;
	} rows[] = {
		{0, "\0\0\0\0\0", 5, NULL},
		{0, "\0\0no gzip", 9, "what follows the gzip data is something else"},
		{0, "\x1f\x8b\x08", 3, "the packed data end too early"},
		{0, "\x1f\x8b\x09\x00\x00\x00\x00\x00\x00\x00", 10, "the gzip data are damaged"},
		{1, "\x28\xb5", 2, "the packed data end too early"},
		{1, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11, NULL}, /* a frame to be skipped */
		{1, "no zstd", 7, "Unknown frame descriptor"},
	};
	struct build b;
	capture(&b);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct packed p = {0};
		packings[rows[i].packing].add(&p, b.bytes, b.len);
		add(&p, rows[i].tail, rows[i].len);
		struct open *o = open_bytes(p.bytes, p.len);
		assert_int_equal(o->code, 0);
		for (uint32_t n = 0; n < RECORDS; n++)
			(void)expect_frame(o, n * SEC, CAP);
		expect_end(o, rows[i].why != NULL, rows[i].why != NULL ? b.len : 0);
		if (rows[i].why != NULL)
			assert_string_equal(o->reader.why_cut, rows[i].why);
		open_free(o);
		free(p.bytes);
	}
}

/* A byte in the middle is wrong: the checksum or the data say so, nothing crashes. */
static void test_damage(void **state)
{
	(void)state;
	struct build b;
	capture(&b);
	struct packed p = {0};
	add_gzip(&p, b.bytes, b.len);
	CHECK(p.bytes != NULL);
	p.bytes[p.len - 6] ^= 1; /* of the CRC */
	struct open *o = open_bytes(p.bytes, p.len);
	for (uint32_t n = 0; n < RECORDS; n++)
		(void)expect_frame(o, n * SEC, CAP);
	expect_end(o, true, b.len);
	assert_string_equal(o->reader.why_cut, "the gzip data are damaged");
	open_free(o);
	free(p.bytes);
}

static void test_nothing_in_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(packings); i++) {
		struct packed p = {0};
		packings[i].add(&p, NULL, 0);
		struct open *o = open_bytes(p.bytes, p.len);
		assert_int_equal(o->code, -ENODATA);
		assert_string_equal(o->why.text, "is empty when unpacked");
		open_free(o);
		o = open_bytes(p.bytes, 5);
		assert_int_equal(o->code, -EBADMSG);
		assert_string_equal(
			o->why.text, "nothing can be unpacked: the packed data end too early");
		open_free(o);

		struct packed twice = {0};
		packings[i].add(&twice, p.bytes, p.len);
		o = open_bytes(twice.bytes, twice.len);
		assert_int_equal(o->code, -ENOMSG);
		open_free(o);
		free(twice.bytes);
		free(p.bytes);
	}
}

/* A little that unpacks to much: 64 MiB of one block, through the same small buffers. */
static void test_bomb(void **state)
{
	(void)state;
	enum { HEAD = 28 + 20 };
	size_t body = (size_t)64 << 20;
	struct build b = {0};
	put_section(&b, UINT64_MAX, NULL);
	put_iface(&b, 1, -1, 0);
	assert_int_equal(b.len, HEAD);
	put(&b, 0xbad, 4);
	put(&b, body + 12, 4);
	uint8_t *bytes = calloc(1, b.len + body + 512);
	assert_non_null(bytes);
	memcpy(bytes, b.bytes, b.len);
	size_t len = b.len + body;
	b.len = 0;
	put(&b, body + 12, 4);
	put_packet(&b, 0, 5000000, 33);
	memcpy(bytes + len, b.bytes, b.len);
	for (size_t i = 0; i < ARRAY_LEN(packings); i++) {
		struct packed p = {0};
		packings[i].add(&p, bytes, len + b.len);
		assert_true(p.len < 100000);
		struct open *o = open_bytes(p.bytes, p.len);
		assert_int_equal(o->code, 0);
		(void)expect_frame(o, 5 * SEC, 33);
		expect_end(o, false, 0);
		assert_true(o->reader.stream.held <= (size_t)512 << 10);
		open_free(o);
		free(p.bytes);
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_tails),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_nothing_in_it),
		cmocka_unit_test(test_bomb),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
