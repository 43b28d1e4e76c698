/* What decides: rules of security groups, entries of ACLs, routes. */
#include <string.h>

#include "aws/read.h"
#include "base/scan.h"

/* Amazon's limit is 40 for each direction. */
#define ENTRIES_MAX 1024

/* ---- whose it is ---- */

#define NOTE_BYTES 255u

/* Keys as people write them: Owner, owner-team, CreatedBy, CreationDate, created_at. */
static bool is_key(struct span key, const char *word)
{
	size_t at = 0;
	for (size_t i = 0; i < key.len && word[at] != '\0'; i++) {
		if (key.ptr[i] == '-' || key.ptr[i] == '_' || key.ptr[i] == ' ')
			continue;
		if ((key.ptr[i] | 0x20) != word[at++])
			return false;
	}
	return word[at] == '\0';
}

const char *read_note(
	struct reader *r, const struct json_value *words, const struct json_value *tags)
{
	struct json_value t[PATHS_MAX], tag = {0};
	struct out note = {0};
	if (words->type == JSON_STRING)
		out_bytes(&note, (const char *)words->text.ptr, words->text.len);
	while (read_each(r, tags, &tag)) {
		if (!read_pick(r, KEYS_TAG, &tag, t) || t[0].type != JSON_STRING ||
			t[1].type != JSON_STRING)
			continue;
		bool owner = is_key(t[0].text, "owner") || is_key(t[0].text, "createdby");
		if (!owner && !is_key(t[0].text, "creat"))
			continue;
		out_text(&note, owner ? " owner=" : " ");
		out_bytes(&note, (const char *)t[1].text.ptr, t[1].text.len);
	}
	size_t len = note.len < NOTE_BYTES ? note.len : NOTE_BYTES;
	struct json_value text = {
		.type = JSON_STRING, .text = {(const uint8_t *)out_string(&note), len}};
	const char *ret = note.failed ? NULL : read_text(r, &text);
	out_fini(&note);
	return ret;
}

/* ---- security groups ---- */

static void add_rule(struct reader *r, struct vpc_object *group, const struct vpc_rule *rule)
{
	struct vpc_rule *room = read_room(r, sizeof *room);
	if (room == NULL)
		return;
	*room = *rule;
	room->index = r->v->rules++;
	room->next = group->rules;
	group->rules = room;
}

/* Slots of the peer: a prefix of either family, a prefix list, a group. */
static void read_peer(struct reader *r, struct vpc_object *group, struct vpc_rule rule,
	const struct json_value *s)
{
	static const struct json_value none = {.type = JSON_ABSENT};
	rule.has_net = read_cidr(r, &s[0], &rule.net) || read_cidr(r, &s[1], &rule.net);
	if (rule.note == NULL)
		rule.note = read_note(r, &s[4], &none);
	if (!rule.has_net)
		rule.peer = s[2].type == JSON_STRING ? read_named(r, VPC_LIST, &s[2])
		                                     : read_named(r, VPC_GROUP, &s[3]);
	add_rule(r, group, &rule);
}

static void read_permission(
	struct reader *r, struct vpc_object *group, bool egress, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], p[PATHS_MAX];
	if (!read_pick(r, KEYS_PERMISSION, object, s)) {
		add_rule(r, group,
			&(struct vpc_rule){.egress = egress,
				.service = {SERVICE_ABSENT, SERVICE_ABSENT, SERVICE_ABSENT}});
		return;
	}
	struct vpc_rule rule = {.egress = egress,
		.service = {read_protocol(&s[0]), read_number(&s[1]), read_number(&s[2])}};
	bool icmp = rule.service.proto == 1 || rule.service.proto == 58;
	if (icmp && s[1].type == JSON_ABSENT && s[2].type == JSON_ABSENT)
		rule.service.from = rule.service.to = SERVICE_ANY;
	for (size_t i = 3; i < 7; i++) {
		struct json_value item = {0};
		while (read_each(r, &s[i], &item)) {
			if (read_pick(r, KEYS_PEER, &item, p))
				read_peer(r, group, rule, p);
			else
				add_rule(r, group, &rule);
		}
	}
}

