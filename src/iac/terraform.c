/* Terraform: terraform show -json of plans and states, and raw states of version 4. Values that a
 * plan does not know yet are looked up in its configuration: a reference to exactly one resource
 * is that resource. */
#include "iac/tree.h"

#include <string.h>

#include "base/scan.h"

#define MODULES_DEPTH_MAX 16u

/* ---- what the configuration says of what is not known ---- */

static const struct iac_node *planned(struct iac *c, struct span address)
{
	for (const struct iac_resource *r = c->first; r != NULL && iac_step(c); r = r->next)
		if (iac_same(r->name, address))
			return r->properties;
	return NULL;
}

static bool is_identity(struct span attribute)
{
	return span_is(attribute, "id") || span_is(attribute, "arn");
}

/* A module of the configuration, as it was called. */
struct scope {
	const struct scope *parent;           /* NULL: the root */
	struct span prefix;                   /* "module.net." */
	const struct iac_node *module, *call; /* call: NULL of the root */
};

static struct iac_node *unknown(struct iac *c)
{
	return iac_new(c, IAC_UNKNOWN, (struct span){0});
}

static struct iac_node *told(
	struct iac *c, const struct scope *at, const struct iac_node *expression, unsigned depth);

/* The names before the n-th dot, and in *rest what stands behind it. */
static struct span before_dot(struct span text, size_t n, struct span *rest)
{
	size_t dots = 0, end = 0;
	while (end < text.len && (text.ptr[end] != '.' || ++dots < n))
		end++;
	*rest = end < text.len ? (struct span){text.ptr + end + 1, text.len - end - 1}
	                       : (struct span){0};
	return (struct span){text.ptr, end};
}

/* Only what is a resource itself: of a text nobody says what else was done to it. */
static struct iac_node *identity(struct iac *c, struct iac_node *n)
{
	size_t end = n->kind == IAC_TEXT ? span_find(n->text, " endpoint") : 0;
	bool is = n->kind == IAC_TEXT && planned(c, (struct span){n->text.ptr, end}) != NULL;
	return is ? n : unknown(c);
}

/* aws_subnet.a.id or aws_subnet.a[0].id of a resource of the module. */
static struct iac_node *of_resource(struct iac *c, const struct scope *at, struct span text)
{
	struct out address = {0};
	struct span attribute, name = before_dot(text, 2, &attribute);
	out_bytes(&address, (const char *)at->prefix.ptr, at->prefix.len);
	out_bytes(&address, (const char *)name.ptr, name.len);
	struct span all = {(const uint8_t *)out_string(&address), address.len};
	bool endpoint = span_begins(attribute, "firewall_status");
	if (address.failed || (!is_identity(attribute) && !endpoint) || planned(c, all) == NULL) {
		out_fini(&address);
		return unknown(c);
	}
	out_text(&address, endpoint ? " endpoint" : "");
	return iac_out(c, &address);
}

/* What the module's caller gave. */
static struct iac_node *of_variable(
	struct iac *c, const struct scope *at, struct span name, unsigned depth)
{
	const struct iac_node *given =
		at->call == NULL ? NULL : iac_find(iac_get(at->call, "expressions"), name);
	return given == NULL ? unknown(c) : identity(c, told(c, at->parent, given, depth + 1));
}

/* NAME.OUTPUT of a module that this one calls once. */
static struct iac_node *of_output(
	struct iac *c, const struct scope *at, struct span text, unsigned depth)
{
	struct span output, name = before_dot(text, 1, &output);
	const struct iac_node *call = iac_find(iac_get(at->module, "module_calls"), name);
	const struct iac_node *module = iac_get(call, "module");
	const struct iac_node *expression =
		iac_get(iac_find(iac_get(module, "outputs"), output), "expression");
	struct out prefix = {0};
	if (expression == NULL)
		return unknown(c);
	out_bytes(&prefix, (const char *)at->prefix.ptr, at->prefix.len);
	out_text(&prefix, "module.");
	out_bytes(&prefix, (const char *)name.ptr, name.len);
	out_text(&prefix, ".");
	const struct iac_node *words = iac_out(c, &prefix);
	struct scope inside = {at, words->text, module, call};
	return identity(c, told(c, &inside, expression, depth + 1));
}

static struct iac_node *one_reference(
	struct iac *c, const struct scope *at, struct span text, unsigned depth)
{
	struct span rest, first = before_dot(text, 1, &rest);
	if (span_is(first, "var"))
		return of_variable(c, at, rest, depth);
	if (span_is(first, "module"))
		return of_output(c, at, rest, depth);
	return of_resource(c, at, text);
}

/* "aws_vpc.a" stands behind "aws_vpc.a.id", and says no more. */
static bool says_the_same(struct span longer, struct span shorter)
{
	return shorter.len < longer.len && memcmp(longer.ptr, shorter.ptr, shorter.len) == 0 &&
	       (longer.ptr[shorter.len] == '.' || longer.ptr[shorter.len] == '[');
}

