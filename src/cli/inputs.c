#include "cli/inputs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/out.h"
#include "cli/message.h"

bool inputs_hold(const char *const *word, size_t words, const char *path)
{
	struct stat out, in;
	if (path == NULL || stat(path, &out) != 0 || !S_ISREG(out.st_mode))
		return false;
	for (size_t i = 0; i < words; i++)
		if (stat(word[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return true;
	return false;
}

/* Files that were passed by, named one by one where that helps. */
#define PASSED_TOLD 8u

static void tell_input(const struct input *input)
{
	struct out line = {0};
	size_t path = strlen(input->path);
	if (strncmp(input->text, input->path, path) != 0) {
		out_safe(&line, input->path, 200);
		out_text(&line, ": ");
	}
	out_safe(&line, input->text[0] == '\0' ? strerror(-input->error) : input->text, FAIL_BYTES);
	message("%s", out_string(&line));
	out_fini(&line);
}

/* Why an input that could be opened gave nothing. */
static void tell_empty(const struct run_result *r, const struct input *input)
{
	if (input->frames > 0 && r->summary.records > 0)
		return;
	struct out path = {0};
	out_safe(&path, input->path, 200);
	if (input->frames == 0)
		message("%s: a %s", out_string(&path),
			input->log ? "log without a row" : "capture without a packet");
	else if (input->log)
		message("%s: no row that is read", out_string(&path));
	else
		message("%s: no packet of a link type that is read (LINKTYPE %u): convert it, or "
			"capture at another "
			"interface",
			out_string(&path), r->unknown_linktype);
	out_fini(&path);
}

bool inputs_tell(
	const struct call *call, const struct run_result *r, const struct inputs_manner *manner)
{
	bool any = false, all = manner->verbose || r->summary.records == 0;
	size_t passed = 0, told = 0;
	for (size_t i = 0; i < r->inputs; i++) {
		const struct input *input = r->input[i];
		bool by = run_passed_by(call->word, call->words, input);
		passed += by;
		/* a folder of Zeek's has logs with nothing in them but their header */
		if (input->log && input->frames == 0 && input->text[0] == '\0' && !all)
			continue;
		any |= !by && (input->error != 0 || input->cut || input->rejected > 0);
		if (by && (!all || told++ >= PASSED_TOLD))
			continue;
		if (input->error != 0 || input->text[0] != '\0')
			tell_input(input);
		else
			tell_empty(r, input);
	}
	if (passed > told && !manner->quiet)
		message("%zu file%s passed by: of no known format, empty, or the same as another; "
			"-v names them",
			passed - told, passed - told == 1 ? "" : "s");
	return any;
}
