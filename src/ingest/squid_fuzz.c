/* Any bytes as Squid's access.log. */
#include "ingest/rows_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_format(&format_squid, data, size);
}
