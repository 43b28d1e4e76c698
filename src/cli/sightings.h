/* Sightings: what an endless watch tells. A host that changed is looked at; a finding is told as
 * soon as it is seen ("provisional"), again when it has become much stronger, and once more when
 * nothing was added to it for a while ("final") or it did not stand ("withdrawn"); always with the
 * same id. */
#pragma once

#include "base/out.h"
#include "host/host.h"
#include "judge/judge.h"

/* Findings that are remembered; the one that changed longest ago gives way. */
#define SIGHTINGS_MAX 4096

/* Ways in which a finding is told at once. */
#define SIGHTING_FORMS_MAX 6

struct sightings;

struct sighting_told {
	const char *id, *status;
	double e;
	struct addr host;
	enum finding_kind kind;
	const char *const *text; /* what format() made of each form; NULL: nothing */
};

struct sightings_options {
	struct hosts *hosts; /* borrowed */
	double max_e;
	bool all; /* explained ones too */
	/* The finding as it is to be told, without its status, in one of so many forms; may append
	 * nothing. */
	size_t forms;
	void (*format)(void *context, size_t form, struct out *o, const struct finding *f);
	/* Tells it. Borrowed for the call. */
	void (*tell)(void *context, const struct sighting_told *told);
	/* Each one that passes, at every look; may be NULL. */
	void (*seen)(void *context, const struct finding *f);
	double seen_max_e;        /* 0: only what passes */
	struct expected expected; /* is known to the judge */
	void *context;
};

/* Fails: -ENOMEM. */
MUST_USE int sightings_new(struct sightings **ret, const struct sightings_options *options);
void sightings_free(struct sightings *s);

/* The run's hosts were made anew. */
void sightings_move(struct sightings *s, struct hosts *hosts);
/* Another than that of the options. */
void sightings_expect(struct sightings *s, const struct expected *expected);
/* Looks at one host; now_ns: the data's time. */
void sightings_look(struct sightings *s, struct host *host, int64_t now_ns);
/* Looks at hosts that changed since, for about budget_ns of the machine's time; goes on where it
 * stopped. True: all were looked at. */
bool sightings_look_around(struct sightings *s, int64_t now_ns, int64_t budget_ns);
/* Makes final what has been quiet. all: everything, at the end. */
void sightings_settle(struct sightings *s, int64_t now_ns, bool all);
/* An earlier run told this. final: it will not be told again unless it becomes stronger. */
void sightings_remember(struct sightings *s, const char *id, double e, bool final);
