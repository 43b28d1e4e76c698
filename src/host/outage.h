/* Inside host/: when much of the site failed at once. Minute by minute: which hosts tried anything,
 * which of them lost something that had worked for them before, and what that was. */
#pragma once

#include "host/host.h"

struct outages;

/* Fails: -ENOMEM. */
MUST_USE int outages_new(struct outages **ret);
void outages_free(struct outages *o);
void outages_tried(struct outages *o, uint32_t host, int64_t at_ns);
/* An endpoint that had answered this host before did not at at_ns. */
void outages_lost(struct outages *o, uint32_t host, uint32_t endpoint, int64_t at_ns);
/* At least five hosts, and a third of those that tried anything, lost three different endpoints in
 * the minute of at_ns or in one beside it. */
bool outages_at(const struct outages *o, int64_t at_ns);
