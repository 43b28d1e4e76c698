/* Guard: what its files share. */
#pragma once

#include "guard/guard.h"

/* Why the registered domain is not to be blocked. */
enum guard_leave name_objection(const struct guard_rules *rules, const char *domain);
/* Data within the questions for names below a domain. */
bool channel_is_tunnel(const struct finding_channel *c);
