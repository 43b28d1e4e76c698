#include "base/json.h"

#include <errno.h>

#include "base/json_escape.h"
#include "base/json_index.h"

#define PATHS_MAX   1024
#define DOTS_MAX    4
#define NAME_BYTES  128
#define NAMES_MAX   8192 /* in all ways of writing them */
#define DEPTH_MAX   64   /* of nesting: a word's bits */
#define TEXT_MAX    ((size_t)64 << 20)
#define NO_SLOT     UINT16_MAX
#define FIRST_BYTES ((size_t)4096)

/* ---- keys ---- */

/* A name as it is compared: up to 16 bytes are known by these numbers alone. */
struct name {
	uint64_t first, last; /* the first eight bytes; the last eight of those longer */
	size_t len;
};

struct entry {
	struct name name;
	uint16_t parent; /* node; 0 is the root */
	uint16_t child;  /* node of the object of this name; 0: nothing in it is wanted */
	uint16_t slot;   /* NO_SLOT: only what is in it is wanted */
	char text[NAME_BYTES];
};

struct json_keys {
	struct entry *entry; /* from 1 */
	uint16_t *table;     /* of entries by their hash; open addressing */
	uint32_t entries, room, mask;
	uint16_t nodes;
	size_t slots;
};

/* text.len bytes, of which those up to `end` of the buffer may be read. */
static inline struct name name_of(struct span text, const uint8_t *end)
{
	struct name n = {.len = text.len};
	if (text.len > 8) {
		struct cur c = cur_of(text.ptr, 8), tail = cur_of(text.ptr + text.len - 8, 8);
		n.first = cur_le64(&c);
		n.last = cur_le64(&tail);
	} else if (text.len > 0 && (size_t)(end - text.ptr) >= 8) {
		struct cur c = cur_of(text.ptr, 8);
		n.first = cur_le64(&c) & UINT64_MAX >> (64 - 8 * text.len);
	} else {
		struct cur c = cur_of(text.ptr, text.len);
		for (unsigned shift = 0; c.len > 0; shift += 8)
			n.first |= (uint64_t)cur_u8(&c) << shift;
	}
	return n;
}

static inline uint32_t hash_of(struct name n, uint64_t parent)
{
	uint64_t h = n.first ^ (n.last << 29 | n.last >> 35) ^ parent << 48 ^ n.len;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32 ^ h >> 52);
}

static inline struct entry *find(
	const struct json_keys *keys, struct name n, uint64_t parent, const uint8_t *text)
{
	for (uint32_t at = hash_of(n, parent) & keys->mask; keys->table[at] != 0;
		at = (at + 1) & keys->mask) {
		struct entry *e = &keys->entry[keys->table[at]];
		if (e->name.first == n.first && e->name.len == n.len && e->name.last == n.last &&
			e->parent == parent && (n.len <= 16 || memcmp(e->text, text, n.len) == 0))
			return e;
	}
	return NULL;
}

static int grow(struct json_keys *keys)
{
	uint32_t room = keys->room == 0 ? 64 : keys->room * 2;
	struct entry *entry = realloc(keys->entry, room * sizeof *entry);
	if (entry == NULL)
		return -ENOMEM;
	keys->entry = entry;
	free(keys->table);
	keys->mask = room * 4 - 1;
	keys->table = calloc((size_t)keys->mask + 1, sizeof *keys->table);
	if (keys->table == NULL)
		return -ENOMEM;
	keys->room = room;
	for (uint32_t i = 1; i <= keys->entries; i++) {
		uint32_t at = hash_of(entry[i].name, entry[i].parent) & keys->mask;
		while (keys->table[at] != 0)
			at = (at + 1) & keys->mask;
		keys->table[at] = (uint16_t)i;
	}
	return 0;
}

/* The entry of this name, made when there is none. */
static int find_or_add(
	struct json_keys *keys, struct span text, uint16_t parent, struct entry **ret)
{
	struct name n = name_of(text, text.ptr + text.len);
	if (text.len == 0)
		return -EINVAL;
	if (text.len > NAME_BYTES || keys->entries >= NAMES_MAX)
		return -E2BIG;
	if (keys->entries + 1 >= keys->room && grow(keys) < 0)
		return -ENOMEM;
	*ret = find(keys, n, parent, text.ptr);
	if (*ret != NULL)
		return 0;
	struct entry *e = &keys->entry[++keys->entries];
	*e = (struct entry){.name = n, .parent = parent, .slot = NO_SLOT};
	memcpy(e->text, text.ptr, text.len);
	uint32_t at = hash_of(n, parent) & keys->mask;
	while (keys->table[at] != 0)
		at = (at + 1) & keys->mask;
	keys->table[at] = (uint16_t)keys->entries;
	*ret = e;
	return 0;
}

