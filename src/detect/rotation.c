#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "detect/detect_private.h"
#include "detect/stats.h"

/* Channels that take turns by a clock or a count, without failure. Either each is used for a while
 * and the next begins where it stops (moves, alternation), or every contact goes to the next one
 * (round-robin): each of m channels then runs at m times the common gap, evenly apart. Theory and
 * cost: docs/detectors/rotation.md. */

#define RUNS_A_DAY 10.0
#define SETS_A_DAY 10.0
/* Less than this, before likeness, is never told: E over 16. */
#define NOTHING_BITS (-LIKENESS_MAX)
/* Two clocks meet evenly too easily; more than this are a crawl. */
#define TURNS_MIN 3u
#define TURNS_MAX 16u
/* Contacts of each channel that takes part. */
#define TURN_CONTACTS 6u
#define TURN_GAP_NEAR 0.05
#define TURN_OVERLAP  0.8
/* A phase is told no better than this share of the round. */
#define PHASE_FLOOR 0.02
/* Contacts that keep their place in the round. */
#define ORDER_MIN 0.9

/* ---- moves, one after another ---- */

/* The chain of linked moves that begins with this one and has the smallest expected number. */
static void best_chain(const struct look *look, const struct runs *runs, const struct moves *moves,
	uint32_t first, struct hits *hits)
{
	struct move chain[HIT_STEPS_MAX];
	struct step steps[HIT_STEPS_MAX];
	double sum = 0, best_e = HUGE_VAL, best_p = 1;
	uint32_t m = 0, best_m = 0;
	for (uint32_t i = first; i != UINT32_MAX && m < HIT_STEPS_MAX;
		i = moves->of[moves->move[i].to]) {
		if (moves->move[i].why != MECHANISM_NONE)
			break;
		chain[m] = moves->move[i];
		steps[m] = move_step(look->view, runs, &chain[m]);
		sum -= log(chain[m++].chance);
		double p = fisher_tail(m, sum);
		if (m >= 2 && p * length_weight(m) < best_e) {
			best_e = p * length_weight(m);
			best_p = p;
			best_m = m;
		}
	}
	if (best_m == 0)
		return;
	struct hit like = {.by = &detector_rotation, .kind = HIT_MOVES};
	like.likeness = moves_likeness(look->view, runs, chain, best_m);
	like.timing_bits = -log2(best_p);
	like.trials_bits = log2(fmax(moves->tried, RUNS_A_DAY) * length_weight(best_m));
	if (like.timing_bits - like.trials_bits < NOTHING_BITS)
		return;
	(void)hit_new(look, hits, &like, steps, best_m);
}

/* ---- turns ---- */

struct turns { /* channels of equal gap, in the order of their phases */
	const struct run *run[TURNS_MAX];
	double phase[TURNS_MAX]; /* of the round, since the first one's contact */
	uint32_t count;
};

static bool overlap(const struct run *a, const struct run *b)
{
	int64_t from = a->start_ns > b->start_ns ? a->start_ns : b->start_ns;
	int64_t to = a->end_ns < b->end_ns ? a->end_ns : b->end_ns;
	int64_t whole = (a->end_ns > b->end_ns ? a->end_ns : b->end_ns) -
	                (a->start_ns < b->start_ns ? a->start_ns : b->start_ns);
	return (double)(to - from) >= TURN_OVERLAP * (double)whole;
}

static bool may_take_part(const struct run *r)
{
	/* of quicker ones the host keeps no single contacts */
	return r->clock && r->count >= TURN_CONTACTS && r->last - r->first + 1 >= r->count;
}

static bool are_alike(const struct view *v, const struct run *a, const struct run *b)
{
	const struct channel *x = v->channel[a->channel].channel,
			     *y = v->channel[b->channel].channel;
	return x->port == y->port && x->transport == y->transport &&
	       (x->ja3 == 0 || y->ja3 == 0 || x->ja3 == y->ja3) &&
	       fabs(log(a->gap_s / b->gap_s)) <= TURN_GAP_NEAR && overlap(a, b) &&
	       !view_same_party(v, a->channel, b->channel);
}

/* Where in the round of the first channel the other one's contacts lie: their median; *ret_kept is
 * the share of them that lie within half a turn of it. */
