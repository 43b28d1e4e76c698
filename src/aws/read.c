/* The answers of describe-*, list by list. */
#include "aws/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/read_template.h"
#include "base/scan.h"

/* Ids, types and states: distinct ones. */
#define NAMES_MAX       ((size_t)1 << 19)
#define NAMES_BYTES_MAX ((size_t)16 << 20)
#define WARNINGS_MAX    ((size_t)64 << 10)

static const char *const paths[][PATHS_MAX] = {
#define X(name, ...) [KEYS_##name] = {__VA_ARGS__},
	KEYS(X)
#undef X
};

/* ---- values ---- */

bool read_pick(struct reader *r, enum keys k, const struct json_value *object,
	struct json_value slot[static PATHS_MAX])
{
	memset(slot, 0, PATHS_MAX * sizeof *slot);
	bool ok = json_pick(r->v->json, r->v->keys[k], object, slot) == NULL;
	r->refused += !ok;
	return ok;
}

bool read_each(struct reader *r, const struct json_value *list, struct json_value *item)
{
	if (json_each(r->v->json, list, item))
		return true;
	uint32_t end = item->to == 0 ? list->from + 1 : item->to;
	r->broken = r->broken || (list->type == JSON_ARRAY && end + 1 != list->to);
	return false;
}

void *read_room(struct reader *r, size_t bytes)
{
	void *room = arena_alloc(&r->v->arena, 1, bytes);
	r->v->full = r->v->full || room == NULL;
	return room;
}

const char *read_text(struct reader *r, const struct json_value *value)
{
	if (value->type != JSON_STRING || value->text.len == 0)
		return NULL;
	uint32_t number = strings_add_bytes(r->v->strings, value->text.ptr, value->text.len);
	r->v->full = r->v->full || number == 0;
	return strings_get(r->v->strings, number);
}

int read_number(const struct json_value *value)
{
	uint64_t number = 0;
	if (value->type != JSON_NUMBER && value->type != JSON_STRING)
		return SERVICE_ABSENT;
	if (span_is(value->text, "-1"))
		return SERVICE_ANY;
	return scan_max(value->text, 65535, &number) < 0 ? SERVICE_ABSENT : (int)number;
}

bool read_true(const struct json_value *value)
{
	return value->type == JSON_BOOL && span_is(value->text, "true");
}

bool read_cidr(struct reader *r, const struct json_value *value, struct cidr *ret)
{
	char text[64] = {0};
	if (value->type != JSON_STRING || value->text.len == 0)
		return false;
	bool fits = value->text.len < sizeof text;
	if (fits)
		memcpy(text, value->text.ptr, value->text.len);
	bool ok = fits && cidr_parse(text, ret) == 0;
	r->refused += !ok;
	return ok;
}

void read_net(struct reader *r, const struct json_value *value, struct vpc_net **list)
{
	struct cidr net;
	if (!read_cidr(r, value, &net))
		return;
	struct vpc_net *n = read_room(r, sizeof *n);
	if (n == NULL)
		return;
	*n = (struct vpc_net){*list, net};
	*list = n;
}

int read_protocol(const struct json_value *value)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}, {"all", SERVICE_ANY}};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (value->type == JSON_STRING && span_is_nocase(value->text, names[i].name))
			return names[i].number;
	int number = read_number(value);
	return number > UINT8_MAX ? SERVICE_ABSENT : number;
}

/* ---- objects ---- */

struct vpc_object *read_named(struct reader *r, enum vpc_kind kind, const struct json_value *id)
{
	struct vpc *v = r->v;
	const char *name = read_text(r, id);
	if (name == NULL)
		return NULL;
	uint32_t number = strings_find(v->strings, name);
	struct vpc_object *o = v->by_name[number];
	if (o != NULL) {
		r->refused += o->kind != kind;
		return o->kind == kind ? o : NULL;
	}
	o = read_room(r, sizeof *o);
	if (o == NULL)
		return NULL;
	*o = (struct vpc_object){.kind = kind, .id = name, .index = v->objects++};
	if (v->last[kind] == NULL)
		v->first[kind] = o;
	else
		v->last[kind]->next = o;
	v->last[kind] = o;
	v->by_name[number] = o;
	return o;
}

struct vpc_object *read_described(struct reader *r, enum vpc_kind kind, const struct json_value *id)
{
	struct vpc_object *o = read_named(r, kind, id);
	bool again = o != NULL && o->described;
	r->repeated += again;
	if (o == NULL || again) {
		r->refused += o == NULL;
		return NULL;
	}
	o->described = true;
	return o;
}

