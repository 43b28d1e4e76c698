/* How a watch writes a finding, without its status. */
#pragma once

#include "base/out.h"
#include "cli/watch.h"
#include "report/report.h"

/* Its own JSON, and no format of reports. */
bool watch_is_json(const struct watch *w);
/* What JSON of a finding begins with, its status within; watch_say_json() goes on behind it. */
#define WATCH_FINDING "{\"type\":\"finding\",\"status\":\"%s\""
void watch_say_json(struct out *o, const struct finding *f);
/* format: of --to; NULL: a line of text, or JSON behind its type and status. */
void watch_say(struct out *o, const struct watch *w, const struct report_format *format,
	const struct finding *f);