void read_group(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	struct vpc_object *o = NULL;
	if (read_pick(r, KEYS_GROUP, object, s))
		o = read_named(r, VPC_GROUP, &s[0]);
	if (o == NULL || (o->described && !o->rules_only)) {
		r->refused += o == NULL;
		r->repeated += o != NULL;
		return;
	}
	o->described = true;
	o->rules_only = false;
	o->vpc = read_named(r, VPC_NETWORK, &s[1]);
	o->note = read_note(r, &s[4], &s[5]);
	for (size_t i = 2; i < 4; i++) {
		struct json_value item = {0};
		while (read_each(r, &s[i], &item))
			read_permission(r, o, i == 3, &item);
	}
}

void read_group_rule(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	struct vpc_object *o =
		read_pick(r, KEYS_RULE, object, s) ? read_named(r, VPC_GROUP, &s[1]) : NULL;
	if (o == NULL) {
		r->refused++;
		r->v->rules_cut = true; /* a rule of whom? */
		return;
	}
	o->rules_only = o->rules_only || !o->described;
	o->described = true;
	struct vpc_rule rule = {.egress = read_true(&s[2]),
		.id = read_text(r, &s[0]),
		.note = read_note(r, &s[10], &s[11]),
		.service = {read_protocol(&s[3]), read_number(&s[4]), read_number(&s[5])}};
	read_peer(r, o, rule, &s[6]);
}

/* ---- ACLs ---- */

static void read_entry(struct reader *r, struct vpc_object *acl, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	int number = SERVICE_ABSENT;
	if (read_pick(r, KEYS_ENTRY, object, s))
		number = read_number(&s[0]);
	if (number < 0 || ++acl->entries_count > ENTRIES_MAX) {
		r->v->full = r->v->full || acl->entries_count > ENTRIES_MAX;
		r->refused++;
		acl->described = false; /* where it would stand is not known */
		return;
	}
	struct vpc_entry *e = read_room(r, sizeof *e);
	if (e == NULL)
		return;
	*e = (struct vpc_entry){.index = r->v->rules++,
		.number = (unsigned)number,
		.egress = read_true(&s[1]),
		.allow = span_is(s[2].text, "allow"),
		.service = {read_protocol(&s[3]), SERVICE_ABSENT, SERVICE_ABSENT}};
	bool icmp = e->service.proto == 1 || e->service.proto == 58;
	e->service.from = read_number(&s[icmp ? 8 : 6]);
	e->service.to = read_number(&s[icmp ? 9 : 7]);
	e->has_net = read_cidr(r, &s[4], &e->net) || read_cidr(r, &s[5], &e->net);
	struct vpc_entry **at = &acl->entries;
	while (*at != NULL && (*at)->number <= e->number)
		at = &(*at)->next;
	e->next = *at;
	*at = e;
}

void read_acl(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], a[PATHS_MAX], item = {0};
	struct vpc_object *o =
		read_pick(r, KEYS_ACL, object, s) ? read_described(r, VPC_ACL, &s[0]) : NULL;
	if (o == NULL)
		return;
	o->vpc = read_named(r, VPC_NETWORK, &s[1]);
	o->note = read_note(r, &(struct json_value){.type = JSON_ABSENT}, &s[5]);
	if (o->vpc != NULL && read_true(&s[2]))
		o->vpc->acl = o;
	while (read_each(r, &s[3], &item)) {
		struct vpc_object *subnet = read_pick(r, KEYS_ASSOCIATION, &item, a)
		                                    ? read_named(r, VPC_SUBNET, &a[1])
		                                    : NULL;
		if (subnet != NULL)
			subnet->acl = o;
	}
	item = (struct json_value){0};
	while (read_each(r, &s[4], &item))
		read_entry(r, o, &item);
}

