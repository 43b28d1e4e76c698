/* Suricata's IP reputation: "ADDRESS[/BITS],CATEGORY,SCORE", and the file of categories,
 * "CATEGORY,SHORT NAME,DESCRIPTION" (docs.suricata.io, reputation). A score of 1 to 127 is how sure
 * the list is that the address belongs to the category; 0 says nothing. */
#include "intel/reader.h"

#define SCORE_MAX 127u

struct row {
	struct span what;
	uint64_t category, score; /* score over SCORE_MAX: a category's name stands there */
	struct span name;
};

static bool row_of(struct span line, struct row *ret)
{
	struct span fields[3] = {{0}};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (i == 2) { /* a description may have commas */
			fields[i] = span_trim(line);
			break;
		}
		if (!span_next(&line, ',', &fields[i]))
			return false;
		fields[i] = span_trim(fields[i]);
	}
	*ret = (struct row){.what = fields[0], .score = SCORE_MAX + 1, .name = fields[1]};
	if (scan_max(fields[0], CATEGORIES - 1, &ret->category) == 0 && ret->category > 0)
		return fields[1].len > 0 && fields[2].len > 0 &&
		       !(fields[1].ptr[0] >= '0' && fields[1].ptr[0] <= '9');
	struct draft d = {.value = fields[0], .confidence = -1};
	return scan_max(fields[1], CATEGORIES - 1, &ret->category) == 0 && ret->category > 0 &&
	       scan_max(fields[2], SCORE_MAX, &ret->score) == 0 && draft_guess(&d) &&
	       (d.kind == INTEL_NETWORK || d.kind == INTEL_ADDRESS);
}

static bool claims(struct span head)
{
	struct span line;
	struct row row;
	return line_first(head, &line) && row_of(line, &row);
}

static void take(struct reading *r, const struct row *row, uint32_t line)
{
	if (row->score > SCORE_MAX) {
		r->set->category[row->category] =
			strings_add_bytes(r->set->notes, row->name.ptr, row->name.len);
		return;
	}
	if (row->score == 0) {
		reading_skip(r, line, "score 0: no reputation");
		return;
	}
	struct draft d = {.kind = INTEL_NETWORK,
		.value = row->what,
		.confidence = (int)(row->score * 100 / SCORE_MAX),
		.category = (uint8_t)row->category,
		.line = line};
	reading_take(r, &d);
}

static int read_iprep(struct reading *r, struct fail *why)
{
	(void)why;
	struct span rest = r->text, line;
	uint32_t number = 0;
	while (r->err == 0 && line_next(&rest, &line, &number)) {
		struct row row;
		if (line_is_comment(line))
			continue;
		if (line.len > LINE_BYTES_MAX || !row_of(line, &row))
			reading_skip(r, number, "not address,category,score");
		else
			take(r, &row, number);
	}
	return 0;
}

const struct reader reader_iprep = {.name = "iprep", .claims = claims, .read = read_iprep};
