/* What parsers of rows call for texts, keys and complaints. */
#include "ingest/sink.h"

#include <idn2.h>

void sink_reject(struct sink *s, const char *why)
{
	s->rejected++;
	if (s->options.ingest != NULL && s->row != NULL)
		ingest_reject(s->options.ingest, s->row, why);
}

void sink_remark(struct sink *s, enum remark remark)
{
	s->remarks[remark]++;
}

char *sink_room(struct sink *s, size_t n)
{
	return n == 0 ? NULL : ARENA_NEW(&s->texts, char, n);
}

const char *sink_text(struct sink *s, struct span text)
{
	char *copy = text.len == 0 ? NULL : sink_room(s, text.len + 1);
	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < text.len; i++)
		copy[i] = (char)(text.ptr[i] == 0 ? '?' : text.ptr[i]);
	return copy;
}

/* "name:443" without its port, "[2001:db8::1]:443" without its brackets too. */
static struct span without_port(struct span text)
{
	if (text.len == 0)
		return text;
	if (text.ptr[0] == '[') {
		struct span inside = {text.ptr + 1, text.len - 1};
		struct span ret = inside;
		return span_next(&inside, ']', &ret) ? ret : text;
	}
	const uint8_t *colon = memchr(text.ptr, ':', text.len);
	if (colon == NULL || memrchr(text.ptr, ':', text.len) != colon)
		return text;
	return (struct span){text.ptr, (size_t)(colon - text.ptr)};
}

/* No name is longer, however it is written: 253 letters of four bytes. */
#define NAME_BYTES_MAX 1012

static bool is_ascii(const char *name)
{
	while (*name > 0 && *name < 0x7f)
		name++;
	return *name == '\0';
}

/* As DNS and TLS write it ("xn--bcher-kva.example"): proxies log what the person typed (RFC 5891 5,
 * UTS 46). What is no such name stays as it is. */
static char *as_asked(struct sink *s, char *name)
{
	uint8_t *ascii = NULL;
	if (is_ascii(name) || strlen(name) > NAME_BYTES_MAX ||
		idn2_lookup_u8((const uint8_t *)name, &ascii,
			IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return name;
	size_t len = strlen((const char *)ascii);
	char *copy = sink_room(s, len + 1);
	if (copy != NULL)
		memcpy(copy, ascii, len);
	idn2_free(ascii);
	return copy != NULL ? copy : name;
}

const char *sink_name(struct sink *s, struct span text, bool port)
{
	struct addr literal;
	if (port)
		text = without_port(text);
	while (text.len > 0 && text.ptr[text.len - 1] == '.')
		text.len--;
	if (text.len == 0 || scan_addr(text, &literal) == 0)
		return NULL;
	char *name = sink_room(s, text.len + 1);
	for (size_t i = 0; name != NULL && i < text.len; i++) {
		char c = (char)text.ptr[i];
		name[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c == 0 ? '?' : c);
	}
	return name == NULL ? NULL : as_asked(s, name);
}

struct keyed *sink_table(struct sink *s, const struct format *of, size_t entry_bytes, size_t room,
	void (*finish)(struct sink *s, struct keyed *table))
{
	for (size_t i = 0; i < s->tables; i++)
		if (s->table[i].of == of)
			return &s->table[i].keyed;
	CHECK(s->tables < TABLES_MAX);
	struct table *t = &s->table[s->tables];
	if (s->options.waiting_max != 0 && s->options.waiting_max < room)
		room = s->options.waiting_max;
	if (keyed_init(&t->keyed, entry_bytes, room) < 0)
		return NULL;
	t->of = of;
	t->finish = finish;
	s->tables++;
	return &t->keyed;
}

uint64_t sink_key_bytes(struct sink *s, const void *bytes, size_t len)
{
	uint64_t key = hash_bytes(&s->hash, bytes, len);
	return key == 0 ? 1 : key; /* 0 is no key */
}

uint64_t sink_key(struct sink *s, struct span uid)
{
	return uid.len == 0 ? 0 : sink_key_bytes(s, uid.ptr, uid.len);
}
