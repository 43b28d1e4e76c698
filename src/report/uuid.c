#include "report/uuid.h"

#include <nettle/sha1.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define UUID_SIZE 16

static uint8_t nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void bytes_of(const char *text, uint8_t ret[static UUID_SIZE])
{
	size_t digits = 0;
	memset(ret, 0, UUID_SIZE);
	for (; *text != '\0' && digits < (size_t)2 * UUID_SIZE; text++)
		if (*text != '-') {
			ret[digits / 2] = (uint8_t)(ret[digits / 2] << 4 | nibble(*text));
			digits++;
		}
	CHECK(digits == (size_t)2 * UUID_SIZE);
}

const char *uuid_of2(
	const char *space, const char *kind, const char *name, char buf[static UUID_BYTES])
{
	struct sha1_ctx sha1;
	uint8_t id[SHA1_DIGEST_SIZE], head[UUID_SIZE];
	bytes_of(space, head);
	sha1_init(&sha1);
	sha1_update(&sha1, sizeof head, head);
	sha1_update(&sha1, strlen(kind), (const uint8_t *)kind);
	sha1_update(&sha1, strlen(name), (const uint8_t *)name);
	sha1_digest(&sha1, sizeof id, id);
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x50); /* RFC 9562, 5.5: version and variant */
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	(void)snprintf(buf, UUID_BYTES,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", id[0],
		id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9], id[10], id[11],
		id[12], id[13], id[14], id[15]);
	return buf;
}

const char *uuid_of(const char *space, const char *name, char buf[static UUID_BYTES])
{
	return uuid_of2(space, "", name, buf);
}
