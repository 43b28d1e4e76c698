#include "judge/judge.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/digest.h"
#include "base/limits.h"
#include "judge/bad.h"
#include "judge/decoy.h"
#include "judge/judge_private.h"
#include "judge/known.h"
#include "judge/scanned.h"

/* Findings of a run, explained and weak ones included: 40 MB. */
#define FINDINGS_MAX 1024
/* Stories kept of one host. */
#define STORIES_MAX 32u
#define HITS_MAX    256u
/* A view of 512 attempts with its steps and limbs' scratch. */
#define ARENA_BYTES ((size_t)4 << 20)
/* What is weaker than this is not even a lead (prototype section 5: "hunting list"). */
#define LEAD_E 1.0
/* Failures that by themselves are as strong as this make a ladder of whatever else it may be. */
#define LADDER_E 0.1
#define DAY_NS   (86400 * NS_PER_S)

struct story {
	struct finding finding;
	double e; /* of the strongest hit, however small */
	enum mechanism why;
	double excused_bits; /* of its evidence taken off for a companion or a common clock */
	enum mechanism excuse;
	char vouched[SAFELIST_VOUCHED_BYTES];

	unsigned seen;           /* bits of finding_kind: what its hits are */
	enum finding_kind moved; /* of the strongest that is no ladder; LADDER: none */
	double ladder_e;         /* of the strongest hit that is one */
	bool timing; /* its strongest hit is a coincidence in time, which decoys can show */
	uint32_t host;
};

struct pacer { /* per host: how many switches it has shown in its current day */
	int64_t day, counted_ns;
	uint32_t steps;
};

struct judge {
	struct hosts *hosts;
	struct safelist *safelist;
	const struct ruling *ruling;
	size_t rulings;
	const struct lessons *lessons;
	const struct baseline *baseline;
	const struct policy *policy;
	struct intel_seen *bad;
	const struct scanned *scanned;
	struct arena arena;
	struct hit *hit;
	struct pacer *pacer;
	size_t pacers;
	struct decoys *decoys;
	struct story **story;
	size_t stories, stories_max;
	uint64_t refused;
	bool finished;
};

int judge_new(struct judge **ret, const struct judge_options *options)
{
	struct judge *j = calloc(1, sizeof *j);
	if (j == NULL)
		return -ENOMEM;
	j->hosts = options->hosts;
	j->safelist = options->safelist;
	j->ruling = options->ruling;
	j->rulings = options->rulings;
	j->lessons = options->lessons;
	j->baseline = options->baseline;
	j->policy = options->policy;
	j->bad = options->bad;
	j->scanned = options->scanned;
	j->stories_max = options->findings_max == 0 ? FINDINGS_MAX : options->findings_max;
	j->story = calloc(j->stories_max, sizeof(struct story *));
	j->hit = calloc(HITS_MAX, sizeof *j->hit);
	if (j->story == NULL || j->hit == NULL || arena_init(&j->arena, ARENA_BYTES) < 0 ||
		decoys_new(&j->decoys) < 0) {
		judge_free(j);
		return -ENOMEM;
	}
	*ret = j;
	return 0;
}

static void story_free(struct story *s)
{
	evidence_fini(&s->finding);
	free(s);
}

void judge_free(struct judge *j)
{
	if (j == NULL)
		return;
	for (size_t i = 0; i < j->stories; i++)
		story_free(j->story[i]);
	free(j->story);
	free(j->hit);
	free(j->pacer);
	decoys_free(j->decoys);
	arena_fini(&j->arena);
	free(j);
}

/* ---- how many switches the host shows a day ---- */

static struct pacer *pacer_of(struct judge *j, uint32_t host)
{
	if (host >= j->pacers) {
		size_t want = j->pacers == 0 ? 64 : j->pacers * 2;
		want = want > host ? want : host + 1;
		struct pacer *bigger = realloc(j->pacer, want * sizeof *bigger);
		if (bigger == NULL)
			return NULL;
		memset(bigger + j->pacers, 0, (want - j->pacers) * sizeof *bigger);
		j->pacer = bigger;
		j->pacers = want;
	}
	return &j->pacer[host];
}

