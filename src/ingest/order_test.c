#include <sys/resource.h>

#include "ingest/files_testing.h"
#include "ingest/window.h"

static void write_gzip(const char *path, const void *bytes, size_t len)
{
	gzFile file = gzopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(gzwrite(file, bytes, (unsigned)len), len);
	assert_int_equal(gzclose(file), Z_OK);
}

/* ---- one capture and its parts ---- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

enum { COUNT = 12000 };

struct image {
	uint8_t *bytes;
	size_t at[COUNT + 1]; /* where each record begins */
};

/* Times go up and down by as much as the window bears; many are equal. */
static void make_image(struct image *image, uint64_t seed, uint32_t disorder)
{
	static struct build b;
	image->bytes = malloc((size_t)COUNT * 400);
	assert_non_null(image->bytes);
	size_t len = 0;
	for (uint32_t i = 0; i <= COUNT; i++) {
		b.len = 0;
		if (i == 0)
			put_pcap(&b, 0xa1b2c3d4, 1);
		image->at[i] = len + b.len;
		uint64_t random = next_random(&seed);
		if (i < COUNT)
			put_record(&b, 100000 + i / 4 - (uint32_t)(random % (disorder + 1)), 0,
				(uint32_t)(random >> 32) % 300, 1500);
		memcpy(image->bytes + len, b.bytes, b.len);
		len += b.len;
	}
}

/* Records from, to (not included) with the file's header before them. */
static void write_part(
	const struct image *image, size_t from, size_t to, const char *path, bool packed)
{
	size_t head = image->at[0], len = image->at[to] - image->at[from];
	uint8_t *bytes = malloc(head + len);
	assert_non_null(bytes);
	memcpy(bytes, image->bytes, head);
	memcpy(bytes + head, image->bytes + image->at[from], len);
	(packed ? write_gzip : write_file)(path, bytes, head + len);
	free(bytes);
}

