/* Any bytes as the JSON of programs on hosts: the journal, osquery, Falco. */
#include "ingest/rows_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)fuzz_format(&format_journal, data, size);
	(void)fuzz_format(&format_osquery, data, size);
	return fuzz_format(&format_falco, data, size);
}
