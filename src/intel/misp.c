/* MISP: events as the API and feeds give them ({"Event": …}, an array of them, {"response": …}),
 * and answers that hold attributes alone. What is not meant for detection (to_ids false) is left
 * out. */
#include <errno.h>
#include <string.h>

#include "intel/reader.h"

enum { ROOT_EVENT, ROOT_RESPONSE, ROOT_ATTRIBUTE, ROOT_SLOTS };
static const char *const root_paths[] = {"Event", "response", "Attribute"};

enum { EVENT_INFO, EVENT_ATTRIBUTE, EVENT_OBJECT, EVENT_TAG, EVENT_SLOTS };
static const char *const event_paths[] = {"info", "Attribute", "Object", "Tag"};

enum {
	ATTRIBUTE_TYPE,
	ATTRIBUTE_VALUE,
	ATTRIBUTE_IDS,
	ATTRIBUTE_DELETED,
	ATTRIBUTE_TAG,
	ATTRIBUTE_SLOTS
};
static const char *const attribute_paths[] = {"type", "value", "to_ids", "deleted", "Tag"};

enum { OBJECT_ATTRIBUTE, OBJECT_DELETED, OBJECT_SLOTS };
static const char *const object_paths[] = {"Attribute", "deleted"};

static const char *const tag_paths[] = {"name"};

struct misp {
	struct reading *r;
	struct json *json;
	struct json_keys *root, *event, *attribute, *object, *tag;
};

static bool claims(struct span head)
{
	struct span s = span_trim(head);
	if (s.len == 0 || (s.ptr[0] != '{' && s.ptr[0] != '['))
		return false;
	return span_find(head, "\"Event\"") < head.len ||
	       span_find(head, "\"Attribute\"") < head.len;
}

static bool is_true(const struct json_value *v)
{
	return span_is(v->text, "true") || span_is(v->text, "1");
}

