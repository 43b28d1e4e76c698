#include <string.h>

#include "base/check.h"
#include "guard/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is written, and read again as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trail_reader *reader = NULL;
	struct guard_change change, again;
	enum guard_act act, same;
	struct out line = {0};
	if (trail_reader_new(&reader) < 0)
		return 0;
	if (trail_read(reader, (struct span){data, size}, &change, &act)) {
		trail_say(&line, &change, act, change.at_ns, NULL);
		struct span text = {(const uint8_t *)out_string(&line), line.len};
		CHECK(trail_read(reader, text, &again, &same));
		CHECK(act == same && again.id == change.id && addr_eq(&again.host, &change.host) &&
			addr_eq(&again.peer, &change.peer) && again.port == change.port &&
			strcmp(again.name, change.name) == 0);
	}
	out_fini(&line);
	trail_reader_free(reader);
	return 0;
}
