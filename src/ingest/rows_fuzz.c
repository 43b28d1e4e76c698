/* Any bytes, as they might lie in a log: framed, put in order, parsed, joined. */
#include "ingest/ingest.h"
#include "ingest/rows.h"
#include "ingest/source.h"
#include "ingest/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t events, ids;
};

static void check_text(const char *text)
{
	CHECK(text == NULL || (text[0] != '\0' && strlen(text) < STREAM_VIEW_MAX));
}

static void check_conn(const struct conn *c)
{
	CHECK(c->ended && c->settled != c->rest && c->outcome < OUTCOME_COUNT);
	CHECK((c->fail_ns != 0) <= outcome_is_failure(c->outcome) || c->rest);
	/* only a proxy knows the address of some that have a name */
	CHECK(!addr_is_group(&c->server) || (addr_is_none(&c->server) && c->name != NULL));
	const char *const texts[] = {c->name, c->service, c->ja3, c->ja4, c->alpn, c->user_agent,
		c->certificate, c->uid, c->process};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check_text(texts[i]);
	for (size_t i = 0; c->name != NULL && c->name[i] != '\0'; i++)
		CHECK(c->name[i] < 'A' || c->name[i] > 'Z');
}

/* What every event promises. */
static void take(void *context, const struct event *e)
{
	struct seen *seen = context;
	seen->events++;
	if (e->kind == EVENT_CONN) {
		CHECK(e->conn.id > seen->ids);
		seen->ids = e->conn.id;
		check_conn(&e->conn);
		return;
	}
	CHECK(e->kind == EVENT_LOOKUP && e->lookup.id > seen->ids);
	seen->ids = e->lookup.id;
	CHECK(e->lookup.answers <= LOOKUP_ANSWERS_MAX && e->lookup.cnames <= LOOKUP_CNAMES_MAX);
	check_text(e->lookup.name);
}

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
	static struct strings *strings; /* the run's: large, and made once */
	struct fail why = {0};
	struct seen seen = {0};
	struct sink *sink = NULL;
	struct reader *r = calloc(1, sizeof *r);
	CHECK(r != NULL && (strings != NULL || strings_new(&strings, 1 << 20, 1 << 14) == 0));
	struct rows_options options = {
		.strings = strings, .event = take, .context = &seen, .waiting_max = 16};
	raw_of_memory(&r->stream.unpack.raw, data, size);
	if (reader_open(r, &why) == 0 && r->format->parse != NULL) {
		CHECK(rows_new(&sink, &options) == 0);
		read_rows(r, sink);
		rows_finish(sink);
		rows_free(sink);
	}
	reader_close(r);
	free(r);
	return 0;
}
