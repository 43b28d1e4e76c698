#include "judge/decoy.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/limits.h"

/* How often a look is repeated with decoys: much while the run is short, then less, so that it
 * costs a tenth of the whole hunt at most (docs/DETECTION.md, Calibration). */
#define LANES_FEW   8u
#define LOOKS_FEW   8u
#define LANES_SOME  2u
#define LOOKS_SOME  64u
#define LOOKS_EVERY 2u
/* Decoys of a host that never failed: such a host would show nothing, and nothing would be
 * learnt. */
#define DECOYS_MIN 3u
/* More of a host's successes than this must not be turned into failures: it would be no such
 * traffic any more. */
#define SHARE_MAX 0.5
/* Bursts within this say how busy the host was. */
#define BUSY_NS (60 * NS_PER_S)
/* A failure without a model: refused by a server not far away. */
#define LAG_NS (20 * NS_PER_MS)

#define BINS_PER_DECADE 8
#define DECADES         8 /* from 1e-6 to 100 */
#define BINS            (BINS_PER_DECADE * DECADES + 1)
#define E_LEAST         1e-6

#define DAY_S 86400.0

struct lane_use { /* per host: how many of its looks were repeated, and up to when it was seen */
	uint32_t looks, lanes;
	int64_t seen_ns;
};

struct decoys {
	uint64_t looks;
	struct lane_use *use;
	size_t uses;
	double host_days;
	uint64_t bin[BINS]; /* findings of decoys, by E */
};

int decoys_new(struct decoys **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret == NULL ? -ENOMEM : 0;
}

void decoys_free(struct decoys *d)
{
	if (d == NULL)
		return;
	free(d->use);
	free(d);
}

/* ---- chance that repeats exactly: seeded by what was seen, never by when or where it was run ----
 */

struct dice {
	uint64_t state;
};

static uint64_t roll(struct dice *dice) /* SplitMix64 (Steele, Lea, Flood 2014) */
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint32_t below(struct dice *dice, uint32_t limit)
{
	return (uint32_t)((roll(dice) >> 32) * limit >> 32);
}

/* Moving the whole capture in time changes nothing. */
static struct dice dice_of(const struct view *v, uint32_t lane)
{
	static const struct hash_key key = {0x706f737465726e01, 0x6465636f79000000};
	const struct host *h = v->host;
	const uint64_t what[] = {lane, v->attempts, h->connections,
		(uint64_t)(v->attempt[v->attempts - 1].start_ns - h->first_ns)};
	return (struct dice){.state = hash_bytes(&key, what, sizeof what) ^
	                              hash_bytes(&key, h->addr.byte, sizeof h->addr.byte)};
}

/* ---- which successes are taken for failures ---- */

struct plan {
	const struct view *view;
	uint8_t *busy;      /* of each burst: log2 of the bursts near it */
	bool *success;      /* of each burst: may be taken */
	uint32_t successes; /* how many may */
	uint32_t wanted;    /* bursts to take */
	uint32_t *model;    /* attempts that really failed, conversations all */
	uint32_t models;
	uint32_t *failed; /* bursts that really failed, of rare endpoints */
	uint32_t fails;
	struct attempt *attempt; /* the host's, as the decoys have them */
	bool *decoy;             /* of each attempt */
};

static void find_busy(struct plan *p)
{
	const struct view *v = p->view;
	for (uint32_t i = 0, low = 0, high = 0; i < v->bursts; i++) {
		int64_t at_ns = v->burst[i].start_ns;
		while (v->burst[low].start_ns < at_ns - BUSY_NS)
			low++;
		while (high < v->bursts && v->burst[high].start_ns <= at_ns + BUSY_NS)
			high++;
		for (uint32_t near = high - low; near > 1; near /= 2)
			p->busy[i]++;
	}
}

/* Real failures tell nothing of chance: they are gone. What remains of them is that something was
 * tried. */
static void remove_failures(struct plan *p)
{
	const struct view *v = p->view;
	for (uint32_t i = 0; i < v->attempts; i++) {
		p->attempt[i] = v->attempt[i];
		if (!outcome_is_failure((enum outcome)v->attempt[i].outcome))
			continue;
		p->attempt[i].outcome = OUTCOME_UNKNOWN;
		if (attempt_failed(&v->attempt[i]) && (v->attempt[i].flags & ATTEMPT_LOOKUP) == 0)
			p->model[p->models++] = i;
	}
}

static void find_bursts(struct plan *p)
{
	const struct view *v = p->view;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		if (a->outcome == OUTCOME_OK && (a->flags & ATTEMPT_JOINED) == 0 &&
			a->channel != CHANNEL_FORGOTTEN && v->channel[a->channel].rare)
			p->success[v->burst_of[i]] = true;
	}
	for (uint32_t i = 0; i < v->bursts; i++) {
		const struct burst *b = &v->burst[i];
		p->successes += p->success[i];
		if (b->failed && b->channel != CHANNEL_FORGOTTEN && v->channel[b->channel].rare)
			p->failed[p->fails++] = i;
	}
	uint32_t most = (uint32_t)(SHARE_MAX * p->successes);
	p->wanted = p->fails > DECOYS_MIN ? p->fails : DECOYS_MIN;
	p->wanted = p->wanted < most ? p->wanted : most;
}

