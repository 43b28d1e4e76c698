#include "report/escape.h"

#include <string.h>
#include <strings.h>

static void escape(
	struct out *o, const char *text, size_t max_bytes, const char *escaped, const char *mark)
{
	struct out safe = {0};
	out_safe(&safe, text, max_bytes);
	for (const char *c = out_string(&safe); *c != '\0'; c++) {
		if (strchr(escaped, *c) != NULL)
			out_text(o, mark);
		out_bytes(o, c, 1);
	}
	o->failed |= safe.failed;
	out_fini(&safe);
}

void escape_csv(struct out *o, const char *text, size_t max_bytes)
{
	out_text(o, "\"");
	/* \t and \r, which begin formulas too, are \x09 and \x0d by then; so a backslash is safe */
	if (*text != '\0' && strchr("=+-@", *text) != NULL)
		out_text(o, "'");
	escape(o, text, max_bytes, "\"", "\"");
	out_text(o, "\"");
}

void escape_cef_head(struct out *o, const char *text, size_t max_bytes)
{
	escape(o, text, max_bytes, "|\\", "\\");
}

void escape_cef_value(struct out *o, const char *text, size_t max_bytes)
{
	escape(o, text, max_bytes, "=\\", "\\");
}

void escape_syslog(struct out *o, const char *text, size_t max_bytes)
{
	escape(o, text, max_bytes, "\"\\]", "\\");
}

/* What GitHub makes a link of without being asked: www. and scheme:// (and name@host, which it
 * looks for when entities are characters again: only code stops that). */
static bool begins_link(const char *c)
{
	return strncmp(c, "://", 3) == 0 || (*c == 'w' && strncasecmp(c, "www.", 4) == 0) ||
	       (*c == 'W' && strncasecmp(c, "www.", 4) == 0);
}

void escape_markdown(struct out *o, const char *text, size_t max_bytes)
{
	struct out safe = {0};
	out_safe(&safe, text, max_bytes);
	for (const char *c = out_string(&safe); *c != '\0'; c++) {
		if (*c == '@')
			out_text(o, "`@`");
		else if (begins_link(c) || strchr("<>&", *c) != NULL)
			out_printf(o, "&#%u;", (unsigned)(unsigned char)*c);
		else if (strchr("\\`*_{}[]#|~!", *c) != NULL)
			out_printf(o, "\\%c", *c);
		else
			out_bytes(o, c, 1);
	}
	o->failed |= safe.failed;
	out_fini(&safe);
}

void escape_code(struct out *o, const char *text, size_t max_bytes)
{
	struct out safe = {0};
	out_safe(&safe, text, max_bytes);
	out_text(o, *text == '\0' ? "" : "`");
	for (const char *c = out_string(&safe); *c != '\0'; c++) {
		if (*c == '`' || *c == '|') /* neither can be escaped in code of every dialect */
			out_printf(o, "\\x%02x", (unsigned)*c);
		else
			out_bytes(o, c, 1);
	}
	out_text(o, *text == '\0' ? "" : "`");
	o->failed |= safe.failed;
	out_fini(&safe);
}
