/* CloudFormation: parameters' defaults, conditions and intrinsic functions. */
#include "iac/tree.h"

#include <string.h>

#include "base/addr.h"
#include "base/scan.h"

/* Of a name that is not known: rules' variables are no longer. */
#define NAME_BYTES 60u

static struct iac_node *eval(struct iac *c, const struct iac_node *n, unsigned depth);

static struct iac_node *unknown(struct iac *c)
{
	return iac_new(c, IAC_UNKNOWN, (struct span){0});
}

static const struct iac_node *nth(const struct iac_node *list, size_t at)
{
	const struct iac_node *n = list != NULL && list->kind == IAC_LIST ? list->first : NULL;
	while (n != NULL && at-- > 0)
		n = n->next;
	return n;
}

static struct iac_node *split(struct iac *c, struct span text, uint8_t by)
{
	struct iac_node *list = iac_new(c, IAC_LIST, (struct span){0});
	struct span part;
	while (text.len > 0 && !c->full) {
		(void)span_next(&text, by, &part);
		iac_append(list, iac_new(c, IAC_TEXT, part));
	}
	return list;
}

/* What a rule would call it: letters, digits and _. */
static struct iac_node *unknown_name(struct iac *c, struct span name)
{
	struct out o = {0};
	out_text(&o, "$");
	for (size_t i = 0; i < name.len && i < NAME_BYTES; i++) {
		uint8_t letter = name.ptr[i] | 0x20;
		bool plain = (letter >= 'a' && letter <= 'z') ||
		             (name.ptr[i] >= '0' && name.ptr[i] <= '9');
		out_bytes(&o, plain ? (const char *)name.ptr + i : "_", 1);
	}
	struct iac_node *n = iac_out(c, &o);
	if (!c->full)
		n->kind = IAC_UNKNOWN;
	return n;
}

static const struct iac_node *resource(const struct iac *c, struct span name)
{
	return iac_find(c->resources, name);
}

static struct iac_node *ref(struct iac *c, struct span name)
{
	const struct iac_node *parameter = iac_find(iac_get(c->root, "Parameters"), name);
	const struct iac_node *value = iac_get(parameter, "Default"), *type;
	if (span_is(name, "AWS::NoValue"))
		return iac_new(c, IAC_NONE, (struct span){0});
	if (parameter == NULL)
		return resource(c, name) != NULL ? iac_new(c, IAC_TEXT, name)
		                                 : unknown_name(c, name);
	if (value == NULL || value->kind != IAC_TEXT)
		return unknown_name(c, name);
	type = iac_get(parameter, "Type");
	bool list = type != NULL &&
	            (span_is(type->text, "CommaDelimitedList") || span_begins(type->text, "List<"));
	return list ? split(c, value->text, ',') : iac_new(c, IAC_TEXT, value->text);
}

/* Those that are what Ref gives, to us who know resources by name. */
static bool is_identity(struct span attribute)
{
	static const char *const names[] = {"GroupId", "Id", "VpcId", "SubnetId", "NetworkAclId",
		"RouteTableId", "InternetGatewayId", "NatGatewayId", "TransitGatewayId",
		"PrefixListId", "FirewallArn", "FirewallId", "RuleGroupArn", "FirewallPolicyArn",
		"InstanceId", "AllocationId"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is(attribute, names[i]))
			return true;
	return false;
}

static struct iac_node *get_att(
	struct iac *c, struct span name, struct span attribute, unsigned depth)
{
	const struct iac_node *r = resource(c, name), *type = iac_get(r, "Type");
	if (type == NULL)
		return unknown_name(c, name);
	if (is_identity(attribute) && !span_is(attribute, "VpcId"))
		return iac_new(c, IAC_TEXT, name);
	if (is_identity(attribute) && span_is(type->text, "AWS::EC2::VPC"))
		return iac_new(c, IAC_TEXT, name);
	const struct iac_node *value = iac_find(iac_get(r, "Properties"), attribute);
	bool given = span_is(attribute, "CidrBlock") || span_is(attribute, "VpcId");
	if (value != NULL && given)
		return eval(c, value, depth + 1);
	if (!span_is(attribute, "EndpointIds"))
		return unknown_name(c, name);
	/* which of them stands where is not said: each is known by its place in the list */
	struct iac_node *list = iac_new(c, IAC_LIST, (struct span){0});
	const struct iac_node *mappings = iac_get(iac_get(r, "Properties"), "SubnetMappings");
	size_t count = 0;
	for (const struct iac_node *m = mappings == NULL ? NULL : mappings->first; m != NULL;
		m = m->next) {
		struct out o = {0};
		out_text(&o, "zone:");
		out_bytes(&o, (const char *)name.ptr, name.len);
		out_printf(&o, " endpoint %zu", count++);
		iac_append(list, iac_out(c, &o));
	}
	return list;
}

