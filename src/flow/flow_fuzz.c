#include "flow/traffic_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte: how small the tables are, whether nDPI is asked, and whether a second table, with
 * another secret, must tell the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct namer *namer; /* takes 10 ms to set up */
	if (namer == NULL)
		CHECK(namer_new(&namer, 2) == 0);
	if (size == 0)
		return 0;
	unsigned how = data[0];
	struct flow_options options = {.conversations_max = 1 + how % 8,
		.lookups_max = 1u << how / 8 % 4,
		.namer = (how & 0x40) != 0 ? namer : NULL};
	struct told told = traffic_run(data + 1, size - 1, options, 0);
	if ((how & 0x80) != 0) {
		struct told twin = traffic_run(data + 1, size - 1, options, 0);
		CHECK(told.sum == twin.sum);
	}
	return 0;
}
