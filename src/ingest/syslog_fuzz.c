/* Any bytes as a syslog: stamps, and the messages of firewalls. */
#include "ingest/rows_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_format(&format_syslog, data, size);
}
