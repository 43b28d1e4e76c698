/* Texts of any kind: what is a rule group or a policy in them, wherever it stands. */
#include "nfw/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iac/iac.h"

#define WARNINGS_MAX ((size_t)256 << 10)

/* ---- values ---- */

/* RuleOrder is rule_order in Terraform. */
static bool is_name(struct span is, const char *name)
{
	size_t at = 0;
	for (size_t i = 0; i < is.len; i++) {
		if (is.ptr[i] == '_')
			continue;
		if (name[at] == '\0' || (is.ptr[i] | 0x20) != ((uint8_t)name[at] | 0x20))
			return false;
		at++;
	}
	return name[at] == '\0';
}

bool get(
	struct reader *r, const struct json_value *object, const char *name, struct json_value *ret)
{
	struct json_value member = {0};
	struct span key;
	*ret = (struct json_value){0};
	if (object->type != JSON_OBJECT)
		return false;
	while (json_member(r->n->json, object, &key, &member)) {
		if (!is_name(key, name) || member.type == JSON_NULL)
			continue;
		*ret = member;
		return true;
	}
	return false;
}

bool get_object(
	struct reader *r, const struct json_value *object, const char *name, struct json_value *ret)
{
	struct json_value item = {0};
	if (!get(r, object, name, ret))
		return false;
	if (ret->type == JSON_ARRAY) {
		struct json_value list = *ret;
		if (!json_each(r->n->json, &list, &item))
			return false;
		*ret = item;
	}
	return ret->type == JSON_OBJECT;
}

