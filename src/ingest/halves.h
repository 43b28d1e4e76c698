/* Inside ingest/: a conversation as flow records tell it, direction by direction. halves.c gathers
 * the records, halves_outcome.c says what they mean. */
#pragma once

#include "ingest/sink.h"

/* As in the TCP header (RFC 9293 3.1). */
#define HALF_FIN 0x01u
#define HALF_SYN 0x02u
#define HALF_RST 0x04u
#define HALF_ACK 0x10u

/* One direction. */
struct side {
	uint64_t packets, bytes;
	uint64_t point;            /* where it is counted */
	int64_t first_ns, last_ns; /* 0: nothing of it was seen */
	int64_t denied_ns;         /* the last time that it was denied; 0 never */
	uint8_t flags;             /* of all its packets */
	bool seen;                 /* packets of it, passed or denied */
	bool passed;               /* not all of them were denied */
	bool flags_known;          /* all its records told their flags */
	bool payload;              /* bytes are without headers */
};

enum who { WHO_FIRST, WHO_SECOND, WHO_UNKNOWN }; /* index into struct flow's pairs */

struct flow {
	struct addr addr[2]; /* 0: who sent the record that came first */
	uint16_t port[2];
	struct side side[2];
	uint8_t ip_proto;
	uint8_t icmp_type; /* 0 unknown */
	uint16_t vlan;
	enum who client; /* as far as the exporter says it */
	bool acks_hidden, sampled, both_exported, whole;
	bool rest; /* it was told before: this is what came since */
	enum name_source name_source;
	uint32_t name, process; /* numbers of the run's strings */
	char uid[UID_BYTES];
	uint64_t exporter, serial;
	int64_t arrived_ns, hold_ns; /* of its first record; how long to wait from then on */
};

/* What an exporter has shown so far. */
struct exporter {
	uint64_t pairs;  /* conversations with both directions */
	uint64_t halved; /* with one, although the other must have been */
};

/* Whether so many bytes of so many packets hold payload. */
enum payload { PAYLOAD_NONE, PAYLOAD_UNKNOWN, PAYLOAD_SURE };
enum payload flow_payload(const struct flow *f, enum who who);

/* One direction was seen, and it shows that there was another one. */
bool flow_is_halved(const struct flow *f);

/* Who began it; *ret_inferred when nothing but ports and places say so. */
enum who flow_client(const struct sink *s, const struct flow *f, bool *ret_inferred);

/* The conversation, but for its texts; what can't be told is remarked. */
void flow_settle(struct sink *s, const struct flow *f, const struct exporter *x, struct conn *ret);
