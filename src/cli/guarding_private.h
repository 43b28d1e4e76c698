/* Guarding: what its files share. */
#pragma once

#include "cli/allowances.h"
#include "cli/guarding.h"
#include "cli/guarding_rpz.h"
#include "guard/control.h"
#include "guard/diary.h"
#include "guard/strangers.h"
#include "report/emit.h"
#include "store/cases.h"

/* What is never blocked: of the policy, of the command line, of this machine, resolvers. */
#define NEVER_MAX 1024u

struct never {
	struct cidr net[NEVER_MAX];
	size_t count;
};

struct guarding_counts {
	uint64_t finding[KIND_COUNT]; /* each once */
	uint64_t act[ACT_COUNT], left[LEAVE_COUNT];
	uint64_t losses; /* enforcers that ended */
};

/* What status, metrics and health tell of the moment. */
struct guarding_gauges {
	struct watch_health watch;
	size_t blocked, contained;
	uint32_t changes;     /* in the running minute */
	const char *enforcer; /* "up", "down", "dry run" */
	const char *ill;      /* what is wrong; NULL: nothing */
};

/* A switch, until what it led to has answered: then it is asked about by experiment. */
#define SWITCHES_WAITING 64u
struct switch_waiting {
	struct stranger to, left;
	int64_t at_ns;               /* of the switch; 0: free */
	char name[GUARD_NAME_BYTES]; /* of one that has no address */
	char words[GUARD_WORDS_BYTES];
};

struct guarding {
	struct guarding_options options;
	struct never never;
	struct crowd *servers, *resolvers;
	struct crowd *askers;     /* of names */
	struct guarding_rpz *rpz; /* NULL: no names are blocked, or it is a dry run */
	struct guard_state state;
	struct guard_link *link;   /* NULL: none runs */
	int64_t tried_ns;          /* to start one; steady clock */
	uint64_t awaited;          /* the last change it was told; 0: it is carried out */
	bool ready;                /* that was said */
	struct engine *engine;     /* borrowed; NULL until its sources are open */
	struct watching *watching; /* borrowed; NULL until it starts */
	struct allowances *allowances;
	FILE *trail;
	struct cases *cases; /* NULL: none were asked for */
	struct diary *diary;
	struct strangers *strangers; /* NULL: findings are waited for */
	struct switch_waiting waiting[SWITCHES_WAITING];
	size_t next_waiting;
	struct probing *probing;     /* NULL: no experiments are made */
	struct metrics *metrics;     /* NULL: none was asked for */
	struct control *control;     /* NULL: none was asked for */
	int wake;                    /* epoll; what wakes the watch */
	int64_t since_ns, policy_ns; /* policy_ns: when it was read */
	struct fail policy_failed;   /* the last time it was read anew; no code: it did not */
	int64_t watchdog_ns; /* the service manager hears as often that it lives; 0: nobody asks */
	int64_t fed_ns, reported_ns; /* when it did; steady clock */
	struct guarding_counts counts;
	uint64_t denials, lost; /* lost: packets that were dropped and not told, as last said */
	bool full;              /* that never is was said */
	bool stale;             /* a table that stayed holds what is not allowed any more */
	bool helpless;          /* the spawner is gone */
	bool trail_failed;      /* the last line did not reach the disk */
	bool cases_failed;      /* what is told waits for the disk */
	int64_t cases_tried_ns; /* when it failed; steady clock */
};

/* In the trail, and said. Fails: -EIO, with words: it is not in the trail. */
int guarding_note(
	struct guarding *g, const struct guard_change *c, enum guard_act act, const char *why);
/* What is told, for the file of cases; without one nothing is done. */
void guarding_keep_change(
	struct guarding *g, const struct guard_change *c, enum guard_act act, const char *why);
/* The diary's newest. from: the host. */
void guarding_keep_left(struct guarding *g, const char *finding, const struct addr *from);
/* The member "cases". */
void guarding_cases_say(const struct guarding *g, struct emit *e);
/* Where all is told. */
FILE *guarding_out(const struct guarding *g);
/* With as many of what is never blocked as there are now. */
static inline const struct guard_rules *guarding_rules(struct guarding *g)
{
	g->options.rules.nevers = g->never.count;
	return &g->options.rules;
}

