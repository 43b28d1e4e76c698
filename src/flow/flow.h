/* Flow: packets become events. One conversation is one record with its direction, outcome, names,
 * fingerprints and sizes; one DNS question is one lookup. All times come from the packets; fixed
 * capacity, no allocation after flow_table_new(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/strings.h"
#include "decode/decode.h"
#include "event/event.h"

struct flow_options {
	size_t conversations_max; /* 0: CONVERSATIONS_MAX */
	const struct cidr
		*local; /* networks whose hosts are clients when nothing else tells; borrowed */
	size_t locals;
	struct strings
		*strings; /* names and fingerprints are kept there; borrowed, outlives the table */
};

struct flow_stats {
	uint64_t packets;       /* given */
	uint64_t conversations; /* begun */
	uint64_t lookups;
	uint64_t evicted;         /* conversations ended early because the table was full */
	uint64_t lookups_evicted; /* questions given up because their table was full */
	uint64_t duplicates;    /* the same packet seen twice (two taps, a tunnel and its inside) */
	uint64_t strays;        /* packets of no conversation: lone RST, FIN, bare ACK */
	uint64_t group;         /* multicast and broadcast */
	uint64_t talks_refused; /* conversations whose first messages could not be read: no buffer
	                           left */
};

struct flow_table;

/* Fails: -ENOMEM. */
MUST_USE int flow_table_new(struct flow_table **ret, const struct flow_options *options);
void flow_table_free(struct flow_table *t);

/* Counts the packet into its conversation. It is only read; its bytes are not kept. Take all events
 * before the next packet. */
void flow_table_add(struct flow_table *t, const struct packet *packet);

/* The data's clock reached now_ns without a packet: ends what has been idle for too long. */
void flow_table_advance(struct flow_table *t, int64_t now_ns);
/* End of input: every conversation ends with what is known. No packet may follow. */
void flow_table_finish(struct flow_table *t);

/* Next event, or NULL. Borrowed until the next call on this table. */
const struct event *flow_table_next(struct flow_table *t);

const struct flow_stats *flow_table_stats(const struct flow_table *t);
