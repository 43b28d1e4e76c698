#include <math.h>

#include "base/limits.h"
#include "detect/detect_private.h"
#include "detect/stats.h"

/* A dead drop: a public service where anybody can leave a text is read, best after a rare channel
 * failed, and what the host then meets for the first time is a channel that answers, best an
 * address that no answer of DNS held. Once, or again and again. Theory and cost:
 * docs/detectors/deaddrop.md. */

/* A program that was given an address uses it. */
#define USED_NS (300 * NS_PER_S)
/* With this many look-ups in view, an address that no answer held is a choice. */
#define DNS_IN_VIEW 10u
/* Whoever reads a page follows its links, and a page brings its parts: a named successor is never
 * worth more; an address is what no page links to. */
#define NAMED_FLOOR 0.05
#define BARE_FLOOR  1e-3
/* Whoever finds a site down may ask elsewhere about it: the failure is never worth more. */
#define ASKED_FLOOR 0.01
/* So many other successes make a habit. */
#define SUCCESSES_MIN 5u
/* Readings a day at least, and that the next address and the next of any kind were both tried. */
#define READINGS_A_DAY 20.0
#define KINDS          2.0

struct reading {
	uint32_t attempt, group;
	int64_t at_ns;
	uint32_t to;   /* attempt: the first contact that followed; UINT32_MAX none */
	uint32_t from; /* attempt: the failure before; UINT32_MAX none */
	double from_chance, to_chance, from_delay_s;
};

struct drop {
	const struct look *look;
	struct reading *reading;
	uint32_t readings;
	bool bare;     /* only addresses without a name are looked for */
	int64_t *when; /* scratch: first contacts of that kind */
	struct failures failures;
};

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

static void find_readings(struct drop *d)
{
	const struct view *v = d->look->view;
	for (uint32_t i = 0; i < v->bursts; i++) {
		const struct burst *b = &v->burst[i];
		const struct view_channel *vc = &v->channel[b->channel];
		const struct attempt *a = &v->attempt[b->first];
		if (vc->class == DOMAIN_DEADDROP && a->outcome == OUTCOME_OK &&
			(a->flags & (ATTEMPT_LOOKUP | ATTEMPT_JOINED)) == 0)
			d->reading[d->readings++] = (struct reading){
				.attempt = b->first, .group = vc->group, .at_ns = b->start_ns};
	}
}

static bool fits(const struct drop *d, uint32_t arrival)
{
	const struct view *v = d->look->view;
	const struct attempt *a = &v->attempt[arrival];
	return a->channel != CHANNEL_FORGOTTEN && !(d->bare && v->channel[a->channel].named);
}

/* The share of what else answered that was followed by a first contact of the kind within delay_s.
 */
static double usual_share(const struct drop *d, double delay_s)
{
	const struct view *v = d->look->view;
	uint32_t all = 0, followed = 0, next = 0;
	for (uint32_t i = 0; i < v->bursts; i++) {
		const struct burst *b = &v->burst[i];
		if (v->channel[b->channel].class == DOMAIN_DEADDROP ||
			v->attempt[b->first].outcome != OUTCOME_OK)
			continue;
		while (next < v->arrivals &&
			(v->attempt[v->arrival[next]].start_ns <= b->start_ns ||
				!fits(d, v->arrival[next])))
			next++;
		all++;
		followed += next < v->arrivals &&
		            seconds(v->attempt[v->arrival[next]].start_ns - b->start_ns) <= delay_s;
	}
	return all < SUCCESSES_MIN ? 0 : (double)followed / all;
}

/* The chance that the host's next first contact comes as soon after the reading as `to` did. */
static double successor_chance(struct drop *d, const struct reading *r)
{
	const struct view *v = d->look->view;
	uint32_t count = 0;
	uint32_t from = r->from == UINT32_MAX ? CHANNEL_FORGOTTEN
	                                      : v->channel[v->attempt[r->from].channel].group;
	for (uint32_t i = 0; i < v->arrivals; i++)
		if (v->arrival[i] != r->to && fits(d, v->arrival[i]) &&
			v->channel[v->attempt[v->arrival[i]].channel].group != from)
			d->when[count++] = v->attempt[v->arrival[i]].start_ns;
	int64_t at_ns = v->attempt[r->to].start_ns;
	double delay_s = seconds(at_ns - r->at_ns);
	double chance = -expm1(-pace_at(v, d->when, count, at_ns) * delay_s);
	chance = fmax(chance, usual_share(d, delay_s));
	return fmin(1, fmax(d->bare ? BARE_FLOOR : NAMED_FLOOR, chance));
}