/* Looks overlap: a switch counts once, on the day that it happened. */
static double steps_today(struct judge *j, const struct view *v, const struct steps *steps)
{
	struct pacer *p = pacer_of(j, v->host->index);
	if (p == NULL)
		return HUGE_VAL; /* nothing can be told then */
	for (uint32_t i = 0; i < steps->count; i++) {
		const struct step *s = &steps->step[i];
		if (s->why != MECHANISM_NONE || s->at_ns <= p->counted_ns)
			continue;
		if (s->at_ns / DAY_NS != p->day) {
			p->day = s->at_ns / DAY_NS;
			p->steps = 0;
		}
		p->steps++;
		p->counted_ns = s->at_ns;
	}
	return p->steps;
}

/* ---- stories ---- */

static struct story *story_new(struct judge *j, const struct hit *hit, uint32_t host)
{
	struct story *weakest = NULL;
	uint32_t of_host = 0;
	for (size_t i = 0; i < j->stories; i++) {
		struct story *s = j->story[i];
		of_host += s->host == host;
		if (weakest == NULL || s->e > weakest->e)
			weakest = s;
	}
	struct story *s = NULL;
	if (of_host < STORIES_MAX && j->stories < j->stories_max) {
		s = calloc(1, sizeof *s);
		if (s != NULL)
			j->story[j->stories++] = s;
	} else if (of_host < STORIES_MAX && weakest != NULL && weakest->e > hit->e) {
		s = weakest;
		evidence_fini(&s->finding);
		*s = (struct story){0};
	}
	j->refused += s == NULL || s == weakest;
	if (s != NULL)
		*s = (struct story){.host = host, .ladder_e = HUGE_VAL};
	return s;
}

static struct story *story_of(struct judge *j, const struct telling *t)
{
	for (size_t i = 0; i < j->stories; i++) {
		struct story *s = j->story[i];
		if (s->host == t->view->host->index && s->why == t->hit->why &&
			story_shares(&s->finding, t))
			return s;
	}
	return NULL;
}

/* Whether the host has a story of this mechanism: of what would not even be a lead, one example is
 * enough. */
static bool is_told(const struct judge *j, const struct telling *t)
{
	for (size_t i = 0; i < j->stories; i++)
		if (j->story[i]->host == t->view->host->index && j->story[i]->why == t->hit->why)
			return true;
	return false;
}

/* Whether decoys can show what hits of this kind show by accident. */
static bool is_timing(enum hit_kind kind)
{
	return kind == HIT_CHAIN || kind == HIT_METRONOME || kind == HIT_PAIR ||
	       kind == HIT_PAIR_METRONOME;
}

/* Moves after failures are a list that is walked, whatever limb saw them. */
static bool mostly_failed(const struct hit *hit)
{
	uint32_t failed = 0;
	for (uint32_t i = 0; i < hit->steps; i++)
		failed += hit->step[i].tries > 0;
	return 2 * failed > hit->steps;
}

static enum finding_kind kind_of(const struct hit *hit)
{
	switch (hit->kind) {
	case HIT_HANDOVER:
		return KIND_HANDOVER;
	case HIT_MOVES:
		return mostly_failed(hit) ? KIND_LADDER : KIND_ROTATION;
	case HIT_TURNS:
		return KIND_ROTATION;
	case HIT_NAMES:
		return KIND_DGA;
	case HIT_TUNNEL:
		return KIND_TUNNEL;
	case HIT_DEADDROP:
		return KIND_DEADDROP;
	case HIT_SPLIT:
		return KIND_SPLIT;
	case HIT_CHAIN:
	case HIT_METRONOME:
	case HIT_PAIR:
	case HIT_PAIR_METRONOME:
	case HIT_SAME_NAME:
	case HIT_POOL:
	case HIT_ROUTE:
		break;
	}
	return KIND_LADDER;
}

