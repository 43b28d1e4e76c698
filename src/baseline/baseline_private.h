/* Inside baseline/: what reading, writing and learning share. */
#pragma once

#include "base/strings.h"
#include "baseline/baseline.h"

#define ZONE_NAME_MAX  32u
#define ENDPOINT_MAX   253u /* RFC 1035 2.3.4, without the final dot */
#define SERVICE_MAX    64u
#define INPUT_NAME_MAX 128u

/* An empty one with room for so many distinct texts. Fails: -ENOMEM. */
MUST_USE int baseline_make(struct baseline **ret, size_t text_bytes, size_t texts);
/* The text as the baseline's own; NULL: none given, empty, or no room. */
const char *baseline_keep(struct baseline *b, const char *text);
/* Letters, digits, "-", "_", ".": 1 to ZONE_NAME_MAX. */
bool baseline_is_word(struct span text);
/* The order of entries: zone, host, endpoint, port, transport. 0: they stand for the same. */
int baseline_order(const struct baseline_entry *a, const struct baseline_entry *b);

/* The index of the first zone that holds the host; b->zones: none does. */
size_t baseline_zone_number(const struct baseline *b, const struct addr *host);

/* The last column's words, by enum baseline_why; ASKED ends in ":" and the day. */
extern const char *const baseline_why_words[BASELINE_WHYS];
