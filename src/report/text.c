/* Text: what a person reads at a terminal. A finding fits a screen, the sentence comes before the
 * number, and every number can be checked with the tools that the reader has. */
#include <math.h>
#include <string.h>

#include "report/bad.h"
#include "report/filter.h"
#include "report/page.h"
#include "report/say.h"
#include "report/timeline.h"

#define INDENT        4
#define HANG          12 /* text behind the labels: from, why, look */
#define ROWS_MAX      8  /* more would not fit a screen */
#define SERVICE_MIN   4
#define TABLE_GAP     2
#define RESULT_MIN    28 /* cells below which the result gets a line of its own */
#define NAMING_MIN    30 /* cells below which names share the column of results */
#define RECORDS_SHOWN 3
#define ALSO_SHOWN    1
#define BITS_CELLS    14

/* Words of a row, written once to measure and print them. */
struct entry {
	struct out endpoint, service, result, naming;
};

struct table {
	struct entry entry[ROWS_MAX];
	unsigned endpoint, service, result, naming; /* widest, in cells */
};

static unsigned wider(unsigned widest, const struct out *text)
{
	unsigned cells = cells_of(out_string(text));
	return cells > widest ? cells : widest;
}

static void table_of(const struct finding *f, const struct rows *rows, struct table *t)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct entry *e = &t->entry[i];
		const struct row *row = &rows->row[i];
		say_row(&e->endpoint, f, row);
		say_service(&e->service, &f->channel[row->channel[0]]);
		say_result(&e->result, f, row);
		say_naming(&e->naming, f, row);
		t->endpoint = wider(t->endpoint, &e->endpoint);
		t->service = wider(t->service, &e->service);
		t->result = wider(t->result, &e->result);
		t->naming = wider(t->naming, &e->naming);
	}
}

static void table_fini(struct table *t)
{
	for (size_t i = 0; i < ROWS_MAX; i++) {
		out_fini(&t->entry[i].endpoint);
		out_fini(&t->entry[i].service);
		out_fini(&t->entry[i].result);
		out_fini(&t->entry[i].naming);
	}
}

static enum tone result_tone(const struct row *row)
{
	if (row->failures == 0)
		return row->failure == OUTCOME_UNKNOWN ? TONE_PLAIN : TONE_OPEN;
	return row->failures >= row->tries ? TONE_FAILED : TONE_PLAIN;
}

/* The part of a line behind the endpoint and service: in columns when all rows fit so, else
 * wrapped. */
static void put_result(
	struct page *p, const struct table *t, struct entry *e, const struct row *row)
{
	unsigned left = p->col;
	unsigned naming = t->naming < NAMING_MIN ? t->naming : NAMING_MIN;
	bool beside = left + t->result <= p->width && p->width - left >= RESULT_MIN;
	bool columns = beside && left + t->result + TABLE_GAP + naming <= p->width;
	if (!beside) {
		page_end(p);
		page_to(p, HANG);
		left = HANG;
	}
	if (!columns && e->naming.len > 0)
		out_text(&e->result, ";");
	page_wrap(p, result_tone(row), left, out_string(&e->result));
	left += columns ? t->result + TABLE_GAP : 0;
	page_to(p, columns ? left : p->col + 1);
	page_wrap(p, TONE_PLAIN, left, out_string(&e->naming));
}

static void put_fingerprints(struct page *p, const struct finding_channel *ch)
{
	struct out line = {0};
	say_traffic(&line, ch);
	const char *const items[][2] = {
		{"ja3 ", ch->ja3}, {"ja4 ", ch->ja4}, {"user agent ", ch->user_agent}};
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		if (items[i][1] == NULL)
			continue;
		out_printf(&line, "%s%s", line.len == 0 ? "" : "; ", items[i][0]);
		out_safe(&line, items[i][1], 256);
	}
	if (line.len > 0) {
		page_to(p, HANG);
		page_wrap(p, TONE_FAINT, HANG, out_string(&line));
		page_end(p);
	}
	out_fini(&line);
}