static bool plan_make(const struct view *v, struct arena *arena, struct plan *ret)
{
	*ret = (struct plan){.view = v,
		.busy = ARENA_NEW(arena, uint8_t, v->bursts),
		.success = ARENA_NEW(arena, bool, v->bursts),
		.model = ARENA_NEW(arena, uint32_t, v->attempts),
		.failed = ARENA_NEW(arena, uint32_t, v->bursts),
		.attempt = ARENA_NEW(arena, struct attempt, v->attempts),
		.decoy = ARENA_NEW(arena, bool, v->attempts)};
	if (ret->busy == NULL || ret->success == NULL || ret->model == NULL ||
		ret->failed == NULL || ret->attempt == NULL || ret->decoy == NULL)
		return false;
	find_busy(ret);
	remove_failures(ret);
	find_bursts(ret);
	return true;
}

/* A success at a time when the host was as busy as around the failure it stands for; when there is
 * none left, any. */
static uint32_t draw(const struct plan *p, struct dice *dice, uint8_t busy, bool alike)
{
	uint32_t fit = 0;
	for (uint32_t i = 0; i < p->view->bursts; i++)
		fit += p->success[i] && (!alike || p->busy[i] == busy);
	if (fit == 0)
		return UINT32_MAX;
	uint32_t nth = below(dice, fit);
	for (uint32_t i = 0; i < p->view->bursts; i++)
		if (p->success[i] && (!alike || p->busy[i] == busy) && nth-- == 0)
			return i;
	return UINT32_MAX;
}

/* All answers of the burst become failures, told to the client as late as a real one was. */
static void take(struct plan *p, struct dice *dice, uint32_t burst)
{
	const struct view *v = p->view;
	const struct attempt *model =
		p->models == 0 ? NULL : &v->attempt[p->model[below(dice, p->models)]];
	for (uint32_t i = v->burst[burst].first; i <= v->burst[burst].last; i++) {
		struct attempt *a = &p->attempt[i];
		if (v->burst_of[i] != burst || a->outcome != OUTCOME_OK)
			continue;
		a->outcome = model == NULL ? (uint8_t)OUTCOME_REFUSED : model->outcome;
		a->over_ns =
			a->start_ns + (model == NULL ? LAG_NS : model->over_ns - model->start_ns);
		a->leave_us = model == NULL ? 0 : model->leave_us;
		a->tries = model == NULL ? 1 : model->tries;
		p->decoy[i] = true;
	}
	p->success[burst] = false;
}

static void take_all(struct plan *p, struct dice *dice)
{
	uint32_t offset = p->fails == 0 ? 0 : below(dice, p->fails);
	for (uint32_t i = 0; i < p->wanted; i++) {
		uint32_t burst = UINT32_MAX;
		if (p->fails > 0)
			burst = draw(p, dice, p->busy[p->failed[(offset + i) % p->fails]], true);
		if (burst == UINT32_MAX)
			burst = draw(p, dice, 0, false);
		if (burst == UINT32_MAX)
			return;
		take(p, dice, burst);
	}
}

/* ---- what the decoys show ---- */

static size_t bin_of(double e)
{
	/* a whole step, but for rounding, is that step */
	double bin = ceil(BINS_PER_DECADE * log10(fmax(e, E_LEAST) / E_LEAST) - 1e-9);
	return bin >= (double)BINS ? BINS - 1 : (size_t)bin;
}

/* Of the hits that share a channel the strongest is the story; what was in view of the last look
 * was counted then. */
static void count_hits(struct decoys *d, const struct view *v, const struct plan *p,
	const struct hits *hits, int64_t seen_ns, bool *told)
{
	for (uint32_t i = 0; i < hits->count; i++) {
		const struct hit *hit = &hits->hit[i];
		bool decoy = false, fresh = false, again = false;
		for (uint32_t k = 0; k < hit->steps; k++) {
			const struct step *s = &hit->step[k];
			decoy |= p->decoy[s->from_attempt];
			fresh |= s->at_ns > seen_ns;
			again |= told[v->channel[s->from].group] | told[v->channel[s->to].group];
		}
		if (hit->why != MECHANISM_NONE || !decoy || !fresh)
			continue;
		for (uint32_t k = 0; k < hit->steps; k++)
			told[v->channel[hit->step[k].from].group] =
				told[v->channel[hit->step[k].to].group] = true;
		d->bin[bin_of(hit->e)] += !again;
	}
}

static int by_e(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	return (x->e > y->e) - (x->e < y->e);
}