/* What names, carriers and volumes show is that, whatever else they show. Otherwise failures make a
 * ladder, as far as they would be told by themselves, before a hand-over or a rotation, which need
 * none. */
static void set_kind(struct story *s, const struct hit *hit)
{
	static const enum finding_kind special[] = {
		KIND_DGA, KIND_SPLIT, KIND_TUNNEL, KIND_DEADDROP};
	enum finding_kind kind = kind_of(hit);
	s->seen |= 1u << kind;
	if (kind == KIND_LADDER)
		s->ladder_e = fmin(s->ladder_e, hit->e);
	else if (s->moved == KIND_LADDER || hit->e <= s->e)
		s->moved = kind;
	s->finding.kind = s->ladder_e <= LADDER_E || (s->seen & ~(1u << KIND_LADDER)) == 0
	                          ? KIND_LADDER
	                          : s->moved;
	for (size_t i = ARRAY_LEN(special); i > 0; i--)
		if ((s->seen >> special[i - 1] & 1) != 0)
			s->finding.kind = special[i - 1];
}

static void tell(struct judge *j, const struct telling *t)
{
	const struct hit *hit = t->hit;
	double least = hit->e * exp2(hit->rhythm_bits + hit->contrast_bits);
	if (least > LEAD_E && (hit->why == MECHANISM_NONE || is_told(j, t)))
		return;
	struct story *s = story_of(j, t);
	bool fresh = s == NULL;
	if (fresh)
		s = story_new(j, hit, t->view->host->index);
	if (s == NULL)
		return;
	struct finding *f = &s->finding;
	f->host = t->view->host->addr;
	/* a carrier is told of with its latest numbers */
	bool again = hit->kind == HIT_TUNNEL && hit->e <= s->e;
	if (fresh || hit->e < s->e || again) {
		s->why = hit->why;
		s->excused_bits = -(hit->rhythm_bits + hit->contrast_bits);
		s->excuse = hit->contrast_bits < hit->rhythm_bits ? MECHANISM_COMPANION
		                                                  : MECHANISM_COMMON_TICK;
		s->e = hit->e;
		s->timing = is_timing(hit->kind);
		f->e_value = fmax(hit->e, E_TRUSTED);
		story_add(f, t);
		evidence_write(f, t);
	} else {
		story_add(f, t);
		evidence_also(f, t);
	}
	set_kind(s, hit);
}

static int by_e(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	return (x->e > y->e) - (x->e < y->e);
}

void judge_look(struct judge *j, struct host *h)
{
	CHECK(!j->finished);
	arena_reset(&j->arena, 0);
	struct view view;
	struct steps steps;
	if (!host_view(j->hosts, h, &j->arena, &view) || !steps_find(&view, &j->arena, &steps)) {
		j->refused++;
		return;
	}
	struct look look = {.view = &view, .steps = &steps, .arena = &j->arena};
	look.steps_today = steps_today(j, &view, &steps);
	if (!moves_prepare(&look)) {
		j->refused++;
		return;
	}
	struct hits hits = {.hit = j->hit, .max = HITS_MAX};
	for (size_t i = 0; i < detectors_count(); i++)
		detectors_get(i)->run(&look, &hits);
	qsort(hits.hit, hits.count, sizeof *hits.hit, by_e);
	for (uint32_t i = 0; i < hits.count; i++)
		tell(j, &(struct telling){.view = &view, .look = &look, .hit = &hits.hit[i]});
	j->refused += hits.refused;
	decoys_look(j->decoys, &look, &hits);
}

/* ---- the end ---- */

/* The same story has the same id whenever it happened: who, what kind, from where, to where. */
static void set_id(struct finding *f)
{
	struct out o = {0};
	char host[ADDR_TEXT_BYTES];
	out_printf(&o, "%s\n%s\n%s\n", addr_text(&f->host, host), finding_kind_name(f->kind),
		f->explained == NULL ? "" : f->explained);
	if (f->process != NULL)
		out_printf(&o, "by %s\n", f->process);
	for (size_t i = 0; i < f->channels; i++)
		if (f->channel[i].role != ROLE_TRIED || f->switches == 0)
			out_printf(&o, "%s %u %u\n", f->channel[i].endpoint, f->channel[i].port,
				(unsigned)f->channel[i].transport);
	digest_name(out_string(&o), o.len, f->id);
	out_fini(&o);
}

