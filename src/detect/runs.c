#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "detect/detect_private.h"
#include "detect/stats.h"

/* Channels in steady use, and one that takes over where another stops. No failure is needed: the
 * program's own schedule tells that both are its own. Under the hypothesis of chance the second
 * begins whenever it likes; how near to the first one's next turn it began is then what a Poisson
 * process of the defensible rate would do. Theory: SCIENCE 4.7 and 4.8, prototype section 4
 * (TAKEOVER); docs/detectors/handover.md. */

/* Contacts closer than this are one (host.c counts openings alike). */
#define TWIN_NS (2 * NS_PER_S)
/* A pause of more than this many gaps, and a second, ends a run (prototype section 4). */
#define PAUSE_GAPS 3.0
/* A run whose last contact failed is left when it is not tried again at its next turn. */
#define FAILED_GAPS 1.5
/* Contacts that make a clock, and a clock that can be compared with another. */
#define CLOCK_MIN 3u
#define TWIN_MIN  6u
/* How far a clock's gaps waver: +-50 % of jitter, drawn evenly, is 0.37. */
#define CLOCK_SPREAD 0.4
/* Equal gaps: |ln| of their ratio. */
#define GAP_NEAR 0.1
/* The chance that an unrelated clock has an equal gap: programs' periods lie between 2 s and 1 h,
 * evenly in logarithm (2 * 0.1 / ln 1800 = 0.03), or are one of the eight usual round ones (1/8).
 */
#define GAP_SHARE 0.16
/* What an instant is worth at best: the scheduler's noise; of contacts that are not kept one by
 * one, the tenth of a second that their gaps are counted in. */
#define TICK_S  0.02
#define DENSE_S 0.1
/* No choice is free: any beginning at the next turn, a twin's there, or a twin's after the end. */
#define CHOICES 3.0
#define AWAY_NS (900 * NS_PER_S)

static double seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* ---- runs ---- */

struct finder {
	const struct view *view;
	uint32_t channel; /* at hand */
	uint32_t *own;    /* its attempts */
	uint32_t owns;
	double *scratch;
	struct runs *runs;
};

static double gap_after(const struct finder *x, uint32_t k)
{
	const struct attempt *a = &x->view->attempt[x->own[k]],
			     *b = &x->view->attempt[x->own[k + 1]];
	return seconds(b->start_ns - a->start_ns);
}

static double median_gap(const struct finder *x, uint32_t from, uint32_t to)
{
	uint32_t gaps = 0;
	for (uint32_t k = from; k < to; k++) {
		double gap = gap_after(x, k);
		if (gap > seconds(TWIN_NS))
			x->scratch[gaps++] = gap;
	}
	return median(x->scratch, gaps);
}

static void measure_gaps(const struct finder *x, uint32_t from, uint32_t to, struct run *r)
{
	uint32_t gaps = 0;
	for (uint32_t k = from; k < to; k++) {
		double gap = gap_after(x, k);
		if (gap > seconds(TWIN_NS)) {
			if (gaps < ARRAY_LEN(r->early_s))
				r->early_s[gaps] = gap;
			x->scratch[gaps++] = gap;
		}
		r->longest_s = fmax(r->longest_s, gap);
	}
	r->count = gaps + 1;
	r->gap_s = median(x->scratch, gaps);
	r->spread_s = spread(x->scratch, gaps);
}

static double median_request(const struct finder *x, uint32_t from, uint32_t to)
{
	uint32_t known = 0;
	for (uint32_t k = from; k <= to; k++)
		if (x->view->attempt[x->own[k]].request_size != 0)
			x->scratch[known++] = size_bytes(x->view->attempt[x->own[k]].request_size);
	return median(x->scratch, known);
}

/* A channel whose contacts follow so quickly that the host does not keep them one by one: what its
 * running means say of all of them. */
static bool is_dense(const struct channel *c, const struct run *r)
{
	return c->openings >= TWIN_MIN && c->openings > r->count + r->count / 4 &&
	       c->first_ns <= r->start_ns && c->gap_ds > 0;
}

static void make_dense(const struct channel *c, struct run *r)
{
	r->count = c->openings;
	r->start_ns = c->first_ns;
	r->end_ns = c->last_ns;
	/* a normal deviate's mean distance is 0.8 of its standard deviation */
	r->gap_s = c->gap_ds / 10.0;
	r->spread_s = fmax(DENSE_S, c->jitter_ds / 8.0);
	r->longest_s = fmax(PAUSE_GAPS * r->gap_s, seconds(BURST_GAP_NS));
}

