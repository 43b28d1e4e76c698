#include "base/strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct entry {
	uint32_t offset, len;
};

struct strings {
	struct hash_key key;
	char *text; /* all strings, each with its NUL; 8-aligned starts, so that binary keys can
	               live here */
	size_t used, room;
	struct entry *entry; /* by number - 1 */
	uint32_t count, max;
	uint32_t *slot; /* number or 0; open addressing, linear probing */
	size_t slots;   /* a power of two, at least twice max */
	uint64_t refused;
};

int strings_new(struct strings **ret, size_t bytes, size_t count)
{
	CHECK(count > 0 && count < UINT32_MAX / 4 && bytes < UINT32_MAX);
	struct strings *s = calloc(1, sizeof *s);
	if (s == NULL)
		return -ENOMEM;
	s->key = hash_key_new();
	s->room = bytes;
	s->max = (uint32_t)count;
	for (s->slots = 16; s->slots < 2 * count; s->slots *= 2)
		;
	s->text = malloc(bytes);
	s->entry = malloc(count * sizeof *s->entry);
	s->slot = calloc(s->slots, sizeof *s->slot);
	if (s->text == NULL || s->entry == NULL || s->slot == NULL) {
		strings_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void strings_free(struct strings *s)
{
	if (s == NULL)
		return;
	free(s->text);
	free(s->entry);
	free(s->slot);
	free(s);
}

/* The slot that holds these bytes, or the empty one where they belong. */
static uint32_t *find(const struct strings *s, const void *bytes, size_t len)
{
	size_t mask = s->slots - 1;
	for (size_t i = hash_bytes(&s->key, bytes, len) & mask;; i = (i + 1) & mask) {
		uint32_t number = s->slot[i];
		if (number == 0)
			return &s->slot[i];
		const struct entry *e = &s->entry[number - 1];
		if (e->len == len && memcmp(s->text + e->offset, bytes, len) == 0)
			return &s->slot[i];
	}
}

uint32_t strings_add_bytes(struct strings *s, const void *bytes, size_t len)
{
	if (bytes == NULL || len == 0)
		return 0;
	uint32_t *slot = find(s, bytes, len);
	if (*slot != 0)
		return *slot;
	size_t take = (len + 1 + 7) / 8 * 8;
	if (s->count == s->max || take > s->room - s->used) {
		s->refused++;
		return 0;
	}
	memcpy(s->text + s->used, bytes, len);
	s->text[s->used + len] = '\0';
	s->entry[s->count] = (struct entry){(uint32_t)s->used, (uint32_t)len};
	s->used += take;
	*slot = ++s->count;
	return s->count;
}

uint32_t strings_add(struct strings *s, const char *text)
{
	return text == NULL ? 0 : strings_add_bytes(s, text, strlen(text));
}

uint32_t strings_find(const struct strings *s, const char *text)
{
	return text == NULL || *text == '\0' ? 0 : *find(s, text, strlen(text));
}

const char *strings_get(const struct strings *s, uint32_t number)
{
	CHECK(number <= s->count);
	return number == 0 ? NULL : s->text + s->entry[number - 1].offset;
}

uint64_t strings_refused(const struct strings *s)
{
	return s->refused;
}

double strings_filled(const struct strings *s)
{
	double bytes = (double)s->used / (double)s->room;
	double numbers = (double)s->count / (double)s->max;
	return bytes > numbers ? bytes : numbers;
}
