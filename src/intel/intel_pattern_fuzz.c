/* A pattern of any bytes: refused, or ways that point into it. */
#include "intel/stix_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pattern p;
	if (pattern_read(&p, (struct span){data, size}) != NULL)
		return 0;
	CHECK(p.ways > 0 && p.ways <= WAYS_MAX);
	for (size_t i = 0; i < p.ways; i++) {
		const struct pattern_way *w = &p.way[i];
		CHECK(w->outside != NULL || (w->things > 0 && w->things <= GROUP_MAX));
		for (size_t k = 0; w->outside == NULL && k < w->things; k++)
			CHECK(w->thing[k] < p.things);
	}
	return 0;
}
