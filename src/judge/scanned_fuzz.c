/* Any bytes as what scan --json wrote: refused with its line named, or told in words that are safe
 * to print. */
#include <string.h>

#include "judge/judge_private.h"
#include "judge/scanned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scanned *s = NULL;
	struct fail why = {0};
	if (scanned_parse(&s, "scanned", cur_of(data, size), &why) < 0) {
		CHECK(strncmp(why.text, "scanned:", 8) == 0);
		return 0;
	}
	CHECK(scanned_count(s) <= size / 64);
	struct finding f = {.host = addr_v4(0x0a010005),
		.channels = 1,
		.channel[0] = {.endpoint = "198.51.100.9", .first_ns = INT64_MAX / 2}};
	scanned_tell(&f, s);
	f.channel[0].first_ns = INT64_C(1000000010) * 1000000000;
	scanned_tell(&f, s);
	for (size_t i = 0; i < f.evidences; i++)
		for (const char *c = f.evidence[i].text; *c != '\0'; c++)
			CHECK((unsigned char)*c >= ' ');
	evidence_fini(&f);
	scanned_free(s);
	return 0;
}
