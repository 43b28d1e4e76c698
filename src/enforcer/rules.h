/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the enforcer grants, whoever asks: forms, limits, expiry, the list of what is never blocked.
 * No side effects but its own memory. */
#pragma once

#include <stdbool.h>

#include "guard/command.h"

struct rules_net {
	uint8_t addr[16], bits;
};

struct rules_allowed { /* of a contained host */
	uint8_t host[16];
	struct rules_net net;
	uint16_t port, port_last;
	uint8_t proto;
	uint32_t expiry_s; /* when it was said */
	int64_t until_ns;  /* steady clock */
};

struct rules_lists {
	struct rules_net never[GUARD_NEVER_MAX];
	uint32_t nevers;
	struct rules_allowed allowed[GUARD_ALLOWED_MAX];
	uint32_t alloweds;
};

struct rules_contained {
	uint8_t host[16];
	int64_t until_ns; /* steady clock */
};

#define RULES_CONTAINED_MAX (2 * GUARD_HOSTS_MAX) /* of both families */

struct rules {     /* all zero: nothing was said yet */
	bool open; /* hello was said */
	struct guard_command hello;
	struct rules_lists lists;
	struct rules_lists next; /* while gathering */
	bool gathering;
	struct rules_contained contained[RULES_CONTAINED_MAX];
	uint32_t containeds;
	int64_t minute_ns; /* when the minute that is counted began; steady clock */
	uint32_t changes;  /* in it */
};

bool rules_is_v4(const uint8_t addr[static 16]);
bool rules_net_has(const struct rules_net *net, const uint8_t addr[static 16]);

/* Whether the command may be carried out now; it counts as carried out then. */
enum guard_reason rules_ask(struct rules *r, const struct guard_command *c, int64_t now_ns);
/* The command has been carried out. */
void rules_done(struct rules *r, const struct guard_command *c, int64_t now_ns);
/* Another of the list stands for it. */
bool rules_is_hidden(const struct rules_net *nets, uint32_t count, uint32_t index);
/* Whether the host may reach it although it is contained. */
bool rules_allow(const struct rules *r, const uint8_t host[static 16],
	const uint8_t peer[static 16], uint8_t proto, uint16_t port, int64_t now_ns);
