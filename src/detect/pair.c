#include <math.h>

#include "base/limits.h"
#include "detect/detect_private.h"
#include "detect/stats.h"

/* The repeated pair: each time that A fails, B is opened, and B does not come as readily when A
 * works. Within a window from a grid, or always equally long after the failure. What two programs
 * on one clock, or one page that calls both, would show is taken off. Theory and measured cost:
 * docs/detectors/pair.md. */

static const double grid_s[] = {.1, .3, 1, 3, 10, 30, 60, 300, 600, 3600};
#define HOUR_NS (3600 * NS_PER_S)
#define BUSY_NS (300 * NS_PER_S)
#define TIE_NS  (50 * NS_PER_US)
/* Pairs that a host shows a day at least, as far as multiplicity is concerned. */
#define PAIRS_A_DAY 10.0
/* Families (rare with rare, others): the first only is told, both were looked at. */
#define FAMILIES 2.0
/* Below these the rhythm of a channel can't be told from none; the number of coincidences that make
 * a timer. */
#define TIMER_COINCIDENCES 3u
#define TIMER_NOISE_S      0.002
#define TIMER_MIN_S        0.2

/* A failed or answered burst of A and how long after it B was opened; INFINITY: not within the
 * hour. */
struct trial {
	uint32_t burst;
	uint32_t from_attempt, to_attempt;
	double lag_s;
	double span_s; /* first to last failure of the burst */
	uint32_t tries;
	bool failed;
};

struct pair {
	uint32_t a, b; /* channels */
	struct trial *trial;
	uint32_t trials, failures, successes;
	uint32_t b_bursts;
	double rhythm_s; /* how irregular the two are, in seconds; 0: too few to tell */
	double *scratch;
};

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* ---- what happened ---- */

/* When the burst last failed, or, answered, when it was last tried: the instant that B's opening is
 * measured from. */
static void add_trial(const struct look *look, struct pair *p, uint32_t burst)
{
	const struct view *v = look->view;
	const struct burst *b = &v->burst[burst];
	bool answered = false;
	for (uint32_t i = b->first; i <= b->last; i++)
		answered |=
			v->attempt[i].channel == b->channel && v->attempt[i].outcome == OUTCOME_OK;
	if (!b->failed && !answered)
		return;
	p->trial[p->trials++] = (struct trial){.burst = burst,
		.lag_s = INFINITY,
		.failed = b->failed,
		.tries = b->failures,
		.span_s = seconds(b->fail_ns - b->first_fail_ns),
		.from_attempt = b->last};
	p->failures += b->failed;
	p->successes += !b->failed;
}

/* The last instant of the trial before at_ns that B may answer to, and its attempt; false when
 * there is none. */
static bool instant_before(const struct view *v, const struct trial *t, int64_t at_ns,
	int64_t *ret_ns, uint32_t *ret_attempt)
{
	const struct burst *b = &v->burst[t->burst];
	bool found = false;
	for (uint32_t i = b->first; i <= b->last; i++) {
		const struct attempt *a = &v->attempt[i];
		if (a->channel != b->channel || (t->failed && !attempt_failed(a)))
			continue;
		int64_t when = t->failed ? a->fail_ns : a->start_ns;
		if (when >= at_ns - TIE_NS || (found && when < *ret_ns))
			continue;
		*ret_ns = when;
		*ret_attempt = i;
		found = true;
	}
	return found;
}

/* B's opening at this burst answers the latest trial before it. */
static void match(const struct look *look, struct pair *p, const struct burst *b)
{
	const struct view *v = look->view;
	for (uint32_t i = p->trials; i > 0; i--) {
		struct trial *t = &p->trial[i - 1];
		int64_t when = 0;
		uint32_t attempt = 0;
		if (v->burst[t->burst].start_ns >= b->start_ns ||
			!instant_before(v, t, b->start_ns, &when, &attempt))
			continue;
		double lag = seconds(b->start_ns - when);
		if (lag < t->lag_s && b->start_ns - when <= HOUR_NS) {
			t->lag_s = lag;
			t->from_attempt = attempt;
			t->to_attempt = b->first;
		}
		return;
	}
}

/* Spread of the intervals between the bursts of a channel; 0 with fewer than three. */
static double irregularity(const struct view *v, uint32_t channel, double *scratch)
{
	uint32_t count = 0;
	int64_t before_ns = 0;
	for (uint32_t i = 0; i < v->bursts; i++) {
		if (v->burst[i].channel != channel)
			continue;
		if (before_ns != 0)
			scratch[count++] = seconds(v->burst[i].start_ns - before_ns);
		before_ns = v->burst[i].start_ns;
	}
	return count < 2 ? 0 : spread(scratch, count);
}

