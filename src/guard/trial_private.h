/* What trial.c and trial_save.c share. */
#pragma once

#include "guard/probe_private.h"
#include "guard/trial.h"

struct trial_rest {
	struct addr host;
	char finding[33];
	int64_t until_ns;
};

struct trials {
	struct trials_options options;
	struct probes *probes;
	struct trial item[PROBE_HOSTS_MAX];
	struct trial_rest rest[TRIAL_RESTS_MAX];
	size_t rests, next_rest;
	bool changed; /* since the last turn */
	struct probe_action action[PROBE_ACTIONS_MAX];
};
