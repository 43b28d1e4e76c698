#include "cli/help.h"

#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "report/page.h"
#include "report/report.h"

#define INDENT      2
#define HELP_COLUMN 26

size_t exit_meanings(const struct exit_meaning **ret)
{
	static const struct exit_meaning meanings[] = {
		{EXIT_DONE, "done"},
		{EXIT_FINDINGS, "findings at or over the threshold, only with --exit-code"},
		{EXIT_USAGE, "usage or configuration"},
		{EXIT_NOTHING, "nothing could be read, or the results could not be written"},
		{EXIT_PARTIAL, "part of the input was rejected or cut; what was read is reported"},
	};
	*ret = meanings;
	return ARRAY_LEN(meanings);
}

enum exit_code help_print(const struct out *text)
{
	return output_print(NULL, text) ? EXIT_DONE : EXIT_NOTHING;
}

void help_usage(FILE *file)
{
	(void)fprintf(file, "usage: " PROGRAM " VERB [options] [INPUT...]\n"
			    "       " PROGRAM " hunt capture.pcap\n"
			    "       " PROGRAM " help [VERB]\n");
}

enum exit_code help_version(void)
{
	struct out text = {0};
	out_text(&text, PROGRAM " " POSTERN_VERSION "\n");
	enum exit_code code = help_print(&text);
	out_fini(&text);
	return code;
}

static struct page page_of(struct out *text)
{
	struct terminal t = terminal_of(stdout);
	unsigned width = t.width == 0 ? REPORT_WIDTH_DEFAULT : t.width;
	width = width < REPORT_WIDTH_MIN ? REPORT_WIDTH_MIN : width;
	return (struct page){.out = text,
		.width = width > REPORT_WIDTH_DEFAULT ? REPORT_WIDTH_DEFAULT : width,
		.colour = t.colour};
}

static void put_row(struct page *p, const char *left, const char *right)
{
	page_to(p, INDENT);
	page_put(p, TONE_STRONG, left);
	if (p->col + 2 > HELP_COLUMN)
		page_end(p);
	page_to(p, HELP_COLUMN);
	page_wrap(p, TONE_PLAIN, HELP_COLUMN, right);
	page_end(p);
}

static void put_title(struct page *p, const char *title)
{
	page_end(p);
	page_put(p, TONE_PLAIN, title);
	page_end(p);
}

static void put_exit_codes(struct page *p)
{
	const struct exit_meaning *meaning = NULL;
	size_t count = exit_meanings(&meaning);
	put_title(p, "exit codes");
	for (size_t i = 0; i < count; i++) {
		char code[8];
		(void)snprintf(code, sizeof code, "%d", (int)meaning[i].code);
		put_row(p, code, meaning[i].meaning);
	}
}

static enum exit_code print_page(struct out *text)
{
	enum exit_code code = help_print(text);
	out_fini(text);
	return code;
}

enum exit_code help_all(void)
{
	struct out text = {0};
	struct page p = page_of(&text);
	page_wrap(&p, TONE_PLAIN, 0,
		PROGRAM
		" finds fallback command-and-control channels (ATT&CK T1008) in captures and "
		"logs.");
	page_end(&p);
	put_title(&p, "usage: " PROGRAM " VERB [options] [INPUT...]");
	put_title(&p, "verbs");
	for (size_t i = 0; i < verbs_count(); i++)
		put_row(&p, verbs_get(i)->name, verbs_get(i)->summary);
	put_title(&p, "options");
	put_row(&p, "--help", "this, or behind a verb what it can do");
	put_row(&p, "--version", "the version");
	put_exit_codes(&p);
	return print_page(&text);
}

static void say_option(struct out *o, const struct option *option)
{
	if (option->letter != 0)
		out_printf(o, "-%c, ", option->letter);
	else
		out_text(o, "    ");
	out_printf(o, "--%s", option->name);
	if (option->argument != NULL)
		out_printf(o, " %s", option->argument);
}

static void put_option(struct page *p, const struct option *option)
{
	struct out left = {0}, right = {0};
	say_option(&left, option);
	out_text(&right, option->help);
	if (option->fallback != NULL)
		out_printf(&right, " (default %s)", option->fallback);
	put_row(p, out_string(&left), out_string(&right));
	out_fini(&left);
	out_fini(&right);
}

enum exit_code help_verb(const struct verb *verb)
{
	static const struct option help = {.name = "help", .letter = 'h', .help = "this"};
	struct out text = {0};
	struct page p = page_of(&text);
	page_printf(&p, TONE_PLAIN, "usage: " PROGRAM " %s %s%s", verb->name,
		verb->options > 0 ? "[options] " : "", verb->words);
	page_end(&p);
	page_end(&p);
	page_wrap(&p, TONE_PLAIN, 0, verb->summary);
	page_end(&p);
	put_title(&p, "options");
	for (size_t i = 0; i < verb->options; i++)
		put_option(&p, &verb->option[i]);
	put_option(&p, &help);
	if (verb->examples > 0)
		put_title(&p, "examples");
	for (size_t i = 0; i < verb->examples; i++) {
		page_to(&p, INDENT);
		page_wrap(&p, TONE_PLAIN, INDENT, verb->example[i].meaning);
		page_end(&p);
		page_to(&p, 2 * INDENT + 2);
		page_put(&p, TONE_STRONG, verb->example[i].command);
		page_end(&p);
	}
	put_exit_codes(&p);
	return print_page(&text);
}

const struct verb *help_find_verb(const char *name)
{
	const struct verb *verb = verbs_find(name);
	if (verb != NULL)
		return verb;
	const char *names[16];
	size_t count = verbs_count() < ARRAY_LEN(names) ? verbs_count() : ARRAY_LEN(names);
	for (size_t i = 0; i < count; i++)
		names[i] = verbs_get(i)->name;
	const char *meant = nearest(name, names, count);
	if (meant != NULL)
		message("%s: no such verb; did you mean %s?", quoted(name).text, meant);
	else if (access(name, F_OK) == 0)
		message("%s: no such verb; to look into the file: " PROGRAM " hunt %s",
			quoted(name).text, shown(name).text);
	else
		message("%s: no such verb; " PROGRAM " help lists them", quoted(name).text);
	return NULL;
}

static enum exit_code help_run(const struct call *call)
{
	if (call->words == 0)
		return help_all();
	if (call->words > 1) {
		message("help: one verb at a time");
		return EXIT_USAGE;
	}
	const struct verb *verb = help_find_verb(call->word[0]);
	return verb == NULL ? EXIT_USAGE : help_verb(verb);
}

const struct verb verb_help = {
	.name = "help",
	.words = "[VERB]",
	.summary = "what there is, or what a verb can do",
	.run = help_run,
};
