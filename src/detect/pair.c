#include <math.h>

#include "base/limits.h"
#include "detect/detect_private.h"
#include "detect/stats.h"

/* The repeated pair: when A fails, B is opened, and B does not come as readily when A works. Within
 * a window from a grid, or always equally long after the failure. What two programs on one clock,
 * or one page that calls both, would show is taken off. Theory and measured cost:
 * docs/detectors/pair.md. */

static const double grid_s[] = {.1, .3, 1, 3, 10, 30, 60, 300, 600, 3600};
#define HOUR_NS (3600 * NS_PER_S)
#define BUSY_NS (300 * NS_PER_S)
#define TIE_NS  (50 * NS_PER_US)
/* Pairs that a host shows a day at least, as far as multiplicity is concerned. */
#define PAIRS_A_DAY 10.0
/* A backup takes over: B has to follow a third of A's failures (the smallest alternative that the
 * theory bets on), and to answer half of the times. What is opened after one in ten is chosen for
 * another reason: A stands before everything, like a resolver or a proxy. */
#define SHARE_MIN  0.3
#define ANSWER_MIN 0.5
/* Less than this, before likeness, is not worth asking whose B is: E over 100. */
#define NOTHING_BITS (-7.0)
/* Coincidences that make a timer, and how precise and long one is. */
#define TIMER_COINCIDENCES 3u
#define TIMER_NOISE_S      0.002
#define TIMER_MIN_S        0.2
/* How far a program's own schedule wavers. */
#define SCHEDULE_NOISE_S 0.25

/* A run of A's attempts of one outcome, and how long after it B was opened; HUGE_VAL: not within
 * the hour. A run ends with its burst, or where B was opened. */
struct trial {
	uint32_t first, last;              /* attempts */
	uint32_t from_attempt, to_attempt; /* the last one before B, and B's */
	double lag_s;
	uint32_t tries;
	bool failed;
};

/* The attempts of each channel, in time order: those of channel c are attempt[first[c]] to
 * attempt[first[c + 1] - 1]. */
struct index {
	uint32_t *first, *attempt;
};

struct pair {
	const struct index *index;
	uint32_t a, b; /* channels */
	struct trial *trial;
	uint32_t trials, failures, successes;
	double b_rate;   /* openings of B per second of the host's active time */
	double rhythm_s; /* how irregular the two are, in seconds; 0: too few to tell */
	double *scratch;
};

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* ---- what happened ---- */

/* When the client knew: of a failure its instant, of a success its beginning. */
static int64_t instant(const struct attempt *a)
{
	return attempt_failed(a) ? a->over_ns : a->start_ns;
}

/* A's attempt goes on with the run that is open, or begins another. */
static void add_attempt(const struct view *v, struct pair *p, uint32_t index)
{
	const struct attempt *a = &v->attempt[index];
	bool failed = attempt_failed(a);
	if (!failed && a->outcome != OUTCOME_OK)
		return;
	struct trial *t = p->trials == 0 ? NULL : &p->trial[p->trials - 1];
	if (t != NULL && isinf(t->lag_s) &&
		a->start_ns - instant(&v->attempt[t->last]) < BURST_GAP_NS) {
		t->failed &=
			failed; /* one answer makes the burst a success: its failures were tries */
		t->last = index;
		t->tries += failed;
		return;
	}
	p->trial[p->trials++] = (struct trial){.first = index,
		.last = index,
		.lag_s = HUGE_VAL,
		.failed = failed,
		.tries = failed};
}

/* B was opened: it answers the run before it, from the last instant of the run that had passed. */
static void add_opening(const struct view *v, struct pair *p, uint32_t index)
{
	struct trial *t = p->trials == 0 ? NULL : &p->trial[p->trials - 1];
	if (t == NULL || isfinite(t->lag_s))
		return;
	int64_t best_ns = HOUR_NS + 1, opened_ns = v->attempt[index].start_ns;
	for (uint32_t i = t->first; i <= t->last; i++) {
		const struct attempt *a = &v->attempt[i];
		int64_t after = opened_ns - instant(a);
		if (a->channel != p->a || attempt_failed(a) != t->failed || after < TIE_NS ||
			after >= best_ns)
			continue;
		best_ns = after;
		t->from_attempt = i;
		t->to_attempt = index;
		t->lag_s = seconds(after);
	}
}

/* Runs that B did not answer although it was opened less than a burst before say nothing: B was in
 * use, and further successes within a burst are not kept. */
static void drop_tails(const struct view *v, struct pair *p)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < p->trials; i++) {
		const struct trial *t = &p->trial[i],
				   *before = kept == 0 ? NULL : &p->trial[kept - 1];
		if (before != NULL && isfinite(before->lag_s) && isinf(t->lag_s) &&
			v->attempt[t->first].start_ns - v->attempt[before->to_attempt].start_ns <
				BURST_GAP_NS)
			continue;
		p->trial[kept++] = *t;
	}
	p->trials = kept;
}

