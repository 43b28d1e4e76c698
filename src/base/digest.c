#include "base/digest.h"

#include <nettle/sha2.h>
#include <stdio.h>

void hex_text(char *ret, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", (unsigned)bytes[i]);
}

void digest_name(const char *text, size_t len, char ret[static DIGEST_NAME_BYTES])
{
	struct sha256_ctx sha256;
	uint8_t digest[SHA256_DIGEST_SIZE];
	sha256_init(&sha256);
	sha256_update(&sha256, len, (const uint8_t *)text);
	sha256_digest(&sha256, sizeof digest, digest);
	hex_text(ret, digest, SHA256_DIGEST_SIZE / 2);
}