/* ---- routes ---- */

/* In the order of the slots from GatewayId. */
static const struct {
	enum vpc_target target;
	enum vpc_kind kind;
} targets[] = {
	{TARGET_AWAY, VPC_GATEWAY}, /* by its prefix */
	{TARGET_NAT, VPC_NAT},
	{TARGET_PEERING, VPC_PEERING},
	{TARGET_HOST, VPC_INTERFACE},
	{TARGET_HOST, VPC_INSTANCE},
	{TARGET_EGRESS_ONLY, VPC_GATEWAY},
	{TARGET_TRANSIT, VPC_TRANSIT},
	{TARGET_AWAY, VPC_GATEWAY},
	{TARGET_AWAY, VPC_GATEWAY},
	{TARGET_AWAY, VPC_GATEWAY},
	{TARGET_AWAY, VPC_GATEWAY},
	{TARGET_INTERNET, VPC_GATEWAY}, /* of templates, whose names say nothing */
	{TARGET_ENDPOINT, VPC_ENDPOINT},
};

static void read_target(struct reader *r, const struct json_value *s, struct vpc_route *route)
{
	route->target = TARGET_AWAY;
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		const struct json_value *id = &s[5 + i];
		if (id->type != JSON_STRING || id->text.len == 0)
			continue;
		enum vpc_kind kind = targets[i].kind;
		route->target = targets[i].target;
		if (i == 0 && span_is(id->text, "local")) {
			route->target = TARGET_LOCAL;
			return;
		}
		if (i == 0 && span_begins(id->text, "igw-"))
			route->target = TARGET_INTERNET;
		if (i == 0 && span_begins(id->text, "vpce-")) {
			route->target = TARGET_ENDPOINT;
			kind = VPC_ENDPOINT;
		}
		route->object = read_named(r, kind, id);
		return;
	}
}

static void read_route(struct reader *r, struct vpc_object *table, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	struct vpc_route route = {0};
	if (!read_pick(r, KEYS_ROUTE, object, s)) {
		table->described = false; /* a route that is not known may take any packet */
		return;
	}
	if (!read_cidr(r, &s[0], &route.net) && !read_cidr(r, &s[1], &route.net)) {
		route.list = read_named(r, VPC_LIST, &s[2]);
		if (route.list == NULL) {
			r->refused++;
			table->described = false;
			return;
		}
	}
	route.blackhole = span_is(s[3].text, "blackhole");
	route.propagated = span_is(s[4].text, "EnableVgwRoutePropagation");
	read_target(r, s, &route);
	struct vpc_route *room = read_room(r, sizeof *room);
	if (room == NULL)
		return;
	route.next = table->routes;
	*room = route;
	table->routes = room;
}

static void read_association(
	struct reader *r, struct vpc_object *table, const struct json_value *object)
{
	struct json_value a[PATHS_MAX];
	if (!read_pick(r, KEYS_ASSOCIATION, object, a) || span_is(a[3].text, "disassociated"))
		return;
	struct vpc_object *subnet = read_named(r, VPC_SUBNET, &a[1]);
	struct vpc_object *gateway = read_named(r, VPC_GATEWAY, &a[2]);
	if (read_true(&a[0]) && table->vpc != NULL)
		table->vpc->table = table;
	if (subnet != NULL)
		subnet->table = table;
	read_member(r, table, gateway);
}

void read_table(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], item = {0};
	struct vpc_object *o =
		read_pick(r, KEYS_TABLE, object, s) ? read_described(r, VPC_TABLE, &s[0]) : NULL;
	if (o == NULL)
		return;
	o->vpc = read_named(r, VPC_NETWORK, &s[1]);
	while (read_each(r, &s[2], &item))
		read_association(r, o, &item);
	item = (struct json_value){0};
	while (read_each(r, &s[3], &item))
		read_route(r, o, &item);
}
