#include "cli/value.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/out.h"
#include "cli/message.h"

int value_number(const char *text, double min, double max, double *ret, struct fail *why)
{
	/* strtod() takes hexadecimals, infinities and blanks too */
	char *end = NULL;
	double value = strtod(text, &end);
	if (*text == '\0' || *end != '\0' || text[strspn(text, "0123456789.eE+-")] != '\0')
		return fail_set(why, -EINVAL, "%s is not a number; give one such as 0.1",
			quoted(text).text);
	if (!((min < 0 ? value >= 0 : value > min) && value <= max))
		return fail_set(why, -EINVAL, "%s is out of range; give a number %s %.0f, to %.0f",
			quoted(text).text, min < 0 ? "from" : "over", min < 0 ? 0 : min, max);
	*ret = value;
	return 0;
}

static const char *const size_units = "KMGT";

static const char *size_text(double bytes, char buf[32])
{
	int unit = -1;
	for (; bytes >= 1024 && unit < 3; unit++)
		bytes /= 1024;
	(void)snprintf(
		buf, 32, unit < 0 ? "%.0f" : "%.0f%c", bytes, unit < 0 ? 0 : size_units[unit]);
	return buf;
}

int value_size(const char *text, double min, double max, size_t *ret, struct fail *why)
{
	char least[32], most[32];
	size_t digits = strspn(text, "0123456789.");
	char *end = NULL;
	double value = strtod(text, &end);
	const char *rest = text + digits;
	const char *unit = *rest == '\0' ? NULL : strchr(size_units, *rest & ~0x20);
	if (unit != NULL) {
		value *= pow(1024, (double)(unit - size_units + 1));
		rest++;
	}
	bool known = *rest == '\0' || strcmp(rest, "B") == 0 || strcmp(rest, "iB") == 0;
	if (digits == 0 || end != text + digits || !known)
		return fail_set(why, -EINVAL, "%s is not a size; give one such as 512M or 4G",
			quoted(text).text);
	if (value < min || value > max)
		return fail_set(why, -EINVAL, "%s is out of range; give a size from %s to %s",
			quoted(text).text, size_text(min, least), size_text(max, most));
	*ret = (size_t)value;
	return 0;
}

/* The digits at *at as a number; false unless there are exactly `digits` and it is within. */
static bool take(const char **at, int digits, int min, int max, int *ret)
{
	int value = 0;
	for (int i = 0; i < digits; i++) {
		if ((*at)[i] < '0' || (*at)[i] > '9')
			return false;
		value = value * 10 + ((*at)[i] - '0');
	}
	*at += digits;
	*ret = value;
	return value >= min && value <= max;
}

static bool take_char(const char **at, const char *any)
{
	if (**at == '\0' || strchr(any, **at) == NULL)
		return false;
	++*at;
	return true;
}

static bool take_date(const char **at, struct tm *tm)
{
	if (!take(at, 4, 1970, 2261, &tm->tm_year) || !take_char(at, "-") ||
		!take(at, 2, 1, 12, &tm->tm_mon) || !take_char(at, "-") ||
		!take(at, 2, 1, 31, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	struct tm normal = *tm;
	(void)timegm(&normal);
	return normal.tm_mday == tm->tm_mday; /* no 31st of April */
}

/* hh:mm:ss and its fraction, in ns. */
static bool take_clock(const char **at, struct tm *tm, int64_t *ret_fraction_ns)
{
	if (!take(at, 2, 0, 23, &tm->tm_hour) || !take_char(at, ":") ||
		!take(at, 2, 0, 59, &tm->tm_min) || !take_char(at, ":") ||
		!take(at, 2, 0, 60, &tm->tm_sec))
		return false;
	if (!take_char(at, "."))
		return true;
	int64_t unit = NS_PER_S / 10;
	int digit = 0, digits = 0;
	for (; take(at, 1, 0, 9, &digit); digits++, unit /= 10)
		*ret_fraction_ns += digit * unit;
	return digits > 0;
}

static bool take_zone(const char **at, int64_t *ret_offset_s)
{
	int hours = 0, minutes = 0;
	if (take_char(at, "Zz"))
		return true;
	bool west = **at == '-';
	if (!take_char(at, "+-") || !take(at, 2, 0, 23, &hours) || !take_char(at, ":") ||
		!take(at, 2, 0, 59, &minutes))
		return false;
	int64_t offset_s = INT64_C(3600) * hours + INT64_C(60) * minutes;
	*ret_offset_s = west ? -offset_s : offset_s;
	return true;
}

int value_time(const char *text, int64_t *ret, struct fail *why)
{
	struct tm tm = {0};
	int64_t fraction_ns = 0, offset_s = 0;
	const char *at = text;
	bool good = take_date(&at, &tm);
	if (good && *at != '\0')
		good = take_char(&at, "Tt ") && take_clock(&at, &tm, &fraction_ns) &&
		       take_zone(&at, &offset_s) && *at == '\0';
	if (!good)
		return fail_set(why, -EINVAL,
			"%s is not a time; give one such as 2021-01-06T16:42:42Z, "
			"2021-01-06T17:42:42+01:00 or 2021-01-06 (UTC)",
			quoted(text).text);
	*ret = ((int64_t)timegm(&tm) - offset_s) * NS_PER_S + fraction_ns;
	return 0;
}

int value_networks(const char *text, struct networks *networks, struct fail *why)
{
	for (const char *at = text;; at++) {
		char one[64] = {0};
		size_t len = strcspn(at, ",");
		memcpy(one, at, len < sizeof one ? len : sizeof one - 1);
		if (networks->count == NETWORKS_MAX)
			return fail_set(why, -EINVAL, "more than %d networks", NETWORKS_MAX);
		if (cidr_parse(one, &networks->net[networks->count]) < 0)
			return fail_set(why, -EINVAL,
				"%s is not a network; give ADDRESS or ADDRESS/BITS, such as "
				"10.0.0.0/8,2001:db8::/32",
				quoted(one).text);
		networks->count++;
		at += len;
		if (*at == '\0')
			return 0;
	}
}
