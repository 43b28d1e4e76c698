/* Inside report/: a terminal page: columns, colours, wrapping. Text is UTF-8 and already safe;
 * widths are counted in cells. */
#pragma once

#include "base/out.h"

enum tone { TONE_PLAIN, TONE_STRONG, TONE_FAINT, TONE_FAILED, TONE_OPEN, TONE_FALLBACK };

struct page {
	struct out *out;
	unsigned width, col;
	unsigned spaces; /* owed before the next text: none are left at a line's end */
	bool colour;
};

unsigned cells_of(const char *text);
/* Appends at most `cells` cells of text; what is cut ends in an ellipsis. */
void cells_cut(struct out *o, const char *text, unsigned cells);

void page_put(struct page *p, enum tone tone, const char *text);
void page_printf(struct page *p, enum tone tone, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Moves to a column; when it is passed already, two spaces on. */
void page_to(struct page *p, unsigned col);
void page_end(struct page *p);
/* Ends the line with text at the right edge; on a line of its own when there is no room. */
void page_right(struct page *p, enum tone tone, const char *text);
/* Writes words from here on; further lines begin at column indent. */
void page_wrap(struct page *p, enum tone tone, unsigned indent, const char *text);

/* The same text in ASCII, cell for cell where that is possible. */
void page_ascii(struct out *o, const char *text);
