/* What the files of the experiment share. */
#pragma once

#include "guard/probe.h"

struct probes {
	struct probe_config config;
	int64_t now_ns;       /* the latest time told */
	uint64_t experiments; /* begun so far */
	struct probe item[PROBE_HOSTS_MAX];
};

/* probe_weigh.c: what the windows say. */
void probe_weigh(const struct probes *p, struct probe *one);
double probe_confirms(const struct probe_config *c); /* from this log_e on */
double probe_clears(const struct probe_config *c);   /* down to this llr */
