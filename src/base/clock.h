/* Clock: the machine's own time, in nanoseconds. For waiting, and for sources that are told none by
 * their data; stages take their times from the data alone, so that runs repeat exactly. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/limits.h"

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now = {0};
	(void)clock_gettime(clock, &now); /* fails only for clocks that Linux does not have */
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Goes on steadily, whatever is done to the clock of the day; since the machine's start. */
static inline int64_t clock_steady_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* UTC since 1970. */
static inline int64_t clock_day_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}
