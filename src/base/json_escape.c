#include "base/json_escape.h"

#include "base/scan.h"

/* n hexadecimal digits at the front, or -1. */
static int64_t hex(struct cur c, size_t n)
{
	int64_t v = 0;
	for (struct span s = cur_bytes(&c, n); n > 0; n--) {
		if (s.len < n)
			return -1;
		unsigned digit = scan_hex(s.ptr[s.len - n]);
		if (digit > 15)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* RFC 3629. Returns the bytes written: 3 at most for what \u can tell, 4 for a pair of them. */
static size_t put_utf8(uint8_t *to, uint32_t code)
{
	if (code < 0x80) {
		to[0] = (uint8_t)code;
		return 1;
	}
	size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
	to[0] = (uint8_t)(lead[more] | code >> (6 * more));
	for (size_t i = 1; i <= more; i++)
		to[i] = (uint8_t)(0x80 | (code >> (6 * (more - i)) & 0x3f));
	return more + 1;
}

/* \uXXXX, with the second half of a surrogate pair if there is one; half a pair alone becomes
 * U+FFFD. c stands after the "u". */
static size_t put_u(struct cur *c, uint32_t code, uint8_t *to)
{
	cur_skip(c, 4);
	if (code >= 0xd800 && code < 0xe000) {
		struct cur next = *c;
		bool escape = next.len >= 6 && cur_be16(&next) == ('\\' << 8 | 'u');
		int64_t low = escape ? hex(next, 4) : -1;
		if (code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
			cur_skip(c, 6);
		} else {
			code = 0xfffd;
		}
	}
	return put_utf8(to, code);
}

/* What the escape after a backslash stands for; never longer than it is written. \x1f is no JSON,
 * but written (zeek#609); of other unknown ones the backslash is kept. */
static size_t put_escape(struct cur *c, uint8_t *to)
{
	static const char from[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	uint8_t kind = cur_u8(c);
	const char *simple = kind == 0 ? NULL : strchr(from, kind);
	int64_t code = kind == 'u' ? hex(*c, 4) : kind == 'x' ? hex(*c, 2) : -1;
	if (simple != NULL) {
		to[0] = (uint8_t)meant[simple - from];
		return 1;
	}
	if (code >= 0 && kind == 'u')
		return put_u(c, (uint32_t)code, to);
	if (code >= 0) {
		cur_skip(c, 2);
		to[0] = (uint8_t)code;
		return 1;
	}
	to[0] = '\\';
	to[1] = kind;
	return 2;
}

size_t json_unescape(struct span s, uint8_t *to)
{
	size_t len = 0;
	for (struct cur c = cur_of(s.ptr, s.len); c.len > 0;) {
		uint8_t byte = cur_u8(&c);
		if (byte == '\\' && c.len > 0)
			len += put_escape(&c, to + len);
		else
			to[len++] = byte;
	}
	return len;
}
