#include "cli/progress.h"

#include "base/clock.h"
#include "base/limits.h"
#include "report/page.h"
#include "report/say.h"

#define FIRST_NS   NS_PER_S
#define EVERY_NS   (NS_PER_S / 10)
#define BAR_CELLS  24
#define LINE_CELLS 78 /* bar and all numbers at their longest */

void progress_init(struct progress *p, const struct terminal *t, bool quiet)
{
	*p = (struct progress){.on = t->colour && !quiet,
		.width = t->width == 0 ? REPORT_WIDTH_DEFAULT : t->width,
		.start_ns = clock_steady_ns()};
}

static void say_bar(struct out *o, double share)
{
	size_t full = (size_t)(share * BAR_CELLS);
	out_text(o, "[");
	for (size_t i = 0; i < BAR_CELLS; i++)
		out_text(o, i < full ? "=" : " ");
	out_printf(o, "] %3.0f%%  ", 100 * share);
}

static void say_progress(
	struct out *o, const struct run_progress *now, int64_t elapsed_ns, unsigned width)
{
	double seconds = (double)elapsed_ns / 1e9;
	double rate = (double)now->done_bytes / seconds;
	bool known = now->total_bytes > 0 && now->done_bytes <= now->total_bytes;
	if (known && width >= LINE_CELLS)
		say_bar(o, (double)now->done_bytes / (double)now->total_bytes);
	say_bytes(o, now->done_bytes);
	if (known) {
		out_text(o, " of ");
		say_bytes(o, now->total_bytes);
	}
	out_text(o, ", ");
	say_bytes(o, (uint64_t)rate);
	out_text(o, "/s");
	if (known && rate > 0) {
		double left = (double)(now->total_bytes - now->done_bytes) / rate;
		out_text(o, ", ");
		say_span(o, (int64_t)((left < 1e9 ? left + 1 : 1e9)) * NS_PER_S);
		out_text(o, " left");
	} else if (!known) {
		out_text(o, ", ");
		say_plural(o, now->records, "record");
	}
}

void progress_show(void *context, const struct run_progress *now)
{
	struct progress *p = context;
	if (!p->on)
		return;
	int64_t at = clock_steady_ns();
	if (at - p->start_ns < FIRST_NS || at - p->last_ns < EVERY_NS)
		return;
	struct out line = {0}, cut = {0};
	say_progress(&line, now, at - p->start_ns, p->width);
	cells_cut(&cut, out_string(&line), p->width - 1);
	(void)fprintf(stderr, "\r%s\x1b[K", out_string(&cut));
	(void)fflush(stderr);
	out_fini(&line);
	out_fini(&cut);
	p->last_ns = at;
	p->drawn = true;
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		(void)fputs("\r\x1b[K", stderr);
	p->drawn = false;
}
