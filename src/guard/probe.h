/* Probe: the experiment that tells whether a channel has a fallback (SCIENCE section 5, after
 * Neugschwandtner et al., SQUEEZE, ACSAC 2011). Time is cut into slots. A keyed coin makes each
 * slot a block, in which the channel is shut for that host, or a sham, in which nothing is done;
 * what appears in a slot is noted without a look at the coin. Two sequential tests decide between
 * "linked channels appear as they always do" and "they answer the block". Wald's (1945) clears.
 * What confirms is an e-process (Ville 1939; Wasserman et al., Universal inference, PNAS 2020), in
 * which only what was never met before is held against the host's own past: how often what was met
 * before is met again is in no past, and is taken to be whatever explains the windows best. A
 * confirmed channel is shut as well, and the next is looked for, until two blocks bring nothing
 * new: then the whole tree of ways is known, and the host is to be contained.
 *
 * A slot in which none of the channels was tried asked nothing and counts nothing; while none has
 * counted, the next is twice as long. A slot that was answered is counted when it is over, another
 * at the end of the rest: that a try met silence is known long after it.
 *
 * No input or output: the caller tells what it saw and carries out the actions. All times are the
 * caller's, nanoseconds, and never go back (an earlier time counts as the latest). */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/out.h"

#define PROBE_HOSTS_MAX 64 /* experiments and cooling hosts held at once; 14 KB each */
#define PROBE_CHANNELS_MAX \
	24 /* of one experiment; those for which there is no room count nothing */
/* "tcp/" and a name of 253 bytes and "/65535" */
#define PROBE_KEY_BYTES 272
/* As many actions as a single tick can ask for. */
#define PROBE_ACTIONS_MAX ((size_t)PROBE_HOSTS_MAX * PROBE_CHANNELS_MAX)

struct probe_config {
	/* A slot is three periods of the channel, within these bounds; 2 min and 30 min. */
	int64_t slot_min_ns, slot_max_ns;
	/* What began in a slot is told at most so long after it; 10 s: silence is known 8 s after
	 * the last packet. */
	int64_t late_ns;
	double alpha;         /* false confirmations, if p0 bounds the rate of what is new; 1e-4 */
	double beta;          /* fallbacks not confirmed, if they answer at q1; 0.05 */
	double p0_least;      /* a host is never thought to be quieter than this; 0.034 */
	double q1;            /* how often a fallback answers a block; 0.8 */
	uint32_t hosts;       /* experiments at once; 4 */
	uint32_t popular;     /* a channel that more hosts use is never shut; 8 */
	uint32_t blocked;     /* channels of one host shut at once (N_max); 8 */
	uint32_t slots;       /* of one experiment, after which it is undecided; 64 */
	uint32_t patience;    /* slots of waiting for the channel to be used again; 5 */
	uint32_t cooling;     /* slots of rest of a host after its experiment; 5 */
	bool dry;             /* every slot is a sham: rates are learnt, nothing is decided */
	struct hash_key coin; /* secret: who knows it knows which slot is a block */
};

/* What SCIENCE asks for; the coin is the caller's to set. */
struct probe_config probe_config_usual(void);

struct probe_channel {
	/* The caller's words for it, such as "tcp/192.0.2.1/443": the same text is the same
	 * channel. */
	char key[PROBE_KEY_BYTES];
	int64_t first_ns;    /* when it was first seen in this experiment */
	int64_t seen_ns;     /* the last time, 0 never */
	int64_t lag_ns;      /* sum over answered blocks, from the block to the first sight */
	uint32_t block_hits; /* blocks in which it appeared */
	uint32_t sham_hits;  /* the same of shams */
	bool in_set;         /* shut in the next block */
	/* Not to be shut any more: popular, or the caller said so; from the next slot on. */
	bool spared;
	bool hit;       /* appeared in the slot that runs */
	int64_t hit_ns; /* when, first */
};

enum probe_phase {
	PROBE_NONE, /* a free place */
	PROBE_REST, /* between slots: nothing is shut; the next slot begins when the channel is used
	             */
	PROBE_SLOT,
	PROBE_COOLING /* over; the host may not be asked again before `due_ns` */
};

enum probe_verdict {
	PROBE_OPEN,
	PROBE_CLEARED,   /* blocks bring nothing that shams do not */
	PROBE_UNDECIDED, /* out of slots, or the channel is not used any more, or too much is new */
	PROBE_CONFIRMED, /* it has a fallback; once COOLING its tree is as known as it will be */
	PROBE_STOPPED
};

enum probe_window {
	PROBE_IN_BLOCK,
	PROBE_IN_SHAM,
	PROBE_IN_REST, /* after a sham: nothing is shut in it either */
	PROBE_WINDOWS
};

struct probe_count { /* of windows of one kind */
	uint32_t windows;
	uint32_t fresh; /* in which something appeared that was never met before */
	/* of the others, those in which something could be met again, and those in which it was */
	uint32_t again, met;
	uint32_t first; /* in which nothing could be met again */
};

struct probe_seen { /* in one window */
	bool could; /* something could be met again */
	bool fresh; /* something never met before appeared */
	bool met;   /* something else did */
};

static inline uint32_t probe_hits(const struct probe_count *c)
{
	return c->fresh + c->met;
}

