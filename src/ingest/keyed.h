/* Keyed: entries of one size in the order in which they came, found by a 64-bit key. Fixed
 * capacity; memory is touched as it fills. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct keyed { /* all zero is valid and holds nothing */
	uint8_t *entry;
	uint64_t *key;            /* of each place; 0 free */
	uint32_t *slot;           /* hash table of places, 0 free */
	size_t entry_bytes, room; /* room: a power of two */
	size_t first, count;      /* places first, first + 1, … hold entries or gaps */
};

/* room: entries at once, a power of two. Fails: -ENOMEM. */
MUST_USE int keyed_init(struct keyed *k, size_t entry_bytes, size_t room);
void keyed_fini(struct keyed *k);

/* The entry of this key (not 0), or NULL. Borrowed until the next call that adds or removes. */
void *keyed_find(const struct keyed *k, uint64_t key);
/* A new entry, all zero. The table must not be full and the key not in it. */
void *keyed_push(struct keyed *k, uint64_t key);
static inline bool keyed_full(const struct keyed *k)
{
	return k->count == k->room;
}
/* The entry that came first, or NULL; *ret_key its key. */
void *keyed_oldest(struct keyed *k, uint64_t *ret_key);
void keyed_remove(struct keyed *k, uint64_t key);
