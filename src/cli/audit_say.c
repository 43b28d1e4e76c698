/* Findings as lines, for people and for programs. */
#include "cli/audit.h"

/* ---- text ---- */

static void put_part(struct out *o, const char *before, const char *text)
{
	if (text != NULL)
		out_printf(o, "; %s%s", before, text);
}

/* One fact a line, the reason at its end. */
static void say_line(struct out *o, const struct audit_finding *f, bool compared)
{
	const struct audit_kind_row *kind = &audit_kinds[f->kind];
	if (compared)
		out_printf(o, "%-4s ", f->fresh ? "new" : "");
	out_printf(o, "%-8s%-18s ", audit_level_name(kind->level), kind->id);
	if (f->rule != NULL)
		out_printf(o, "%s  ", f->rule);
	if (f->passes != NULL && f->place != NULL)
		out_printf(o, "(%s)  ", f->place);
	out_text(o, f->words == NULL ? kind->summary : f->words);
	put_part(o, "passes ", f->passes);
	put_part(o, "shut ", f->shut);
	put_part(o, "owner ", f->owner);
	put_part(o, "since ", f->since);
	out_text(o, "\n");
}

void audit_say_text(struct out *o, const struct audit *a, const struct audit_since *since)
{
	bool seen[AUDIT_KINDS] = {false};
	struct audit_gone gone;
	const char *file = NULL;
	for (const struct audit_finding *f = audit_first(a); f != NULL; f = f->next) {
		if (f->file != file)
			out_printf(o, "\n%s: findings\n", f->file == NULL ? "" : f->file);
		file = f->file;
		say_line(o, f, since != NULL);
		seen[f->kind] = true;
	}
	for (size_t at = 0; since != NULL && audit_since_gone(since, &at, &gone);)
		out_printf(o, "gone %s: %s\n", gone.id, gone.text);
	if (audit_count(a) == 0) {
		out_text(o, "no findings\n");
		return;
	}
	out_text(o, "\nwhat helps\n");
	for (size_t i = 0; i < AUDIT_KINDS; i++)
		if (seen[i])
			out_printf(o, "%-18s %s\n", audit_kinds[i].id, audit_kinds[i].remedy);
}

/* ---- JSON Lines ---- */

static void say_object(struct out *o, const struct audit_finding *f, bool compared)
{
	const struct audit_kind_row *kind = &audit_kinds[f->kind];
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "finding", SIZE_MAX);
	emit_text(&e, "id", f->id, SIZE_MAX);
	emit_text(&e, "kind", kind->id, SIZE_MAX);
	emit_text(&e, "level", audit_level_name(kind->level), SIZE_MAX);
	emit_text(&e, "file", f->file, SIZE_MAX);
	emit_text(&e, "place", f->place, SIZE_MAX);
	emit_text(&e, "rule", f->rule, SIZE_MAX);
	if (f->line > 0)
		emit_count(&e, "line", f->line);
	emit_text(&e, "text", f->words == NULL ? kind->summary : f->words, SIZE_MAX);
	emit_text(&e, "passes", f->passes, SIZE_MAX);
	emit_text(&e, "shut", f->shut, SIZE_MAX);
	emit_text(&e, "owner", f->owner, SIZE_MAX);
	emit_text(&e, "since", f->since, SIZE_MAX);
	emit_text(&e, "remedy", kind->remedy, SIZE_MAX);
	if (compared)
		emit_bool(&e, "new", f->fresh);
	emit_close(&e, '}');
	out_text(o, "\n");
}

void audit_say_json(struct out *o, const struct audit *a, const struct audit_since *since)
{
	struct audit_gone gone;
	for (const struct audit_finding *f = audit_first(a); f != NULL; f = f->next)
		say_object(o, f, since != NULL);
	for (size_t at = 0; since != NULL && audit_since_gone(since, &at, &gone);) {
		struct emit e = {.out = o};
		emit_open(&e, NULL, '{');
		emit_text(&e, "type", "gone", SIZE_MAX);
		emit_text(&e, "id", gone.id, SIZE_MAX);
		emit_text(&e, "kind", gone.kind, SIZE_MAX);
		emit_text(&e, "file", gone.file, SIZE_MAX);
		emit_text(&e, "text", gone.text, SIZE_MAX);
		emit_close(&e, '}');
		out_text(o, "\n");
	}
}
