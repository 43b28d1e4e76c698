#include "cli/watch_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/signals.h"

int watch_out_open(struct watch_out *o, const char *path, bool hold, struct fail *why)
{
	*o = (struct watch_out){.path = path};
	o->file = path != NULL ? fopen(path, "ae") : stdout;
	if (o->file == NULL)
		return fail_set(why, -errno, "%s: %s", shown(path).text, strerror(errno));
	if (!hold)
		return 0;
	o->last = o->file;
	o->file = open_memstream(&o->held, &o->bytes);
	return o->file == NULL ? fail_set(why, -ENOMEM, "out of memory") : 0;
}

void watch_out_close(struct watch_out *o)
{
	FILE *last = o->last != NULL ? o->last : o->file;
	if (o->last != NULL && o->file != NULL)
		(void)fclose(o->file);
	free(o->held);
	if (last != NULL && last != stdout && fclose(last) != 0)
		message("%s: %s", shown(o->path).text, strerror(errno));
	*o = (struct watch_out){0};
}

static void flush(const struct watch_out *o, FILE *file)
{
	if (fflush(file) == 0 || signals_stop)
		return;
	message("%s: %s", o->path != NULL ? shown(o->path).text : "standard output",
		strerror(errno));
	signals_stop = 1;
}

void watch_out_flush(struct watch_out *o)
{
	flush(o, o->file);
}

void watch_out_let_go(struct watch_out *o)
{
	flush(o, o->file);
	if (o->last == NULL || o->bytes == 0)
		return;
	(void)fwrite(o->held, 1, o->bytes, o->last);
	flush(o, o->last);
	rewind(o->file);
}