static void add_run(struct finder *x, uint32_t from, uint32_t to, bool last)
{
	const struct view *v = x->view;
	const struct attempt *a = &v->attempt[x->own[from]];
	const struct channel *c = v->channel[x->channel].channel;
	struct run r = {.channel = x->channel,
		.first = x->own[from],
		.last = x->own[to],
		.start_ns = a->start_ns,
		.end_ns = v->attempt[x->own[to]].start_ns};
	measure_gaps(x, from, to, &r);
	r.kept = to - from + 1;
	for (uint32_t k = from; k <= to; k++)
		r.answered += v->attempt[x->own[k]].outcome == OUTCOME_OK;
	r.request = median_request(x, from, to);
	r.fresh = c->first_ns == r.start_ns && (a->flags & ATTEMPT_JOINED) == 0;
	if (from == 0 && last && is_dense(c, &r))
		make_dense(c, &r);
	r.clock = r.count >= CLOCK_MIN && r.spread_s <= CLOCK_SPREAD * r.gap_s;
	x->runs->run[x->runs->count++] = r;
}

/* A contact of the channel, or one that did not come about: its name did not resolve. */
static bool is_contact(const struct finder *x, const struct attempt *a)
{
	const struct view_channel *of = &x->view->channel[x->channel];
	if ((a->flags & ATTEMPT_LOOKUP) != 0)
		return attempt_failed(a) && x->view->channel[a->channel].group == of->group;
	return a->channel == x->channel && (a->flags & ATTEMPT_CUT) == 0;
}

static void runs_of_channel(struct finder *x, uint32_t channel)
{
	const struct view *v = x->view;
	x->channel = channel;
	x->owns = 0;
	for (uint32_t i = 0; i < v->attempts; i++)
		if (is_contact(x, &v->attempt[i]))
			x->own[x->owns++] = i;
	if (x->owns == 0)
		return;
	if (x->owns == 1) { /* most of them */
		add_run(x, 0, 0, true);
		return;
	}
	double pause = PAUSE_GAPS * median_gap(x, 0, x->owns - 1) + 1;
	uint32_t from = 0;
	for (uint32_t k = 0; k + 1 < x->owns; k++) {
		if (gap_after(x, k) <= pause)
			continue;
		add_run(x, from, k, false);
		from = k + 1;
	}
	add_run(x, from, x->owns - 1, true);
}

/* How long after its last contact nobody waits for another. */
static double patience_s(const struct view *v, const struct run *r)
{
	return (attempt_failed(&v->attempt[r->last]) ? FAILED_GAPS : PAUSE_GAPS) * r->gap_s + 1;
}

/* Whether nothing was tried at the endpoint after the run, for long enough to be sure. */
static bool is_over(const struct view *v, const struct run *r)
{
	double wait_s = fmax(patience_s(v, r), r->longest_s);
	if (seconds(v->host->last_ns - r->end_ns) <= wait_s)
		return false;
	uint32_t group = v->channel[r->channel].group;
	for (uint32_t i = r->first; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		const struct view_channel *vc = &v->channel[a->channel];
		bool same = a->channel == r->channel ||
		            (vc->group == group && vc->channel->transport == TRANSPORT_OTHER);
		if (same && a->start_ns > r->end_ns)
			return false;
	}
	return true;
}

static void sort_runs(struct runs *runs)
{
	for (uint32_t i = 1; i < runs->count; i++) {
		struct run r = runs->run[i];
		uint32_t at = i;
		for (; at > 0 && runs->run[at - 1].start_ns > r.start_ns; at--)
			runs->run[at] = runs->run[at - 1];
		runs->run[at] = r;
	}
}

bool runs_find(const struct view *v, struct arena *arena, struct runs *ret)
{
	struct finder x = {.view = v,
		.own = ARENA_NEW(arena, uint32_t, v->attempts + 1),
		.scratch = ARENA_NEW(arena, double, v->attempts + 1),
		.runs = ret};
	*ret = (struct runs){.run = ARENA_NEW(arena, struct run, v->attempts + 1)};
	if (x.own == NULL || x.scratch == NULL || ret->run == NULL)
		return false;
	for (uint32_t c = 1; c < v->channels; c++)
		if (v->channel[c].channel->used && v->channel[c].rare &&
			v->channel[c].channel->transport != TRANSPORT_OTHER)
			runs_of_channel(&x, c);
	sort_runs(ret);
	for (uint32_t i = 0; i < ret->count; i++)
		ret->run[i].over = is_over(v, &ret->run[i]);
	double span_s = v->attempts == 0 ? 0 : seconds(v->host->last_ns - v->attempt[0].start_ns);
	ret->seen_s = fmax(60, fmin(span_s, v->active_s));
	return true;
}

