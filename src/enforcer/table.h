/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The enforcer's own table in nftables, and nothing else of the ruleset. */
#pragma once

#include <stddef.h>

#include "enforcer/rules.h"

struct table;

/* Each returns 0 or a negative errno; words go to stderr. */
int table_open(struct table **ret, const struct guard_command *hello);
/* Not persistent: the table goes with it. */
void table_close(struct table *t);
/* NEVER, BLOCK, ALLOW, CONTAIN, UNBLOCK, RELEASE, FLUSH, CLOSE, REPLACE: one transaction. r: asked
 * already, so that what is never blocked ends with this one. */
int table_change(struct table *t, const struct rules *r, const struct guard_command *c);