/* The taxonomy "misp:confidence-level". */
static void take_tag(struct span name, struct draft *d)
{
	static const struct {
		const char *word;
		int confidence;
	} levels[] = {{"completely-confident", 100}, {"usually-confident", 75},
		{"fairly-confident", 50}, {"rarely-confident", 25}, {"unconfident", 0}};
	if (tlp_of(name) != TLP_NONE)
		d->tlp = tlp_of(name);
	if (!span_begins(name, "misp:confidence-level"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (span_find(name, levels[i].word) < name.len) {
			d->confidence = levels[i].confidence;
			return; /* "unconfident" is the last: it has no other in it */
		}
}

static void take_tags(struct misp *m, const struct json_value *tags, struct draft *d)
{
	struct json_value item = {0}, slot[1];
	while (json_each(m->json, tags, &item))
		if (item.type == JSON_OBJECT && json_pick(m->json, m->tag, &item, slot) == NULL)
			take_tag(slot[0].text, d);
}

static void take_attribute(
	struct misp *m, const struct json_value *value, const struct draft *sides)
{
	struct json_value slot[ATTRIBUTE_SLOTS];
	struct draft d[2] = {*sides};
	char text[WORD_BYTES];
	d[0].line = reading_line(m->r, value->text.ptr);
	if (value->type != JSON_OBJECT || json_pick(m->json, m->attribute, value, slot) != NULL ||
		slot[ATTRIBUTE_VALUE].type != JSON_STRING) {
		reading_skip(m->r, d[0].line, "attribute that can't be read");
		return;
	}
	if (is_true(&slot[ATTRIBUTE_DELETED])) {
		reading_skip(m->r, d[0].line, "deleted attribute");
		return;
	}
	if (!is_true(&slot[ATTRIBUTE_IDS])) {
		reading_skip(m->r, d[0].line, "attribute that is not meant for detection (to_ids)");
		return;
	}
	take_tags(m, &slot[ATTRIBUTE_TAG], &d[0]);
	d[0].value = slot[ATTRIBUTE_VALUE].text;
	struct span type = slot[ATTRIBUTE_TYPE].text;
	/* "use this if the upper domain is important": names below it are meant too */
	bool known =
		draft_word(&d[0], span_is(type, "domain") ? span_of("misp-domain") : type, &d[1]);
	if (!known || span_is(type, "uri")) /* a path alone, there */
		reading_skip(m->r, d[0].line, "attribute of type %s", reading_word(type, text));
	else
		reading_take_group(m->r, d, d[1].value.len > 0 ? 2 : 1);
}

static void take_attributes(
	struct misp *m, const struct json_value *list, const struct draft *sides)
{
	struct json_value item = {0};
	while (m->r->err == 0 && json_each(m->json, list, &item))
		take_attribute(m, &item, sides);
}

static void take_objects(struct misp *m, const struct json_value *list, const struct draft *sides)
{
	struct json_value item = {0}, slot[OBJECT_SLOTS];
	while (m->r->err == 0 && json_each(m->json, list, &item)) {
		uint32_t line = reading_line(m->r, item.text.ptr);
		if (item.type != JSON_OBJECT || json_pick(m->json, m->object, &item, slot) != NULL)
			reading_skip(m->r, line, "object that can't be read");
		else if (is_true(&slot[OBJECT_DELETED]))
			reading_skip(m->r, line, "deleted object");
		else
			take_attributes(m, &slot[OBJECT_ATTRIBUTE], sides);
	}
}

static void take_event(struct misp *m, const struct json_value *event)
{
	struct json_value slot[EVENT_SLOTS];
	struct draft sides = {.confidence = -1};
	uint32_t line = reading_line(m->r, event->text.ptr);
	if (event->type != JSON_OBJECT || json_pick(m->json, m->event, event, slot) != NULL) {
		reading_skip(m->r, line, "event that can't be read");
		return;
	}
	sides.note = slot[EVENT_INFO].text;
	take_tags(m, &slot[EVENT_TAG], &sides);
	/* in the order in which they stand, so that lines are counted once */
	bool objects_first = slot[EVENT_OBJECT].text.ptr < slot[EVENT_ATTRIBUTE].text.ptr;
	if (objects_first)
		take_objects(m, &slot[EVENT_OBJECT], &sides);
	take_attributes(m, &slot[EVENT_ATTRIBUTE], &sides);
	if (!objects_first)
		take_objects(m, &slot[EVENT_OBJECT], &sides);
}

/* {"Event": …} or {"Attribute": […]}; response: what {"response": …} holds. */
static void take_root(struct misp *m, const struct json_value *root, struct json_value *response)
{
	struct json_value slot[ROOT_SLOTS];
	struct draft sides = {.confidence = -1};
	*response = (struct json_value){0};
	if (root->type != JSON_OBJECT || json_pick(m->json, m->root, root, slot) != NULL) {
		reading_skip(m->r, reading_line(m->r, root->text.ptr), "no event");
		return;
	}
	if (slot[ROOT_EVENT].type == JSON_OBJECT)
		take_event(m, &slot[ROOT_EVENT]);
	take_attributes(m, &slot[ROOT_ATTRIBUTE], &sides);
	*response = slot[ROOT_RESPONSE];
	if (slot[ROOT_EVENT].type != JSON_OBJECT && slot[ROOT_ATTRIBUTE].type != JSON_ARRAY &&
		response->type == JSON_ABSENT)
		reading_skip(m->r, reading_line(m->r, root->text.ptr), "no event");
}

static void take_roots(struct misp *m, const struct json_value *list)
{
	struct json_value item = {0}, response, inner = {0}, none;
	while (m->r->err == 0 && json_each(m->json, list, &item)) {
		take_root(m, &item, &response);
		inner = (struct json_value){0};
		while (m->r->err == 0 && json_each(m->json, &response, &inner))
			take_root(m, &inner, &none);
	}
}

static int read_document(struct misp *m, struct fail *why)
{
	struct json_value root = {0};
	const char *wrong = json_read(m->json, span_trim(m->r->text), &root);
	if (wrong != NULL)
		return fail_set(why, -EPROTO, "%s: not JSON: %s", m->r->file->name, wrong);
	take_roots(m, &root);
	return 0;
}

static int read_misp(struct reading *r, struct fail *why)
{
	struct misp m = {.r = r};
	int err = -ENOMEM;
	if (json_new(&m.json) < 0 || json_keys_new(&m.root, root_paths, ROOT_SLOTS) < 0 ||
		json_keys_new(&m.event, event_paths, EVENT_SLOTS) < 0 ||
		json_keys_new(&m.attribute, attribute_paths, ATTRIBUTE_SLOTS) < 0 ||
		json_keys_new(&m.object, object_paths, OBJECT_SLOTS) < 0 ||
		json_keys_new(&m.tag, tag_paths, ARRAY_LEN(tag_paths)) < 0)
		err = fail_set(why, -ENOMEM, "out of memory");
	else
		err = read_document(&m, why);
	json_keys_free(m.root);
	json_keys_free(m.event);
	json_keys_free(m.attribute);
	json_keys_free(m.object);
	json_keys_free(m.tag);
	json_free(m.json);
	return err;
}

const struct reader reader_misp = {.name = "misp", .claims = claims, .read = read_misp};