/* The first contact that followed the reading, before the service was read again. */
static void find_successor(struct drop *d, struct reading *r, int64_t until_ns)
{
	const struct view *v = d->look->view;
	r->to = UINT32_MAX;
	for (uint32_t i = 0; i < v->arrivals; i++) {
		const struct attempt *a = &v->attempt[v->arrival[i]];
		if (a->start_ns <= r->at_ns || !fits(d, v->arrival[i]))
			continue;
		if (a->start_ns - r->at_ns > USED_NS || a->start_ns >= until_ns)
			return;
		if (a->outcome == OUTCOME_OK && (a->flags & ATTEMPT_LOOKUP) == 0 &&
			mechanism_between(v, a->channel, a->channel) != MECHANISM_PEER_TO_PEER)
			r->to = v->arrival[i];
		break;
	}
	if (r->to == UINT32_MAX)
		return;
	r->to_chance = successor_chance(d, r);
	if (r->from != UINT32_MAX && v->channel[v->attempt[r->from].channel].group ==
					     v->channel[v->attempt[r->to].channel].group)
		r->from_chance = 1; /* it went back to what had failed */
}

static void find_failure(struct drop *d, struct reading *r)
{
	const struct view *v = d->look->view;
	r->from = failure_before(v, &d->failures, r->at_ns);
	r->from_chance = 1;
	if (r->from == UINT32_MAX)
		return;
	r->from_chance = fmax(
		ASKED_FLOOR, failure_chance(v, &d->failures, r->from, r->at_ns, &r->from_delay_s));
	if (r->to == UINT32_MAX || v->channel[v->attempt[r->from].channel].group ==
					   v->channel[v->attempt[r->to].channel].group)
		r->from_chance = 1;
}

static uint32_t steps_of(const struct drop *d, const struct reading *r, struct step *ret)
{
	const struct view *v = d->look->view;
	uint32_t count = 0;
	if (r->from_chance < 1)
		ret[count++] = (struct step){.from = v->attempt[r->from].channel,
			.to = v->attempt[r->attempt].channel,
			.from_attempt = r->from,
			.to_attempt = r->attempt,
			.tries = 1,
			.fail_ns = v->attempt[r->from].over_ns,
			.at_ns = r->at_ns,
			.delay_s = r->from_delay_s,
			.chance = r->from_chance};
	int64_t at_ns = v->attempt[r->to].start_ns;
	ret[count++] = (struct step){.from = v->attempt[r->attempt].channel,
		.to = v->attempt[r->to].channel,
		.from_attempt = r->attempt,
		.to_attempt = r->to,
		.tries = 1,
		.fail_ns = r->at_ns,
		.at_ns = at_ns,
		.delay_s = seconds(at_ns - r->at_ns),
		.chance = r->to_chance};
	return count;
}

/* The best run of readings of one service that ends with this one: both chances of each are pooled,
 * that of a failure which was not there is 1. */
static void judge(const struct drop *d, uint32_t last, struct hits *hits)
{
	struct step steps[HIT_STEPS_MAX];
	struct hit like = {.by = &detector_deaddrop, .kind = HIT_DEADDROP};
	double sum = 0, best_e = HUGE_VAL;
	uint32_t count = 0, best_count = 0, length = 0;
	for (uint32_t i = last + 1; i > 0 && count + 2 <= HIT_STEPS_MAX; i--) {
		const struct reading *r = &d->reading[i - 1];
		if (r->group != d->reading[last].group)
			continue;
		if (r->to == UINT32_MAX)
			break;
		count += steps_of(d, r, &steps[count]);
		sum -= log(r->from_chance) + log(r->to_chance);
		length++;
		double p = fisher_tail(2 * length, sum);
		if (p * length_weight(length) >= best_e)
			continue;
		best_e = p * length_weight(length);
		best_count = count;
		like.messages = length;
		like.timing_bits = -log2(p);
	}
	if (best_count == 0)
		return;
	like.trials_bits =
		log2(KINDS * fmax(d->readings, READINGS_A_DAY) * length_weight(like.messages));
	(void)hit_new(d->look, hits, &like, steps, best_count);
}

static void deaddrop_run(const struct look *look, struct hits *hits)
{
	const struct view *v = look->view;
	struct drop d = {.look = look,
		.reading = ARENA_NEW(look->arena, struct reading, v->bursts + 1),
		.when = ARENA_NEW(look->arena, int64_t, v->arrivals + 1)};
	if (d.reading == NULL || d.when == NULL)
		return;
	find_readings(&d);
	if (d.readings == 0 || !failures_find(v, CHANNEL_FORGOTTEN, look->arena, &d.failures))
		return;
	for (int bare = v->host->lookups >= DNS_IN_VIEW; bare >= 0; bare--) {
		d.bare = bare;
		for (uint32_t i = 0; i < d.readings; i++) {
			uint32_t next = i + 1;
			while (next < d.readings && d.reading[next].group != d.reading[i].group)
				next++;
			find_failure(&d, &d.reading[i]);
			find_successor(&d, &d.reading[i],
				next < d.readings ? d.reading[next].at_ns : INT64_MAX);
		}
		for (uint32_t i = 0; i < d.readings; i++)
			judge(&d, i, hits);
	}
}

const struct detector detector_deaddrop = {
	.name = "deaddrop",
	.attack = "T1102.001",
	.explanation =
		"a public page is read, and the host turns to an endpoint that it never met before",
	.run = deaddrop_run,
};
