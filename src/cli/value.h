/* Values of options: text to numbers, checked. Each fails with -EINVAL and words that say what is
 * wrong with the value and what would be right, to be put behind the option's name. */
#pragma once

#include "base/fail.h"
#include "cli/verb.h"

/* Over min, up to max; min below 0: from 0. */
MUST_USE int value_number(const char *text, double min, double max, double *ret, struct fail *why);
/* Bytes: 512M, 2GiB; K M G T are powers of 1024. */
MUST_USE int value_size(const char *text, double min, double max, size_t *ret, struct fail *why);
/* RFC 3339, or a date alone (midnight UTC); nanoseconds UTC since 1970. */
MUST_USE int value_time(const char *text, int64_t *ret, struct fail *why);
/* ADDRESS[/BITS],...; added to *networks. */
MUST_USE int value_networks(const char *text, struct networks *networks, struct fail *why);
