/* Guard: what its files share. */
#pragma once

#include "guard/guard.h"

/* Why the registered domain is not to be blocked. */
enum guard_leave name_objection(const struct guard_rules *rules, const char *domain);
/* Somebody has decided that the host may go to the channel's peer. */
bool guard_names(const struct guard_rules *rules, const struct addr *host,
	const struct finding_channel *c, const struct addr *peer);
/* Data within the questions for names below a domain. */
bool channel_is_tunnel(const struct finding_channel *c);
