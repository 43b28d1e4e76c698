#include "report/timeline.h"

#include <math.h>
#include <string.h>

#include "report/axis.h"
#include "report/report.h"
#include "report/say.h"

enum glyph {
	GLYPH_NONE,
	GLYPH_ANSWERED,
	GLYPH_FAILED,
	GLYPH_UNKNOWN,
	GLYPH_BOTH,
	GLYPH_DOWN, /* from the failed attempt above to what replaced it */
	GLYPH_UP,
	GLYPH_PASS,
	GLYPH_WAIT, /* until it was opened */
	GLYPH_ON,   /* goes on between two answers */
	GLYPH_COUNT
};

static const struct {
	const char *text;
	enum tone tone;
} glyphs[GLYPH_COUNT] = {
	[GLYPH_NONE] = {" ", TONE_PLAIN},
	[GLYPH_ANSWERED] = {"●", TONE_OPEN},
	[GLYPH_FAILED] = {"×", TONE_FAILED},
	[GLYPH_UNKNOWN] = {"○", TONE_PLAIN},
	[GLYPH_BOTH] = {"◐", TONE_FALLBACK},
	[GLYPH_DOWN] = {"╰", TONE_FALLBACK},
	[GLYPH_UP] = {"╭", TONE_FALLBACK},
	[GLYPH_PASS] = {"│", TONE_FALLBACK},
	[GLYPH_WAIT] = {"─", TONE_FALLBACK},
	[GLYPH_ON] = {"─", TONE_FAINT},
};

struct chart {
	struct axis axis;
	unsigned col[AXIS_KNOTS_MAX]; /* of each knot */
	unsigned cols;
	uint8_t cell[FINDING_CHANNELS_MAX][REPORT_WIDTH_MAX]; /* enum glyph */
};

/* Each time a column of its own, as near to its place as that goes; when there are too many, some
 * share. */
static void columns_of(struct chart *c)
{
	size_t knots = c->axis.knots;
	for (size_t i = 0; i < knots; i++) {
		c->col[i] = (unsigned)lround(c->axis.x[i] * (c->cols - 1));
		if (knots <= c->cols && i > 0 && c->col[i] <= c->col[i - 1])
			c->col[i] = c->col[i - 1] + 1;
	}
	unsigned room = c->cols;
	for (size_t i = knots; i-- > 0 && knots <= c->cols; room = c->col[i])
		if (c->col[i] >= room)
			c->col[i] = room - 1;
}

static unsigned column(const struct chart *c, int64_t at_ns)
{
	return c->col[axis_knot(&c->axis, at_ns)];
}

static void mark(uint8_t *cell, enum outcome outcome)
{
	uint8_t glyph = outcome == OUTCOME_OK         ? GLYPH_ANSWERED
	                : outcome_is_failure(outcome) ? GLYPH_FAILED
	                                              : GLYPH_UNKNOWN;
	if (*cell == GLYPH_NONE || *cell == GLYPH_UNKNOWN)
		*cell = glyph;
	else if (glyph != GLYPH_UNKNOWN && *cell != glyph)
		*cell = GLYPH_BOTH;
}

/* The last attempt on the channel that had failed by then, or NULL. */
static const struct finding_tick *failed_before(
	const struct finding *f, size_t channel, int64_t at_ns)
{
	const struct finding_tick *last = NULL;
	for (size_t i = 0; i < f->ticks && f->tick[i].at_ns <= at_ns; i++)
		if (f->tick[i].channel == channel && outcome_is_failure(f->tick[i].outcome))
			last = &f->tick[i];
	return last;
}

/* Draws the way from a failed attempt to what replaced it, as far as the cells are free. */
static void draw_switch(struct chart *c, const struct finding *f, const struct rows *rows,
	const struct finding_switch *sw)
{
	const struct finding_tick *failed = failed_before(f, sw->from, sw->at_ns);
	unsigned from = rows->of[sw->from], to = rows->of[sw->to];
	unsigned end = column(c, sw->at_ns);
	if (failed == NULL || from == to)
		return;
	unsigned corner = column(c, failed->at_ns);
	for (unsigned i = corner; i < end; i++)
		if (c->cell[to][i] != GLYPH_NONE)
			corner = i + 1;
	if (corner >= end)
		return;
	c->cell[to][corner] = to > from ? GLYPH_DOWN : GLYPH_UP;
	memset(&c->cell[to][corner + 1], GLYPH_WAIT, end - corner - 1);
	unsigned low = from < to ? from : to, high = from < to ? to : from;
	for (unsigned row = low + 1; row < high; row++)
		if (c->cell[row][corner] == GLYPH_NONE)
			c->cell[row][corner] = GLYPH_PASS;
}

/* A channel beside the story is drawn through: its rhythm is what it shows. */
static void draw_through(uint8_t *cell, unsigned cols)
{
	unsigned last = cols;
	for (unsigned i = 0; i < cols; i++) {
		if (cell[i] == GLYPH_NONE)
			continue;
		if (last < i && cell[last] == GLYPH_ANSWERED && cell[i] == GLYPH_ANSWERED)
			memset(cell + last + 1, GLYPH_ON, i - last - 1);
		last = i;
	}
}