static struct iac_node *on_get_att(struct iac *c, const struct iac_node *n, unsigned depth)
{
	const struct iac_node *first = nth(n, 0), *second = nth(n, 1);
	struct span text = n->text, name;
	if (first != NULL && second != NULL)
		return get_att(c, first->text, second->text, depth);
	if (n->kind != IAC_TEXT || !span_next(&text, '.', &name))
		return unknown(c);
	return get_att(c, name, text, depth);
}

/* Amazon gives 256 at most (user guide, Fn::Cidr). */
#define CIDR_COUNT_MAX 256u

/* The block's own address, so many blocks of 2^free addresses further. */
static struct addr shifted(const struct addr *from, unsigned blocks, unsigned free)
{
	struct addr a = *from;
	uint32_t carry = blocks << free % 8;
	for (size_t at = 16 - free / 8; at > 0 && carry > 0; at--) {
		carry += a.byte[at - 1];
		a.byte[at - 1] = (uint8_t)carry;
		carry >>= 8;
	}
	return a;
}

/* [block, how many, bits that are free in each]. */
static struct iac_node *on_cidr(struct iac *c, const struct iac_node *n)
{
	const struct iac_node *block = nth(n, 0), *many = nth(n, 1), *bits = nth(n, 2);
	struct cidr net;
	uint64_t count, free;
	char text[ADDR_TEXT_BYTES] = {0};
	if (bits == NULL || block->kind != IAC_TEXT || block->text.len >= sizeof text ||
		scan_max(many->text, CIDR_COUNT_MAX, &count) < 0 ||
		scan_max(bits->text, 128, &free) < 0)
		return unknown(c);
	if (block->text.len > 0)
		memcpy(text, block->text.ptr, block->text.len);
	if (cidr_parse(text, &net) < 0 || free + net.bits > 128 ||
		(free + net.bits + 8 > 128 && count > UINT64_C(1) << (128 - free - net.bits)))
		return unknown(c);
	struct iac_node *list = iac_new(c, IAC_LIST, (struct span){0});
	for (unsigned i = 0; i < count && !c->full; i++) {
		struct addr a = shifted(&net.net, i, (unsigned)free);
		struct out o = {0};
		out_printf(&o, "%s/%u", addr_text(&a, text),
			(unsigned)(addr_is_v4(&a) ? 32 : 128) - (unsigned)free);
		iac_append(list, iac_out(c, &o));
	}
	return list;
}

/* ${NAME} of a text: of the function's own names, else a resource's attribute, else Ref. */
static const struct iac_node *sub_value(
	struct iac *c, const struct iac_node *own, struct span name, unsigned depth)
{
	const struct iac_node *given = iac_find(own, name);
	struct span left = name, head;
	if (given != NULL)
		return eval(c, given, depth + 1);
	if (span_has(name, '.') && span_next(&left, '.', &head))
		return get_att(c, head, left, depth);
	return ref(c, name);
}

static struct iac_node *on_sub(struct iac *c, const struct iac_node *n, unsigned depth)
{
	const struct iac_node *first = n->kind == IAC_LIST ? n->first : NULL;
	struct span text = first != NULL ? first->text : n->text;
	struct out o = {0};
	bool known = true;
	while (text.len > 0 && !c->full) {
		size_t at = span_find(text, "${");
		out_bytes(&o, (const char *)text.ptr, at);
		text = (struct span){text.ptr + at, text.len - at};
		size_t end = span_find(text, "}");
		if (text.len < 3 || end == text.len) {
			out_bytes(&o, (const char *)text.ptr, text.len);
			break;
		}
		const struct iac_node *v =
			sub_value(c, nth(n, 1), (struct span){text.ptr + 2, end - 2}, depth);
		known = known && v->kind == IAC_TEXT;
		c->full = c->full || o.len + v->text.len > IAC_TEXT_MAX;
		out_bytes(&o, (const char *)v->text.ptr, c->full ? 0 : v->text.len);
		text = (struct span){text.ptr + end + 1, text.len - end - 1};
	}
	struct iac_node *made = iac_out(c, &o);
	if (!known && !c->full)
		made->kind = IAC_UNKNOWN;
	return made;
}

