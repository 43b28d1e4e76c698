#include "base/check.h"
#include "base/scan.h"
#include "guard/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is written, and read again as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_reader *reader = NULL;
	struct control_request request, again;
	struct out line = {0};
	if (control_reader_new(&reader) < 0)
		return 0;
	if (control_read(reader, (struct span){data, size}, &request) == NULL) {
		control_say(&line, &request);
		CHECK(control_read(reader, span_of(out_string(&line)), &again) == NULL);
		CHECK(again.kind == request.kind && again.id == request.id &&
			again.hold_s == request.hold_s && addr_eq(&again.host, &request.host));
	}
	out_fini(&line);
	control_reader_free(reader);
	return 0;
}