const char *copy_text(struct reader *r, struct span text)
{
	char *copy = ARENA_NEW(&r->n->arena, char, text.len + 1);
	r->n->full = r->n->full || copy == NULL;
	if (copy != NULL && text.len > 0)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

void *nfw_room(struct reader *r, size_t bytes)
{
	void *room = arena_alloc(&r->n->arena, 1, bytes);
	r->n->full = r->n->full || room == NULL;
	return room;
}

void warn(struct reader *r, const char *words, struct span what)
{
	struct out *o = &r->n->warnings;
	if (o->len > WARNINGS_MAX)
		return;
	out_safe(o, r->name, 200);
	out_text(o, ": ");
	out_safe(o, words, 400);
	char text[128] = {0};
	size_t len = what.len < sizeof text ? what.len : sizeof text - 1;
	if (len > 0)
		memcpy(text, what.ptr, len);
	out_safe(o, text, sizeof text);
	out_text(o, "\n");
}

bool get_text(struct reader *r, const struct json_value *value, struct span *ret)
{
	(void)r;
	*ret = value->text;
	if (value->type == JSON_OBJECT) /* a function, in a piece of a template */
		*ret = span_of("$NOT_KNOWN");
	return value->type == JSON_STRING || value->type == JSON_NUMBER ||
	       value->type == JSON_BOOL || value->type == JSON_OBJECT;
}

/* ---- what is what ---- */

static void look_at(struct reader *r, const struct json_value *value, unsigned depth);

static void look_inside(struct reader *r, const struct json_value *object, unsigned depth)
{
	struct json_value member = {0};
	struct span key;
	const char *id = r->id;
	while (json_member(r->n->json, object, &key, &member) && !r->n->full) {
		if (member.type != JSON_OBJECT && member.type != JSON_ARRAY)
			continue;
		if (!span_is(key, "Properties") && member.type == JSON_OBJECT)
			r->id = copy_text(r, key);
		look_at(r, &member, depth + 1);
		r->id = id;
	}
}

/* The body of that name, unless it is a template's resource that somebody called so. */
static bool get_body(
	struct reader *r, const struct json_value *object, const char *name, struct json_value *ret)
{
	struct json_value type;
	return get_object(r, object, name, ret) &&
	       (!get(r, ret, "Type", &type) || !span_begins(type.text, "AWS::"));
}

static void look_at(struct reader *r, const struct json_value *value, unsigned depth)
{
	struct json_value part, item = {0};
	if (depth > DEPTH_MAX || r->n->full)
		return;
	if (value->type == JSON_ARRAY) {
		while (json_each(r->n->json, value, &item) && !r->n->full)
			if (item.type == JSON_OBJECT || item.type == JSON_ARRAY)
				look_at(r, &item, depth + 1);
		return;
	}
	if (value->type != JSON_OBJECT)
		return;
	if (get_body(r, value, "RuleGroup", &part))
		read_rule_group(r, &part, value);
	else if (get_body(r, value, "FirewallPolicy", &part))
		read_firewall_policy(r, &part, value);
	else if (get_object(r, value, "RulesSource", &part))
		read_rule_group(r, value, value);
	else if (get(r, value, "StatelessDefaultActions", &part))
		read_firewall_policy(r, value, value);
	else
		look_inside(r, value, depth);
}

/* Templates, plans and states: a resource at a time, as its properties are in the end. */
static void read_resource(struct reader *r, const struct iac_resource *resource)
{
	bool group = span_is(resource->type, "AWS::NetworkFirewall::RuleGroup") ||
	             span_is(resource->type, "aws_networkfirewall_rule_group");
	bool policy = span_is(resource->type, "AWS::NetworkFirewall::FirewallPolicy") ||
	              span_is(resource->type, "aws_networkfirewall_firewall_policy");
	struct json_value root, part;
	struct out json = {0};
	if (!group && !policy)
		return;
	r->id = copy_text(r, resource->name);
	if (resource->properties == NULL) {
		r->found++;
		warn(r, "its condition is not known, and it is taken for absent: ", resource->name);
		return;
	}
	iac_write(&json, resource->properties);
	r->n->full = r->n->full || json.failed;
	if (!json.failed &&
		json_read(r->n->json, (struct span){(const uint8_t *)out_string(&json), json.len},
			&root) == NULL) {
		bool inner = get_object(r, &root, group ? "RuleGroup" : "FirewallPolicy", &part);
		(group ? read_rule_group : read_firewall_policy)(r, inner ? &part : &root, &root);
	}
	out_fini(&json);
}

static int nothing_found(struct fail *why)
{
	return fail_set(why, -EINVAL,
		"no rule group and no policy of Network Firewall in it: give what aws "
		"network-firewall describe-rule-group or terraform show -json prints");
}

static int read_resources(struct nfw *n, const char *name, struct span text, struct fail *why)
{
	struct reader r = {.n = n, .name = name};
	struct iac *c = NULL;
	int err = iac_read(&c, text, why);
	if (err < 0)
		return err;
	for (const struct iac_resource *i = iac_first(c); i != NULL && !n->full; i = i->next)
		read_resource(&r, i);
	iac_free(c);
	return r.found == 0 && !n->full ? nothing_found(why) : 0;
}

static int read_json(struct nfw *n, const char *name, struct span text, struct fail *why)
{
	struct reader r = {.n = n, .name = name};
	struct json_value root, slot;
	const char *wrong = json_read(n->json, text, &root);
	/* to its end: what is cut would hold too few rules */
	if (wrong == NULL)
		wrong = json_pick(n->json, n->keys, &root, &slot);
	if (wrong != NULL)
		return fail_set(why, -EINVAL, "no JSON: %s", wrong);
	int err = read_resources(n, name, text, why);
	if (err != -ENOENT)
		return err;
	if (json_read(n->json, text, &root) == NULL)
		look_at(&r, &root, 0);
	return r.found == 0 && !n->full ? nothing_found(why) : 0;
}

static bool is_rules(struct span text)
{
	static const char *const actions[] = {"alert", "pass", "drop", "reject"};
	struct span rest = text, line;
	while (span_next(&rest, '\n', &line)) {
		line = span_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		for (size_t i = 0; i < ARRAY_LEN(actions); i++)
			if (span_begins(line, actions[i]) && span_has(line, '('))
				return true;
		return false;
	}
	return false;
}

static int read_plain(struct nfw *n, const char *name, struct span text, struct fail *why)
{
	struct reader r = {.n = n, .name = name};
	struct nfw_group *group = nfw_room(&r, sizeof *group);
	if (group == NULL)
		return fail_set(why, -E2BIG, "too much to be kept");
	const char *last = strrchr(name, '/');
	group->name = copy_text(&r, span_of(last == NULL ? name : last + 1));
	read_rules(&r, group, text);
	*n->group_end = group;
	n->group_end = &group->next;
	n->groups++;
	return n->full ? fail_set(why, -E2BIG, "too much to be kept") : 0;
}

static int read_yaml(struct nfw *n, const char *name, struct span text, struct fail *why)
{
	struct out json = {0};
	int err = yaml_to_json(text, &json, why);
	if (err == 0)
		err = read_json(
			n, name, (struct span){(const uint8_t *)out_string(&json), json.len}, why);
	out_fini(&json);
	return err;
}

static int read_any(struct nfw *n, const char *name, struct span text, struct fail *why)
{
	struct span trimmed = span_trim(text);
	size_t len = strlen(name);
	if (text.len > NFW_BYTES_MAX)
		return fail_set(why, -E2BIG, "over 32 MB");
	if (trimmed.len > 0 && trimmed.ptr[0] == '{')
		return read_json(n, name, trimmed, why);
	if (is_rules(text) || (len > 6 && strcmp(name + len - 6, ".rules") == 0))
		return read_plain(n, name, text, why);
	if (span_find(text, "AWS::NetworkFirewall") < text.len)
		return read_yaml(n, name, text, why);
	if (span_find(text, "aws_networkfirewall_") < text.len)
		return fail_set(why, -EINVAL,
			"Terraform's own language is not read: give what terraform show -json "
			"prints");
	return fail_set(why, -EINVAL,
		"no rules of Suricata, and no JSON or template with a rule group or policy of "
		"Network Firewall");
}

int nfw_read(struct nfw *n, const char *name, struct span text, struct fail *why)
{
	int err = read_any(n, name, text, why);
	link_groups(n);
	return err == 0 && n->full ? fail_set(why, -E2BIG, "too much to be kept") : err;
}

/* ---- life ---- */

int nfw_new(struct nfw **ret, size_t bytes)
{
	struct nfw *n = calloc(1, sizeof *n);
	if (n == NULL)
		return -ENOMEM;
	static const char *const keys[] = {"Resources"};
	if (arena_init(&n->arena, bytes) < 0 || json_new(&n->json) < 0 ||
		json_keys_new(&n->keys, keys, ARRAY_LEN(keys)) < 0) {
		nfw_free(n);
		return -ENOMEM;
	}
	n->group_end = &n->group;
	n->policy_end = &n->policy;
	n->all.order = ARENA_NEW(&n->arena, struct nfw_order, 1);
	if (n->all.order == NULL) {
		nfw_free(n);
		return -ENOMEM;
	}
	*ret = n;
	return 0;
}

void nfw_free(struct nfw *n)
{
	if (n == NULL)
		return;
	for (struct nfw_group *g = n->group; g != NULL; g = g->next)
		suricata_free(g->rules);
	for (struct nfw_policy *p = n->policy; p != NULL; p = p->next)
		order_fini(p->order);
	if (n->all.order != NULL)
		order_fini(n->all.order);
	json_keys_free(n->keys);
	json_free(n->json);
	arena_fini(&n->arena);
	out_fini(&n->warnings);
	free(n);
}

int nfw_make_home(
	struct nfw *n, struct span nets, const struct suricata_scope **ret, struct fail *why)
{
	struct suricata_scope *scope = ARENA_NEW(&n->arena, struct suricata_scope, 1);
	struct suricata_variable *v = ARENA_NEW(&n->arena, struct suricata_variable, 1);
	if (v == NULL || scope == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	v->name = "HOME_NET";
	const char *wrong = suricata_parse_items(&n->arena, nets, false, &v->item);
	if (wrong != NULL)
		return fail_set(why, -EINVAL, "%s", wrong);
	scope->first = v;
	*ret = scope;
	return 0;
}

int nfw_set_home(struct nfw *n, struct span nets, struct fail *why)
{
	const struct suricata_scope *home = NULL;
	int err = nfw_make_home(n, nets, &home, why);
	if (home != NULL)
		n->home.first = home->first;
	return err;
}

void nfw_set_strict(struct nfw *n, bool strict)
{
	n->strict = strict;
	link_groups(n);
}

const char *nfw_warnings(const struct nfw *n)
{
	return out_string(&n->warnings);
}

const struct suricata_rules *nfw_rules(const struct nfw *n, const struct suricata_scope **ret_scope)
{
	if (n->policies > 0 || n->groups != 1 || n->group->is_stateless)
		return NULL;
	*ret_scope = &n->home;
	return n->group->rules;
}

struct nfw_counts nfw_count(const struct nfw *n)
{
	struct nfw_counts c = {.policies = n->policies, .groups = n->groups};
	for (const struct nfw_group *g = n->group; g != NULL; g = g->next) {
		c.stateless += g->stateless_rules;
		if (g->rules == NULL)
			continue;
		c.rules += g->rules->count;
		c.wrong += g->rules->faults;
		for (const struct suricata_rule *r = g->rules->first; r != NULL; r = r->next)
			c.unsupported += r->unsupported != NULL;
	}
	return c;
}
