#include "report/svg.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/say.h"

#define LANE         26 /* height */
#define TOP          30 /* the axis' labels */
#define LABEL_CELLS  27 /* of a lane, in the drawing's letters */
#define LETTER       7  /* width of a digit of the axis */
#define RULES_MAX    200
#define GLANCE_LANE  22
#define GLANCE_MAX   40
#define GLANCE_LEFT  150
#define GLANCE_TICKS 8

double svg_x(const struct axis *a, int64_t at_ns)
{
	return SVG_LEFT + SVG_PAD + axis_x(a, at_ns) * (SVG_RIGHT - SVG_LEFT - SVG_PAD);
}

static double lane_y(size_t row)
{
	return TOP + LANE * ((double)row + 0.5);
}

static void title(struct out *o, const struct out *text)
{
	markup_element(o, "title", NULL, out_string(text));
}

/* ---- the axis ---- */

static void axis_label(struct out *o, const struct axis *a, size_t knot, double height)
{
	double x = svg_x(a, a->at_ns[knot]);
	struct out text = {0};
	axis_say(&text, a, knot);
	out_printf(o, "<g class=\"at\" data-x=\"%.1f\" transform=\"translate(%.1f 0)\">", x, x);
	out_printf(o, "<line y1=\"%d\" y2=\"%.0f\"/><text y=\"16\">", TOP - 8, height);
	markup_text(o, out_string(&text));
	out_text(o, "</text></g>\n");
	out_fini(&text);
}

/* The most deserving labels that do not overlap; all of them are drawn within their own room. */
static void axis_draw(struct out *o, const struct axis *a, double height)
{
	size_t order[AXIS_KNOTS_MAX], placed[16], count = 0;
	axis_labels(a, order);
	for (size_t i = 0; i < a->knots && count < ARRAY_LEN(placed); i++) {
		struct out text = {0};
		axis_say(&text, a, order[i]);
		double x = svg_x(a, a->at_ns[order[i]]), width = LETTER * ((double)text.len + 2);
		out_fini(&text);
		bool free = x + width - 2 * LETTER <= SVG_WIDTH;
		for (size_t k = 0; k < count; k++)
			free &= fabs(svg_x(a, a->at_ns[placed[k]]) - x) >= width;
		if (free)
			placed[count++] = order[i];
	}
	for (size_t i = 0; i < count; i++)
		axis_label(o, a, placed[i], height);
}

/* ---- lanes ---- */

static void lane(struct out *o, const struct finding *f, const struct rows *rows, size_t row)
{
	struct out text = {0}, cut = {0};
	double y = lane_y(row);
	const struct row *r = &rows->row[row];
	say_row(&text, f, r);
	cells_cut(&cut, out_string(&text), LABEL_CELLS);
	out_printf(o, "<g class=\"lane%s\"><text x=\"%d\" y=\"%.1f\">",
		row_is_fallback(f, r) ? " fallback" : "", SVG_LEFT - 10, y + 4);
	markup_text(o, out_string(&cut));
	out_text(&text, ": ");
	say_result(&text, f, r);
	title(o, &text);
	out_printf(o, "</text><line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/></g>\n", SVG_LEFT,
		SVG_RIGHT, y, y);
	out_fini(&text);
	out_fini(&cut);
}

/* The beats of a regular channel, where they are due. */
static void rhythm(
	struct out *o, const struct finding *f, const struct axis *a, size_t channel, double y)
{
	int64_t every = channel_rhythm(f, channel);
	if (every == 0)
		return;
	const struct finding_channel *ch = &f->channel[channel];
	int64_t at = ch->first_ns;
	for (int i = 0; i < RULES_MAX && at <= ch->last_ns; i++, at += every)
		out_printf(o,
			"<line class=\"beat\" data-x=\"%.1f\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
			"y2=\"%.1f\"/>\n",
			svg_x(a, at), svg_x(a, at), svg_x(a, at), y - LANE / 2.0 + 3,
			y + LANE / 2.0 - 3);
}

/* ---- marks ---- */

static const char *mark_class(enum outcome outcome)
{
	return outcome == OUTCOME_OK ? "ok" : outcome_is_failure(outcome) ? "fail" : "unknown";
}

static void mark_shape(struct out *o, const char *class)
{
	if (strcmp(class, "fail") == 0)
		out_text(o, "<path d=\"M-4-4 4 4M-4 4 4-4\"/>");
	else if (strcmp(class, "arc") == 0)
		out_text(o, "<path d=\"M-8-4C-4 6 2 6 7 0\"/>");
	else
		out_text(o, "<circle r=\"4\"/>");
}

