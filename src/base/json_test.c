#include "base/testing.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/scan.h"

enum { TS, ORIG_H, RESP_P, STATE, LOCAL, ANSWERS, QUERY, DEEP, DNS, SLOTS };

static const char *const paths[SLOTS] = {[TS] = "ts",
	[ORIG_H] = "id.orig_h",
	[RESP_P] = "id.resp_p",
	[STATE] = "conn_state",
	[LOCAL] = "local_orig",
	[ANSWERS] = "answers",
	[QUERY] = "a_name_of_more_than_sixteen_bytes",
	[DEEP] = "dns.a.b",
	[DNS] = "dns"};

struct state {
	struct json *json;
	struct json_keys *keys;
	struct json_value slot[SLOTS];
};

static int set_up(void **state)
{
	static struct state s;
	s = (struct state){0};
	*state = &s;
	return json_new(&s.json) < 0 || json_keys_new(&s.keys, paths, SLOTS) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct state *s = *state;
	json_free(s->json);
	json_keys_free(s->keys);
	return 0;
}

static const char *pick(struct state *s, struct span line)
{
	struct json_value root;
	const char *wrong = json_read(s->json, line, &root);
	return wrong != NULL ? wrong : json_pick(s->json, s->keys, &root, s->slot);
}

static void good(struct state *s, const char *line)
{
	const char *wrong = pick(s, span_of(line));
	if (wrong != NULL)
		fail_msg("%s: %s", line, wrong);
}

static void slot_is(const struct state *s, int slot, enum json_type type, const char *text)
{
	assert_int_equal(s->slot[slot].type, type);
	assert_int_equal(s->slot[slot].text.len, strlen(text));
	assert_memory_equal(s->slot[slot].text.ptr, text, strlen(text));
}

static void members_are_picked_by_name(void **state)
{
	struct state *s = *state;
	good(s, "{\"ts\":1591367999.306199,\"uid\":\"C1\",\"id.orig_h\":\"192.0.2.1\","
		"\"id.resp_p\" : 443 ,\"conn_state\":\"SF\",\"local_orig\":true,"
		"\"a_name_of_more_than_sixteen_bytes\":-1e-05}");
	slot_is(s, TS, JSON_NUMBER, "1591367999.306199");
	slot_is(s, ORIG_H, JSON_STRING, "192.0.2.1");
	slot_is(s, RESP_P, JSON_NUMBER, "443");
	slot_is(s, STATE, JSON_STRING, "SF");
	slot_is(s, LOCAL, JSON_BOOL, "true");
	slot_is(s, QUERY, JSON_NUMBER, "-1e-05");
	assert_int_equal(s->slot[ANSWERS].type, JSON_ABSENT);
	good(s, "{\"a_name_of_more_than_sixteen_bytez\":1,\"tS\":2,\"\":3,\"local_origin\":4}");
	for (int i = 0; i < SLOTS; i++)
		assert_int_equal(s->slot[i].type, JSON_ABSENT);
	good(s, "{\"a_name_of_mOre_than_sixteen_bytes\":1,\"orig_h\":2,\"id\":{\"ts\":3}}");
	for (int i = 0; i < SLOTS; i++)
		assert_int_equal(s->slot[i].type, JSON_ABSENT);
	good(s, " { } ");
	good(s, "{\"ts\":\"\"}");
	slot_is(s, TS, JSON_STRING, "");
}