static void put_channels(struct page *p, const struct finding *f, const struct rows *rows,
	const struct report_style *style)
{
	struct table t = {.service = SERVICE_MIN};
	table_of(f, rows, &t);
	unsigned most = p->width - HANG - t.service - TABLE_GAP;
	unsigned service = HANG + (t.endpoint < most ? t.endpoint : most) + TABLE_GAP;
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->row[i];
		page_to(p, INDENT);
		page_put(p, TONE_FAINT, row_part(f, row));
		page_to(p, HANG);
		struct out cut = {0};
		cells_cut(&cut, out_string(&t.entry[i].endpoint), most);
		page_put(
			p, row_is_fallback(f, row) ? TONE_FALLBACK : TONE_STRONG, out_string(&cut));
		out_fini(&cut);
		page_to(p, service);
		page_put(p, TONE_PLAIN, out_string(&t.entry[i].service));
		page_to(p, service + t.service + TABLE_GAP);
		put_result(p, &t, &t.entry[i], row);
		page_end(p);
		if (style->verbose && row->channels == 1)
			put_fingerprints(p, &f->channel[row->channel[0]]);
	}
	table_fini(&t);
}

static void put_title(struct page *p, const struct finding *f, size_t number)
{
	struct out name = {0}, value = {0};
	say_address(&name, &f->host);
	if (f->process != NULL) {
		out_text(&name, " (");
		out_safe(&name, f->process, 64);
		out_text(&name, ")");
	}
	page_printf(p, TONE_STRONG, "%2zu  ", number);
	page_wrap(p, TONE_STRONG, INDENT, out_string(&name));
	page_to(p, p->col + 3);
	page_wrap(p, TONE_STRONG, INDENT, finding_kind_sentence(f->kind));
	out_text(&value, "E ");
	say_e(&value, f->e_value);
	out_text(&value, " per host-day   ");
	say_techniques(&value, f->kind);
	page_right(p, TONE_PLAIN, out_string(&value));
	out_fini(&name);
	out_fini(&value);
}

static void put_label(struct page *p, const char *label)
{
	page_to(p, INDENT);
	page_put(p, TONE_FAINT, label);
	page_to(p, HANG);
}

static void put_evidence(struct page *p, const struct finding_evidence *e)
{
	char bits[32] = "";
	page_to(p, INDENT);
	page_put(p, TONE_PLAIN, "· ");
	if (fabs(e->bits) >= 0.05)
		(void)snprintf(bits, sizeof bits, "%+.1f bits", say_bits(e->bits));
	struct page narrow = *p; /* leaves the column of bits free */
	narrow.width -= bits[0] == '\0' ? 0 : BITS_CELLS;
	page_wrap(&narrow, TONE_PLAIN, INDENT + 2, e->text);
	p->col = narrow.col;
	p->spaces = narrow.spaces;
	if (bits[0] != '\0')
		page_right(p, e->bits < 0 ? TONE_FALLBACK : TONE_STRONG, bits);
	else
		page_end(p);
}

/* Other looks at the same failures add nothing to E: one of them will do. */
static void put_evidences(struct page *p, const struct finding *f, bool verbose)
{
	size_t also = 0;
	for (size_t i = 0; i < f->evidences; i++) {
		also += say_is_also(&f->evidence[i]);
		if (verbose || also <= ALSO_SHOWN || !say_is_also(&f->evidence[i]))
			put_evidence(p, &f->evidence[i]);
	}
	if (verbose || also <= ALSO_SHOWN)
		return;
	page_to(p, INDENT);
	page_printf(p, TONE_FAINT, "  (and %zu more ways to see the same failures: -v)",
		also - ALSO_SHOWN);
	page_end(p);
}

static void put_why(struct page *p, const struct finding *f, const struct summary *s, bool verbose)
{
	page_to(p, INDENT);
	page_put(p, TONE_FAINT, "why");
	page_end(p);
	struct out text = {0};
	put_evidences(p, f, verbose);
	if (f->explained == NULL) {
		out_text(&text, "not: ");
		say_considered(&text);
		page_to(p, INDENT);
		page_put(p, TONE_PLAIN, "· ");
		page_wrap(p, TONE_PLAIN, INDENT + 2, out_string(&text));
		page_end(p);
	}
	out_clear(&text);
	out_text(&text, "E means: ");
	say_e_meaning(&text, f, s);
	page_to(p, INDENT);
	page_wrap(p, TONE_PLAIN, INDENT, out_string(&text));
	page_end(p);
	out_fini(&text);
}