static struct iac_node *on_join(struct iac *c, const struct iac_node *n)
{
	const struct iac_node *by = nth(n, 0), *list = nth(n, 1);
	struct out o = {0};
	bool known = true;
	if (list == NULL || list->kind != IAC_LIST)
		return unknown(c);
	for (const struct iac_node *i = list->first; i != NULL && o.len < IAC_TEXT_MAX;
		i = i->next) {
		known = known && i->kind == IAC_TEXT;
		if (i != list->first)
			out_bytes(&o, (const char *)by->text.ptr, by->text.len);
		out_bytes(&o, (const char *)i->text.ptr, i->text.len);
	}
	c->full = c->full || o.len >= IAC_TEXT_MAX;
	struct iac_node *made = iac_out(c, &o);
	if (!known && !c->full)
		made->kind = IAC_UNKNOWN;
	return made;
}

static struct iac_node *copy_of(struct iac *c, const struct iac_node *n)
{
	return n == NULL ? unknown(c) : iac_as(c, n, (struct span){0});
}

static struct iac_node *on_select(struct iac *c, const struct iac_node *n)
{
	uint64_t at = 0;
	const struct iac_node *index = nth(n, 0);
	if (index == NULL || index->kind != IAC_TEXT || scan_max(index->text, 4096, &at) < 0)
		return unknown(c);
	return copy_of(c, nth(nth(n, 1), (size_t)at));
}

static struct iac_node *on_split(struct iac *c, const struct iac_node *n)
{
	const struct iac_node *by = nth(n, 0), *text = nth(n, 1);
	if (by == NULL || text == NULL || by->text.len != 1 || text->kind != IAC_TEXT)
		return unknown(c);
	return split(c, text->text, by->text.ptr[0]);
}

static struct iac_node *on_map(struct iac *c, const struct iac_node *n)
{
	const struct iac_node *at = iac_get(c->root, "Mappings");
	for (size_t i = 0; i < 3 && at != NULL; i++) {
		const struct iac_node *name = nth(n, i);
		at = name == NULL || name->kind != IAC_TEXT ? NULL : iac_find(at, name->text);
	}
	return copy_of(c, at);
}

/* ---- conditions: "true", "false", or not known ---- */

static struct iac_node *truth(struct iac *c, bool is)
{
	return iac_new(c, IAC_TEXT, span_of(is ? "true" : "false"));
}

static struct iac_node *on_condition(struct iac *c, struct span name, unsigned depth)
{
	const struct iac_node *n = iac_find(iac_get(c->root, "Conditions"), name);
	return n == NULL ? unknown(c) : eval(c, n, depth + 1);
}

static struct iac_node *on_equals(struct iac *c, const struct iac_node *n)
{
	const struct iac_node *a = nth(n, 0), *b = nth(n, 1);
	if (a == NULL || b == NULL || a->kind != IAC_TEXT || b->kind != IAC_TEXT)
		return unknown(c);
	return truth(c, iac_same(a->text, b->text));
}

static struct iac_node *on_all(struct iac *c, const struct iac_node *n, bool any)
{
	bool sure = true;
	for (const struct iac_node *i = n->first; i != NULL; i = i->next) {
		if (i->kind == IAC_TEXT && span_is(i->text, any ? "true" : "false"))
			return truth(c, any);
		sure = sure && i->kind == IAC_TEXT;
	}
	return sure ? truth(c, !any) : unknown(c);
}

static struct iac_node *on_not(struct iac *c, const struct iac_node *n)
{
	const struct iac_node *a = nth(n, 0);
	return a == NULL || a->kind != IAC_TEXT ? unknown(c) : truth(c, span_is(a->text, "false"));
}

