/* nftables' own text, made JSON by nft itself. */
#pragma once

#include "boundary/boundary.h"

/* nft loads the text into a network namespace made for it and thrown away, and lists it as JSON: no
 * rule of the machine is read or changed, no shell is run. Interfaces that the text names are made
 * there as dummies. Fails: -ENOENT (nft is missing), -EPERM (no namespace may be made), -EINVAL
 * (nft's words, with its line and column), -ETIMEDOUT, -errno. */
MUST_USE int nft_text_read(struct boundary **ret, struct cur text, struct fail *why);
