/* Inside detect/: what several limbs share. */
#pragma once

#include "base/limits.h"
#include "detect/detect.h"

/* How many switches a host shows a day at least, as far as multiplicity is concerned: benign hosts
 * showed 1 to 13 (prototype section 1b), so nobody gets a small E for having been seen for a
 * minute. */
#define STEPS_A_DAY 20.0

/* A coincidence of the two finest clocks could be exact: one step is never worth more than this
 * (prototype section 4). */
#define CHANCE_FLOOR 1e-4
/* Closer than the clocks of capture cards tell apart: no order, no reaction. */
#define TIE_NS (50 * NS_PER_US)
/* A client's own timer is this precise at best. */
#define TIMER_S 0.02

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

/* The same of two doors of one endpoint: which party they are of is not asked. */
enum mechanism mechanism_of_ends(const struct view *v, uint32_t a, uint32_t b);

/* Failed attempts of the endpoint since it last answered, up to and with attempt `last`; *ret_first
 * is the first of them. */
uint32_t step_tries(const struct view *v, uint32_t last, uint32_t *ret_first);
/* Whether the endpoint answered another way (other address, port or transport) between the
 * failure's beginning and the successor: then nothing was lost. */
bool step_answered_meanwhile(const struct view *v, uint32_t attempt, int64_t before_ns);
/* How likely the successor, at the step's rate, is by accident so near to the end of one of the
 * client's own timers; 1 when none is known. */
double step_timer_chance(const struct view *v, const struct step *s);

/* doors.c: switches to another port or transport of the endpoint that failed, put among the
 * others. Room for view.channels more is needed. Returns false when the arena is full. */
MUST_USE bool doors_find(const struct view *v, struct arena *arena, struct steps *ret);

/* ---- runs.c: channels in steady use, and one taking over from another ---- */

/* One channel in use, with no pause of more than three of its usual gaps. Contacts within two
 * seconds of one another are one. */
struct run {
	uint32_t channel;
	uint32_t first, last; /* attempts */
	uint32_t count;       /* contacts */
	int64_t start_ns, end_ns;
	double gap_s, spread_s, longest_s; /* median of the gaps, its robust spread, the longest */
	double early_s[2];                 /* the first two gaps; 0 unknown */
	uint32_t kept, answered;           /* attempts that are kept, and those with an answer */
	double request;                    /* median of the first requests' sizes; 0 unknown */
	bool fresh;                        /* the host's first use of the channel, ever */
	bool over;  /* the endpoint was not used again, for longer than ever before */
	bool clock; /* a program's schedule: gaps within a quarter of their median */
};
struct runs {
	struct run *run; /* of rare channels, by start_ns */
	uint32_t count;
	double seen_s; /* active time that they were seen in */
};
MUST_USE bool runs_find(const struct view *v, struct arena *arena, struct runs *ret);

/* A run ended, and another channel's began. */
struct move {
	uint32_t from, to; /* runs */
	int64_t due_ns;    /* when the ended one was due again */
	double off_s;      /* how far from that the other began */
	double rate;       /* of such beginnings, per second, the most that can be defended */
	double chance;     /* of one this near, by accident; floored */
	double pace_share; /* of the host's other beginnings, with the left one's pace from the
	                      first: 0 not asked */
	enum mechanism why;
	bool at_end; /* counted from the end rather than from the next turn */
	bool twin;   /* both are clocks of equal gap, and only such beginnings counted */
};
struct moves {
	struct move *move; /* by the end of the runs that they leave */
	uint32_t count;
	uint32_t tried; /* runs that ended and might have been left for another */
	uint32_t *of;   /* the move that leaves each run; UINT32_MAX none */
};
/* The move as a step, for hits. */
struct step move_step(const struct view *v, const struct runs *runs, const struct move *m);
/* Likeness of the two ends of moves: median request sizes rather than single ones. */
struct likeness moves_likeness(
	const struct view *v, const struct runs *runs, const struct move *move, uint32_t count);

/* Bits that speak for one program behind both ends of the steps, clamped to +-LIKENESS_MAX; mean:
 * of the steps, for steps that repeat one pair. */
struct likeness likeness_of(
	const struct view *v, const struct step *steps, uint32_t count, bool mean);

/* One switch's bits for its two ends, added up; unknown ones (0) say nothing. */
void likeness_add(
	struct likeness *sum, double request_a, double request_b, uint32_t ja3_a, uint32_t ja3_b);
/* What the requests of each step's two attempts ask for. */
void likeness_add_marks(
	const struct view *v, const struct step *steps, uint32_t count, struct likeness *sum);
/* The sum, each part times share, clamped as a whole. */
struct likeness likeness_clamped(struct likeness sum, double share);

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
