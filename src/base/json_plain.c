#include "base/cur.h"
#include "base/json_index.h"

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_operator(uint8_t c)
{
	return c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ',';
}

/* Past the string whose opening quote was read. False: it has no end. */
static bool skip_string(struct cur *c)
{
	while (c->len > 0) {
		uint8_t byte = cur_u8(c);
		if (byte == '"')
			return true;
		if (byte == '\\')
			cur_skip(c, 1);
	}
	return false;
}

/* What is no JSON is marked as simdjson does: nothing that is glued to a scalar is a token of its
 * own, and a backslash hides the quote behind it outside of strings too. */
size_t json_plain_mark(const uint8_t *text, size_t len, uint32_t *ret)
{
	size_t count = 0;
	bool scalar = false, hidden = false; /* what the byte before does to this one */
	for (struct cur c = cur_of(text, len); c.len > 0;) {
		uint32_t at = (uint32_t)(c.ptr - text);
		uint8_t byte = cur_u8(&c);
		bool quote = byte == '"' && !hidden;
		if (is_operator(byte) || !(scalar || is_space(byte)))
			ret[count++] = at;
		if (quote && !skip_string(&c))
			return 0;
		scalar = !is_space(byte) && !is_operator(byte) && !quote;
		hidden = byte == '\\' && !hidden;
	}
	return count;
}
