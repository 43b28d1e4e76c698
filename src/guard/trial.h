/* Trial: the suspects of a running guard, asked by experiment (guard/probe.h). The fallback of a
 * finding, or of a switch before the judge is sure, becomes the channel under test; conversations
 * become sights of channels, told without knowing the coin; blocks become changes of addresses and
 * ports. No input or output: what is to be done is asked for by hooks. Times are the day's clock.
 * docs/GUARD.md */
#pragma once

#include "guard/guard.h"
#include "guard/probe.h"
#include "host/host.h"

/* Addresses of one channel that are shut; of more, those that were met first. */
#define TRIAL_ADDRS_MAX 8
/* Channels of hosts about which an experiment was made, and that are let rest; the oldest gives
 * way. */
#define TRIAL_RESTS_MAX 1024u

struct trial_way { /* one channel, as it can be shut */
	char key[PROBE_KEY_BYTES];
	struct addr addr[TRIAL_ADDRS_MAX];
	size_t addrs;
	uint16_t port; /* 0: any */
	uint8_t proto; /* IP's number */
	bool named;
	/* It is no conversation but data in questions below this domain, which is not answered any
	 * more; then nothing of the above. "": no. */
	char name[GUARD_NAME_BYTES];
	bool related; /* the finding says that it is of the same software */
};

struct trial {            /* one host's; for reading */
	struct addr host; /* none: a free place */
	enum guard_cause cause;
	char finding[33]; /* why it was asked; of a switch one id for each host and channel */
	double e_value;   /* of a finding */
	char words[GUARD_WORDS_BYTES]; /* of a switch */
	uint64_t number;               /* probe.number */
	bool confirmed;                /* and that was told */
	struct trial_way way[PROBE_CHANNELS_MAX];
	size_t ways;
};

enum trial_news {
	TRIAL_BEGUN,
	TRIAL_CONFIRMED, /* its other ways are looked for */
	TRIAL_ENDED      /* see the probe's verdict */
};

struct trial_hooks {
	void *context;
	/* Makes the change, if it may. False: it is not in force. */
	bool (*make)(void *context, const struct guard_change *change);
	/* The coin says to do nothing: only the trail hears of the change. */
	void (*sham)(void *context, const struct guard_change *change);
	/* The experiment was stopped: its changes are to end. */
	void (*release)(void *context, const struct trial *t);
	void (*news)(void *context, enum trial_news news, const struct trial *t,
		const struct probe *one);
};

struct trials_options {
	struct probe_config probe;
	int64_t rest_ns;   /* a channel of a host is not asked about again for so long */
	int64_t expiry_ns; /* of what is shut for good once the tree is known */
	struct trial_hooks hooks;
};

struct trials;

/* Fails: as probes_new(). */
MUST_USE int trials_new(
	struct trials **ret, const struct trials_options *options, struct fail *why);
void trials_free(struct trials *t);

/* Begins an experiment about the finding, if it may be; the plan's lefts say why not. Neither: one
 * runs. hosts: borrowed, for what the host did before. */
void trials_ask(struct trials *t, const struct finding *f, const struct guard_rules *rules,
	struct hosts *hosts, int64_t now_ns, struct guard_plan *ret);

/* The same about what the host went over to, once it was answered there. */
void trials_ask_switch(struct trials *t, const struct guard_switch *sw,
	const struct guard_rules *rules, struct hosts *hosts, int64_t now_ns,
	struct guard_plan *ret);

/* A conversation or a look-up of a local host, told once when its outcome is known, and before
 * hosts hear of it. Must be judged without knowing what is shut. */
struct trial_contact {
	struct addr host, peer;
	int64_t start_ns;
	bool lookup; /* then no peer, protocol and port */
	uint8_t proto;
	uint16_t port;
	const char *domain; /* registered domain; NULL: a bare address */
	bool answered;
	bool first;  /* the host was never answered there, as far as the caller remembers */
	bool common; /* everybody's, named by the policy, or no sign for another reason */
};
void trials_saw(struct trials *t, const struct trial_contact *c, const struct guard_rules *rules,
	struct hosts *hosts, int64_t now_ns);

/* Ends and begins what is due. True: there is something to save. */
bool trials_turn(struct trials *t, int64_t now_ns);
/* False: none runs with that host. */
bool trials_stop(struct trials *t, const struct addr *host, int64_t now_ns);
/* What was shut is open, and nobody knows since when: the experiments that it was of are stopped.
 */
void trials_stop_blocks(struct trials *t, int64_t now_ns);

/* An experiment with the host runs. */
bool trials_run(const struct trials *t, const struct addr *host);
/* The experiment with a host, running or just over; NULL none. */
const struct probe *trials_find(const struct trials *t, const struct addr *host);
/* As many as there are, in no order; NULL beyond. */
const struct probe *trials_get(const struct trials *t, size_t index);
const struct probes *trials_probes(const struct trials *t);

/* What the host had to do with the contact's channel before since_ns. */
enum trial_past {
	PAST_NEW,    /* nothing, as far as it is remembered */
	PAST_USED,   /* it was used after that, or is of a list of which any server is asked */
	PAST_FAILED, /* it failed when it was tried last */
	PAST_QUIET   /* it was left, and had answered */
};
enum trial_past trial_past(const struct host *h, const struct strings *strings,
	const struct trial_contact *c, int64_t since_ns);
/* What the host told the domain in questions, when that is enough to be a channel; else NULL. */
const struct carrier *trial_tunnel(
	const struct host *h, const struct strings *strings, const char *domain);

/* How often the host came back to it, on average; 0 not known. */
int64_t trial_period(
	const struct host *h, const struct strings *strings, const struct trial_contact *c);

/* Chance that something of what counts appears in so long a slot by itself: first contacts, and
 * what had failed and is tried again after that long. The most that the host's pace over all time
 * or of late defends; the prior is one of them. Of the channels that are asked about no first
 * contact counts; that one is tried again does, whether it had failed or not. */
struct trial_asked {
	const struct finding_channel *channel;
	size_t channels;
	const struct expected *expected;
	int64_t period_ns; /* between contacts of the one that may be shut; 0 not known */
};
double trial_chance(const struct host *h, const struct strings *strings,
	const struct trial_asked *asked, int64_t slot_ns, int64_t now_ns);

/* As probes_save(), probes_restore(); hooks are not called. */
void trials_save(const struct trials *t, struct out *to);
MUST_USE int trials_restore(
	struct trials *t, const void *bytes, size_t len, int64_t now_ns, struct fail *why);
