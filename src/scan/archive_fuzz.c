/* Any bytes as an archive: members and what they unpack to are bounded. */
#include <string.h>

#include "scan/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOTAL_BYTES 65536u
#define MEMBERS     16u

struct told {
	size_t members, bytes;
};

static void take(void *context, const struct archived *file)
{
	struct told *t = context;
	t->members++;
	t->bytes += file->bytes.len;
	CHECK(file->bytes.ptr != NULL && strlen(file->name) < 1024);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told t = {0};
	archive_open((struct span){data, size}, &(struct archive_options){.bytes_max = 4096,
							.total_bytes = TOTAL_BYTES,
							.members = MEMBERS,
							.depth = 3,
							.take = take,
							.context = &t});
	CHECK(t.bytes <= TOTAL_BYTES && t.members <= (size_t)8 * MEMBERS);
	return 0;
}
