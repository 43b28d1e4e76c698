/* Prints a hand-made case: report-sample CASE FORMAT [WIDTH] [colour] [ascii] [all] [verbose] */
#include <locale.h>
#include <string.h>

#include "cases.h"

static const struct report_format *format_of(const char *name)
{
	for (size_t i = 0; i < report_formats_count(); i++)
		if (strcmp(report_formats_get(i)->name, name) == 0)
			return report_formats_get(i);
	return NULL;
}

int main(int argc, char **argv)
{
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* widths of wide characters */
	struct sample *s = argc < 3 ? NULL : sample_make(argv[1]);
	const struct report_format *format = argc < 3 ? NULL : format_of(argv[2]);
	if (s == NULL || format == NULL)
		return 2;
	struct report_style style = {.unicode = true};
	for (int i = 3; i < argc; i++) {
		style.colour |= strcmp(argv[i], "colour") == 0;
		style.unicode &= strcmp(argv[i], "ascii") != 0;
		style.verbose |= strcmp(argv[i], "verbose") == 0;
		s->c.all |= strcmp(argv[i], "all") == 0;
		if (argv[i][0] >= '0' && argv[i][0] <= '9')
			style.width = (unsigned)strtoul(argv[i], NULL, 10);
	}
	struct out o = {0};
	format->write(&o, &s->c, &style);
	bool failed = o.failed || fputs(out_string(&o), stdout) < 0;
	out_fini(&o);
	sample_fini(s);
	return failed;
}
