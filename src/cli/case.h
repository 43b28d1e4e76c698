/* Cases on the command line: what a hunt found goes into one, and comes out of it again. */
#pragma once

#include "cli/run.h"
#include "cli/verb.h"
#include "report/report.h"
#include "store/store.h"

/* Writes the case of a hunt; call's options go into it as they would be typed. Reads the inputs
 * once more, for their digests. Fails as store_write(). */
MUST_USE int case_write(
	const char *path, const struct call *call, const struct run_result *r, struct fail *why);

/* Writes to a file, or to standard output (NULL): the code that the verb ends with. */
enum exit_code case_print(const char *path, const struct out *text);

/* What a report wants of a case; all of it is the case's. */
struct report_case case_told(const struct store_case *c);