/* Of the command that replaces lists; changes have others. */
#define SERIAL_LISTS UINT64_MAX
/* All that is never blocked, and what each contained host may reach, in place of what the enforcer
 * had. Fails: it is gone. */
MUST_USE int guarding_tell_lists(struct guarding *g);
/* It is told what holds now, when one runs; the next is told in any case. */
void guarding_renew(struct guarding *g);
bool guarding_is_resolver(const struct guarding *g, const struct addr *a);
/* The policy and what is never blocked are read anew and take the place of those before, or, when
 * something is wrong with them, nothing happens but that it is told. */
void guarding_reload(struct guarding *g);

/* After the watch has started. */
void guarding_measure(const struct guarding *g, struct guarding_gauges *ret);
/* To the service manager, where there is one; guarding_report(): each turn. */
void guarding_ready(struct guarding *g);
void guarding_report(struct guarding *g);
void guarding_reloading(void);
void guarding_reloaded(void);
void guarding_stopping(void);

bool never_has(const struct never *n, const struct cidr *net);
/* 1: it is added; 0: it was there, or a wider one; -ENOSPC. */
MUST_USE int never_add(struct never *n, const struct cidr *net);
/* All of the policy (NULL: none), the command line and this machine. Fails: -E2BIG, with words. */
MUST_USE int never_collect(struct never *n, const struct guarding_options *o,
	const struct policy *p, struct fail *why);

/* Whom the policy or the baseline names. */
struct expected guarding_expected(const struct guarding_options *o);
bool guarding_expects(const struct guarding *g, const struct conn *c);
/* The registered domain of its server, by its own words or DNS; NULL: none is known. */
const char *guarding_domain(const struct guarding *g, const struct conn *c);

/* Over the link, when there is one; back: it is taken back. */
void guarding_send(struct guarding *g, const struct guard_change *c, bool back);
/* What the plan says is done, or told. finding: whose it is, for what is left alone. */
void guarding_carry_out(struct guarding *g, const struct guard_plan *plan, const char *finding,
	const struct addr *host);
bool guarding_is_local(const struct guarding *g, const struct addr *a);

/* ---- switches (guard/strangers.h): guarding_switch.c; without strangers nothing is done ---- */

/* A conversation begins; what is to be done about it is the caller's. False: it is no switch. */
bool switching_begun(struct guarding *g, const struct conn *c, struct stranger *ret_new,
	struct switch_sign *ret);
/* Of a local client. before: an earlier run saw it. */
void switching_conn(struct guarding *g, const struct conn *c);
void switching_lookup(struct guarding *g, const struct lookup *l, bool before);
/* A packet was dropped for what is in force. */
void switching_deny(struct guarding *g, const struct conn *c);

/* ---- experiments (--respond probe): guarding_probe.c; without them nothing is done ---- */

/* Takes up what an earlier run left. Fails: -errno, with words; probing_free() then too. */
int probing_new(struct guarding *g, struct fail *why);
void probing_free(struct probing *p);
void probing_finding(struct guarding *g, const struct finding *f);
/* What it led to has answered. */
void probing_switch(struct guarding *g, const struct guard_switch *sw);
/* An experiment with the host runs. */
bool probing_runs(const struct guarding *g, const struct addr *host);
/* Of a local client. before: an earlier run saw it. */
void probing_event(struct guarding *g, const struct conn *c, bool before);
void probing_lookup(struct guarding *g, const struct lookup *l, bool before);
/* Once a turn, when what has ended was taken out. */
void probing_turn(struct guarding *g, int64_t now_ns);
/* The change was ended by someone else: its experiment, if it is of one, tells nothing any more. */
void probing_stop(struct guarding *g, const struct guard_change *c);
/* A member "experiments", or "experiment" of the host, of what e has open. */
void probing_status(const struct guarding *g, struct emit *e);
void probing_explain(const struct guarding *g, const struct addr *host, struct emit *e);

/* What the control socket is asked (control_turn). */
void guarding_answer(void *context, const struct control_request *request, struct out *o);
