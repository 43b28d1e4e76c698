#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "detect/detect.h"
#include "detect/detect_private.h"

/* So many first contacts that answered make a habit; their ends are this vague. */
#define END_S         0.05
#define SUCCESSES_MIN 5u
#define HAPPY_NS      (2 * NS_PER_S)
/* With this many look-ups in view, an address that no answer held is a choice. */
#define DNS_IN_VIEW 10u

/* Each step has a successor of its own: a first contact happens once. Only reactions count, not
 * what a busy host meets by accident after a failure that goes on and on. */
#define GATEWAY_SUCCESSORS 3u
#define GATEWAY_CHANCE     0.05

static const double windows_s[] = {.03, .1, .3, 1, 3, 10, 30, 100, 300};

/* First index in arrivals with a start >= at_ns. */
static uint32_t first_arrival(const struct view *v, int64_t at_ns)
{
	uint32_t low = 0, high = v->arrivals;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (v->attempt[v->arrival[mid]].start_ns < at_ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint32_t first_burst(const struct view *v, int64_t at_ns)
{
	uint32_t low = 0, high = v->bursts;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (v->burst[mid].start_ns < at_ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint32_t bursts_between(const struct view *v, int64_t from_ns, int64_t to_ns)
{
	return first_burst(v, to_ns + 1) - first_burst(v, from_ns);
}

/* What is worked out once for all steps of a view. */
struct survey {
	const struct view *view;
	uint32_t *failure; /* failed attempts, by the instant of their failure; of equal ones the
	                      later attempt first */
	uint32_t failures;
	bool *arrived; /* by group of channels: its first contact is in view */
	uint32_t bare; /* of the arrivals: addresses without a name */
};

struct without { /* what is not counted among the host's first contacts */
	uint32_t group_a, group_b;
	bool named;
};

static uint32_t arrivals_between(
	const struct view *v, int64_t from_ns, int64_t to_ns, const struct without *w)
{
	uint32_t count = 0;
	for (uint32_t i = first_arrival(v, from_ns); i < v->arrivals; i++) {
		const struct attempt *a = &v->attempt[v->arrival[i]];
		if (a->start_ns > to_ns)
			break;
		const struct view_channel *vc = &v->channel[a->channel];
		count += vc->group != w->group_a && vc->group != w->group_b &&
		         !(w->named && vc->named);
	}
	return count;
}

/* All first contacts but those of the two groups, each of which has one at most. */
static uint32_t arrivals_without(const struct survey *y, const struct without *w)
{
	const struct view *v = y->view;
	uint32_t inside = w->named ? y->bare : v->arrivals;
	const uint32_t group[] = {w->group_a, w->group_b};
	for (size_t i = 0; i < ARRAY_LEN(group); i++)
		inside -= y->arrived[group[i]] && !(w->named && v->channel[group[i]].named);
	return inside;
}

/* The most first contacts per second that can be defended around t: over all time, near t, and as
 * the share of what the host did near t. */
static double arrival_rate(const struct survey *y, int64_t at_ns, const struct without *w)
{
	const struct view *v = y->view;
	uint32_t inside = arrivals_without(y, w);
	/* those that were forgotten count like those in view */
	double scale = v->arrivals == 0 ? 1 : fmax(1, v->arrivals_ever / v->arrivals);
	double rate = fmax(1, inside * scale) / v->active_s;
	double share = v->bursts == 0 ? 1 : fmin(1, (inside + 2.0) / v->bursts);
	for (size_t i = 0; i < ARRAY_LEN(windows_s); i++) {
		int64_t half = (int64_t)(windows_s[i] * (double)NS_PER_S);
		int64_t from = at_ns - half, to = at_ns + half;
		double seen = (double)((to < v->host->last_ns ? to : v->host->last_ns) -
				       (from > v->host->first_ns ? from : v->host->first_ns)) /
		              (double)NS_PER_S;
		seen = seen < windows_s[i] ? windows_s[i] : seen;
		double fresh = arrivals_between(v, from, to, w) / seen;
		uint32_t all = bursts_between(v, from, to);
		double busy = all > 2 ? share * (all - 2) / seen : 0;
		rate = fmax(rate, fmax(fresh, busy));
	}
	return rate;
}

/* ---- the failure that an arrival may answer ---- */

struct failure {
	uint32_t burst, attempt; /* the last failed attempt before the successor */
	uint32_t tries;
};

/* Whether two programs are known to use them: one does not fall back to what the other meets. */
static bool other_process(const struct view_channel *a, const struct view_channel *b)
{
	return a->channel->process != 0 && b->channel->process != 0 &&
	       a->channel->process != b->channel->process;
}

/* The latest failure of another endpoint in (after_ns, before_ns). */
static bool latest_failure(const struct survey *y, uint32_t to, int64_t after_ns, int64_t before_ns,
	bool bare, struct failure *ret)
{
	const struct view *v = y->view;
	uint32_t low = 0, high = y->failures, to_group = v->channel[v->attempt[to].channel].group;
	while (low < high) { /* the first failure at before_ns or later */
		uint32_t mid = low + (high - low) / 2;
		if (v->attempt[y->failure[mid]].over_ns < before_ns)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low > 0; low--) {
		const struct attempt *a = &v->attempt[y->failure[low - 1]];
		if (a->over_ns <= after_ns)
			return false;
		const struct view_channel *vc = &v->channel[a->channel];
		if (other_process(vc, &v->channel[v->attempt[to].channel]))
			continue;
		if (vc->group == to_group || (bare && vc->named) || a->start_ns >= before_ns)
			continue;
		ret->attempt = y->failure[low - 1];
		return true;
	}
	return false;
}

/* Failed attempts of the endpoint since it last answered, up to and with attempt `last`; *ret_first
 * is the first of them. */
uint32_t step_tries(const struct view *v, uint32_t last, uint32_t *ret_first)
{
	uint32_t group = v->channel[v->attempt[last].channel].group, tries = 0;
	*ret_first = last;
	for (uint32_t i = last + 1; i > 0; i--) {
		const struct attempt *a = &v->attempt[i - 1];
		if (v->channel[a->channel].group != group)
			continue;
		if (attempt_failed(a)) {
			tries++;
			*ret_first = i - 1;
		} else if ((a->outcome == OUTCOME_OK && (a->flags & ATTEMPT_LOOKUP) == 0) ||
			   (a->flags & ATTEMPT_JOINED) != 0) {
			break;
		}
	}
	return tries;
}

/* Whether the burst that attempt belongs to failed: an answer within it makes the failure one of
 * many tries. */
static bool in_failed_burst(const struct view *v, uint32_t attempt)
{
	return v->burst[v->burst_of[attempt]].failed;
}

/* Whether the endpoint answered another way (other address, port or transport) between the
 * failure's beginning and the successor: then nothing was lost. */
bool step_answered_meanwhile(const struct view *v, uint32_t attempt, int64_t before_ns)
{
	uint32_t group = v->channel[v->attempt[attempt].channel].group;
	for (uint32_t i = attempt + 1; i < v->attempts && v->attempt[i].start_ns < before_ns; i++) {
		const struct attempt *a = &v->attempt[i];
		if (v->channel[a->channel].group == group && a->outcome == OUTCOME_OK &&
			(a->flags & ATTEMPT_LOOKUP) == 0)
			return true;
	}
	return false;
}

/* ---- the mechanisms that a single switch shows ---- */

static bool same_first_label(const char *x, const char *y)
{
	size_t len = strcspn(x, ".");
	return len == strcspn(y, ".") && strncmp(x, y, len) == 0 && strcmp(x, y) != 0;
}

/* "wiki.intern" and then "wiki.intern.corp.example". */
static bool is_extended(const char *name, const char *longer)
{
	size_t len = strlen(name);
	return strncmp(name, longer, len) == 0 && longer[len] == '.';
}

static bool is_common_label(const char *name)
{
	static const char *const labels[] = {"www.", "mail.", "api.", "cdn.", "static.", "img.",
		"images.", "m.", "ftp.", "ns1.", "smtp.", "update.", "updates.", "app.", "login.",
		"web."};
	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		if (strncmp(name, labels[i], strlen(labels[i])) == 0)
			return true;
	return false;
}

/* A name and the same with a suffix, or one host name under two domains; "www" under two domains is
 * two sites. */
static bool is_search(const struct view *v, const struct attempt *from, const struct attempt *to)
{
	if ((from->flags & ATTEMPT_LOOKUP) == 0 || (to->flags & ATTEMPT_LOOKUP) == 0)
		return false;
	const char *name = strings_get(v->strings, from->target);
	const char *next = strings_get(v->strings, to->target);
	if (name == NULL || next == NULL)
		return false;
	return is_extended(name, next) || (same_first_label(name, next) && !is_common_label(name));
}

/* Another first contact between the endpoint's first try and its first failure: it did not wait for
 * it. */
static bool is_parallel(const struct view *v, uint32_t first, uint32_t to, bool bare)
{
	const struct attempt *a = &v->attempt[first];
	uint32_t from_group = v->channel[a->channel].group;
	for (uint32_t i = first_arrival(v, a->start_ns); i < v->arrivals; i++) {
		const struct attempt *b = &v->attempt[v->arrival[i]];
		if (b->start_ns >= a->over_ns)
			return false;
		const struct view_channel *vc = &v->channel[b->channel];
		if (b->start_ns > a->start_ns && v->arrival[i] != to && vc->group != from_group &&
			!(bare && vc->named))
			return true;
	}
	return false;
}

static enum mechanism mechanism_of(
	const struct view *v, const struct step *s, uint32_t first, bool bare)
{
	if (is_search(v, &v->attempt[s->from_attempt], &v->attempt[s->to_attempt]))
		return MECHANISM_SEARCH_SUFFIX;
	if (view_outage(v, s->from_attempt))
		return MECHANISM_OUTAGE;
	enum mechanism m = mechanism_between(v, s->from, s->to);
	if (m == MECHANISM_NONE && is_parallel(v, first, s->to_attempt, bare))
		m = MECHANISM_PARALLEL;
	return m;
}

/* ---- how likely the delay is by accident ---- */

/* The client's timer that ended nearest to the successor: silence has no instant of its own. */
double step_timer_chance(const struct view *v, const struct step *s)
{
	double best = HUGE_VAL;
	uint32_t group = v->channel[s->from].group, timers = 0;
	for (uint32_t i = s->from_attempt + 1; i > 0 && timers < s->tries; i--) {
		const struct attempt *a = &v->attempt[i - 1];
		if (v->channel[a->channel].group != group || !attempt_failed(a))
			continue;
		timers++;
		if (a->leave_us == 0)
			continue;
		int64_t leave = a->start_ns + (int64_t)a->leave_us * NS_PER_US;
		best = fmin(best, fabs((double)(s->at_ns - leave) / (double)NS_PER_S));
	}
	return isinf(best) ? 1 : -expm1(-2 * s->rate * timers * fmax(best, TIMER_S));
}

/* The share of the host's first contacts that answered, and after whose end the next one came
 * within delay_s as well: a program that fetches one thing after another goes on after a success as
 * it does after a failure. 0 when there are too few to tell. */
static double success_share(const struct view *v, double delay_s)
{
	uint32_t successes = 0, followed = 0;
	for (uint32_t i = 0; i + 1 < v->arrivals; i++) {
		const struct attempt *a = &v->attempt[v->arrival[i]];
		if (a->outcome != OUTCOME_OK || a->over_ns == 0)
			continue;
		successes++;
		uint32_t next = first_arrival(v, a->over_ns);
		if (next == v->arrivals)
			continue;
		double after = (double)(v->attempt[v->arrival[next]].start_ns - a->over_ns) /
		               (double)NS_PER_S;
		followed += after <= delay_s + END_S;
	}
	return successes < SUCCESSES_MIN ? 0 : (double)followed / successes;
}

/* bare: of the host's first contacts only those with bare addresses count. */
static double chance_of(const struct survey *y, struct step *s, bool bare)
{
	const struct view *v = y->view;
	struct without w = {.group_a = v->channel[s->from].group,
		.group_b = v->channel[s->to].group,
		.named = bare};
	s->rate = arrival_rate(y, s->fail_ns, &w);
	double chance = -expm1(-s->rate * s->tries * s->delay_s), choices = 1;
	if (v->attempt[s->from_attempt].outcome == OUTCOME_SILENT) {
		chance = fmin(chance, step_timer_chance(v, s));
		choices = 2;
	}
	return fmax(choices * chance, success_share(v, s->delay_s));
}

/* ---- all switches ---- */

/* The latest failure after after_ns, and `to` as what replaced it. */
static bool make_step(
	const struct survey *y, uint32_t to, int64_t after_ns, bool bare, struct step *ret)
{
	const struct view *v = y->view;
	const struct attempt *b = &v->attempt[to];
	struct failure f = {0};
	if (!latest_failure(y, to, after_ns, b->start_ns - TIE_NS, bare, &f))
		return false;
	const struct attempt *a = &v->attempt[f.attempt];
	if (!in_failed_burst(v, f.attempt) || step_answered_meanwhile(v, f.attempt, b->start_ns))
		return false;
	if (v->one_way && (a->outcome == OUTCOME_SILENT || a->outcome == OUTCOME_DNS_SILENT))
		return false;
	uint32_t first = 0;
	struct step s = {.from = a->channel,
		.to = b->channel,
		.from_attempt = f.attempt,
		.to_attempt = to,
		.fail_ns = a->over_ns,
		.at_ns = b->start_ns};
	s.tries = step_tries(v, f.attempt, &first);
	s.delay_s = (double)(s.at_ns - s.fail_ns) / (double)NS_PER_S;
	s.why = mechanism_of(v, &s, first, bare);
	s.chance = chance_of(y, &s, bare);
	*ret = s;
	return true;
}

/* The step to an arrival. Where an address without a name follows another and DNS is in view, it is
 * looked for and counted among the first contacts with bare addresses only, unless a later failure
 * had a name. */
static bool best_step(const struct survey *y, uint32_t to, int64_t after_ns, int64_t after_bare_ns,
	struct step *ret)
{
	const struct view *v = y->view;
	bool bare = !v->channel[v->attempt[to].channel].named && v->host->lookups >= DNS_IN_VIEW;
	struct step any = {0}, among = {0};
	bool have_any = make_step(y, to, after_ns, false, &any);
	bool have_among = bare && make_step(y, to, after_bare_ns, true, &among);
	if (!have_any && !have_among)
		return false;
	*ret = have_among && (!have_any || among.fail_ns >= any.fail_ns) ? among : any;
	ret->chance = fmin(1, fmax(CHANCE_FLOOR, ret->chance));
	return true;
}

/* An endpoint whose failures are followed by one new endpoint after another stands before
 * everything, like a resolver or a proxy that is tried first each time: what follows was wanted
 * anyway. */
static void find_gateways(const struct view *v, struct steps *all)
{
	for (uint32_t i = 0; i < all->count; i++) {
		uint32_t from = v->channel[all->step[i].from].group, successors = 0;
		for (uint32_t k = 0; k < all->count; k++)
			successors += v->channel[all->step[k].from].group == from &&
			              all->step[k].chance < GATEWAY_CHANCE;
		if (all->step[i].why == MECHANISM_NONE && successors >= GATEWAY_SUCCESSORS)
			all->step[i].why = MECHANISM_GATEWAY;
	}
}

static bool survey_make(const struct view *v, struct arena *arena, struct survey *ret)
{
	struct survey y = {.view = v,
		.failure = ARENA_NEW(arena, uint32_t, v->attempts),
		.arrived = ARENA_NEW(arena, bool, v->channels)};
	if (y.failure == NULL || y.arrived == NULL)
		return false;
	for (uint32_t i = 0; i < v->attempts; i++) {
		if (!attempt_failed(&v->attempt[i]))
			continue;
		/* nearly in order already: failures come about as attempts begin */
		uint32_t at = y.failures++;
		for (; at > 0 && v->attempt[y.failure[at - 1]].over_ns >= v->attempt[i].over_ns;
			at--)
			y.failure[at] = y.failure[at - 1];
		y.failure[at] = i;
	}
	for (uint32_t i = 0; i < v->arrivals; i++) {
		const struct view_channel *vc = &v->channel[v->attempt[v->arrival[i]].channel];
		y.arrived[vc->group] = true;
		y.bare += !vc->named;
	}
	y.arrived[CHANNEL_FORGOTTEN] = false; /* they are many */
	*ret = y;
	return true;
}

bool steps_find(const struct view *v, struct arena *arena, struct steps *ret)
{
	*ret = (struct steps){.step = ARENA_NEW(arena, struct step, v->arrivals + v->channels)};
	struct survey survey;
	if (ret->step == NULL || !survey_make(v, arena, &survey))
		return false;
	int64_t before_ns = INT64_MIN, before_bare_ns = INT64_MIN;
	for (uint32_t i = 0; i < v->arrivals; i++) {
		const struct attempt *a = &v->attempt[v->arrival[i]];
		if (a->channel != CHANNEL_FORGOTTEN &&
			best_step(&survey, v->arrival[i], before_ns, before_bare_ns,
				&ret->step[ret->count]))
			ret->count++;
		before_ns = a->start_ns;
		if (a->channel == CHANNEL_FORGOTTEN || !v->channel[a->channel].named)
			before_bare_ns = a->start_ns;
	}
	find_gateways(v, ret);
	return doors_find(v, arena, ret);
}
