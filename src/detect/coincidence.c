#include <math.h>

#include "base/limits.h"
#include "detect/detect_private.h"

/* What stands near a failure by accident: the shares of time and the paces that several limbs pay
 * with. */

static const double windows_s[] = {1, 10, 30, 100, 300, 1000};
/* Closer than the clocks of capture cards tell apart: no order, no reaction. */
#define TIE_NS (50 * NS_PER_US)
/* A client's own timer is this precise at best. */
#define TIMER_S 0.02

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* The host's active time in view: what was forgotten has no part in what is counted. */
static double seen_s(const struct view *v)
{
	const struct host *h = v->host;
	if (h->forgotten_ns == 0)
		return v->active_s;
	return fmax(60, fmin(v->active_s, seconds(h->last_ns - h->forgotten_ns)));
}

bool failures_find(const struct view *v, uint32_t except, struct arena *arena, struct failures *ret)
{
	*ret = (struct failures){.attempt = ARENA_NEW(arena, uint32_t, v->attempts + 1)};
	if (ret->attempt == NULL)
		return false;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		bool silent = a->outcome == OUTCOME_SILENT || a->outcome == OUTCOME_DNS_SILENT;
		if (!attempt_failed(a) || a->channel == except || !v->channel[a->channel].rare ||
			!v->burst[v->burst_of[i]].failed || (v->one_way && silent))
			continue;
		uint32_t at = ret->count++; /* nearly in order already */
		for (; at > 0 && v->attempt[ret->attempt[at - 1]].over_ns > a->over_ns; at--)
			ret->attempt[at] = ret->attempt[at - 1];
		ret->attempt[at] = i;
	}
	return true;
}

uint32_t failure_before(const struct view *v, const struct failures *f, int64_t at_ns)
{
	for (uint32_t i = f->count; i > 0; i--) {
		const struct attempt *a = &v->attempt[f->attempt[i - 1]];
		if (a->over_ns <= at_ns - TIE_NS && a->start_ns < at_ns)
			return f->attempt[i - 1];
	}
	return UINT32_MAX;
}

/* Seconds of [from_ns, to_ns] that lie within delay_s after a failure of another group than `but`.
 */
static double covered(const struct view *v, const struct failures *f, double delay_s, uint32_t but,
	int64_t from_ns, int64_t to_ns)
{
	double sum = 0;
	int64_t delay_ns = (int64_t)(delay_s * (double)NS_PER_S), done_ns = from_ns;
	for (uint32_t i = 0; i < f->count; i++) {
		const struct attempt *a = &v->attempt[f->attempt[i]];
		if (v->channel[a->channel].group == but)
			continue;
		int64_t begin = a->over_ns > done_ns ? a->over_ns : done_ns;
		int64_t end = a->over_ns + delay_ns < to_ns ? a->over_ns + delay_ns : to_ns;
		if (end <= begin)
			continue;
		sum += seconds(end - begin);
		done_ns = end;
	}
	return sum;
}

static double share_after(const struct view *v, const struct failures *f, uint32_t attempt,
	int64_t at_ns, double delay_s)
{
	const struct host *h = v->host;
	uint32_t group = v->channel[v->attempt[attempt].channel].group;
	double share =
		covered(v, f, delay_s, CHANNEL_FORGOTTEN, INT64_MIN / 2, INT64_MAX / 2) / seen_s(v);
	for (size_t w = 0; w < ARRAY_LEN(windows_s); w++) {
		int64_t half = (int64_t)(windows_s[w] * (double)NS_PER_S);
		int64_t from = at_ns - half > h->first_ns ? at_ns - half : h->first_ns;
		int64_t to = at_ns + half < h->last_ns ? at_ns + half : h->last_ns;
		share = fmax(share, covered(v, f, delay_s, group, from, to) /
					    fmax(windows_s[w], seconds(to - from)));
	}
	return share;
}

double failure_chance(const struct view *v, const struct failures *f, uint32_t attempt,
	int64_t at_ns, double *ret_delay_s)
{
	const struct attempt *a = &v->attempt[attempt];
	*ret_delay_s = seconds(at_ns - a->over_ns);
	double chance = share_after(v, f, attempt, at_ns, *ret_delay_s);
	if (a->outcome == OUTCOME_SILENT &&
		a->leave_us != 0) { /* its own timer is an instant too */
		int64_t leave_ns = a->start_ns + (int64_t)a->leave_us * NS_PER_US;
		double distance = fmax(TIMER_S, fabs(seconds(at_ns - leave_ns)));
		double by_timer = share_after(v, f, attempt, at_ns, 2 * distance);
		chance = 2 * fmin(chance, by_timer);
	}
	return fmin(1, fmax(COINCIDENCE_FLOOR, chance));
}

double pace_at(const struct view *v, const int64_t *when, uint32_t count, int64_t at_ns)
{
	const struct host *h = v->host;
	double pace = fmax(1, count) / seen_s(v);
	for (size_t w = 0; w < ARRAY_LEN(windows_s); w++) {
		int64_t half = (int64_t)(windows_s[w] * (double)NS_PER_S);
		int64_t from = at_ns - half > h->first_ns ? at_ns - half : h->first_ns;
		int64_t to = at_ns + half < h->last_ns ? at_ns + half : h->last_ns;
		uint32_t near = 0;
		for (uint32_t i = 0; i < count; i++)
			near += when[i] >= from && when[i] <= to;
		pace = fmax(pace, near / fmax(windows_s[w], seconds(to - from)));
	}
	return pace;
}