static void fill(struct chart *c, const struct finding *f, const struct rows *rows)
{
	for (size_t i = 0; i < f->ticks; i++) {
		CHECK(f->tick[i].channel < f->channels);
		mark(&c->cell[rows->of[f->tick[i].channel]][column(c, f->tick[i].at_ns)],
			f->tick[i].outcome);
	}
	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(row_part(f, &rows->row[i]), "beside") == 0)
			draw_through(c->cell[i], c->cols);
	for (size_t i = 0; i < f->switches; i++) {
		CHECK(f->sw[i].from < f->channels && f->sw[i].to < f->channels);
		draw_switch(c, f, rows, &f->sw[i]);
	}
}

/* Puts the label over its knot when there is room. */
static bool place_label(const struct chart *c, size_t knot, char line[REPORT_WIDTH_MAX])
{
	struct out text = {0};
	axis_say(&text, &c->axis, knot);
	unsigned len = (unsigned)text.len, first = c->col[knot];
	bool placed = false;
	if (len <= c->cols) {
		first = first + len > c->cols ? c->cols - len : first;
		unsigned low = first < 2 ? 0 : first - 2;
		unsigned high = first + len + 2 > c->cols ? c->cols : first + len + 2;
		placed = strspn(line + low, " ") >= high - low;
	}
	if (placed)
		memcpy(line + first, out_string(&text), len);
	out_fini(&text);
	return placed;
}

static void draw_axis(struct page *p, const struct chart *c, unsigned indent, unsigned left)
{
	struct out base = {0}, cut = {0};
	axis_say_base(&base, &c->axis);
	cells_cut(&cut, out_string(&base), left - 2 - indent);
	page_to(p, indent);
	page_put(p, TONE_FAINT, out_string(&cut));
	page_to(p, left);
	out_fini(&base);
	out_fini(&cut);

	char line[REPORT_WIDTH_MAX + 1] = {0};
	memset(line, ' ', c->cols);
	size_t order[AXIS_KNOTS_MAX];
	axis_labels(&c->axis, order);
	size_t left_over = 1 + c->cols / 16; /* more would be a wall of numbers */
	for (size_t i = 0; i < c->axis.knots && left_over > 0; i++)
		left_over -= place_label(c, order[i], line);
	size_t end = strlen(line);
	while (end > 0 && line[end - 1] == ' ')
		end--;
	line[end] = '\0';
	page_put(p, TONE_FAINT, line);
	page_end(p);
}

static void draw_lane(struct page *p, const uint8_t *cell, unsigned cols)
{
	while (cols > 0 && cell[cols - 1] == GLYPH_NONE)
		cols--;
	for (unsigned i = 0; i < cols;) {
		struct out run = {0};
		enum tone tone = glyphs[cell[i]].tone;
		for (; i < cols && glyphs[cell[i]].tone == tone; i++)
			out_text(&run, glyphs[cell[i]].text);
		page_put(p, tone, out_string(&run));
		out_fini(&run);
	}
	page_end(p);
}

static void draw_label(
	struct page *p, const struct finding *f, const struct row *row, unsigned cells)
{
	struct out text = {0}, cut = {0};
	say_row(&text, f, row);
	cells_cut(&cut, out_string(&text), cells);
	page_put(p, row_is_fallback(f, row) ? TONE_FALLBACK : TONE_PLAIN, out_string(&cut));
	out_fini(&text);
	out_fini(&cut);
}

static unsigned label_cells(const struct page *p, const struct finding *f, const struct rows *rows)
{
	unsigned widest = 14; /* the date */
	for (size_t i = 0; i < rows->count; i++) {
		struct out text = {0};
		say_row(&text, f, &rows->row[i]);
		unsigned cells = cells_of(out_string(&text));
		widest = cells > widest ? cells : widest;
		out_fini(&text);
	}
	return widest > p->width / 3 ? p->width / 3 : widest;
}

void timeline_draw(
	struct page *p, const struct finding *f, const struct rows *rows, unsigned indent)
{
	struct chart chart = {0};
	unsigned cells = label_cells(p, f, rows);
	unsigned left = indent + cells + 2;
	CHECK(p->width > left + 10 && p->width <= REPORT_WIDTH_MAX);
	chart.cols = p->width - left;
	axis_of(f, &chart.axis);
	columns_of(&chart);
	fill(&chart, f, rows);
	draw_axis(p, &chart, indent, left);
	for (size_t i = 0; i < rows->count; i++) {
		page_to(p, indent);
		draw_label(p, f, &rows->row[i], cells);
		page_to(p, left);
		draw_lane(p, chart.cell[i], chart.cols);
	}
}

void timeline_legend(struct page *p, unsigned indent)
{
	static const struct {
		enum glyph glyph;
		const char *meaning;
	} marks[] = {{GLYPH_ANSWERED, "answered"}, {GLYPH_FAILED, "failed"},
		{GLYPH_UNKNOWN, "unknown"}, {GLYPH_BOTH, "both"}, {GLYPH_DOWN, "opened next"}};
	page_to(p, indent);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		page_put(p, glyphs[marks[i].glyph].tone, glyphs[marks[i].glyph].text);
		page_printf(p, TONE_FAINT, " %s", marks[i].meaning);
		page_to(p, p->col + 2);
	}
	page_wrap(p, TONE_FAINT, indent, "(gaps shortened)");
	page_end(p);
}
