/* Any bytes as the state of a scan: refused with words, or its texts are safe to print. */
#include <string.h>

#include "scan/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_safe(const char *text)
{
	for (; *text != '\0'; text++)
		CHECK((unsigned char)*text >= ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan_state s = {0};
	struct fail why = {0};
	if (scan_state_parse(&s, "state", cur_of(data, size), &why) < 0) {
		CHECK(why.text[0] != '\0' && s.at_ns == 0);
		return 0;
	}
	CHECK(s.at_ns != 0);
	check_safe(s.iface);
	check_safe(s.match);
	check_safe(s.sha256);
	return 0;
}
