/* Live: the packets of one network interface, by libpcap (Linux: a TPACKET_V3 ring shared with the
 * kernel, so that a packet costs no system call). Frames as ingest.h has them, in the order in
 * which the kernel saw them. */
#pragma once

#include "ingest/ingest.h"

#define LIVE_BUFFER_BYTES ((size_t)64 << 20) /* half a second of 1 Gbit/s */
#define LIVE_SNAP_BYTES   65535              /* a first message of 16 KB, after offloading */
/* A packet waits in the kernel at most this long, so that many are woken for at once. */
#define LIVE_DELAY_MS 100

struct live_options {         /* all zero is valid */
	const char *filter;   /* pcap-filter(7); NULL: everything */
	size_t buffer_bytes;  /* of the ring; 0: LIVE_BUFFER_BYTES; at most 1 GiB */
	uint32_t snap_bytes;  /* kept of a packet; 0: LIVE_SNAP_BYTES; at most 262,144 */
	bool not_promiscuous; /* only what is addressed to this machine */
};

struct live_drops {         /* packets, since live_open() */
	uint64_t kernel;    /* the ring was full: Postern was too slow */
	uint64_t interface; /* the card or its driver had no room */
};

struct live;

/* iface: its name as `ip link` shows it, or "any" (all of them, not promiscuous). Needs
 * CAP_NET_RAW. Frames have nanoseconds where the kernel gives them. Owns everything until
 * live_close(). Fails, with the remedy in words: -EPERM, -ENODEV (names those there are),
 * -ENETDOWN, -EINVAL (options; the filter in libpcap's words), -ENOMEM, -EIO. */
MUST_USE int live_open(
	struct live **ret, const char *iface, const struct live_options *options, struct fail *why);
void live_close(struct live *l);

/* Never waits: poll live_fd() for reading, at most LIVE_DELAY_MS, then call until it gives 0.
 * Returns 1 and a frame whose bytes live until the next call (input and iface are 0, number counts
 * from 1), 0 when there is none now, or a failure after which only live_close() is of use:
 * -ENETDOWN (the interface went down or away), -EIO. */
MUST_USE int live_next(struct live *l, struct frame *ret, struct fail *why);
int live_fd(const struct live *l);

/* As the kernel counts now. Never goes back. */
struct live_drops live_drops(struct live *l);
