/* Scan: numbers, times and addresses as they stand in text, read from a span that need not end with
 * a NUL. Each takes the whole span or fails with -EINVAL and leaves *ret alone: half a number is
 * none. */
#pragma once

#include "base/addr.h"

/* Digits only, no sign, no space; up to 2^64 - 1. */
MUST_USE int scan_u64(struct span text, uint64_t *ret);
/* As scan_u64, up to max. */
MUST_USE int scan_max(struct span text, uint64_t max, uint64_t *ret);
/* A decimal number of seconds, with or without a fraction or an exponent (Zeek's JSON writes
 * 1e-05), as nanoseconds; may be negative. Digits beyond the nanosecond are dropped. What does not
 * fit is -ERANGE. */
MUST_USE int scan_seconds(struct span text, int64_t *ret_ns);

/* A point in time, as logs write it: seconds since 1970, milli-, micro- or nanoseconds since 1970
 * (told by their size), or ISO 8601 / RFC 3339 with "T" or a space, with or without a fraction,
 * with zone "Z", "+02:00", "+0200", "+02" or none: UTC then. Fails beyond 1823 and 2116 too. */
MUST_USE int scan_time(struct span text, int64_t *ret_ns);
/* "2021-01-06" or "2021/01/06" alone, "T" or space, "16:41:15.583105", zone: the ISO half of
 * scan_time. */
MUST_USE int scan_iso(struct span text, int64_t *ret_ns);

/* A date with a time of day, as scan_iso() takes it, that does not say its zone. */
bool scan_is_zoneless(struct span text);

/* As addr_parse(): both families, zone dropped, mapped IPv4 folded. */
MUST_USE int scan_addr(struct span text, struct addr *ret);

static inline struct span span_of(const char *text)
{
	return (struct span){(const uint8_t *)text, strlen(text)};
}

static inline bool span_is(struct span s, const char *text)
{
	size_t len = strlen(text);
	return s.len == len && (len == 0 || memcmp(s.ptr, text, len) == 0);
}

static inline bool span_begins(struct span s, const char *text)
{
	size_t len = strlen(text);
	return s.len >= len && memcmp(s.ptr, text, len) == 0;
}

/* Whether the letter stands in it. */
static inline bool span_has(struct span s, char letter)
{
	return s.len > 0 && memchr(s.ptr, letter, s.len) != NULL;
}

/* What the hexadecimal digit, in either case, stands for; 16: it is none. */
static inline unsigned scan_hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - (unsigned)'0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - (unsigned)'a' + 10 : 16;
}

/* ASCII letters' case does not matter. */
bool span_is_nocase(struct span s, const char *text);
/* Without white space at both ends. */
struct span span_trim(struct span s);
/* Where the text begins in s, or s.len. */
size_t span_find(struct span s, const char *text);
/* What stands before the next separator (all, when there is none), which *rest loses with it.
 * False: rest was empty. */
bool span_next(struct span *rest, uint8_t separator, struct span *ret);