/* One world in which other attempts failed. False: it did not fit, or has nothing to fail. */
static bool look_once(struct decoys *d, const struct look *real, uint32_t lane, int64_t seen_ns,
	struct hits *hits)
{
	struct plan p;
	struct view view;
	struct steps steps;
	const struct view *v = real->view;
	bool *told = ARENA_NEW(real->arena, bool, v->channels);
	if (told == NULL || !plan_make(v, real->arena, &p) || p.wanted == 0)
		return false;
	struct dice dice = dice_of(v, lane);
	take_all(&p, &dice);
	if (!host_view_as(v, p.attempt, real->arena, &view) ||
		!steps_find(&view, real->arena, &steps))
		return false;
	double unexplained = 0;
	for (uint32_t i = 0; i < steps.count; i++)
		unexplained += steps.step[i].why == MECHANISM_NONE;
	struct look look = {.view = &view,
		.steps = &steps,
		.arena = real->arena,
		.steps_today = fmax(real->steps_today, unexplained)};
	hits->count = 0;
	for (size_t i = 0; i < detectors_count(); i++)
		if (detectors_get(i)->coincidences)
			detectors_get(i)->run(&look, hits);
	qsort(hits->hit, hits->count, sizeof *hits->hit, by_e);
	count_hits(d, &view, &p, hits, seen_ns, told);
	return true;
}

static struct lane_use *use_of(struct decoys *d, uint32_t host)
{
	if (host >= d->uses) {
		size_t want = d->uses * 2 > host ? d->uses * 2 : host + 64;
		struct lane_use *bigger = realloc(d->use, want * sizeof *bigger);
		if (bigger == NULL)
			return NULL;
		for (size_t i = d->uses; i < want; i++)
			bigger[i] = (struct lane_use){.seen_ns = INT64_MIN};
		d->use = bigger;
		d->uses = want;
	}
	return &d->use[host];
}

void decoys_look(struct decoys *d, const struct look *real, struct hits *scratch)
{
	const struct view *v = real->view;
	uint64_t look = d->looks++;
	uint32_t lanes = look < LOOKS_FEW          ? LANES_FEW
	                 : look < LOOKS_SOME       ? LANES_SOME
	                 : look % LOOKS_EVERY == 0 ? 1
	                                           : 0;
	struct lane_use *use = use_of(d, v->host->index);
	if (use == NULL || v->attempts == 0)
		return;
	use->looks++;
	for (uint32_t i = 0; i < lanes; i++) {
		size_t mark = arena_mark(real->arena);
		use->lanes += look_once(d, real, i, use->seen_ns, scratch);
		arena_reset(real->arena, mark);
	}
	use->seen_ns = v->attempt[v->attempts - 1].start_ns;
}

void decoys_finish(struct decoys *d, struct hosts *hosts)
{
	for (size_t i = 0; i < d->uses && i < hosts_count(hosts); i++) {
		const struct lane_use *use = &d->use[i];
		if (use->lanes == 0)
			continue;
		double active_s = (double)hosts_get(hosts, i)->active_ns / (double)NS_PER_S;
		d->host_days += fmax(1, ceil(active_s / DAY_S)) * use->lanes / use->looks;
	}
}

/* ---- what follows from it ---- */

/* P(Poisson(mean) <= n). */
static double poisson_at_most(double mean, uint64_t n)
{
	double sum = 0;
	for (uint64_t i = 0; i <= n; i++)
		sum += exp((double)i * log(mean) - mean - lgamma((double)i + 1));
	return fmin(1, sum);
}

#define EXACT_MAX 1000u /* beyond, the normal distribution does */
#define SIGMAS    1.96
#define TAIL      0.025

/* The mean at which P(at most n) is `tail`: Garwood 1936, by bisection. */
static double poisson_mean(uint64_t n, double tail)
{
	double low = 1e-9, high = (double)n + 10 * sqrt((double)n + 1) + 10;
	for (unsigned i = 0; i < 60; i++) {
		double mid = (low + high) / 2;
		if (poisson_at_most(mid, n) > tail)
			low = mid;
		else
			high = mid;
	}
	return (low + high) / 2;
}

static void interval(uint64_t n, double *ret_low, double *ret_high)
{
	double count = (double)n;
	if (n > EXACT_MAX) {
		*ret_low = count - SIGMAS * sqrt(count);
		*ret_high = count + SIGMAS * sqrt(count);
		return;
	}
	*ret_low = n == 0 ? 0 : poisson_mean(n - 1, 1 - TAIL);
	*ret_high = poisson_mean(n, TAIL);
}

static struct calibration_line line_at(const struct decoys *d, double stated)
{
	struct calibration_line line = {.stated = stated};
	for (size_t i = 0; i <= bin_of(stated); i++)
		line.findings += d->bin[i];
	if (!(d->host_days > 0))
		return line;
	interval(line.findings, &line.low, &line.high);
	line.observed = (double)line.findings / d->host_days;
	line.low /= d->host_days;
	line.high /= d->host_days;
	return line;
}

void decoys_tell(const struct decoys *d, struct calibration *ret)
{
	static const double stated[CALIBRATION_LINES] = {1, 0.1, 0.01};
	*ret = (struct calibration){.decoy_host_days = d->host_days};
	for (size_t i = 0; i < CALIBRATION_LINES; i++)
		ret->line[i] = line_at(d, stated[i]);
}

bool decoys_verify(const struct decoys *d, double e)
{
	struct calibration_line line = line_at(d, e);
	return d->host_days > 0 && line.high <= CALIBRATION_WITHIN * e;
}
