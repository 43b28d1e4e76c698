/* The zone of names that a guard blocks: its file, and the resolver that reads it. */
#pragma once

#include "guard/guard.h"
#include "guard/reload.h"
#include "report/emit.h"

struct guarding_rpz;

/* Nothing is written yet. file: of --rpz; both borrowed. Fails: -ENOMEM, with words. */
MUST_USE int guarding_rpz_new(
	struct guarding_rpz **ret, const char *file, struct reload *reload, struct fail *why);
/* empty: the zone names nobody any more, and the resolver is told. NULL is fine. */
void guarding_rpz_free(struct guarding_rpz *z, bool empty);
/* Names came or went. */
void guarding_rpz_touch(struct guarding_rpz *z);
/* Writes, and has it read; says what fails. */
void guarding_rpz_turn(struct guarding_rpz *z, const struct guard_state *state);
/* The member "rpz". NULL: null. */
void guarding_rpz_say(
	const struct guarding_rpz *z, const struct guard_state *state, struct emit *e);
