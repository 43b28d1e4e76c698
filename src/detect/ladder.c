#include <math.h>

#include "detect/detect_private.h"
#include "detect/stats.h"

/* A rotation list, walked: each server that fails is followed at once by one that this host never
 * met before. The instants are pooled over the list (Fisher), so a list of five dead servers needs
 * no repeats. Also its metronome: a client that waits equally long after each failure shows a
 * timer, whatever the host's own pace. Theory and measured cost: docs/detectors/ladder.md. */

/* A metronome's precision: what a capture's clock and a scheduler add. */
#define TIMER_NOISE_S 0.002
/* A delay shorter than this is no timer but the time that a program takes. */
#define TIMER_MIN_S    0.2
#define TIMER_ODDS_MAX 0.5

/* ---- chains: the successor of one step is the failing endpoint of the next ---- */

/* The step by which s.from was first met, among the unexplained ones before s; or UINT32_MAX. */
static uint32_t step_before(const struct look *look, uint32_t index)
{
	const struct step *s = &look->steps->step[index];
	uint32_t group = look->view->channel[s->from].group;
	for (uint32_t i = index; i > 0; i--) {
		const struct step *t = &look->steps->step[i - 1];
		if (t->why == MECHANISM_NONE && look->view->channel[t->to].group == group)
			return i - 1;
	}
	return UINT32_MAX;
}

/* The best chain that ends with this step: walks back and keeps the length with the smallest
 * expected number. */
static void best_chain(const struct look *look, uint32_t last, struct hits *hits)
{
	struct step chain[HIT_STEPS_MAX];
	double sum = 0, best_p = 1, best_e = HUGE_VAL;
	uint32_t m = 0, best_m = 0;
	for (uint32_t i = last; i != UINT32_MAX && m < HIT_STEPS_MAX; i = step_before(look, i)) {
		chain[HIT_STEPS_MAX - 1 - m] = look->steps->step[i];
		sum -= log(look->steps->step[i].chance);
		m++;
		double p = fisher_tail(m, sum);
		if (p * length_weight(m) < best_e) {
			best_e = p * length_weight(m);
			best_p = p;
			best_m = m;
		}
	}
	if (best_m == 0)
		return;
	struct hit like = {.by = &detector_ladder, .kind = HIT_CHAIN};
	like.timing_bits = -log2(best_p);
	like.trials_bits = log2(fmax(look->steps_today, STEPS_A_DAY) * length_weight(best_m));
	(void)hit_new(look, hits, &like, &chain[HIT_STEPS_MAX - best_m], best_m);
}

/* ---- metronomes: consecutive steps with one delay, or one spacing of their failures ---- */

struct series {
	const struct step *step; /* unexplained ones, in time order */
	double *value;           /* the delay of each, or the spacing to the one before */
	double *scratch;
	uint32_t count;
};

/* -log2 of the chance that all values lie this close to their median, whatever the rate: a Poisson
 * process hits a window of 2w around M with at most 2w/(eM), for the rate 1/M, and once for each
 * try that the delay may have been counted from. The first value is free. 0 when there is nothing
 * to it. */
static double series_bits(
	const struct series *s, uint32_t first, uint32_t count, double *ret_tick, double *ret_error)
{
	for (uint32_t i = 0; i < count; i++)
		s->scratch[i] = s->value[first + i];
	double tick = median(s->scratch, count), error = TIMER_NOISE_S, bits = 0;
	for (uint32_t i = 0; i < count; i++)
		error = fmax(error, fabs(s->value[first + i] - tick) + TIMER_NOISE_S);
	*ret_tick = tick;
	*ret_error = error;
	double odds = 2 * error / (M_E * tick);
	if (tick < TIMER_MIN_S || odds > TIMER_ODDS_MAX)
		return 0;
	for (uint32_t i = 1; i < count; i++)
		bits -= log2(fmin(1, odds * s->step[first + i].tries));
	return bits;
}

/* Whether the first step of the series fails at an endpoint that another step of it fails at: a
 * list is walked on. */
static bool walked_before(
	const struct view *v, const struct series *s, uint32_t first, uint32_t count)
{
	uint32_t group = v->channel[s->step[first].from].group;
	for (uint32_t i = first + 1; i < first + count; i++)
		if (v->channel[s->step[i].from].group == group)
			return true;
	return false;
}

/* The best series that ends with value `last`. */
static void best_series(const struct look *look, const struct series *s, uint32_t last,
	bool spacing, struct hits *hits)
{
	struct hit best = {.by = &detector_ladder, .kind = HIT_METRONOME, .spacing = spacing};
	uint32_t best_count = 0;
	for (uint32_t count = 3; count <= last + 1 && count <= HIT_STEPS_MAX; count++) {
		double tick = 0, error = 0;
		if (walked_before(look->view, s, last + 1 - count, count))
			break;
		double timing = series_bits(s, last + 1 - count, count, &tick, &error);
		if (!(timing > 0))
			break;
		double trials =
			log2(2 * fmax(look->steps_today, STEPS_A_DAY) * length_weight(count - 1));
		if (best_count > 0 && timing - trials <= best.timing_bits - best.trials_bits)
			continue;
		best_count = count;
		best.tick_s = tick;
		best.tick_error_s = error;
		best.timing_bits = timing;
		best.trials_bits = trials;
	}
	if (best_count > 0)
		(void)hit_new(look, hits, &best, &s->step[last + 1 - best_count], best_count);
}

static void metronomes(
	const struct look *look, const struct step *step, uint32_t count, struct hits *hits)
{
	struct series s = {.step = step, .count = count};
	s.value = ARENA_NEW(look->arena, double, count);
	s.scratch = ARENA_NEW(look->arena, double, count);
	if (s.value == NULL || s.scratch == NULL)
		return;
	for (uint32_t i = 0; i < count; i++)
		s.value[i] = step[i].delay_s;
	for (uint32_t i = 2; i < count; i++)
		best_series(look, &s, i, false, hits);
	/* spacings belong to the later of two steps: the series begins with the second */
	if (count < 4)
		return;
	for (uint32_t i = 1; i < count; i++)
		s.value[i - 1] = (double)(step[i].at_ns - step[i - 1].at_ns) / 1e9;
	s.step = step + 1;
	for (uint32_t i = 2; i + 1 < count; i++)
		best_series(look, &s, i, true, hits);
}

static void ladder_run(const struct look *look, struct hits *hits)
{
	struct step *counted = ARENA_NEW(look->arena, struct step, look->steps->count + 1);
	if (counted == NULL)
		return;
	uint32_t count = 0;
	for (uint32_t i = 0; i < look->steps->count; i++) {
		if (look->steps->step[i].why == MECHANISM_NONE) {
			/* a metronome needs endpoints that are new: doors have a pace of their own
			 */
			if (!look->steps->step[i].door)
				counted[count++] = look->steps->step[i];
			best_chain(look, i, hits);
		} else { /* told on its own, so that --all can show what explains it */
			struct hit like = {.by = &detector_ladder,
				.kind = HIT_CHAIN,
				.why = look->steps->step[i].why};
			like.timing_bits = -log2(look->steps->step[i].chance);
			like.trials_bits =
				log2(fmax(look->steps_today, STEPS_A_DAY) * length_weight(1));
			(void)hit_new(look, hits, &like, &look->steps->step[i], 1);
		}
	}
	metronomes(look, counted, count, hits);
}

const struct detector detector_ladder = {
	.name = "ladder",
	.attack = NULL,
	.explanation =
		"a list of servers is walked: each that fails is followed at once by one this host "
		"never met before",
	.run = ladder_run,
	.coincidences = true,
};
