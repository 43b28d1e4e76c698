#include "report/markup.h"

void markup_text(struct out *o, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<' || *text == '>' || *text == '&' || *text == '"' || *text == '\'')
			out_printf(o, "&#%d;", *text);
		else
			out_bytes(o, text, 1);
	}
}

void markup_element(struct out *o, const char *tag, const char *class, const char *text)
{
	if (class == NULL)
		out_printf(o, "<%s>", tag);
	else
		out_printf(o, "<%s class=\"%s\">", tag, class);
	markup_text(o, text);
	out_printf(o, "</%s>", tag);
}
