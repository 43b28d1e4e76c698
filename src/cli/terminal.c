#include "cli/terminal.h"

#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_MAX 10000 /* more is a mistake */

static unsigned columns_wanted(void)
{
	const char *text = getenv("COLUMNS");
	char *end = NULL;
	unsigned long columns = text == NULL ? 0 : strtoul(text, &end, 10);
	return columns > 0 && columns < COLUMNS_MAX && *end == '\0' ? (unsigned)columns : 0;
}

struct terminal terminal_of(FILE *file)
{
	struct terminal t = {.width = columns_wanted(), .tty = isatty(fileno(file)) == 1};
	struct winsize size = {0};
	if (t.width == 0 && t.tty && ioctl(fileno(file), TIOCGWINSZ, &size) == 0)
		t.width = size.ws_col;
	const char *no_color = getenv("NO_COLOR"); /* no-color.org: set and not empty */
	const char *term = getenv("TERM");
	t.colour = t.tty && (no_color == NULL || *no_color == '\0') && term != NULL &&
	           strcmp(term, "dumb") != 0;
	t.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return t;
}
