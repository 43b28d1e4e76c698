/* Watch: an endless hunt, for the verbs that start one. */
#pragma once

#include "base/fail.h"
#include "cli/alerting.h"
#include "cli/engine.h"
#include "cli/sources.h"
#include "cli/verb.h"
#include "judge/judge.h"

struct watch {
	const char *iface, *filter, *netflow, *state, *output;
	const char *to; /* a format's name; NULL: text, or with json JSON Lines */
	struct networks local;
	struct texts intel;
	struct alert_options alert;
	double max_e;
	size_t memory_bytes;
	bool host, json, all, from_end, quiet, verbose;
};

/* A watch that runs. */
struct watching;

struct watch_health {
	struct sources_stats sources;
	int64_t behind_ns; /* from the latest packet's time to its being taken */
	size_t hosts;
	uint64_t connections; /* of all hosts, ended */
	uint64_t given_up;    /* conversations, questions, names, events of hosts: found no room */
	int64_t cpu_ns;       /* of the process */
	uint64_t peak_bytes;  /* of its memory */
};
void watch_health(struct watching *t, struct watch_health *ret);
/* From now on another than the hooks'; what it points to outlives the watch or the next. */
void watch_expect(struct watching *t, const struct expected *expected);
/* Where it tells alerts; NULL: nowhere. Lives as long as the watch. */
struct alerting *watch_alerting(struct watching *t);

/* What was told, for who keeps it: all that stands on one line of output, and what it is of. */
struct watch_told {
	const char *type, *id, *state, *kind; /* "finding", its id, its status, its kind */
	struct addr host;
	double e;         /* NAN: it rests on no finding */
	const char *json; /* an object */
};
/* Where it tells; what is written there is told at the end of the turn, after hooks->keep(). */
FILE *watch_file(struct watching *t);

/* What a verb that does more than tell wants to hear; each may be NULL. */
struct watch_hooks {
	void *context;
	/* Each event on its way to the hosts. before: an earlier run saw it. */
	void (*event)(void *context, const struct event *event, bool before);
	/* A finding that is told, or would be, each time that its host is looked at. Borrowed for
	 * the call. */
	void (*finding)(void *context, const struct finding *f);
	/* What a list knows to be bad, in an event that no earlier run saw, and already in the
	 * first packet of a conversation; for each match. */
	void (*known)(void *context, const struct intel *set, const struct intel_match *match,
		const struct event *event);
	/* As of flow_options: a conversation's first packet, and a first answer that refuses it. */
	void (*begun)(void *context, const struct conn *c);
	void (*refused)(void *context, const struct conn *c);
	/* Each thing that the watch tells is told() before; with told(), all that is told in a turn
	 * waits for keep() at the turn's end. Both or neither. */
	void (*told)(void *context, const struct watch_told *told);
	void (*keep)(void *context);
	double max_e; /* findings up to this are heard as well, though not told; 0: none more */
	/* The sources are open: nothing of them was read yet, and there is one thread. The engine,
	 * which takes what an earlier run saw next, outlives the watch's loop. Fails: ends the
	 * watch, with words. */
	int (*opened)(void *context, struct engine *engine, struct fail *why);
	/* All is ready; and then every turn of the loop, a quarter of a second apart at
	 * most. Events may be given to the engine. Fails: ends the watch, with words. */
	int (*start)(void *context, struct watching *watching, struct fail *why);
	int (*turn)(void *context, struct engine *engine, struct fail *why);
	int wake;                 /* a descriptor that ends the wait for sources; 0: none */
	struct expected expected; /* whom it names is known */
};

/* Follows call->word until a signal ends it. hooks: borrowed, may be NULL. */
enum exit_code watch_start(
	const struct call *call, const struct watch *w, const struct watch_hooks *hooks);
