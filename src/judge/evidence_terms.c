#include <math.h>

#include "judge/judge_private.h"

/* What the evidence of every kind of hit has: whether the ends are alike, who chose the instant,
 * how many places chance had, and how far a number is to be believed. */

static void likeness(struct finding *f, const struct hit *h)
{
	const struct likeness *l = &h->likeness;
	if (l->requests_known > 0)
		evidence_add(f, "likeness", l->request,
			"the first requests before and after the switch are of equal size (within "
			"5 %%) in %u of %u cases",
			l->requests_near, l->requests_known);
	if (l->marks_known > 0)
		evidence_add(f, "likeness", l->mark,
			"the requests before and after the switch ask for the same (the longest "
			"word of their path or query) in %u of %u cases",
			l->marks_same, l->marks_known);
	if (l->ja3 < 0)
		evidence_add(f, "likeness", l->ja3,
			"the TLS clients before and after differ: two programs, perhaps");
	if (fabs(l->failure) > 0)
		evidence_add(f, "likeness", l->failure,
			l->failure > 0 ? "this kind of failure is more often met in malware's "
					 "switches than in others'"
				       : "this kind of failure is more often met in other "
					 "software's switches than in malware's");
}

/* Whether the endpoint had answered before this attempt. */
static bool had_answered(const struct view *v, uint32_t attempt)
{
	uint32_t group = v->channel[v->attempt[attempt].channel].group;
	return v->worked_ns[group] < v->attempt[attempt].start_ns;
}

/* An experiment that somebody else made: what worked was denied at a time that neither the program
 * nor its network chose. */
static void intervention(struct finding *f, const struct telling *t)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < t->hit->steps; i++) {
		uint32_t from = t->hit->step[i].from_attempt;
		count += t->view->attempt[from].outcome == OUTCOME_DENIED &&
		         had_answered(t->view, from);
	}
	if (count > 0)
		evidence_add(f, "intervention", 0,
			"%u of %u failures %s a firewall's denial of what had worked: its time was "
			"somebody else's choice, so no outage and nothing that the host did "
			"explains both it and what followed",
			count, t->hit->steps, count == 1 ? "is" : "are");
}

static void multiplicity(struct finding *f, const struct telling *t)
{
	evidence_add(f, "chances", -t->hit->trials_bits,
		"chance had about %.0f places to strike in a day of such a host, all lengths and "
		"windows that were tried "
		"included",
		exp2(t->hit->trials_bits));
}

/* What is left of the number when it is no longer to be believed. */
static void limit(struct finding *f, const struct hit *h)
{
	if (h->e < E_TRUSTED)
		evidence_add(f, "limit", log2(h->e) - log2(E_TRUSTED),
			"no model of traffic is trusted to say less than one in a million "
			"host-days");
}

void evidence_terms(struct finding *f, const struct telling *t)
{
	likeness(f, t->hit);
	intervention(f, t);
	multiplicity(f, t);
	limit(f, t->hit);
}
