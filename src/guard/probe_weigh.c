#include <math.h>

#include "guard/probe_private.h"

/* Shams weigh against what the caller said of p0 as if that were so many slots: few, so that a
 * bound that was too low is raised soon. */
#define PRIOR_SLOTS 3.0
/* A fallback is hardly used while its first way is open. */
#define FALLBACK_OPEN 0.01

/* ---- Wald's test ---- */

static struct probe_count open_windows(const struct probe *one)
{
	const struct probe_count *sham = &one->count[PROBE_IN_SHAM],
				 *rest = &one->count[PROBE_IN_REST];
	return (struct probe_count){.windows = sham->windows + rest->windows,
		.fresh = sham->fresh + rest->fresh,
		.again = sham->again + rest->again,
		.met = sham->met + rest->met};
}

/* What the caller said, or more if so many of the windows in which nothing was shut say so. */
static double chance(const struct probes *p, const struct probe *one, double hits, double windows)
{
	double given = fmax(one->p0_given, p->config.p0_least);
	return fmax(given, (given * PRIOR_SLOTS + hits) / (PRIOR_SLOTS + windows));
}

double probe_p0(const struct probes *p, const struct probe *one)
{
	struct probe_count open = open_windows(one);
	return chance(p, one, probe_hits(&open), open.windows);
}

double probe_confirms(const struct probe_config *c)
{
	return -log(c->alpha); /* Ville's inequality */
}

double probe_clears(const struct probe_config *c)
{
	return log(c->beta / (1 - c->alpha));
}

static double odds(double hits, double windows, double q, double p0)
{
	return hits * log(q / p0) + (windows - hits) * log((1 - q) / (1 - p0));
}

/* ---- the e-process ---- */

static double log_likelihood(double hits, double windows, double chance)
{
	return (hits > 0 ? hits * log(chance) : 0) +
	       (windows > hits ? (windows - hits) * log(1 - chance) : 0);
}

/* Of what could be met again: a fallback is met in blocks; all else at some chance that is the same
 * in blocks and outside, namely the one under which what was seen is likeliest, so that this is too
 * little whatever it is. */
static double odds_again(const struct probe_count *block, const struct probe_count *open, double q)
{
	double hits = (double)block->met + open->met, windows = (double)block->again + open->again;
	if (windows <= 0)
		return 0;
	return log_likelihood(block->met, block->again, q) +
	       log_likelihood(open->met, open->again, FALLBACK_OPEN) -
	       log_likelihood(hits, windows, hits / windows);
}

static double log_mean(double a, double b)
{
	double more = fmax(a, b);
	return more + log((exp(a - more) + exp(b - more)) / 2);
}

/* Either every block leads to something new, or back to what one of them led to first. The mean of
 * both is an e-process, and with it no more than alpha of honest hosts are ever confirmed. */
static double log_e(const struct probes *p, const struct probe *one)
{
	const struct probe_count *block = &one->count[PROBE_IN_BLOCK], open = open_windows(one);
	double q = p->config.q1, p0 = chance(p, one, open.fresh, open.windows),
	       later_fresh = (double)block->windows - block->first - block->again;
	return log_mean(odds(block->fresh, block->windows, q, p0),
		odds(block->fresh - later_fresh, block->first, q, p0) +
			odds_again(block, &open, q));
}

/* All blocks at the rate as it is known by now, not as it was thought to be when they ended. */
void probe_weigh(const struct probes *p, struct probe *one)
{
	const struct probe_count *block = &one->count[PROBE_IN_BLOCK];
	one->llr = odds(probe_hits(block), block->windows, p->config.q1, probe_p0(p, one));
	one->log_e = log_e(p, one);
}

/* ---- for telling ---- */

static double log_choose(uint32_t n, uint32_t k)
{
	return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

double probe_fisher(const struct probe *one)
{
	const struct probe_count *block = &one->count[PROBE_IN_BLOCK],
				 *sham = &one->count[PROBE_IN_SHAM];
	uint32_t slots = block->windows + sham->windows,
		 hits = probe_hits(block) + probe_hits(sham);
	uint32_t most = hits < block->windows ? hits : block->windows;
	double sum = 0;
	for (uint32_t k = probe_hits(block); k <= most; k++)
		if (hits - k <= sham->windows)
			sum += exp(log_choose(block->windows, k) +
				   log_choose(sham->windows, hits - k) - log_choose(slots, hits));
	return sum < 1 ? sum : 1;
}