/* Spread of the intervals between the runs of A, or between B's openings that answered them; 0 with
 * fewer than two. */
static double irregularity(const struct view *v, const struct pair *p, bool of_b)
{
	uint32_t count = 0;
	int64_t before_ns = 0;
	for (uint32_t i = 0; i < p->trials; i++) {
		const struct trial *t = &p->trial[i];
		if (of_b && isinf(t->lag_s))
			continue;
		int64_t at_ns = v->attempt[of_b ? t->to_attempt : t->first].start_ns;
		if (before_ns != 0)
			p->scratch[count++] = seconds(at_ns - before_ns);
		before_ns = at_ns;
	}
	return count < 2 ? 0 : spread(p->scratch, count);
}

static void look_at(const struct look *look, struct pair *p)
{
	const struct view *v = look->view;
	p->trials = p->failures = p->successes = 0;
	const struct index *x = p->index;
	uint32_t i = x->first[p->a], k = x->first[p->b];
	while (i < x->first[p->a + 1] || k < x->first[p->b + 1]) { /* both lists, in time order */
		bool of_a = k == x->first[p->b + 1] ||
		            (i < x->first[p->a + 1] && x->attempt[i] < x->attempt[k]);
		if (of_a)
			add_attempt(v, p, x->attempt[i++]);
		else
			add_opening(v, p, x->attempt[k++]);
	}
	drop_tails(v, p);
	for (i = 0; i < p->trials; i++) {
		p->failures += p->trial[i].failed;
		p->successes += !p->trial[i].failed;
	}
}

static uint32_t followed(const struct pair *p, bool failed, double from_s, double to_s)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->trials; i++)
		count += p->trial[i].failed == failed && p->trial[i].lag_s >= from_s &&
		         p->trial[i].lag_s <= to_s;
	return count;
}

/* ---- who else comes before B ---- */

/* How many runs of another channel, and after how many of them B was opened before the next run of
 * it: an answered channel that B follows as faithfully as A's failures is what B belongs to. */
static double share_of(const struct view *v, const struct pair *p, uint32_t other, int64_t reach_ns)
{
	uint32_t runs = 0, hits = 0;
	int64_t last_ns = INT64_MIN / 2;
	bool open = false;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		if (a->channel == other && attempt_failed(a))
			return 0; /* another rung, perhaps */
		if (a->channel == other) {
			runs += !open || a->start_ns - last_ns > BURST_GAP_NS;
			open = true;
			last_ns = a->start_ns;
		} else if (a->channel == p->b && open && a->start_ns - last_ns <= reach_ns) {
			hits++;
			open = false;
		}
	}
	return runs < 2 ? 0 : (double)hits / runs;
}

/* Whether B belongs to another channel that works. Then A's failures are one more thing that the
 * same page, loop or schedule calls. */
static bool has_parent(const struct view *v, const struct pair *p, double to_s)
{
	double share = (double)followed(p, true, 0, to_s) / p->failures;
	int64_t reach_ns = BURST_GAP_NS;
	for (uint32_t i = 0; i < p->trials; i++) {
		const struct trial *t = &p->trial[i];
		if (!t->failed || isinf(t->lag_s) || t->lag_s > to_s)
			continue;
		int64_t whole = v->attempt[t->to_attempt].start_ns - v->attempt[t->first].start_ns +
		                BURST_GAP_NS;
		reach_ns = whole > reach_ns ? whole : reach_ns;
	}
	for (uint32_t c = 1; c < v->channels; c++) {
		uint32_t group = v->channel[c].group;
		if (v->channel[c].channel->used && group != v->channel[p->a].group &&
			group != v->channel[p->b].group &&
			share_of(v, p, c, reach_ns) >= 0.9 * share)
			return true;
	}
	return false;
}

/* Whether another channel of the host comes before each of B's openings as punctually as A's
 * failures do: then all three run on one schedule, and the failure is not what B waits for. */
static bool on_schedule(const struct view *v, const struct pair *p, uint32_t other, double error_s)
{
	double low = HUGE_VAL, high = -HUGE_VAL;
	for (uint32_t i = 0, at = 0; i < p->trials; i++) {
		const struct trial *t = &p->trial[i];
		double lag = HUGE_VAL;
		for (; t->failed && at < t->to_attempt; at++)
			if (v->attempt[at].channel == other)
				lag = seconds(v->attempt[t->to_attempt].start_ns -
					      v->attempt[at].start_ns);
		low = t->failed ? fmin(low, lag) : low;
		high = t->failed ? fmax(high, lag) : high;
	}
	return isfinite(high) && high - low <= 2 * error_s + SCHEDULE_NOISE_S;
}

