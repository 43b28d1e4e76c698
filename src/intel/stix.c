/* STIX 2.1: a bundle, a TAXII envelope, or an object a line. What an indicator's pattern asks for
 * is taken where it can be looked for; an arm of an OR that can't be is left out, an AND as a
 * whole. */
#include <errno.h>
#include <string.h>

#include "intel/reader.h"
#include "intel/stix_pattern.h"

enum { ROOT_TYPE, ROOT_OBJECTS, ROOT_SLOTS };
static const char *const root_paths[] = {"type", "objects"};

enum {
	OBJECT_TYPE,
	OBJECT_PATTERN,
	OBJECT_PATTERN_TYPE,
	OBJECT_NAME,
	OBJECT_UNTIL,
	OBJECT_CONFIDENCE,
	OBJECT_REVOKED,
	OBJECT_MARKS,
	OBJECT_KINDS,
	OBJECT_SLOTS
};
static const char *const object_paths[] = {"type", "pattern", "pattern_type", "name", "valid_until",
	"confidence", "revoked", "object_marking_refs", "indicator_types"};

struct stix {
	struct reading *r;
	struct json *json;
	struct json_keys *root, *object;
	struct pattern *pattern;
};

/* The markings that the standard itself defines (STIX 2.1, 7.2.1.4), and TLP 2.0's. */
static enum intel_tlp tlp_of_mark(struct span id)
{
	static const struct {
		const char *uuid;
		enum intel_tlp tlp;
	} marks[] = {{"613f2e26-407d-48c7-9eca-b8e91df99dc9", TLP_CLEAR},
		{"34098fce-860f-48ae-8e50-ebd3cc5e41da", TLP_GREEN},
		{"f88d31f6-486f-44da-b317-01333bde0b82", TLP_AMBER},
		{"5e57c739-391a-4eb3-b6be-7d15ca92d5ed", TLP_RED},
		{"94868c89-83c2-464b-929b-a1a8aa3c8487", TLP_CLEAR},
		{"bab4a63c-aed9-4cf5-a766-dfca5abac2bb", TLP_GREEN},
		{"55d920b0-5e8b-4f79-9ee9-91f868d9b421", TLP_AMBER},
		{"939a9414-2ddd-4d32-a0cd-375ea402b003", TLP_AMBER_STRICT},
		{"e828b379-4e03-4974-9ac4-e53a884c97c1", TLP_RED}};
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (span_find(id, marks[i].uuid) < id.len)
			return marks[i].tlp;
	return TLP_NONE;
}

static bool claims(struct span head)
{
	struct span s = span_trim(head);
	if (s.len == 0 || s.ptr[0] != '{')
		return false;
	return span_find(head, "\"bundle\"") < head.len ||
	       span_find(head, "\"spec_version\"") < head.len ||
	       span_find(head, "\"indicator--") < head.len;
}

static void take_way(struct stix *x, const struct pattern_way *w, const struct draft *sides)
{
	struct draft d[GROUP_MAX];
	char text[WORD_BYTES], star[260];
	if (w->outside != NULL) {
		reading_skip(x->r, sides->line, "%s %s", w->outside, reading_word(w->word, text));
		return;
	}
	for (size_t i = 0; i < w->things; i++) {
		const struct pattern_thing *t = &x->pattern->thing[w->thing[i]];
		d[i] = *sides;
		d[i].kind = t->kind;
		d[i].value = t->value;
		d[i].port = w->port;
		if (t->below) { /* one name with a star: what is asked for, and nothing else */
			int len = snprintf(star, sizeof star, "*.%.*s", (int)t->value.len,
				(const char *)t->value.ptr);
			if (w->things > 1 || len < 0 || (size_t)len >= sizeof star) {
				reading_skip(x->r, sides->line, "pattern with LIKE and AND");
				return;
			}
			d[i].value = span_of(star);
		}
	}
	reading_take_group(x->r, d, w->things);
}