static void look_at(const struct look *look, struct pair *p)
{
	const struct view *v = look->view;
	p->trials = p->failures = p->successes = p->b_bursts = 0;
	for (uint32_t i = 0; i < v->bursts; i++) {
		if (v->burst[i].channel == p->a)
			add_trial(look, p, i);
		if (v->burst[i].channel == p->b) {
			p->b_bursts++;
			match(look, p, &v->burst[i]);
		}
	}
	p->rhythm_s = hypot(irregularity(v, p->a, p->scratch), irregularity(v, p->b, p->scratch));
}

static uint32_t followed(const struct pair *p, bool failed, double from_s, double to_s)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->trials; i++)
		count += p->trial[i].failed == failed && p->trial[i].lag_s >= from_s &&
		         p->trial[i].lag_s <= to_s;
	return count;
}

/* ---- how likely that is by accident ---- */

/* The chance that B follows A's failures this often if it follows A's successes as readily. */
static double contrast_chance(const struct pair *p, double from_s, double to_s, uint32_t k)
{
	if (p->successes < 2)
		return 0;
	double share = (followed(p, false, from_s, to_s) + 1.0) / (p->successes + 2.0);
	return binomial_tail(p->failures, share, k);
}

/* How much busier than usual the host is around t: bursts of any kind, within five minutes. */
static double busyness(const struct view *v, int64_t at_ns)
{
	uint32_t near = 0;
	for (uint32_t i = 0; i < v->bursts; i++)
		near += v->burst[i].start_ns >= at_ns - BUSY_NS &&
		        v->burst[i].start_ns <= at_ns + BUSY_NS;
	double usual = v->bursts / v->active_s * seconds(2 * BUSY_NS);
	return fmax(1, near / usual);
}

struct chances {
	double rate;     /* by B's own rate */
	double rhythm;   /* the same if both run on clocks */
	double contrast; /* the same if B follows A's successes as readily */
	double expected; /* coincidences by B's own rate */
};

static double worst_of(const struct chances *c)
{
	return fmax(c->rate, fmax(c->rhythm, c->contrast));
}

/* Of k or more of A's failures followed within d_s by accident. */
static struct chances window_chances(
	const struct look *look, const struct pair *p, double d_s, uint32_t k)
{
	const struct view *v = look->view;
	struct chances c = {0};
	double *q = p->scratch;
	uint32_t n = 0;
	for (uint32_t i = 0; i < p->trials; i++) {
		const struct trial *t = &p->trial[i];
		if (!t->failed)
			continue;
		double rate = p->b_bursts / v->active_s * busyness(v, v->burst[t->burst].fail_ns);
		q[n] = fmin(1, rate * fmin(t->tries * d_s, t->span_s + d_s));
		c.expected += q[n++];
	}
	c.rate = poisson_binomial_tail(q, n, k);
	/* two regular clocks drift through one another: only the first coincidence is an accident
	 * of its own */
	double clock = p->rhythm_s > 0 ? fmin(1, 0.8 * d_s / p->rhythm_s) : 1;
	for (uint32_t i = 1; i < n; i++)
		q[i] = fmax(q[i], clock);
	c.rhythm =
		fmin(1, c.expected / n * (n - k + 1) * poisson_binomial_tail(q + 1, n - 1, k - 1));
	c.contrast = contrast_chance(p, 0, d_s, k);
	return c;
}

/* ---- what is told ---- */

static void tell(const struct look *look, const struct pair *p, struct hit *like,
	const struct chances *c, double from_s, double to_s, struct hits *hits)
{
	const struct view *v = look->view;
	struct step steps[HIT_STEPS_MAX];
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->trials && count < HIT_STEPS_MAX; i++) {
		const struct trial *t = &p->trial[i];
		if (!t->failed || t->lag_s < from_s || t->lag_s > to_s)
			continue;
		steps[count++] = (struct step){.from = p->a,
			.to = p->b,
			.from_attempt = t->from_attempt,
			.to_attempt = t->to_attempt,
			.tries = t->tries,
			.fail_ns = v->attempt[t->from_attempt].fail_ns,
			.at_ns = v->attempt[t->to_attempt].start_ns,
			.delay_s = t->lag_s};
	}
	like->by = &detector_pair;
	like->why = mechanism_between(v, p->a, p->b);
	like->timing_bits = -log2(worst_of(c));
	like->rhythm_bits = log2(c->rate) - log2(fmax(c->rate, c->rhythm));
	like->contrast_bits = log2(fmax(c->rate, c->rhythm)) - log2(worst_of(c));
	like->expected = c->expected;
	like->failures = p->failures;
	like->successes = p->successes;
	like->followed = followed(p, true, from_s, to_s);
	like->after_success = followed(p, false, from_s, to_s);
	(void)hit_new(look, hits, like, steps, count);
}