/* Only the branch that is taken is looked at. */
static struct iac_node *on_if(struct iac *c, const struct iac_node *n, unsigned depth)
{
	const struct iac_node *name = nth(n, 0);
	const struct iac_node *is = name == NULL ? NULL : on_condition(c, name->text, depth);
	if (is == NULL || is->kind != IAC_TEXT)
		return unknown(c);
	const struct iac_node *taken = nth(n, span_is(is->text, "true") ? 1 : 2);
	return taken == NULL ? unknown(c) : eval(c, taken, depth + 1);
}

/* ---- all ---- */

static struct iac_node *eval_children(struct iac *c, const struct iac_node *n, unsigned depth)
{
	struct iac_node *made = iac_new(c, n->kind, n->text);
	for (const struct iac_node *i = n->first; i != NULL && !c->full; i = i->next) {
		struct iac_node *child = eval(c, i, depth + 1);
		if (child->kind == IAC_NONE)
			continue; /* AWS::NoValue: as if it were not there */
		if (!c->full)
			child->key = i->key;
		iac_append(made, child);
	}
	return made;
}

static struct iac_node *on_and(struct iac *c, const struct iac_node *n)
{
	return on_all(c, n, false);
}

static struct iac_node *on_or(struct iac *c, const struct iac_node *n)
{
	return on_all(c, n, true);
}

static struct iac_node *eval_function(
	struct iac *c, struct span name, const struct iac_node *n, unsigned depth)
{
	static const struct {
		const char *name;
		struct iac_node *(*of)(struct iac *c, const struct iac_node *n);
	} plain[] = {{"Fn::Join", on_join}, {"Fn::Select", on_select}, {"Fn::Split", on_split},
		{"Fn::Cidr", on_cidr}, {"Fn::FindInMap", on_map}, {"Fn::Equals", on_equals},
		{"Fn::And", on_and}, {"Fn::Or", on_or}, {"Fn::Not", on_not}};
	if (span_is(name, "Ref"))
		return ref(c, n->text);
	if (span_is(name, "Condition"))
		return on_condition(c, n->text, depth);
	if (span_is(name, "Fn::GetAtt"))
		return on_get_att(c, n, depth);
	if (span_is(name, "Fn::Sub"))
		return on_sub(c, n, depth);
	if (span_is(name, "Fn::If"))
		return on_if(c, n, depth);
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (span_is(name, plain[i].name))
			return plain[i].of(c, eval(c, n, depth + 1));
	return unknown_name(c, n->text.len > 0 && n->kind == IAC_TEXT ? n->text : name);
}

static struct iac_node *eval(struct iac *c, const struct iac_node *n, unsigned depth)
{
	const struct iac_node *only = n->kind == IAC_MAP ? n->first : NULL;
	if (depth > IAC_DEPTH_MAX || c->full)
		return unknown(c);
	if (n->kind != IAC_LIST && n->kind != IAC_MAP)
		return iac_as(c, n, n->key);
	if (only != NULL && only->next == NULL &&
		(span_begins(only->key, "Fn::") || span_is(only->key, "Ref") ||
			span_is(only->key, "Condition")))
		return eval_function(c, only->key, only, depth);
	return eval_children(c, n, depth);
}

void iac_read_stack(struct iac *c)
{
	static const struct iac_node none = {.kind = IAC_MAP};
	for (const struct iac_node *r = c->resources->first; r != NULL && !c->full; r = r->next) {
		const struct iac_node *type = iac_get(r, "Type"), *when = iac_get(r, "Condition"),
				      *properties = iac_get(r, "Properties");
		if (type == NULL || type->kind != IAC_TEXT)
			continue;
		const struct iac_node *is = when == NULL ? NULL : on_condition(c, when->text, 0);
		if (is != NULL && is->kind == IAC_TEXT && span_is(is->text, "false"))
			continue;
		if (is != NULL && is->kind != IAC_TEXT) {
			iac_add(c, type->text, r->key, NULL); /* whether it is there is not known */
			continue;
		}
		iac_add(c, type->text, r->key, eval(c, properties == NULL ? &none : properties, 0));
	}
}
