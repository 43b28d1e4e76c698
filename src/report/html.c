/* HTML: a case as one page that needs nothing else. It stands without scripts; its policy lets in
 * only the style and script that the build put here, by their hashes, and no network at all. */
#include <math.h>

#include "report/assets.h"
#include "report/bad.h"
#include "report/filter.h"
#include "report/json.h"
#include "report/markup.h"
#include "report/say.h"
#include "report/svg.h"

#define DRAWN_MAX 100 /* findings with a timeline: more would make the page slow to open */
#define LANES_MAX FINDING_CHANNELS_MAX /* the page scrolls: every channel has its lane */

/* Wide things scroll in a box of their own; the keyboard reaches it (WCAG 2.1.1). */
#define SCROLL(label) \
	"<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"" label "\">"

/* Appends what say wrote into text, escaped, in an element; clears text. */
static void put(struct out *o, const char *tag, const char *class, struct out *text)
{
	markup_element(o, tag, class, out_string(text));
	out_clear(text);
}

static void put_asset(struct out *o, const char *tag, const unsigned char *asset)
{
	out_printf(o, "<%s>", tag);
	for (const unsigned char *c = asset; *c != '\0'; c++)
		out_bytes(o, (const char *)c, 1);
	out_printf(o, "</%s>\n", tag);
}

static void put_head(struct out *o, const struct report_case *c)
{
	struct out text = {0};
	out_printf(o,
		"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action "
		"'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n"
		"<link rel=\"icon\" href=\"data:,\">\n",
		asset_style_hash, asset_script_hash);
	say_plural(&text, case_tally(c).reported, "finding");
	out_text(&text, " in ");
	say_inputs(&text, c);
	put(o, "title", NULL, &text);
	out_text(o, "\n");
	put_asset(o, "style", asset_style);
	out_text(o, "</head>\n");
	out_fini(&text);
}

/* ---- the case ---- */

static void put_fact(struct out *o, const char *name, struct out *value)
{
	out_text(o, "<div>");
	put(o, "dd", NULL, value);
	markup_element(o, "dt", NULL, name);
	out_text(o, "</div>");
}

static void put_facts(struct out *o, const struct report_case *c)
{
	const struct summary *s = c->summary;
	struct tally tally = case_tally(c);
	const struct {
		uint64_t count;
		const char *name;
	} counts[] = {{s->records, s->records == 1 ? "record" : "records"},
		{s->hosts, s->hosts == 1 ? "local host" : "local hosts"},
		{s->connections, s->connections == 1 ? "connection" : "connections"},
		{tally.explained, "explained as benign"}, {tally.weaker, "weaker"}};
	struct out text = {0};
	out_text(o, "<dl class=\"facts\">");
	say_span(&text, s->last_ns - s->first_ns);
	put_fact(o, "in view", &text);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		say_count(&text, counts[i].count);
		put_fact(o, counts[i].name, &text);
	}
	out_text(&text, "E ≤ ");
	say_e(&text, c->max_e);
	put_fact(o, "is reported", &text);
	out_text(o, "</dl>\n");
	out_fini(&text);
}

static void put_header(struct out *o, const struct report_case *c)
{
	struct out text = {0};
	size_t reported = case_tally(c).reported;
	out_text(o,
		"<body>\n<a class=\"skip\" href=\"#findings\">To the findings</a>\n<header>\n"
		"<p class=\"brand\"><svg viewBox=\"0 0 18 20\" aria-hidden=\"true\"><path "
		"d=\"M0 0h4v3h3V0h4v3h3V0h4v20h-6v-6a3 3 0 0 0-6 0v6H0z\"/></svg>Postern</p>\n");
	if (reported == 0) {
		out_text(&text, "No fallback channel found in ");
	} else {
		say_plural(&text, reported, "fallback channel");
		out_text(&text, " in ");
	}
	say_inputs(&text, c);
	put(o, "h1", NULL, &text);
	put_facts(o, c);
	out_text(o, "</header>\n<main>\n");
	out_fini(&text);
}