static void put_ruling(struct page *p, const struct finding *f)
{
	if (f->ruling == NULL)
		return;
	struct out text = {0};
	say_ruling(&text, f->ruling);
	put_label(p, "verdict");
	page_wrap(p, TONE_STRONG, HANG, out_string(&text));
	page_end(p);
	out_fini(&text);
}

/* The filter is not wrapped: it is there to be copied. */
static void put_look(struct page *p, const struct finding *f)
{
	struct out text = {0};
	filter_say(&text, f);
	put_label(p, "look");
	page_put(p, TONE_FAINT, "wireshark: ");
	page_put(p, TONE_PLAIN, out_string(&text));
	page_end(p);
	size_t records = f->uids > 0 ? f->uids : f->records;
	const char *const *record = f->uids > 0 ? f->uid : f->record;
	out_clear(&text);
	for (size_t i = 0; i < records && i < RECORDS_SHOWN; i++) {
		out_text(&text, i == 0 ? "" : ", ");
		out_safe(&text, record[i], 64);
	}
	if (records > RECORDS_SHOWN)
		out_printf(&text, " and %zu more", records - RECORDS_SHOWN);
	if (records > 0) {
		page_to(p, HANG);
		page_put(p, TONE_FAINT, f->uids > 0 ? "uids: " : "community ids: ");
		page_wrap(p, TONE_PLAIN, HANG, out_string(&text));
		page_end(p);
	}
	out_fini(&text);
}

static void put_finding(struct page *p, const struct report_case *c,
	const struct report_style *style, const struct finding *f, size_t number)
{
	struct rows rows;
	rows_of(f, ROWS_MAX, &rows);
	page_end(p);
	put_title(p, f, number);
	put_ruling(p, f);
	put_channels(p, f, &rows, style);
	page_end(p);
	timeline_draw(p, f, &rows, INDENT);
	if (number == 1)
		timeline_legend(p, INDENT);
	page_end(p);
	put_why(p, f, c->summary, style->verbose);
	page_end(p);
	put_look(p, f);
}

static void put_brief(struct page *p, const struct finding *f, size_t number)
{
	put_title(p, f, number);
	struct out text = {0};
	say_route(&text, f);
	page_to(p, INDENT);
	page_wrap(p, TONE_PLAIN, INDENT, out_string(&text));
	page_end(p);
	out_clear(&text);
	say_reason(&text, f);
	page_to(p, INDENT);
	page_wrap(p, TONE_PLAIN, INDENT, out_string(&text));
	page_end(p);
	out_fini(&text);
}

static void put_section(
	struct page *p, const struct report_case *c, enum standing standing, size_t *number)
{
	static const char *const titles[] = {[STANDING_REPORTED] = "",
		[STANDING_WEAKER] = "weaker than the line",
		[STANDING_EXPLAINED] = "explained as benign",
		[STANDING_REJECTED] = "rejected by a person"};
	bool first = true;
	for (size_t i = 0; i < c->findings; i++) {
		if (finding_standing(c, c->finding[i]) != standing)
			continue;
		page_end(p);
		if (first) {
			page_put(p, TONE_FAINT, titles[standing]);
			page_end(p);
		}
		first = false;
		put_brief(p, c->finding[i], ++*number);
	}
}

