#include "cli/man.h"

#include <ctype.h>
#include <string.h>

#include "cli/help.h"
#include "report/report.h"

#define MAN_DATE "November 25, 2026"

/* Text of a line: what roff would read as a command or an escape is defused. */
static void roff(struct out *o, const char *text)
{
	if (*text == '.' || *text == '\'')
		out_text(o, "\\&");
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			out_text(o, "\\e");
		else if (*text == '-')
			out_text(o, "\\-");
		else
			out_bytes(o, text, 1);
	}
}

/* Each sentence on a line of its own, as mdoc wants it. */
static void line(struct out *o, const char *text)
{
	for (const char *end = strstr(text, ". "); end != NULL; end = strstr(text, ". ")) {
		struct out sentence = {0};
		out_bytes(&sentence, text, (size_t)(end - text) + 1);
		roff(o, out_string(&sentence));
		out_text(o, "\n");
		out_fini(&sentence);
		text = end + 2;
	}
	roff(o, text);
	out_text(o, "\n");
}

static void head(struct out *o, const char *suffix, const char *summary)
{
	out_printf(o, ".Dd %s\n.Dt POSTERN", MAN_DATE);
	for (const char *c = suffix; *c != '\0'; c++)
		out_printf(o, "%c", toupper((unsigned char)*c));
	out_printf(o, " 1\n.Os\n.Sh NAME\n.Nm %s%s\n.Nd ", PROGRAM, suffix);
	line(o, summary);
}

static void synopsis(struct out *o, const struct verb *verb)
{
	out_printf(o, ".Nm %s\n.Cm %s\n", PROGRAM, verb->name);
	if (verb->options > 0)
		out_text(o, ".Op Ar options\n");
	bool optional = verb->words[0] == '[', many = strstr(verb->words, "...") != NULL;
	size_t skip = optional ? 1 : 0;
	int len = (int)strcspn(verb->words + skip, ".]");
	out_printf(o, "%s Ar %.*s%s\n", optional ? ".Op" : ".", len, verb->words + skip,
		many ? " ..." : "");
}

static void paragraphs(struct out *o, const struct verb *verb)
{
	for (size_t i = 0; verb->text != NULL && verb->text[i] != NULL; i++) {
		out_text(o, i == 0 ? "" : ".Pp\n");
		line(o, verb->text[i]);
	}
}

static void option_item(struct out *o, const struct option *option)
{
	out_text(o, ".It");
	if (option->letter != 0) {
		out_printf(o, " Fl %c", option->letter);
		out_text(o, option->argument == NULL ? " ," : "");
		if (option->argument != NULL)
			out_printf(o, " Ar %s ,", option->argument);
	}
	out_printf(o, " Fl \\-%s", option->name);
	if (option->argument != NULL)
		out_printf(o, " Ar %s", option->argument);
	out_text(o, "\n");
	char first = (char)toupper((unsigned char)option->help[0]);
	out_bytes(o, &first, 1);
	roff(o, option->help + 1);
	out_text(o, ".\n");
	if (option->fallback != NULL)
		out_printf(o, "The default is %s.\n", option->fallback);
}