static void read_network(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], b[PATHS_MAX];
	struct vpc_object *o = read_pick(r, KEYS_NETWORK, object, s)
	                               ? read_described(r, VPC_NETWORK, &s[0])
	                               : NULL;
	if (o == NULL)
		return;
	for (size_t i = 2; i < 4; i++) {
		struct json_value item = {0};
		while (read_each(r, &s[i], &item))
			if (read_pick(r, KEYS_BLOCK, &item, b) &&
				!span_is(b[i].text, "disassociated"))
				read_net(r, &b[i - 2], &o->nets);
	}
	read_net(r, &s[1], &o->nets); /* the first of the list: the resolver stands in it */
}

static void read_subnet(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], b[PATHS_MAX], item = {0};
	struct vpc_object *o =
		read_pick(r, KEYS_SUBNET, object, s) ? read_described(r, VPC_SUBNET, &s[0]) : NULL;
	if (o == NULL)
		return;
	o->vpc = read_named(r, VPC_NETWORK, &s[1]);
	o->block = read_text(r, &s[4]);
	o->zone = read_text(r, &s[5]);
	read_net(r, &s[2], &o->nets);
	while (read_each(r, &s[3], &item))
		if (read_pick(r, KEYS_BLOCK, &item, b) && !span_is(b[3].text, "disassociated"))
			read_net(r, &b[1], &o->nets);
}

static void read_addr(struct reader *r, struct vpc_object *o, const struct json_value *addr,
	const struct json_value *public_addr)
{
	struct vpc_address a = {0};
	if (addr->type != JSON_STRING)
		return;
	if (scan_addr(addr->text, &a.addr) < 0) {
		r->refused++;
		return;
	}
	if (public_addr->type == JSON_STRING && scan_addr(public_addr->text, &a.public_addr) < 0)
		r->refused++;
	for (const struct vpc_address *at = o->addrs; at != NULL; at = at->next)
		if (addr_eq(&at->addr, &a.addr))
			return;
	struct vpc_address *room = read_room(r, sizeof *room);
	if (room == NULL)
		return;
	struct vpc_address **end = &o->addrs;
	while (*end != NULL)
		end = &(*end)->next;
	*room = a;
	*end = room;
}

/* An interface has 50 addresses at most, but for prefixes of IPv6. */
#define ADDRESSES_MAX 1024

static void read_addrs(
	struct reader *r, struct vpc_object *o, const struct json_value *list, size_t slot)
{
	struct json_value a[PATHS_MAX], item = {0};
	size_t count = 0;
	while (read_each(r, list, &item)) {
		if (++count > ADDRESSES_MAX) {
			r->v->full = true;
			return;
		}
		if (read_pick(r, KEYS_ADDRESS, &item, a))
			read_addr(r, o, &a[slot], &a[2]);
	}
}

static void read_members(struct reader *r, struct vpc_object *o, const struct json_value *list)
{
	struct json_value g[PATHS_MAX], item = {0};
	while (read_each(r, list, &item))
		if (read_pick(r, KEYS_GROUP, &item, g))
			read_member(r, o, read_named(r, VPC_GROUP, &g[0]));
}

/* Of templates: an address that is not known yet, and whether a public one stands for it. */
static void read_public(struct reader *r, struct vpc_object *o, const struct json_value *any,
	const struct json_value *has)
{
	struct vpc_address *a = o->addrs;
	if (a == NULL && read_true(any)) {
		a = o->addrs = read_room(r, sizeof *a);
		if (a != NULL)
			*a = (struct vpc_address){.addr = addr_v4(0), .any = true};
	}
	if (a != NULL)
		a->has_public = span_is(has->text, "some")    ? PUBLIC_SOME
		                : span_is(has->text, "maybe") ? PUBLIC_MAYBE
		                                              : PUBLIC_NONE;
}

