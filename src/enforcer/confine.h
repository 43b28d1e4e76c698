/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Keeps CAP_NET_ADMIN and nothing else, for good; no new programs, files or sockets but netlink's.
 * Fails: -errno; words go to stderr. */
int confine(void);
