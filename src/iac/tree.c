/* A text becomes a tree, and the tree a list of resources. */
#include "iac/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/scan.h"

#define TREE_BYTES_MAX ((size_t)256 << 20)

bool iac_same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Stands for each node that found no room: nothing is made of a text that is refused. */
static struct iac_node none;

struct iac_node *iac_new(struct iac *c, enum iac_kind kind, struct span text)
{
	struct iac_node *n =
		c->nodes++ > IAC_NODES_MAX ? NULL : ARENA_NEW(&c->arena, struct iac_node, 1);
	c->full = c->full || n == NULL;
	if (n == NULL)
		return &none;
	n->kind = kind;
	n->text = text;
	return n;
}

bool iac_step(struct iac *c)
{
	c->full = c->full || c->steps++ > IAC_STEPS_MAX;
	return !c->full;
}

void iac_append(struct iac_node *parent, struct iac_node *child)
{
	if (parent->kind < IAC_LIST || child == &none)
		return;
	if (parent->last == NULL)
		parent->first = child;
	else
		parent->last->next = child;
	parent->last = child;
}

struct iac_node *iac_as(struct iac *c, const struct iac_node *node, struct span key)
{
	struct iac_node *n = iac_new(c, node->kind, node->text);
	if (c->full)
		return n;
	n->key = key;
	n->first = node->first;
	n->last = node->last;
	return n;
}

struct iac_node *iac_out(struct iac *c, struct out *o)
{
	char *copy = ARENA_NEW(&c->arena, char, o->len + 1);
	c->full = c->full || copy == NULL || o->failed;
	struct span text = {0};
	if (!c->full && o->len > 0) {
		memcpy(copy, out_string(o), o->len);
		text = (struct span){(const uint8_t *)copy, o->len};
	}
	out_fini(o);
	return iac_new(c, IAC_TEXT, text);
}

const struct iac_node *iac_find(const struct iac_node *map, struct span name)
{
	if (map == NULL || map->kind != IAC_MAP)
		return NULL;
	for (const struct iac_node *n = map->first; n != NULL; n = n->next)
		if (iac_same(n->key, name))
			return n;
	return NULL;
}

const struct iac_node *iac_get(const struct iac_node *map, const char *name)
{
	return iac_find(map, span_of(name));
}

void iac_add(struct iac *c, struct span type, struct span name, const struct iac_node *properties)
{
	struct iac_resource *r = ARENA_NEW(&c->arena, struct iac_resource, 1);
	c->full = c->full || r == NULL;
	if (r == NULL)
		return;
	*r = (struct iac_resource){.type = type, .name = name, .properties = properties};
	*c->end = r;
	c->end = &r->next;
}

static struct iac_node *tree_of(struct iac *c, const struct json_value *value, unsigned depth)
{
	static const enum iac_kind kinds[] = {[JSON_NULL] = IAC_NONE,
		[JSON_BOOL] = IAC_TEXT,
		[JSON_NUMBER] = IAC_TEXT,
		[JSON_STRING] = IAC_TEXT,
		[JSON_ARRAY] = IAC_LIST,
		[JSON_OBJECT] = IAC_MAP};
	struct json_value item = {0};
	struct span key;
	if (depth > IAC_DEPTH_MAX)
		return iac_new(c, IAC_UNKNOWN, (struct span){0});
	struct iac_node *n = iac_new(c, kinds[value->type], value->text);
	if (n->kind == IAC_LIST)
		while (!c->full && json_each(c->json, value, &item))
			iac_append(n, tree_of(c, &item, depth + 1));
	for (size_t i = 0;
		n->kind == IAC_MAP && !c->full && json_member(c->json, value, &key, &item); i++) {
		struct iac_node *child = tree_of(c, &item, depth + 1);
		c->full = c->full || i == IAC_MEMBERS_MAX;
		if (!c->full)
			child->key = key;
		iac_append(n, child);
	}
	return n;
}

