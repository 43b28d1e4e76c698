/* Inside baseline/: what a learner remembers of its window, for merge.c. */
#pragma once

#include "base/hash.h"
#include "baseline/baseline_private.h"

#define SEEN_SERVICES 3u

/* Days that come at most 63 days late are counted once each; what comes later counts for first and
 * last only, so the count may be too low, never too high. */
struct seen_days {
	int32_t first, last;
	uint64_t recent;       /* bit i: the day `last` - i counts already */
	uint32_t count, fresh; /* fresh: of days that the book does not cover */
};

struct seen_key {
	uint32_t who; /* host.index, or a zone's number */
	uint32_t endpoint;
	uint16_t port;
	uint8_t transport;
	bool named;
};

/* What one host, or all of a zone, did with an endpoint. */
struct seen {
	struct seen_key key;
	uint32_t service[SEEN_SERVICES]; /* strings of the run */
	uint32_t tries, hosts;           /* hosts: of a zone, as far as is known */
	bool reached;                    /* it answered; until then days are those of attempts */
	struct seen_days days;
	uint64_t sent, got;             /* bytes of answered conversations */
	uint64_t fresh_sent, fresh_got; /* of those, begun on days that the book does not cover */
};

struct seen_table {
	struct seen *seen;
	size_t count, max;
	uint32_t *slot; /* index + 1; 0 free */
	size_t slots;   /* a power of two */
	struct hash_key key;
	uint64_t dropped;
};

struct asked {
	char *endpoint;
	bool met;
};

#define ASKED_MAX 256u

struct learner {
	struct learner_options options;
	struct seen_table hosts, zones;
	uint32_t *of_host;       /* by host.index: how many of the table are its */
	struct strings *touched; /* endpoints of findings */
	struct asked asked[ASKED_MAX];
	size_t asks;
	uint64_t undated;
	uint8_t *day; /* bit: something was told of that day */
};

/* The table with room for one more: the weakest quarter of those that count (of one host, or all)
 * is dropped. */
void seen_table_drop(struct seen_table *t, bool one, uint32_t who);