/* anchors 2: "." is written as "_", or by nesting. */
static void dots_are_nesting_too(void **state)
{
	struct state *s = *state;
	static const char *const same[] = {"{\"id.orig_h\":\"::1\",\"id.resp_p\":1,\"ts\":2}",
		"{\"id_orig_h\":\"::1\",\"id_resp_p\":1,\"ts\":2}",
		("{\"x\":{\"ts\":9,\"y\":[{}]},\"id\":{\"orig_h\":\"::1\",\"z\":{\"orig_h\":3},"
		 "\"resp_p\":1},\"ts\":2}")};
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		good(s, same[i]);
		slot_is(s, ORIG_H, JSON_STRING, "::1");
		slot_is(s, RESP_P, JSON_NUMBER, "1");
		slot_is(s, TS, JSON_NUMBER, "2");
	}
	static const char *const deep[] = {"{\"dns\":{\"a\":{\"b\":7}}}", "{\"dns\":{\"a_b\":7}}",
		"{\"dns.a\":{\"b\":7}}", "{\"dns_a.b\":7}", "{\"dns\":{},\"dns_a\":{\"b\":7}}"};
	for (size_t i = 0; i < ARRAY_LEN(deep); i++) {
		good(s, deep[i]);
		slot_is(s, DEEP, JSON_NUMBER, "7");
	}
	good(s, deep[0]);
	slot_is(s, DNS, JSON_OBJECT, "{\"a\":{\"b\":7}}");
	good(s, "{\"id\":[1],\"id\":{\"orig_h\":null}}");
	slot_is(s, ORIG_H, JSON_NULL, "");
}

static void the_first_of_equal_names_counts(void **state)
{
	struct state *s = *state;
	good(s, "{\"ts\":1,\"ts\":2,\"conn_state\":null,\"conn_state\":\"SF\"}");
	slot_is(s, TS, JSON_NUMBER, "1");
	slot_is(s, STATE, JSON_NULL, "");
}

/* anchors 15 and 17: escapes that are no JSON, NUL bytes, and bytes that are no UTF-8. */
static void strings_lose_their_escapes(void **state)
{
	struct state *s = *state;
	static const struct {
		const char *json, *text;
		size_t len;
	} strings[] = {{"plain", "plain", 5}, {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8},
		{"\\u0041\\u00e9\\u20ac", "A\xc3\xa9\xe2\x82\xac", 6},
		{"\\ud83d\\ude00", "\xf0\x9f\x98\x80", 4},
		{"\\ud83dx\\ude00", "\xef\xbf\xbdx\xef\xbf\xbd", 7},
		{"\\ud83d\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd", 6},
		{"a\\x1fb",
			"a\x1f"
			"b",
			3},
		{"\\x00\\u0000", "\0\0", 2}, {"C:\\Windows\\xyz", "C:\\Windows\\xyz", 14},
		{"\\u12\\ud8", "\\u12\\ud8", 8}, {"caf\xe9", "caf\xe9", 4},
		{"a\x1f\tb", "a\x1f\tb", 4}, {"\xe9\\\\", "\xe9\\", 2}, {"{[,:]}", "{[,:]}", 6}};
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		char line[128];
		(void)snprintf(
			line, sizeof line, "{\"conn_state\":\"%s\",\"ts\":1}", strings[i].json);
		good(s, line);
		assert_int_equal(s->slot[STATE].text.len, strings[i].len);
		assert_memory_equal(s->slot[STATE].text.ptr, strings[i].text, strings[i].len);
		slot_is(s, TS, JSON_NUMBER, "1");
	}
}

