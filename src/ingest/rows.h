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
	size_t waiting_max; /* conversations that wait for details at once; 0: the default */
	/* How long an event waits, from its beginning, for the rows that belong to it; 0: 30 s of
	 * the data's time. Where rows come as they happen, their time is the machine's. */
	int64_t hold_ns;
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
/* No row came up to now_ns. */
void rows_advance(struct sink *s, int64_t now_ns);
/* The end of the input: all that waits is told. */
void rows_finish(struct sink *s);

/* Sentences of what the sources could not tell, for `off`: NULL after the last. *ret_count: how
 * many rows each is about. */
const char *rows_remark(const struct sink *s, size_t index, uint64_t *ret_count);
