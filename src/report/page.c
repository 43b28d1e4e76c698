#include "report/page.h"

#include <string.h>
#include <wchar.h>

/* Length of the UTF-8 sequence at s and its code point. What is not UTF-8 counts byte by byte (it
 * never comes here: out_safe escaped it). */
static size_t next_point(const char *s, uint32_t *ret)
{
	unsigned char lead = (unsigned char)s[0];
	size_t len = lead < 0xc0 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	uint32_t point = len == 1 ? lead : lead & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80) {
			*ret = lead;
			return 1;
		}
		point = point << 6 | ((unsigned char)s[i] & 0x3fu);
	}
	*ret = point;
	return len;
}

static unsigned point_cells(uint32_t point)
{
	if (point < 0x7f)
		return 1;
	int cells = wcwidth((wchar_t)point);
	return cells < 0 ? 1 : (unsigned)cells;
}

unsigned cells_of(const char *text)
{
	unsigned cells = 0;
	uint32_t point = 0;
	while (*text != '\0') {
		text += next_point(text, &point);
		cells += point_cells(point);
	}
	return cells;
}

/* Bytes of text that fill at most `cells`. */
static size_t bytes_of(const char *text, unsigned cells)
{
	size_t bytes = 0;
	uint32_t point = 0;
	while (text[bytes] != '\0') {
		size_t len = next_point(text + bytes, &point);
		if (point_cells(point) > cells)
			break;
		cells -= point_cells(point);
		bytes += len;
	}
	return bytes;
}

void cells_cut(struct out *o, const char *text, unsigned cells)
{
	if (cells_of(text) <= cells) {
		out_text(o, text);
		return;
	}
	out_bytes(o, text, bytes_of(text, cells - 1));
	out_text(o, "…");
}

static void put_bytes(struct page *p, enum tone tone, const char *text, size_t len)
{
	static const char *const codes[] = {
		"", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"};
	struct out piece = {0};
	out_bytes(&piece, text, len);
	if (len > 0) {
		out_printf(p->out, "%*s", (int)p->spaces, "");
		p->spaces = 0;
	}
	bool coloured = p->colour && tone != TONE_PLAIN && len > 0;
	out_text(p->out, coloured ? codes[tone] : "");
	out_text(p->out, out_string(&piece));
	out_text(p->out, coloured ? "\x1b[0m" : "");
	p->col += cells_of(out_string(&piece));
	p->out->failed |= piece.failed;
	out_fini(&piece);
}

void page_put(struct page *p, enum tone tone, const char *text)
{
	put_bytes(p, tone, text, strlen(text));
}

void page_printf(struct page *p, enum tone tone, const char *fmt, ...)
{
	char text[160]; /* for words of our own; longer ones are cut */
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	page_put(p, tone, text);
}

void page_to(struct page *p, unsigned col)
{
	unsigned spaces = col >= p->col ? col - p->col : 2;
	p->spaces += spaces;
	p->col += spaces;
}

void page_end(struct page *p)
{
	out_text(p->out, "\n");
	p->col = 0;
	p->spaces = 0;
}

void page_right(struct page *p, enum tone tone, const char *text)
{
	unsigned cells = cells_of(text);
	if (p->col + 2 + cells > p->width)
		page_end(p);
	if (cells < p->width)
		page_to(p, p->width - cells);
	page_put(p, tone, text);
	page_end(p);
}

/* Bytes of as many whole words as fit. */
static size_t words_of(const char *text, unsigned cells)
{
	size_t best = 0, fits = bytes_of(text, cells);
	for (size_t end = strcspn(text, " "); end <= fits; end += strcspn(text + end, " ")) {
		best = end;
		end += strspn(text + end, " ");
		if (text[end] == '\0')
			break;
	}
	return best;
}

void page_wrap(struct page *p, enum tone tone, unsigned indent, const char *text)
{
	for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
		unsigned room = p->width > p->col ? p->width - p->col : 0;
		size_t bytes = words_of(text, room);
		if (bytes == 0 && p->col <= indent) /* a word that is longer than a line */
			bytes = bytes_of(text, room < 2 ? 2 : room);
		put_bytes(p, tone, text, bytes);
		text += bytes;
		if (text[strspn(text, " ")] != '\0') {
			page_end(p);
			page_to(p, indent);
		}
	}
}

void page_ascii(struct out *o, const char *text)
{
	static const struct {
		uint32_t point;
		const char *ascii;
	} twins[] = {{0x25cf, "o"}, {0xd7, "x"}, {0x25cb, "?"}, {0x25d0, "%"}, {0x2570, "`"},
		{0x256d, ","}, {0x2502, "|"}, {0x2500, "-"}, {0xb7, "-"}, {0x2026, "~"},
		{0x2264, "<="}, {0xb5, "u"}, {0x2192, "->"}, {0x2013, "-"}};
	uint32_t point = 0;
	size_t len = 0;
	for (; *text != '\0'; text += len) {
		len = next_point(text, &point);
		if (point < 0x80) {
			out_bytes(o, text, 1);
			continue;
		}
		size_t i = 0;
		while (i < ARRAY_LEN(twins) && twins[i].point != point)
			i++;
		unsigned cells = point_cells(point);
		out_text(o, i < ARRAY_LEN(twins) ? twins[i].ascii : cells == 2 ? "??" : "?");
	}
}