static void put_glance_row(struct out *o, const struct finding *f, size_t number)
{
	struct out text = {0};
	if (number <= DRAWN_MAX)
		out_printf(o, "<tr><td class=\"num\"><a href=\"#finding-%zu\">%zu</a></td>", number,
			number);
	else
		out_printf(o, "<tr><td class=\"num\">%zu</td>", number);
	say_address(&text, &f->host);
	put(o, "td", "mono", &text);
	markup_element(o, "td", NULL, finding_kind_sentence(f->kind));
	say_route(&text, f);
	put(o, "td", "mono", &text);
	say_e(&text, f->e_value);
	put(o, "td", "num", &text);
	out_text(o, "</tr>\n");
	out_fini(&text);
}

static void put_glance(struct out *o, const struct report_case *c)
{
	if (case_tally(c).reported == 0)
		return;
	out_text(o, "<section class=\"card\" aria-labelledby=\"glance\"><h2 id=\"glance\">At a "
		    "glance</h2>\n" SCROLL("Findings"));
	svg_glance(o, c);
	out_text(o, "<table><thead><tr><th class=\"num\">no.</th><th>host</th><th>what</th>"
		    "<th>from, to</th><th class=\"num\">E per host-day</th></tr></thead><tbody>\n");
	size_t number = 0;
	for (size_t i = 0; i < c->findings; i++)
		if (finding_standing(c, c->finding[i]) == STANDING_REPORTED)
			put_glance_row(o, c->finding[i], ++number);
	out_text(o, "</tbody></table></div></section>\n");
}

static void put_closest(struct out *o, const struct report_case *c)
{
	const struct finding *closest = case_closest(c);
	struct out text = {0};
	out_text(o, "<section class=\"card\"><h2>Nothing passed the line</h2>\n");
	if (closest == NULL) {
		out_text(&text, "Nothing in it looks like a fallback.");
	} else {
		out_text(&text, "Closest: ");
		say_address(&text, &closest->host);
		out_printf(&text, ", %s, ", finding_kind_sentence(closest->kind));
		say_route(&text, closest);
		out_text(&text, ", E ");
		say_e(&text, closest->e_value);
		out_text(&text, " per host-day.");
	}
	put(o, "p", NULL, &text);
	out_text(o, "</section>\n");
	out_fini(&text);
}

/* ---- a finding ---- */

static void put_title(struct out *o, const struct finding *f, size_t number)
{
	struct out text = {0};
	out_printf(o, "<div class=\"title\"><h2 id=\"title-%zu\"><span class=\"number\">%zu</span>",
		number, number);
	say_address(&text, &f->host);
	put(o, "span", "mono", &text);
	if (f->process != NULL) {
		out_text(&text, " (");
		out_safe(&text, f->process, 64);
		out_text(&text, ")");
		put(o, "bdi", NULL, &text);
	}
	out_text(o, " ");
	markup_text(o, finding_kind_sentence(f->kind));
	out_text(o, "</h2><p>");
	out_text(&text, "E ");
	say_e(&text, f->e_value);
	put(o, "b", NULL, &text);
	out_text(o, " per host-day, ");
	say_techniques(&text, f->kind);
	markup_text(o, out_string(&text));
	out_text(o, "</p></div>\n");
	out_fini(&text);
}

static void put_ruling(struct out *o, const struct finding *f)
{
	if (f->ruling == NULL)
		return;
	struct out text = {0};
	say_ruling(&text, f->ruling);
	out_text(o, "<p class=\"means\"><b>Verdict:</b> ");
	put(o, "bdi", NULL, &text);
	out_text(o, "</p>\n");
	out_fini(&text);
}

static void put_caption(struct out *o, const struct finding *f, size_t number)
{
	static const struct {
		const char *class, *meaning;
	} marks[] = {{"ok", "answered"}, {"fail", "failed"}, {"unknown", "unknown"},
		{"arc", "opened next"}};
	struct out text = {0};
	out_printf(o, "<figcaption class=\"legend\" id=\"caption-%zu\">", number);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		out_text(o, "<span>");
		svg_legend_mark(o, marks[i].class);
		out_printf(o, "%s</span>", marks[i].meaning);
	}
	say_plural(&text, f->ticks, "attempt");
	out_text(&text, " in ");
	say_span(&text, f->last_ns - f->first_ns);
	out_text(&text, ", gaps shortened");
	put(o, "span", NULL, &text);
	out_text(o, "<span class=\"tools\"></span></figcaption>\n"
		    "<p class=\"readout\" aria-live=\"polite\"></p>\n");
	out_fini(&text);
}

