/* Any bytes as Sysmon's events, in JSON and in XML. */
#include "ingest/rows_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)fuzz_format(&format_sysmon, data, size);
	return fuzz_format(&format_sysmon_xml, data, size);
}
