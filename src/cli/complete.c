#include "cli/complete.h"

#include "cli/help.h"

static void words(struct out *o, const struct verb *verb)
{
	/* files are bash's own business */
	out_printf(o, "\t%s) [[ $cur == -* ]] || return; words='--help", verb->name);
	for (size_t i = 0; i < verb->options; i++)
		out_printf(o, " --%s", verb->option[i].name);
	out_text(o, "' ;;\n");
}

/* Options with a value that is no file: nothing is offered behind them. */
static void values(struct out *o)
{
	const char *bar = "";
	out_text(o, "\tcase $prev in\n\t");
	for (size_t i = 0; i < verbs_count(); i++) {
		const struct verb *verb = verbs_get(i);
		for (size_t k = 0; k < verb->options; k++) {
			const struct option *option = &verb->option[k];
			if (option->argument == NULL || option->kind == OPTION_WORD ||
				option->kind == OPTION_TEXT || option->kind == OPTION_TEXTS)
				continue;
			out_printf(o, "%s--%s", bar, option->name);
			bar = "|";
		}
	}
	out_text(o, ") compopt +o default; return ;;\n\tesac\n");
}

enum exit_code complete_print(void)
{
	struct out o = {0};
	out_text(&o, "# bash completion for postern\n_postern()\n{\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
		     "words=\n\tCOMPREPLY=()\n");
	values(&o);
	out_text(&o, "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords='--help --version");
	for (size_t i = 0; i < verbs_count(); i++)
		out_printf(&o, " %s", verbs_get(i)->name);
	out_text(&o, "'\n\telse\n\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < verbs_count(); i++)
		if (verbs_get(i)->options > 0)
			words(&o, verbs_get(i));
	out_text(&o, "\thelp) words='");
	for (size_t i = 0; i < verbs_count(); i++)
		out_printf(&o, "%s%s", i == 0 ? "" : " ", verbs_get(i)->name);
	out_text(&o, "' ;;\n\tesac\n"
		     "\tfi\n"
		     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
		     "complete -o default -F _postern postern\n");
	enum exit_code code = help_print(&o);
	out_fini(&o);
	return code;
}
