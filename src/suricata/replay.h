/* Suricata's rules over the packets of a capture: what alerts, and (inline) what is dropped. Of
 * each direction of a flow the first message is read; what is not recognised is not known, and then
 * rules that ask for it are undecided. docs/SURICATA.md tells what is not followed. */
#pragma once

#include "decode/decode.h"
#include "suricata/suricata.h"

#define REPLAY_FLOWS_MAX  16384u
#define REPLAY_EVENTS_MAX 64u /* of one packet */

struct replay_options {
	const struct suricata_rules *rules; /* borrowed */
	const struct suricata_scope *scope; /* borrowed */
	bool ips;                           /* drops drop */
	bool strict;                        /* in the order of the text; else by rank */
	uint8_t rank[4];                    /* by enum suricata_action: the lowest first */
	size_t flows;                       /* followed at most; 0: REPLAY_FLOWS_MAX */
};

enum replay_kind { REPLAY_ALERT, REPLAY_DROP, REPLAY_UNDECIDED };

struct replay_event {
	enum replay_kind kind;
	const struct suricata_rule *rule; /* DROP: NULL, the flow was dropped before */
};

struct replay;
/* Fails: -ENOMEM. */
MUST_USE int replay_new(struct replay **ret, const struct replay_options *options);
void replay_free(struct replay *r);
/* What the packet leads to; borrowed until the next call. */
size_t replay_packet(
	struct replay *r, const struct packet *packet, const struct replay_event **ret);
/* Packets of flows that there was no room for. */
uint64_t replay_untracked(const struct replay *r);
