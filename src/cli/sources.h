/* Sources: all that a watch reads from, at once: an interface, the kernel, flow exports, growing
 * logs. What comes goes into an engine. */
#pragma once

#include "base/fail.h"
#include "cli/engine.h"

struct sources_options {
	const char *iface, *filter; /* NULL: no interface */
	bool kernel;
	const char *netflow;     /* where to listen, as udp_open() takes it; NULL: not */
	const char *const *path; /* logs, folders, patterns */
	size_t paths;
	const char *state_path; /* of the logs' positions; NULL: not kept */
	bool from_end;
};

struct sources_stats {
	uint64_t packets, rows, exports, connections; /* taken; connections: told by the kernel */
	uint64_t rejected;
	uint64_t packets_lost, exports_lost, changes_lost;
	size_t files;
};

struct sources;

/* Fails, with the remedy in words: as live_open(), kernel_open(), udp_open(), follow_open(). */
MUST_USE int sources_open(
	struct sources **ret, const struct sources_options *options, struct fail *why);
void sources_close(struct sources *s);

/* Waits at most wait_ms for anything, or for the descriptor `other` (-1: none). */
void sources_wait(struct sources *s, int other, int wait_ms);
/* Takes what there is into the engine, for a moment. *ret_more: there is more at once. Fails: what
 * a source that can't go on says; -ENOMEM. */
MUST_USE int sources_take(
	struct sources *s, struct engine *engine, bool *ret_more, struct fail *why);
/* The data's time: of the latest that came, and what went by since. 0: nothing has come. */
int64_t sources_now(const struct sources *s);

/* The note that was stored with the positions; "" when there was none. */
const char *sources_note(const struct sources *s);
/* All that was taken is done with: stores how far the logs were read, with this note. */
MUST_USE int sources_store(struct sources *s, const char *note, struct fail *why);
struct sources_stats sources_stats(struct sources *s);
