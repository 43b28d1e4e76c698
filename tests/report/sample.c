/* Prints a hand-made case: report-sample CASE FORMAT [WIDTH] [colour] [ascii] [all] [verbose];
 * report-sample formats: their names */
#include <locale.h>
#include <string.h>

#include "cases.h"

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < report_formats_count(); i++)
		(void)puts(report_formats_get(i)->name);
	if (argc == 2)
		return 0;
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* widths of wide characters */
	struct sample *s = argc < 3 ? NULL : sample_make(argv[1]);
	const struct report_format *format = argc < 3 ? NULL : report_formats_find(argv[2]);
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
