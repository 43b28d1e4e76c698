/* One thing a line, by its looks: an address, a network, a name, *.name, .name, a URL, a file's
 * hash. What follows behind white space or ';' is a note, as Spamhaus and others have it. */
#include "intel/reader.h"

static bool take_apart(struct span line, struct draft *d)
{
	size_t end = 0;
	while (end < line.len && line.ptr[end] != ' ' && line.ptr[end] != '\t' &&
		line.ptr[end] != ';')
		end++;
	*d = (struct draft){.value = {line.ptr, end}, .confidence = -1};
	struct span note = {line.ptr + end, line.len - end};
	while (note.len > 0 && (note.ptr[0] == ';' || note.ptr[0] == '#' || note.ptr[0] == ' ' ||
				       note.ptr[0] == '\t'))
		note = (struct span){note.ptr + 1, note.len - 1};
	d->note = note;
	return draft_guess(d);
}

static bool claims(struct span head)
{
	struct span line;
	struct draft d;
	return line_first(head, &line) && line.len <= LINE_BYTES_MAX && take_apart(line, &d);
}

static int read_list(struct reading *r, struct fail *why)
{
	(void)why;
	struct span rest = r->text, line;
	uint32_t number = 0;
	while (r->err == 0 && line_next(&rest, &line, &number)) {
		struct draft d;
		if (line_is_comment(line))
			continue;
		if (line.len > LINE_BYTES_MAX || !take_apart(line, &d)) {
			reading_skip(r, number, "neither address, network, name, URL nor hash");
			continue;
		}
		d.line = number;
		reading_take(r, &d);
	}
	return 0;
}

const struct reader reader_list = {.name = "list", .claims = claims, .read = read_list};