static void put_nothing(struct page *p, const struct report_case *c)
{
	struct out text = {0};
	const struct finding *closest = case_closest(c);
	page_end(p);
	put_label(p, "seen");
	say_plural(&text, c->summary->hosts, "host");
	out_text(&text, " for ");
	say_e(&text, c->summary->host_days);
	out_text(&text, " host-days; a fallback before, after or beside what was read is not seen");
	page_wrap(p, TONE_PLAIN, HANG, out_string(&text));
	page_end(p);
	put_label(p, "closest");
	out_clear(&text);
	if (closest == NULL) {
		out_text(&text, "nothing that looks like a fallback");
	} else {
		say_address(&text, &closest->host);
		out_printf(&text, ", %s, ", finding_kind_sentence(closest->kind));
		say_route(&text, closest);
		out_text(&text, ": E ");
		say_e(&text, closest->e_value);
		out_text(&text, " per host-day");
	}
	page_wrap(p, TONE_PLAIN, HANG, out_string(&text));
	page_end(p);
	out_fini(&text);
}

static void put_off(struct page *p, const struct summary *s)
{
	for (size_t i = 0; i < s->offs; i++) {
		if (i == 0) {
			page_end(p);
			page_put(p, TONE_FAINT, "could not be judged");
			page_end(p);
		}
		page_to(p, INDENT);
		page_put(p, TONE_PLAIN, "· ");
		page_wrap(p, TONE_PLAIN, INDENT + 2, s->off[i].text);
		page_end(p);
	}
}

static void put_inputs(struct page *p, const struct report_case *c)
{
	struct out text = {0};
	for (size_t i = 0; i < c->inputs; i++) {
		out_clear(&text);
		say_input(&text, c->input[i]);
		page_to(p, INDENT);
		page_wrap(p, TONE_FAINT, INDENT + 2, out_string(&text));
		page_end(p);
	}
	out_fini(&text);
}

static void put_end(struct page *p, const struct report_case *c)
{
	struct tally tally = case_tally(c);
	struct out text = {0};
	page_end(p);
	say_safelist(&text, c);
	if (text.len > 0) {
		page_wrap(p, TONE_FAINT, 2, out_string(&text));
		page_end(p);
	}
	out_clear(&text);
	say_calibration(&text, c);
	if (text.len > 0) {
		page_wrap(p, TONE_FAINT, 2, out_string(&text));
		page_end(p);
	}
	out_clear(&text);
	say_verdict(&text, c);
	if (!c->all && tally.weaker + tally.explained + tally.rejected > 0)
		out_text(&text, "; --all shows them");
	if (c->summary->partial)
		out_text(&text, "; not all of the input was read");
	page_wrap(p, TONE_STRONG, 0, out_string(&text));
	page_end(p);
	out_fini(&text);
}

static void put_case(struct page *p, const struct report_case *c, const struct report_style *style)
{
	struct out text = {0};
	out_text(&text, "postern: ");
	say_read(&text, c);
	page_wrap(p, TONE_PLAIN, 2, out_string(&text));
	page_end(p);
	out_fini(&text);
	if (style->verbose)
		put_inputs(p, c);
	size_t number = 0;
	for (size_t i = 0; i < c->findings; i++)
		if (finding_standing(c, c->finding[i]) == STANDING_REPORTED)
			put_finding(p, c, style, c->finding[i], ++number);
	if (number == 0)
		put_nothing(p, c);
	if (c->all) {
		put_section(p, c, STANDING_WEAKER, &number);
		put_section(p, c, STANDING_EXPLAINED, &number);
		put_section(p, c, STANDING_REJECTED, &number);
	}
	bad_text(p, c);
	put_off(p, c->summary);
	put_end(p, c);
}

static unsigned width_of(const struct report_style *style)
{
	unsigned width = style->width == 0 ? REPORT_WIDTH_DEFAULT : style->width;
	width = width < REPORT_WIDTH_MIN ? REPORT_WIDTH_MIN : width;
	return width > REPORT_WIDTH_MAX ? REPORT_WIDTH_MAX : width;
}

static void text_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	struct out utf8 = {0};
	struct page p = {.out = style->unicode ? o : &utf8,
		.width = width_of(style),
		.colour = style->colour};
	put_case(&p, c, style);
	if (!style->unicode) {
		page_ascii(o, out_string(&utf8));
		o->failed |= utf8.failed;
	}
	out_fini(&utf8);
}

const struct report_format report_text = {
	.name = "text",
	.explanation = "for a person at a terminal",
	.write = text_write,
};
