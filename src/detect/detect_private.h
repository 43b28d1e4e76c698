/* Inside detect/: what several limbs need of a hit. */
#pragma once

#include "detect/detect.h"

/* Bits that speak for one program behind both ends of each step: first request of equal size, TLS
 * fingerprint, kind of failure. Measured weights of the prototype (section 5), clamped to +-4. */
double likeness_bits(const struct view *v, const struct step *steps, uint32_t count);
