/* Inside report/: a moment of a finding, for whoever looks at its packets. */
#pragma once

#include "base/out.h"
#include "judge/judge.h"

/* The channel's part at that time, in one line: "fallback: next of a list; tried 203.0.113.7:443,
 * attempt 2 of 8: refused; opened 2.3 s after 192.0.2.1:80 was silent". Safe text. */
void story_say(struct out *o, const struct finding *f, size_t channel, int64_t at_ns);
