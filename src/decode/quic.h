/* QUIC v1 and v2 Initial packets (RFC 9000, 9001, 9369): decrypted with the keys that anyone can
 * derive, for the ClientHello in their CRYPTO frames. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "decode/quic_keys.h"
#include "decode/tls.h"

#define QUIC_CID_BYTES 20
#define QUIC_CRYPTO_BYTES_MAX \
	8192 /* a ClientHello over several Initials; Chrome's post-quantum one is 1.8 kB */

/* Collects the CRYPTO stream of one client. All zero is a valid start. */
struct quic_crypto {
	uint8_t *bytes; /* lent buffer of room bytes */
	uint32_t room;
	uint8_t *have;                /* lent bitmap, (room + 7) / 8 bytes, zeroed */
	uint32_t contiguous;          /* bytes from 0 without a hole */
	uint8_t dcid[QUIC_CID_BYTES]; /* of the client's first Initial: the keys hang on it */
	uint8_t dcid_len;
	bool keyed;            /* the keys have opened a packet */
	struct quic_keys keys; /* of dcid, or none yet */
	uint32_t unopened;     /* Initials that no key opened: the server's, damaged, or forged */
	uint32_t beyond;       /* CRYPTO bytes behind room: not kept */
};

/* A cheap test on a UDP payload: long header, fixed bit, version 1, 2 or one of the last drafts,
 * type Initial. */
bool quic_is_initial(struct cur c);

/* Any QUIC long header packet of a known version, Initial or not. */
bool quic_looks_like(struct cur c);

/* Decrypts every client Initial in this datagram (they may be coalesced) and files its CRYPTO
 * frames. Returns true when a whole ClientHello is there and was decoded into *ret. */
bool quic_client_initial(struct quic_crypto *q, struct cur datagram, struct tls_hello *ret);
