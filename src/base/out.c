#include "base/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OUT_START_BYTES ((size_t)256)
#define SECOND_NS       INT64_C(1000000000)

void out_fini(struct out *o)
{
	free(o->text);
	*o = (struct out){0};
}

void out_clear(struct out *o)
{
	o->len = 0;
	o->failed = false;
	if (o->text != NULL)
		o->text[0] = '\0';
}

/* Makes room for extra bytes and the NUL. */
static bool grow(struct out *o, size_t extra)
{
	if (o->failed)
		return false;
	if (extra < o->room - o->len)
		return true;
	size_t room = o->room == 0 ? OUT_START_BYTES : o->room;
	while (room - o->len <= extra && room < SIZE_MAX / 2)
		room *= 2;
	char *text = room - o->len > extra ? realloc(o->text, room) : NULL;
	if (text == NULL) {
		o->failed = true;
		return false;
	}
	o->text = text;
	o->room = room;
	return true;
}

void out_bytes(struct out *o, const char *bytes, size_t len)
{
	if (!grow(o, len))
		return;
	if (len > 0)
		memcpy(o->text + o->len, bytes, len);
	o->len += len;
	o->text[o->len] = '\0';
}

void out_text(struct out *o, const char *text)
{
	out_bytes(o, text, strlen(text));
}

void out_printf(struct out *o, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len >= 0 && grow(o, (size_t)len)) {
		(void)vsnprintf(o->text + o->len, (size_t)len + 1, fmt, again);
		o->len += (size_t)len;
	}
	va_end(again);
}

/* Length of the UTF-8 sequence at s (RFC 3629), its code point, or 0 when it is none. */
static size_t utf8_next(const unsigned char *s, size_t left, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] >= 0xf8 || (s[0] >= 0x80 && s[0] < 0xc2) || len > left)
		return 0;
	uint32_t point = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3fu);
	}
	if (len > 1 &&
		(point < least[len] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)))
		return 0;
	*ret = point;
	return len;
}

/* Characters that steer a terminal or turn the reading direction (Unicode TR 36, "Trojan Source").
 */
static bool is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c ||
	       point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

void out_safe(struct out *o, const char *text, size_t max_bytes)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t left = strlen(text);
	for (size_t done = 0; left > 0;) {
		if (done >= max_bytes) {
			out_text(o, "…");
			return;
		}
		uint32_t point = 0;
		size_t len = utf8_next(s, left, &point);
		if (len == 0 || is_control(point)) {
			len = len == 0 ? 1 : len;
			for (size_t i = 0; i < len; i++)
				out_printf(o, "\\x%02x", s[i]);
		} else {
			out_bytes(o, (const char *)s, len);
		}
		s += len;
		left -= len;
		done += len;
	}
}

const char *out_string(const struct out *o)
{
	return o->text == NULL ? "" : o->text;
}

void out_time(struct out *o, int64_t time_ns)
{
	int64_t second = time_ns / SECOND_NS, rest = time_ns % SECOND_NS;
	if (rest < 0) {
		second--;
		rest += SECOND_NS;
	}
	time_t clock = (time_t)second;
	struct tm tm;
	if (gmtime_r(&clock, &tm) == NULL) {
		out_text(o, "unknown");
		return;
	}
	out_printf(o, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(rest / 1000));
}

void out_duration(struct out *o, int64_t ns)
{
	double s = (double)ns / 1e9;
	static const struct {
		double below, unit;
		const char *name;
	} steps[] = {{1e-3, 1e-6, "µs"}, {1, 1e-3, "ms"}, {120, 1, "s"}, {7200, 60, "min"},
		{172800, 3600, "h"}, {1e300, 86400, "d"}};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (s < steps[i].below) {
			double v = s / steps[i].unit;
			out_printf(o,
				v >= 99.95   ? "%.0f %s"
				: v >= 9.995 ? "%.3g %s"
					     : "%.2g %s",
				v, steps[i].name);
			return;
		}
	}
}
