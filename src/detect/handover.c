#include <math.h>

#include "base/limits.h"
#include "detect/detect_private.h"
#include "detect/stats.h"

/* One channel stops for good and another begins at its next turn, or soon after at the same pace:
 * the operator named another server, a date was reached, a registration was over. Nothing fails.
 * Theory and cost: docs/detectors/handover.md. */

/* Runs that end on a host in a day at least, as far as multiplicity is concerned (prototype,
 * TAKEOVER). */
#define RUNS_A_DAY 10.0
/* Moves come in chains of any length; this is one of length 1 (length_weight). */
#define ALONE 1u
/* Less than this, before likeness, is never told: E over 16. */
#define NOTHING_BITS (-LIKENESS_MAX)
/* What takes over answers half of the times at least (as in the pair limb). */
#define ANSWER_MIN 0.5

static void tell(const struct look *look, const struct runs *runs, const struct moves *moves,
	const struct move *m, struct hits *hits)
{
	const struct run *a = &runs->run[m->from], *b = &runs->run[m->to];
	struct hit like = {.by = &detector_handover,
		.kind = HIT_HANDOVER,
		.why = m->why,
		.twin = m->twin,
		.pace_share = m->pace_share,
		.contacts_after = b->count,
		.gap_after_s = b->gap_s,
		.longest_s = a->longest_s,
		.silence_s = (double)(look->view->host->last_ns - a->end_ns) / (double)NS_PER_S};
	like.likeness = moves_likeness(look->view, runs, m, 1);
	like.timing_bits = -log2(m->chance);
	like.trials_bits = log2(fmax(moves->tried, RUNS_A_DAY) * length_weight(ALONE));
	if (m->why == MECHANISM_NONE && like.timing_bits - like.trials_bits < NOTHING_BITS)
		return;
	struct step step = move_step(look->view, runs, m);
	(void)hit_new(look, hits, &like, &step, 1);
}

static void handover_run(const struct look *look, struct hits *hits)
{
	const struct runs *runs = look->runs;
	const struct moves *moves = look->moves;
	for (uint32_t i = 0; i < moves->count; i++) {
		const struct move *m = &moves->move[i];
		const struct run *a = &runs->run[m->from], *b = &runs->run[m->to];
		if (a->over && b->fresh && b->answered >= ANSWER_MIN * b->kept)
			tell(look, runs, moves, m, hits);
	}
}

const struct detector detector_handover = {
	.name = "handover",
	.attack = NULL,
	.explanation =
		"a channel in steady use stops for good and a new one begins at its next turn "
		"or its pace, without any failure",
	.run = handover_run,
};
