/* Inside host/: ids of the records that told the latest attempts, in a ring: an old one gives way
 * to a new one, and is not told any more. */
#pragma once

#include <stdint.h>

#include "base/check.h"

/* Longer ids are not kept: half an id is none. */
#define UIDS_TEXT_BYTES 40

struct uids;

/* max: ids kept at once, a power of two. Memory is touched as it fills. Fails: -ENOMEM. */
MUST_USE int uids_new(struct uids **ret, uint32_t max);
void uids_free(struct uids *u);
/* The number of the id; 0: text NULL, empty or too long. */
uint32_t uids_add(struct uids *u, const char *text);
/* The one that was added last is not needed; any other number does nothing. */
void uids_take_back(struct uids *u, uint32_t number);
/* The id, or NULL. Borrowed until the next uids_add(). */
const char *uids_get(const struct uids *u, uint32_t number);