static struct iac_node *reference(
	struct iac *c, const struct scope *at, const struct iac_node *list, unsigned depth)
{
	const struct iac_node *first = list->kind == IAC_LIST ? list->first : NULL;
	struct iac_node *is = NULL;
	for (const struct iac_node *n = first, *last = first; n != NULL && !c->full; n = n->next) {
		if (n != first && n->text.len > 0 && says_the_same(last->text, n->text))
			continue;
		struct iac_node *one = one_reference(c, at, n->text, depth);
		if (is != NULL && (one->kind != IAC_TEXT || !iac_same(one->text, is->text)))
			return unknown(c); /* of several */
		is = one;
		last = n;
	}
	return is == NULL ? unknown(c) : is;
}

static struct iac_node *block(
	struct iac *c, const struct scope *at, const struct iac_node *members, unsigned depth)
{
	struct iac_node *map = iac_new(c, IAC_MAP, (struct span){0});
	for (const struct iac_node *m = members->first; m != NULL && !c->full; m = m->next) {
		struct iac_node *child = told(c, at, m, depth + 1);
		if (!c->full)
			child->key = m->key;
		iac_append(map, child);
	}
	return map;
}

static struct iac_node *told(
	struct iac *c, const struct scope *at, const struct iac_node *expression, unsigned depth)
{
	const struct iac_node *constant = iac_get(expression, "constant_value"),
			      *references = iac_get(expression, "references");
	if (depth > MODULES_DEPTH_MAX || at == NULL || !iac_step(c))
		return unknown(c);
	if (constant != NULL)
		return iac_as(c, constant, (struct span){0});
	if (references != NULL)
		return reference(c, at, references, depth);
	if (expression->kind == IAC_MAP)
		return expression->first == NULL ? unknown(c) : block(c, at, expression, depth);
	struct iac_node *list = iac_new(c, IAC_LIST, (struct span){0});
	for (const struct iac_node *b = expression->first; b != NULL && !c->full; b = b->next)
		iac_append(list, told(c, at, b, depth + 1));
	return list;
}

/* Lists of blocks count in what is planned only when the plan holds all of them whole. */
static bool is_whole(const struct iac_node *value, const struct iac_node *expression)
{
	if (value->kind != IAC_LIST || expression->kind != IAC_LIST)
		return true;
	for (const struct iac_node *b = expression->first; b != NULL; b = b->next)
		for (const struct iac_node *m = b->first; m != NULL; m = m->next)
			if (iac_get(m, "references") != NULL)
				return false; /* in order of their own: the plan's is another */
	return true;
}

static bool is_one_block(const struct iac_node *list)
{
	return list != NULL && list->kind == IAC_LIST && list->first != NULL &&
	       list->first == list->last && list->first->kind == IAC_MAP;
}

static struct iac_node *completed(struct iac *c, const struct scope *at,
	const struct iac_node *values, const struct iac_node *expressions,
	const struct iac_node *not_known);

/* A block that there is once is the same in both: within it is gone on. No recursion without end:
 * the tree's own depth is bounded. */
static struct iac_node *filled(struct iac *c, const struct scope *at, const struct iac_node *value,
	const struct iac_node *expression, const struct iac_node *not_known)
{
	if (is_one_block(value) && is_one_block(expression)) {
		struct iac_node *list = iac_new(c, IAC_LIST, (struct span){0});
		iac_append(list, completed(c, at, value->first, expression->first,
					 not_known == NULL ? NULL : not_known->first));
		return list;
	}
	bool whole = not_known == NULL && is_whole(value, expression);
	return whole ? iac_as(c, value, (struct span){0}) : told(c, at, expression, 0);
}

static struct iac_node *completed(struct iac *c, const struct scope *at,
	const struct iac_node *values, const struct iac_node *expressions,
	const struct iac_node *not_known)
{
	struct iac_node *map = iac_new(c, IAC_MAP, (struct span){0});
	for (const struct iac_node *v = values->first; v != NULL && !c->full; v = v->next) {
		const struct iac_node *e = iac_find(expressions, v->key);
		if (e != NULL && v->kind == IAC_NONE)
			continue;
		struct iac_node *child = e == NULL
		                                 ? iac_as(c, v, (struct span){0})
		                                 : filled(c, at, v, e, iac_find(not_known, v->key));
		if (!c->full)
			child->key = v->key;
		iac_append(map, child);
	}
	for (const struct iac_node *e = expressions == NULL ? NULL : expressions->first;
		e != NULL && !c->full; e = e->next) {
		if (iac_find(map, e->key) != NULL)
			continue;
		struct iac_node *child = told(c, at, e, 0);
		if (!c->full)
			child->key = e->key;
		iac_append(map, child);
	}
	return map;
}

/* ---- where resources stand ---- */

static void read_module(struct iac *c, const struct iac_node *module, unsigned depth)
{
	const struct iac_node *resources = iac_get(module, "resources"),
			      *children = iac_get(module, "child_modules");
	for (const struct iac_node *r = resources == NULL ? NULL : resources->first; r != NULL;
		r = r->next) {
		const struct iac_node *type = iac_get(r, "type"), *address = iac_get(r, "address"),
				      *values = iac_get(r, "values"), *mode = iac_get(r, "mode");
		bool data = mode != NULL && span_is(mode->text, "data");
		if (type != NULL && address != NULL && values != NULL && !data)
			iac_add(c, type->text, address->text, values);
	}
	for (const struct iac_node *m = children == NULL ? NULL : children->first;
		m != NULL && depth < MODULES_DEPTH_MAX; m = m->next)
		read_module(c, m, depth + 1);
}

