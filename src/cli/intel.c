/* postern intel: what lists hold. */
#include "cli/intel.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/output.h"
#include "report/emit.h"

#define NAME_BYTES 4096u

struct settings {
	const char *output;
	bool json;
};

#define AT(field) offsetof(struct settings, field)

static const struct option options[] = {
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "write the results to FILE instead of standard output"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "print JSON Lines"},
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
	const struct settings *c = call->settings;
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

static enum exit_code intel_run(const struct call *call)
{
	if (call->words < 2 || strcmp(call->word[0], "check") != 0) {
		message("intel: check and lists are needed (postern help intel); what they know is "
			"looked for by scan --intel");
		return EXIT_USAGE;
	}
	struct call rest = *call;
	rest.word++;
	rest.words--;
	return check_run(&rest);
}

static const char *const text[] = {
	"Reads lists of what is known to be bad: STIX 2.1 (bundles, TAXII's answers, an object a "
	"line), MISP events, Zeek intelligence files, CSV whose header names its columns, "
	"Suricata's IP reputation, hosts files, and plain lists of addresses, networks, names, "
	"*.names, URLs and hashes.",
	"check tells what each list holds, and what was left out of it, why, and in which lines: "
	"what is not understood is never guessed. What lists know is looked for by scan, hunt and "
	"watch with --intel.",
	"The forms, and what each kind is compared with, are told in docs/INTEL.md.",
	NULL,
};

static const struct example examples[] = {
	{"postern intel check feeds/*.csv event.json", "What is in these lists:"},
};

const struct verb verb_intel = {
	.name = "intel",
	.words = "check FILE...",
	.summary = "what lists know to be bad",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct settings),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = intel_run,
};
