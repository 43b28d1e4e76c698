/* Guard: a finding becomes a bounded change of the boundary, or a reason why not. Deciding is a
 * pure function; who carries it out is postern-enforcer (guard/command.h), over a link; every
 * change is in the trail before it is made. docs/GUARD.md */
#pragma once

#include <stdio.h>

#include "base/addr.h"
#include "base/fail.h"
#include "base/out.h"
#include "event/event.h"
#include "guard/command.h"
#include "guard/spawner.h"
#include "judge/judge.h"
#include "policy/policy.h"

/* What is done about a finding. */
enum guard_response {
	RESPOND_ALERT,   /* nothing but telling */
	RESPOND_BLOCK,   /* its fallback channels, for its host */
	RESPOND_CONTAIN, /* and its host reaches only what the policy names */
	RESPOND_PROBE,   /* block or sham by a coin (guard/probe.h) */
	RESPOND_COUNT
};
const char *guard_response_name(enum guard_response response);

/* ---- how many hosts reach a server ---- */

/* Of that many hosts it is known which; more are "many". */
#define CROWD_HOSTS 8u

struct crowd;

/* Fails: -ENOMEM. */
MUST_USE int crowd_new(struct crowd **ret);
void crowd_free(struct crowd *c);
/* The server answered the host. Of two servers that want one place, the one with more hosts keeps
 * it. */
void crowd_add(struct crowd *c, const struct addr *server, const struct addr *host);
/* How many hosts it answered, CROWD_HOSTS + 1: more; 0: not known. */
unsigned crowd_hosts(const struct crowd *c, const struct addr *server);
/* Whether it is known to have answered that host. */
bool crowd_knows(const struct crowd *c, const struct addr *server, const struct addr *host);

/* This machine's own addresses, the gateways of its routes, its resolvers: as many as there are, up
 * to max. */
size_t guard_own(struct cidr *ret, size_t max);

/* ---- changes ---- */

/* What a change rests on. */
enum guard_cause {
	CAUSE_FINDING,
	CAUSE_KNOWN,  /* a list knows it */
	CAUSE_SWITCH, /* guard/strangers.h: the judge has not decided yet */
	CAUSE_COUNT
};
const char *guard_cause_name(enum guard_cause cause); /* "finding", "known", "switch" */
#define GUARD_WORDS_BYTES 240u
/* With a zone's own name behind it a name must stay below 255 bytes. */
#define GUARD_NAME_BYTES 204u

/* One block or containment. */
struct guard_change {
	uint64_t id;      /* of the trail, from 1 */
	bool contain;     /* else a block of peer */
	struct addr host; /* whom it stops */
	struct addr peer; /* none: containment, or a name */
	/* A domain that no resolver of ours answers, whoever asks: it and all below it; "": no. */
	char name[GUARD_NAME_BYTES];
	uint8_t proto;           /* IP's number */
	uint16_t port;           /* 0: any */
	int64_t at_ns, until_ns; /* the day's clock */
	int64_t denied_ns;       /* a packet was dropped for it last; 0 none */
	bool named;              /* peer was found by a name */
	uint64_t follows;        /* the change whose story this one goes on with; 0: a finding's */
	enum guard_cause cause;
	char finding[33]; /* its id; of another cause, what is the same when it comes again */
	double e_value;   /* of a finding */
	/* Why, when it is no finding: "name bad.example of feed.csv, line 12". Safe text. */
	char words[GUARD_WORDS_BYTES];
	uint64_t experiment; /* its number, when one made it (guard/trial.h); 0: none */
	/* An operator ended it: until then its finding does not make it again. 0: nobody did. */
	int64_t held_ns;
};

/* Changes that an operator ended; of more, the one that is held the shortest gives way. */
#define GUARD_HELD_MAX 1024u

/* "block", "contain", "name". */
const char *guard_change_action(const struct guard_change *change);

struct guard_state { /* what is in force; all zero is valid, guard_state_fini() */
	struct guard_change *change;
	size_t count, room;
	int64_t minute_ns; /* when the minute that is counted began */
	uint32_t changes;  /* in it */
	uint64_t last_id;
	struct guard_change *held; /* GUARD_HELD_MAX, or NULL */
	size_t helds;
};

void guard_state_fini(struct guard_state *s);
/* Fails: -ENOMEM. */
MUST_USE int guard_state_add(struct guard_state *s, const struct guard_change *change);
/* *ret (may be NULL) gets it. False: there is none. */
bool guard_state_take(struct guard_state *s, uint64_t id, struct guard_change *ret);
/* The next that has ended by now_ns, taken out. */
bool guard_state_take_ended(struct guard_state *s, int64_t now_ns, struct guard_change *ret);
/* One that does the same; NULL none. */
const struct guard_change *guard_changes_find(
	const struct guard_change *change, size_t count, const struct guard_change *like);
