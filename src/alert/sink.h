/* Inside alert/: how one target is spoken to, and where what waits for it is kept. */
#pragma once

#include <stdatomic.h>

#include "alert/alert.h"

/* A try takes no longer than this, and a name no longer to be looked up. */
#define SINK_TRY_S 15

/* How a kind of target is spoken to; all of it runs in the sink's own thread. */
struct sink_way {
	enum alert_form form;
	bool spooled;
	/* Fails: -ENOMEM. */
	int (*new)(void **ret, const struct alert_target *target, const char *ca);
	void (*free)(void *self);
	/* 0: taken. -EBADMSG: never will be. Else it is to be tried again; why has words.
	 * hurry: no time is left when it is true. */
	int (*send)(void *self, const char *id, const char *text, size_t len,
		const atomic_bool *hurry, struct fail *why);
};

extern const struct sink_way sink_syslog, sink_journal, sink_eve, sink_webhook;
const struct sink_way *sink_way_of(enum alert_kind kind);

/* ---- what waits on disk: a folder, a file for each alert, whose name is its number and its id */

struct spool;

struct spool_item {
	uint64_t number; /* rises */
	char id[33];
	size_t bytes;
};

/* folder/key/, made when it is not there, of mode 0700, locked. found() gets what an earlier run
 * left, in the order of its numbers. Fails: -EBUSY, -errno, with words. */
MUST_USE int spool_open(struct spool **ret, const char *folder, const char *key, struct fail *why);
void spool_close(struct spool *s);
/* What an earlier run left: at most max, the oldest first. Fails: -errno, with words. */
MUST_USE int spool_list(
	struct spool *s, struct spool_item *ret, size_t max, size_t *ret_count, struct fail *why);
/* Whole when it returns, whoever is killed; on the platter a little later. Fails: -errno. */
MUST_USE int spool_put(struct spool *s, const struct spool_item *item, const char *text);
/* *ret: item->bytes bytes and a NUL, the caller's. Fails: -errno, -ENOMEM. */
MUST_USE int spool_get(struct spool *s, const struct spool_item *item, char **ret);
void spool_drop(struct spool *s, const struct spool_item *item);
