#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "detect/detect_private.h"

/* Ports and protocols of one endpoint, tried in turn: where one door fails, a door of the same
 * endpoint that this host never used is opened soon after. Such openings are rarer than first
 * contacts and have a pace of their own. What software does by design (QUIC to TCP, the known
 * ladders of mail, web, chat and calls) is left to the same_name limb. Theory: SCIENCE 4.6;
 * docs/detectors/ladder.md. */

/* A ladder of ports goes on within this (SCIENCE 4.6). */
#define LADDER_NS (600 * NS_PER_S)
/* So many failing doors of one endpoint are a port scan. */
#define SCAN_DOORS 8u
/* Endpoints at which the same two doors are tried in turn that make a habit. */
#define HABIT_ENDPOINTS 3u

static const double windows_s[] = {.03, .1, .3, 1, 3, 10, 30, 100, 300};

struct doors {
	const struct view *view;
	uint32_t *opened; /* attempts that opened another door of a rare endpoint, in time order */
	uint32_t count;
	uint32_t *first; /* first conversation of each channel in view; UINT32_MAX none */
};

static bool is_lookup(const struct attempt *a)
{
	return (a->flags & ATTEMPT_LOOKUP) != 0;
}

/* Whether the endpoint was used by that port and transport before, under another name. */
static bool is_alias(const struct doors *d, uint32_t channel)
{
	const struct view *v = d->view;
	const struct channel *x = v->channel[channel].channel;
	for (uint32_t c = 1; c < v->channels; c++) {
		const struct channel *y = v->channel[c].channel;
		if (c != channel && d->first[c] != UINT32_MAX &&
			v->channel[c].group == v->channel[channel].group && x->port == y->port &&
			x->transport == y->transport)
			return true;
	}
	return false;
}

static bool find_doors(const struct view *v, struct arena *arena, struct doors *ret)
{
	*ret = (struct doors){.view = v,
		.opened = ARENA_NEW(arena, uint32_t, v->channels),
		.first = ARENA_NEW(arena, uint32_t, v->channels)};
	bool *met = ARENA_NEW(arena, bool, v->channels);
	if (ret->opened == NULL || ret->first == NULL || met == NULL)
		return false;
	memset(ret->first, 0xff, v->channels * sizeof *ret->first);
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		if (a->channel == CHANNEL_FORGOTTEN || is_lookup(a) ||
			ret->first[a->channel] != UINT32_MAX)
			continue;
		const struct view_channel *vc = &v->channel[a->channel];
		ret->first[a->channel] = i;
		if (met[vc->group] && vc->rare && vc->channel->first_ns == a->start_ns &&
			(a->flags & ATTEMPT_JOINED) == 0 && !is_alias(ret, a->channel))
			ret->opened[ret->count++] = i;
		met[vc->group] = true;
	}
	return true;
}

/* ---- ladders that software climbs by design ---- */

/* Ports that one kind of software tries in turn (SCIENCE section 3). */
static const uint16_t families[][10] = {
	{80, 443, 8080, 8443},                            /* HTTPS-first, redirects */
	{25, 465, 587, 110, 143, 993, 995, 2525},         /* mail set-up */
	{5222, 5223, 443, 80, 5228},                      /* chat */
	{5060, 5061, 3478, 3479, 3480, 3481, 5349, 443},  /* calls */
	{20, 21, 22, 990, 989},                           /* file transfer */
	{500, 1194, 1701, 1723, 4500, 51820, 443, 992},   /* VPN */
	{1883, 8883, 443, 80},                            /* MQTT */
	{6660, 6665, 6666, 6667, 6668, 6669, 6697, 7000}, /* IRC */
	{1935, 554, 322, 443, 80},                        /* streams */
	{22, 443, 9418},                                  /* git */
	{53, 853, 443},                                   /* resolvers */
};

static bool is_member(const uint16_t family[static 10], uint16_t port)
{
	for (size_t i = 0; i < 10; i++)
		if (family[i] == port)
			return port != 0;
	return false;
}

static bool is_known_ladder(uint16_t from, uint16_t to)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (is_member(families[i], from) && is_member(families[i], to))
			return true;
	return false;
}

/* Whether a door of the endpoint was in use like a clock until this failed: no person, and no
 * dialogue of a set-up. */
