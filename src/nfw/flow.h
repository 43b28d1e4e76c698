/* Inside nfw/: the packets of a flow. */
#pragma once

#include "nfw/model.h"

struct flow_packet {
	struct suricata_packet packet;
	char ja4[48];
};

/* What they are called, in order. Returns how many. */
size_t flow_packets(const struct nfw_flow *flow, const char *name[static NFW_STAGES_MAX]);
void flow_packet(const struct nfw_flow *flow, const char *name, struct flow_packet *ret);
