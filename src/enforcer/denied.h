/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the table drops, told by the kernel's log. */
#pragma once

#include "guard/command.h"

struct denied;

/* Fails: -errno; -EBUSY: another enforcer listens. */
int denied_open(struct denied **ret, void (*tell)(void *context, const struct guard_reply *reply),
	void *context);
void denied_close(struct denied *d);
int denied_fd(const struct denied *d);
void denied_take(struct denied *d);
