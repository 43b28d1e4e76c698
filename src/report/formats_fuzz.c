/* Any bytes as a case file: what can be read as one is inert in every format. */
#include <string.h>

#include "report/report.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Line ends and tabs belong to formats; nothing else below a space does, and no DEL. What is not
 * ASCII, out_safe() has its own tests for. */
static void check_inert(const struct out *o)
{
	const char *text = out_string(o);
	CHECK(strlen(text) == o->len);
	for (size_t i = 0; i < o->len; i++) {
		bool control = (text[i] >= 0 && text[i] < ' ') || text[i] == 0x7f;
		CHECK(!control || text[i] == '\n' || text[i] == '\r' || text[i] == '\t');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stored *s = NULL;
	struct fail why = {0};
	if (stored_of(&s, "case", cur_of(data, size), &why) < 0)
		return 0;
	const struct store_case *told = stored_case(s);
	struct report_case c = {.finding = told->finding,
		.findings = told->findings,
		.max_e = 1e9,
		.summary = told->summary,
		.input = told->input,
		.inputs = told->inputs,
		.all = true};
	struct report_style style = {.verbose = true};
	for (size_t i = 0; i < report_formats_count(); i++) {
		struct out o = {0};
		report_formats_get(i)->write(&o, &c, &style);
		CHECK(!o.failed);
		check_inert(&o);
		out_fini(&o);
	}
	stored_close(s);
	return 0;
}