/* anchors 20: a record that is cut, and another one begun behind it. */
static void what_is_no_object_is_refused(void **state)
{
	struct state *s = *state;
	static const char *const bad[] = {"", " ", "1", "[1]", "\"ts\"", "{", "{\"ts\"",
		"{\"ts\":", "{\"ts\":1", "{\"ts\":1,", "{\"ts\":1,}", "{,}", "{\"ts\":}",
		"{\"ts\" 1}", "{ts:1}", "{\"ts\":1 \"x\":2}", "{\"ts\":1}}", "{\"ts\":1}{\"ts\":2}",
		"{\"ts\":1} x", "{\"x\":[1}", "{\"x\":{]}", "{\"x\":[1]", "{\"ts\":\"1}",
		"{\"ts\":\"\xff}", "{\"ts\":12{\"ts\":13}", "{\"ts\":12,\"x{\"ts\":13,\"x\":14}",
		"{\"ts\":12,\"x\":{\"ts\":13,\"x\":14}", "{\"id\":{\"orig_h\":1}",
		"{\"ts\":1,,\"x\":2}"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (pick(s, span_of(bad[i])) == NULL)
			fail_msg("%s", bad[i]);
	for (int depth = 64; depth <= 65; depth++) {
		char deep[256] = "{\"x\":";
		memset(deep + 5, '[', (size_t)depth);
		memset(deep + 5 + depth, ']', (size_t)depth);
		deep[5 + 2 * depth] = '}';
		assert_int_equal(pick(s, span_of(deep)) == NULL, depth == 64);
	}
}

static void lists_are_walked(void **state)
{
	struct state *s = *state;
	struct json_value item = {0};
	good(s, "{\"answers\":[\"a\\n\", 2 ,null,[3],{\"ts\":4,\"id\":{\"resp_p\":5}}],\"ts\":6}");
	slot_is(s, TS, JSON_NUMBER, "6");
	static const struct {
		enum json_type type;
		const char *text;
	} want[] = {{JSON_STRING, "a\n"}, {JSON_NUMBER, "2"}, {JSON_NULL, ""}, {JSON_ARRAY, "[3]"},
		{JSON_OBJECT, "{\"ts\":4,\"id\":{\"resp_p\":5}}"}};
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_true(json_each(s->json, &s->slot[ANSWERS], &item));
		assert_int_equal(item.type, want[i].type);
		assert_int_equal(item.text.len, strlen(want[i].text));
		assert_memory_equal(item.text.ptr, want[i].text, item.text.len);
	}
	struct json_value list = s->slot[ANSWERS];
	assert_null(json_pick(s->json, s->keys, &item, s->slot));
	slot_is(s, TS, JSON_NUMBER, "4");
	slot_is(s, RESP_P, JSON_NUMBER, "5");
	assert_false(json_each(s->json, &list, &item));
	good(s, "{\"answers\":[]}");
	item = (struct json_value){0};
	assert_false(json_each(s->json, &s->slot[ANSWERS], &item));
	assert_false(json_each(s->json, &s->slot[TS], &item));
	good(s, "{\"answers\":\"one\"}");
	assert_true(json_each(s->json, &s->slot[ANSWERS], &item));
	assert_int_equal(item.text.len, 3);
	assert_false(json_each(s->json, &s->slot[ANSWERS], &item));
	good(s, "{\"answers\":[1 2]}");
	item = (struct json_value){0};
	assert_true(json_each(s->json, &s->slot[ANSWERS], &item));
	assert_false(json_each(s->json, &s->slot[ANSWERS], &item));
}

static void members_are_walked(void **state)
{
	struct state *s = *state;
	good(s, "{\"dns\":{\"A\":[1,2],\"\\u0042\":{},\"C\":\"x\"}}");
	struct json_value member = {0};
	struct span name;
	static const char *const names[] = {"A", "B", "C"}, *const texts[] = {"[1,2]", "{}", "x"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_true(json_member(s->json, &s->slot[DNS], &name, &member));
		assert_true(span_is(name, names[i]));
		assert_true(span_is(member.text, texts[i]));
	}
	assert_false(json_member(s->json, &s->slot[DNS], &name, &member));
	member = (struct json_value){0};
	assert_false(json_member(s->json, &s->slot[TS], &name, &member));
	good(s, "{\"answers\":{\"A\" 1}}");
	assert_false(json_member(s->json, &s->slot[ANSWERS], &name, &member));
}

static void a_value_is_peeked_at(void **state)
{
	(void)state;
	static const struct {
		const char *line, *text;
	} peeks[] = {{"{\"ts\":1.5,\"x\":2}", "1.5"},
		{"{\"x\":\"ts\",\"ts\" : \"a\\\"b\"}", "a\\\"b"}, {"{\"x\":{\"ts\":7}}", "7"},
		{"{\"ts\":null}", "null"}, {"{\"ts\":{},\"ts\":1}", "1"},
		{"{\"ts\":[1],\"x_ts\":2}", NULL}, {"{\"ts\":", NULL}, {"{\"ts\":1", NULL},
		{"{\"ts\":\"1}", NULL}, {"\"ts\"", NULL}, {"ts\":1}", NULL}, {"{\"ts\"::1}", NULL},
		{"", NULL}};
	for (size_t i = 0; i < ARRAY_LEN(peeks); i++) {
		struct span text = {0};
		bool found = json_peek(span_of(peeks[i].line), "ts", &text);
		assert_int_equal(found, peeks[i].text != NULL);
		assert_true(!found || span_is(text, peeks[i].text));
	}
}