/* One way of writing the path: each dot, in turn, is written as the digits of `way` to the base of
 * three say: as a dot, as "_", by nesting. */
static int add_way(struct json_keys *keys, const char *path, unsigned way, uint16_t slot)
{
	uint8_t name[NAME_BYTES];
	size_t len = 0;
	uint16_t parent = 0;
	struct entry *e;
	int r;
	for (; *path != '\0'; path++) {
		if (*path == '.' && way % 3 == 2) {
			r = find_or_add(keys, (struct span){name, len}, parent, &e);
			if (r < 0)
				return r;
			if (e->child == 0)
				e->child = ++keys->nodes;
			parent = e->child;
			len = 0;
		} else if (len == NAME_BYTES) {
			return -E2BIG;
		} else {
			name[len++] = (uint8_t)(*path == '.' && way % 3 == 1 ? '_' : *path);
		}
		if (*path == '.')
			way /= 3;
	}
	r = find_or_add(keys, (struct span){name, len}, parent, &e);
	if (r == 0 && e->slot == NO_SLOT)
		e->slot = slot;
	return r;
}

static int add_path(struct json_keys *keys, const char *path, uint16_t slot)
{
	unsigned ways = 1, dots = 0;
	for (const char *c = path; *c != '\0'; c++)
		dots += *c == '.';
	if (dots > DOTS_MAX)
		return -E2BIG;
	for (; dots > 0; dots--)
		ways *= 3;
	for (unsigned way = 0; way < ways; way++) {
		int r = add_way(keys, path, way, slot);
		if (r < 0)
			return r;
	}
	return 0;
}

int json_keys_new(struct json_keys **ret, const char *const *paths, size_t count)
{
	struct json_keys *keys = calloc(1, sizeof *keys);
	int r = keys == NULL ? -ENOMEM : count > PATHS_MAX ? -E2BIG : grow(keys);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_path(keys, paths[i], (uint16_t)i);
	if (r < 0) {
		json_keys_free(keys);
		return r;
	}
	keys->slots = count;
	*ret = keys;
	return 0;
}

void json_keys_free(struct json_keys *keys)
{
	if (keys == NULL)
		return;
	free(keys->entry);
	free(keys->table);
	free(keys);
}

/* ---- the line ---- */

struct json {
	struct json_index *index;
	struct span line;
	const uint32_t *token; /* where each begins */
	uint32_t tokens;
	bool escapes;    /* there is a backslash somewhere */
	uint32_t *plain; /* room for tokens of our own reader; made when first needed */
	size_t plain_room;
	uint8_t *room; /* strings without their escapes */
	size_t room_bytes, room_used;
};

int json_new(struct json **ret)
{
	struct json *j = calloc(1, sizeof *j);
	int r = j == NULL ? -ENOMEM : json_index_new(&j->index);
	if (r < 0) {
		json_free(j);
		return r;
	}
	*ret = j;
	return 0;
}

void json_free(struct json *j)
{
	if (j == NULL)
		return;
	json_index_free(j->index);
	free(j->plain);
	free(j->room);
	free(j);
}

/* Room for n items of this size at least; what was there is lost. */
static void *renew(void *old, size_t *room, size_t n, size_t item)
{
	size_t want = *room < FIRST_BYTES ? FIRST_BYTES : *room;
	while (want < n)
		want *= 2;
	free(old);
	void *block = calloc(want, item);
	*room = block == NULL ? 0 : want;
	return block;
}

/* Marks the tokens of a text that simdjson would not have. */
static const char *read_plain(struct json *j)
{
	if (j->line.len > j->plain_room)
		j->plain = renew(j->plain, &j->plain_room, j->line.len, sizeof *j->plain);
	if (j->plain == NULL)
		return "there is no memory for it";
	j->token = j->plain;
	j->tokens = (uint32_t)json_plain_mark(j->line.ptr, j->line.len, j->plain);
	return j->tokens == 0 ? "it is no JSON: it is empty, or a string in it has no end" : NULL;
}

static inline uint8_t byte_at(const struct json *j, uint32_t token)
{
	return token < j->tokens ? j->line.ptr[j->token[token]] : 0;
}

/* From the token's first byte to where the next one begins, without white space at the end. */
static inline struct span token_text(const struct json *j, uint32_t token)
{
	size_t from = j->token[token];
	size_t to = token + 1 < j->tokens ? j->token[token + 1] : j->line.len;
	for (; to > from; to--) {
		uint8_t c = j->line.ptr[to - 1];
		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			break;
	}
	return (struct span){j->line.ptr + from, to - from};
}

