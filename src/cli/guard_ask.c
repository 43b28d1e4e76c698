#include "cli/guard_ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/scan.h"
#include "cli/message.h"
#include "guard/control.h"
#include "store/cases.h"

/* A guard that reads a burst of packets answers later than one that waits. */
#define WAIT_MS 5000
/* What one answer says about a thing. */
#define INDENTS_MAX 8u

bool guard_asks(const struct call *call)
{
	static const char *const names[] = {"status", "undo", "explain"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (call->words > 0 && strcmp(call->word[0], names[i]) == 0)
			return true;
	return false;
}

/* NULL: *ret is what is asked. */
static const char *read_words(
	const struct call *call, const struct guard_asking *a, struct control_request *ret)
{
	bool undo = strcmp(call->word[0], "undo") == 0;
	ret->kind = undo                                   ? CONTROL_UNDO
	            : strcmp(call->word[0], "status") == 0 ? CONTROL_STATUS
	                                                   : CONTROL_EXPLAIN;
	if (a->cases != NULL && ret->kind != CONTROL_EXPLAIN)
		return "--cases FILE is read by explain HOST: the others ask a guard that runs";
	if (a->control == NULL && a->cases == NULL)
		return "say which guard: --control PATH, as it was started with";
	if (call->words != (ret->kind == CONTROL_STATUS ? 1u : 2u))
		return "status, undo ID or explain HOST";
	if (undo && (scan_u64(span_of(call->word[1]), &ret->id) < 0 || ret->id == 0))
		return "undo takes the number of a change: status lists them";
	if (undo && a->held && a->hold_s < 1)
		return "undo --expiry takes whole seconds";
	if (undo && a->held)
		ret->hold_s = (uint32_t)a->hold_s;
	if (ret->kind == CONTROL_EXPLAIN && scan_addr(span_of(call->word[1]), &ret->host) < 0)
		return "explain takes a host's address";
	return NULL;
}

/* Whoever listens at the path has written it. */
static void say_safe(struct out *o, struct span text)
{
	char *value = text.len == 0 ? NULL : strndup((const char *)text.ptr, text.len);
	out_safe(o, value == NULL ? "" : value, 4096);
	free(value);
}

static void say_refused(struct span why)
{
	struct out safe = {0};
	say_safe(&safe, why);
	message("guard: %s", out_string(&safe));
	out_fini(&safe);
}

static void print_object(struct json *j, const struct json_value *object, unsigned depth);

static void print_item(struct json *j, const struct json_value *item, unsigned depth)
{
	struct out text = {0};
	if (item->type != JSON_OBJECT)
		say_safe(&text, item->text);
	(void)printf(
		"%*s-%s%s\n", (int)depth * 2 + 2, "", text.len > 0 ? " " : "", out_string(&text));
	if (item->type == JSON_OBJECT)
		print_object(j, item, depth + 2);
	out_fini(&text);
}

/* An object's members, a line each: nested ones further in. */
static void print_object(struct json *j, const struct json_value *object, unsigned depth)
{
	struct json_value member = {0};
	struct span name;
	while (json_member(j, object, &name, &member)) {
		struct out text = {0}, safe = {0};
		say_safe(&safe, name);
		out_printf(&text, "%*s%-*s ", (int)depth * 2, "", 20 - (int)depth * 2,
			out_string(&safe));
		out_fini(&safe);
		if (member.type == JSON_OBJECT && depth < INDENTS_MAX) {
			(void)puts(out_string(&text));
			print_object(j, &member, depth + 1);
		} else if (member.type == JSON_ARRAY && depth < INDENTS_MAX) {
			struct json_value item = {0};
			(void)puts(out_string(&text));
			while (json_each(j, &member, &item))
				print_item(j, &item, depth);
		} else {
			say_safe(&text, member.text);
			(void)puts(out_string(&text));
		}
		out_fini(&text);
	}
}

/* False: the guard refused, and it was said why. */
static bool print_answer(const struct out *line, bool as_json)
{
	struct json_value root, slot[2] = {0};
	struct json *j = NULL;
	struct json_keys *keys = NULL;
	static const char *const wanted[] = {"type", "why"};
	bool right = false;
	struct span text = {(const uint8_t *)out_string(line), line->len};
	if (json_new(&j) < 0 || json_keys_new(&keys, wanted, 2) < 0)
		message("out of memory");
	else if (json_read(j, text, &root) != NULL || json_pick(j, keys, &root, slot) != NULL)
		message("guard: the answer is none of a guard's");
	else if (span_is(slot[0].text, "error"))
		say_refused(slot[1].text);
	else
		right = true;
	if (right && as_json)
		(void)puts(out_string(line));
	else if (right)
		print_object(j, &root, 0);
	json_keys_free(keys);
	json_free(j);
	return right;
}

struct telling {
	struct json *json;
	bool as_json, told;
};

static int tell(void *context, const char *text, struct fail *why)
{
	struct telling *t = context;
	struct json_value root;
	if (json_read(t->json, span_of(text), &root) != NULL)
		return fail_set(why, -EPROTO, "the file of cases has a row that no guard writes");
	if (t->as_json) {
		(void)puts(text);
	} else {
		(void)fputs(t->told ? "\n" : "", stdout);
		print_object(t->json, &root, 0);
	}
	t->told = true;
	return 0;
}

/* The host's story from a file. */
static enum exit_code read_story(const struct guard_asking *a, const struct addr *host)
{
	struct telling t = {.as_json = a->json};
	char text[ADDR_TEXT_BYTES];
	struct fail why = {0};
	int code = json_new(&t.json) < 0
	                   ? fail_set(&why, -ENOMEM, "out of memory")
	                   : cases_story(a->cases, addr_text(host, text), tell, &t, &why);
	if (code < 0)
		message("%s", why.text);
	json_free(t.json);
	return code < 0 ? EXIT_NOTHING : EXIT_DONE;
}

enum exit_code guard_ask(const struct call *call, const struct guard_asking *asking)
{
	struct control_request request = {0};
	struct out answer = {0};
	struct fail why = {0};
	const char *wrong = read_words(call, asking, &request);
	if (wrong != NULL) {
		message("guard: %s", wrong);
		return EXIT_USAGE;
	}
	if (asking->cases != NULL)
		return read_story(asking, &request.host);
	enum exit_code code = EXIT_NOTHING;
	if (control_ask(asking->control, &request, WAIT_MS, &answer, &why) < 0)
		message("%s", why.text);
	else if (print_answer(&answer, asking->json))
		code = EXIT_DONE;
	out_fini(&answer);
	return code;
}
