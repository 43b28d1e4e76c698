#include "ingest/keyed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int keyed_init(struct keyed *k, size_t entry_bytes, size_t room)
{
	*k = (struct keyed){.entry_bytes = entry_bytes, .room = room};
	CHECK(room > 1 && (room & (room - 1)) == 0 && room < UINT32_MAX / 2);
	k->entry = calloc(room, entry_bytes);
	k->key = calloc(room, sizeof *k->key);
	k->slot = calloc(room * 2, sizeof *k->slot);
	if (k->entry == NULL || k->key == NULL || k->slot == NULL) {
		keyed_fini(k);
		return -ENOMEM;
	}
	return 0;
}

void keyed_fini(struct keyed *k)
{
	free(k->entry);
	free(k->key);
	free(k->slot);
	*k = (struct keyed){0};
}

/* Keys are keyed hashes already: any of their bits will do. */
static size_t home_of(const struct keyed *k, uint64_t key)
{
	return (size_t)(key & (k->room * 2 - 1));
}

static size_t slot_of(const struct keyed *k, uint64_t key)
{
	size_t mask = k->room * 2 - 1, at = home_of(k, key);
	while (k->slot[at] != 0 && k->key[k->slot[at] - 1] != key)
		at = (at + 1) & mask;
	return at;
}

static void *entry_at(const struct keyed *k, size_t place)
{
	return k->entry + place * k->entry_bytes;
}

void *keyed_find(const struct keyed *k, uint64_t key)
{
	if (k->count == 0)
		return NULL;
	size_t at = slot_of(k, key);
	return k->slot[at] == 0 ? NULL : entry_at(k, k->slot[at] - 1);
}

void *keyed_push(struct keyed *k, uint64_t key)
{
	CHECK(key != 0 && k->count < k->room);
	size_t at = slot_of(k, key), place = (k->first + k->count) & (k->room - 1);
	CHECK(k->slot[at] == 0);
	k->slot[at] = (uint32_t)place + 1;
	k->key[place] = key;
	k->count++;
	memset(entry_at(k, place), 0, k->entry_bytes);
	return entry_at(k, place);
}

/* Places at the beginning that hold nothing any more. */
static void drop_gaps(struct keyed *k)
{
	while (k->count > 0 && k->key[k->first] == 0) {
		k->first = (k->first + 1) & (k->room - 1);
		k->count--;
	}
}

void *keyed_oldest(struct keyed *k, uint64_t *ret_key)
{
	if (k->count == 0)
		return NULL;
	*ret_key = k->key[k->first];
	return entry_at(k, k->first);
}

/* Linear probing without tombstones: those behind move up. */
static void free_slot(struct keyed *k, size_t hole)
{
	size_t mask = k->room * 2 - 1;
	for (size_t at = (hole + 1) & mask; k->slot[at] != 0; at = (at + 1) & mask) {
		size_t home = home_of(k, k->key[k->slot[at] - 1]);
		if (((at - home) & mask) < ((at - hole) & mask))
			continue; /* it would stand before its home */
		k->slot[hole] = k->slot[at];
		hole = at;
	}
	k->slot[hole] = 0;
}

void keyed_remove(struct keyed *k, uint64_t key)
{
	if (k->count == 0)
		return;
	size_t at = slot_of(k, key);
	if (k->slot[at] == 0)
		return;
	size_t place = k->slot[at] - 1;
	free_slot(k, at);
	k->key[place] = 0;
	drop_gaps(k);
}
