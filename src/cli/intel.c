/* postern intel: what lists hold, and what of it was seen before they were there. */
#include "cli/intel.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"
#include "report/emit.h"

#define MEMORY_LEAST ((double)(64u << 20))
#define MEMORY_MOST  ((double)((size_t)1 << 44))
#define NAME_BYTES   4096u

#define AT(field) offsetof(struct intel_settings, field)

static const struct option options[] = {
	{"intel", 0, OPTION_TEXTS, "FILE", AT(intel),
		.help = "match: what the list FILE knows to be bad; may be given for several "
			"files"},
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output"},
	{"local", 0, OPTION_NETWORKS, "CIDR,...", AT(local),
		.help = "match: networks of your own hosts; without it private, CGNAT, ULA and "
			"link-local addresses"},
	{"since", 0, OPTION_TIME, "TIME", AT(since_ns),
		.help = "match: leave out what began before TIME (RFC 3339)"},
	{"until", 0, OPTION_TIME, "TIME", AT(until_ns),
		.help = "match: leave out what began at TIME or after it"},
	{"limit-memory", 0, OPTION_SIZE, "SIZE", AT(memory_bytes), .min = MEMORY_LEAST,
		.max = MEMORY_MOST, .help = "match: scale the tables to SIZE (such as 512M)"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "match: exit with 1 when there is a match"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "print JSON Lines"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet),
		.help = "no progress bar, no remarks; errors are still told"},
	{"verbose", 'v', OPTION_FLAG, NULL, AT(verbose), .help = "match: tell about each input"},
};

static int read_list(struct intel_builder *b, const char *path, struct fail *why)
{
	struct cur text = {0};
	char *owned = NULL;
	int err = file_read(path, INTEL_BYTES_MAX, &owned, &text, why);
	if (err == 0)
		err = intel_read(b, shown(path).text, text, why);
	free(owned);
	return err;
}