/* ---- how often something like that begins ---- */

struct asked { /* beginnings of what, and near what */
	const struct view *view;
	const struct runs *runs;
	uint32_t from, to; /* runs that are not counted */
	bool clocks;       /* only of clocks; their ends count near the instant, too */
};

static bool is_twin_clock(const struct run *r)
{
	return r->clock && r->count >= TWIN_MIN;
}

static uint32_t beginnings(const struct asked *q, int64_t from_ns, int64_t to_ns)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < q->runs->count; i++) {
		const struct run *r = &q->runs->run[i];
		if (i == q->from || i == q->to || (q->clocks && !is_twin_clock(r)))
			continue;
		count += r->start_ns >= from_ns && r->start_ns <= to_ns;
		count += q->clocks && r->over && r->end_ns >= from_ns && r->end_ns <= to_ns;
	}
	return count;
}

/* The most beginnings per second that can be defended around t: over all time, near t, and, of any
 * channel, as the share of what the host did near t. */
static double beginning_rate(const struct asked *q, int64_t at_ns, double gap_s)
{
	const struct view *v = q->view;
	uint32_t all = beginnings(q, INT64_MIN, INT64_MAX);
	double rate = fmax(1, all) / q->runs->seen_s * (q->clocks ? GAP_SHARE : 1);
	double share = v->bursts == 0 ? 1 : fmin(1, (all + 2.0) / v->bursts);
	double windows_s[] = {1, 10, 100, gap_s, PAUSE_GAPS * gap_s, 300, 1800};
	for (size_t i = 0; i < ARRAY_LEN(windows_s); i++) {
		int64_t half = (int64_t)(windows_s[i] * (double)NS_PER_S);
		double seen = fmin(2 * windows_s[i], q->runs->seen_s);
		rate = fmax(rate, beginnings(q, at_ns - half, at_ns + half) / seen);
		uint32_t bursts = q->clocks ? 0 : bursts_between(v, at_ns - half, at_ns + half);
		rate = fmax(rate, bursts > 2 ? share * (bursts - 2) / seen : 0);
	}
	return rate;
}

/* ---- what else stopped ---- */

/* Whether the host was silent, or left: nothing that it used just before goes on, though it is
 * overdue. */
static bool host_moved(const struct view *v, const struct run *from, const struct run *to)
{
	int64_t near_ns = (int64_t)(10 * from->gap_s * (double)NS_PER_S);
	near_ns = near_ns > 600 * NS_PER_S ? near_ns : 600 * NS_PER_S;
	uint32_t before = 0, on = 0;
	int64_t last_ns = from->end_ns;
	bool away = false;
	for (uint32_t i = 0; i < v->attempts; i++) {
		const struct attempt *a = &v->attempt[i];
		if (a->start_ns <= from->end_ns || a->start_ns > to->start_ns)
			continue;
		away |= a->start_ns - last_ns >= AWAY_NS;
		last_ns = a->start_ns;
	}
	for (uint32_t c = 1; c < v->channels; c++) {
		const struct channel *x = v->channel[c].channel;
		if (!x->used || c == from->channel || c == to->channel || x->openings < CLOCK_MIN ||
			x->first_ns >= from->end_ns || x->last_ns < from->end_ns - near_ns)
			continue;
		bool goes_on = x->last_ns >= to->start_ns;
		double silent_s = seconds(v->host->last_ns - x->last_ns);
		before += goes_on || silent_s > PAUSE_GAPS * x->gap_ds / 10.0 + 1;
		on += goes_on;
	}
	return away || (before > 0 && on == 0);
}

/* ---- moves ---- */

static bool is_other_way(const struct view *v, uint32_t a, uint32_t b)
{
	const struct channel *x = v->channel[a].channel, *y = v->channel[b].channel;
	return v->channel[a].group == v->channel[b].group &&
	       (x->port == y->port || x->transport != y->transport);
}

