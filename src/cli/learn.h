/* Earlier cases that people judged, for a hunt to learn from. */
#pragma once

#include "cli/verb.h"
#include "judge/judge.h"

/* Reads them all; NULL when none is named. Fails: as stored_open(), -ENOMEM, -E2BIG. */
MUST_USE int learn(const struct texts *cases, struct lessons **ret, struct fail *why);
