/* Makes client Initials, for the tests and the fuzzer: the other half of quic_keys.c. */
#pragma once

#include <nettle/gcm.h>
#include <string.h>

#include "decode/quic_keys.h"

#define SEAL_BYTES_MAX 4096

struct sealing {
	uint32_t version;
	struct span key_dcid; /* keys are derived from it */
	struct span dcid;     /* and this one is sent */
	uint8_t number;
};

/* Writes one Initial that carries these frames; returns its length. Frames: at least 4 bytes, at
 * most 3,900. */
static inline size_t seal_initial(
	const struct sealing *s, struct span frames, uint8_t ret[static SEAL_BYTES_MAX])
{
	const struct quic_version *version = quic_version_find(s->version);
	struct quic_keys keys;
	CHECK(version != NULL);
	quic_keys_derive(version, s->key_dcid, &keys);
	CHECK(frames.len >= 4 && frames.len <= 3900 && s->dcid.len <= 20);
	size_t n = 0, body = 1 + frames.len + 16;
	ret[n++] = (uint8_t)(0xc0 | version->initial_type << 4);
	for (size_t i = 4; i > 0; i--)
		ret[n++] = (uint8_t)(s->version >> 8 * (i - 1));
	ret[n++] = (uint8_t)s->dcid.len;
	for (size_t i = 0; i < s->dcid.len; i++)
		ret[n++] = s->dcid.ptr[i];
	ret[n++] = 0; /* source connection id */
	ret[n++] = 0; /* token */
	ret[n++] = (uint8_t)(0x40 | body >> 8);
	ret[n++] = (uint8_t)body;
	size_t number_at = n;
	ret[n++] = s->number;

	uint8_t nonce[12], mask[16];
	memcpy(nonce, keys.iv, sizeof nonce);
	nonce[11] ^= s->number;
	struct gcm_aes128_ctx gcm;
	gcm_aes128_set_key(&gcm, keys.key);
	gcm_aes128_set_iv(&gcm, sizeof nonce, nonce);
	gcm_aes128_update(&gcm, n, ret);
	gcm_aes128_encrypt(&gcm, frames.len, ret + n, frames.ptr);
	n += frames.len;
	gcm_aes128_digest(&gcm, 16, ret + n);
	n += 16;
	struct aes128_ctx cipher;
	aes128_set_encrypt_key(&cipher, keys.hp);
	aes128_encrypt(&cipher, sizeof mask, mask, ret + number_at + 4);
	ret[0] ^= mask[0] & 0x0f;
	ret[number_at] ^= mask[1];
	return n;
}