/* A string's text with its escapes. False: the token is none. */
static inline bool string_text(const struct json *j, uint32_t token, struct span *ret)
{
	struct span s = token_text(j, token);
	if (s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"')
		return false;
	*ret = (struct span){s.ptr + 1, s.len - 2};
	return true;
}

/* ---- values ---- */

/* The string without escapes, in our room. A caller that walks the same strings again and again
 * uses it up: they are empty then. */
static struct span unescape(struct json *j, struct span s)
{
	if (s.len == 0 || memchr(s.ptr, '\\', s.len) == NULL)
		return s;
	if (s.len > j->room_bytes - j->room_used)
		return (struct span){0};
	uint8_t *to = j->room + j->room_used;
	size_t len = json_unescape(s, to);
	j->room_used += len;
	return (struct span){to, len};
}

static inline bool opens(uint8_t c)
{
	return c == '{' || c == '[';
}

/* Past the array or object that begins at this token; 0: it has no end, brackets that do not fit,
 * or is too deep. */
static uint32_t skip(const struct json *j, uint32_t at)
{
	uint64_t square = 0; /* a bit for each open bracket, the innermost lowest */
	unsigned depth = 0;
	for (; at < j->tokens; at++) {
		uint8_t c = j->line.ptr[j->token[at]];
		if (opens(c)) {
			if (depth == DEPTH_MAX)
				return 0;
			square = square << 1 | (c == '[');
			depth++;
		} else if (c == '}' || c == ']') {
			if ((square & 1) != (c == ']'))
				return 0;
			square >>= 1;
			if (--depth == 0)
				return at + 1;
		}
	}
	return 0;
}

static enum json_type scalar_type(struct span *text)
{
	uint8_t c = text->ptr[0];
	if (c == 'n' && text->len == 4 && memcmp(text->ptr, "null", 4) == 0) {
		text->len = 0;
		return JSON_NULL;
	}
	if ((c == 't' && text->len == 4 && memcmp(text->ptr, "true", 4) == 0) ||
		(c == 'f' && text->len == 5 && memcmp(text->ptr, "false", 5) == 0))
		return JSON_BOOL;
	return JSON_NUMBER;
}

/* The value at this token. False: there is none. Its parts are put together at the end, one by one:
 * copying a struct that was just written waits for the stores. */
static bool value_at(struct json *j, uint32_t at, struct json_value *ret)
{
	uint8_t c = byte_at(j, at);
	uint32_t to = at + 1;
	enum json_type type;
	struct span text;
	if (c == '"') {
		type = JSON_STRING;
		if (!string_text(j, at, &text))
			return false;
		if (j->escapes)
			text = unescape(j, text);
	} else if (opens(c)) {
		type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
		to = skip(j, at);
		if (to == 0)
			return false;
		size_t begin = j->token[at], end = j->token[to - 1];
		text = (struct span){j->line.ptr + begin, end + 1 - begin};
	} else if (c == 0 || c == '}' || c == ']' || c == ':' || c == ',') {
		return false;
	} else {
		text = token_text(j, at);
		type = scalar_type(&text);
	}
	ret->type = type;
	ret->text.ptr = text.ptr;
	ret->text.len = text.len;
	ret->from = at;
	ret->to = to;
	return true;
}

const char *json_read(struct json *j, struct span line, struct json_value *ret)
{
	j->line = line;
	j->tokens = 0;
	j->room_used = 0;
	j->escapes = line.len > 0 && memchr(line.ptr, '\\', line.len) != NULL;
	if (line.len > TEXT_MAX)
		return "it is too long";
	if (line.len * 4 > j->room_bytes)
		j->room = renew(j->room, &j->room_bytes, line.len * 4, 1);
	size_t count = 0;
	int r = j->room == NULL || line.len == 0
	                ? -EBADMSG
	                : json_index_mark(j->index, line.ptr, line.len, &j->token, &count);
	j->tokens = (uint32_t)count;
	const char *wrong = NULL;
	if (r < 0)
		wrong = read_plain(j);
	if (wrong != NULL)
		return wrong;
	struct json_value root = {.to = j->tokens, .text = line};
	uint8_t c = byte_at(j, 0);
	if (c == '{' || c == '[') /* not skipped here: json_pick() goes over it once */
		root.type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
	else if (!value_at(j, 0, &root))
		return "it is no JSON";
	*ret = root;
	return NULL;
}

/* ---- picking ---- */

static const char no_json[] = "it is no JSON, or cut, or two records in one line";

struct walk {
	uint32_t at;
	uint64_t node[DOTS_MAX + 1]; /* of the objects that we are in, the innermost last */
	unsigned depth;
};

/* The member at w->at. False: it is none. */
static inline bool pick_member(
	struct json *j, const struct json_keys *keys, struct walk *w, struct json_value *slots)
{
	struct span name;
	if (byte_at(j, w->at) != '"' || byte_at(j, w->at + 1) != ':' ||
		!string_text(j, w->at, &name))
		return false;
	uint64_t node = w->node[w->depth];
	const struct entry *e =
		find(keys, name_of(name, j->line.ptr + j->line.len), node, name.ptr);
	uint32_t at = w->at + 2;
	uint8_t c = byte_at(j, at);
	if (e != NULL && e->slot != NO_SLOT && slots[e->slot].type == JSON_ABSENT &&
		!value_at(j, at, &slots[e->slot]))
		return false;
	if (e != NULL && e->child != 0 && c == '{') {
		w->node[++w->depth] = e->child;
		w->at = at + 1;
		return true;
	}
	if (opens(c))
		w->at = skip(j, at);
	else
		w->at = c == 0 || c == '}' || c == ']' || c == ':' || c == ',' ? 0 : at + 1;
	return w->at != 0;
}

const char *json_pick(struct json *j, const struct json_keys *keys, const struct json_value *object,
	struct json_value *slots)
{
	for (size_t i = 0; i < keys->slots; i++)
		slots[i] = (struct json_value){0};
	if (object->type != JSON_OBJECT)
		return "it is no JSON object";
	struct walk w = {.at = object->from + 1};
	bool begun = true; /* right after the bracket: neither comma nor value before */
	for (;;) {
		uint8_t c = byte_at(j, w.at);
		if (c == '}') {
			w.at++;
			begun = false;
			if (w.depth-- == 0)
				return w.at == object->to ? NULL : no_json;
			continue;
		}
		if (!begun && c != ',')
			return no_json;
		w.at += !begun;
		unsigned depth = w.depth;
		if (!pick_member(j, keys, &w, slots))
			return no_json;
		begun = w.depth > depth;
	}
}

/* Where the next item of the array or object begins; 0: there is none. */
static uint32_t next_item(
	const struct json *j, const struct json_value *list, const struct json_value *item)
{
	if (item->to == 0)
		return list->from + 2 < list->to ? list->from + 1 : 0;
	return item->to + 1 < list->to && byte_at(j, item->to) == ',' ? item->to + 1 : 0;
}

bool json_each(struct json *j, const struct json_value *array, struct json_value *item)
{
	if (array->type == JSON_ARRAY) {
		uint32_t at = next_item(j, array, item);
		return at != 0 && value_at(j, at, item) && item->to < array->to;
	}
	if (array->type == JSON_ABSENT || array->type == JSON_NULL || item->to != 0)
		return false;
	*item = *array;
	return true;
}

bool json_member(struct json *j, const struct json_value *object, struct span *ret_name,
	struct json_value *member)
{
	uint32_t at = object->type == JSON_OBJECT ? next_item(j, object, member) : 0;
	if (at == 0 || byte_at(j, at + 1) != ':' || !string_text(j, at, ret_name) ||
		!value_at(j, at + 2, member) || member->to >= object->to)
		return false;
	*ret_name = unescape(j, *ret_name);
	return true;
}

/* ---- peeking ---- */

/* The scalar at the front of what follows a name. */
static bool peek_value(struct span rest, struct span *ret)
{
	struct cur c = cur_of(rest.ptr, rest.len);
	uint8_t first = ' ';
	bool colon = false;
	while (c.len > 0 && (first == ' ' || first == '\t' || first == ':')) {
		first = cur_u8(&c);
		if (first == ':' && colon)
			return false;
		colon |= first == ':';
	}
	if (!colon || first == '{' || first == '[')
		return false;
	const uint8_t *from = first == '"' ? c.ptr : c.ptr - 1;
	size_t len = first == '"' ? 0 : 1;
	for (bool escaped = false; c.len > 0; len++) {
		uint8_t byte = cur_u8(&c);
		bool ends = first == '"' ? byte == '"' && !escaped
		                         : byte == ',' || byte == '}' || byte == ' ' || byte == ']';
		if (ends) {
			*ret = (struct span){from, len};
			return true;
		}
		escaped = byte == '\\' && !escaped;
	}
	return false;
}

bool json_peek(struct span line, const char *name, struct span *ret)
{
	size_t len = strlen(name);
	for (struct span rest = line; rest.len > len + 2;) {
		const uint8_t *at = memmem(rest.ptr, rest.len, name, len);
		if (at == NULL)
			return false;
		struct span after = {at + len, (size_t)(rest.ptr + rest.len - at) - len};
		if (at > line.ptr && at[-1] == '"' && after.len > 0 && after.ptr[0] == '"' &&
			peek_value((struct span){after.ptr + 1, after.len - 1}, ret))
			return true;
		rest = after;
	}
	return false;
}