static double phase_of(const struct view *v, const struct run *first, const struct run *r,
	uint32_t turns, double *scratch, double *ret_kept)
{
	uint32_t count = 0;
	int64_t round_ns = -1;
	for (uint32_t i = first->first; i <= r->last; i++) {
		const struct attempt *a = &v->attempt[i];
		if (a->channel == first->channel)
			round_ns = a->start_ns;
		else if (a->channel == r->channel && round_ns >= 0)
			scratch[count++] =
				(double)(a->start_ns - round_ns) / (double)NS_PER_S / first->gap_s;
	}
	double middle = median(scratch, count);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < count; i++)
		kept += fabs(scratch[i] - middle) <= 0.5 / turns;
	*ret_kept = count == 0 ? 0 : (double)kept / count;
	return middle;
}

static void sort_turns(struct turns *t)
{
	for (uint32_t i = 1; i < t->count; i++)
		for (uint32_t k = i; k > 1 && t->phase[k - 1] > t->phase[k]; k--) {
			double phase = t->phase[k];
			const struct run *run = t->run[k];
			t->phase[k] = t->phase[k - 1];
			t->run[k] = t->run[k - 1];
			t->phase[k - 1] = phase;
			t->run[k - 1] = run;
		}
}

/* The chance that clocks of equal gap, each begun at any time, lie as evenly as that: (m-1)! orders
 * and a window of two deviations for each but the first. */
static double evenness(const struct turns *t, double *ret_off)
{
	double off = PHASE_FLOOR, chance = 1;
	for (uint32_t k = 1; k < t->count; k++)
		off = fmax(off, fabs(t->phase[k] - (double)k / t->count));
	for (uint32_t k = 1; k < t->count; k++)
		chance *= fmin(1, 2 * off * k);
	*ret_off = off;
	return chance;
}

/* All that run beside this one alike; false when their order wavers. */
static bool find_turns(const struct look *look, const struct runs *runs, uint32_t first,
	double *scratch, struct turns *ret)
{
	*ret = (struct turns){.run = {&runs->run[first]}, .count = 1};
	for (uint32_t i = 0; i < runs->count && ret->count < TURNS_MAX; i++) {
		const struct run *r = &runs->run[i];
		if (i != first && may_take_part(r) && are_alike(look->view, &runs->run[first], r))
			ret->run[ret->count++] = r;
	}
	bool ordered = ret->count >= TURNS_MIN && ret->count < TURNS_MAX;
	for (uint32_t k = 1; k < ret->count && ordered; k++) {
		double kept = 0;
		ret->phase[k] =
			phase_of(look->view, ret->run[0], ret->run[k], ret->count, scratch, &kept);
		ordered = kept >= ORDER_MIN;
	}
	sort_turns(ret);
	return ordered;
}

static const char *const monitors[] = {"check_http", "Uptime-Kuma", "Zabbix", "Prometheus/",
	"Blackbox Exporter", "Blackbox-Exporter", "Nagios", "Icinga", "Monit/", "UptimeRobot",
	"StatusCake", "Site24x7", "PRTG", "Gatus", "Sensu", "Checkmk", "Datadog", "NewRelicPinger"};

static bool is_monitor(const struct view *v, uint32_t channel)
{
	const char *agent = strings_get(v->strings, v->channel[channel].channel->user_agent);
	for (size_t i = 0; agent != NULL && i < ARRAY_LEN(monitors); i++)
		if (strstr(agent, monitors[i]) != NULL)
			return true;
	return false;
}

static enum mechanism why_turns(const struct view *v, const struct turns *t)
{
	for (uint32_t k = 0; k < t->count; k++) {
		uint32_t channel = t->run[k]->channel;
		enum mechanism m = is_monitor(v, channel)
		                           ? MECHANISM_MONITOR
		                           : mechanism_between(v, t->run[0]->channel, channel);
		if (m != MECHANISM_NONE && (k > 0 || m == MECHANISM_MONITOR))
			return m;
	}
	return MECHANISM_NONE;
}

/* The first contacts of the round, as steps from each channel to the next. */
static uint32_t list_turns(const struct turns *t, double chance, struct step *ret)
{
	for (uint32_t k = 0; k + 1 < t->count; k++) {
		const struct run *a = t->run[k], *b = t->run[k + 1];
		ret[k] = (struct step){.from = a->channel,
			.to = b->channel,
			.from_attempt = a->first,
			.to_attempt = b->first,
			.fail_ns = a->start_ns,
			.at_ns = b->start_ns > a->start_ns ? b->start_ns : a->start_ns,
			.chance = chance,
			.contacts = a->count,
			.gap_s = a->gap_s};
		ret[k].delay_s = (double)(ret[k].at_ns - ret[k].fail_ns) / (double)NS_PER_S;
	}
	return t->count - 1;
}

