/* Lessons: what people said of findings of earlier cases, for the next hunt. What they rejected is
 * not to be told again, and how often that happens is how often software of this site falls back
 * for honest reasons (docs/DETECTION.md, "What people said"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

#define LESSONS_MAX 65536u
/* Findings that people have to have judged before their rate is believed. */
#define LESSONS_JUDGED_MIN 10u

struct lessons;
struct finding;

/* One earlier case. */
struct lesson_case {
	const struct finding *const *finding;
	size_t findings;
	double max_e;
	size_t hosts;
	double host_days;
	bool known; /* its traffic was counted before: only what was said of it is new */
};

/* Fails: -ENOMEM. */
MUST_USE int lessons_new(struct lessons **ret);
void lessons_free(struct lessons *l);
/* Copies what it needs. Fails: -ENOMEM, -E2BIG. */
MUST_USE int lessons_add(struct lessons *l, const struct lesson_case *c);

/* The sentence that explains the finding by an earlier one, of the same switch on any host, which
 * was rejected and never accepted; NULL: there is none. Safe to print; lives as long as l. */
const char *lessons_sentence(const struct lessons *l, const struct finding *f);

/* Different switches that were as strong as e or stronger. */
struct lesson_rate {
	size_t judged, rejected;
	double host_days; /* of the traffic in which those were all */
	double per_day;   /* rejected for each host-day; 0: none, or too little was judged */
};
struct lesson_rate lessons_rate(const struct lessons *l, double e);

/* Explains the finding, or adds the benign rate to its E with an evidence line that says so; *e is
 * its E below E_TRUSTED too. A finding that was explained or ruled on is left alone. */
void lessons_apply(const struct lessons *l, struct finding *f, double *e);
