/* JSON: a line of a log that is one object, and its wanted members by name in one pass. simdjson
 * (3.0.1) marks where the line's tokens begin, at gigabytes a second; what it refuses (bytes that
 * are no UTF-8, control characters in strings) is marked by a slower reader of our own, so that no
 * row is lost to how it is written. Nothing is copied but strings with escapes. */
#pragma once

#include "base/cur.h"

enum json_type {
	JSON_ABSENT,
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER, /* as it is written, unchecked: base/scan.h reads it; also words like NaN */
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json_value {
	enum json_type type;
	/* A string's content without its escapes, a number as written, "true", "false"; empty for
	 * null; an array's or object's source. May hold any byte. Lives until the next json_read(),
	 * and no longer than the line. */
	struct span text;
	uint32_t from, to; /* tokens: for json_each() and its like */
};

/* ---- which members are wanted ---- */

struct json_keys;

/* paths: names of members, those of nested objects with a dot: "id.orig_h" is also found as
 * "id_orig_h" and as "id": {"orig_h": ...}. A path's slot is its index. Fails: -ENOMEM, -EINVAL (an
 * empty name), -E2BIG (over 1,024 paths, 4 dots in one, names of 128 bytes; too many in all). */
MUST_USE int json_keys_new(struct json_keys **ret, const char *const *paths, size_t count);
void json_keys_free(struct json_keys *keys);

/* ---- reading ---- */

struct json;

/* Owns buffers of 9 bytes for each byte of the longest line read. Fails: -ENOMEM. */
MUST_USE int json_new(struct json **ret);
void json_free(struct json *j);

/* Takes the line, which must outlive what is picked from it. *ret becomes its root value, which may
 * be of any type. Returns NULL, or why it is no JSON: a constant. */
const char *json_read(struct json *j, struct span line, struct json_value *ret);

/* The members of an object (the root, or any other value) into slots[count of keys]; absent ones
 * become all zero. Of members with the same name the first counts. What is not wanted is skipped,
 * to a depth of 64. Returns NULL, or why it is no object, a constant: slots then hold what stood
 * before that place. The root object must end where the line does. */
const char *json_pick(struct json *j, const struct json_keys *keys, const struct json_value *object,
	struct json_value *slots);

/* The next item of an array; *item is all zero before the first. A single value stands for a list
 * of one; null and absent ones for an empty list. False: no more, or no JSON from here. */
bool json_each(struct json *j, const struct json_value *array, struct json_value *item);
/* The next member of an object, as json_each(): its name too, without escapes. */
bool json_member(struct json *j, const struct json_value *object, struct span *ret_name,
	struct json_value *member);

/* ---- without reading ---- */

/* The value of the first member of this name at any depth, as it stands in the text: a string
 * without its quotes, but with its escapes. For a row's time, before the row is read. False: none,
 * or the value is an array or object. */
bool json_peek(struct span line, const char *name, struct span *ret);
