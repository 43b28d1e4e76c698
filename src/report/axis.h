/* Inside report/: the time axis of one finding. Gaps are shortened, the more the longer they are,
 * so that three tries within a second and the quarter of an hour until the next three are both
 * seen. Order is kept, equal times have equal places. */
#pragma once

#include "base/out.h"
#include "judge/judge.h"

#define AXIS_KNOTS_MAX (FINDING_TICKS_MAX + FINDING_SWITCHES_MAX + 2)

struct axis {
	int64_t at_ns[AXIS_KNOTS_MAX]; /* distinct, rising */
	double x[AXIS_KNOTS_MAX];      /* 0 to 1 */
	size_t knots;                  /* 1 or more */
};

void axis_of(const struct finding *f, struct axis *ret);
double axis_x(const struct axis *a, int64_t at_ns);
/* The knot with this time, or the last one before it (0 when there is none). */
size_t axis_knot(const struct axis *a, int64_t at_ns);

/* Knots in the order in which they deserve a label: the first, then those after the longest gaps.
 */
void axis_labels(const struct axis *a, size_t order[AXIS_KNOTS_MAX]);
/* The time as its label: clock times, seconds since the first for short spans, dates for long. */
void axis_say(struct out *o, const struct axis *a, size_t knot);
/* What the labels leave out: "2021-01-06 UTC". */
void axis_say_base(struct out *o, const struct axis *a);