struct probe { /* for reading; probe.c alone writes */
	struct addr host;
	enum probe_phase phase;
	enum probe_verdict verdict;
	uint64_t number;  /* of the experiment; part of the coin */
	int64_t slot_ns;  /* length of a slot, and of the least rest after it */
	int64_t began_ns; /* the slot, or the rest */
	int64_t due_ns;   /* end of the slot, of the least rest, or of the cooling */
	double p0_given;  /* the caller's bound */
	double llr;       /* nats, so far; clears */
	double log_e;     /* nats, so far; confirms */
	bool block;       /* what the coin said for the running slot */
	bool told;        /* its end was given out as an action */
	bool open;        /* the last slot is over, and not counted yet */
	bool felt;        /* a channel that is shut in a block was tried in that slot */
	struct probe_seen in_slot, in_rest;      /* those that run, or the last */
	uint32_t slots;                          /* done or running */
	struct probe_count count[PROBE_WINDOWS]; /* of the test; not of the tree's search */
	uint32_t tree_blocks;                    /* blocks after the confirmation */
	uint32_t nothing_new;                    /* of them, the latest in a row */
	uint32_t forgotten;                      /* sights for which there was no room */
	uint32_t channels;
	struct probe_channel channel[PROBE_CHANNELS_MAX]; /* 0 is the one that was asked about */
};

struct probe_request {
	struct addr host;
	const char *key;   /* the suspect channel: 1 .. PROBE_KEY_BYTES - 1 bytes */
	int64_t period_ns; /* the channel's usual gap between contacts; 0 not known: shortest slot
	                    */
	/* Upper bound of the chance that a linked channel that was not met in this experiment
	 * appears in a slot by itself: from the host's own activity-aware rate (SCIENCE 4.4). Alpha
	 * holds only while this is true; shams that are answered raise it, never lower it. */
	double p0;
	uint32_t popularity; /* hosts that use the channel */
	bool never_block;    /* it is on the list of what may not be blocked */
};

struct probe_sight {
	struct addr host;
	const char *key;
	/* Looks like the same software (p_sim <= 0.05), or first contact of a quiet host; must be
	 * judged without knowing whether the host is blocked. */
	bool linked;
	/* When it began. What is told late is of the slot in which it began, as long as that one is
	 * not counted. */
	int64_t at_ns;
	/* The caller knows that it was not in use when the slot began, and it can't be shut: many
	 * may go by the one key. */
	bool apart;
	uint32_t popularity;
	bool never_block;
};

/* Slots that the test counted. */
static inline uint64_t probe_counted(const struct probe *one)
{
	return (uint64_t)one->count[PROBE_IN_BLOCK].windows + one->count[PROBE_IN_SHAM].windows;
}

enum probe_act {
	PROBE_ACT_BLOCK,   /* shut `key` for the host; must open by itself at until_ns */
	PROBE_ACT_SHAM,    /* write the same into the audit trail, and do nothing */
	PROBE_ACT_RELEASE, /* open it before its time: the experiment was stopped */
	PROBE_ACT_CONTAIN, /* the tree is known: the host may reach only what is named */
	PROBE_ACT_END      /* it is over without a fallback; see the verdict */
};

struct probe_action {
	enum probe_act act;
	struct addr host;
	const char
		*key; /* borrowed until the next call on these probes; NULL for CONTAIN and END */
	int64_t until_ns; /* BLOCK and SHAM; else 0 */
};

struct probes;

/* Fails: -EINVAL (a bound that is none; says which), -ENOMEM. */
MUST_USE int probes_new(struct probes **ret, const struct probe_config *config, struct fail *why);
void probes_free(struct probes *p);

/* How long a slot of a channel with this gap between contacts is. */
int64_t probe_slot_ns(const struct probe_config *c, int64_t period_ns);

/* Begins an experiment, with a rest. Fails, and why says it:
 * -EINVAL (request), -EPERM (never block, popular), -EBUSY (too many at once, or this host),
 * -EAGAIN (the host is cooling), -ENOSPC (as many hosts are cooling as can be remembered),
 * -ERANGE (p0 is so high that no test could decide). */
MUST_USE int probe_begin(
	struct probes *p, const struct probe_request *request, int64_t now_ns, struct fail *why);

/* A channel of a host was used. Of the channel under test, those that are shut and those that are
 * known from before to be of the same software, every attempt; of others, only if an answer came.
 * Hosts without an experiment are ignored. */
void probe_saw(struct probes *p, const struct probe_sight *sight, int64_t now_ns);

/* When the slot that still takes sights began; 0: none does. */
int64_t probe_since(const struct probe *one);

/* Ends and begins what is due; writes at most `room` actions and returns how many. What found no
 * room is done at the next tick. `room` must be at least PROBE_CHANNELS_MAX. */
size_t probe_tick(struct probes *p, int64_t now_ns, struct probe_action *actions, size_t room);

/* The kill switch for one host: what is shut is released at the next tick. False: none runs. */
bool probe_stop(struct probes *p, const struct addr *host, int64_t now_ns);

/* The experiment of a host, running or cooling; NULL none. Borrowed until the next call. */
const struct probe *probe_find(const struct probes *p, const struct addr *host);

/* Chance that something appears in a block by itself, as Wald's test takes it now. */
double probe_p0(const struct probes *p, const struct probe *one);

/* Fisher's exact test, one-sided, of the slots: how likely blocks would be answered at least so
 * much more often than shams by the coin alone. 1 while there are none. Only for telling: the
 * sequential test decides. */
double probe_fisher(const struct probe *one);

/* What was done and seen, some sentences that a person can check. Safe for a terminal. */
void probe_explain(const struct probes *p, const struct probe *one, struct out *to);

/* ---- for a restart (probe_save.c) ---- */

/* Everything but the configuration, as bytes. */
void probes_save(const struct probes *p, struct out *to);

/* Into probes that hold nothing yet. A slot that ran is void, whatever was seen in it: nobody
 * watched for a part of it. Fails, and leaves the probes empty: -EPROTO (these are no such bytes,
 * or they break a bound of the configuration). */
MUST_USE int probes_restore(
	struct probes *p, const void *bytes, size_t len, int64_t now_ns, struct fail *why);
