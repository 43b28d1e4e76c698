/* Kinds: what a file that is no capture looks like, and what to do with it. */
#pragma once

#include "base/cur.h"

#define KINDS_BYTES 512 /* of the start that are looked at */

/* "looks like ...; remedy", never NULL. */
const char *kind_text(struct cur start);
