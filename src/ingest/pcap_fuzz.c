/* Any bytes, as they might lie in a file: unpacked, read, put in order. */
#include "ingest/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reader *open_bytes(const uint8_t *data, size_t size)
{
	struct fail why = {0};
	struct reader *r = calloc(1, sizeof *r);
	CHECK(r != NULL);
	raw_of_memory(&r->stream.unpack.raw, data, size);
	int code = reader_open(r, &why);
	if (code == 0)
		return r;
	CHECK(code == why.code && why.text[0] != '\0');
	reader_close(r);
	free(r);
	return NULL;
}

/* What every frame promises. */
static uint64_t check_frame(const struct frame *f)
{
	uint64_t sum = 0;
	CHECK(f->cap_bytes <= READER_CAP_MAX && f->wire_bytes >= f->cap_bytes);
	CHECK(f->time_ns <= READER_TIME_MAX && f->time_ns >= -READER_TIME_MAX && f->number > 0);
	for (uint32_t i = 0; i < f->cap_bytes; i++)
		sum = sum * 31 + f->bytes[i];
	return sum;
}

/* In the order of the file. */
static uint64_t read_in_file_order(const uint8_t *data, size_t size, uint64_t *ret_sum)
{
	struct reader *r = open_bytes(data, size);
	uint64_t frames = 0, number = 0;
	struct frame f;
	*ret_sum = 0;
	if (r == NULL)
		return 0;
	while (reader_next(r, &f)) {
		*ret_sum += check_frame(&f);
		CHECK(f.number > number);
		number = f.number;
		frames++;
	}
	CHECK(!reader_next(r, &f));
	CHECK(r->cut == (r->why_cut != NULL) && (r->rejected > 0) == (r->why_rejected != NULL));
	CHECK(r->cut ? r->cut_offset <= stream_offset(&r->stream) : r->stream.damage == NULL);
	reader_close(r);
	free(r);
	return frames;
}

/* Frames that wait must not change while others are read. */
static uint64_t read_in_order_of_time(const uint8_t *data, size_t size, uint64_t *ret_sum)
{
	struct reader *r = open_bytes(data, size);
	struct window w = {0};
	uint64_t frames = 0;
	int64_t last_ns = INT64_MIN;
	*ret_sum = 0;
	if (r == NULL)
		return 0;
	window_fill(&w, r, WINDOW_BYTES);
	for (; window_first(&w) != NULL; window_fill(&w, r, WINDOW_BYTES)) {
		const struct frame *f = window_first(&w);
		*ret_sum += check_frame(f);
		/* 16 bytes a frame: what is so small is within the window as a whole */
		CHECK(f->time_ns >= last_ns || size / 16 > WINDOW_FRAMES ||
			r->stream.unpack.packing != PACKING_NONE);
		last_ns = f->time_ns;
		window_pop(&w, r);
		frames++;
	}
	window_fini(&w, r);
	reader_close(r);
	free(r);
	return frames;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t sum, again;
	uint64_t frames = read_in_file_order(data, size, &sum);
	CHECK(read_in_order_of_time(data, size, &again) == frames && again == sum);
	return 0;
}
