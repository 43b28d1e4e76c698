/* A state file that anybody may have written: refused with words, or printed and read again the
 * same. */
#include <errno.h>

#include "ingest/follow_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct follow *parse(const void *bytes, size_t len, struct out *o)
{
	struct fail why = {0};
	struct follow *f = calloc(1, sizeof *f);
	CHECK(f != NULL);
	f->inotify_fd = -1;
	f->state_path = strdup("state");
	CHECK(f->state_path != NULL);
	int code = follow_state_parse(f, cur_of(bytes, len), &why);
	CHECK(code == 0 || (code == why.code && why.text[0] != '\0'));
	CHECK(f->tails <= FOLLOW_FILES_MAX && strlen(f->note) <= FOLLOW_NOTE_MAX);
	if (code == 0) {
		follow_state_print(f, o);
		return f;
	}
	follow_close(f);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct out once = {0}, twice = {0};
	struct follow *f = parse(data, size, &once);
	if (f != NULL) {
		struct follow *again = parse(out_string(&once), once.len, &twice);
		CHECK(again != NULL && once.len == twice.len);
		CHECK(memcmp(once.text, twice.text, once.len) == 0);
		follow_close(again);
	}
	follow_close(f);
	out_fini(&once);
	out_fini(&twice);
	return 0;
}
