/* Keyed hashing for tables whose keys a stranger writes: SipHash-1-3 (Aumasson, Bernstein, 2012).
 * The key is drawn per run, so nobody can prepare collisions; no result may depend on the order
 * that a hash gives. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

/* From the kernel's random source; a fixed key where there is none. */
struct hash_key hash_key_new(void);
uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len);