static bool was_clock(const struct view *v, const struct runs *runs, uint32_t failed)
{
	const struct attempt *a = &v->attempt[failed];
	for (uint32_t i = 0; i < runs->count; i++) {
		const struct run *r = &runs->run[i];
		if (v->channel[r->channel].group == v->channel[a->channel].group && r->clock &&
			r->start_ns < a->start_ns && a->start_ns - r->end_ns < LADDER_NS)
			return true;
	}
	return false;
}

/* Doors of the endpoint that were opened when nothing had failed there: it uses several, whatever
 * becomes of them (FTP's data, calls). */
static bool opens_anyway(const struct doors *d, uint32_t group)
{
	const struct view *v = d->view;
	for (uint32_t k = 0; k < d->count; k++) {
		uint32_t i = d->opened[k];
		if (v->channel[v->attempt[i].channel].group != group)
			continue;
		while (i > 0) {
			const struct attempt *a = &v->attempt[--i];
			if (v->channel[a->channel].group != group || is_lookup(a))
				continue;
			if (a->outcome == OUTCOME_OK)
				return true;
			break;
		}
	}
	return false;
}

/* Whether the same doors are opened one after the other at several endpoints: how the program
 * connects to anybody. */
static bool is_habit(const struct doors *d, const struct step *s)
{
	const struct view *v = d->view;
	const struct channel *from = v->channel[s->from].channel, *to = v->channel[s->to].channel;
	uint32_t endpoints = 0;
	for (uint32_t k = 0; k < d->count; k++) {
		const struct view_channel *vc = &v->channel[v->attempt[d->opened[k]].channel];
		if (vc->channel->port != to->port || vc->channel->transport != to->transport)
			continue;
		for (uint32_t c = 1; c < v->channels; c++) {
			const struct channel *x = v->channel[c].channel;
			if (v->channel[c].group != vc->group || x->port != from->port ||
				x->transport != from->transport || x->failures == 0)
				continue;
			endpoints++;
			break;
		}
	}
	return endpoints >= HABIT_ENDPOINTS;
}

static bool is_port_scan(const struct doors *d, uint32_t group)
{
	const struct view *v = d->view;
	uint32_t failing = 0;
	for (uint32_t c = 1; c < v->channels; c++)
		failing += v->channel[c].group == group && v->channel[c].channel->failures > 0;
	return failing >= SCAN_DOORS;
}

/* Whether another door was opened between the failing one's first try and its first failure. */
static bool is_parallel(const struct view *v, uint32_t first, uint32_t to)
{
	const struct attempt *a = &v->attempt[first];
	uint32_t group = v->channel[a->channel].group;
	for (uint32_t i = first + 1; i < to && v->attempt[i].start_ns < a->over_ns; i++) {
		const struct attempt *b = &v->attempt[i];
		if (v->channel[b->channel].group == group && b->channel != a->channel &&
			!is_lookup(b))
			return true;
	}
	return false;
}

static bool is_by_design(
	const struct doors *d, const struct runs *runs, const struct step *s, uint32_t first)
{
	const struct view *v = d->view;
	const struct channel *from = v->channel[s->from].channel, *to = v->channel[s->to].channel;
	/* QUIC to TCP, or a service that listens on both; the other way is one only for a person's
	 * program or a set-up */
	if (from->port == to->port &&
		(from->transport == TRANSPORT_UDP || !was_clock(v, runs, s->from_attempt)))
		return true;
	if (is_known_ladder(from->port, to->port) && !was_clock(v, runs, s->from_attempt))
		return true;
	return mechanism_of_ends(v, s->from, s->to) != MECHANISM_NONE ||
	       is_parallel(v, first, s->to_attempt) || opens_anyway(d, v->channel[s->from].group) ||
	       is_habit(d, s) || is_port_scan(d, v->channel[s->from].group);
}

/* ---- how likely that is by accident ---- */

/* Openings of doors within [from_ns, to_ns], those of one endpoint apart. */
static uint32_t opened_between(
	const struct doors *d, int64_t from_ns, int64_t to_ns, uint32_t but_group)
{
	const struct view *v = d->view;
	uint32_t count = 0;
	for (uint32_t k = 0; k < d->count; k++) {
		const struct attempt *a = &v->attempt[d->opened[k]];
		count += a->start_ns >= from_ns && a->start_ns <= to_ns &&
		         v->channel[a->channel].group != but_group;
	}
	return count;
}

