/* Guarding: what its files share. */
#pragma once

#include "cli/allowances.h"
#include "cli/guarding.h"
#include "guard/control.h"
#include "guard/diary.h"

/* What is never blocked: of the policy, of the command line, of this machine, resolvers. */
#define NEVER_MAX 1024u

struct guarding_counts {
	uint64_t finding[KIND_COUNT]; /* each once */
	uint64_t act[ACT_COUNT], left[LEAVE_COUNT];
	uint64_t losses; /* enforcers that ended */
};

struct guarding {
	struct guarding_options options;
	struct cidr never[NEVER_MAX];
	size_t nevers;
	struct crowd *servers, *resolvers;
	struct guard_state state;
	struct guard_link *link;   /* NULL: none runs */
	int64_t tried_ns;          /* to start one; steady clock */
	struct engine *engine;     /* borrowed; NULL until the watch starts */
	struct watching *watching; /* as well */
	struct allowances *allowances;
	FILE *trail;
	struct diary *diary;
	struct control *control; /* NULL: none was asked for */
	int wake;                /* epoll; what wakes the watch */
	int64_t since_ns;
	struct guarding_counts counts;
	uint64_t denials, lost; /* lost: packets that were dropped and not told, as last said */
	bool full;              /* that never[] is was said */
	bool helpless;          /* the spawner is gone */
	bool trail_failed;      /* the last line did not reach the disk */
};

/* In the trail, and said. Fails: -EIO, with words: it is not in the trail. */
int guarding_note(
	struct guarding *g, const struct guard_change *c, enum guard_act act, const char *why);
/* Over the link, when there is one; back: it is taken back. */
void guarding_send(struct guarding *g, const struct guard_change *c, bool back);
/* What the control socket is asked (control_turn). */
void guarding_answer(void *context, const struct control_request *request, struct out *o);
