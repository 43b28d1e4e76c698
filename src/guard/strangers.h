/* Strangers: what a host goes to that nobody has named, and the moment at which it leaves one for
 * another. The judge wants several contacts before it is sure; a guard that is to cut a fallback at
 * its first packet asks less: a channel that was in use stops working, and at once another begins
 * that the host has never used, where by the host's own pace hardly anything would have begun.
 *
 * Who asks leaves out what is named: by the policy, by a baseline, large operators. Bounded memory;
 * what is forgotten makes the host look livelier or the channel unused, so it only weakens. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"

/* A channel: a registered domain, or else an address, and protocol and port. */
struct stranger {
	struct addr host, peer;
	uint64_t domain; /* strangers_domain(); 0: it has no name, peer counts */
	uint8_t proto;   /* IP's number; 0: data within DNS questions */
	uint16_t port;
};

/* The same channel of the same host, whether it was called by its name yet or not. */
bool stranger_same(const struct stranger *a, const struct stranger *b);

enum switch_cause {
	SWITCH_NONE,
	SWITCH_FAILED,  /* a channel in use failed */
	SWITCH_SILENT,  /* it does not answer */
	SWITCH_STOPPED, /* packets of the host were dropped for a block */
	SWITCH_MANY,    /* the host uses as many strangers as it may */
};

struct switch_sign {
	enum switch_cause cause;
	struct stranger left; /* what it left; of SWITCH_MANY the latest in use */
	int64_t lag_ns;       /* since then */
	/* At most so likely begins something new within that time, by the host's own pace; 0..1. */
	double chance;
	unsigned used; /* strangers in use within STRANGERS_USED_NS */
};

/* A switch follows within this (SCIENCE 3: retries and timeouts of a minute). */
#define SWITCH_LAG_NS (INT64_C(60) * 1000000000)
/* More likely than this it is no sign. */
#define SWITCH_CHANCE 0.05
/* What was used longer ago is not in use. */
#define STRANGERS_USED_NS (INT64_C(3600) * 1000000000)

struct strangers;

/* Fails: -ENOMEM. */
MUST_USE int strangers_new(struct strangers **ret);
void strangers_free(struct strangers *s);
/* domain: as registered_domain() has it; never 0. */
uint64_t strangers_domain(const char *domain);

/* The host did something, whatever it was: from then on its pace is known. */
void strangers_watch(struct strangers *s, const struct addr *host, int64_t at_ns);
/* Its first packet. limit: so many strangers are let pass; 0: any number. True: *ret says why it is
 * a switch. */
bool strangers_begin(struct strangers *s, const struct stranger *one, int64_t at_ns, unsigned limit,
	struct switch_sign *ret);
/* The contact that began at start_ns was answered. lasting: it went on for so long that it alone is
 * use. */
void strangers_answer(
	struct strangers *s, const struct stranger *one, int64_t start_ns, bool lasting);
/* An attempt of it failed. */
void strangers_fail(struct strangers *s, const struct stranger *one, int64_t at_ns);
/* The domain does not exist any more, for that host. */
void strangers_fail_domain(
	struct strangers *s, const struct addr *host, uint64_t domain, int64_t at_ns);
/* A packet of it was dropped for a block. */
void strangers_stop(struct strangers *s, const struct stranger *one, int64_t at_ns);
