/* Inside baseline/: what the book, an earlier window's file of what is held back, and this window
 * say of one host's, or a zone's, use of an endpoint; and the entry that comes of it. */
#pragma once

#include "baseline/learner.h"

struct piece {
	const char *zone;
	struct addr host; /* none: the zone's */
	const char *endpoint;
	enum transport transport;
	uint16_t port;
	const struct baseline_entry *old;  /* in the book; NULL */
	const struct baseline_entry *held; /* held back before; NULL */
	bool now;                          /* in the window: */
	struct seen seen;
};

/* All bytes that a piece stands for. */
struct volume {
	double sent, got;
};

/* 1, 2 or 5 times a power of ten, the nearest by ratio. */
uint64_t volume_rounded(double bytes);
/* What earlier windows showed, as far as it counts: that nothing was reached counts for nothing. */
const struct baseline_entry *piece_before(const struct piece *p);
uint32_t piece_days(const struct piece *p);
bool piece_reached(const struct piece *p);
struct volume piece_volume(const struct piece *p);

/* Widens the entry to these days. */
void entry_add_days(struct baseline_entry *e, int32_t first, int32_t last);
/* One entry of so many pieces, the first of which names it. Only what counts is summed. */
struct baseline_entry piece_entry(const struct piece *p, size_t pieces, uint32_t days);
/* Adds the entry, with the services and the remarks of so many pieces. names: the run's strings.
 * Fails: -E2BIG, -ENOMEM. */
MUST_USE int piece_put(const struct strings *names, struct baseline *to, struct baseline_entry *e,
	const struct piece *p, size_t pieces);
