#include "cli/watch_say.h"

#include <string.h>

#include "report/emit.h"
#include "report/json.h"

bool watch_is_json(const struct watch *w)
{
	return w->json || (w->to != NULL && strcmp(w->to, "json") == 0);
}

void watch_say_json(struct out *o, const struct finding *f)
{
	struct emit e = {.out = o, .comma = true}; /* it stands behind type and status */
	json_finding(&e, f);
	emit_close(&e, '}');
}

/* 10.1.6.206: ladder 46.101.230.194:443 (refused) -> 167.71.4.0:8080, 5 times */
static void say_line(struct out *o, const struct finding *f)
{
	char host[ADDR_TEXT_BYTES];
	out_time(o, f->last_ns);
	out_printf(o, " %s", addr_text(&f->host, host));
	if (f->process != NULL) {
		out_text(o, " ");
		out_safe(o, f->process, 64);
	}
	out_printf(o, " %s:", finding_kind_name(f->kind));
	size_t shown_channels = f->channels < 6 ? f->channels : 6;
	for (size_t i = 0; i < shown_channels; i++) {
		const struct finding_channel *c = &f->channel[i];
		out_text(o, i == 0 ? " " : " -> ");
		out_safe(o, c->endpoint, 255);
		if (c->port != 0)
			out_printf(o, ":%u", c->port);
		if (c->failures > 0)
			out_printf(o, " (%s)", outcome_name(c->failure));
	}
	if (shown_channels < f->channels)
		out_printf(o, " and %zu more", f->channels - shown_channels);
	if (f->episodes > 1)
		out_printf(o, ", %u times", f->episodes);
	if (f->explained != NULL)
		out_printf(o, " [%s]", f->explained);
}

/* The lines that hunt and report write of it. */
static void say_record(struct out *o, const struct watch *w, const struct report_format *format,
	const struct finding *f)
{
	const struct summary nothing = {0};
	const struct report_style style = {0};
	const struct report_case one = {.finding = &f,
		.findings = 1,
		.max_e = w->max_e,
		.summary = &nothing,
		.all = w->all};
	format->write(o, &one, &style);
}

void watch_say(struct out *o, const struct watch *w, const struct report_format *format,
	const struct finding *f)
{
	if (format != NULL)
		say_record(o, w, format, f);
	else if (watch_is_json(w))
		watch_say_json(o, f);
	else
		say_line(o, f);
}