static const char *result_class(const struct row *row)
{
	if (row->failures == 0)
		return row->failure == OUTCOME_UNKNOWN ? NULL : "open";
	return row->failures >= row->tries ? "failed" : NULL;
}

static void put_small(struct out *o, const char *name, const char *value)
{
	if (value == NULL)
		return;
	struct out text = {0};
	out_printf(&text, "%s ", name);
	out_safe(&text, value, 300);
	put(o, "small", NULL, &text);
	out_fini(&text);
}

static void put_channel(struct out *o, const struct finding *f, const struct row *row)
{
	const struct finding_channel *ch = &f->channel[row->channel[0]];
	struct out text = {0};
	out_text(o, "<tr>");
	markup_element(o, "td", "soft", row_part(f, row));
	out_text(o, "<td>");
	say_row(&text, f, row);
	put(o, "bdi", row_is_fallback(f, row) ? "mono fallback" : "mono", &text);
	say_naming(&text, f, row);
	put(o, "small", NULL, &text);
	out_text(o, "</td>");
	say_service(&text, ch);
	put(o, "td", NULL, &text);
	out_text(o, "<td>");
	say_result(&text, f, row);
	put(o, "span", result_class(row), &text);
	if (row->failures > 0)
		markup_element(o, "small", NULL, outcome_meaning(row->failure));
	put_small(o, "ja4", ch->ja4);
	put_small(o, "ja3", ch->ja3);
	put_small(o, "user agent", ch->user_agent);
	out_text(o, "</td>");
	say_traffic(&text, ch);
	put(o, "td", "num", &text);
	out_text(o, "</tr>\n");
	out_fini(&text);
}