/* Doors opened per second around t: over all time, near t, and as the share of what the host did
 * near t; the endpoint's own apart. A page that loads meets new endpoints, not new doors of old
 * ones: first contacts are a class of their own (SCIENCE 4.4). */
static double door_rate(const struct doors *d, int64_t at_ns, uint32_t but_group)
{
	const struct view *v = d->view;
	uint32_t others = 0;
	for (uint32_t k = 0; k < d->count; k++)
		others += v->channel[v->attempt[d->opened[k]].channel].group != but_group;
	double scale = v->arrivals == 0 ? 1 : fmax(1, v->arrivals_ever / v->arrivals);
	double rate = fmax(1, others * scale) / v->active_s;
	double share = v->bursts == 0 ? 1 : fmin(1, (others + 2.0) / v->bursts);
	for (size_t w = 0; w < ARRAY_LEN(windows_s); w++) {
		int64_t half = (int64_t)(windows_s[w] * (double)NS_PER_S);
		uint32_t all = bursts_between(v, at_ns - half, at_ns + half);
		double near = opened_between(d, at_ns - half, at_ns + half, but_group);
		double busy = all > 2 ? share * (all - 2) : 0;
		rate = fmax(rate, fmax(near, busy) / windows_s[w]);
	}
	return rate;
}

static double chance_of(const struct doors *d, struct step *s)
{
	const struct view *v = d->view;
	s->rate = door_rate(d, s->fail_ns, v->channel[s->from].group);
	double chance = -expm1(-s->rate * s->tries * s->delay_s);
	if (v->attempt[s->from_attempt].outcome == OUTCOME_SILENT)
		chance = 2 * fmin(chance, step_timer_chance(v, s));
	return fmin(1, fmax(CHANCE_FLOOR, chance));
}

/* ---- the steps ---- */

/* The last failed conversation with another door of the endpoint before `to`, when nothing there
 * answered since; UINT32_MAX none. */
static uint32_t failed_before(const struct view *v, uint32_t to)
{
	const struct attempt *b = &v->attempt[to];
	uint32_t group = v->channel[b->channel].group, best = UINT32_MAX;
	for (uint32_t i = to; i > 0; i--) {
		const struct attempt *a = &v->attempt[i - 1];
		if (v->channel[a->channel].group != group || is_lookup(a))
			continue;
		if (b->start_ns - a->start_ns > LADDER_NS || !attempt_failed(a) ||
			a->channel == b->channel)
			break;
		if (a->over_ns + TIE_NS < b->start_ns &&
			(best == UINT32_MAX || a->over_ns > v->attempt[best].over_ns))
			best = i - 1;
	}
	return best;
}

static bool make_step(const struct doors *d, const struct runs *runs, uint32_t to, struct step *ret)
{
	const struct view *v = d->view;
	uint32_t failed = failed_before(v, to), first = 0;
	if (failed == UINT32_MAX || !v->burst[v->burst_of[failed]].failed)
		return false;
	const struct attempt *a = &v->attempt[failed];
	if (v->one_way && a->outcome == OUTCOME_SILENT)
		return false;
	struct step s = {.from = a->channel,
		.to = v->attempt[to].channel,
		.from_attempt = failed,
		.to_attempt = to,
		.door = true,
		.fail_ns = a->over_ns,
		.at_ns = v->attempt[to].start_ns};
	s.tries = step_tries(v, failed, &first);
	s.delay_s = (double)(s.at_ns - s.fail_ns) / (double)NS_PER_S;
	if (is_by_design(d, runs, &s, first))
		return false;
	s.chance = chance_of(d, &s);
	*ret = s;
	return true;
}

bool doors_find(const struct view *v, struct arena *arena, struct steps *ret)
{
	struct doors doors;
	struct runs runs;
	if (!find_doors(v, arena, &doors))
		return false;
	if (doors.count == 0)
		return true;
	if (!runs_find(v, arena, &runs))
		return false;
	for (uint32_t k = 0; k < doors.count; k++) {
		struct step s;
		if (!make_step(&doors, &runs, doors.opened[k], &s))
			continue;
		uint32_t at = ret->count++;
		for (; at > 0 && ret->step[at - 1].at_ns > s.at_ns; at--)
			ret->step[at] = ret->step[at - 1];
		ret->step[at] = s;
	}
	return true;
}
