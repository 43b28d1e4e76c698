#include <locale.h>
#include <signal.h>
#include <string.h>

#include "cli/complete.h"
#include "cli/help.h"
#include "cli/man.h"
#include "cli/message.h"
#include "cli/parse.h"

static enum exit_code run_verb(const struct verb *verb, int argc, char *const *argv)
{
	struct call call = {.verb = verb};
	void *settings = calloc(1, verb->settings_bytes + 1);
	const char **word = calloc((size_t)argc + 1, sizeof *word);
	enum exit_code code = EXIT_NOTHING;
	if (settings == NULL || word == NULL)
		message("out of memory");
	else
		code = call_parse(&call, settings, word, argc, argv);
	if (code == EXIT_DONE)
		code = call.help ? help_verb(verb) : verb->run(&call);
	free(word);
	free(settings);
	return code;
}

/* Not in the list of verbs: for whoever builds and installs. */
static enum exit_code print_made(const char *what, const char *verb)
{
	if (strcmp(what, "--man") == 0)
		return man_print(verb);
	return complete_print();
}

static enum exit_code run(int argc, char *const *argv)
{
	if (argc < 2) {
		help_usage(stderr);
		return EXIT_USAGE;
	}
	const char *first = argv[1];
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
		return help_all();
	if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
		return help_version();
	if (strcmp(first, "--man") == 0 || strcmp(first, "--completion") == 0)
		return print_made(first, argc > 2 ? argv[2] : NULL);
	const struct verb *verb = help_find_verb(first);
	return verb == NULL ? EXIT_USAGE : run_verb(verb, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
	(void)setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error like a full disk */
	return (int)run(argc, argv);
}
