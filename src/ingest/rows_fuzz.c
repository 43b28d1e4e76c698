/* Any bytes, as they might lie in a log of whatever format: recognised, framed, put in order,
 * parsed, joined. */
#include "ingest/rows_fuzzing.h"
#include "ingest/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rows(struct reader *r, struct sink *sink)
{
	struct window w = {0};
	for (window_fill(&w, r, WINDOW_BYTES); window_first(&w) != NULL;
		window_fill(&w, r, WINDOW_BYTES)) {
		const struct frame *f = window_first(&w);
		CHECK(f->format == r->format && f->number > 0 && f->cap_bytes > 0);
		rows_add(sink, f);
		window_pop(&w, r);
	}
	window_fini(&w, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fail why = {0};
	struct fuzz_rows f;
	struct reader *r = calloc(1, sizeof *r);
	CHECK(r != NULL);
	fuzz_rows_init(&f, 16);
	f.seen.joined = true;
	raw_of_memory(&r->stream.unpack.raw, data, size);
	if (reader_open(r, &why) == 0 && r->format->parse != NULL)
		read_rows(r, f.sink);
	rows_finish(f.sink);
	fuzz_rows_fini(&f);
	reader_close(r);
	free(r);
	return 0;
}