/* An operator ended it, and held_ns is in it. Fails: -ENOMEM. */
MUST_USE int guard_state_hold(struct guard_state *s, const struct guard_change *ended);
/* Whether an operator has ended the same, of the same finding, for longer than now_ns. */
bool guard_state_holds(
	const struct guard_state *s, const struct guard_change *change, int64_t now_ns);
bool guard_state_has_host(const struct guard_state *s, const struct addr *host);
bool guard_state_contains(const struct guard_state *s, const struct addr *host);

/* ---- deciding ---- */

struct guard_rules {
	enum guard_response response;
	double max_e;
	int64_t expiry_ns;
	int64_t hold_ns; /* of a switch, before the judge has decided; 0: it is waited for */
	uint32_t channels, hosts; /* at once */
	uint32_t changes;         /* a minute */
	unsigned popular;         /* what more hosts reach is not blocked */
	const struct cidr *never;
	size_t nevers;
	const struct crowd *crowd;
	bool names;                 /* can be blocked */
	const struct crowd *askers; /* of names: guard_name_key() */
	struct expected expected;   /* whom it names is left alone */
};

enum guard_leave { /* why something is left alone */
	LEAVE_NONE,
	LEAVE_EXPLAINED, /* the finding has a benign mechanism */
	LEAVE_WEAK,      /* its E is over the line */
	LEAVE_FAILED,    /* nothing answered there: failures alone block nothing */
	LEAVE_NEVER,
	LEAVE_NAMED,  /* people have decided that the host may go there */
	LEAVE_UNDONE, /* an operator has ended it */
	LEAVE_POPULAR,
	LEAVE_UNSEEN, /* who reaches it is not known */
	LEAVE_SUFFIX, /* names of others lie below it */
	LEAVE_FULL,   /* as many blocks as there may be */
	LEAVE_RATE,   /* as many changes as there may be in a minute */
	LEAVE_BUSY,   /* as many experiments as may be at once, or its host rests from one */
	LEAVE_LIVELY, /* so much is new for the host by itself that an experiment could not tell */
	LEAVE_ASKED,  /* an experiment has been made about the finding of late */
	LEAVE_COUNT
};
const char *guard_leave_words(enum guard_leave leave);

#define GUARD_PLAN_MAX 64

struct guard_left {
	struct addr peer;
	char name[GUARD_NAME_BYTES]; /* "": peer */
	uint16_t port;
	enum guard_leave why;
};

struct guard_plan {
	struct guard_change change[GUARD_PLAN_MAX]; /* without ids */
	size_t changes;
	struct guard_left left[GUARD_PLAN_MAX];
	size_t lefts;
};

/* Stands for a registered domain in a crowd of those who asked for it, or for names below it. */
struct addr guard_name_key(const char *domain);
/* A name as it may stand in a zone and in the trail: lower-case labels of letters, digits, - and _,
 * two at least, GUARD_NAME_BYTES with its NUL at most. */
bool guard_name_is_plain(const char *name);
/* The names in force as a response policy zone (draft-vixie-dnsop-dns-rpz). serial: higher than
 * that of the zone before. */
void guard_zone_say(struct out *o, const struct guard_state *state, uint32_t serial);

/* What is to be done about the finding, given what is in force: only new changes. Changes nothing.
 */
void guard_decide(const struct finding *f, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret);

/* An endpoint that a list knows to be bad, at the host that goes there. */
struct guard_known {
	struct addr host, peer;
	uint8_t proto;
	uint16_t port;     /* 0: all of them */
	const char *words; /* the indicator and its list; safe text */
	const char *thing; /* the indicator alone: what it is known by, in whichever list */
	bool named;        /* peer is where a name led to */
	int64_t until_ns;  /* the indicator is of no meaning from then on; 0 never */
};

/* As guard_decide(); nobody need have been answered there, and it lasts no longer than the
 * indicator. */
void guard_decide_known(const struct guard_known *k, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret);
/* A host left a channel for one that nobody has named. */
struct guard_end {
	struct addr peer; /* none: data go to `name` within questions */
	const char *name; /* registered domain; NULL: the address alone is known */
	uint8_t proto;
	uint16_t port;
};
struct guard_switch {
	struct addr host;
	struct guard_end left, to;
	bool many;         /* not for a loss: it is one more than the host may use */
	const char *words; /* why; safe text */
};

/* As guard_decide(), for rules->hold_ns. A finding's change takes the place of one of these. Where
 * experiments decide (RESPOND_PROBE), only what is one too many is held, and its host contained. */
