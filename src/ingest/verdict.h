/* Verdict: what a firewall or proxy says it did with a conversation, in its own words. */
#pragma once

#include "ingest/source.h"

enum verdict { VERDICT_NONE, VERDICT_ALLOWED, VERDICT_DENIED };

/* By the words in the text ("UFW BLOCK", "net2fw:DROP:", "iptables-denied", "allow"); words of both
 * kinds say nothing. */
enum verdict verdict_of(struct span text);
/* Denied is an outcome, learnt when the conversation began; allowed says nothing of how it ended:
 * unknown, remarked. */
void verdict_apply(struct sink *s, enum verdict verdict, struct conn *c);

enum transport verdict_transport(uint8_t ip_proto);
