/* Verdict: what a firewall or proxy says it did becomes an outcome. */
#pragma once

#include "ingest/source.h"

/* Denied is an outcome, learnt when the conversation began; allowed says nothing of how it ended:
 * unknown, remarked. */
void verdict_apply(struct sink *s, enum verdict_words verdict, struct conn *c);