void guard_decide_switch(const struct guard_switch *sw, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret);
/* Why the host may not be kept from the peer, whatever was found: NEVER, UNSEEN, POPULAR or NONE.
 */
enum guard_leave guard_objection(
	const struct guard_rules *rules, const struct addr *host, const struct addr *peer);
/* One change that someone else decided on, within the same bounds: it is the plan's only change,
 * or its left says why not. Neither: it is in force. */
void guard_try(const struct guard_change *change, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret);
/* IP's number; 0 is none that can be blocked. */
uint8_t guard_proto(enum transport transport, const struct addr *peer);

/* A conversation that was answered, of a host to which something is blocked. */
struct guard_new {
	struct addr host, peer;
	uint8_t proto;
	uint16_t port;
	int64_t start_ns;
	bool first;    /* the host was not answered there before */
	bool named;    /* found by a name */
	bool expected; /* the policy names it */
};

/* From the last packet that was dropped to the first of what may follow it. */
#define GUARD_FOLLOW_NS (INT64_C(60) * 1000000000)

/* What a host that is proven to fall back goes over to after a block, without waiting for the
 * judge: a bare address, new to the host, soon after packets to another bare address were dropped
 * for it. What has a name waits for the judge: browsing on the same host must go on. As
 * guard_decide(). */
void guard_follow(const struct guard_new *n, const struct guard_rules *rules,
	const struct guard_state *state, int64_t now_ns, struct guard_plan *ret);
/* A packet was dropped for what is in force. */
void guard_state_deny(struct guard_state *s, const struct guard_change *like, int64_t at_ns);

/* ---- the trail ---- */

/* What is done with a change. */
enum guard_act {
	ACT_NONE,
	ACT_MADE,
	ACT_WOULD,
	ACT_REFUSED,
	ACT_ENDED,
	ACT_SHAM, /* an experiment's coin said not to: written, and nothing done */
	ACT_COUNT
};
const char *guard_act_name(enum guard_act act); /* "made", … */

/* One JSON line of it, without a newline. why: ours or safe, may be NULL. */
void trail_say(struct out *o, const struct guard_change *change, enum guard_act act, int64_t at_ns,
	const char *why);
/* Reads such a line. False: it is none. */
struct trail_reader;
MUST_USE int trail_reader_new(struct trail_reader **ret);
void trail_reader_free(struct trail_reader *r);
bool trail_read(struct trail_reader *r, struct span line, struct guard_change *ret,
	enum guard_act *ret_act);

/* Opens (makes) the file, readable by its owner alone, and takes from it what is in force at
 * now_ns. A last line that was cut is ended. Fails: -errno, -EWOULDBLOCK (another guard has it). */
MUST_USE int trail_open(
	FILE **ret, const char *path, struct guard_state *state, int64_t now_ns, struct fail *why);
/* A line of another kind, without its end; as trail_add(). Who reads what is in force skips it. */
MUST_USE int trail_line(FILE *trail, const char *line, struct fail *why);
/* On disk when it returns. Fails: -errno. */
MUST_USE int trail_add(FILE *trail, const struct guard_change *change, enum guard_act act,
	int64_t at_ns, const char *why_words, struct fail *why);

/* ---- the link to the enforcer ---- */

struct guard_link;

struct guard_link_options {
	struct guard_spawner *spawner; /* guard/spawner.h */
	bool persistent, flush; /* flush: what an earlier one left in the table is taken out */
	uint32_t channels, hosts, changes;
};

/* Has it started and waits for its answer to the hello. Fails: -errno; -EPIPE: the spawner is gone.
 */
MUST_USE int guard_link_open(
	struct guard_link **ret, const struct guard_link_options *options, struct fail *why);
/* The enforcer ends, soon; its table too unless it is persistent. */
void guard_link_close(struct guard_link *l);
/* serial: comes back in the reply. Waits while the enforcer is busy with those before; what it says
 * meanwhile is heard later. Fails: -EPIPE and others: the enforcer is gone. */
MUST_USE int guard_link_send(struct guard_link *l, struct guard_command *c, uint64_t serial);
/* A command that has nothing but its kind. */
MUST_USE int guard_link_say(struct guard_link *l, enum guard_command_kind kind, uint64_t serial);
MUST_USE int guard_link_never(struct guard_link *l, const struct cidr *net);
/* The next reply that is there. 1: *ret; 0: none now; fails: -EPIPE. */
MUST_USE int guard_link_hear(struct guard_link *l, struct guard_reply *ret);
int guard_link_fd(const struct guard_link *l);
const char *guard_reason_words(enum guard_reason reason);

/* The command that makes or takes back the change. */
struct guard_command guard_command_of(const struct guard_change *change, bool back, int64_t now_ns);