static bool is_equal(double gap_s, double other_s)
{
	return gap_s > 0 && other_s > 0 && fabs(log(gap_s / other_s)) <= GAP_NEAR;
}

static bool are_twins(const struct run *a, const struct run *b)
{
	return is_twin_clock(a) && is_twin_clock(b) && is_equal(a->gap_s, b->gap_s);
}

/* The second has the first one's pace from its first contact on. */
static bool keeps_pace(const struct run *a, const struct run *b)
{
	return is_twin_clock(a) && is_equal(b->early_s[0], a->gap_s) &&
	       is_equal(b->early_s[1], a->gap_s);
}

static bool are_alike(const struct run *a, const struct run *b)
{
	return are_twins(a, b) || keeps_pace(a, b);
}

/* Of the host's other beginnings, the share that has this pace, by Laplace's rule. */
static double pace_share(const struct runs *runs, const struct move *m)
{
	uint32_t count = 0, alike = 0;
	for (uint32_t i = 0; i < runs->count; i++) {
		if (i == m->from || i == m->to)
			continue;
		alike += keeps_pace(&runs->run[m->from], &runs->run[i]);
		count++;
	}
	return (alike + 1.0) / (count + 2.0);
}

/* When the client knew that the run was over: of a failure its instant. */
static int64_t known_ns(const struct view *v, const struct run *r)
{
	const struct attempt *a = &v->attempt[r->last];
	return attempt_failed(a) && a->over_ns > r->end_ns ? a->over_ns : r->end_ns;
}

/* Of a beginning this near to the next turn, before or after it. */
static double chance_at_turn(const struct runs *runs, const struct move *m, double rate)
{
	double vague = fmax(TICK_S, 0.3 * runs->run[m->from].spread_s);
	return -expm1(-2 * rate * fmax(m->off_s, vague));
}

static void weigh_twin(
	const struct view *v, const struct runs *runs, struct move *m, double *chance)
{
	const struct run *a = &runs->run[m->from], *b = &runs->run[m->to];
	bool clocks = are_twins(a, b); /* a second that is no clock yet is one of all beginnings */
	struct asked asked = {v, runs, m->from, m->to, clocks};
	double share = clocks ? 0 : pace_share(runs, m);
	double rate = beginning_rate(&asked, m->due_ns, a->gap_s) * (clocks ? 1 : share);
	double after_s = fmax(TICK_S, seconds(b->start_ns - known_ns(v, a)));
	double at_turn = chance_at_turn(runs, m, rate), at_end = -expm1(-rate * after_s);
	if (fmin(at_turn, at_end) >= *chance)
		return;
	*chance = fmin(at_turn, at_end);
	m->twin = true;
	m->pace_share = share;
	m->at_end = at_end < at_turn;
	m->rate = rate;
}

/* The move from one run to another: its chance, by what is the least likely. */
static struct move weigh(const struct view *v, const struct runs *runs, uint32_t from, uint32_t to)
{
	const struct run *a = &runs->run[from], *b = &runs->run[to];
	struct move m = {.from = from,
		.to = to,
		.due_ns = a->end_ns + (int64_t)(a->gap_s * (double)NS_PER_S)};
	m.off_s = fabs(seconds(b->start_ns - m.due_ns));
	m.rate = beginning_rate(&(struct asked){v, runs, from, to, false}, m.due_ns, a->gap_s);
	double chance = chance_at_turn(runs, &m, m.rate);
	if (are_alike(a, b))
		weigh_twin(v, runs, &m, &chance);
	m.chance = fmin(1, fmax(CHANCE_FLOOR, CHOICES * chance));
	return m;
}

/* Whether the second run may take over from the first: it begins later, elsewhere, and answers. */
static bool may_follow(const struct view *v, const struct run *a, const struct run *b)
{
	return b->channel != a->channel && b->start_ns > a->end_ns && b->answered > 0 &&
	       !is_other_way(v, a->channel, b->channel);
}

/* Of the beginnings within three gaps of the run's end, the nearest to its next turn; UINT32_MAX
 * none. */
static uint32_t nearest(const struct view *v, const struct runs *runs, uint32_t from)
{
	const struct run *a = &runs->run[from];
	uint32_t best = UINT32_MAX;
	double best_off = HUGE_VAL;
	for (uint32_t to = 0; to < runs->count; to++) {
		const struct run *b = &runs->run[to];
		double after = seconds(b->start_ns - a->end_ns), off = fabs(after - a->gap_s);
		if (after > PAUSE_GAPS * a->gap_s || off >= best_off || !may_follow(v, a, b))
			continue;
		best = to;
		best_off = off;
	}
	return best;
}