static struct vpc_object *read_one_interface(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	if (!read_pick(r, KEYS_INTERFACE, object, s))
		return NULL;
	struct vpc_object *o = read_named(r, VPC_INTERFACE, &s[0]);
	if (o == NULL) {
		r->refused++;
		return NULL;
	}
	o->listed = o->listed || r->listed;
	if (r->listed) { /* an instance that only a list of interfaces names */
		struct vpc_object *instance = read_named(r, VPC_INSTANCE, &s[9]);
		if (instance != NULL && instance->peer == NULL)
			instance->peer = o;
	}
	if (o->described)
		return o; /* instances and interfaces tell the same of it */
	o->described = true;
	o->subnet = read_named(r, VPC_SUBNET, &s[1]);
	o->vpc = read_named(r, VPC_NETWORK, &s[2]);
	if (o->subnet != NULL && o->subnet->vpc == NULL)
		o->subnet->vpc = o->vpc;
	o->type = read_text(r, &s[3]);
	o->no_internet = read_true(&s[10]);
	read_members(r, o, &s[4]);
	read_addr(r, o, &s[5], &s[8]);
	read_public(r, o, &s[11], &s[12]);
	read_addrs(r, o, &s[6], 0);
	read_addrs(r, o, &s[7], 1);
	return o;
}

static void read_interface(struct reader *r, const struct json_value *object)
{
	r->listed = true;
	(void)read_one_interface(r, object);
}

static void read_reservation(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], i[PATHS_MAX], instance = {0};
	r->listed = false;
	if (!read_pick(r, KEYS_RESERVATION, object, s))
		return;
	while (read_each(r, &s[0], &instance)) {
		struct json_value item = {0};
		struct vpc_object *o = read_pick(r, KEYS_INSTANCE, &instance, i)
		                               ? read_named(r, VPC_INSTANCE, &i[0])
		                               : NULL;
		while (read_each(r, &i[1], &item)) {
			struct vpc_object *interface = read_one_interface(r, &item);
			if (o != NULL && o->peer == NULL)
				o->peer = interface;
		}
	}
}

static void read_nat(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	struct vpc_object *o =
		read_pick(r, KEYS_NAT, object, s) ? read_described(r, VPC_NAT, &s[0]) : NULL;
	if (o == NULL)
		return;
	o->subnet = read_named(r, VPC_SUBNET, &s[1]);
	o->vpc = read_named(r, VPC_NETWORK, &s[2]);
	o->type = read_text(r, &s[3]);
	o->state = read_text(r, &s[4]);
	struct json_value a[PATHS_MAX], item = {0};
	while (read_each(r, &s[5], &item))
		if (read_pick(r, KEYS_NAT_ADDRESS, &item, a))
			read_addr(r, o, &a[0], &a[1]);
}

static void read_list(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], item = {0};
	struct vpc_object *o =
		read_pick(r, KEYS_LIST, object, s) ? read_named(r, VPC_LIST, &s[0]) : NULL;
	if (o == NULL || o->listed || s[1].type != JSON_ARRAY)
		return;
	o->listed = true;
	while (read_each(r, &s[1], &item))
		read_net(r, &item, &o->nets);
}

/* ---- the root ---- */

void read_warn(struct reader *r, const char *words, struct span what)
{
	struct out *o = &r->v->warnings;
	if (o->len > WARNINGS_MAX)
		return;
	out_safe(o, r->name, 200);
	out_printf(o, ": %s", words);
	char text[64] = {0};
	size_t len = what.len < sizeof text ? what.len : sizeof text - 1;
	if (len > 0)
		memcpy(text, what.ptr, len);
	out_safe(o, text, sizeof text);
	out_text(o, "\n");
}

static void read_doubtful(struct reader *r, const struct json_value *name)
{
	read_warn(r,
		"its condition is not known, so that it may be there or not, and is taken for "
		"absent unless it is a route, an entry or a rule: ",
		name->text);
}

