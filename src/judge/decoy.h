/* Inside judge/: decoys. The same host, had other attempts failed: its real failures are taken out,
 * as many of its successes, at times when it was as busy, are treated as failures, and the same
 * limbs look. What they find is coincidence by construction, so it shows how often E is reached by
 * coincidence on this very traffic. */
#pragma once

#include "judge/judge.h"

struct decoys;

/* Fails: -ENOMEM. */
MUST_USE int decoys_new(struct decoys **ret);
void decoys_free(struct decoys *d);

/* After a look: repeats it with decoys, or not, as the budget has it. scratch is overwritten; the
 * look's arena is left as it was. */
void decoys_look(struct decoys *d, const struct look *real, struct hits *scratch);
/* Once, after the last look: how many host-days that was. */
void decoys_finish(struct decoys *d, struct hosts *hosts);
void decoys_tell(const struct decoys *d, struct calibration *ret);
/* Whether there was traffic enough to know that decoys reach e at most CALIBRATION_WITHIN times as
 * often as e says. */
bool decoys_verify(const struct decoys *d, double e);
