#include "base/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"

/* ---- text ---- */

bool span_is_nocase(struct span s, const char *text)
{
	return s.len == strlen(text) &&
	       (s.len == 0 || strncasecmp((const char *)s.ptr, text, s.len) == 0);
}

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct span span_trim(struct span s)
{
	size_t from = 0, to = s.len;
	while (from < to && is_space(s.ptr[from]))
		from++;
	while (to > from && is_space(s.ptr[to - 1]))
		to--;
	return (struct span){s.ptr == NULL ? NULL : s.ptr + from, to - from};
}

size_t span_find(struct span s, const char *text)
{
	const uint8_t *at = s.len == 0 ? NULL : memmem(s.ptr, s.len, text, strlen(text));
	return at == NULL ? s.len : (size_t)(at - s.ptr);
}

bool span_next(struct span *rest, uint8_t separator, struct span *ret)
{
	if (rest->len == 0)
		return false;
	const uint8_t *end = memchr(rest->ptr, separator, rest->len);
	size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
	*ret = (struct span){rest->ptr, len};
	size_t gone = len + (end != NULL);
	*rest = (struct span){rest->ptr + gone, rest->len - gone};
	return true;
}

/* ---- numbers ---- */

int scan_u64(struct span text, uint64_t *ret)
{
	uint64_t v = 0;
	if (text.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = text.ptr[i] - (unsigned)'0';
		if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, digit, &v))
			return -EINVAL;
	}
	*ret = v;
	return 0;
}

