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

/* The same by a policy: the rule that allows the first of what the host went on to, when rules that
 * name them allow them all. */
const struct policy_rule *known_to_policy(const struct policy *p, const struct finding *f);
void known_say_rule(struct out *o, const struct policy_rule *rule);
/* What the policy says of the last channel that the host went on to, as evidence of 0 bits. */
void known_add_verdict(struct finding *f, const struct policy *p);
