#include <string.h>

#include "base/limits.h"
#include "detect/detect_private.h"

/* One endpoint, another way: the next address, IPv4 after IPv6, TCP after QUIC, the second
 * resolver. That is how software is built (RFC 8305), and no fallback channel: told for --all, so
 * that nobody has to wonder. What of it the ladder limb takes for a walk through ports is left out.
 * Details: docs/detectors/same_name.md. */

#define ANOTHER_WAY_NS (30 * NS_PER_S)
#define EYEBALLS_NS    (2 * NS_PER_S)
/* A finding of the ladder limb by the default line (CONTRACT, --max-e). */
#define TOLD_E 0.1

struct ways { /* of one endpoint, by one mechanism */
	enum mechanism why;
	uint32_t group, count;
	struct step *step; /* HIT_STEPS_MAX */
};

static bool is_v6(const struct view *v, const struct attempt *a)
{
	struct addr addr = strings_addr(v->strings, a->target);
	return a->target != 0 && !addr_is_v4(&addr);
}

static enum mechanism way(const struct view *v, const struct attempt *a, const struct attempt *b)
{
	const struct channel *from = v->channel[a->channel].channel,
			     *to = v->channel[b->channel].channel;
	if (from->transport == TRANSPORT_UDP && to->transport == TRANSPORT_TCP)
		return MECHANISM_QUIC_TO_TCP;
	if (is_v6(v, a) && !is_v6(v, b) && b->start_ns - a->start_ns < EYEBALLS_NS)
		return MECHANISM_HAPPY_EYEBALLS;
	return MECHANISM_SAME_NAME;
}

/* Whether the ladder limb tells of this switch already, as one that nothing explains. */
static bool is_told(const struct hits *hits, const struct step *s)
{
	for (uint32_t i = 0; i < hits->count; i++) {
		const struct hit *h = &hits->hit[i];
		for (uint32_t k = 0; h->e <= TOLD_E && h->why == MECHANISM_NONE && k < h->steps;
			k++)
			if (h->step[k].door && h->step[k].from == s->from && h->step[k].to == s->to)
				return true;
	}
	return false;
}

/* The attempt on the same endpoint that answered where this one failed; 0 none. */
static uint32_t answered_by(const struct view *v, uint32_t failed)
{
	const struct attempt *a = &v->attempt[failed];
	for (uint32_t i = failed + 1; i < v->attempts; i++) {
		const struct attempt *b = &v->attempt[i];
		if (b->start_ns - a->start_ns > ANOTHER_WAY_NS)
			break;
		const struct channel *to = v->channel[b->channel].channel;
		bool tunnel = to->transport == TRANSPORT_UDP && to->port == 53; /* its limb's */
		bool other = !tunnel && (b->channel != a->channel || b->target != a->target);
		if (v->channel[b->channel].group == v->channel[a->channel].group && other &&
			b->outcome == OUTCOME_OK && (b->flags & ATTEMPT_LOOKUP) == 0)
			return i;
	}
	return 0;
}

static void add(struct ways *w, uint32_t *count, uint32_t max, const struct step *s, uint32_t group)
{
	uint32_t i = 0;
	while (i < *count && (w[i].group != group || w[i].why != s->why))
		i++;
	if (i == max)
		return;
	if (i == *count)
		w[(*count)++] = (struct ways){.why = s->why, .group = group, .step = w[i].step};
	if (w[i].count < HIT_STEPS_MAX)
		w[i].step[w[i].count++] = *s;
}

static void collect(const struct view *v, const struct hits *hits, struct ways *w, uint32_t *count,
	uint32_t max)
{
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		if (a->channel == CHANNEL_FORGOTTEN ||
			!outcome_is_failure((enum outcome)a->outcome) ||
			(a->flags & ATTEMPT_POOL) != 0)
			continue; /* pool.c tells of those */
		struct step s = {.from = a->channel,
			.to = a->channel,
			.from_attempt = i,
			.to_attempt = i,
			.tries = 1,
			.fail_ns = a->over_ns,
			.at_ns = a->over_ns,
			.chance = 1};
		if ((a->flags & ATTEMPT_VOID) != 0) {
			s.why = MECHANISM_RESOLVER_RETRY;
		} else if ((a->flags & ATTEMPT_LOOKUP) == 0) {
			s.to_attempt = answered_by(v, i);
			if (s.to_attempt == 0)
				continue;
			const struct attempt *b = &v->attempt[s.to_attempt];
			s.to = b->channel;
			s.at_ns = b->start_ns > a->over_ns ? b->start_ns : a->over_ns;
			s.delay_s = (double)(s.at_ns - s.fail_ns) / (double)NS_PER_S;
			s.why = way(v, a, b);
		} else {
			continue;
		}
		if (is_told(hits, &s))
			continue;
		add(w, count, max, &s, v->channel[a->channel].group);
	}
}

static void same_name_run(const struct look *look, struct hits *hits)
{
	enum { WAYS_MAX = 16 };
	struct ways w[WAYS_MAX] = {0};
	uint32_t count = 0;
	for (uint32_t i = 0; i < WAYS_MAX; i++) {
		w[i].step = ARENA_NEW(look->arena, struct step, HIT_STEPS_MAX);
		if (w[i].step == NULL)
			return;
	}
	collect(look->view, hits, w, &count, WAYS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		/* nothing is claimed, so nothing was tested: one a day of these is what to expect
		 */
		struct hit like = {
			.by = &detector_same_name, .kind = HIT_SAME_NAME, .why = w[i].why};
		(void)hit_new(look, hits, &like, w[i].step, w[i].count);
	}
}

const struct detector detector_same_name = {
	.name = "same_name",
	.attack = NULL,
	.explanation = "benign, told under --all: one name tried another way (Happy Eyeballs, QUIC "
		       "to TCP, "
		       "next address, second resolver)",
	.run = same_name_run,
};
