/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The head of a packet that was dropped, as the kernel's log holds it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "guard/command.h"

/* From the IP header on; fills host, peer, proto and, of TCP and UDP, the ports. False: cut short,
 * a later fragment, or no IP; *ret is left alone. */
bool dropped_read(const void *packet, size_t len, struct guard_reply *ret);
