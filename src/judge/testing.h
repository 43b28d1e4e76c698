/* A run for tests: events in, findings out. */
#pragma once

#include "base/testing.h"
#include "judge/judge.h"

#include <math.h>

struct run {
	struct strings *strings;
	struct hosts *hosts;
	struct judge *judge;
};

static inline void run_start(struct run *r)
{
	assert_int_equal(strings_new(&r->strings, 1 << 20, 1 << 14), 0);
	assert_int_equal(hosts_new(&r->hosts, &(struct hosts_options){.strings = r->strings}), 0);
	assert_int_equal(judge_new(&r->judge, &(struct judge_options){.hosts = r->hosts}), 0);
}

static inline void add(struct run *r, struct event e)
{
	struct host *ripe = hosts_add(r->hosts, &e);
	if (ripe != NULL) {
		judge_look(r->judge, ripe);
		host_retire(ripe);
	}
}

static inline void run_finish(struct run *r, double max_e)
{
	for (size_t i = 0; i < hosts_count(r->hosts); i++)
		judge_look(r->judge, hosts_get(r->hosts, i));
	judge_finish(r->judge, max_e);
}

static inline void run_stop(struct run *r)
{
	judge_free(r->judge);
	hosts_free(r->hosts);
	strings_free(r->strings);
}

static inline double bits_of(const struct finding *f)
{
	double sum = 0;
	for (size_t i = 0; i < f->evidences; i++)
		sum += f->evidence[i].bits;
	return sum;
}
