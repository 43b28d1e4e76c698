/* As a file of datagrams, and as one datagram in a capture. */
#include "ingest/netflow.h"
#include "ingest/rows_fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_rows f;
	struct addr exporter = addr_v4(0xc0000201);
	(void)fuzz_format(&format_netflow, data, size);
	fuzz_rows_init(&f, 4);
	(void)netflow_packet(f.sink, &exporter, 2055, cur_of(data, size), NS_PER_S);
	rows_finish(f.sink);
	fuzz_rows_fini(&f);
	return 0;
}
