/* postern policy draft: the smallest policy that carries a baseline, and what it would cut of
 * captures and logs. */
#include <errno.h>
#include <string.h>

#include "cli/baseline.h"
#include "cli/message.h"
#include "cli/policy.h"

static void tell_losses(const struct policy_call *c, const struct out *losses)
{
	const char *line = out_string(losses);
	for (const char *end = strchr(line, '\n'); end != NULL && !c->quiet;
		end = strchr(line, '\n')) {
		message("%.*s", (int)(end - line), line);
		line = end + 1;
	}
}

/* What the draft denies of the inputs; what it says goes to standard output. */
static enum exit_code try_it(
	const struct policy_call *c, const struct out *text, const char *const *path, size_t paths)
{
	struct policy *p = NULL;
	struct fail why = {0};
	struct policy_call ask = *c;
	ask.output = NULL;
	ask.reached = true; /* as a baseline learns */
	if (policy_parse(&p, "the draft", cur_of(out_string(text), text->len), &why) < 0) {
		message("%s", why.text);
		return EXIT_NOTHING;
	}
	enum exit_code code = policy_call_inputs(&ask, p, path, paths);
	policy_free(p);
	return code;
}

enum exit_code policy_call_draft(const struct policy_call *c, const char *const *path, size_t paths)
{
	struct baseline *b = NULL;
	struct fail why = {0};
	struct out text = {0}, losses = {0};
	enum exit_code code = EXIT_USAGE;
	if (baseline_load(c->baseline, &b, &why) < 0 ||
		policy_draft(b, (unsigned)c->max_rules, &text, &losses, &why) < 0)
		message("%s", why.text);
	else
		code = policy_call_write(c, &text, EXIT_DONE);
	if (code == EXIT_DONE)
		tell_losses(c, &losses);
	if (code == EXIT_DONE && paths > 0)
		code = try_it(c, &text, path, paths);
	out_fini(&text);
	out_fini(&losses);
	baseline_free(b);
	return code;
}
