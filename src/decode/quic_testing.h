/* Makes client Initials, for the tests and the fuzzer: the other half of quic_keys.c. */
#pragma once

#include <openssl/evp.h>
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
	CHECK(version != NULL && quic_keys_derive(version, s->key_dcid, &keys));
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
	int len = 0;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	CHECK(ctx != NULL);
	CHECK(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, keys.key, nonce) == 1);
	CHECK(EVP_EncryptUpdate(ctx, NULL, &len, ret, (int)n) == 1);
	CHECK(EVP_EncryptUpdate(ctx, ret + n, &len, frames.ptr, (int)frames.len) == 1);
	n += frames.len;
	CHECK(EVP_EncryptFinal_ex(ctx, ret + n, &len) == 1);
	CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, ret + n) == 1);
	n += 16;
	CHECK(EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, keys.hp, NULL) == 1);
	CHECK(EVP_EncryptUpdate(ctx, mask, &len, ret + number_at + 4, 16) == 1);
	EVP_CIPHER_CTX_free(ctx);
	ret[0] ^= mask[0] & 0x0f;
	ret[number_at] ^= mask[1];
	return n;
}
