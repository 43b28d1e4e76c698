/* Metrics and health of a running guard over HTTP: GET /metrics, GET /health. One address; sixteen
 * programs at once, ten seconds each; the guard waits for none of them. */
#pragma once

#include "base/check.h"
#include "base/fail.h"

struct guarding;
struct metrics;

/* Listens where g's options say and adds itself to what wakes g. Fails: -EINVAL (no address of
 * this machine alone), -EADDRINUSE, others of bind(2), with words. */
MUST_USE int metrics_open(struct metrics **ret, const struct guarding *g, struct fail *why);
void metrics_close(struct metrics *m);
/* What can be done without waiting. */
void metrics_turn(struct metrics *m);
