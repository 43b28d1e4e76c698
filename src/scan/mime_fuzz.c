/* Any bytes as a mail: what is told lies in it or is shorter, and the parts are bounded. */
#include <string.h>

#include "scan/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	size_t parts, size;
	uint8_t sum;
};

static void take(void *context, const struct mime_part *part)
{
	struct told *t = context;
	t->parts++;
	CHECK(part->bytes.len <= t->size && strlen(part->name) < MIME_NAME_BYTES);
	for (size_t i = 0; i < part->bytes.len; i++)
		t->sum ^= part->bytes.ptr[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told t = {.size = size};
	mime_message((struct span){data, size}, take, &t);
	CHECK(t.parts <= 2 * (size_t)MIME_PARTS_MAX && t.sum <= UINT8_MAX);
	return 0;
}