int scan_max(struct span text, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	if (scan_u64(text, &v) < 0 || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Where times are kept: an hour more or less cannot overflow. */
#define TIME_MAX_NS (INT64_C(1) << 62)

/* The rare forms: exponents. */
static int seconds_by_double(struct span text, int64_t *ret_ns)
{
	char buf[64], *end = NULL;
	if (text.len == 0 || text.len >= sizeof buf || is_space(text.ptr[0]))
		return -EINVAL;
	memcpy(buf, text.ptr, text.len);
	buf[text.len] = '\0';
	if (strspn(buf, "+-.0123456789eE") != text.len)
		return -EINVAL;
	double seconds = strtod(buf, &end);
	if (end != buf + text.len)
		return -EINVAL;
	if (!(seconds > -4e9 && seconds < 4e9))
		return -ERANGE;
	*ret_ns = (int64_t)(seconds * 1e9);
	return 0;
}

/* Digits after the point as nanoseconds. */
static int scan_fraction(struct span text, int64_t *ret_ns)
{
	int64_t ns = 0, unit = NS_PER_S;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = text.ptr[i] - (unsigned)'0';
		if (digit > 9)
			return -EINVAL;
		unit /= 10;
		ns += unit * digit;
	}
	*ret_ns = ns;
	return 0;
}

int scan_seconds(struct span text, int64_t *ret_ns)
{
	if (text.len == 0)
		return -EINVAL;
	bool minus = text.ptr[0] == '-';
	struct span digits = {text.ptr + minus, text.len - minus}, whole = {0};
	uint64_t seconds = 0;
	int64_t fraction = 0;
	if (!span_next(&digits, '.', &whole) || scan_u64(whole, &seconds) < 0 ||
		scan_fraction(digits, &fraction) < 0)
		return seconds_by_double(text, ret_ns);
	if (seconds >= TIME_MAX_NS / NS_PER_S)
		return -ERANGE;
	int64_t ns = (int64_t)seconds * NS_PER_S + fraction;
	*ret_ns = minus ? -ns : ns;
	return 0;
}

/* ---- times ---- */

/* Days since 1970 of a date in the Gregorian calendar (Hinnant, chrono-compatible low-level date
 * algorithms). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Exactly n digits. */
static bool take_digits(struct cur *c, size_t n, int64_t *ret)
{
	uint64_t v = 0;
	struct span s = cur_bytes(c, n);
	if (s.len != n || scan_u64(s, &v) < 0)
		return false;
	*ret = (int64_t)v;
	return true;
}

static bool take_any(struct cur *c, const char *letters)
{
	return c->len > 0 && c->ptr[0] != 0 && strchr(letters, c->ptr[0]) != NULL &&
	       cur_bytes(c, 1).len == 1;
}

static bool take_date(struct cur *c, int64_t *ret_days)
{
	int64_t year, month, day;
	if (!take_digits(c, 4, &year) || !take_any(c, "-/") || !take_digits(c, 2, &month) ||
		!take_any(c, "-/") || !take_digits(c, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1)
		return false;
	*ret_days = days_of(year, month, day);
	return *ret_days < (month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1));
}

static bool take_clock(struct cur *c, int64_t *ret_ns)
{
	int64_t hour, minute, second, fraction = 0;
	if (!take_digits(c, 2, &hour) || !take_any(c, ":") || !take_digits(c, 2, &minute) ||
		!take_any(c, ":") || !take_digits(c, 2, &second))
		return false;
	if (take_any(c, ".,")) {
		size_t n = 0;
		while (n < c->len && c->ptr[n] >= '0' && c->ptr[n] <= '9')
			n++;
		if (n == 0 || scan_fraction(cur_bytes(c, n), &fraction) < 0)
			return false;
	}
	/* a leap second belongs to the next minute */
	*ret_ns = (hour * 3600 + minute * 60 + second) * NS_PER_S + fraction;
	return hour <= 24 && minute <= 59 && second <= 60;
}

static bool take_zone(struct cur *c, int64_t *ret_ns)
{
	*ret_ns = 0;
	(void)take_any(c, " ");
	if (c->len == 0 || take_any(c, "Zz"))
		return true;
	bool west = c->ptr[0] == '-';
	int64_t hours, minutes = 0;
	if (!take_any(c, "+-") || !take_digits(c, 2, &hours))
		return false;
	(void)take_any(c, ":");
	if (c->len > 0 && !take_digits(c, 2, &minutes))
		return false;
	int64_t ns = (hours * 60 + minutes) * 60 * NS_PER_S;
	*ret_ns = west ? -ns : ns;
	return hours <= 14 && minutes <= 59;
}

int scan_iso(struct span text, int64_t *ret_ns)
{
	struct cur c = cur_of(text.ptr, text.len);
	int64_t days, clock_ns = 0, zone_ns = 0;
	if (!take_date(&c, &days) || !take_any(&c, "Tt ") || !take_clock(&c, &clock_ns) ||
		!take_zone(&c, &zone_ns) || c.len > 0)
		return -EINVAL;
	int64_t limit = TIME_MAX_NS / NS_PER_S / 86400;
	if (days >= limit || days <= -limit)
		return -EINVAL;
	*ret_ns = days * 86400 * NS_PER_S + clock_ns - zone_ns;
	return 0;
}

bool scan_is_zoneless(struct span text)
{
	struct cur c = cur_of(text.ptr, text.len);
	int64_t days, clock_ns;
	return text.len >= 19 && (text.ptr[4] == '-' || text.ptr[4] == '/') &&
	       take_date(&c, &days) && take_any(&c, "Tt ") && take_clock(&c, &clock_ns) &&
	       c.len == 0;
}

/* Whole milli-, micro- or nanoseconds since 1970; seconds stay below 1e11 until the year 5138. */
static int scan_epoch(struct span text, int64_t *ret_ns)
{
	static const struct {
		int64_t from_s, divisor;
	} units[] = {{INT64_C(100000000000000), NS_PER_S / NS_PER_US},
		{INT64_C(100000000000), NS_PER_S / NS_PER_MS}};
	uint64_t n = 0;
	if (text.len > 17 && scan_u64(text, &n) == 0 && n < TIME_MAX_NS) {
		*ret_ns = (int64_t)n;
		return 0;
	}
	int64_t ns = 0;
	/* what is too large for seconds is looked at as a whole number */
	if (scan_seconds(text, &ns) == 0) {
		*ret_ns = ns;
		return 0;
	}
	struct span rest = text, whole = {0};
	if (!span_next(&rest, '.', &whole) || scan_u64(whole, &n) < 0)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (n >= (uint64_t)units[i].from_s &&
			n / (uint64_t)units[i].divisor < TIME_MAX_NS / NS_PER_S) {
			*ret_ns = (int64_t)n * (NS_PER_S / units[i].divisor);
			return 0;
		}
	return -EINVAL;
}

int scan_time(struct span text, int64_t *ret_ns)
{
	/* a date has its first dash in the fifth place */
	if (text.len >= 19 && (text.ptr[4] == '-' || text.ptr[4] == '/'))
		return scan_iso(text, ret_ns);
	return scan_epoch(text, ret_ns);
}

/* ---- addresses ---- */

static bool scan_v4(struct span text, struct addr *ret)
{
	uint32_t v4 = 0;
	size_t at = 0;
	for (size_t part = 0; part < 4; part++) {
		unsigned n = 0;
		size_t digits = 0;
		for (; at < text.len && text.ptr[at] - (unsigned)'0' <= 9 && digits < 4; digits++)
			n = n * 10 + (text.ptr[at++] - (unsigned)'0');
		bool zeros = digits > 1 && text.ptr[at - digits] == '0';
		if (digits == 0 || n > 255 || zeros)
			return false;
		v4 = v4 << 8 | n;
		if (part < 3 && (at >= text.len || text.ptr[at++] != '.'))
			return false;
	}
	if (at != text.len)
		return false;
	*ret = addr_v4(v4);
	return true;
}

int scan_addr(struct span text, struct addr *ret)
{
	char buf[ADDR_TEXT_BYTES + 32]; /* with a zone */
	if (scan_v4(text, ret))
		return 0;
	if (text.len == 0 || text.len >= sizeof buf || memchr(text.ptr, 0, text.len) != NULL)
		return -EINVAL;
	memcpy(buf, text.ptr, text.len);
	buf[text.len] = '\0';
	return addr_parse(buf, ret);
}