static const struct {
	const char *name;
	void (*read)(struct reader *r, const struct json_value *object); /* NULL: needless */
	enum vpc_kind kind;
} lists[] = {
	{"SecurityGroups", read_group, VPC_GROUP},
	{"SecurityGroupRules", read_group_rule, VPC_KINDS},
	{"NetworkAcls", read_acl, VPC_ACL},
	{"Subnets", read_subnet, VPC_SUBNET},
	{"RouteTables", read_table, VPC_TABLE},
	{"NetworkInterfaces", read_interface, VPC_INTERFACE},
	{"Reservations", read_reservation, VPC_INSTANCE},
	{"VpcEndpoints", read_endpoint, VPC_ENDPOINT},
	{"PrefixLists", read_list, VPC_LIST},
	{"ManagedPrefixLists", read_list, VPC_LIST},
	{"Vpcs", read_network, VPC_NETWORK},
	{"InternetGateways", NULL, VPC_GATEWAY},
	{"NatGateways", read_nat, VPC_NAT},
	{"Firewalls", read_told_firewall, VPC_FIREWALL},
	{"VpcPeeringConnections", read_peering, VPC_PEERING},
	{"TransitGateways", NULL, VPC_TRANSIT},
	{"TransitGatewayAttachments", read_attachment, VPC_ATTACHMENT},
	{"TransitGatewayVpcAttachments", read_attachment, VPC_ATTACHMENT},
	{"TransitGatewayRouteTables", read_transit_table, VPC_TRANSIT_TABLE},
	{"TransitGatewayStaticRoutes", read_static_routes, VPC_TRANSIT_TABLE},
	{"TransitGatewayPropagations", read_propagations, VPC_TRANSIT_TABLE},
	{TEMPLATE_DOUBTFUL, read_doubtful, VPC_KINDS},
	/* what is excluded is told of each subnet, and only believed there */
	{"VpcBlockPublicAccessExclusions", NULL, VPC_KINDS},
};

/* Members of the root that hold nothing of use, or are read beside the lists. */
static const char *const passed[] = {"ResponseMetadata", "NextToken", "VpcBlockPublicAccessOptions",
	"Entries", "PrefixListId", "status_code", "data", "UpdateToken", "Firewall",
	"FirewallStatus", "FirewallPolicy", "FirewallPolicyResponse", "RuleGroup",
	"RuleGroupResponse", "Routes", "AdditionalRoutesAvailable",
	"TransitGatewayRouteTablePropagations"};

static void mark_cut(struct vpc *v, size_t list)
{
	if (lists[list].kind < VPC_KINDS)
		v->cut[lists[list].kind] = true;
	v->rules_cut = v->rules_cut || lists[list].read == read_group_rule;
}

static void read_root_list(struct reader *r, struct span name, const struct json_value *value)
{
	struct json_value item = {0};
	for (size_t i = 0; i < ARRAY_LEN(passed); i++)
		if (span_is(name, passed[i]))
			return;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (!span_is(name, lists[i].name))
			continue;
		size_t refused = r->refused;
		while (lists[i].read != NULL && read_each(r, value, &item))
			lists[i].read(r, &item);
		if (r->refused > refused)
			mark_cut(r->v, i);
		return;
	}
	read_warn(r, "not read, as nothing here follows from it: ", name);
}

/* The list goes on where it was not read, so do those of its kind. */
static void mark_next(struct reader *r, const struct json_value *root)
{
	struct json_value member = {0};
	struct span name;
	while (json_member(r->v->json, root, &name, &member))
		for (size_t i = 0; i < ARRAY_LEN(lists); i++)
			if (span_is(name, lists[i].name))
				mark_cut(r->v, i);
	read_warn(r, "NextToken: the list goes on, ask for the rest", (struct span){0});
}

struct json_value read_id_of_name(const struct reader *r, const char *prefix)
{
	struct span name = span_of(r->name);
	size_t at = span_find(name, prefix), end = at + strlen(prefix);
	if (at >= name.len)
		return (struct json_value){0};
	while (end < name.len && scan_hex(name.ptr[end]) < 16)
		end++;
	return (struct json_value){.type = JSON_STRING, .text = {name.ptr + at, end - at}};
}

/* get-managed-prefix-list-entries does not say of which list: the text's name does. */
static void read_entries(struct reader *r, const struct json_value *list, struct json_value *id)
{
	struct json_value c[PATHS_MAX], item = {0};
	if (id->type != JSON_STRING)
		*id = read_id_of_name(r, "pl-");
	struct vpc_object *o = read_named(r, VPC_LIST, id);
	if (o == NULL) {
		read_warn(r, "Entries of which prefix list? Name the file after it (pl-...)",
			(struct span){0});
		return;
	}
	while (read_each(r, list, &item))
		if (read_pick(r, KEYS_CIDR, &item, c))
			read_net(r, &c[0], &o->nets);
	o->listed = true;
}

