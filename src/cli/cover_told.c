/* What a boundary stops, for people: text and Markdown, of one list of lines. */
#include "cli/cover.h"
#include "report/escape.h"

static const char *said(enum policy_verdict verdict)
{
	static const char *const words[] = {[POLICY_DENIED] = "cut",
		[POLICY_ALLOWED] = "open",
		[POLICY_UNDECIDED] = "undecided"};
	return words[verdict];
}

static size_t count_procedures(const struct cover_state *s, enum policy_verdict verdict)
{
	size_t n = 0;
	for (size_t i = 0; i < cover_procedures_count; i++)
		n += cover_of_procedure(s, &cover_procedures[i]) == verdict;
	return n;
}

static void list_procedures(struct out *o, const struct cover_state *s, enum policy_verdict verdict)
{
	bool any = false;
	for (size_t i = 0; i < cover_procedures_count; i++) {
		if (cover_of_procedure(s, &cover_procedures[i]) != verdict)
			continue;
		out_printf(o, "%s%s (%s)", any ? ", " : "", cover_procedures[i].name,
			cover_procedures[i].id);
		any = true;
	}
}

static void say_score(struct out *o, const struct cover_state *s)
{
	struct out reason = {0};
	enum cover_score most = COVER_MINIMAL, score = cover_score_of(s, &most, &reason);
	out_printf(o, "protect, %s: %s", cover_score_name(score), out_string(&reason));
	if (most != score)
		out_printf(o, "; %s if what is undecided is shut", cover_score_name(most));
	out_fini(&reason);
}

static void say_places(struct out *o, const struct cover_state *s, enum cover_way way)
{
	static const char *const families[] = {"IPv4", "IPv6"};
	for (size_t i = 0; i < s->places; i++) {
		const struct cover_place *p = &s->place[i];
		out_printf(o, "%s%s:", i == 0 ? "" : "; ", p->name);
		for (size_t f = 0; f < 2; f++)
			if (p->known[f])
				out_printf(o, " %s %s", families[f], said(p->way[f][way]));
	}
}

void cover_write_text(struct out *o, const struct cover_report *r)
{
	static const enum policy_verdict order[] = {
		POLICY_ALLOWED, POLICY_UNDECIDED, POLICY_DENIED};
	const struct cover_state *s = r->state;
	out_printf(o, "%s: ways out to a place that nobody named\n", r->name);
	for (unsigned way = 0; way <= COVER_RESOLVER; way++) {
		out_printf(o, "  %-9s %s", said(cover_of_way(s, (enum cover_way)way)),
			cover_way_name((enum cover_way)way));
		if (way < COVER_ASKED && s->places > 1) {
			out_text(o, " (");
			say_places(o, s, (enum cover_way)way);
			out_text(o, ")");
		}
		out_text(o, "\n");
	}
	out_printf(o, "T1008, %zu procedures: %zu cut, %zu open, %zu undecided\n",
		cover_procedures_count, count_procedures(s, POLICY_DENIED),
		count_procedures(s, POLICY_ALLOWED), count_procedures(s, POLICY_UNDECIDED));
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (count_procedures(s, order[i]) == 0)
			continue;
		out_printf(o, "  %-9s ", said(order[i]));
		list_procedures(o, s, order[i]);
		out_text(o, "\n");
	}
	out_text(o, "score: ");
	say_score(o, s);
	out_text(o, "\ncontrols of NIST SP 800-53\n");
	for (size_t i = 0; i < cover_controls_count; i++) {
		struct out evidence = {0};
		enum cover_status status = cover_of_control(s, i, &evidence);
		out_printf(o, "  %-13s %-6s %s: %s\n", cover_status_name(status),
			cover_controls[i].id, cover_controls[i].name, out_string(&evidence));
		out_fini(&evidence);
	}
}

void cover_write_markdown(struct out *o, const struct cover_report *r)
{
	const struct cover_state *s = r->state;
	struct out text = {0};
	out_text(o, "# How well it stops fallback channels (T1008): ");
	escape_markdown(o, r->name, SIZE_MAX);
	out_text(o, "\n\nScore (Center for Threat-Informed Defense): ");
	say_score(&text, s);
	escape_markdown(o, out_string(&text), SIZE_MAX);
	out_text(o, "\n\n| way out to a place that nobody named | |\n| --- | --- |\n");
	for (unsigned way = 0; way <= COVER_RESOLVER; way++)
		out_printf(o, "| %s | %s |\n", cover_way_name((enum cover_way)way),
			said(cover_of_way(s, (enum cover_way)way)));
	out_text(o, "\n| procedure | its fallbacks |\n| --- | --- |\n");
	for (size_t i = 0; i < cover_procedures_count; i++)
		out_printf(o, "| %s %s | %s |\n", cover_procedures[i].id, cover_procedures[i].name,
			said(cover_of_procedure(s, &cover_procedures[i])));
	out_text(o, "\n| control | requirement | status | evidence |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < cover_controls_count; i++) {
		out_clear(&text);
		enum cover_status status = cover_of_control(s, i, &text);
		out_printf(o, "| %s %s | %s | %s | ", cover_controls[i].id, cover_controls[i].name,
			cover_controls[i].requirement, cover_status_name(status));
		escape_markdown(o, out_string(&text), SIZE_MAX);
		out_text(o, " |\n");
	}
	out_fini(&text);
}
