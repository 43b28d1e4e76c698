/* Keys of client Initial packets, which anyone can derive, and the opening of one packet (RFC 9001
 * 5). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

struct quic_version {
	uint32_t number;
	uint8_t initial_type; /* of the long header's two type bits */
	uint8_t salt[20];
	const char *key, *iv, *hp; /* labels */
};

/* NULL: a version without known keys. */
const struct quic_version *quic_version_find(uint32_t number);

struct quic_keys {
	uint8_t key[16], iv[12], hp[16];
};

/* dcid: Destination Connection ID of the client's first Initial. False: no memory. */
bool quic_keys_derive(const struct quic_version *version, struct span dcid, struct quic_keys *ret);

/* A protected packet: header as sent up to the packet number, and all behind it. */
struct quic_sealed {
	struct span header, rest;
};

/* Opens a packet into plain (room bytes). Returns the plaintext's length, 0 when the key is not the
 * right one or it does not fit. */
size_t quic_open(const struct quic_keys *keys, const struct quic_sealed *sealed, uint8_t *plain,
	size_t room);