static void read_root(struct reader *r, const struct json_value *root, struct json_value *s)
{
	struct json_value member = {0}, a[PATHS_MAX];
	struct span name;
	while (json_member(r->v->json, root, &name, &member))
		read_root_list(r, name, &member);
	if (s[2].type == JSON_STRING && s[2].text.len > 0)
		mark_next(r, root);
	if (s[3].type == JSON_OBJECT && read_pick(r, KEYS_ACCESS, &s[3], a)) {
		r->v->block = read_text(r, &a[0]);
		r->v->exclusions_denied = span_is(a[1].text, "not-allowed");
	}
	if (s[6].type == JSON_OBJECT)
		read_firewall(r, &s[6], &s[7]);
	if (s[4].type == JSON_ARRAY)
		read_entries(r, &s[4], &s[5]);
	struct json_value table = read_id_of_name(r, "tgw-rtb-");
	if (s[8].type == JSON_ARRAY)
		read_transit_routes(r, &table, &s[8], &s[9]);
	if (s[10].type == JSON_ARRAY)
		read_propagated(r, &table, &s[10]);
}

static int read_described_text(struct vpc *v, const char *name, struct span text, struct fail *why)
{
	struct reader r = {.v = v, .name = name};
	struct json_value root, s[PATHS_MAX] = {{0}};
	const char *wrong = json_read(v->json, text, &root);
	if (wrong == NULL && root.type != JSON_OBJECT)
		wrong = "no object: what aws ec2 describe-... prints is wanted";
	if (wrong == NULL)
		wrong = json_pick(v->json, v->keys[KEYS_ROOT], &root, s);
	if (wrong != NULL)
		return fail_set(why, -EINVAL, "no JSON of Amazon's: %s", wrong);
	if (s[0].type != JSON_ABSENT && s[1].type == JSON_OBJECT) {
		root = s[1];
		(void)read_pick(&r, KEYS_ROOT, &root, s);
	}
	read_root(&r, &root, s);
	char count[64];
	if (r.refused > 0) {
		(void)snprintf(count, sizeof count, "%zu", r.refused);
		read_warn(&r, "parts that are not what they should be: ", span_of(count));
	}
	if (r.repeated > 0) {
		(void)snprintf(count, sizeof count, "%zu", r.repeated);
		read_warn(&r, "objects that were described before, and count as they were: ",
			span_of(count));
	}
	if (r.broken)
		return fail_set(why, -EBADMSG, "no JSON of Amazon's: a list in it is broken");
	if (v->full)
		return fail_set(why, -E2BIG, "too many objects for the memory that they may take");
	return 0;
}

int vpc_read(struct vpc *v, const char *name, struct span text, struct fail *why)
{
	struct out told = {0};
	int err = -ENOENT;
	if (template_is(text))
		err = template_write(text, v->templates + 1, &told, why);
	if (err == 0) {
		v->templates++;
		text = span_of(out_string(&told));
	}
	if (err == 0 || err == -ENOENT)
		err = read_described_text(v, name, text, why);
	out_fini(&told);
	return err;
}

int vpc_new(struct vpc **ret, size_t bytes)
{
	struct vpc *v = calloc(1, sizeof *v);
	if (v == NULL)
		return -ENOMEM;
	size_t names = bytes / 64 < NAMES_MAX ? bytes / 64 + 1 : NAMES_MAX;
	size_t name_bytes = bytes / 4 < NAMES_BYTES_MAX ? bytes / 4 : NAMES_BYTES_MAX;
	int err = arena_init(&v->arena, bytes);
	if (err == 0)
		err = strings_new(&v->strings, name_bytes, names);
	v->by_name = calloc(names + 2, sizeof(struct vpc_object *));
	v->keys = calloc(KEYS_COUNT, sizeof(struct json_keys *));
	if (err == 0)
		err = v->by_name == NULL || v->keys == NULL ? -ENOMEM : json_new(&v->json);
	if (err == 0)
		err = json_new(&v->inner);
	for (size_t i = 0; err == 0 && i < KEYS_COUNT; i++) {
		size_t count = 0;
		while (count < PATHS_MAX && paths[i][count] != NULL)
			count++;
		err = json_keys_new(&v->keys[i], paths[i], count);
	}
	if (err < 0)
		vpc_free(v);
	else
		*ret = v;
	return err;
}

void vpc_free(struct vpc *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; v->keys != NULL && i < KEYS_COUNT; i++)
		json_keys_free(v->keys[i]);
	free(v->keys);
	free(v->by_name);
	json_free(v->json);
	json_free(v->inner);
	strings_free(v->strings);
	arena_fini(&v->arena);
	out_fini(&v->warnings);
	free(v);
}

const char *vpc_warnings(const struct vpc *v)
{
	return out_string(&v->warnings);
}
