#include "ingest/ingest_testing.h"
#include "ingest/window.h"

struct image { /* a capture in memory */
	uint8_t *bytes;
	size_t len;
};

/* One record of cap bytes per time, in seconds. */
static struct image image_of(const uint32_t *seconds, size_t count, uint32_t cap)
{
	static struct build b;
	struct image image = {malloc(24 + count * (16 + cap)), 0};
	assert_non_null(image.bytes);
	b.len = 0;
	put_pcap(&b, 0xa1b2c3d4, 1);
	for (size_t i = 0; i <= count; i++) {
		memcpy(image.bytes + image.len, b.bytes, b.len);
		image.len += b.len;
		b.len = 0;
		if (i < count)
			put_record(&b, seconds[i], 0, cap, cap);
	}
	return image;
}

/* Reads all; ret gets the numbers of the records in the order given. */
static void order_of(
	const struct image *image, size_t bytes_max, uint64_t *ret, size_t count, size_t *ret_held)
{
	struct open *o = open_bytes(image->bytes, image->len);
	struct window w = {0};
	size_t n = 0;
	*ret_held = 0;
	for (window_fill(&w, &o->reader, bytes_max); window_first(&w) != NULL;
		window_fill(&w, &o->reader, bytes_max)) {
		const struct frame *f = window_first(&w);
		assert_true(n < count);
		for (uint32_t i = 0; i < f->cap_bytes; i += 97)
			assert_int_equal(f->bytes[i], (i * 7 + f->cap_bytes) & 0xff);
		if (o->reader.stream.held > *ret_held)
			*ret_held = o->reader.stream.held;
		ret[n++] = f->number;
		window_pop(&w, &o->reader);
	}
	assert_int_equal(n, count);
	assert_true(w.ended);
	window_fini(&w, &o->reader);
	open_free(o);
}

static void test_small_disorder(void **state)
{
	(void)state;
	static const uint32_t seconds[] = {5, 3, 5, 4, 9, 1, 9, 5, 4000000000, 6, 0, 6};
	static const uint64_t want[] = {11, 6, 2, 4, 1, 3, 8, 10, 12, 5, 7, 9};
	struct image image = image_of(seconds, ARRAY_LEN(seconds), 50);
	uint64_t got[ARRAY_LEN(want)];
	size_t held;
	order_of(&image, WINDOW_BYTES, got, ARRAY_LEN(got), &held);
	assert_memory_equal(got, want, sizeof want);
	free(image.bytes);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Frames out of place by fewer than the window holds come in perfect order, equal times in that of
 * the file, whatever the disorder. */
static void test_any_disorder(void **state)
{
	(void)state;
	enum { COUNT = 20000 };
	uint32_t *seconds = malloc(COUNT * sizeof *seconds);
	uint64_t *got = malloc(COUNT * sizeof *got);
	assert_non_null(seconds);
	assert_non_null(got);
	for (uint64_t seed = 1; seed <= 6; seed++) {
		uint64_t random = seed * 0x9e3779b97f4a7c15;
		for (uint32_t i = 0; i < COUNT; i++) /* each second is shared by five */
			seconds[i] = 10000 + i / 5 -
			             (uint32_t)(next_random(&random) % (1 + 130 * (seed - 1)));
		struct image image = image_of(seconds, COUNT, 20 + 60 * (uint32_t)(seed % 3));
		size_t held;
		order_of(&image, WINDOW_BYTES, got, COUNT, &held);
		for (size_t i = 1; i < COUNT; i++) {
			uint32_t a = seconds[got[i - 1] - 1], b = seconds[got[i] - 1];
			assert_true(a < b || (a == b && got[i - 1] < got[i]));
		}
		free(image.bytes);
	}
	free(seconds);
	free(got);
}

/* The window's limit in frames, exactly: a frame is overtaken by WINDOW_FRAMES - 1, not by more. */
static void test_limit(void **state)
{
	(void)state;
	enum { COUNT = WINDOW_FRAMES + 10 };
	static uint32_t seconds[COUNT];
	static uint64_t got[COUNT];
	for (size_t at = WINDOW_FRAMES - 2; at <= WINDOW_FRAMES + 1; at++) {
		for (uint32_t i = 0; i < COUNT; i++)
			seconds[i] = 1000 + i;
		seconds[at] = 1; /* the earliest, with `at` frames before it */
		struct image image = image_of(seconds, COUNT, 16);
		size_t held;
		order_of(&image, WINDOW_BYTES, got, COUNT, &held);
		size_t late = at < WINDOW_FRAMES ? 0 : at - WINDOW_FRAMES + 1;
		assert_int_equal(got[late], at + 1);
		free(image.bytes);
	}
}

/* A frame far ahead in every chunk pins them all: the limit in bytes lets them go. */
static void test_pinned(void **state)
{
	(void)state;
	enum { COUNT = 3000, CAP = 10000 };
	static uint32_t seconds[COUNT];
	static uint64_t got[COUNT];
	for (uint32_t i = 0; i < COUNT; i++)
		seconds[i] = i % 20 == 0 ? 4000000000 + i : 1000 + i;
	struct image image = image_of(seconds, COUNT, CAP);
	for (size_t limit = (size_t)1 << 20; limit <= WINDOW_BYTES; limit *= 8) {
		size_t held;
		order_of(&image, limit, got, COUNT, &held);
		assert_in_range(held, limit, limit + ((size_t)256 << 10));
	}
	free(image.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_disorder),
		cmocka_unit_test(test_any_disorder),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_pinned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
