/* Guarding: what a running guard knows and does about findings; the watch calls it. */
#pragma once

#include "base/hash.h"
#include "cli/watch.h"
#include "guard/guard.h"
#include "guard/reload.h"
#include "guard/spawner.h"

struct guarding_options {
	struct guard_rules rules; /* its never, crowd and nevers are the guarding's own */
	const char *policy_path;  /* where it is read anew */
	struct policy *policy;    /* NULL none; the guarding's from guarding_new() on */
	const char *baseline_path;
	struct baseline *baseline; /* as the policy */
	const struct networks *local, *never;
	const char *trail;             /* NULL: none is kept */
	struct guard_spawner *spawner; /* of the enforcer; NULL unless enforce; outlives it */
	const char *state;             /* experiments are kept beside it; NULL: nowhere */
	const char *cases;             /* where what is told is kept; NULL: nowhere */
	int64_t cases_age_ns;          /* how long */
	const char *metrics;           /* where HTTP asks for them; NULL: nowhere */
	const char *control;           /* where it can be asked (guard/control.h); NULL: nowhere */
	const char *rpz;               /* the file of names' zone; NULL none */
	struct reload *reload;         /* of that zone; NULL unless enforce; outlives it */
	unsigned strangers;            /* so many that nobody has named are let pass; 0: any */
	int64_t slot_ns;               /* the shortest slot of an experiment */
	struct hash_key coin;          /* of experiments */
	bool enforce, persistent, json, quiet;
	bool block_known;     /* what lists know to be bad */
	bool metrics_exposed; /* to others than this machine */
	bool remembers;       /* events of earlier runs are told again */
};

struct guarding;

/* The policy and the baseline of the paths (NULL: none). Fails: -errno, with words; neither is
 * there then. */
MUST_USE int guarding_read(struct guarding_options *o, struct fail *why);

/* Fails: -errno, with words; the policy and the baseline are gone then too. */
MUST_USE int guarding_new(
	struct guarding **ret, const struct guarding_options *options, struct fail *why);
/* All that is in force goes on or goes, as persistent says. */
void guarding_free(struct guarding *g);

/* For watch_hooks. */
int guarding_wake(const struct guarding *g);
int guarding_opened(void *context, struct engine *engine, struct fail *why);
int guarding_start(void *context, struct watching *watching, struct fail *why);
int guarding_turn(void *context, struct engine *engine, struct fail *why);
void guarding_event(void *context, const struct event *event, bool before);
void guarding_finding(void *context, const struct finding *f);
void guarding_told(void *context, const struct watch_told *told);
void guarding_keep(void *context);
void guarding_begun(void *context, const struct conn *c);
void guarding_refused(void *context, const struct conn *c);
void guarding_known(void *context, const struct intel *set, const struct intel_match *match,
	const struct event *event);