/* The window of the grid that is the least likely by accident. */
static void within_window(
	const struct look *look, const struct pair *p, double pairs, struct hits *hits)
{
	struct chances best = {.rate = 1};
	struct hit like = {.kind = HIT_PAIR};
	for (size_t i = 0; i < ARRAY_LEN(grid_s); i++) {
		uint32_t k = followed(p, true, 0, grid_s[i]);
		if (k < 2)
			continue;
		struct chances c = window_chances(look, p, grid_s[i], k);
		if (worst_of(&c) >= worst_of(&best))
			continue;
		best = c;
		like.window_s = grid_s[i];
	}
	if (worst_of(&best) >= 1)
		return;
	like.trials_bits = log2((double)ARRAY_LEN(grid_s) * FAMILIES * pairs);
	tell(look, p, &like, &best, 0, like.window_s, hits);
}

/* Equally long after each failure: whatever B's rate, a Poisson process hits a window of 2w around
 * M with at most 2w/(eM); two clocks hit it as often as their irregularity lets them. The first lag
 * is free. */
static void on_a_timer(
	const struct look *look, const struct pair *p, double pairs, struct hits *hits)
{
	uint32_t k = 0;
	for (uint32_t i = 0; i < p->trials; i++)
		if (p->trial[i].failed && isfinite(p->trial[i].lag_s))
			p->scratch[k++] = p->trial[i].lag_s;
	/* all of A's failures, or nothing: choosing which ones would have to be paid for */
	if (k < TIMER_COINCIDENCES || k < p->failures)
		return;
	double tick = median(p->scratch, k), error = 0;
	for (uint32_t i = 0; i < p->trials; i++)
		if (p->trial[i].failed)
			error = fmax(error, fabs(p->trial[i].lag_s - tick));
	error += TIMER_NOISE_S;
	if (tick < TIMER_MIN_S || error >= tick)
		return;
	struct chances c = {.expected = 1};
	c.rate = pow(fmin(1, 2 * error / (M_E * tick)), k - 1);
	c.rhythm = pow(p->rhythm_s > 0 ? fmin(1, 1.6 * error / p->rhythm_s) : 1, k - 1);
	c.contrast = contrast_chance(p, tick - error, tick + error, k);
	if (worst_of(&c) >= 1)
		return;
	struct hit like = {.kind = HIT_PAIR_METRONOME,
		.tick_s = tick,
		.tick_error_s = error,
		.window_s = tick + error};
	like.trials_bits = log2(FAMILIES * pairs * length_weight(k - 1));
	tell(look, p, &like, &c, 0, INFINITY, hits);
}

/* ---- all pairs ---- */

static uint32_t failed_bursts(const struct view *v, uint32_t channel)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < v->bursts; i++)
		count += v->burst[i].channel == channel && v->burst[i].failed;
	return count;
}

/* One pass counts the pairs that were looked at, the second judges them. */
static void each_pair(
	const struct look *look, struct pair *p, double *pairs, bool judge, struct hits *hits)
{
	const struct view *v = look->view;
	for (p->a = 1; p->a < v->channels; p->a++) {
		if (!v->channel[p->a].rare || failed_bursts(v, p->a) < 2)
			continue;
		for (p->b = 1; p->b < v->channels; p->b++) {
			if (!v->channel[p->b].channel->used ||
				v->channel[p->a].group == v->channel[p->b].group)
				continue;
			look_at(look, p);
			if (followed(p, true, 0, INFINITY) == 0)
				continue;
			if (!judge) {
				++*pairs;
				continue;
			}
			within_window(look, p, *pairs, hits);
			on_a_timer(look, p, *pairs, hits);
		}
	}
}

static void pair_run(const struct look *look, struct hits *hits)
{
	struct pair p = {.trial = ARENA_NEW(look->arena, struct trial, look->view->bursts + 1),
		.scratch = ARENA_NEW(look->arena, double, look->view->bursts + 1)};
	if (p.trial == NULL || p.scratch == NULL)
		return;
	double pairs = 0;
	each_pair(look, &p, &pairs, false, hits);
	pairs = fmax(pairs, PAIRS_A_DAY);
	each_pair(look, &p, &pairs, true, hits);
}

const struct detector detector_pair = {
	.name = "pair",
	.attack = NULL,
	.explanation =
		"a backup is opened whenever its primary fails, and not when the primary works",
	.run = pair_run,
};
