/* Inside report/: what lists know to be bad and was seen, for a person and for programs. Each
 * writes nothing when there are no lists. */
#pragma once

#include "report/emit.h"
#include "report/page.h"
#include "report/report.h"

void bad_text(struct page *p, const struct report_case *c);
void bad_html(struct out *o, const struct report_case *c);
/* Members "intel" (how much the lists hold) and "known_bad" (an array) of an object. */
void bad_json(struct emit *e, const struct intel_seen *seen);
/* One sight as an object's members. */
void bad_json_sight(struct emit *e, const struct intel *set, const struct intel_sight *s);
/* "192.0.2.5: 12 times, 10 of them failed, …". Safe text. */
void bad_say_sight(struct out *o, const struct intel_sight *s);
