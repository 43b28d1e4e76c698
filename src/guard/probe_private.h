/* What probe.c, probe_explain.c and probe_save.c share. */
#pragma once

#include "guard/probe.h"

struct probes {
	struct probe_config config;
	int64_t now_ns;       /* the latest time told */
	uint64_t experiments; /* begun so far */
	struct probe item[PROBE_HOSTS_MAX];
};
