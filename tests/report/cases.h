/* Cases made by hand, for the tests of report/: what the judge could hand over, without a judge. */
#pragma once

#include "report/report.h"

#define SAMPLE_FINDINGS_MAX 1000

struct sample {
	struct finding *finding[SAMPLE_FINDINGS_MAX]; /* owned */
	const struct finding *list[SAMPLE_FINDINGS_MAX];
	struct summary summary;
	struct input input[3];
	const struct input *inputs[3];
	struct report_case c; /* what the formats are given */
};

/* NULL: no sample of that name. any-SEED is a finding made by chance. sample_fini() when done. */
struct sample *sample_make(const char *name);
void sample_fini(struct sample *s);
