/* DNS words: types and response codes as logs write them, and what an answer means. */
#pragma once

#include "base/cur.h"
#include "event/event.h"

/* "A", "AAAA", "TYPE65", "65": the number, 0 when unknown. */
uint16_t dns_type(struct span name);
/* "NXDOMAIN", "nxdomain", "3": the number; UINT16_MAX when unknown. */
uint16_t dns_rcode(struct span name);

/* Fills outcome and fail_ns from rcode, answers and answer_ns; not answered: DNS_SILENT, whose
 * fail_ns the sink finds. */
void dns_settle(struct lookup *l, bool answered);