static void take_indicator(
	struct stix *x, const struct json_value slot[static OBJECT_SLOTS], uint32_t line)
{
	struct draft sides = {.confidence = -1, .line = line, .note = slot[OBJECT_NAME].text};
	struct json_value item = {0};
	char word[WORD_BYTES];
	if (sides.note.len == 0 && json_each(x->json, &slot[OBJECT_KINDS], &item))
		sides.note = item.text;
	item = (struct json_value){0};
	while (json_each(x->json, &slot[OBJECT_MARKS], &item))
		if (tlp_of_mark(item.text) != TLP_NONE)
			sides.tlp = tlp_of_mark(item.text);
	const char *wrong = NULL;
	if (slot[OBJECT_REVOKED].type == JSON_BOOL && span_is(slot[OBJECT_REVOKED].text, "true"))
		wrong = "revoked indicator";
	else if (slot[OBJECT_UNTIL].type != JSON_ABSENT &&
		 !draft_until(&sides, slot[OBJECT_UNTIL].text))
		wrong = "valid_until that is no date";
	else if (slot[OBJECT_CONFIDENCE].type != JSON_ABSENT &&
		 !draft_confidence(&sides, slot[OBJECT_CONFIDENCE].text))
		wrong = "confidence that is none of 0 to 100";
	else if (slot[OBJECT_PATTERN].type != JSON_STRING)
		wrong = "indicator without a pattern";
	if (wrong == NULL && slot[OBJECT_PATTERN_TYPE].type == JSON_STRING &&
		!span_is(slot[OBJECT_PATTERN_TYPE].text, "stix")) {
		reading_skip(x->r, line, "pattern of type %s",
			reading_word(slot[OBJECT_PATTERN_TYPE].text, word));
		return;
	}
	if (wrong == NULL)
		wrong = pattern_read(x->pattern, slot[OBJECT_PATTERN].text);
	if (wrong != NULL)
		reading_skip(x->r, line, "%s", wrong);
	for (size_t i = 0; wrong == NULL && i < x->pattern->ways; i++)
		take_way(x, &x->pattern->way[i], &sides);
}

static void take_object(struct stix *x, const struct json_value *object)
{
	struct json_value slot[OBJECT_SLOTS];
	char word[WORD_BYTES];
	uint32_t line = reading_line(x->r, object->text.ptr);
	if (object->type != JSON_OBJECT || json_pick(x->json, x->object, object, slot) != NULL)
		reading_skip(x->r, line, "object that can't be read");
	else if (span_is(slot[OBJECT_TYPE].text, "indicator"))
		take_indicator(x, slot, line);
	else if (slot[OBJECT_TYPE].type == JSON_STRING)
		reading_skip(x->r, line, "object of type %s",
			reading_word(slot[OBJECT_TYPE].text, word));
	else
		reading_skip(x->r, line, "object without a type");
}

/* A bundle or envelope, or one object. Returns NULL, or what is wrong with the text. */
static const char *take_document(struct stix *x, struct span text)
{
	struct json_value root = {0}, slot[ROOT_SLOTS], item = {0};
	const char *wrong = json_read(x->json, text, &root);
	if (wrong == NULL)
		wrong = json_pick(x->json, x->root, &root, slot);
	if (wrong != NULL)
		return wrong;
	if (slot[ROOT_OBJECTS].type != JSON_ARRAY) {
		take_object(x, &root);
		return NULL;
	}
	while (x->r->err == 0 && json_each(x->json, &slot[ROOT_OBJECTS], &item))
		take_object(x, &item);
	return NULL;
}

static int read_documents(struct stix *x, struct fail *why)
{
	struct span rest = x->r->text, line;
	const char *wrong = NULL;
	uint32_t number = 0;
	struct json_value root, slot[ROOT_SLOTS];
	/* an object a line, or one over many lines */
	bool whole = line_first(rest, &line) && json_read(x->json, line, &root) == NULL &&
	             json_pick(x->json, x->root, &root, slot) == NULL;
	if (!whole) {
		wrong = take_document(x, span_trim(rest));
		return wrong == NULL ? 0
		                     : fail_set(why, -EPROTO, "%s: not JSON: %s", x->r->file->name,
					       wrong);
	}
	while (x->r->err == 0 && line_next(&rest, &line, &number)) {
		if (line.len == 0)
			continue;
		wrong = take_document(x, line);
		if (wrong != NULL)
			reading_skip(x->r, number, "not JSON: %s", wrong);
	}
	return 0;
}

static int read_stix(struct reading *r, struct fail *why)
{
	struct stix x = {.r = r, .pattern = malloc(sizeof *x.pattern)};
	int err = -ENOMEM;
	if (x.pattern == NULL || json_new(&x.json) < 0 ||
		json_keys_new(&x.root, root_paths, ROOT_SLOTS) < 0 ||
		json_keys_new(&x.object, object_paths, OBJECT_SLOTS) < 0)
		err = fail_set(why, -ENOMEM, "out of memory");
	else
		err = read_documents(&x, why);
	json_keys_free(x.root);
	json_keys_free(x.object);
	json_free(x.json);
	free(x.pattern);
	return err;
}

const struct reader reader_stix = {.name = "stix", .claims = claims, .read = read_stix};
