/* Watch: an endless hunt, for the verbs that start one. */
#pragma once

#include "cli/verb.h"

struct watch {
	const char *iface, *filter, *netflow, *state, *output;
	const char *to; /* a format's name; NULL: text, or with json JSON Lines */
	struct networks local;
	struct texts intel;
	double max_e;
	size_t memory_bytes;
	bool host, json, all, from_end, quiet, verbose;
};

/* Follows call->word until a signal ends it. */
enum exit_code watch_start(const struct call *call, const struct watch *w);
