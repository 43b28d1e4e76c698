/* Markdown for a ticket: each finding with its channels, its evidence, and queries to look for
 * oneself. Readable as it stands, too. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/escape.h"
#include "report/filter.h"
#include "report/say.h"
#include "report/told.h"

#define NAME_BYTES_MAX  255
#define WORDS_BYTES_MAX 4096

/* What was said, as sentence or as code; empties it. */
static void put(struct out *o, struct out *said)
{
	escape_markdown(o, out_string(said), SIZE_MAX);
	o->failed |= said->failed;
	out_fini(said);
}

static void put_code(struct out *o, struct out *said)
{
	escape_code(o, out_string(said), SIZE_MAX);
	o->failed |= said->failed;
	out_fini(said);
}

static void put_fact(struct out *o, const char *name, struct out *said)
{
	out_printf(o, "| %s | ", name);
	put(o, said);
	out_text(o, " |\n");
}

static void put_facts(struct out *o, const struct report_case *c, const struct finding *f)
{
	struct out said = {0};
	out_text(o, "| | |\n| --- | --- |\n| host | ");
	say_address(&said, &f->host);
	put_code(o, &said);
	out_text(o, " |\n");
	if (f->process != NULL) {
		out_text(o, "| process | ");
		escape_code(o, f->process, NAME_BYTES_MAX);
		out_text(o, " |\n");
	}
	say_techniques(&said, f->kind);
	put_fact(o, "technique", &said);
	say_e(&said, f->e_value);
	out_text(&said, " (");
	say_e_meaning(&said, f, c->summary);
	out_text(&said, ")");
	put_fact(o, "E", &said);
	out_time(&said, f->first_ns);
	put_fact(o, "first", &said);
	out_time(&said, f->last_ns);
	put_fact(o, "last", &said);
	out_printf(&said, "%" PRIu32, f->episodes == 0 ? 1 : f->episodes);
	put_fact(o, "times", &said);
	say_ruling(&said, f->ruling);
	if (said.len > 0)
		put_fact(o, "verdict", &said);
	if (f->explained != NULL) {
		out_printf(&said, "%s: %s", f->explained,
			f->explained_text == NULL ? "" : f->explained_text);
		put_fact(o, "explained", &said);
	}
	out_text(o, "| id | ");
	escape_code(o, f->id, NAME_BYTES_MAX);
	out_text(o, " |\n\n");
	out_fini(&said);
}

static void put_channels(struct out *o, const struct finding *f)
{
	struct rows rows;
	struct out said = {0};
	rows_of(f, FINDING_CHANNELS_MAX, &rows);
	out_text(o, "| part | endpoint | over | how it went | names and addresses |\n"
		    "| --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < rows.count; i++) {
		const struct row *row = &rows.row[i];
		out_printf(o, "| %s | ", row_part(f, row));
		say_row(&said, f, row);
		put_code(o, &said);
		out_text(o, " | ");
		say_service(&said, &f->channel[row->channel[0]]);
		put_code(o, &said);
		out_text(o, " | ");
		say_result(&said, f, row);
		put(o, &said);
		out_text(o, " | ");
		say_naming(&said, f, row);
		if (strcmp(out_string(&said), "no name") == 0)
			put(o, &said);
		else
			put_code(o, &said);
		out_text(o, " |\n");
	}
	out_text(o, "\n");
}

static void put_why(struct out *o, const struct finding *f)
{
	out_text(o, "Why:\n\n");
	for (size_t i = 0; i < f->evidences; i++) {
		out_text(o, "- ");
		escape_markdown(o, f->evidence[i].text, WORDS_BYTES_MAX);
		if (fabs(f->evidence[i].bits) >= 0.05)
			out_printf(o, " (%+.1f bits)", say_bits(f->evidence[i].bits));
		out_text(o, "\n");
	}
	out_text(o, "\n");
}

/* Queries hold plain names and addresses only, or \xNN: nothing in them ends a fence. */
static void put_queries(struct out *o, const struct finding *f)
{
	struct out said = {0};
	out_text(o, "Look for yourself:\n\nWireshark\n\n```\n");
	filter_say(&said, f);
	out_safe(o, out_string(&said), SIZE_MAX);
	out_text(o, "\n```\n");
	for (size_t i = 0; i < filter_dialects(); i++) {
		out_clear(&said);
		filter_say_in(&said, i, f);
		out_printf(o, "\n%s\n\n```\n", filter_dialect(i));
		out_safe(o, out_string(&said), SIZE_MAX);
		out_text(o, "\n```\n");
	}
	out_text(o, "\n");
	o->failed |= said.failed;
	out_fini(&said);
}

static void put_finding(struct out *o, const struct report_case *c, const struct finding *f)
{
	struct out said = {0};
	out_text(o, "## ");
	say_address(&said, &f->host);
	put_code(o, &said);
	out_text(o, " ");
	out_text(&said, finding_kind_sentence(f->kind));
	put(o, &said);
	out_text(o, "\n\n");
	put_facts(o, c, f);
	put_channels(o, f);
	put_why(o, f);
	put_queries(o, f);
}

static void markdown_write(
	struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct out said = {0};
	out_text(o, "# Fallback channels (T1008)\n\n");
	say_verdict(&said, c);
	put(o, &said);
	out_text(o, "\n\nRead: ");
	say_inputs(&said, c);
	put(o, &said);
	out_text(o, "\n\n");
	for (size_t i = 0; i < c->findings; i++)
		if (told_of(c, c->finding[i]))
			put_finding(o, c, c->finding[i]);
	for (size_t i = 0; i < c->summary->offs; i++) {
		out_text(o, i == 0 ? "## What could not be judged\n\n- " : "- ");
		escape_markdown(o, c->summary->off[i].text, WORDS_BYTES_MAX);
		out_text(o, "\n");
	}
}

const struct report_format report_markdown = {
	.name = "markdown",
	.explanation = "Markdown for a ticket",
	.write = markdown_write,
};