static void tell_turns(
	const struct look *look, const struct turns *t, double sets, struct hits *hits)
{
	struct hit like = {
		.by = &detector_rotation, .kind = HIT_TURNS, .why = why_turns(look->view, t)};
	double off = 0, chance = evenness(t, &off);
	if (chance >= 1)
		return;
	like.tick_s = t->run[0]->gap_s / t->count;
	like.tick_error_s = off * t->run[0]->gap_s;
	like.timing_bits = -log2(chance);
	like.trials_bits = log2(fmax(sets, SETS_A_DAY));
	struct likeness sum = {0};
	for (uint32_t k = 1; k < t->count; k++)
		likeness_add(&sum, t->run[k - 1]->request, t->run[k]->request, 0, 0);
	like.likeness = likeness_clamped(sum, 1);
	struct step steps[TURNS_MAX];
	(void)hit_new(look, hits, &like, steps, list_turns(t, chance, steps));
}

static void all_turns(const struct look *look, const struct runs *runs, struct hits *hits)
{
	double *scratch = ARENA_NEW(look->arena, double, look->view->attempts + 1);
	bool *taken = ARENA_NEW(look->arena, bool, runs->count + 1);
	if (scratch == NULL || taken == NULL)
		return;
	double sets = 0;
	for (uint32_t i = 0; i < runs->count; i++)
		sets += may_take_part(&runs->run[i]);
	for (uint32_t i = 0; i < runs->count; i++) {
		struct turns t;
		if (taken[i] || !may_take_part(&runs->run[i]) ||
			!find_turns(look, runs, i, scratch, &t))
			continue;
		tell_turns(look, &t, sets, hits);
		for (uint32_t k = 0; k < t.count; k++)
			taken[t.run[k] - runs->run] = true;
	}
}

/* ---- turns in any order: the union keeps time, none alone does ---- */

/* Contacts of each channel that make a union; how many pauses are enough, the binomial knows. */
#define SHUFFLE_CONTACTS 3u
/* The share of a median pause that others may differ by; a Poisson process, whatever its rate,
 * falls into that window with at most max e^(-0.75 x) (1 - e^(-0.5 x)) = 0.19. */
#define PAUSE_NEAR  0.25
#define PAUSE_SHARE 0.19
/* Pauses that have to be regular. */
#define REGULAR_MIN 0.8
#define TOGETHER_S  2.0

/* One client's channels: same port, transport and fingerprint, each of another party. */
static bool is_of_client(const struct view *v, uint32_t a, uint32_t b)
{
	const struct channel *x = v->channel[a].channel, *y = v->channel[b].channel;
	return x->port == y->port && x->transport == y->transport && x->ja3 == y->ja3 &&
	       x->user_agent == y->user_agent && v->channel[a].named == v->channel[b].named;
}

/* Marks the channels that go with this one; how many there are, or 0 when they can't be a rotation:
 * too few, too many, one of them a clock of its own. */
static uint32_t mark_client(
	const struct view *v, const struct runs *runs, uint32_t channel, bool *marked)
{
	uint32_t count = 0;
	for (uint32_t c = 1; c < v->channels; c++) {
		const struct view_channel *vc = &v->channel[c];
		marked[c] = vc->channel->used && vc->rare &&
		            vc->channel->transport != TRANSPORT_OTHER &&
		            is_of_client(v, channel, c);
		if (!marked[c])
			continue;
		if (c < channel) /* seen from that one already */
			return 0;
		count++;
	}
	for (uint32_t i = 0; i < runs->count; i++)
		if (marked[runs->run[i].channel] && runs->run[i].clock &&
			runs->run[i].count >= TURN_CONTACTS)
			return 0;
	return count >= TURNS_MIN && count < TURNS_MAX ? count : 0;
}

/* The pauses of the union; its first changes from one channel to another as steps. */
struct shuffle {
	double *pause, *scratch;
	uint32_t pauses, steps;
	uint32_t contacts[HOST_CHANNELS_MAX];
	struct step step[TURNS_MAX];
};

