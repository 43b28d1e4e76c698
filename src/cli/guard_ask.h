/* postern guard status|undo|explain: asks a guard that runs. */
#pragma once

#include "cli/verb.h"

struct guard_asking {
	const char *control;
	const char *cases; /* explain: a file in place of a guard; NULL: none */
	double hold_s;
	bool held, json; /* held: hold_s was given */
};

/* Whether the words ask a running guard. */
bool guard_asks(const struct call *call);
enum exit_code guard_ask(const struct call *call, const struct guard_asking *asking);
