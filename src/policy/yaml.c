#include "policy/yaml.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

struct reader {
	struct arena *arena;
	const char *file;
	struct fail *why;
	struct yaml_node *open[YAML_DEPTH_MAX]; /* maps and lists that are not closed yet */
	size_t depth;
	struct yaml_node *root;
	const char *key; /* of a map, waiting for its value */
	struct policy_place key_place;
};

size_t yaml_arena_bytes(size_t len)
{
	/* "a," is two bytes and one node with its text */
	return (len + 64) * (sizeof(struct yaml_node) + 32);
}

static struct policy_place place_of(yaml_mark_t mark)
{
	return (struct policy_place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static int wrong(const struct reader *r, struct policy_place at, const char *what)
{
	return fail_set(r->why, -EINVAL, "%s:%u:%u: %s", r->file, at.line, at.column, what);
}

static char *copy_text(const struct reader *r, const yaml_event_t *e)
{
	size_t len = e->data.scalar.length;
	char *text = arena_alloc(r->arena, len + 1, 1);
	if (text != NULL)
		memcpy(text, e->data.scalar.value, len);
	return text;
}

static int take_key(struct reader *r, const yaml_event_t *e)
{
	const struct yaml_node *map = r->open[r->depth - 1];
	r->key_place = place_of(e->start_mark);
	if (map->children == POLICY_ITEMS_MAX)
		return wrong(r, r->key_place, "over 4,096 keys in one map: split the policy");
	r->key = copy_text(r, e);
	if (r->key == NULL)
		return fail_set(r->why, -E2BIG, "%s: too many parts", r->file);
	for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
		char what[96];
		if (strcmp(n->key, r->key) != 0)
			continue;
		(void)snprintf(what, sizeof what,
			"this key stands in line %u already: keep one of them", n->key_place.line);
		return wrong(r, r->key_place, what);
	}
	return 0;
}

static struct yaml_node *add_node(struct reader *r, enum yaml_kind kind, const yaml_event_t *e)
{
	struct yaml_node *n = ARENA_NEW(r->arena, struct yaml_node, 1);
	if (n == NULL)
		return NULL;
	*n = (struct yaml_node){.kind = kind,
		.place = place_of(e->start_mark),
		.key = r->key,
		.key_place = r->key_place};
	r->key = NULL;
	if (r->depth == 0) {
		r->root = n;
		return n;
	}
	struct yaml_node *parent = r->open[r->depth - 1];
	if (parent->last == NULL)
		parent->first = n;
	else
		parent->last->next = n;
	parent->last = n;
	parent->children++;
	return n;
}

static bool wants_key(const struct reader *r)
{
	return r->depth > 0 && r->open[r->depth - 1]->kind == YAML_MAP && r->key == NULL;
}

static int take_text(struct reader *r, const yaml_event_t *e)
{
	struct policy_place at = place_of(e->start_mark);
	if (e->data.scalar.anchor != NULL)
		return wrong(r, at, "anchors are not taken: write the value where it is used");
	if (e->data.scalar.tag != NULL)
		return wrong(r, at, "tags are not taken: write the value without the '!'");
	if (memchr(e->data.scalar.value, '\0', e->data.scalar.length) != NULL)
		return wrong(r, at, "a NUL is in this value: take it out");
	if (wants_key(r))
		return take_key(r, e);
	struct yaml_node *n = add_node(r, YAML_TEXT, e);
	if (n == NULL || (n->text = copy_text(r, e)) == NULL)
		return fail_set(r->why, -E2BIG, "%s: too many parts", r->file);
	return 0;
}

static int take_start(struct reader *r, const yaml_event_t *e, enum yaml_kind kind)
{
	struct policy_place at = place_of(e->start_mark);
	bool map = kind == YAML_MAP;
	if (wants_key(r))
		return wrong(r, at, "a key has to be a word, not a map or list");
	if ((map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor) != NULL)
		return wrong(r, at, "anchors are not taken: write the value where it is used");
	if ((map ? e->data.mapping_start.tag : e->data.sequence_start.tag) != NULL)
		return wrong(r, at, "tags are not taken: write the value without the '!'");
	if (r->depth == YAML_DEPTH_MAX)
		return wrong(r, at, "nested too deeply: a policy needs no more than five levels");
	struct yaml_node *n = add_node(r, kind, e);
	if (n == NULL)
		return fail_set(r->why, -E2BIG, "%s: too many parts", r->file);
	r->open[r->depth++] = n;
	return 0;
}

static int take(struct reader *r, const yaml_event_t *e)
{
	struct policy_place at = place_of(e->start_mark);
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return take_text(r, e);
	case YAML_MAPPING_START_EVENT:
		return take_start(r, e, YAML_MAP);
	case YAML_SEQUENCE_START_EVENT:
		return take_start(r, e, YAML_LIST);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		CHECK(r->depth > 0);
		r->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return wrong(r, at, "aliases are not taken: write the value where it is used");
	case YAML_DOCUMENT_START_EVENT:
		return r->root == NULL ? 0
		                       : wrong(r, at, "a second document: a file holds one policy");
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

static int read_events(struct reader *r, yaml_parser_t *parser)
{
	int err = 0;
	for (bool end = false; err == 0 && !end;) {
		yaml_event_t e;
		if (!yaml_parser_parse(parser, &e)) {
			char what[160];
			const char *problem = parser->problem;
			(void)snprintf(what, sizeof what, "no YAML: %s; see docs/POLICY.md",
				problem == NULL ? "out of memory" : problem);
			return wrong(r, place_of(parser->problem_mark), what);
		}
		end = e.type == YAML_STREAM_END_EVENT;
		err = take(r, &e);
		yaml_event_delete(&e);
	}
	return err;
}

int yaml_read(struct yaml_node **ret, struct arena *arena, const char *file, struct cur text,
	struct fail *why)
{
	struct reader r = {.arena = arena, .file = file, .why = why};
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return fail_set(why, -ENOMEM, "%s: out of memory", file);
	/* the whole input: libyaml bounds its own reads by the length */
	struct span all = cur_bytes(&text, text.len);
	yaml_parser_set_input_string(&parser, all.ptr, all.len);
	int err = read_events(&r, &parser);
	yaml_parser_delete(&parser);
	if (err == 0 && r.root == NULL)
		err = fail_set(why, -EINVAL, "%s:1:1: the file is empty: see docs/POLICY.md", file);
	if (err == 0)
		*ret = r.root;
	return err;
}
