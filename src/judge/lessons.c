#include "judge/lessons.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "judge/judge_private.h"

#define KIND_OF_EVIDENCE "people"
#define EXPLAINED        "rejected-before"
#define ENDPOINT_BYTES   255u
#define WHY_BYTES        300u

struct lesson {
	char *key;     /* kind, endpoints, ports */
	char *process; /* NULL unknown */
	char *sentence;
	double e;      /* the strongest, by coincidence alone */
	bool rejected; /* and nobody accepted it */
	bool counts;   /* it was open: no mechanism had explained it */
};

struct lessons {
	struct lesson *lesson;
	size_t count, room;
	double host_days;
};

int lessons_new(struct lessons **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret == NULL ? -ENOMEM : 0;
}

static void lesson_fini(struct lesson *one)
{
	free(one->key);
	free(one->process);
	free(one->sentence);
}

void lessons_free(struct lessons *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->count; i++)
		lesson_fini(&l->lesson[i]);
	free(l->lesson);
	free(l);
}

/* ---- what a switch is known by ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As the finding's id, but for the host: the kind, and the channels that it left and reached (of a
 * finding without a switch, all) in order. NULL: no memory. */
static char *key_of(const struct finding *f)
{
	struct out key = {0}, line[FINDING_CHANNELS_MAX] = {0};
	const char *text[FINDING_CHANNELS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < f->channels; i++) {
		const struct finding_channel *ch = &f->channel[i];
		if (ch->role == ROLE_TRIED && f->switches > 0)
			continue;
		out_printf(
			&line[count], "%s %u %u", ch->endpoint, ch->port, (unsigned)ch->transport);
		key.failed |= line[count].failed;
		text[count] = out_string(&line[count]);
		count++;
	}
	qsort(text, count, sizeof(char *), by_text);
	out_text(&key, finding_kind_name(f->kind));
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(text[i], text[i - 1]) != 0)
			out_printf(&key, "\n%s", text[i]);
	char *ret = key.failed ? NULL : strdup(out_string(&key));
	for (size_t i = 0; i < count; i++)
		out_fini(&line[i]);
	out_fini(&key);
	return ret;
}

static char *sentence_of(const struct finding *f)
{
	struct out text = {0};
	char host[ADDR_TEXT_BYTES];
	const struct ruling *r = f->ruling;
	out_printf(&text, "the same switch of %s was rejected", addr_text(&f->host, host));
	if (r->by != NULL) {
		out_text(&text, " by ");
		out_safe(&text, r->by, RULING_BY_BYTES);
	}
	out_text(&text, ": ");
	out_safe(&text, r->why, WHY_BYTES);
	char *ret = text.failed ? NULL : strdup(out_string(&text));
	out_fini(&text);
	return ret;
}

/* E without what people's verdicts had added to it when that case was made. */
static double coincidence(const struct finding *f)
{
	double e = f->e_value;
	for (size_t i = 0; i < f->evidences; i++)
		if (strcmp(f->evidence[i].kind, KIND_OF_EVIDENCE) == 0)
			e *= exp2(f->evidence[i].bits);
	return e;
}

/* ---- learning ---- */

static bool same_process(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct lesson *find(struct lessons *l, const char *key, const char *process)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->lesson[i].key, key) == 0 &&
			same_process(l->lesson[i].process, process))
			return &l->lesson[i];
	return NULL;
}

static struct lesson *grow(struct lessons *l)
{
	if (l->count == l->room) {
		size_t room = l->room == 0 ? 64 : 2 * l->room;
		struct lesson *bigger = realloc(l->lesson, room * sizeof *bigger);
		if (bigger == NULL)
			return NULL;
		l->lesson = bigger;
		l->room = room;
	}
	return &l->lesson[l->count];
}

/* A switch that is met again is the same lesson; who accepts it once is believed. */
static void meet_again(struct lesson *known, const struct lesson *one)
{
	known->e = fmin(known->e, one->e);
	known->rejected = known->rejected && one->rejected;
	known->counts = known->counts || one->counts;
}

