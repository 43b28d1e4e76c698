/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Established flows in the kernel's connection tracking, which other rules may let pass, or send
 * around the rules altogether (flow tables). */
#pragma once

#include "enforcer/rules.h"

struct nfct_handle;

struct nfct_handle *flows_open(void); /* NULL: errno */
void flows_close(struct nfct_handle *h);
/* Forgets the flows that a BLOCK names, or those of a CONTAINed host that are not allowed, at most
 * FLOWS_CUT_MAX. How many, or a negative errno. */
#define FLOWS_CUT_MAX 4096u
int flows_cut(struct nfct_handle *h, const struct rules *r, const struct guard_command *c,
	int64_t now_ns);
