/* NetFlow and IPFIX that come as packets: export datagrams within captures, or read from a socket.
 */
#pragma once

#include "base/addr.h"
#include "base/cur.h"

struct sink;

/* The cheap half of what netflow_packet() asks: a version that is known. */
static inline bool netflow_likely(struct cur payload)
{
	uint16_t version = payload.len < 20 ? 0 : cur_be16(&payload);
	return version == 5 || version == 9 || version == 10;
}

/* The payload of a UDP datagram. When it is an export, its flows go to the sink, whose clock goes
 * on to time_ns. On the ports that collectors listen to (2055, 2056, 4739, 9555, 9995, 9996) its
 * format decides; on others its lengths must fill the datagram and its time be the packet's, give
 * or take a day. False: it is none. */
bool netflow_packet(struct sink *s, const struct addr *exporter, uint16_t dst_port,
	struct cur payload, int64_t time_ns);
