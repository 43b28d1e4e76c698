/* Inside report/, and for the verb that writes packets: blocks of a pcapng file (draft-ietf-opsawg-
 * pcapng), little-endian, times in nanoseconds. Comments are made safe. */
#pragma once

#include <stdint.h>

#include "base/out.h"

/* The file's first block; comment NULL: none. */
void pcapng_section(struct out *o, const char *comment);
/* Interfaces are numbered from 0 as they are written. name: of the file they come from. */
void pcapng_interface(struct out *o, uint16_t linktype, const char *name);

struct pcapng_packet {
	uint32_t iface;
	int64_t time_ns; /* before 1970: 1970 */
	const uint8_t *bytes;
	uint32_t cap_bytes, wire_bytes;
	const char *const *comment;
	size_t comments;
};
void pcapng_packet(struct out *o, const struct pcapng_packet *packet);