/* The least likely move that leaves the run: to the nearest beginning, or to a twin at any time.
 * False when there is neither. */
static bool best_move(
	const struct view *v, const struct runs *runs, uint32_t from, struct move *ret)
{
	uint32_t near = nearest(v, runs, from);
	if (near != UINT32_MAX)
		*ret = weigh(v, runs, from, near);
	bool have = near != UINT32_MAX;
	for (uint32_t to = 0; to < runs->count; to++) {
		if (to == near || !are_alike(&runs->run[from], &runs->run[to]) ||
			!may_follow(v, &runs->run[from], &runs->run[to]))
			continue;
		struct move m = weigh(v, runs, from, to);
		if (have && m.chance >= ret->chance)
			continue;
		*ret = m;
		have = true;
	}
	return have;
}

static enum mechanism why_moved(const struct view *v, const struct run *a, const struct run *b)
{
	enum mechanism m = v->channel[a->channel].group == v->channel[b->channel].group
	                           ? mechanism_of_ends(v, a->channel, b->channel)
	                           : mechanism_between(v, a->channel, b->channel);
	return m == MECHANISM_NONE && host_moved(v, a, b) ? MECHANISM_MOVED : m;
}

/* Whether the run ended before the view did, so that something could take over from it. */
static bool is_left(const struct view *v, const struct run *r)
{
	return r->clock && seconds(v->host->last_ns - r->end_ns) > patience_s(v, r);
}

static bool moves_find(
	const struct view *v, const struct runs *runs, struct arena *arena, struct moves *ret)
{
	*ret = (struct moves){.move = ARENA_NEW(arena, struct move, runs->count + 1),
		.of = ARENA_NEW(arena, uint32_t, runs->count + 1)};
	if (ret->move == NULL || ret->of == NULL)
		return false;
	for (uint32_t i = 0; i < runs->count; i++) {
		ret->of[i] = UINT32_MAX;
		if (!is_left(v, &runs->run[i]))
			continue;
		ret->tried++;
		struct move m;
		if (!best_move(v, runs, i, &m))
			continue;
		m.why = why_moved(v, &runs->run[m.from], &runs->run[m.to]);
		ret->of[i] = ret->count;
		ret->move[ret->count++] = m;
	}
	return true;
}

bool moves_prepare(struct look *look)
{
	struct runs *runs = ARENA_NEW(look->arena, struct runs, 1);
	struct moves *moves = ARENA_NEW(look->arena, struct moves, 1);
	look->runs = runs;
	look->moves = moves;
	return runs != NULL && moves != NULL && runs_find(look->view, look->arena, runs) &&
	       moves_find(look->view, runs, look->arena, moves);
}

struct step move_step(const struct view *v, const struct runs *runs, const struct move *m)
{
	const struct run *a = &runs->run[m->from], *b = &runs->run[m->to];
	struct step s = {.from = a->channel,
		.to = b->channel,
		.from_attempt = a->last,
		.to_attempt = b->first,
		.why = m->why,
		.fail_ns = known_ns(v, a),
		.at_ns = b->start_ns,
		.rate = m->rate,
		.chance = m->chance,
		.contacts = a->count,
		.gap_s = a->gap_s,
		.at_end = m->at_end,
		.off_s = m->off_s};
	s.fail_ns = s.fail_ns < s.at_ns ? s.fail_ns : s.at_ns;
	s.delay_s = seconds(s.at_ns - s.fail_ns);
	s.tries = attempt_failed(&v->attempt[a->last]);
	return s;
}

struct likeness moves_likeness(
	const struct view *v, const struct runs *runs, const struct move *move, uint32_t count)
{
	struct likeness sum = {0};
	struct step ends[HIT_STEPS_MAX];
	uint32_t kept = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct run *a = &runs->run[move[i].from], *b = &runs->run[move[i].to];
		uint32_t x = v->channel[a->channel].channel->ja3,
			 y = v->channel[b->channel].channel->ja3;
		likeness_add(&sum, a->request, b->request, x, y);
		if (kept < HIT_STEPS_MAX)
			ends[kept++] = move_step(v, runs, &move[i]);
	}
	likeness_add_marks(v, ends, kept, &sum);
	return likeness_clamped(sum, 1);
}
