/* The packets of what was found, taken from the inputs a second time: a case holds none. */
#pragma once

#include "base/fail.h"
#include "cli/output.h"
#include "cli/run.h"

/* Writes the packets of the findings that are reported into output, in the order of time, each with
 * what it is in the story, as pcapng: those between the host and an endpoint of the finding, DNS
 * for its names (over TCP in messages of one segment), ICMP errors about either; from 5 s before
 * the finding begins to 5 min after its last attempt. Closes the output. *ret_packets: how many.
 * Fails: -errno, -ENOMEM. */
MUST_USE int packets_write(const struct run_options *options, const struct run_result *result,
	struct output *output, uint64_t *ret_packets, struct fail *why);