static int learn(struct lessons *l, const struct finding *f)
{
	struct lesson one = {.key = key_of(f),
		.process = f->process == NULL ? NULL : strdup(f->process),
		.sentence = sentence_of(f),
		.e = coincidence(f),
		.rejected = f->ruling->kind == RULING_REJECTED,
		.counts = f->explained == NULL};
	int err = one.key == NULL || one.sentence == NULL ||
	                          (f->process != NULL && one.process == NULL)
	                  ? -ENOMEM
	                  : 0;
	struct lesson *known = err < 0 ? NULL : find(l, one.key, one.process);
	if (known != NULL)
		meet_again(known, &one);
	else if (err == 0 && l->count == LESSONS_MAX)
		err = -E2BIG;
	struct lesson *slot = err < 0 || known != NULL ? NULL : grow(l);
	if (slot != NULL) {
		*slot = one;
		l->count++;
		return 0;
	}
	lesson_fini(&one);
	return err < 0 || known != NULL ? err : -ENOMEM;
}

int lessons_add(struct lessons *l, const struct lesson_case *c)
{
	size_t open = 0, judged = 0;
	int err = 0;
	for (size_t i = 0; i < c->findings && err == 0; i++) {
		const struct finding *f = c->finding[i];
		bool told = f->explained == NULL && f->e_value <= c->max_e;
		open += told;
		judged += told && f->ruling != NULL;
		if (f->ruling != NULL)
			err = learn(l, f);
	}
	/* E counts a host that was seen for a part of a day as a day; what was told and not judged
	 * is taken to be like the rest */
	if (!c->known)
		l->host_days += fmax((double)c->hosts, c->host_days) *
		                (open == 0 ? 1 : (double)judged / (double)open);
	return err;
}

/* ---- what it says of a finding ---- */

/* Another program's switch is another switch, as far as programs are known. */
static bool other_process(const struct lesson *one, const struct finding *f)
{
	return one->process != NULL && f->process != NULL && strcmp(one->process, f->process) != 0;
}

const char *lessons_sentence(const struct lessons *l, const struct finding *f)
{
	const char *sentence = NULL;
	char *key = l->count == 0 ? NULL : key_of(f);
	for (size_t i = 0; key != NULL && i < l->count; i++) {
		const struct lesson *one = &l->lesson[i];
		if (strcmp(one->key, key) != 0 || other_process(one, f))
			continue;
		if (!one->rejected) {
			sentence = NULL;
			break;
		}
		sentence = sentence == NULL ? one->sentence : sentence;
	}
	free(key);
	return sentence;
}

struct lesson_rate lessons_rate(const struct lessons *l, double e)
{
	struct lesson_rate rate = {.host_days = l->host_days};
	size_t all = 0;
	for (size_t i = 0; i < l->count; i++) {
		const struct lesson *one = &l->lesson[i];
		all += one->counts;
		rate.judged += one->counts && one->e <= e;
		rate.rejected += one->counts && one->e <= e && one->rejected;
	}
	if (all >= LESSONS_JUDGED_MIN && l->host_days > 0)
		rate.per_day = (double)rate.rejected / l->host_days;
	return rate;
}

/* A line that says the same another way gives its place where there is no other. */
static bool make_room(struct finding *f)
{
	for (size_t i = f->evidences; f->evidences == FINDING_EVIDENCE_MAX && i > 0; i--) {
		if (strcmp(f->evidence[i - 1].kind, "also") != 0)
			continue;
		free(f->evidence[i - 1].owned);
		memmove(&f->evidence[i - 1], &f->evidence[i],
			(f->evidences - i) * sizeof f->evidence[0]);
		f->evidences--;
	}
	return f->evidences < FINDING_EVIDENCE_MAX;
}

static void add_rate(const struct lessons *l, struct finding *f, double *e)
{
	struct lesson_rate rate = lessons_rate(l, f->e_value);
	if (!(rate.per_day > 0) || !make_room(f))
		return;
	double sum = f->e_value + rate.per_day;
	size_t before = f->evidences;
	evidence_add(f, KIND_OF_EVIDENCE, log2(f->e_value / sum),
		"of %zu different findings as strong as this that people judged in earlier cases, "
		"in %.3g host-days, %zu %s benign: software here falls back for honest reasons "
		"that "
		"often too",
		rate.judged, rate.host_days, rate.rejected, rate.rejected == 1 ? "was" : "were");
	if (f->evidences == before)
		return; /* no memory: E has to stay what the evidence says */
	f->e_value = sum;
	*e = fmax(*e, sum); /* it was at most e_value */
}

void lessons_apply(const struct lessons *l, struct finding *f, double *e)
{
	if (f->explained != NULL || f->ruling != NULL)
		return;
	f->explained_text = lessons_sentence(l, f);
	if (f->explained_text != NULL)
		f->explained = EXPLAINED;
	else
		add_rate(l, f, e);
}
