#include <math.h>

#include "base/limits.h"
#include "detect/detect_private.h"
#include "detect/stats.h"

/* Generated names: among the registered domains that a host asks for and never asked before, the
 * share that nobody has ever registered. The share tells, not the count: a crawler meets more dead
 * names in ten minutes than a DGA asks. Measured on benign hosts: 4 to 10 of 200 to 300 for a
 * crawler, at most one for desks and things. Theory and cost: docs/detectors/dga.md. */

#define SPAN_NS (600 * NS_PER_S)
/* The share among new names that never answer, for a host that guesses nothing: twice what the
 * worst benign host of the prototype showed (section 4). */
#define BASE_SHARE  0.10
#define DEAD_MIN    4u
#define SPANS_A_DAY 144.0

struct spell {
	uint32_t first; /* index into host.new_name */
	uint32_t names, dead;
	int64_t last_ns;
	double chance;
};

/* Whether what was told of the name counts at all, and as what: a name that only resolvers failed
 * on tells nothing. */
static bool counts(const struct view *v, const struct new_name *n)
{
	const char *name = strings_get(v->strings, n->domain);
	enum domain_class class = name == NULL ? DOMAIN_OPERATOR : domain_class(name, NULL);
	return (n->answered || n->dead) && (class == DOMAIN_ORDINARY || class == DOMAIN_TENANT);
}

/* The most unlikely spell that begins with this name. */
static struct spell best_from(const struct view *v, uint32_t first)
{
	const struct host *h = v->host;
	struct spell best = {.chance = 1}, now = {.first = first};
	for (uint32_t i = first; i < h->new_names; i++) {
		const struct new_name *n = &h->new_name[i];
		if (n->asked_ns - h->new_name[first].asked_ns > SPAN_NS)
			break;
		if (!counts(v, n))
			continue;
		now.names++;
		now.dead += !n->answered;
		now.last_ns = n->asked_ns;
		if (n->answered || now.dead < DEAD_MIN)
			continue;
		now.chance = binomial_tail(now.names, BASE_SHARE, now.dead);
		if (now.chance < best.chance)
			best = now;
	}
	return best;
}

/* The generated names' own steps, for the picture: each dead name and the next. */
static uint32_t walk(const struct look *look, const struct spell *spell, struct step *steps)
{
	uint32_t count = 0;
	int64_t from_ns = look->view->host->new_name[spell->first].asked_ns;
	for (uint32_t i = 0; i < look->steps->count && count < HIT_STEPS_MAX; i++) {
		const struct step *s = &look->steps->step[i];
		bool lookup = (look->view->attempt[s->from_attempt].flags & ATTEMPT_LOOKUP) != 0;
		if (lookup && s->fail_ns >= from_ns && s->fail_ns <= spell->last_ns + NS_PER_S)
			steps[count++] = *s;
	}
	return count;
}

static void dga_run(const struct look *look, struct hits *hits)
{
	const struct host *h = look->view->host;
	struct spell best = {.chance = 1};
	double starts = 0;
	for (uint32_t i = 0; i < h->new_names; i++) {
		if (h->new_name[i].answered || !h->new_name[i].dead)
			continue; /* a spell is the better for leaving its first answered name out
			           */
		starts++;
		struct spell s = best_from(look->view, i);
		if (s.chance < best.chance)
			best = s;
	}
	if (best.chance >= 1)
		return;
	struct step steps[HIT_STEPS_MAX];
	uint32_t count = walk(look, &best, steps);
	struct hit like = {.by = &detector_dga,
		.kind = HIT_NAMES,
		.names = best.names,
		.dead = best.dead,
		.span_ns = h->new_name[best.first].asked_ns,
		.timing_bits = -log2(best.chance),
		.trials_bits = log2(SPANS_A_DAY * starts)};
	like.span_s = (double)(best.last_ns - like.span_ns) / (double)NS_PER_S;
	(void)hit_new(look, hits, &like, steps, count);
}

const struct detector detector_dga = {
	.name = "dga",
	.attack = "T1568.002",
	.explanation =
		"generated names are asked for until one answers: most names that are new to the "
		"host do not exist",
	.run = dga_run,
};
