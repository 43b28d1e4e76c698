/* postern report: from a case to any format, later and elsewhere. */
#include "report/report.h"

#include <string.h>
#include <sys/stat.h>

#include "cli/case.h"
#include "cli/diff.h"
#include "cli/message.h"
#include "cli/terminal.h"
#include "cli/verb.h"

struct report {
	const char *to, *output;
	double max_e;
	bool all, json, diff, quiet, verbose;
};

#define AT(field) offsetof(struct report, field)

static const struct option options[] = {
	{"to", 't', OPTION_TEXT, "FORMAT", AT(to), .fallback = "text",
		.help = "write FORMAT: text, json, html, or another that --to help lists"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "the same as --to json"},
	{"diff", 0, OPTION_FLAG, NULL, AT(diff),
		.help = "tell what is new, gone or changed from one case to another; the word diff "
			"before them is the same (a case of that name is ./diff)"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write to FILE instead of standard output; it appears when it is complete"},
	{"all", 0, OPTION_FLAG, NULL, AT(all),
		.help = "show what was explained as benign too, and what was too weak to report"},
	{"max-e", 0, OPTION_NUMBER, "X", AT(max_e), .min = 0, .max = 1e6,
		.help = "report findings of which an innocent host would show X a day or fewer; "
			"without it the line of the hunt"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet), .help = "no colour"},
	{"verbose", 'v', OPTION_FLAG, NULL, AT(verbose),
		.help = "fingerprints and volumes of each channel, and all inputs"},
};

static void list_formats(struct out *o)
{
	for (size_t i = 0; i < report_formats_count(); i++) {
		const struct report_format *f = report_formats_get(i);
		out_printf(o, "%-13s %s\n", f->name, f->explanation);
	}
}

static enum exit_code no_format(const char *name)
{
	struct out names = {0};
	if (strcmp(name, "pcapng") == 0) {
		message("report: --to pcapng: a case holds no packets: hunt --pcap-out writes "
			"those of "
			"the inputs");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < report_formats_count(); i++)
		out_printf(&names, "%s%s", i == 0 ? "" : ", ", report_formats_get(i)->name);
	message("report: --to: %s: no such format; choose one of %s", shown(name).text,
		out_string(&names));
	out_fini(&names);
	return EXIT_USAGE;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;
	return a != NULL && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static struct report_style style_for(const struct report *r)
{
	struct terminal t = terminal_of(stdout);
	return (struct report_style){.width = t.width,
		.colour = t.colour && !r->quiet && r->output == NULL,
		.unicode = t.unicode,
		.verbose = r->verbose};
}

/* A case with the wishes of the command line. */
static struct report_case asked(const struct call *call, const struct stored *stored)
{
	const struct report *r = call->settings;
	struct report_case c = case_told(stored_case(stored));
	c.all = r->all;
	if (call_given(call, "max-e"))
		c.max_e = r->max_e;
	return c;
}

static enum exit_code report(const struct call *call, const struct report_format *format)
{
	const struct report *r = call->settings;
	struct stored *stored = NULL;
	struct fail why = {0};
	if (stored_open(&stored, call->word[0], &why) < 0) {
		message("%s", why.text);
		return EXIT_NOTHING;
	}
	struct report_case c = asked(call, stored);
	struct report_style style = style_for(r);
	struct out text = {0};
	format->write(&text, &c, &style);
	enum exit_code code = case_print(r->output, &text);
	out_fini(&text);
	stored_close(stored);
	return code;
}

static enum exit_code diff(const struct call *call, const char *const word[static 2], bool json)
{
	const struct report *r = call->settings;
	struct stored *stored[2] = {0};
	struct fail why = {0};
	struct out text = {0};
	enum exit_code code = EXIT_NOTHING;
	if (stored_open(&stored[0], word[0], &why) < 0 ||
		stored_open(&stored[1], word[1], &why) < 0) {
		message("%s", why.text);
	} else {
		struct report_case old = asked(call, stored[0]), new = asked(call, stored[1]);
		int err = json ? diff_json(&text, &old, &new) : diff_text(&text, &old, &new);
		if (err < 0)
			message("out of memory");
		else
			code = case_print(r->output, &text);
	}
	out_fini(&text);
	stored_close(stored[0]);
	stored_close(stored[1]);
	return code;
}

/* Two cases to compare: behind --diff, or behind the word. */
static enum exit_code diff_run(const struct call *call, const char *to)
{
	const struct report *r = call->settings;
	size_t skip = r->diff ? 0 : 1;
	if (call->words != skip + 2)
		message("report: diff: name two cases, the older one first");
	else if (strcmp(to, "text") != 0 && strcmp(to, "json") != 0)
		message("report: diff: is written as text or json only");
	else if (is_same_file(r->output, call->word[skip]) ||
		 is_same_file(r->output, call->word[skip + 1]))
		message("report: -o names a case: it would be overwritten");
	else
		return diff(call, call->word + skip, strcmp(to, "json") == 0);
	return EXIT_USAGE;
}

static enum exit_code report_run(const struct call *call)
{
	const struct report *r = call->settings;
	const char *to = r->json ? "json" : r->to;
	if (strcmp(to, "help") == 0) {
		struct out text = {0};
		list_formats(&text);
		enum exit_code code = case_print(r->output, &text);
		out_fini(&text);
		return code;
	}
	if (r->diff || (call->words > 1 && strcmp(call->word[0], "diff") == 0))
		return diff_run(call, to);
	const struct report_format *format = report_formats_find(to);
	if (format == NULL)
		return no_format(to);
	if (call->words != 1)
		message("report: name one case: what hunt --case F.db wrote");
	else if (r->json && call_given(call, "to") && strcmp(r->to, "json") != 0)
		message("report: --json and --to name different formats: give one of them");
	else if (is_same_file(r->output, call->word[0]))
		message("report: -o names the case: it would be overwritten");
	else
		return report(call, format);
	return EXIT_USAGE;
}

static const char *const text[] = {
	"Writes what a case tells in any format that hunt knows, byte for byte what the hunt "
	"itself would have written. The inputs are not needed any more.",
	"Formats that act on what was found (suricata, zeek-intel, nft-set, policy, stix, misp) "
	"hold only "
	"what was reported, and no endpoint that others use too: published resolvers, large "
	"operators, public services, the hosts' own networks.",
	"diff OLD NEW tells of the findings that are reported in either case (with --all of all): "
	"what is new, what is gone, and what changed: its E by more than a factor of 3, its "
	"channels, "
	"its kind, what explains it, a person's verdict.",
	"What was explained as benign was explained for the line that the hunt had; --max-e moves "
	"the line, not the explanations.",
	NULL,
};

static const struct example examples[] = {
	{"postern hunt --case day.db captures/", "Keep what was found:"},
	{"postern report day.db", "Read it again:"},
	{"postern report day.db --to html -o day.html", "As a page:"},
	{"postern report day.db --to stix -o day.stix.json", "For a threat intelligence platform:"},
	{"postern report diff monday.db tuesday.db", "What is new since yesterday:"},
	{"postern report day.db --json --all | jq .host", "For programs:"},
};

const struct verb verb_report = {
	.name = "report",
	.words = "CASE | diff OLD NEW",
	.summary = "write what a case tells, in any format",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct report),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.formats = true,
	.run = report_run,
};
