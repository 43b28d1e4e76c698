/* Inside judge/: a story is a finding under way. */
#pragma once

#include "base/out.h"
#include "judge/judge.h"

/* No model of traffic is trusted to say less than this: 560 host-days of surrogates reach to 1e-3,
 * what is below is extrapolation (prototype section 5). */
#define E_TRUSTED 1e-6

/* One hit on its way into a finding: the view it borrows from lives until judge_look() returns. */
struct telling {
	const struct view *view;
	const struct look *look;
	const struct hit *hit;
};

/* "refused", "did not answer", …: completes "A …". */
const char *failure_words(enum outcome outcome);

/* evidence.c: the hit's sentences; their bits add up to -log2 of the E that is told. Owned by the
 * finding. */
void evidence_write(struct finding *f, const struct telling *t);
/* A hit that saw the same failures: said, but not added. */
void evidence_also(struct finding *f, const struct telling *t);
/* evidence_terms.c: the part that all kinds of hit have, after their own. */
void evidence_terms(struct finding *f, const struct telling *t);
void evidence_fini(struct finding *f);
void evidence_add(struct finding *f, const char *kind, double bits, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* story.c: channels, switches and ticks of the hit, added to what the finding has. */
void story_add(struct finding *f, const struct telling *t);
/* Channels in the order in which the host first used them. Once, at the end. */
void story_order(struct finding *f);
/* Whether the hit speaks of what the finding tells already. */
bool story_shares(const struct finding *f, const struct telling *t);
