/* Inside cli/: Suricata's rules over a capture, for postern nfw --read. */
#pragma once

#include "cli/verb.h"
#include "nfw/nfw.h"

struct nfw_replay {
	const char *capture;
	const char *order; /* of actions; NULL: Suricata's */
	bool ips, strict, json;
};

/* What is found goes to *text. */
enum exit_code nfw_replay(const struct nfw *n, const struct nfw_replay *options, struct out *text);