void iac_write(struct out *o, const struct iac_node *node)
{
	bool map = node->kind == IAC_MAP;
	if (node->kind == IAC_NONE)
		out_text(o, "null");
	if (node->kind == IAC_TEXT || node->kind == IAC_UNKNOWN)
		iac_write_string(o, node->text.ptr, node->text.len);
	if (node->kind != IAC_LIST && !map)
		return;
	out_text(o, map ? "{" : "[");
	for (const struct iac_node *n = node->first; n != NULL; n = n->next) {
		out_text(o, n == node->first ? "" : ",");
		if (map)
			iac_write_string(o, n->key.ptr, n->key.len);
		out_text(o, map ? ":" : "");
		iac_write(o, n);
	}
	out_text(o, map ? "}" : "]");
}

static bool is_type(struct span type)
{
	return span_begins(type, "AWS::");
}

/* Of a template, or a template's resources alone. */
static const struct iac_node *stack_of(const struct iac_node *root)
{
	const struct iac_node *resources = iac_get(root, "Resources");
	bool alone = resources == NULL;
	if (alone)
		resources = root;
	for (const struct iac_node *n = resources->first; n != NULL; n = n->next) {
		const struct iac_node *type = iac_get(n, "Type");
		if (resources->kind == IAC_MAP && type != NULL && (!alone || is_type(type->text)))
			return resources;
	}
	return NULL;
}

/* Before a tree is made of what is none of ours. */
static bool may_be_ours(struct iac *c, const struct json_value *root)
{
	static const char *const names[] = {"Resources", "planned_values", "values", "resources"};
	struct json_value member = {0};
	struct span key;
	bool found = false;
	while (root->type == JSON_OBJECT && !found && json_member(c->json, root, &key, &member)) {
		struct json_value own = {0};
		struct span name;
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			found = found || span_is(key, names[i]);
		while (member.type == JSON_OBJECT && json_member(c->json, &member, &name, &own))
			found = found || (span_is(name, "Type") && is_type(own.text));
	}
	return found;
}

static int read_tree(struct iac *c, struct span text, struct fail *why)
{
	struct json_value root;
	struct span trimmed = span_trim(text);
	if (!span_begins(trimmed, "{")) {
		if (span_find(text, "Resources:") == text.len)
			return -ENOENT;
		int err = yaml_to_json(text, &c->text, why);
		if (err < 0)
			return err;
		trimmed = span_of(out_string(&c->text));
	}
	const char *wrong = json_read(c->json, trimmed, &root);
	if (wrong != NULL)
		return fail_set(why, -EINVAL, "no JSON: %s", wrong);
	if (!may_be_ours(c, &root))
		return -ENOENT;
	c->root = tree_of(c, &root, 0);
	const struct iac_node *stack = c->full ? NULL : stack_of(c->root);
	c->resources = stack;
	if (stack != NULL)
		iac_read_stack(c);
	else if (!c->full && !iac_read_terraform(c))
		return -ENOENT;
	return c->full ? fail_set(why, -E2BIG, "too much to be kept") : 0;
}

int iac_read(struct iac **ret, struct span text, struct fail *why)
{
	struct iac *c = calloc(1, sizeof *c);
	size_t room = text.len < TREE_BYTES_MAX / 64 ? text.len * 64 + 65536 : TREE_BYTES_MAX;
	if (c == NULL)
		return -ENOMEM;
	c->end = &c->first;
	int err = arena_init(&c->arena, room);
	if (err == 0)
		err = json_new(&c->json);
	if (err == 0)
		err = read_tree(c, text, why);
	if (err < 0)
		iac_free(c);
	else
		*ret = c;
	return err;
}

void iac_free(struct iac *c)
{
	if (c == NULL)
		return;
	json_free(c->json);
	out_fini(&c->text);
	if (c->arena.base != NULL)
		arena_fini(&c->arena);
	free(c);
}

const struct iac_resource *iac_first(const struct iac *c)
{
	return c->first;
}

bool iac_is_terraform(const struct iac *c)
{
	return c->terraform;
}
