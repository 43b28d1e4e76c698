#include "decode/quic_keys.h"

#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <string.h>

#define HASH_BYTES   SHA256_DIGEST_SIZE
#define SAMPLE_BYTES AES_BLOCK_SIZE
#define SAMPLE_AT    4 /* RFC 9001 5.4.2: as if the packet number had four bytes */
#define TAG_BYTES    GCM_DIGEST_SIZE

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

/* HKDF-Expand-Label (RFC 8446 7.1) without context, of the secret that is the HMAC's key; one block
 * of output is enough for all we need (RFC 5869 2.3). */
static void expand(struct hmac_sha256_ctx *secret, const char *label, uint8_t *ret, size_t len)
{
	uint8_t info[64];
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
	hmac_sha256_update(secret, n, info);
	hmac_sha256_digest(secret, len, ret); /* and ready for the next with the same key */
}

void quic_keys_derive(const struct quic_version *version, struct span dcid, struct quic_keys *ret)
{
	uint8_t secret[HASH_BYTES];
	struct hmac_sha256_ctx hmac;
	/* HKDF-Extract is HMAC with the salt as key (RFC 5869 2.2) */
	hmac_sha256_set_key(&hmac, sizeof version->salt, version->salt);
	hmac_sha256_update(&hmac, dcid.len, dcid.ptr);
	hmac_sha256_digest(&hmac, sizeof secret, secret);
	hmac_sha256_set_key(&hmac, sizeof secret, secret);
	expand(&hmac, "client in", secret, sizeof secret);
	hmac_sha256_set_key(&hmac, sizeof secret, secret);
	ret->version = version;
	expand(&hmac, version->key, ret->key, sizeof ret->key);
	expand(&hmac, version->iv, ret->iv, sizeof ret->iv);
	expand(&hmac, version->hp, ret->hp, sizeof ret->hp);
}

struct unmasked { /* a packet without its header's protection, RFC 9001 5.4.1 */
	uint8_t first;
	uint8_t number[4];
	size_t number_len;
	struct span text; /* still sealed */
	struct span tag;
};

/* False when the packet is too short. */
static bool unmask(
	const struct quic_keys *keys, const struct quic_sealed *sealed, struct unmasked *ret)
{
	struct cur sampled = cur_of(sealed->rest.ptr, sealed->rest.len);
	cur_skip(&sampled, SAMPLE_AT);
	struct span sample = cur_bytes(&sampled, SAMPLE_BYTES);
	if (!cur_ok(&sampled) || sealed->header.len == 0)
		return false;
	uint8_t mask[SAMPLE_BYTES]; /* RFC 9001 5.4.3: one AES block of the sample */
	struct aes128_ctx cipher;
	aes128_set_encrypt_key(&cipher, keys->hp);
	aes128_encrypt(&cipher, sizeof mask, mask, sample.ptr);
	ret->first = sealed->header.ptr[0] ^ (mask[0] & 0x0f);
	ret->number_len = (ret->first & 3u) + 1;
	struct cur body = cur_of(sealed->rest.ptr, sealed->rest.len);
	for (size_t i = 0; i < ret->number_len; i++)
		ret->number[i] = cur_u8(&body) ^ mask[1 + i];
	if (body.len <= TAG_BYTES)
		return false;
	ret->text = cur_bytes(&body, body.len - TAG_BYTES);
	ret->tag = cur_bytes(&body, TAG_BYTES);
	return cur_ok(&body);
}

/* Whether a frame that an Initial may carry can begin so (RFC 9000 17.2.2): in one byte, as it must
 * be, or in more, as it can be (12.4). */
static bool begins_frame(uint8_t first)
{
	return first <= 3 || first == 6 || first == 0x1c || first == 0x40 || first == 0x80 ||
	       first == 0xc0;
}

/* One block tells whether the keys can be the right ones: of others' packets 9 in 256 get past. The
 * first block of the text is sealed with counter 2 (NIST SP 800-38D 7.1). */
static bool can_be_opened(
	const struct quic_keys *keys, const uint8_t nonce[static GCM_IV_SIZE], struct span text)
{
	uint8_t block[AES_BLOCK_SIZE] = {0};
	memcpy(block, nonce, GCM_IV_SIZE);
	block[sizeof block - 1] = 2;
	struct aes128_ctx cipher;
	aes128_set_encrypt_key(&cipher, keys->key);
	aes128_encrypt(&cipher, sizeof block, block, block);
	struct cur c = cur_of(text.ptr, text.len);
	return begins_frame(block[0] ^ cur_u8(&c));
}

size_t quic_open(
	const struct quic_keys *keys, const struct quic_sealed *sealed, uint8_t *plain, size_t room)
{
	struct unmasked u;
	if (!unmask(keys, sealed, &u))
		return 0;
	size_t associated = sealed->header.len + u.number_len;
	if (u.text.len > room || associated > room)
		return 0;
	uint8_t nonce[GCM_IV_SIZE], tag[TAG_BYTES];
	memcpy(nonce, keys->iv, sizeof nonce);
	/* The number is taken as if none was dropped in front: a client's Initials are few (RFC
	 * 9000 17.1). */
	for (size_t i = 0; i < u.number_len; i++)
		nonce[sizeof nonce - u.number_len + i] ^= u.number[i];
	if (!can_be_opened(keys, nonce, u.text))
		return 0;
	struct gcm_aes128_ctx gcm;
	gcm_aes128_set_key(&gcm, keys->key);
	gcm_aes128_set_iv(&gcm, sizeof nonce, nonce);
	/* The associated data, the header as it was, must come in one piece: it is put together
	 * where the plaintext goes next. */
	memcpy(plain, sealed->header.ptr, sealed->header.len);
	plain[0] = u.first;
	memcpy(plain + sealed->header.len, u.number, u.number_len);
	gcm_aes128_update(&gcm, associated, plain);
	gcm_aes128_decrypt(&gcm, u.text.len, plain, u.text.ptr);
	gcm_aes128_digest(&gcm, sizeof tag, tag);
	return memcmp(tag, u.tag.ptr, sizeof tag) == 0 ? u.text.len : 0;
}