static struct span without_index(struct span address)
{
	if (address.len == 0 || address.ptr[address.len - 1] != ']')
		return address;
	size_t at = address.len;
	while (at > 0 && address.ptr[at - 1] != '[')
		at--;
	return (struct span){address.ptr, at > 0 ? at - 1 : 0};
}

static const struct iac_node *change_of(struct iac *c, struct span address)
{
	const struct iac_node *changes = iac_get(c->root, "resource_changes");
	for (const struct iac_node *n = changes == NULL ? NULL : changes->first;
		n != NULL && iac_step(c); n = n->next) {
		const struct iac_node *own = iac_get(n, "address");
		if (own != NULL && iac_same(own->text, address))
			return iac_get(iac_get(n, "change"), "after_unknown");
	}
	return NULL;
}

static void complete(struct iac *c, const struct scope *at)
{
	const struct iac_node *list = iac_get(at->module, "resources");
	struct span prefix = at->prefix;
	for (struct iac_resource *r = c->first; r != NULL && iac_step(c); r = r->next) {
		struct span base = without_index(r->name);
		if (base.len < prefix.len ||
			(prefix.len > 0 && memcmp(base.ptr, prefix.ptr, prefix.len) != 0))
			continue;
		base = (struct span){base.ptr + prefix.len, base.len - prefix.len};
		for (const struct iac_node *n = list == NULL ? NULL : list->first;
			n != NULL && iac_step(c); n = n->next) {
			const struct iac_node *address = iac_get(n, "address");
			if (address == NULL || !iac_same(address->text, base))
				continue;
			r->properties = completed(c, at, r->properties, iac_get(n, "expressions"),
				change_of(c, r->name));
			break;
		}
	}
}

static void complete_modules(struct iac *c, const struct scope *at, unsigned depth)
{
	complete(c, at);
	const struct iac_node *calls = iac_get(at->module, "module_calls");
	for (const struct iac_node *call = calls == NULL ? NULL : calls->first;
		call != NULL && depth < MODULES_DEPTH_MAX && !c->full; call = call->next) {
		struct out o = {0};
		out_bytes(&o, (const char *)at->prefix.ptr, at->prefix.len);
		out_text(&o, "module.");
		out_bytes(&o, (const char *)call->key.ptr, call->key.len);
		out_text(&o, ".");
		const struct iac_node *name = iac_out(c, &o);
		const struct iac_node *inner = iac_get(call, "module");
		struct scope inside = {at, name->text, inner, call};
		if (inner != NULL)
			complete_modules(c, &inside, depth + 1);
	}
}

/* terraform.tfstate: {"version": 4, "resources": [{"mode", "type", "name", "module", "instances"}]}
 */
static void read_state(struct iac *c, const struct iac_node *resources)
{
	for (const struct iac_node *r = resources->first; r != NULL && !c->full; r = r->next) {
		const struct iac_node *type = iac_get(r, "type"), *name = iac_get(r, "name"),
				      *module = iac_get(r, "module"),
				      *instances = iac_get(r, "instances"),
				      *mode = iac_get(r, "mode");
		bool data = mode != NULL && span_is(mode->text, "data");
		if (type == NULL || name == NULL || instances == NULL || data)
			continue;
		for (const struct iac_node *i = instances->first; i != NULL; i = i->next) {
			const struct iac_node *values = iac_get(i, "attributes"),
					      *index = iac_get(i, "index_key");
			struct out o = {0};
			if (module != NULL)
				out_bytes(&o, (const char *)module->text.ptr, module->text.len);
			out_text(&o, module != NULL ? "." : "");
			out_bytes(&o, (const char *)type->text.ptr, type->text.len);
			out_text(&o, ".");
			out_bytes(&o, (const char *)name->text.ptr, name->text.len);
			if (index != NULL)
				out_printf(&o, "[%.*s]", (int)index->text.len,
					(const char *)index->text.ptr);
			const struct iac_node *address = iac_out(c, &o);
			if (values != NULL)
				iac_add(c, type->text, address->text, values);
		}
	}
}

bool iac_read_terraform(struct iac *c)
{
	const struct iac_node *values = iac_get(c->root, "planned_values");
	const struct iac_node *resources = iac_get(c->root, "resources"),
			      *version = iac_get(c->root, "version");
	if (values == NULL)
		values = iac_get(c->root, "values");
	c->terraform = true;
	if (values != NULL && values->kind == IAC_MAP) {
		read_module(c, iac_get(values, "root_module"), 0);
		struct scope root = {
			.module = iac_get(iac_get(c->root, "configuration"), "root_module")};
		complete_modules(c, &root, 0);
		return true;
	}
	if (resources == NULL || version == NULL || resources->kind != IAC_LIST)
		return false;
	read_state(c, resources);
	return true;
}
