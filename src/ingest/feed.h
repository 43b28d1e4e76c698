/* Feed: the lines of a log that is followed become rows, chunk by chunk. What a hunt's reader finds
 * in a file at once, a feed finds as it comes; its header is remembered. */
#pragma once

#include "ingest/ingest.h"

struct feed;

/* number: what frames carry as their input. Fails: -ENOMEM. */
MUST_USE int feed_new(struct feed **ret, uint32_t number);
void feed_free(struct feed *f);

/* Complete lines of the file, in its order. The feed keeps a copy until they are taken. The first
 * ones must be the file's first, so that its header is known. Fails: -ENOMEM; -ENOMSG: no log that
 * is known, its lines are dropped from now on; both with words. */
MUST_USE int feed_add(struct feed *f, const uint8_t *bytes, size_t len, struct fail *why);
/* The lines that were added so far were read before: only what they say of the lines to come is
 * kept. */
void feed_pass(struct feed *f);

/* The next row, or NULL when all were taken. Its bytes live until the next call on f. */
const struct frame *feed_first(struct feed *f);
void feed_take(struct feed *f);

size_t feed_held(const struct feed *f);        /* bytes that wait to be taken */
uint64_t feed_rejected(const struct feed *f);  /* lines that are no rows */
const char *feed_format(const struct feed *f); /* NULL: not known yet */
