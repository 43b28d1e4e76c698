/* HTML: one page that needs nothing else. */
#include "report/report.h"

static void escape(struct out *o, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<' || *text == '>' || *text == '&' || *text == '"' || *text == '\'')
			out_printf(o, "&#%d;", *text);
		else
			out_bytes(o, text, 1);
	}
}

static void html_write(struct out *o, const struct report_case *c, const struct report_style *style)
{
	struct report_style wide = {.width = 120, .unicode = true, .verbose = style->verbose};
	struct out text = {0};
	report_text.write(&text, c, &wide);
	out_text(o, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Postern"
		    "</title>\n<pre>\n");
	escape(o, out_string(&text));
	out_text(o, "</pre></html>\n");
	o->failed |= text.failed;
	out_fini(&text);
}

const struct report_format report_html = {
	.name = "html",
	.explanation = "one page that needs no network",
	.write = html_write,
};