/* simdjson promises nothing about texts without padding; its first stage keeps to the text all the
 * same. What ends where the memory does shows it, at every length. */
static void nothing_is_read_beyond_the_line(void **state)
{
	struct state *s = *state;
	static const char line[] =
		"{\"ts\":1591367999.306199,\"uid\":\"CAbCdEfGh\\u00e9\",\"id\":{\"orig_h\":"
		"\"192.0.2.1\",\"resp_p\":443},\"conn_state\":\"S\\x46\",\"local_orig\":true,"
		"\"answers\":[\"a\",\"b\",[1,2,3],{\"ts\":1}],\"dns\":{\"a\":{\"b\":"
		"\"caf\xc3\xa9\"}},"
		"\"a_name_of_more_than_sixteen_bytes\":[[[[1]]]]}";
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), len = sizeof line - 1;
	uint8_t *map =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
	for (size_t cut = 0; cut <= len; cut++) {
		uint8_t *copy = map + page - cut;
		memcpy(copy, line, cut);
		bool whole = pick(s, (struct span){copy, cut}) == NULL;
		assert_int_equal(whole, cut == len);
	}
	slot_is(s, STATE, JSON_STRING, "SF");
	slot_is(s, DEEP, JSON_STRING, "caf\xc3\xa9");
	assert_int_equal(munmap(map, 2 * page), 0);
}

static void long_lines_grow_the_buffers(void **state)
{
	struct state *s = *state;
	const size_t len = 300000;
	char *line = calloc(1, len + 64);
	assert_non_null(line);
	for (int bad = 0; bad < 2; bad++) {
		int head = snprintf(line, len, "{\"conn_state\":\"%s\\n", bad ? "\xff" : "x");
		memset(line + head, 'y', len);
		memcpy(line + head + len, "\",\"ts\":5}", 10);
		good(s, line);
		assert_int_equal(s->slot[STATE].text.len, len + 2);
		slot_is(s, TS, JSON_NUMBER, "5");
	}
	free(line);
}

static void keys_have_limits(void **state)
{
	(void)state;
	struct json_keys *keys = NULL;
	char name[140] = {0};
	const char *path = name;
	assert_int_equal(json_keys_new(&keys, &path, 1), -EINVAL);
	memset(name, 'x', 128);
	assert_int_equal(json_keys_new(&keys, &path, 1), 0);
	json_keys_free(keys);
	name[128] = 'x';
	assert_int_equal(json_keys_new(&keys, &path, 1), -E2BIG);
	path = "a.b.c.d.e.f";
	assert_int_equal(json_keys_new(&keys, &path, 1), -E2BIG);
	path = "a..b";
	assert_int_equal(json_keys_new(&keys, &path, 1), -EINVAL);
	char text[200][8];
	const char *many[200];
	for (int i = 0; i < 200; i++) {
		(void)snprintf(text[i], sizeof text[i], "k%d", i);
		many[i] = text[i];
	}
	assert_int_equal(json_keys_new(&keys, many, 200), 0);
	struct json *json = NULL;
	struct json_value root, slot[200];
	assert_int_equal(json_new(&json), 0);
	assert_null(json_read(json, span_of("{\"k199\":1,\"k0\":2,\"k200\":3}"), &root));
	assert_null(json_pick(json, keys, &root, slot));
	assert_int_equal(slot[199].type, JSON_NUMBER);
	assert_int_equal(slot[0].type, JSON_NUMBER);
	assert_int_equal(slot[100].type, JSON_ABSENT);
	json_free(json);
	json_keys_free(keys);
	json_free(NULL);
	json_keys_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(members_are_picked_by_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dots_are_nesting_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_first_of_equal_names_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(strings_lose_their_escapes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_object_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_are_walked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(members_are_walked, set_up, tear_down),
		cmocka_unit_test(a_value_is_peeked_at),
		cmocka_unit_test_setup_teardown(nothing_is_read_beyond_the_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_lines_grow_the_buffers, set_up, tear_down),
		cmocka_unit_test(keys_have_limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
