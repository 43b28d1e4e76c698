#include "base/hash.h"

#include <string.h>
#include <sys/random.h>

struct hash_key hash_key_new(void)
{
	struct hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	struct hash_key drawn;
	if (getrandom(&drawn, sizeof drawn, 0) == (ssize_t)sizeof drawn)
		key = drawn;
	return key;
}

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

struct sip {
	uint64_t a, b, c, d;
};

static inline void sip_round(struct sip *s)
{
	s->a += s->b;
	s->b = rotate(s->b, 13) ^ s->a;
	s->a = rotate(s->a, 32);
	s->c += s->d;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = rotate(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = rotate(s->b, 17) ^ s->c;
	s->c = rotate(s->c, 32);
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	struct sip s = {key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
		key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573};
	size_t whole = len / 8 * 8;
	for (size_t i = 0; i < whole; i += 8) {
		uint64_t m = 0;
		memcpy(&m, p + i, 8);
		s.d ^= m;
		sip_round(&s);
		s.a ^= m;
	}
	uint64_t last = (uint64_t)len << 56;
	for (size_t i = whole; i < len; i++)
		last |= (uint64_t)p[i] << (8 * (i - whole));
	s.d ^= last;
	sip_round(&s);
	s.a ^= last;
	s.c ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}
