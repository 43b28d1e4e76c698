/* Inside host/: the latest look-ups of a host that were answered. A connection soon after one was
 * made for it; a failure of the same name close to one was none. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct recent {
	struct {
		int64_t query_ns;
		uint32_t domain, name; /* strings of the run; 0: nothing yet */
	} lookup[16];
	uint32_t next;
};

void recent_add(struct recent *r, uint32_t domain, uint32_t name, int64_t query_ns);
/* When the domain was asked for, for a connection at start_ns; start_ns when it was not. */
int64_t recent_led(const struct recent *r, uint32_t domain, int64_t start_ns);
/* Whether the name was answered shortly before or after. */
bool recent_answered(const struct recent *r, uint32_t name, int64_t at_ns);
