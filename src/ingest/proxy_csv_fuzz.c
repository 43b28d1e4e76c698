/* Any bytes as a proxy's table. */
#include "ingest/rows_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_format(&format_proxy_csv, data, size);
}
