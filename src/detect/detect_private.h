/* Inside detect/: what several limbs share. */
#pragma once

#include "detect/detect.h"

/* How many switches a host shows a day at least, as far as multiplicity is concerned: benign hosts
 * showed 1 to 13 (prototype section 1b), so nobody gets a small E for having been seen for a
 * minute. */
#define STEPS_A_DAY 20.0

/* A chain or a series of m may begin anywhere and have any length: the weights 1/(m(m+1)) of all
 * lengths sum to 1. */
static inline double length_weight(uint32_t m)
{
	return (double)m * (m + 1.0);
}

/* The benign mechanism that the two channels by themselves show, or NONE. */
enum mechanism mechanism_between(const struct view *v, uint32_t a, uint32_t b);

/* Whether what answers on the channel speaks a VPN's protocol. */
bool speaks_vpn(const struct view *v, uint32_t channel);

/* Bits that speak for one program behind both ends of the steps, clamped to +-LIKENESS_MAX; mean:
 * of the steps, for steps that repeat one pair. */
struct likeness likeness_of(
	const struct view *v, const struct step *steps, uint32_t count, bool mean);

/* Bursts of any channel that begin within [from_ns, to_ns]. */
uint32_t bursts_between(const struct view *v, int64_t from_ns, int64_t to_ns);

/* No single coincidence is worth more than this: clocks could agree (prototype section 4). */
#define COINCIDENCE_FLOOR 1e-4

/* The instants of failures that something may answer, in order. */
struct failures {
	uint32_t *attempt;
	uint32_t count;
};
/* Failed attempts of rare channels, but for those of channel `except`. Returns false when the arena
 * is full. */
MUST_USE bool failures_find(
	const struct view *v, uint32_t except, struct arena *arena, struct failures *ret);
/* The last failure that was known at at_ns, or UINT32_MAX. */
uint32_t failure_before(const struct view *v, const struct failures *f, int64_t at_ns);
/* The chance that an instant at random lies as soon after a failure as at_ns after that one: the
 * share of the host's time, all in all or near then, that is. *ret_delay_s: how soon. */
double failure_chance(const struct view *v, const struct failures *f, uint32_t attempt,
	int64_t at_ns, double *ret_delay_s);
/* Events a second at at_ns, the most that can be defended: all in all or near then. when: in any
 * order, without the one at at_ns. */
double pace_at(const struct view *v, const int64_t *when, uint32_t count, int64_t at_ns);

/* Keeps a hit like this one with its steps: likeness and e are filled in here. Returns the slot, or
 * NULL when it is too weak to be kept. */
struct hit *hit_new(const struct look *look, struct hits *hits, const struct hit *like,
	const struct step *steps, uint32_t count);