static void walk_union(const struct view *v, const bool *marked, struct shuffle *u)
{
	uint32_t before = UINT32_MAX;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *b = &v->attempt[i];
		if (!marked[b->channel] || (b->flags & (ATTEMPT_LOOKUP | ATTEMPT_CUT)) != 0)
			continue;
		const struct attempt *a = before == UINT32_MAX ? NULL : &v->attempt[before];
		double pause =
			a == NULL ? 0 : (double)(b->start_ns - a->start_ns) / (double)NS_PER_S;
		if (a != NULL && pause <= TOGETHER_S)
			continue;
		u->contacts[b->channel]++;
		before = i;
		if (a == NULL)
			continue;
		u->pause[u->pauses++] = pause;
		if (a->channel != b->channel && u->steps < TURNS_MAX)
			u->step[u->steps++] = (struct step){.from = a->channel,
				.to = b->channel,
				.from_attempt = (uint32_t)(a - v->attempt),
				.to_attempt = i,
				.fail_ns = a->start_ns,
				.at_ns = b->start_ns,
				.chance = 1,
				.delay_s = pause};
	}
}

static void look_at_client(const struct look *look, const bool *marked, uint32_t endpoints,
	double sets, struct shuffle *u, struct hits *hits)
{
	const struct view *v = look->view;
	walk_union(v, marked, u);
	for (uint32_t c = 1; c < v->channels; c++)
		if (marked[c] && u->contacts[c] < SHUFFLE_CONTACTS)
			return;
	if (u->pauses == 0)
		return;
	memcpy(u->scratch, u->pause, u->pauses * sizeof *u->pause);
	struct hit like = {.by = &detector_rotation,
		.kind = HIT_TURNS,
		.shuffled = true,
		.endpoints = endpoints,
		.pauses = u->pauses,
		.tick_s = median(u->scratch, u->pauses)};
	for (uint32_t i = 0; i < u->pauses; i++)
		like.regular += fabs(u->pause[i] - like.tick_s) <= PAUSE_NEAR * like.tick_s;
	if (like.regular < REGULAR_MIN * u->pauses)
		return;
	/* the median is one of them: free */
	double chance = binomial_tail(u->pauses - 1, PAUSE_SHARE, like.regular - 1);
	like.timing_bits = -log2(fmax(CHANCE_FLOOR, chance));
	like.trials_bits = log2(fmax(sets, SETS_A_DAY));
	for (uint32_t i = 0; i < u->steps && like.why == MECHANISM_NONE; i++)
		like.why = is_monitor(v, u->step[i].to)
		                   ? MECHANISM_MONITOR
		                   : mechanism_between(v, u->step[i].from, u->step[i].to);
	(void)hit_new(look, hits, &like, u->step, u->steps);
}

static void all_clients(const struct look *look, const struct runs *runs, struct hits *hits)
{
	const struct view *v = look->view;
	struct shuffle u = {.pause = ARENA_NEW(look->arena, double, v->attempts + 1),
		.scratch = ARENA_NEW(look->arena, double, v->attempts + 1)};
	bool *marked = ARENA_NEW(look->arena, bool, v->channels);
	if (u.pause == NULL || u.scratch == NULL || marked == NULL)
		return;
	double sets = 0;
	for (uint32_t c = 1; c < v->channels; c++)
		sets += mark_client(v, runs, c, marked) > 0 && marked[c];
	for (uint32_t c = 1; c < v->channels; c++) {
		uint32_t endpoints = mark_client(v, runs, c, marked);
		if (endpoints == 0 || !marked[c])
			continue;
		u.pauses = u.steps = 0;
		memset(u.contacts, 0, sizeof u.contacts);
		look_at_client(look, marked, endpoints, sets, &u, hits);
	}
}

static void rotation_run(const struct look *look, struct hits *hits)
{
	for (uint32_t i = 0; i < look->moves->count; i++)
		best_chain(look, look->runs, look->moves, i, hits);
	all_turns(look, look->runs, hits);
	all_clients(look, look->runs, hits);
}

const struct detector detector_rotation = {
	.name = "rotation",
	.attack = NULL,
	.explanation =
		"channels take turns by a clock or a count: each begins where another stops, "
		"or every contact goes to the next",
	.run = rotation_run,
};
