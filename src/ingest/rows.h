/* Rows: the rows of logs become events. What one conversation's rows say in different logs is
 * joined by the record's id, questions meet their answers, and the two directions of flow exports
 * become one conversation, all within bounded tables: what waits too long is told without the
 * rest. */
#pragma once

#include "base/addr.h"
#include "base/strings.h"
#include "event/event.h"
#include "ingest/ingest.h"

struct rows_options {
	struct strings *strings; /* borrowed, outlives the rows */
	struct ingest *ingest;   /* borrowed; told which rows were rejected. May be NULL */
	/* Takes each event; its strings live until it returns. */
	void (*event)(void *context, const struct event *event);
	void *context;
	size_t waiting_max;       /* conversations that wait for details at once; 0: the default */
	const struct cidr *local; /* borrowed, as strings: who is at home, where a flow does not
	                             say who began it */
	size_t locals;            /* 0: addr_is_private() */
};

struct sink;

/* Fails: -ENOMEM. */
MUST_USE int rows_new(struct sink **ret, const struct rows_options *options);
void rows_free(struct sink *s);

/* Takes one row of a log (frame->format is set). */
void rows_add(struct sink *s, const struct frame *row);
/* The data's time is now_ns: tells what has waited long enough. rows_add() does that too. */
void rows_advance(struct sink *s, int64_t now_ns);
/* All rows that there are now were added: tells what waits for rows of the same record, as far as
 * such rows come at the same time. For logs that are followed. */
void rows_settle(struct sink *s);
/* The end of the input: all that waits is told. */
void rows_finish(struct sink *s);

/* Rows that were none. */
uint64_t rows_rejected(const struct sink *s);
/* Sentences of what the sources could not tell, for `off`: NULL after the last. *ret_count: how
 * many rows each is about. */
const char *rows_remark(const struct sink *s, size_t index, uint64_t *ret_count);