static bool has_schedule(const struct view *v, const struct pair *p, double error_s)
{
	for (uint32_t c = 1; c < v->channels; c++) {
		uint32_t group = v->channel[c].group;
		if (v->channel[c].channel->used && group != v->channel[p->a].group &&
			group != v->channel[p->b].group && on_schedule(v, p, c, error_s))
			return true;
	}
	return false;
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

/* The most openings of B per second that can be defended around a failure: by its own rate, when
 * the host is busier than usual, and by what else it did near then, the answer apart. */
static double opening_rate(const struct view *v, const struct pair *p, const struct trial *t)
{
	int64_t at_ns = instant(&v->attempt[t->last]);
	uint32_t near = bursts_between(v, at_ns - BUSY_NS, at_ns + BUSY_NS);
	double usual = v->bursts / v->active_s * seconds(2 * BUSY_NS);
	double rate = p->b_rate * (usual > 0 ? fmax(1, near / usual) : 1);
	static const double near_s[] = {10, 30, 100, 300};
	uint32_t count[ARRAY_LEN(near_s)] = {0};
	for (uint32_t k = p->index->first[p->b]; k < p->index->first[p->b + 1]; k++) {
		uint32_t i = p->index->attempt[k];
		if (isfinite(t->lag_s) && i == t->to_attempt)
			continue;
		for (size_t w = 0; w < ARRAY_LEN(near_s); w++)
			count[w] += fabs(seconds(v->attempt[i].start_ns - at_ns)) <= near_s[w];
	}
	for (size_t w = 0; w < ARRAY_LEN(near_s); w++)
		rate = fmax(rate, count[w] / (2 * near_s[w]));
	return rate;
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
		double span =
			seconds(instant(&v->attempt[t->last]) - instant(&v->attempt[t->first]));
		q[n] = fmin(1, opening_rate(v, p, t) * fmin(t->tries * d_s, fmax(0, span) + d_s));
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

/* The switches, and how many of them B answered. */
static uint32_t list_steps(const struct view *v, const struct pair *p, double from_s, double to_s,
	struct step *ret, uint32_t *ret_count)
{
	uint32_t answered = 0;
	*ret_count = 0;
	for (uint32_t i = 0; i < p->trials; i++) {
		const struct trial *t = &p->trial[i];
		if (!t->failed || t->lag_s < from_s || t->lag_s > to_s ||
			*ret_count == HIT_STEPS_MAX)
			continue;
		const struct attempt *from = &v->attempt[t->from_attempt],
				     *to = &v->attempt[t->to_attempt];
		answered += !attempt_failed(to);
		ret[(*ret_count)++] = (struct step){.from = p->a,
			.to = p->b,
			.from_attempt = t->from_attempt,
			.to_attempt = t->to_attempt,
			.tries = t->tries,
			.fail_ns = from->over_ns,
			.at_ns = to->start_ns,
			.delay_s = t->lag_s};
	}
	return answered;
}

static bool all_in_outage(const struct view *v, const struct step *steps, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!view_outage(v, steps[i].from_attempt))
			return false;
	return count > 0;
}

static void tell(const struct look *look, const struct pair *p, struct hit *like,
	const struct chances *c, double to_s, struct hits *hits)
{
	const struct view *v = look->view;
	double from_s = like->kind == HIT_PAIR ? 0 : like->tick_s - like->tick_error_s;
	struct step steps[HIT_STEPS_MAX];
	uint32_t count = 0;
	if (list_steps(v, p, from_s, to_s, steps, &count) < ANSWER_MIN * count)
		return;
	like->by = &detector_pair;
	like->timing_bits = -log2(worst_of(c));
	if (like->timing_bits - like->trials_bits < NOTHING_BITS)
		return; /* whoever B belongs to */
	like->why = mechanism_between(v, p->a, p->b);
	if (like->why == MECHANISM_NONE && has_parent(v, p, to_s))
		like->why = MECHANISM_COMPANION;
	if (like->why == MECHANISM_NONE && like->kind == HIT_PAIR_METRONOME &&
		has_schedule(v, p, like->tick_error_s))
		like->why = MECHANISM_COMMON_TICK;
	if (like->why == MECHANISM_NONE && all_in_outage(v, steps, count))
		like->why = MECHANISM_OUTAGE;
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
	for (size_t i = 0, before = 0; i < ARRAY_LEN(grid_s); i++) {
		uint32_t k = followed(p, true, 0, grid_s[i]);
		/* as many in a longer window are the more likely */
		if (k < 2 || k < SHARE_MIN * p->failures || k == before)
			continue;
		before = k;
		struct chances c = window_chances(look, p, grid_s[i], k);
		if (worst_of(&c) >= worst_of(&best))
			continue;
		best = c;
		like.window_s = grid_s[i];
	}
	if (worst_of(&best) >= 1)
		return;
	size_t windows = ARRAY_LEN(grid_s);
	like.trials_bits = log2((double)windows * pairs);
	tell(look, p, &like, &best, like.window_s, hits);
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
	double tick = median(p->scratch, k), error = TIMER_NOISE_S;
	for (uint32_t i = 0; i < p->trials; i++)
		if (p->trial[i].failed)
			error = fmax(error, fabs(p->trial[i].lag_s - tick) + TIMER_NOISE_S);
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
	like.trials_bits = log2(2 * pairs * length_weight(k - 1));
	tell(look, p, &like, &c, tick + error, hits);
}

/* ---- all pairs ---- */

static bool index_attempts(const struct view *v, struct arena *arena, struct index *ret)
{
	ret->first = ARENA_NEW(arena, uint32_t, v->channels + 1);
	ret->attempt = ARENA_NEW(arena, uint32_t, v->attempts);
	uint32_t *at = ARENA_NEW(arena, uint32_t, v->channels);
	if (ret->first == NULL || ret->attempt == NULL || at == NULL)
		return false;
	for (uint32_t i = 0; i < v->attempts; i++)
		ret->first[v->attempt[i].channel + 1]++;
	for (uint32_t c = 0; c < v->channels; c++)
		at[c] = ret->first[c + 1] += ret->first[c];
	for (uint32_t c = v->channels; c > 0; c--)
		at[c - 1] = ret->first[c - 1];
	for (uint32_t i = 0; i < v->attempts; i++)
		ret->attempt[at[v->attempt[i].channel]++] = i;
	return true;
}

static uint32_t failed_attempts(const struct view *v, const struct index *x, uint32_t channel)
{
	uint32_t count = 0;
	for (uint32_t k = x->first[channel]; k < x->first[channel + 1]; k++)
		count += attempt_failed(&v->attempt[x->attempt[k]]);
	return count;
}

/* Whether A's failures are followed by B at all, and often enough to be judged. */
static bool is_pair(const struct look *look, struct pair *p, bool *ret_judge)
{
	const struct view *v = look->view;
	if (!v->channel[p->b].channel->used || v->channel[p->a].group == v->channel[p->b].group)
		return false;
	look_at(look, p);
	uint32_t all = p->failures < 2 ? 0 : followed(p, true, 0, HUGE_VAL);
	*ret_judge = all >= fmax(2, SHARE_MIN * p->failures);
	return all > 0;
}

static void judge_pair(const struct look *look, struct pair *p, double pairs, struct hits *hits)
{
	const struct view *v = look->view;
	look_at(look, p);
	p->b_rate = fmax(1, v->channel[p->b].channel->openings) / v->active_s;
	p->rhythm_s = hypot(irregularity(v, p, false), irregularity(v, p, true));
	within_window(look, p, pairs, hits);
	on_a_timer(look, p, pairs, hits);
}

/* All pairs that were looked at are counted before the first is judged. What is explained whatever
 * it shows takes no chance. */
static void each_pair(const struct look *look, struct pair *p, struct hits *hits)
{
	const struct view *v = look->view;
	uint32_t *candidate = ARENA_NEW(look->arena, uint32_t, (size_t)v->channels * v->channels);
	uint32_t candidates = 0;
	double pairs = 0;
	if (candidate == NULL)
		return;
	for (p->a = 1; p->a < v->channels; p->a++) {
		if (!v->channel[p->a].rare || failed_attempts(v, p->index, p->a) < 2)
			continue;
		for (p->b = 1; p->b < v->channels; p->b++) {
			bool judge = false;
			if (!is_pair(look, p, &judge))
				continue;
			pairs += mechanism_between(v, p->a, p->b) == MECHANISM_NONE;
			if (judge)
				candidate[candidates++] = p->a * v->channels + p->b;
		}
	}
	pairs = fmax(pairs, PAIRS_A_DAY);
	for (uint32_t i = 0; i < candidates; i++) {
		p->a = candidate[i] / v->channels;
		p->b = candidate[i] % v->channels;
		judge_pair(look, p, pairs, hits);
	}
}

static void pair_run(const struct look *look, struct hits *hits)
{
	struct index index;
	if (!index_attempts(look->view, look->arena, &index))
		return;
	struct pair p = {.index = &index,
		.trial = ARENA_NEW(look->arena, struct trial, look->view->attempts + 1),
		.scratch = ARENA_NEW(look->arena, double, look->view->attempts + 1)};
	if (p.trial == NULL || p.scratch == NULL)
		return;
	each_pair(look, &p, hits);
}

const struct detector detector_pair = {
	.name = "pair",
	.attack = NULL,
	.explanation =
		"a backup is opened whenever its primary fails, and not when the primary works",
	.run = pair_run,
	.coincidences = true,
};