int intel_load(const struct texts *files, struct intel **ret, struct intel_seen **ret_seen,
	struct fail *why)
{
	struct intel_builder *b = NULL;
	if (files->count == 0)
		return 0;
	if (intel_builder_new(&b) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	for (size_t i = 0; i < files->count; i++) {
		int err = read_list(b, files->text[i], why);
		if (err < 0) {
			intel_builder_free(b);
			return err;
		}
	}
	if (intel_seal(ret, b) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	if (intel_seen_new(ret_seen, *ret) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	return 0;
}

/* ---- check ---- */

static uint64_t taken_of(const struct intel_file *f)
{
	uint64_t taken = 0;
	for (size_t i = 0; i < INTEL_KINDS; i++)
		taken += f->taken[i];
	return taken;
}

static void say_lines(struct out *o, const struct intel_skipped *s)
{
	size_t told = s->count < INTEL_LINES_MAX ? (size_t)s->count : INTEL_LINES_MAX;
	out_text(o, s->count == 1 ? "line " : "lines ");
	for (size_t i = 0; i < told; i++)
		out_printf(o, "%s%u", i == 0 ? "" : ", ", s->line[i]);
	if (s->count > told)
		out_text(o, ", …");
}

static void say_file(struct out *o, const struct intel_file *f)
{
	const char *comma = ": ";
	out_safe(o, f->name, NAME_BYTES);
	out_printf(o, ": %s, %llu indicators", f->format, (unsigned long long)taken_of(f));
	for (int i = 0; i < INTEL_KINDS; i++) {
		if (f->taken[i] == 0)
			continue;
		out_printf(o, "%s%llu %s", comma, (unsigned long long)f->taken[i],
			intel_kind_name((enum intel_kind)i));
		comma = ", ";
	}
	out_text(o, "\n");
	if (f->expiring > 0) {
		out_printf(o, "  %llu expire, from ", (unsigned long long)f->expiring);
		out_time(o, f->first_until_s * NS_PER_S);
		out_text(o, " to ");
		out_time(o, f->last_until_s * NS_PER_S);
		out_text(o, "\n");
	}
	if (f->repeated > 0)
		out_printf(o, "  %llu repeated\n", (unsigned long long)f->repeated);
	for (size_t i = 0; i < f->reasons; i++) {
		const struct intel_skipped *s = &f->reason[i];
		out_printf(o, "  left out: %llu: %s (", (unsigned long long)s->count, s->reason);
		say_lines(o, s);
		out_text(o, ")\n");
	}
}

static void emit_file(struct out *o, const struct intel_file *f)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "list", NAME_BYTES);
	emit_text(&e, "file", f->name, NAME_BYTES);
	emit_text(&e, "format", f->format, NAME_BYTES);
	emit_count(&e, "indicators", taken_of(f));
	emit_open(&e, "kinds", '{');
	for (int i = 0; i < INTEL_KINDS; i++)
		if (f->taken[i] > 0)
			emit_count(&e, intel_kind_name((enum intel_kind)i), f->taken[i]);
	emit_close(&e, '}');
	emit_count(&e, "expiring", f->expiring);
	emit_count(&e, "repeated", f->repeated);
	emit_count(&e, "left_out", f->skipped);
	emit_open(&e, "reasons", '[');
	for (size_t i = 0; i < f->reasons; i++) {
		const struct intel_skipped *s = &f->reason[i];
		emit_open(&e, NULL, '{');
		emit_text(&e, "reason", s->reason, NAME_BYTES);
		emit_count(&e, "count", s->count);
		emit_open(&e, "lines", '[');
		for (size_t k = 0; k < s->count && k < INTEL_LINES_MAX; k++)
			emit_count(&e, NULL, s->line[k]);
		emit_close(&e, ']');
		emit_close(&e, '}');
	}
	emit_close(&e, ']');
	emit_close(&e, '}');
	out_text(o, "\n");
}

static enum exit_code check_run(const struct call *call)
{
	const struct intel_settings *c = call->settings;
	struct intel_builder *b = NULL;
	struct fail why = {0};
	struct out text = {0};
	struct output output = {0};
	size_t unread = 0;
	if (intel_builder_new(&b) < 0) {
		message("out of memory");
		return EXIT_NOTHING;
	}
	for (size_t i = 0; i < call->words; i++) {
		size_t before = intel_builder_files(b);
		if (read_list(b, call->word[i], &why) < 0) {
			message("%s", why.text);
			unread++;
		} else if (intel_builder_files(b) > before) {
			const struct intel_file *f = intel_builder_file(b, before);
			if (c->json)
				emit_file(&text, f);
			else
				say_file(&text, f);
		}
	}
	enum exit_code code = unread == call->words ? EXIT_NOTHING
	                      : unread > 0          ? EXIT_PARTIAL
	                                            : EXIT_DONE;
	if (output_open(&output, c->output, &why) < 0 || output_finish(&output, &text, &why) < 0) {
		message("%s", why.text);
		code = EXIT_NOTHING;
	}
	output_close(&output);
	out_fini(&text);
	intel_builder_free(b);
	return code;
}

/* ---- the verb ---- */

static const char *complaint(const struct call *call, const struct intel_settings *c, bool match)
{
	static const char *const of_match[] = {
		"intel", "local", "since", "until", "limit-memory", "exit-code", "verbose"};
	if (call->words < 2)
		return match ? "match: name captures, logs, folders, journals or cases"
		             : "check: name lists";
	for (size_t i = 0; i < ARRAY_LEN(of_match) && !match; i++)
		if (call_given(call, of_match[i]))
			return "check: takes --json, --output and --quiet only";
	if (match && c->intel.count == 0)
		return "match: name a list with --intel";
	if (c->since_ns != 0 && c->until_ns != 0 && c->since_ns >= c->until_ns)
		return "--since is not before --until: nothing would be left";
	return NULL;
}

static enum exit_code intel_run(const struct call *call)
{
	bool check = call->words > 0 && strcmp(call->word[0], "check") == 0;
	bool match = call->words > 0 && strcmp(call->word[0], "match") == 0;
	if (!check && !match) {
		message("intel: say what to do: check or match (postern help intel)");
		return EXIT_USAGE;
	}
	const char *wrong = complaint(call, call->settings, match);
	if (wrong != NULL) {
		message("intel %s (postern help intel)", wrong);
		return EXIT_USAGE;
	}
	struct call rest = *call;
	rest.word++;
	rest.words--;
	return match ? intel_match_run(&rest) : check_run(&rest);
}

static const char *const text[] = {
	"Reads lists of what is known to be bad: STIX 2.1 (bundles, TAXII's answers, an object a "
	"line), MISP events, Zeek intelligence files, CSV whose header names its columns, "
	"Suricata's IP reputation, hosts files, and plain lists of addresses, networks, names, "
	"*.names, URLs and hashes.",
	"check tells what each list holds, and what was left out of it, why, and in which lines: "
	"what "
	"is not understood is never guessed.",
	"match looks for what the lists hold in captures and logs, in the journal that watch "
	"--state "
	"keeps, and in the cases of earlier hunts: a list of today against the traffic of last "
	"week. "
	"An indicator with a date of expiry counts for what happened before it.",
	"The forms, and what each kind is compared with, are told in docs/INTEL.md.",
	NULL,
};

static const struct example examples[] = {
	{"postern intel check feeds/*.csv event.json", "What is in these lists:"},
	{"postern intel match --intel new.txt /var/captures", "Did anybody speak to these before?"},
	{"postern intel match --intel bundle.json --exit-code state.journal.0 state.journal.1",
		"In what watch remembers:"},
	{"postern intel match --intel bundle.json --json march.db | jq .indicator",
		"In the findings of a case, for programs:"},
};

const struct verb verb_intel = {
	.name = "intel",
	.words = "check|match FILE...",
	.summary = "what lists know to be bad, and where it was seen",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct intel_settings),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = intel_run,
};