static void tick(
	struct out *o, const struct finding *f, const struct finding_tick *t, double x, double y)
{
	const char *class = mark_class(t->outcome);
	struct out text = {0};
	out_time(&text, t->at_ns);
	out_text(&text, "  ");
	say_endpoint(&text, &f->channel[t->channel]);
	out_printf(&text, "  %s", t->outcome == OUTCOME_OK ? "answered" : outcome_name(t->outcome));
	out_printf(o,
		"<g class=\"tick %s\" data-channel=\"%zu\" transform=\"translate(%.1f %.1f)\">",
		class, t->channel, x, y);
	title(o, &text);
	mark_shape(o, class);
	out_text(o, "</g>\n");
	out_fini(&text);
}

static int64_t failed_at(const struct finding *f, const struct finding_switch *sw)
{
	int64_t at = sw->at_ns - sw->after_ns;
	for (size_t i = 0; i < f->ticks && f->tick[i].at_ns <= sw->at_ns; i++)
		if (f->tick[i].channel == sw->from && outcome_is_failure(f->tick[i].outcome))
			at = f->tick[i].at_ns;
	return at;
}

static void arc(struct out *o, const struct finding *f, const struct rows *rows,
	const struct axis *a, const struct finding_switch *sw)
{
	double x1 = svg_x(a, failed_at(f, sw)), x2 = svg_x(a, sw->at_ns);
	double y1 = lane_y(rows->of[sw->from]), y2 = lane_y(rows->of[sw->to]);
	struct out text = {0};
	say_endpoint(&text, &f->channel[sw->from]);
	out_printf(&text, " %s; ", outcome_name(sw->failure));
	out_duration(&text, sw->after_ns < 0 ? 0 : sw->after_ns);
	out_text(&text, " later ");
	say_endpoint(&text, &f->channel[sw->to]);
	out_printf(o,
		"<path class=\"arc\" data-from=\"%.1f\" data-to=\"%.1f\" data-y1=\"%.1f\" "
		"data-y2=\"%.1f\" d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\">",
		x1, x2, y1, y2, x1, y1, x1, (y1 + y2) / 2, x2 - 14, y2, x2 - 5, y2);
	title(o, &text);
	out_text(o, "</path>\n");
	out_fini(&text);
}

void svg_timeline(struct out *o, const struct finding *f, const struct rows *rows, size_t number)
{
	struct axis a;
	axis_of(f, &a);
	double height = TOP + LANE * (double)rows->count + 6;
	out_printf(o,
		"<svg class=\"lanes\" id=\"timeline-%zu\" viewBox=\"0 0 %d %.0f\" role=\"img\" "
		"tabindex=\"0\" aria-labelledby=\"caption-%zu\">\n",
		number, SVG_WIDTH, height, number);
	struct out base = {0};
	axis_say_base(&base, &a);
	out_printf(o, "<text class=\"base\" x=\"%d\" y=\"16\">", SVG_LEFT - 10);
	markup_text(o, out_string(&base));
	out_text(o, "</text>\n");
	out_fini(&base);
	axis_draw(o, &a, height - 6);
	for (size_t i = 0; i < rows->count; i++)
		lane(o, f, rows, i);
	for (size_t i = 0; i < f->channels; i++)
		rhythm(o, f, &a, i, lane_y(rows->of[i]));
	for (size_t i = 0; i < f->switches; i++)
		arc(o, f, rows, &a, &f->sw[i]);
	for (size_t i = 0; i < f->ticks; i++)
		tick(o, f, &f->tick[i], svg_x(&a, f->tick[i].at_ns),
			lane_y(rows->of[f->tick[i].channel]));
	out_text(o, "</svg>\n");
}

void svg_legend_mark(struct out *o, const char *class)
{
	out_text(o, "<svg class=\"mark\" viewBox=\"-9 -7 18 14\" aria-hidden=\"true\">");
	out_printf(o, "<g class=\"%s%s\">", strcmp(class, "arc") == 0 ? "" : "tick ", class);
	mark_shape(o, class);
	out_text(o, "</g></svg>");
}

/* ---- the case at a glance ---- */

static double glance_x(const struct summary *s, int64_t at_ns)
{
	double span = (double)s->last_ns - (double)s->first_ns;
	double part = span <= 0 ? 0 : ((double)at_ns - (double)s->first_ns) / span;
	return GLANCE_LEFT + fmax(0, fmin(1, part)) * (SVG_RIGHT - GLANCE_LEFT);
}

