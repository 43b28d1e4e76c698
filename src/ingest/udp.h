/* UDP: datagrams that arrive at a port, as flow exporters (NetFlow, IPFIX, sFlow) and syslog send
 * them. Nothing here looks inside. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/fail.h"

#define UDP_WHERE        "0.0.0.0:2055" /* where NetFlow exporters send by default */
#define UDP_BUFFER_BYTES ((size_t)32 << 20)

struct udp_datagram {
	int64_t time_ns; /* UTC since 1970: when the kernel received it; of the first
	                    moments after udp_open(): when it was read */
	struct addr from;
	uint16_t from_port;
	const uint8_t *bytes;
	size_t len; /* 0 is possible: an empty datagram */
};

struct udp;

/* where: ADDRESS:PORT, [ADDRESS]:PORT, :PORT or PORT (the last two: every address, both families);
 * NULL: UDP_WHERE. [::] listens for both families. buffer_bytes: what the kernel is asked to keep
 * while Postern is busy, 0: UDP_BUFFER_BYTES; it may give less (udp_buffer_bytes()).
 * Owns everything until udp_close(). Fails, with the remedy in words: -EINVAL (where), -EADDRINUSE,
 * -EACCES (a port below 1024), -EADDRNOTAVAIL, -ENOMEM, others as socket(2) and bind(2) have them.
 */
MUST_USE int udp_open(struct udp **ret, const char *where, size_t buffer_bytes, struct fail *why);
void udp_close(struct udp *u);

/* Never waits: poll udp_fd() for reading, then call until it gives 0. Returns 1 and a datagram
 * whose bytes live until the next call, 0 when there is none now, or a failure: what the kernel
 * says. */
MUST_USE int udp_next(struct udp *u, struct udp_datagram *ret, struct fail *why);
int udp_fd(const struct udp *u);

/* The port: the one given, or the kernel's choice when that was 0. */
uint16_t udp_port(const struct udp *u);
/* What the kernel grants, counted as it counts: a small datagram costs about 800 bytes of it. */
size_t udp_buffer_bytes(const struct udp *u);
/* Datagrams that the kernel had no room for, as told with the last datagram. Never goes back. */
uint64_t udp_drops(const struct udp *u);