static void expect_parts(const struct image *image, size_t parts, uint64_t *seed)
{
	size_t count, again, from = 0;
	assert_int_equal(mkdir("parts", 0700), 0);
	for (size_t part = 0; part < parts; part++) {
		size_t to = part + 1 == parts ? COUNT
		                              : (size_t)COUNT * (part + 1) / parts -
		                                        next_random(seed) % (COUNT / parts / 2);
		char path[64];
		/* rotated files whose names sort otherwise: 1, 10, 11, 2, … */
		(void)snprintf(path, sizeof path, "parts/trace.pcap%zu", part + 1);
		write_part(image, from, to, path, part % 3 == 1);
		from = to;
	}
	struct ingest *ing = open_one("whole.pcap");
	struct seen *whole = read_all(ing, &count);
	assert_int_equal(count, COUNT);
	assert_int_equal(ingest_input(ing, 0)->late, 0);
	ingest_close(ing);

	ing = open_one("parts");
	struct seen *got = read_all(ing, &again);
	assert_int_equal(again, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		assert_true(got[i].time_ns == whole[i].time_ns && got[i].cap == whole[i].cap &&
			    got[i].sum == whole[i].sum);
	assert_int_equal(ingest_inputs(ing), parts);
	for (size_t i = 0; i < parts; i++)
		assert_int_equal(ingest_input(ing, i)->late, 0);
	ingest_close(ing);
	free(got);
	free(whole);
	remove_all("parts");
}

static void test_parts(void **state)
{
	(void)state;
	static const size_t parts[] = {1, 2, 3, 12, 40};
	static const uint32_t disorders[] = {0, 1, 40, 900};
	static struct image image;
	uint64_t seed = 20240229;
	for (size_t d = 0; d < ARRAY_LEN(disorders); d++) {
		make_image(&image, next_random(&seed), disorders[d]);
		write_part(&image, 0, COUNT, "whole.pcap", false);
		for (size_t i = 0; i < ARRAY_LEN(parts); i++)
			expect_parts(&image, parts[i], &seed);
		free(image.bytes);
	}
	assert_int_equal(unlink("whole.pcap"), 0);
}

/* Two taps at the same time: merged; what is equal comes in the order in which they begin. */
static void test_overlap(void **state)
{
	(void)state;
	write_seconds("b", 100, 5, 20);
	write_seconds("a", 102, 5, 30);
	static const char *const paths[] = {"a", "b"};
	static const struct seen want[] = {{100 * SEC, 20, 0, 1, 1}, {101 * SEC, 20, 0, 1, 2},
		{102 * SEC, 20, 0, 1, 3}, {102 * SEC, 30, 0, 0, 1}, {103 * SEC, 20, 0, 1, 4},
		{103 * SEC, 30, 0, 0, 2}, {104 * SEC, 20, 0, 1, 5}, {104 * SEC, 30, 0, 0, 3},
		{105 * SEC, 30, 0, 0, 4}, {106 * SEC, 30, 0, 0, 5}};
	struct ingest *ing = open_paths(paths, 2);
	size_t count;
	struct seen *got = read_all(ing, &count);
	assert_int_equal(count, ARRAY_LEN(want));
	for (size_t i = 0; i < count; i++)
		assert_true(got[i].time_ns == want[i].time_ns && got[i].cap == want[i].cap &&
			    got[i].input == want[i].input && got[i].number == want[i].number);
	const struct input *input = ingest_input(ing, 0);
	assert_string_equal(input->format, "pcap");
	assert_null(input->packing);
	assert_int_equal(input->frames, 5);
	assert_int_equal(input->first_ns, 102 * SEC);
	assert_int_equal(input->last_ns, 106 * SEC);
	assert_false(input->cut);
	assert_string_equal(input->text, "");
	ingest_close(ing);
	free(got);
}

/* Far more files than descriptors, all overlapping or one after the other. */
static void test_many(void **state)
{
	(void)state;
	enum { FILES = 600 };
	struct rlimit before, few;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = RAW_OPEN_MAX + 32;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (uint32_t step = 0; step <= 1000; step += 1000) {
		assert_int_equal(mkdir("many", 0700), 0);
		for (uint32_t i = 0; i < FILES; i++) {
			char path[64];
			(void)snprintf(path, sizeof path, "many/%u", i * 7 % FILES);
			write_seconds(path, 1000 + i * step, 5, 60 + i); /* no two the same */
		}
		struct ingest *ing = open_one("many");
		assert_int_equal(ingest_inputs(ing), FILES);
		size_t count;
		struct seen *got = read_all(ing, &count);
		assert_int_equal(count, FILES * 5);
		free(got);
		for (size_t i = 0; i < FILES; i++)
			assert_int_equal(ingest_input(ing, i)->frames, 5);
		ingest_close(ing);
		remove_all("many");
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* A frame that is overtaken by more than the window holds is given all the same, and counted. */
static void test_late(void **state)
{
	(void)state;
	enum { BEFORE = WINDOW_FRAMES + 5 };
	static struct build b;
	FILE *file = fopen("late", "wb");
	assert_non_null(file);
	b.len = 0;
	put_pcap(&b, 0xa1b2c3d4, 1);
	for (uint32_t i = 0; i <= BEFORE + 3; i++) {
		put_record(&b, i < BEFORE ? 1000 + i : i - BEFORE, 0, 20, 20);
		assert_int_equal(fwrite(b.bytes, 1, b.len, file), b.len);
		b.len = 0;
	}
	assert_int_equal(fclose(file), 0);
	struct ingest *ing = open_one("late");
	uint64_t count = 0;
	for (struct frame f; ingest_next(ing, &f) == 1;)
		count++;
	const struct input *input = ingest_input(ing, 0);
	assert_int_equal(count, BEFORE + 4);
	assert_int_equal(input->frames, count);
	assert_int_equal(input->late, 4);
	assert_int_equal(input->first_ns, 0);
	assert_int_equal(input->last_ns, (999 + BEFORE) * SEC);
	ingest_close(ing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_late),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
