#include "decode/text.h"

#include <string.h>

#include "base/addr.h"

struct cur text_block(struct cur *c, size_t n)
{
	struct span s = cur_bytes(c, n);
	return (struct cur){.ptr = s.ptr, .len = s.len, .fenced = true, .state = c->state};
}

void text_copy(char *ret, size_t room, struct span text)
{
	size_t len = text.len < room ? text.len : room - 1;
	for (size_t i = 0; i < len; i++)
		ret[i] = (char)(text.ptr[i] == '\0' ? (uint8_t)'?' : text.ptr[i]);
	ret[len] = '\0';
}

void text_host(char *ret, size_t room, struct span name)
{
	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	ret[0] = '\0';
	if (name.len >= room)
		return;
	text_copy(ret, room, name);
	for (char *p = ret; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}

bool text_is_address(const char *host)
{
	struct addr unused;
	char inside[ADDR_TEXT_BYTES];
	size_t len = strlen(host);
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']' && len - 2 < sizeof inside) {
		memcpy(inside, host + 1, len - 2);
		inside[len - 2] = '\0';
		return addr_parse(inside, &unused) == 0;
	}
	return addr_parse(host, &unused) == 0;
}

bool text_is_name(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.*";
	return host[0] != '\0' && host[strspn(host, allowed)] == '\0';
}