static void put_channels(struct out *o, const struct finding *f, const struct rows *rows)
{
	out_text(o, "<h3>Channels</h3>\n" SCROLL(
			    "Channels") "<table><thead><tr><th>part</th>"
					"<th>endpoint</th><th>service</th><th>what happened</th>"
					"<th class=\"num\">payload</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < rows->count; i++)
		put_channel(o, f, &rows->row[i]);
	out_text(o, "</tbody></table></div>\n");
}

static void put_attempts(struct out *o, const struct finding *f)
{
	struct out text = {0};
	out_text(o, "<details><summary>All attempts as a table</summary>" SCROLL(
			    "Attempts") "<table><thead><tr><th>time</th><th>endpoint</"
					"th><th>outcome</th></tr></thead>"
					"<tbody>\n");
	for (size_t i = 0; i < f->ticks; i++) {
		const struct finding_tick *tick = &f->tick[i];
		out_text(o, "<tr>");
		out_time(&text, tick->at_ns);
		put(o, "td", "mono", &text);
		say_endpoint(&text, &f->channel[tick->channel]);
		put(o, "td", "mono", &text);
		markup_element(o, "td", NULL, outcome_name(tick->outcome));
		out_text(o, "</tr>\n");
	}
	out_text(o, "</tbody></table></div></details>\n");
	out_fini(&text);
}

static void put_records(struct out *o, const char *title, const char *const *record, size_t count)
{
	struct out text = {0};
	if (count == 0)
		return;
	out_text(o, "<details><summary>");
	markup_text(o, title);
	out_printf(o, " (%zu)</summary><p>", count);
	for (size_t i = 0; i < count; i++) {
		out_safe(&text, record[i], 64);
		put(o, "code", NULL, &text);
		out_text(o, " ");
	}
	out_text(o, "</p></details>\n");
	out_fini(&text);
}

static void put_queries(struct out *o, const struct finding *f)
{
	struct out text = {0};
	out_text(o,
		"<details class=\"queries\"><summary>The same in other languages</summary><dl>\n");
	for (size_t i = 0; i < filter_dialects(); i++) {
		markup_element(o, "dt", NULL, filter_dialect(i));
		filter_say_in(&text, i, f);
		out_text(o, "<dd>");
		put(o, "code", NULL, &text);
		out_text(o, "</dd>\n");
	}
	out_text(o, "</dl></details>\n");
	out_fini(&text);
}

static void put_look(struct out *o, const struct finding *f)
{
	struct out text = {0};
	out_text(o, "<h3>Look for yourself: Wireshark filter</h3>\n<div class=\"look\">"
		    "<code tabindex=\"0\">");
	filter_say(&text, f);
	markup_text(o, out_string(&text));
	out_clear(&text);
	out_text(o, "</code></div>\n");
	put_queries(o, f);
	put_attempts(o, f);
	put_records(o, "Community ids", f->record, f->records);
	put_records(o, "Log record uids", f->uid, f->uids);
	out_fini(&text);
}

static void put_evidence(struct out *o, const struct finding_evidence *e, double most)
{
	out_text(o, "<li>");
	markup_element(o, "span", NULL, e->text);
	if (fabs(e->bits) >= 0.05) {
		out_printf(o, "<span class=\"value\">%+.1f bits", say_bits(e->bits));
		svg_bits(o, e->bits, most);
		out_text(o, "</span>");
	}
	out_text(o, "</li>\n");
}

/* Other looks at the same failures: they add nothing to E. */
static void put_also(struct out *o, const struct finding *f, size_t also)
{
	if (also == 0)
		return;
	out_printf(o,
		"<details><summary>The same failures seen another way (%zu)</summary><ul "
		"class=\"why\">\n",
		also);
	for (size_t i = 0; i < f->evidences; i++)
		if (say_is_also(&f->evidence[i]))
			put_evidence(o, &f->evidence[i], 0);
	out_text(o, "</ul></details>\n");
}

static void put_why(struct out *o, const struct finding *f, const struct summary *s)
{
	struct out text = {0};
	double most = 0;
	for (size_t i = 0; i < f->evidences; i++)
		most = fmax(most, fabs(say_bits(f->evidence[i].bits)));
	out_text(o, "<h3>Why</h3>\n<ul class=\"why\">\n");
	size_t also = 0;
	for (size_t i = 0; i < f->evidences; i++) {
		also += say_is_also(&f->evidence[i]);
		if (!say_is_also(&f->evidence[i]))
			put_evidence(o, &f->evidence[i], most);
	}
	out_text(o, "</ul>\n");
	put_also(o, f, also);
	out_text(o, "<p class=\"means\"><b>E means:</b> ");
	say_e_meaning(&text, f, s);
	markup_text(o, out_string(&text));
	out_clear(&text);
	out_text(o, "</p>\n<h3>Benign mechanisms that do not account for it</h3>\n");
	say_considered(&text);
	put(o, "p", "soft", &text);
	out_fini(&text);
}

static void put_finding(
	struct out *o, const struct report_case *c, const struct finding *f, size_t number)
{
	struct rows rows;
	rows_of(f, LANES_MAX, &rows);
	out_printf(o, "<article class=\"card\" id=\"finding-%zu\" aria-labelledby=\"title-%zu\">\n",
		number, number);
	put_title(o, f, number);
	put_ruling(o, f);
	out_text(o, "<figure>" SCROLL("Timeline") "\n");
	svg_timeline(o, f, &rows, number);
	out_text(o, "</div>\n");
	put_caption(o, f, number);
	out_text(o, "</figure>\n<div class=\"parts\"><div>\n");
	put_channels(o, f, &rows);
	put_look(o, f);
	out_text(o, "</div>\n<div>\n");
	put_why(o, f, c->summary);
	out_text(o, "</div></div>\n</article>\n");
}

/* ---- what else there is ---- */

static void put_brief(struct out *o, const struct finding *f)
{
	struct out text = {0};
	out_text(o, "<tr>");
	say_address(&text, &f->host);
	put(o, "td", "mono", &text);
	out_text(o, "<td>");
	markup_text(o, finding_kind_sentence(f->kind));
	say_route(&text, f);
	put(o, "small", NULL, &text);
	out_text(o, "</td>");
	out_text(&text, "E ");
	say_e(&text, f->e_value);
	put(o, "td", "num", &text);
	out_text(o, "<td>");
	say_reason(&text, f);
	markup_text(o, out_string(&text));
	out_text(o, "</td></tr>\n");
	out_fini(&text);
}

static void put_section(
	struct out *o, const struct report_case *c, enum standing standing, const char *title)
{
	size_t count = 0;
	for (size_t i = 0; i < c->findings; i++)
		count += finding_standing(c, c->finding[i]) == standing;
	if (count == 0 || !c->all)
		return;
	out_text(o, "<section class=\"card\">");
	markup_element(o, "h2", NULL, title);
	out_text(o,
		SCROLL("Not reported") "<table><thead><tr><th>host</th><th>what</th><th "
				       "class=\"num\">E</th><th>why</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < c->findings; i++)
		if (finding_standing(c, c->finding[i]) == standing)
			put_brief(o, c->finding[i]);
	out_text(o, "</tbody></table></div></section>\n");
}

static void put_off(struct out *o, const struct summary *s)
{
	if (s->offs == 0)
		return;
	out_text(o, "<section class=\"card\"><h2>What could not be judged</h2><ul class=\"plain\">"
		    "\n");
	for (size_t i = 0; i < s->offs; i++)
		markup_element(o, "li", NULL, s->off[i].text);
	out_text(o, "</ul></section>\n");
}

static void put_inputs(struct out *o, const struct report_case *c)
{
	struct out text = {0};
	out_text(o, "<section class=\"card\"><h2>What was read</h2><ul class=\"plain\">\n");
	for (size_t i = 0; i < c->inputs; i++) {
		say_input(&text, c->input[i]);
		put(o, "li", NULL, &text);
	}
	out_text(o, "</ul></section>\n");
	out_fini(&text);
}

/* ---- for the script, and for programs that are given the page ---- */

static void emit_case(struct emit *e, const struct finding *f)
{
	struct axis a;
	struct rows rows;
	axis_of(f, &a);
	rows_of(f, LANES_MAX, &rows);
	json_finding_open(e, NULL);
	json_finding(e, f);
	emit_open(e, "lanes", '[');
	for (size_t i = 0; i < f->channels; i++)
		emit_count(e, NULL, rows.of[i]);
	emit_close(e, ']');
	emit_open(e, "ticks", '[');
	for (size_t i = 0; i < f->ticks; i++) {
		emit_open(e, NULL, '{');
		emit_count(e, "channel", f->tick[i].channel);
		emit_time(e, "at", f->tick[i].at_ns);
		emit_text(e, "outcome", outcome_name(f->tick[i].outcome), 32);
		emit_number(e, "x", svg_x(&a, f->tick[i].at_ns));
		emit_close(e, '}');
	}
	emit_close(e, ']');
	emit_close(e, '}');
}

static void put_data(struct out *o, const struct report_case *c)
{
	struct emit e = {.out = o, .script = true};
	out_text(o, "<script type=\"application/json\" id=\"case\">");
	emit_open(&e, NULL, '{');
	emit_count(&e, "left", SVG_LEFT + SVG_PAD);
	emit_count(&e, "right", SVG_RIGHT);
	emit_open(&e, "findings", '[');
	size_t number = 0;
	for (size_t i = 0; i < c->findings && number < DRAWN_MAX; i++) {
		if (finding_standing(c, c->finding[i]) != STANDING_REPORTED)
			continue;
		emit_case(&e, c->finding[i]);
		number++;
	}
	emit_close(&e, ']');
	emit_close(&e, '}');
	out_text(o, "</script>\n");
}

static void html_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct out text = {0};
	size_t number = 0;
	put_head(o, c);
	put_header(o, c);
	put_glance(o, c);
	out_text(o, "<section id=\"findings\">\n");
	for (size_t i = 0; i < c->findings && number < DRAWN_MAX; i++)
		if (finding_standing(c, c->finding[i]) == STANDING_REPORTED)
			put_finding(o, c, c->finding[i], ++number);
	if (number < case_tally(c).reported)
		markup_element(o, "p", "soft",
			"The weaker ones are in the table above; as text or JSON all of them are "
			"told in full.");
	out_text(o, "</section>\n");
	if (number == 0)
		put_closest(o, c);
	put_section(o, c, STANDING_WEAKER, "Weaker than the line");
	put_section(o, c, STANDING_EXPLAINED, "Explained as benign");
	put_section(o, c, STANDING_REJECTED, "Rejected by a person");
	bad_html(o, c);
	put_off(o, c->summary);
	put_inputs(o, c);
	out_text(o, "</main>\n<footer>");
	say_verdict(&text, c);
	if (c->summary->partial)
		out_text(&text, "; not all of the input was read");
	put(o, "p", NULL, &text);
	out_text(o, "</footer>\n");
	put_data(o, c);
	put_asset(o, "script", asset_script);
	out_text(o, "</body>\n</html>\n");
	out_fini(&text);
}

const struct report_format report_html = {
	.name = "html",
	.explanation =
		"one page that needs no network: the timelines, the evidence, a filter to copy",
	.write = html_write,
};
