#include "report/axis.h"

#include <math.h>
#include <stdlib.h>

#include "base/limits.h"

/* A gap of this length is drawn about as long as it is; longer ones are shortened. */
#define GAP_UNIT_S 0.1
/* Share of the axis that all knots have alike, so that the closest are still apart. */
#define EVEN_SHARE 0.15

#define SHORT_SPAN_NS (10 * NS_PER_S)
#define DAY_NS        (86400 * NS_PER_S)
#define LONG_SPAN_NS  (300 * DAY_NS) /* the year has to be told */

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void knots_of(const struct finding *f, struct axis *a)
{
	CHECK(f->ticks <= FINDING_TICKS_MAX && f->switches <= FINDING_SWITCHES_MAX);
	size_t n = 0;
	for (size_t i = 0; i < f->ticks; i++)
		a->at_ns[n++] = f->tick[i].at_ns;
	for (size_t i = 0; i < f->switches; i++)
		a->at_ns[n++] = f->sw[i].at_ns;
	if (n == 0)
		a->at_ns[n++] = f->first_ns;
	qsort(a->at_ns, n, sizeof a->at_ns[0], compare_times);
	a->knots = 1;
	for (size_t i = 1; i < n; i++)
		if (a->at_ns[i] != a->at_ns[a->knots - 1])
			a->at_ns[a->knots++] = a->at_ns[i];
}

/* Times are as the data has them, absurd ones too. */
static int64_t between(int64_t from_ns, int64_t to_ns)
{
	int64_t ns = 0;
	return __builtin_sub_overflow(to_ns, from_ns, &ns) ? INT64_MAX : ns;
}

static double gap_length(int64_t gap_ns)
{
	double steps = log2(1 + (double)gap_ns / 1e9 / GAP_UNIT_S);
	return steps * steps;
}

void axis_of(const struct finding *f, struct axis *ret)
{
	knots_of(f, ret);
	double total = 0;
	ret->x[0] = 0;
	for (size_t i = 1; i < ret->knots; i++) {
		total += gap_length(between(ret->at_ns[i - 1], ret->at_ns[i]));
		ret->x[i] = total;
	}
	for (size_t i = 1; i < ret->knots; i++) {
		double even = (double)i / (double)(ret->knots - 1);
		ret->x[i] = (1 - EVEN_SHARE) * ret->x[i] / total + EVEN_SHARE * even;
	}
}

size_t axis_knot(const struct axis *a, int64_t at_ns)
{
	size_t low = 0, high = a->knots; /* a[low] <= at < a[high] */
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (a->at_ns[mid] <= at_ns)
			low = mid;
		else
			high = mid;
	}
	return low;
}

double axis_x(const struct axis *a, int64_t at_ns)
{
	size_t i = axis_knot(a, at_ns);
	if (at_ns <= a->at_ns[i] || i + 1 == a->knots)
		return a->x[i];
	double part =
		(double)between(a->at_ns[i], at_ns) / (double)between(a->at_ns[i], a->at_ns[i + 1]);
	return a->x[i] + part * (a->x[i + 1] - a->x[i]);
}

struct gap {
	int64_t before_ns;
	size_t knot;
};

static int compare_gaps(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;
	if (x->before_ns != y->before_ns)
		return x->before_ns > y->before_ns ? -1 : 1;
	return (x->knot > y->knot) - (x->knot < y->knot);
}

void axis_labels(const struct axis *a, size_t order[AXIS_KNOTS_MAX])
{
	struct gap gap[AXIS_KNOTS_MAX];
	for (size_t i = 0; i < a->knots; i++)
		gap[i] =
			(struct gap){i == 0 ? INT64_MAX : between(a->at_ns[i - 1], a->at_ns[i]), i};
	qsort(gap, a->knots, sizeof gap[0], compare_gaps);
	for (size_t i = 0; i < a->knots; i++)
		order[i] = gap[i].knot;
}

static int64_t span_of(const struct axis *a)
{
	return between(a->at_ns[0], a->at_ns[a->knots - 1]);
}

/* Part of the RFC 3339 text: first to last character, counted from 0. */
static void say_part(struct out *o, int64_t at_ns, size_t first, size_t last)
{
	struct out whole = {0};
	out_time(&whole, at_ns);
	if (whole.len > last)
		out_bytes(o, out_string(&whole) + first, last - first + 1);
	out_fini(&whole);
}

/* 2021-01-06T16:42:42.123456Z
 * 0123456789012345678901234567 */
void axis_say(struct out *o, const struct axis *a, size_t knot)
{
	int64_t span = span_of(a), at = a->at_ns[knot];
	if (span < SHORT_SPAN_NS && knot > 0) {
		out_printf(o, "+%.3f s", (double)between(a->at_ns[0], at) / 1e9);
	} else if (span < SHORT_SPAN_NS) {
		say_part(o, at, 11, 22);
	} else if (span < DAY_NS) {
		say_part(o, at, 11, 18);
	} else if (span < LONG_SPAN_NS) {
		say_part(o, at, 5, 9);
		out_text(o, " ");
		say_part(o, at, 11, 15);
	} else {
		say_part(o, at, 0, 9);
	}
}

void axis_say_base(struct out *o, const struct axis *a)
{
	int64_t span = span_of(a);
	if (span < LONG_SPAN_NS) {
		say_part(o, a->at_ns[0], 0, span < DAY_NS ? 9 : 3);
		out_text(o, " ");
	}
	out_text(o, "UTC");
}
