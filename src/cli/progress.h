/* A line at the terminal's bottom while work goes on: bytes done, rate, time left. Shown after a
 * second, gone when the work is done. */
#pragma once

#include "cli/run.h"
#include "cli/terminal.h"

struct progress {
	bool on;
	bool drawn;
	unsigned width;
	int64_t start_ns, last_ns; /* of the machine's clock */
};

/* on only when stderr is a terminal and colour is welcome there (NO_COLOR means plain). */
void progress_init(struct progress *p, const struct terminal *t, bool quiet);
/* For run_options.progress; context is the struct progress. */
void progress_show(void *context, const struct run_progress *now);
void progress_end(struct progress *p);
