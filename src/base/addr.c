#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct addr addr_v4(uint32_t host_order)
{
	struct addr a = {0};
	memcpy(a.byte, v4_prefix, sizeof v4_prefix);
	for (size_t i = 0; i < 4; i++)
		a.byte[12 + i] = (uint8_t)(host_order >> (24 - 8 * i));
	return a;
}

struct addr addr_of(struct span bytes)
{
	struct addr a = {0};
	if (bytes.len == 4) {
		memcpy(a.byte, v4_prefix, sizeof v4_prefix);
		memcpy(a.byte + 12, bytes.ptr, 4);
	} else if (bytes.len == 16) {
		memcpy(a.byte, bytes.ptr, 16);
	}
	return a;
}

bool addr_is_none(const struct addr *a)
{
	static const struct addr none = {0};
	return addr_eq(a, &none);
}

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->byte, v4_prefix, sizeof v4_prefix) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return memcmp(a->byte, b->byte, sizeof a->byte) == 0;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	return memcmp(a->byte, b->byte, sizeof a->byte);
}

const char *addr_text(const struct addr *a, char buf[static ADDR_TEXT_BYTES])
{
	const char *text = addr_is_v4(a) ? inet_ntop(AF_INET, a->byte + 12, buf, ADDR_TEXT_BYTES)
	                                 : inet_ntop(AF_INET6, a->byte, buf, ADDR_TEXT_BYTES);
	CHECK(text == buf);
	return buf;
}

int addr_parse(const char *text, struct addr *ret)
{
	char bare[ADDR_TEXT_BYTES];
	size_t len = strcspn(text, "%");
	if (len == 0 || len >= sizeof bare)
		return -EINVAL;
	memcpy(bare, text, len);
	bare[len] = '\0';
	uint8_t wire[16];
	if (inet_pton(AF_INET, bare, wire) == 1)
		*ret = addr_of((struct span){wire, 4});
	else if (inet_pton(AF_INET6, bare, wire) == 1)
		*ret = addr_of((struct span){wire, 16});
	else
		return -EINVAL;
	return 0;
}

/* Clears every bit behind the prefix. */
static void mask(struct addr *a, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > 8 * i ? bits - 8 * i : 0;
		if (keep < 8)
			a->byte[i] &= (uint8_t)(0xff00u >> keep);
	}
}

int cidr_parse(const char *text, struct cidr *ret)
{
	char bare[ADDR_TEXT_BYTES];
	size_t len = strcspn(text, "/");
	if (len >= sizeof bare)
		return -EINVAL;
	memcpy(bare, text, len);
	bare[len] = '\0';
	struct cidr c = {0};
	if (addr_parse(bare, &c.net) < 0)
		return -EINVAL;
	/* the family is how it was written: ::ffff:0:0/96 is an IPv6 prefix */
	unsigned max = strchr(bare, ':') == NULL ? 32 : 128;
	unsigned long bits = max;
	if (text[len] == '/') {
		const char *digits = text + len + 1;
		char *end = NULL;
		errno = 0;
		bits = strtoul(digits, &end, 10);
		if (*digits < '0' || *digits > '9' || *end != '\0' || errno != 0 || bits > max)
			return -EINVAL;
	}
	c.bits = (uint8_t)(bits + 128 - max);
	mask(&c.net, c.bits);
	*ret = c;
	return 0;
}

bool cidr_has(const struct cidr *c, const struct addr *a)
{
	struct addr masked = *a;
	mask(&masked, c->bits);
	return addr_eq(&masked, &c->net);
}

bool addr_is_private(const struct addr *a)
{
	const uint8_t *b = a->byte;
	if (addr_is_v4(a))
		return b[12] == 10 || b[12] == 127 || (b[12] == 172 && (b[13] & 0xf0) == 16) ||
		       (b[12] == 192 && b[13] == 168) || (b[12] == 169 && b[13] == 254) ||
		       (b[12] == 100 && (b[13] & 0xc0) == 64);
	static const struct addr loopback = {.byte[15] = 1};
	return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) ||
	       addr_eq(a, &loopback);
}

bool addr_is_group(const struct addr *a)
{
	const uint8_t *b = a->byte;
	if (addr_is_v4(a))
		return b[12] == 0 || b[12] >= 224;
	return b[0] == 0xff || addr_is_none(a);
}

bool addr_same_net(const struct addr *a, const struct addr *b)
{
	if (addr_is_v4(a) != addr_is_v4(b))
		return false;
	return memcmp(a->byte, b->byte, addr_is_v4(a) ? 15 : 6) == 0;
}
