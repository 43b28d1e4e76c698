/* A baseline of any bytes: refused with its place named, or understood so that what is written of
 * it reads back as the same, and each entry answers for itself. */
#include <string.h>

#include "baseline/baseline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_each(const struct baseline *b)
{
	for (size_t i = 0; i < b->entries; i++) {
		const struct baseline_entry *e = &b->entry[i];
		struct baseline_question q = {.host = e->host,
			.endpoint = e->endpoint,
			.transport = e->transport,
			.port = e->port};
		bool own = addr_is_none(&e->host) ||
		           strcmp(baseline_zone_of(b, &e->host), e->zone) == 0;
		const struct baseline_entry *found = baseline_find(b, &q);
		CHECK(found == NULL || !baseline_is_held(found->why));
		CHECK(addr_is_none(&e->host) || !own || baseline_is_held(e->why) || found == e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baseline *b = NULL, *again = NULL;
	struct fail why = {0};
	struct out text = {0}, twice = {0};
	if (size > 65536)
		return 0;
	if (baseline_read(&b, "file", cur_of(data, size), &why) < 0) {
		CHECK(strncmp(why.text, "file:", 5) == 0);
		return 0;
	}
	ask_each(b);
	baseline_write(b, &text);
	CHECK(baseline_read(&again, "again", cur_of(out_string(&text), text.len), &why) == 0);
	baseline_write(again, &twice);
	CHECK(text.len == twice.len &&
		memcmp(out_string(&text), out_string(&twice), text.len) == 0);
	CHECK(b->entries == again->entries && b->windows == again->windows);
	out_fini(&text);
	out_fini(&twice);
	baseline_free(b);
	baseline_free(again);
	return 0;
}