/* Round times, about eight of them. */
static int64_t glance_step(int64_t span_ns)
{
	static const int64_t steps_s[] = {1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600,
		7200, 10800, 21600, 43200, 86400, 172800, 432000, 864000, 2592000, 7776000};
	size_t i = 0;
	while (i + 1 < ARRAY_LEN(steps_s) && steps_s[i] * NS_PER_S * GLANCE_TICKS < span_ns)
		i++;
	return steps_s[i] * NS_PER_S;
}

/* 2021-01-06T16:42:42: the day where it begins, else the time. */
static void glance_label(struct out *o, int64_t at_ns, int64_t step_ns, bool first)
{
	struct out text = {0};
	out_time(&text, at_ns);
	bool day = first || step_ns >= 86400 * NS_PER_S || at_ns % (86400 * NS_PER_S) == 0;
	if (text.len > 18 && day)
		out_printf(o, "%.5s ", out_string(&text) + 5);
	if (text.len > 18 && step_ns < 86400 * NS_PER_S)
		out_printf(o, step_ns < 60 * NS_PER_S ? "%.8s" : "%.5s", out_string(&text) + 11);
	out_fini(&text);
}

static void glance_axis(struct out *o, const struct summary *s, double height)
{
	int64_t span = s->last_ns > s->first_ns ? s->last_ns - s->first_ns : 0;
	int64_t step = glance_step(span), at = (s->first_ns / step + 1) * step;
	for (int i = 0; i < 2 * GLANCE_TICKS && at <= s->last_ns; i++, at += step) {
		out_printf(o,
			"<g class=\"at\"><line x1=\"%.1f\" x2=\"%.1f\" y1=\"22\" "
			"y2=\"%.0f\"/><text x=\"%.1f\" y=\"14\"%s>",
			glance_x(s, at), glance_x(s, at), height, glance_x(s, at),
			glance_x(s, at) > SVG_RIGHT - 80 ? " text-anchor=\"end\"" : "");
		glance_label(o, at, step, i == 0);
		out_text(o, "</text></g>\n");
	}
}

static void glance_finding(
	struct out *o, const struct summary *s, const struct finding *f, size_t number)
{
	double y = 22 + GLANCE_LANE * ((double)number - 0.5);
	double x1 = glance_x(s, f->first_ns), x2 = glance_x(s, f->last_ns);
	char host[ADDR_TEXT_BYTES];
	struct out cut = {0};
	cells_cut(&cut, addr_text(&f->host, host), 18);
	out_printf(o, "<a href=\"#finding-%zu\" class=\"bar\"><text x=\"0\" y=\"%.1f\">%zu  ",
		number, y + 4, number);
	markup_text(o, out_string(&cut));
	out_printf(o, "</text><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"8\" rx=\"4\"/>",
		x1 - 4, y - 4, x2 - x1 + 8);
	for (size_t i = 0; i < f->switches; i++)
		out_printf(o, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>",
			glance_x(s, f->sw[i].at_ns), y);
	markup_element(o, "title", NULL, finding_kind_sentence(f->kind));
	out_text(o, "</a>\n");
	out_fini(&cut);
}

void svg_glance(struct out *o, const struct report_case *c)
{
	size_t shown = case_tally(c).reported;
	shown = shown > GLANCE_MAX ? GLANCE_MAX : shown;
	double height = 26 + GLANCE_LANE * (double)shown;
	out_printf(o,
		"<svg class=\"glance\" viewBox=\"0 0 %d %.0f\" role=\"group\" aria-label=\"When "
		"the "
		"findings happened, over the time that was read\">\n",
		SVG_WIDTH, height);
	glance_axis(o, c->summary, height - 4);
	size_t number = 0;
	for (size_t i = 0; i < c->findings && number < shown; i++)
		if (finding_standing(c, c->finding[i]) == STANDING_REPORTED)
			glance_finding(o, c->summary, c->finding[i], ++number);
	out_text(o, "</svg>\n");
}

void svg_bits(struct out *o, double bits, double most)
{
	double width = most > 0 ? fmin(1, fabs(bits) / most) * 30 : 0;
	out_printf(o,
		"<svg class=\"bits %s\" viewBox=\"-31 0 62 8\" aria-hidden=\"true\"><line x1=\"0\" "
		"x2=\"0\" y1=\"0\" y2=\"8\"/><rect x=\"%.1f\" y=\"1.5\" width=\"%.1f\" "
		"height=\"5\" rx=\"1\"/></svg>",
		bits < 0 ? "against" : "for", bits < 0 ? -width : 0.0, width);
}
