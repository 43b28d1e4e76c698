#include "cli/parse.h"

#include <errno.h>
#include <string.h>

#include "cli/message.h"
#include "cli/value.h"

#define OPTIONS_MAX 64 /* bits of call.given */

struct parser {
	struct call *call;
	uint8_t *settings;
	const char **word;
	char *const *argv;
	int argc, next;
};

static enum exit_code complain(const struct parser *p, const char *option, const char *what)
{
	message("%s: %s%s%s (postern help %s)", p->call->verb->name, option,
		*option == '\0' ? "" : ": ", what, p->call->verb->name);
	return EXIT_USAGE;
}

static enum exit_code unknown_option(const struct parser *p, const char *name)
{
	const struct verb *verb = p->call->verb;
	const char *names[OPTIONS_MAX + 1] = {"help"};
	for (size_t i = 0; i < verb->options; i++)
		names[i + 1] = verb->option[i].name;
	const char *meant = nearest(name, names, verb->options + 1);
	char what[160];
	(void)snprintf(what, sizeof what, "no such option%s%s%s",
		meant == NULL ? "" : "; did you mean --", meant == NULL ? "" : meant,
		meant == NULL ? "" : "?");
	char option[128];
	(void)snprintf(option, sizeof option, "--%s", shown(name).text);
	return complain(p, option, what);
}

static int add_text(struct texts *texts, const char *value, struct fail *why)
{
	if (texts->count == TEXTS_MAX)
		return fail_set(why, -EINVAL, "given more than %d times", TEXTS_MAX);
	texts->text[texts->count++] = value;
	return 0;
}

/* Stores a value into the verb's settings. */
static int set(struct parser *p, const struct option *o, const char *value, struct fail *why)
{
	void *field = p->settings + o->offset;
	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)field = value;
		return 0;
	case OPTION_TEXTS:
		return add_text(field, value, why);
	case OPTION_WORD:
		p->word[p->call->words++] = value;
		return 0;
	case OPTION_NUMBER:
		return value_number(value, o->min, o->max, field, why);
	case OPTION_SIZE:
		return value_size(value, o->min, o->max, field, why);
	case OPTION_TIME:
		return value_time(value, field, why);
	case OPTION_NETWORKS:
		return value_networks(value, field, why);
	}
	return 0;
}

/* typed: how the user wrote the option. value: behind '=' or in the same word; NULL: none. */
static enum exit_code take_option(
	struct parser *p, const struct option *o, const char *typed, const char *value)
{
	if (o->argument == NULL && value != NULL)
		return complain(p, typed, "takes no value");
	if (o->argument != NULL && value == NULL && p->next < p->argc)
		value = p->argv[p->next++];
	struct fail why = {0};
	if (o->argument != NULL && (value == NULL || *value == '\0')) {
		(void)snprintf(why.text, sizeof why.text, "needs a value: %s", o->argument);
		return complain(p, typed, why.text);
	}
	if (set(p, o, value, &why) < 0)
		return complain(p, typed, why.text);
	p->call->given |= UINT64_C(1) << (size_t)(o - p->call->verb->option);
	return EXIT_DONE;
}

static enum exit_code take_long(struct parser *p, const char *arg)
{
	const struct verb *verb = p->call->verb;
	char name[64] = {0};
	size_t len = strcspn(arg, "=");
	memcpy(name, arg, len < sizeof name ? len : sizeof name - 1);
	if (strcmp(name, "help") == 0) {
		p->call->help = true;
		return EXIT_DONE;
	}
	for (size_t i = 0; i < verb->options; i++) {
		if (strcmp(verb->option[i].name, name) != 0)
			continue;
		char typed[80];
		(void)snprintf(typed, sizeof typed, "--%s", name);
		return take_option(
			p, &verb->option[i], typed, arg[len] == '=' ? arg + len + 1 : NULL);
	}
	return unknown_option(p, name);
}

static const struct option *by_letter(const struct verb *verb, char letter)
{
	for (size_t i = 0; i < verb->options; i++)
		if (verb->option[i].letter == letter)
			return &verb->option[i];
	return NULL;
}

/* -qv, -r FILE, -rFILE */
static enum exit_code take_short(struct parser *p, const char *arg)
{
	for (; *arg != '\0'; arg++) {
		char typed[3] = {'-', *arg, '\0'};
		const struct option *o = by_letter(p->call->verb, *arg);
		if (*arg == 'h') {
			p->call->help = true;
			return EXIT_DONE;
		}
		if (o == NULL)
			return complain(p, shown(typed).text, "no such option");
		bool value = o->argument != NULL && arg[1] != '\0';
		enum exit_code code = take_option(p, o, typed, value ? arg + 1 : NULL);
		if (code != EXIT_DONE || o->argument != NULL)
			return code;
	}
	return EXIT_DONE;
}

static void set_fallbacks(struct parser *p)
{
	const struct verb *verb = p->call->verb;
	for (size_t i = 0; i < verb->options; i++) {
		const struct option *o = &verb->option[i];
		if (o->fallback != NULL)
			CHECK(set(p, o, o->fallback, NULL) == 0);
	}
}

enum exit_code call_parse(
	struct call *call, void *settings, const char **word, int argc, char *const *argv)
{
	CHECK(call->verb->options <= OPTIONS_MAX);
	struct parser p = {
		.call = call, .settings = settings, .word = word, .argv = argv, .argc = argc};
	call->settings = settings;
	call->word = word;
	set_fallbacks(&p);
	bool words_only = false;
	while (p.next < argc && !call->help) {
		const char *arg = argv[p.next++];
		enum exit_code code = EXIT_DONE;
		if (words_only || arg[0] != '-' || arg[1] == '\0')
			word[call->words++] = arg;
		else if (strcmp(arg, "--") == 0)
			words_only = true;
		else if (arg[1] == '-')
			code = take_long(&p, arg + 2);
		else
			code = take_short(&p, arg + 1);
		if (code != EXIT_DONE)
			return code;
	}
	return EXIT_DONE;
}
