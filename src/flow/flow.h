/* Flow: packets become events. One conversation is one record with its direction, outcome, names,
 * fingerprints and sizes; one DNS question is one lookup. All times come from the packets; fixed
 * capacity, no allocation after flow_table_new(). The same packets give the same events, whatever
 * the run's hash key is. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/strings.h"
#include "decode/decode.h"
#include "event/event.h"

struct flow_options {
	size_t conversations_max; /* held at once; 0: CONVERSATIONS_MAX */
	size_t lookups_max;       /* questions remembered at once, rounded up to a power of two;
	                             0: LOOKUPS_MAX */
	const struct cidr
		*local; /* networks whose hosts are clients when nothing else tells; borrowed */
	size_t locals;
	struct strings
		*strings; /* names and fingerprints are kept there; borrowed, outlives the table */
	/* An outcome is told as soon as it is likely, not when it is certain: an attempt counts as
	 * silent 8 s after its last SYN, as refused 1 s after a RST. For who can't wait. */
	bool prompt;
	struct namer *namer; /* for services that no decoder of ours knows; borrowed, outlives the
	                        table; NULL: they stay "unknown" */
	/* A conversation begins with the packet that is being added: who, whom, by which protocol
	 * and port; for who acts on the first packet. It must leave the table alone. May be NULL.
	 */
	void (*begun)(void *context, const struct conn *c);
	/* Its first answer says no: a RST to the SYN, an ICMP error. What came of it is told later,
	 * when no other try has followed. As begun. */
	void (*refused)(void *context, const struct conn *c);
	void *context;
};

/* Every packet given is in exactly one conversation (packets_out or packets_in of its last event)
 * or in one of: messages, errors, duplicates, strays, group. */
struct flow_stats {
	uint64_t packets;    /* given */
	uint64_t messages;   /* UDP packets that were DNS messages: read as look-ups */
	uint64_t errors;     /* ICMP errors: they speak of other packets */
	uint64_t duplicates; /* the same packet seen twice (two taps, a tunnel and its inside) */
	uint64_t strays;     /* packets of no conversation: lone RST, FIN, bare ACK */
	uint64_t group;      /* multicast and broadcast */

	uint64_t conversations;   /* begun */
	uint64_t lookups;         /* begun */
	uint64_t evicted;         /* conversations ended early because the table was full */
	uint64_t lookups_evicted; /* questions forgotten untold because their table was full */
	uint64_t lookups_untold;  /* more answers in one packet than events have room for */
	uint64_t answers_again;   /* later answers to a question that was answered */
	uint64_t talks_evicted;   /* conversations whose first messages were given up because too
	                             many were being read */
	uint64_t holed; /* TCP conversations that acknowledge what is not here: the tap lost it */
	uint64_t clock_backs; /* the data's clock went back by more than a late packet does */
};

struct flow_table;

/* Fails: -ENOMEM. */
MUST_USE int flow_table_new(struct flow_table **ret, const struct flow_options *options);
void flow_table_free(struct flow_table *t);

/* Counts the packet into its conversation. It is only read; its bytes are not kept. All events must
 * have been taken (flow_table_next() gave NULL) before the next packet. */
void flow_table_add(struct flow_table *t, const struct packet *packet);

/* The data's clock reached now_ns without a packet: ends what has been idle for too long. */
void flow_table_advance(struct flow_table *t, int64_t now_ns);
/* End of input: every conversation ends with what is known. No packet may follow. */
void flow_table_finish(struct flow_table *t);

/* Next event, or NULL. Borrowed until the next call on this table. */
const struct event *flow_table_next(struct flow_table *t);

const struct flow_stats *flow_table_stats(const struct flow_table *t);
