/* Zeek's intelligence framework: tab-separated, a line "#fields" first, "-" for what is not known.
 * A domain is that name alone there, and a URL has no scheme. */
#include "intel/reader.h"

#define FIELDS_MAX 32u

struct columns { /* from 1; 0: there is none */
	size_t indicator, type, source, desc, confidence, until;
};

static struct columns columns_of(struct span header)
{
	struct columns c = {0};
	struct {
		const char *name;
		size_t *column;
	} known[] = {{"indicator", &c.indicator}, {"indicator_type", &c.type},
		{"meta.source", &c.source}, {"meta.desc", &c.desc},
		{"meta.confidence", &c.confidence}, {"meta.expire", &c.until},
		{"meta.valid_until", &c.until}};
	struct span word;
	(void)span_next(&header, '\t', &word);
	for (size_t i = 1; span_next(&header, '\t', &word); i++)
		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			if (span_is(span_trim(word), known[k].name))
				*known[k].column = i;
	return c;
}

static bool is_header(struct span line)
{
	if (!span_begins(line, "#fields"))
		return false;
	struct columns c = columns_of(line);
	return c.indicator != 0 && c.type != 0;
}

static bool claims(struct span head)
{
	struct span line;
	uint32_t number = 0;
	while (line_next(&head, &line, &number) && (line.len == 0 || line.ptr[0] == '#'))
		if (is_header(line))
			return true;
	return false;
}

static struct span column(const struct span field[static FIELDS_MAX], size_t number)
{
	struct span s = number == 0 || number > FIELDS_MAX ? (struct span){0} : field[number - 1];
	return span_is(s, "-") ? (struct span){0} : s;
}

static void take(struct reading *r, const struct columns *c, struct span line, uint32_t number)
{
	struct span field[FIELDS_MAX] = {{0}};
	for (size_t i = 0; i < FIELDS_MAX && span_next(&line, '\t', &field[i]); i++)
		;
	struct span type = column(field, c->type), desc = column(field, c->desc);
	struct draft more, d = {.value = column(field, c->indicator),
				   .note = desc.len > 0 ? desc : column(field, c->source),
				   .confidence = -1,
				   .line = number};
	char word[WORD_BYTES];
	struct span until = column(field, c->until), confidence = column(field, c->confidence);
	if (!span_begins(type, "Intel::") || !draft_word(&d, type, &more))
		reading_skip(r, number, "type %s", reading_word(type, word));
	else if (until.len > 0 && !draft_until(&d, until))
		reading_skip(r, number, "date of expiry that is none");
	else if (confidence.len > 0 && !draft_confidence(&d, confidence))
		reading_skip(r, number, "confidence that is none of 0 to 100");
	else
		reading_take(r, &d);
}

static int read_zeek(struct reading *r, struct fail *why)
{
	(void)why;
	struct span rest = r->text, line;
	struct columns c = {0};
	uint32_t number = 0;
	while (r->err == 0 && span_next(&rest, '\n', &line)) { /* fields may be empty: no trim */
		number++;
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (is_header(line))
			c = columns_of(line);
		else if (line.len == 0 || line.ptr[0] == '#')
			continue;
		else if (line.len > LINE_BYTES_MAX || c.indicator == 0)
			reading_skip(r, number, "no line of an intelligence file");
		else
			take(r, &c, line, number);
	}
	return 0;
}

const struct reader reader_zeek = {.name = "zeek", .claims = claims, .read = read_zeek};
