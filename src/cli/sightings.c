#include "cli/sightings.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

/* A finding to which nothing was added for so long is over. */
#define QUIET_NS (600 * NS_PER_S)
/* So many times stronger is worth telling again. */
#define STRONGER 10.0

#define ID_BYTES 33

struct sighting {
	char id[ID_BYTES];
	double e; /* as told last */
	int64_t changed_ns;
	uint32_t host;
	struct addr addr; /* of that host */
	enum finding_kind kind;
	bool final;
	bool stands;                    /* the last look at its host saw it */
	bool known;                     /* else told by an earlier run: its text is not known */
	char *text[SIGHTING_FORMS_MAX]; /* owned; NULL none in that form */
};

struct sightings {
	struct sightings_options options;
	struct sighting sighting[SIGHTINGS_MAX];
	size_t count, next_host;
};

int sightings_new(struct sightings **ret, const struct sightings_options *options)
{
	struct sightings *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	s->options = *options;
	*ret = s;
	return 0;
}

static void free_texts(struct sighting *x)
{
	for (size_t i = 0; i < SIGHTING_FORMS_MAX; i++) {
		free(x->text[i]);
		x->text[i] = NULL;
	}
}

void sightings_free(struct sightings *s)
{
	for (size_t i = 0; s != NULL && i < s->count; i++)
		free_texts(&s->sighting[i]);
	free(s);
}

void sightings_move(struct sightings *s, struct hosts *hosts)
{
	s->options.hosts = hosts;
	s->next_host = 0;
}

static struct sighting *find(struct sightings *s, const char *id)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->sighting[i].id, id) == 0)
			return &s->sighting[i];
	return NULL;
}

/* A place for a new one: the final one that changed longest ago gives way when all are taken. */
static struct sighting *place(struct sightings *s)
{
	struct sighting *oldest = NULL;
	if (s->count < SIGHTINGS_MAX)
		return &s->sighting[s->count++];
	for (size_t i = 0; i < s->count; i++) {
		struct sighting *x = &s->sighting[i];
		bool better = oldest == NULL || x->final > oldest->final ||
		              (x->final == oldest->final && x->changed_ns < oldest->changed_ns);
		oldest = better ? x : oldest;
	}
	free_texts(oldest);
	*oldest = (struct sighting){0};
	return oldest;
}

void sightings_remember(struct sightings *s, const char *id, double e, bool final)
{
	struct sighting *x = find(s, id);
	if (x == NULL) {
		x = place(s);
		(void)snprintf(x->id, sizeof x->id, "%s", id);
	}
	x->e = e;
	x->final = final;
}

static void tell(struct sightings *s, const struct sighting *x, const char *status)
{
	const char *text[SIGHTING_FORMS_MAX];
	for (size_t i = 0; i < SIGHTING_FORMS_MAX; i++)
		text[i] = x->text[i];
	s->options.tell(s->options.context, &(struct sighting_told){.id = x->id,
						    .status = status,
						    .e = x->e,
						    .host = x->addr,
						    .kind = x->kind,
						    .text = text});
}

static void keep_text(struct sightings *s, struct sighting *x, const struct finding *f)
{
	free_texts(x);
	x->known = true;
	for (size_t i = 0; i < s->options.forms; i++) {
		struct out o = {0};
		s->options.format(s->options.context, i, &o, f);
		x->text[i] = o.text; /* taken; NULL: nothing was made */
	}
}

static void see(struct sightings *s, const struct finding *f, uint32_t host, int64_t now_ns)
{
	struct sighting *x = find(s, f->id);
	bool fresh = x == NULL;
	if (fresh) {
		x = place(s);
		(void)snprintf(x->id, sizeof x->id, "%s", f->id);
		x->changed_ns = now_ns;
	}
	x->stands = true;
	x->host = host;
	x->addr = f->host;
	x->kind = f->kind;
	bool stronger = !fresh && f->e_value * STRONGER <= x->e;
	bool more = fresh || f->last_ns > x->changed_ns;
	if (more || !x->known) {
		if (!x->final)
			keep_text(s, x, f);
		x->changed_ns = f->last_ns > now_ns ? f->last_ns : now_ns;
	}
	if (!fresh && !stronger)
		return;
	keep_text(s, x, f);
	x->e = f->e_value;
	x->final = false;
	x->changed_ns = now_ns;
	tell(s, x, "provisional");
}

void sightings_expect(struct sightings *s, const struct expected *expected)
{
	s->options.expected = *expected;
}

void sightings_look(struct sightings *s, struct host *host, int64_t now_ns)
{
	struct judge *judge = NULL;
	uint32_t index = host->index;
	host->changed = false;
	const struct judge_options o = {.hosts = s->options.hosts,
		.policy = s->options.expected.policy,
		.baseline = s->options.expected.baseline};
	if (judge_new(&judge, &o) < 0)
		return; /* the next look may have more luck */
	judge_look(judge, host);
	double line = s->options.max_e, heard = fmax(line, s->options.seen_max_e);
	judge_finish(judge, heard);
	for (size_t i = 0; i < s->count; i++)
		s->sighting[i].stands &= s->sighting[i].host != index;
	for (size_t i = 0; i < judge_count(judge); i++) {
		const struct finding *f = judge_get(judge, i);
		if (f->e_value > heard || (f->explained != NULL && !s->options.all))
			continue;
		if (f->e_value <= line)
			see(s, f, index, now_ns);
		if (s->options.seen != NULL)
			s->options.seen(s->options.context, f);
	}
	judge_free(judge);
}

bool sightings_look_around(struct sightings *s, int64_t now_ns, int64_t budget_ns)
{
	int64_t until_ns = clock_steady_ns() + budget_ns;
	size_t hosts = hosts_count(s->options.hosts);
	for (size_t i = 0; i < hosts; i++) {
		if (s->next_host >= hosts)
			s->next_host = 0;
		struct host *h = hosts_get(s->options.hosts, s->next_host++);
		if (!h->changed)
			continue;
		sightings_look(s, h, now_ns);
		if (clock_steady_ns() > until_ns)
			return false;
	}
	return true;
}

void sightings_settle(struct sightings *s, int64_t now_ns, bool all)
{
	for (size_t i = 0; i < s->count; i++) {
		struct sighting *x = &s->sighting[i];
		if (x->final || (!all && now_ns - x->changed_ns < QUIET_NS))
			continue;
		if (!x->known)
			continue; /* of an earlier run, not seen again since */
		x->final = true;
		tell(s, x, x->stands ? "final" : "withdrawn");
		free_texts(
			x); /* it is told no more, unless it becomes stronger: with another text */
	}
}