static void options(struct out *o, const struct verb *verb)
{
	if (verb->options == 0)
		return;
	out_text(o, ".Pp\nThe options are as follows:\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < verb->options; i++)
		option_item(o, &verb->option[i]);
	out_text(o, ".El\n");
}

static void formats(struct out *o, const struct verb *verb)
{
	if (!verb->formats)
		return;
	out_text(o, ".Pp\nThe formats are as follows:\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < report_formats_count(); i++) {
		const struct report_format *format = report_formats_get(i);
		out_printf(o, ".It Cm %s\n", format->name);
		char first = (char)toupper((unsigned char)format->explanation[0]);
		out_bytes(o, &first, 1);
		roff(o, format->explanation + 1);
		out_text(o, ".\n");
	}
	out_text(o, ".El\n");
}

static void environment(struct out *o)
{
	out_text(o, ".Sh ENVIRONMENT\n.Bl -tag -width NO_COLOR\n"
		    ".It Ev COLUMNS\nWidth of the text, if set.\n"
		    ".It Ev NO_COLOR\nIf set and not empty, no colour and no progress bar.\n"
		    ".El\n");
}

static void exit_status(struct out *o)
{
	const struct exit_meaning *meaning = NULL;
	size_t count = exit_meanings(&meaning);
	out_text(o, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < count; i++) {
		out_printf(o, ".It %d\n", (int)meaning[i].code);
		line(o, meaning[i].meaning);
	}
	out_text(o, ".El\n");
}

static void examples(struct out *o, const struct verb *verb)
{
	if (verb->examples == 0)
		return;
	out_text(o, ".Sh EXAMPLES\n");
	for (size_t i = 0; i < verb->examples; i++) {
		out_text(o, i == 0 ? "" : ".Pp\n");
		line(o, verb->example[i].meaning);
		out_text(o, ".Pp\n.Dl ");
		line(o, verb->example[i].command);
	}
}

static void man_verb(struct out *o, const struct verb *verb)
{
	char suffix[32];
	(void)snprintf(suffix, sizeof suffix, "-%s", verb->name);
	head(o, suffix, verb->summary);
	out_text(o, ".Sh SYNOPSIS\n");
	synopsis(o, verb);
	out_text(o, ".Sh DESCRIPTION\n");
	paragraphs(o, verb);
	options(o, verb);
	formats(o, verb);
	environment(o);
	exit_status(o);
	examples(o, verb);
	out_text(o, ".Sh SEE ALSO\n.Xr postern 1\n");
}

/* In the order of their names, as mdoc wants it. */
static void see_verbs(struct out *o)
{
	const char *last = "";
	for (;;) {
		const char *next = NULL;
		for (size_t i = 0; i < verbs_count(); i++) {
			const struct verb *verb = verbs_get(i);
			if (verb->text != NULL && strcmp(verb->name, last) > 0 &&
				(next == NULL || strcmp(verb->name, next) < 0))
				next = verb->name;
		}
		if (next == NULL)
			return;
		out_printf(o, ".Xr postern-%s 1 ,\n", next);
		last = next;
	}
}

static void man_all(struct out *o)
{
	head(o, "", "finds fallback command-and-control channels");
	out_text(o, ".Sh SYNOPSIS\n.Nm\n.Ar verb\n.Op Ar options\n.Op Ar input ...\n.Nm\n"
		    ".Fl \\-version\n.Sh DESCRIPTION\n");
	line(o, "Malware that loses its command-and-control server goes on over another: the next "
		"of a list, another port, a generated name.");
	line(o, "Postern finds that switch (ATT&CK T1008, Fallback Channels) in captured traffic, "
		"and says how often innocent traffic would look the same.");
	out_text(o, ".Pp\nThe verbs are as follows:\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < verbs_count(); i++) {
		const struct verb *verb = verbs_get(i);
		out_printf(o, ".It Cm %s Ar %s\n", verb->name,
			verb->words[0] == '[' ? "verb" : "input ...");
		char first = (char)toupper((unsigned char)verb->summary[0]);
		out_bytes(o, &first, 1);
		roff(o, verb->summary + 1);
		out_text(o, ".\n");
	}
	out_text(o, ".El\n");
	environment(o);
	exit_status(o);
	out_text(o, ".Sh SEE ALSO\n");
	see_verbs(o);
	out_text(o, ".Xr tshark 1\n");
}

enum exit_code man_print(const char *name)
{
	const struct verb *verb = name == NULL ? NULL : help_find_verb(name);
	if (name != NULL && verb == NULL)
		return EXIT_USAGE;
	struct out text = {0};
	if (verb == NULL)
		man_all(&text);
	else
		man_verb(&text, verb);
	enum exit_code code = help_print(&text);
	out_fini(&text);
	return code;
}