static void explain(struct story *s, double max_e)
{
	enum mechanism why = s->why;
	/* what a companion or a clock keeps above the line is explained by it */
	if (why == MECHANISM_NONE && s->e > max_e && s->e * exp2(-s->excused_bits) <= max_e)
		why = s->excuse;
	if (why == MECHANISM_NONE)
		return;
	s->finding.explained = mechanism_name(why);
	s->finding.explained_text = mechanism_sentence(why);
}

/* What was known before is no fallback, where neither a mechanism nor a person spoke. */
static void look_up(const struct judge *j, struct story *s)
{
	struct finding *f = &s->finding;
	struct out text = {0};
	const struct baseline_entry *e = NULL;
	const struct policy_rule *rule = NULL;
	if (f->explained == NULL && j->baseline != NULL)
		e = known_to_baseline(j->baseline, f);
	if (f->explained == NULL && e == NULL && j->policy != NULL)
		rule = known_to_policy(j->policy, f);
	if (e != NULL)
		known_say(&text, e);
	else if (rule != NULL)
		known_say_rule(&text, rule);
	if (e != NULL || rule != NULL) {
		(void)snprintf(s->vouched, sizeof s->vouched, "%s", out_string(&text));
		f->explained = e != NULL ? "baseline" : "policy";
		f->explained_text = s->vouched;
	} else if (f->explained == NULL && j->policy != NULL) {
		known_add_verdict(f, j->policy);
	}
	out_fini(&text);
}

/* After the id is known, which does not depend on whom people vouch for. */
static void hear_people(const struct judge *j, struct story *s, double max_e)
{
	struct finding *f = &s->finding;
	f->ruling = rulings_find(j->ruling, j->rulings, f->id);
	if (j->safelist != NULL)
		safelist_vouch(j->safelist, f, max_e, s->vouched);
	look_up(j, s);
	if (j->lessons != NULL)
		lessons_apply(j->lessons, f, &s->e);
}

static int by_strength(const void *a, const void *b)
{
	const struct story *x = *(struct story *const *)a, *y = *(struct story *const *)b;
	if (x->e < y->e || x->e > y->e)
		return x->e < y->e ? -1 : 1;
	int order = addr_cmp(&x->finding.host, &y->finding.host);
	return order != 0 ? order : strcmp(x->finding.id, y->finding.id);
}

void judge_finish(struct judge *j, double max_e)
{
	CHECK(!j->finished);
	j->finished = true;
	decoys_finish(j->decoys, j->hosts);
	for (size_t i = 0; i < j->stories; i++) {
		struct story *s = j->story[i];
		explain(s, max_e);
		s->finding.measured = s->timing && decoys_verify(j->decoys, s->finding.e_value);
		story_order(&s->finding);
		set_id(&s->finding);
		hear_people(j, s, max_e);
	}
	qsort(j->story, j->stories, sizeof(struct story *), by_strength);
	for (size_t i = 0; i < j->stories && j->bad != NULL; i++)
		bad_tell(&j->story[i]->finding, j->bad);
	for (size_t i = 0; i < j->stories && j->scanned != NULL; i++)
		scanned_tell(&j->story[i]->finding, j->scanned);
}

size_t judge_count(const struct judge *j)
{
	return j->stories;
}

const struct finding *judge_get(const struct judge *j, size_t index)
{
	CHECK(index < j->stories);
	return &j->story[index]->finding;
}

void judge_calibration(const struct judge *j, struct calibration *ret)
{
	CHECK(j->finished);
	decoys_tell(j->decoys, ret);
}

uint64_t judge_refused(const struct judge *j)
{
	return j->refused;
}
