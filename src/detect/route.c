#include <math.h>

#include "base/limits.h"
#include "detect/detect_private.h"

/* The route ladder: a rare target fails one way and is asked for another way at once: directly,
 * through a proxy, or instead of a tunnel in DNS. A host that goes one way for everything pays with
 * that pace. Theory and cost: docs/detectors/route.md. */

/* A client's own timer is this precise at best. */
#define TIMER_S 0.02
#define LATE_NS (3600 * NS_PER_S)
/* Closer than the clocks of capture cards tell apart: no order. */
#define TIE_NS (50 * NS_PER_US)

enum way { WAY_DIRECT, WAY_PROXY, WAY_TUNNEL };

static enum way way_of(const struct channel *c)
{
	if (c->proxied)
		return WAY_PROXY;
	return c->transport == TRANSPORT_UDP && c->port == 53 ? WAY_TUNNEL : WAY_DIRECT;
}

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* Whether any channel of the endpoint goes that way. */
static bool goes(const struct view *v, uint32_t group, enum way way)
{
	for (uint32_t i = 1; i < v->channels; i++) {
		const struct view_channel *vc = &v->channel[i];
		if (vc->channel->used && vc->group == group &&
			vc->channel->transport != TRANSPORT_OTHER && way_of(vc->channel) == way)
			return true;
	}
	return false;
}

/* The first attempt of the channel, when it is the host's first, or UINT32_MAX. */
static uint32_t first_attempt(const struct view *v, uint32_t channel)
{
	if (host_forgot_channel(v->host, v->channel[channel].channel))
		return UINT32_MAX;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		if (a->channel == channel)
			return a->start_ns <= v->channel[channel].channel->first_ns &&
			                       (a->flags & ATTEMPT_JOINED) == 0
			               ? i
			               : UINT32_MAX;
	}
	return UINT32_MAX;
}

/* The last failure of the same endpoint another way, known before `to` began. */
static uint32_t failure_of(const struct view *v, uint32_t to)
{
	const struct attempt *b = &v->attempt[to];
	const struct view_channel *target = &v->channel[b->channel];
	uint32_t best = UINT32_MAX;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		const struct view_channel *vc = &v->channel[a->channel];
		bool silent = a->outcome == OUTCOME_SILENT || a->outcome == OUTCOME_DNS_SILENT;
		if (a->channel == CHANNEL_FORGOTTEN || vc->group != target->group ||
			vc->channel->transport == TRANSPORT_OTHER ||
			way_of(vc->channel) == way_of(target->channel))
			continue;
		if (a->outcome == OUTCOME_OK && a->start_ns < b->start_ns)
			best = UINT32_MAX; /* it worked again */
		if (attempt_failed(a) && !(v->one_way && silent) &&
			a->over_ns < b->start_ns - TIE_NS && b->start_ns - a->over_ns < LATE_NS)
			best = i;
	}
	return best;
}

static uint32_t tries_of(const struct view *v, uint32_t last)
{
	uint32_t tries = 0;
	for (uint32_t i = last + 1; i > 0; i--) {
		const struct attempt *a = &v->attempt[i - 1];
		if (a->channel != v->attempt[last].channel)
			continue;
		if (!attempt_failed(a))
			break;
		tries++;
	}
	return tries;
}

/* First uses of channels that go the same way to other endpoints, in order of channels. Of direct
 * ones those whose endpoint is gone to another way as well: that a host meets new endpoints is
 * nothing strange. */
static uint32_t first_uses(const struct view *v, uint32_t to, int64_t *ret)
{
	const struct view_channel *target = &v->channel[v->attempt[to].channel];
	enum way way = way_of(target->channel);
	uint32_t count = 0;
	for (uint32_t i = 1; i < v->channels; i++) {
		const struct view_channel *vc = &v->channel[i];
		if (vc->channel->used && vc->group != target->group && way_of(vc->channel) == way &&
			(way != WAY_DIRECT || goes(v, vc->group, WAY_PROXY) ||
				goes(v, vc->group, WAY_TUNNEL)))
			ret[count++] = vc->channel->first_ns;
	}
	return count;
}

/* Whoever asks for several other endpoints both ways has a rule for it (a proxy script, no_proxy):
 * the share of targets that get both. */
static double habit(const struct view *v, uint32_t group)
{
	uint32_t both = 0;
	for (uint32_t i = 1; i < v->channels; i++) {
		const struct view_channel *vc = &v->channel[i];
		bool counts = vc->channel->used && vc->group != group && vc->channel->proxied;
		for (uint32_t k = 1; k < i && counts; k++) /* once an endpoint */
			counts =
				v->channel[k].group != vc->group || !v->channel[k].channel->proxied;
		both += counts && goes(v, vc->group, WAY_DIRECT);
	}
	return both < 2 ? 0 : (both - 1.0) / (both + 1.0);
}

static double chance_of(
	const struct view *v, const struct step *s, const int64_t *when, uint32_t count)
{
	const struct attempt *a = &v->attempt[s->from_attempt];
	double pace = pace_at(v, when, count, s->at_ns);
	double chance = -expm1(-pace * s->tries * s->delay_s);
	if (a->outcome == OUTCOME_SILENT && a->leave_us != 0) {
		int64_t leave_ns = a->start_ns + (int64_t)a->leave_us * NS_PER_US;
		double distance = fmax(TIMER_S, fabs(seconds(s->at_ns - leave_ns)));
		chance = 2 * fmin(chance, -expm1(-2 * pace * s->tries * distance));
	}
	return fmin(1, fmax(COINCIDENCE_FLOOR, chance));
}

static void route_run(const struct look *look, struct hits *hits)
{
	const struct view *v = look->view;
	int64_t *when = ARENA_NEW(look->arena, int64_t, v->channels + 1);
	if (when == NULL)
		return;
	for (uint32_t i = 1; i < v->channels; i++) {
		const struct view_channel *vc = &v->channel[i];
		if (!vc->channel->used || !vc->rare || vc->channel->transport == TRANSPORT_OTHER ||
			way_of(vc->channel) == WAY_TUNNEL) /* the tunnel limb's */
			continue;
		uint32_t to = first_attempt(v, i);
		uint32_t from = to == UINT32_MAX ? UINT32_MAX : failure_of(v, to);
		if (from == UINT32_MAX)
			continue;
		struct step s = {.from = v->attempt[from].channel,
			.to = i,
			.from_attempt = from,
			.to_attempt = to,
			.tries = tries_of(v, from),
			.fail_ns = v->attempt[from].over_ns,
			.at_ns = v->attempt[to].start_ns};
		s.delay_s = seconds(s.at_ns - s.fail_ns);
		uint32_t count = first_uses(v, to, when);
		s.rate = pace_at(v, when, count, s.at_ns);
		s.chance = fmax(chance_of(v, &s, when, count), habit(v, vc->group));
		struct hit like = {.by = &detector_route,
			.kind = HIT_ROUTE,
			.timing_bits = -log2(s.chance),
			.trials_bits = log2(fmax(look->steps_today, STEPS_A_DAY))};
		(void)hit_new(look, hits, &like, &s, 1);
	}
}

const struct detector detector_route = {
	.name = "route",
	.attack = "T1090",
	.explanation = "a rare target fails one way and is asked for another way: directly, "
		       "through a proxy, "
		       "or instead of a tunnel",
	.run = route_run,
};
