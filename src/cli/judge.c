/* postern judge: what people say of the findings of a case. */
#include <string.h>

#include "base/clock.h"
#include "cli/case.h"
#include "cli/message.h"
#include "cli/safelist.h"
#include "cli/verb.h"
#include "report/say.h"

#define PREFIX_MIN 4u

struct verdicts {
	const char *accept, *reject, *undo, *why, *by, *safelist;
	bool history, quiet;
};

#define AT(field) offsetof(struct verdicts, field)

static const struct option options[] = {
	{"accept", 0, OPTION_TEXT, "ID", AT(accept),
		.help = "say that the finding is a real fallback channel; its first digits will "
			"do"},
	{"reject", 0, OPTION_TEXT, "ID", AT(reject),
		.help = "say that it is benign: it is not reported any more; --all shows it"},
	{"undo", 0, OPTION_TEXT, "ID", AT(undo), .help = "take back what was said of it"},
	{"why", 'm', OPTION_TEXT, "TEXT", AT(why),
		.help = "the reason, for those who read it later; --accept and --reject need one"},
	{"by", 0, OPTION_TEXT, "NAME", AT(by), .help = "who says so; without it nobody is named"},
	{"safelist", 0, OPTION_TEXT, "FILE", AT(safelist),
		.help = "apply a safelist (see hunt) to the case, in place of the one it had, and "
			"say what each line hides"},
	{"history", 0, OPTION_FLAG, NULL, AT(history),
		.help = "list all that was ever said, the oldest first"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet), .help = "no remarks; errors are still told"},
};

/* ---- what is there ---- */

static const char *standing_word(const struct report_case *c, const struct finding *f)
{
	switch (finding_standing(c, f)) {
	case STANDING_REPORTED:
		return f->ruling == NULL ? "open" : ruling_name(f->ruling->kind);
	case STANDING_REJECTED:
		return ruling_name(f->ruling->kind);
	case STANDING_EXPLAINED:
		return "explained";
	case STANDING_WEAKER:
		break;
	}
	return "weaker";
}

static void list_finding(struct out *o, const struct report_case *c, const struct finding *f)
{
	out_printf(o, "%.12s  %-9s  E ", f->id, standing_word(c, f));
	say_e(o, f->e_value);
	out_text(o, "  ");
	say_address(o, &f->host);
	out_printf(o, "  %s  ", finding_kind_sentence(f->kind));
	say_route(o, f);
	out_text(o, "\n");
	if (f->ruling == NULL && f->explained == NULL)
		return;
	out_text(o, "              ");
	if (f->ruling != NULL)
		say_ruling(o, f->ruling);
	else
		say_reason(o, f);
	out_text(o, "\n");
}

static void list_history(struct out *o, const struct store_case *c)
{
	for (size_t i = 0; i < c->rulings; i++) {
		out_printf(o, "%.12s  ", c->ruling[i].id);
		say_ruling(o, &c->ruling[i]);
		out_text(o, "\n");
	}
}

static enum exit_code list(const struct verdicts *v, const struct stored *stored)
{
	struct out text = {0};
	const struct store_case *c = stored_case(stored);
	struct report_case told = case_told(c);
	if (v->history)
		list_history(&text, c);
	for (size_t i = 0; !v->history && i < c->findings; i++)
		list_finding(&text, &told, c->finding[i]);
	enum exit_code code = case_print(NULL, &text);
	out_fini(&text);
	return code;
}

/* ---- what is said ---- */

/* The one finding whose id begins like that; NULL, with words, when there is none or more. */
static const struct finding *find(const struct store_case *c, const char *prefix)
{
	const struct finding *found = NULL;
	size_t len = strlen(prefix);
	if (len < PREFIX_MIN || strspn(prefix, "0123456789abcdefABCDEF") != len) {
		message("judge: %s: no id: it has %u digits or more, 0 to 9 and a to f",
			shown(prefix).text, PREFIX_MIN);
		return NULL;
	}
	for (size_t i = 0; i < c->findings; i++) {
		if (strncasecmp(c->finding[i]->id, prefix, len) != 0)
			continue;
		if (found != NULL && strcmp(found->id, c->finding[i]->id) != 0) {
			message("judge: %s: more than one finding begins like that: give more "
				"digits",
				shown(prefix).text);
			return NULL;
		}
		found = c->finding[i];
	}
	if (found == NULL)
		message("judge: %s: no finding of this case: postern judge CASE lists them",
			shown(prefix).text);
	return found;
}

