/* Keys of client Initial packets, which anyone can derive, and the opening of one packet (RFC 9001
 * 5). */
#pragma once

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
	const struct quic_version *version; /* NULL: none derived yet */
	uint8_t key[16], iv[12], hp[16];
};

/* dcid: Destination Connection ID of the client's first Initial. About 16 blocks of SHA-256: done
 * once per connection, not per packet. */
void quic_keys_derive(const struct quic_version *version, struct span dcid, struct quic_keys *ret);

/* A protected packet: header as sent up to the packet number, and all behind it. */
struct quic_sealed {
	struct span header, rest;
};

/* Opens a packet into plain (room bytes, which it may overwrite in any case). Returns the
 * plaintext's length; 0 when the key is not the right one, which mostly costs two blocks of AES,
 * when the packet does not fit, or when it does not begin with a frame that an Initial may carry.
 */
size_t quic_open(const struct quic_keys *keys, const struct quic_sealed *sealed, uint8_t *plain,
	size_t room);
