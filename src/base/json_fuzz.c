/* A line is read, its members are picked, walked and read again by our own reader: both agree where
 * simdjson takes the line. */
#include "base/json.h"
#include "base/json_index.h"

static void check_span(struct span s)
{
	volatile uint8_t sum = 0;
	for (size_t i = 0; i < s.len; i++)
		sum = (uint8_t)(sum + s.ptr[i]);
}

static void walk(struct json *j, const struct json_value *value)
{
	struct json_value item = {0}, member = {0};
	struct span name;
	uint32_t last = value->from;
	while (json_each(j, value, &item)) {
		CHECK(value->type != JSON_ARRAY || (item.from > last && item.to < value->to));
		last = item.from;
		check_span(item.text);
	}
	while (json_member(j, value, &name, &member)) {
		CHECK(member.from > last && member.to < value->to);
		last = member.from;
		check_span(name);
		check_span(member.text);
	}
}

/* Outside of strings simdjson takes 0x0c and 0x1a for operators, since no JSON has them there. */
static bool has_control(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] == 0x0c || data[i] == 0x1a)
			return true;
	return false;
}

static void compare_marks(const uint8_t *data, size_t size)
{
	struct json_index *index;
	const uint32_t *fast;
	size_t count = 0;
	CHECK(json_index_new(&index) == 0);
	uint32_t *plain = calloc(size + 1, sizeof *plain);
	CHECK(plain != NULL);
	if (size > 0 && !has_control(data, size) &&
		json_index_mark(index, data, size, &fast, &count) == 0) {
		CHECK(json_plain_mark(data, size, plain) == count);
		for (size_t i = 0; i < count; i++)
			CHECK(plain[i] == fast[i]);
	}
	free(plain);
	json_index_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"ts", "id.orig_h", "a.b.c", "answers", "id"};
	struct json_value slot[ARRAY_LEN(paths)], root;
	struct json_keys *keys;
	struct json *j;
	struct span text;
	CHECK(json_keys_new(&keys, paths, ARRAY_LEN(paths)) == 0 && json_new(&j) == 0);
	struct span line = {data, size};
	if (json_read(j, line, &root) == NULL) {
		const char *wrong = json_pick(j, keys, &root, slot);
		CHECK(wrong == NULL || root.type != JSON_OBJECT || wrong[0] != '\0');
		for (size_t i = 0; root.type == JSON_OBJECT && i < ARRAY_LEN(paths); i++) {
			check_span(slot[i].text);
			walk(j, &slot[i]);
		}
		walk(j, &root);
	}
	if (json_peek(line, "ts", &text))
		check_span(text);
	compare_marks(data, size);
	json_free(j);
	json_keys_free(keys);
	return 0;
}