static enum exit_code rule(const struct verdicts *v, const char *path, const struct stored *stored)
{
	const char *id = v->accept != NULL ? v->accept : v->reject != NULL ? v->reject : v->undo;
	const struct finding *f = find(stored_case(stored), id);
	struct fail why = {0};
	if (f == NULL)
		return EXIT_USAGE;
	struct ruling ruling = {.kind = v->accept != NULL   ? RULING_ACCEPTED
	                                : v->reject != NULL ? RULING_REJECTED
	                                                    : RULING_UNDONE,
		.why = v->why == NULL ? "" : v->why,
		.by = v->by,
		.at_ns = clock_day_ns()};
	memcpy(ruling.id, f->id, sizeof ruling.id);
	if (store_rule(path, &ruling, &why) < 0) {
		message("%s", why.text);
		return EXIT_NOTHING;
	}
	if (!v->quiet)
		message("%s: %.12s: %s", shown(path).text, f->id, ruling_name(ruling.kind));
	return EXIT_DONE;
}

static enum exit_code vouch(const struct verdicts *v, const char *path, struct stored *stored)
{
	struct safelist *safelist = NULL;
	struct fail why = {0};
	if (safelist_read(v->safelist, &safelist, &why) < 0) {
		message("%s", why.text);
		return EXIT_USAGE;
	}
	if (stored_vouch(stored, safelist) < 0 ||
		store_write(path, stored_case(stored), &why) < 0) {
		message("%s", why.text[0] == '\0' ? "out of memory" : why.text);
		return EXIT_NOTHING;
	}
	struct out text = {0};
	struct report_case c = case_told(stored_case(stored));
	say_safelist(&text, &c);
	out_text(&text, "\n");
	enum exit_code code = case_print(NULL, &text);
	out_fini(&text);
	return code;
}

/* ---- the verb ---- */

static bool is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

static const char *complaint(const struct call *call, const struct verdicts *v)
{
	int jobs = (v->accept != NULL) + (v->reject != NULL) + (v->undo != NULL) +
	           (v->safelist != NULL) + v->history;
	bool rules = v->accept != NULL || v->reject != NULL;
	if (call->words != 1)
		return "name one case: what hunt --case F.db wrote";
	if (jobs > 1)
		return "one thing at a time: --accept, --reject, --undo, --safelist or --history";
	if (rules && (v->why == NULL || is_blank(v->why)))
		return "say --why: without a reason nobody can check it later";
	if ((v->why != NULL || v->by != NULL) && !rules && v->undo == NULL)
		return "--why and --by go with --accept, --reject or --undo";
	if (v->why != NULL && strlen(v->why) > RULING_WHY_BYTES)
		return "--why: a reason of 1,000 bytes at most";
	if (v->by != NULL && strlen(v->by) > RULING_BY_BYTES)
		return "--by: a name of 100 bytes at most";
	return NULL;
}

static enum exit_code judge_run(const struct call *call)
{
	const struct verdicts *v = call->settings;
	struct stored *stored = NULL;
	struct fail why = {0};
	const char *wrong = complaint(call, v);
	if (wrong != NULL) {
		message("judge: %s", wrong);
		return EXIT_USAGE;
	}
	if (stored_open(&stored, call->word[0], &why) < 0) {
		message("%s", why.text);
		return EXIT_NOTHING;
	}
	enum exit_code code = EXIT_DONE;
	if (v->accept != NULL || v->reject != NULL || v->undo != NULL)
		code = rule(v, call->word[0], stored);
	else if (v->safelist != NULL)
		code = vouch(v, call->word[0], stored);
	else
		code = list(v, stored);
	stored_close(stored);
	return code;
}

static const char *const text[] = {
	"Lists the findings of a case, each with its id and where it stands: open, accepted, "
	"rejected, "
	"explained by a benign mechanism, or weaker than the line. A person's verdict goes before "
	"all "
	"else: what was accepted is reported however weak it is, what was rejected is not.",
	"Verdicts are kept with their time and reason and never deleted: the latest counts, "
	"--history "
	"lists all. They stay when the same case is hunted into again, and show in every report.",
	NULL,
};

static const struct example examples[] = {
	{"postern judge day.db", "What is to be judged:"},
	{"postern judge day.db --reject 9a57 --why 'the backup moves to its second site' --by ann",
		"Say that a finding is benign:"},
	{"postern judge day.db --undo 9a57", "Take it back:"},
	{"postern judge day.db --safelist ours.txt", "Vouch for our own names afterwards:"},
};

const struct verb verb_judge = {
	.name = "judge",
	.words = "CASE",
	.summary = "list the findings of a case, and accept or reject them",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct verdicts),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = judge_run,
};
