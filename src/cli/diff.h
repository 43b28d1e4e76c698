/* What changed from one case to the next. */
#pragma once

#include "base/out.h"
#include "report/report.h"

/* Findings are one and the same when their ids are, or their hosts, channels and, if there is a
 * choice, kinds. Tells of those that are reported in either case; of all when `all` is set in the
 * newer one. Fails: -ENOMEM. */
MUST_USE int diff_text(struct out *o, const struct report_case *old, const struct report_case *new);
/* JSON Lines: a difference each, then their counts. */
MUST_USE int diff_json(struct out *o, const struct report_case *old, const struct report_case *new);
