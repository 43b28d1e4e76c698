#include "decode/quic_keys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define HASH_BYTES   32 /* SHA-256 */
#define SAMPLE_BYTES 16
#define SAMPLE_AT    4 /* RFC 9001 5.4.2: as if the packet number had four bytes */
#define TAG_BYTES    16

#define SALT_V1                                                                               \
	{                                                                                     \
		0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, \
			0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a                              \
	}
#define SALT_DRAFT_29                                                                         \
	{                                                                                     \
		0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, \
			0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99                              \
	}
#define SALT_V2                                                                               \
	{                                                                                     \
		0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, \
			0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9                              \
	}

const struct quic_version *quic_version_find(uint32_t number)
{
	static const struct quic_version known[] = {
		{1, 0, SALT_V1, "quic key", "quic iv", "quic hp"},                /* RFC 9001 5.2 */
		{0x6b3343cf, 1, SALT_V2, "quicv2 key", "quicv2 iv", "quicv2 hp"}, /* RFC 9369 3 */
		{0xff00001d, 0, SALT_DRAFT_29, "quic key", "quic iv", "quic hp"},
		{0xff00001e, 0, SALT_DRAFT_29, "quic key", "quic iv", "quic hp"},
		{0xff00001f, 0, SALT_DRAFT_29, "quic key", "quic iv", "quic hp"},
		{0xff000020, 0, SALT_DRAFT_29, "quic key", "quic iv", "quic hp"},
		{0xff000021, 0, SALT_V1, "quic key", "quic iv", "quic hp"},
		{0xff000022, 0, SALT_V1, "quic key", "quic iv", "quic hp"},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].number == number)
			return &known[i];
	return NULL;
}

static bool hmac(struct span key, const uint8_t *text, size_t len, uint8_t ret[static HASH_BYTES])
{
	unsigned out = 0;
	return HMAC(EVP_sha256(), key.ptr, (int)key.len, text, len, ret, &out) != NULL;
}

/* HKDF-Expand-Label (RFC 8446 7.1) without context; one block of output is enough for all we need
 * (RFC 5869 2.3). */
static bool expand(
	const uint8_t secret[static HASH_BYTES], const char *label, uint8_t *ret, size_t len)
{
	uint8_t info[64], block[HASH_BYTES];
	size_t label_len = strlen(label), n = 0;
	CHECK(len <= HASH_BYTES && label_len + 11 <= sizeof info);
	info[n++] = 0;
	info[n++] = (uint8_t)len;
	info[n++] = (uint8_t)(6 + label_len);
	memcpy(info + n, "tls13 ", 6);
	memcpy(info + n + 6, label, label_len);
	n += 6 + label_len;
	info[n++] = 0; /* context */
	info[n++] = 1; /* block number */
	if (!hmac((struct span){secret, HASH_BYTES}, info, n, block))
		return false;
	memcpy(ret, block, len);
	return true;
}

bool quic_keys_derive(const struct quic_version *version, struct span dcid, struct quic_keys *ret)
{
	uint8_t initial[HASH_BYTES], client[HASH_BYTES];
	/* HKDF-Extract is HMAC with the salt as key (RFC 5869 2.2) */
	return hmac((struct span){version->salt, sizeof version->salt}, dcid.ptr, dcid.len,
		       initial) &&
	       expand(initial, "client in", client, sizeof client) &&
	       expand(client, version->key, ret->key, sizeof ret->key) &&
	       expand(client, version->iv, ret->iv, sizeof ret->iv) &&
	       expand(client, version->hp, ret->hp, sizeof ret->hp);
}

/* RFC 9001 5.4.3: the mask is one AES block of the sample. */
static bool mask_of(EVP_CIPHER_CTX *ctx, const struct quic_keys *keys, struct span sample,
	uint8_t ret[static SAMPLE_BYTES])
{
	int len = 0;
	return EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, keys->hp, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	       EVP_EncryptUpdate(ctx, ret, &len, sample.ptr, (int)sample.len) == 1 &&
	       len == SAMPLE_BYTES;
}

struct unmasked { /* what the associated data is made of beside the header's unchanged part */
	uint8_t first;
	uint8_t number[4];
	size_t number_len;
};

static bool open_gcm(EVP_CIPHER_CTX *ctx, const struct quic_keys *keys, const struct unmasked *u,
	struct span header, struct cur body, uint8_t *plain)
{
	uint8_t nonce[sizeof keys->iv], tag[TAG_BYTES];
	memcpy(nonce, keys->iv, sizeof nonce);
	/* The number is taken as if none was dropped in front: a client's Initials are few (RFC
	 * 9000 17.1). */
	for (size_t i = 0; i < u->number_len; i++)
		nonce[sizeof nonce - u->number_len + i] ^= u->number[i];
	struct cur unchanged = cur_of(header.ptr, header.len);
	cur_skip(&unchanged, 1);
	struct span text = cur_bytes(&body, body.len - TAG_BYTES);
	for (size_t i = 0; i < sizeof tag; i++)
		tag[i] = cur_u8(&body);
	int len = 0;
	return EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, keys->key, nonce) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &len, &u->first, 1) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &len, unchanged.ptr, (int)unchanged.len) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &len, u->number, (int)u->number_len) == 1 &&
	       EVP_DecryptUpdate(ctx, plain, &len, text.ptr, (int)text.len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, plain, &len) == 1;
}

/* Takes the masks off and opens; the plaintext's length or 0. */
static size_t unseal(EVP_CIPHER_CTX *ctx, const struct quic_keys *keys,
	const struct quic_sealed *sealed, uint8_t *plain, size_t room)
{
	struct cur sampled = cur_of(sealed->rest.ptr, sealed->rest.len);
	cur_skip(&sampled, SAMPLE_AT);
	struct span sample = cur_bytes(&sampled, SAMPLE_BYTES);
	uint8_t mask[SAMPLE_BYTES];
	if (!cur_ok(&sampled) || sealed->header.len == 0 || !mask_of(ctx, keys, sample, mask))
		return 0;
	struct unmasked u = {.first = sealed->header.ptr[0] ^ (mask[0] & 0x0f)};
	u.number_len = (u.first & 3u) + 1;
	struct cur body = cur_of(sealed->rest.ptr, sealed->rest.len);
	for (size_t i = 0; i < u.number_len; i++)
		u.number[i] = cur_u8(&body) ^ mask[1 + i];
	if (body.len <= TAG_BYTES || body.len - TAG_BYTES > room)
		return 0;
	size_t len = body.len - TAG_BYTES;
	return open_gcm(ctx, keys, &u, sealed->header, body, plain) ? len : 0;
}

size_t quic_open(
	const struct quic_keys *keys, const struct quic_sealed *sealed, uint8_t *plain, size_t room)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t len = ctx == NULL ? 0 : unseal(ctx, keys, sealed, plain, room);
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error(); /* a wrong tag is no error of ours */
	return len;
}
