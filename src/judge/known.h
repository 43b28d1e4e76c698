/* Inside judge/: findings that lead to what the baseline knows. */
#pragma once

#include "judge/judge.h"

#define KNOWN_NOTE_BYTES 100u

/* The entry, when the baseline has all that the host went on to (without a switch: all its
 * channels) for this host; of the first of those. NULL: it has not, or the finding is about how
 * much was carried, which no entry excuses. */
const struct baseline_entry *known_to_baseline(const struct baseline *b, const struct finding *f);
/* The entry in words, safe to print. */
void known_say(struct out *o, const struct baseline_entry *e);
