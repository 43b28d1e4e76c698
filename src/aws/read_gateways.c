/* What stands at the edge of a VPC: endpoints and their policies, peerings, transit gateways. */
#include <string.h>

#include "aws/read.h"
#include "base/scan.h"

/* ---- endpoint policies ---- */

static bool is_any(struct reader *r, const struct json_value *value)
{
	struct json_value item = {0};
	while (value->type != JSON_OBJECT && json_each(r->v->inner, value, &item))
		if (span_is(item.text, "*"))
			return true;
	return false;
}

static bool is_anyone(struct reader *r, const struct json_value *principal)
{
	struct json_value who = {0};
	struct span kind;
	if (principal->type != JSON_OBJECT)
		return is_any(r, principal);
	while (json_member(r->v->inner, principal, &kind, &who))
		if ((span_is(kind, "AWS") || span_is(kind, "*")) && is_any(r, &who))
			return true;
	return false;
}

/* Anyone may do anything, or nobody anything; what lies between hangs on who asks for what, which
 * no packet tells. */
static enum vpc_allows read_policy(struct reader *r, const struct json_value *document)
{
	struct json_value root, s[PATHS_MAX] = {{0}}, t[PATHS_MAX], item = {0};
	bool all = false, some = false, denies = false;
	if (document->type != JSON_STRING ||
		json_read(r->v->inner, document->text, &root) != NULL || root.type != JSON_OBJECT ||
		json_pick(r->v->inner, r->v->keys[KEYS_POLICY], &root, s) != NULL ||
		s[0].type == JSON_ABSENT)
		return ALLOWS_UNKNOWN;
	while (json_each(r->v->inner, &s[0], &item)) {
		memset(t, 0, sizeof t);
		if (json_pick(r->v->inner, r->v->keys[KEYS_STATEMENT], &item, t) != NULL)
			return ALLOWS_UNKNOWN;
		bool deny = span_is(t[0].text, "Deny");
		bool plain = t[4].type == JSON_ABSENT && t[5].type == JSON_ABSENT &&
		             t[6].type == JSON_ABSENT && t[7].type == JSON_ABSENT;
		denies = denies || deny;
		some = some || !deny;
		all = all || (span_is(t[0].text, "Allow") && plain && is_anyone(r, &t[1]) &&
				     is_any(r, &t[2]) && is_any(r, &t[3]));
	}
	return !some ? ALLOWS_NONE : all && !denies ? ALLOWS_ALL : ALLOWS_UNKNOWN;
}

void read_endpoint(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], item = {0};
	struct vpc_object *o = read_pick(r, KEYS_ENDPOINT, object, s)
	                               ? read_described(r, VPC_ENDPOINT, &s[0])
	                               : NULL;
	if (o == NULL)
		return;
	o->type = read_text(r, &s[1]);
	o->vpc = read_named(r, VPC_NETWORK, &s[2]);
	o->state = read_text(r, &s[3]);
	o->allows = read_policy(r, &s[4]);
	while (read_each(r, &s[5], &item)) {
		struct vpc_object *interface = read_named(r, VPC_INTERFACE, &item);
		if (interface != NULL)
			interface->endpoint = o;
	}
}

void read_peering(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	struct vpc_object *o = read_pick(r, KEYS_PEERING, object, s)
	                               ? read_described(r, VPC_PEERING, &s[0])
	                               : NULL;
	if (o == NULL)
		return;
	o->state = read_text(r, &s[1]);
	o->vpc = read_named(r, VPC_NETWORK, &s[2]);
	o->peer = read_named(r, VPC_NETWORK, &s[3]);
}

/* ---- transit gateways ---- */

static bool is_gone(const struct json_value *state)
{
	static const char *const words[] = {"deleted", "deleting", "failed", "rejected"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_is(state->text, words[i]))
			return true;
	return false;
}

/* Two lists tell of it, each a part. */
void read_attachment(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], item = {0};
	if (!read_pick(r, KEYS_ATTACHMENT, object, s) || is_gone(&s[4]))
		return;
	struct vpc_object *o = read_named(r, VPC_ATTACHMENT, &s[0]);
	if (o == NULL) {
		r->refused++;
		return;
	}
	bool is_vpc = s[7].type == JSON_STRING;
	o->described = true;
	if (o->peer == NULL)
		o->peer = read_named(r, VPC_TRANSIT, &s[1]);
	if (o->type == NULL)
		o->type = is_vpc ? "vpc" : read_text(r, &s[2]);
	if (o->vpc == NULL && (is_vpc || span_is(s[2].text, "vpc")))
		o->vpc = read_named(r, VPC_NETWORK, &s[is_vpc ? 7 : 3]);
	if (o->table == NULL && span_begins(s[6].text, "associat"))
		o->table = read_named(r, VPC_TRANSIT_TABLE, &s[5]);
	o->anywhere = o->anywhere || span_is(s[9].text, "enable");
	bool told = o->members != NULL;
	while (!told && read_each(r, &s[8], &item))
		read_member(r, o, read_named(r, VPC_SUBNET, &item));
}

void read_transit_table(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	if (read_pick(r, KEYS_TRANSIT_TABLE, object, s))
		(void)read_described(r, VPC_TRANSIT_TABLE, &s[0]);
}

static void read_transit_route(
	struct reader *r, struct vpc_object *table, const struct json_value *object)
{
	struct json_value s[PATHS_MAX], a[PATHS_MAX], item = {0};
	struct vpc_route route = {.target = TARGET_TRANSIT};
	size_t ways = 0;
	bool known = read_pick(r, KEYS_TRANSIT_ROUTE, object, s);
	if (known && is_gone(&s[2]))
		return;
	if (known && !read_cidr(r, &s[0], &route.net)) {
		route.list = read_named(r, VPC_LIST, &s[1]);
		known = route.list != NULL;
	}
	struct vpc_route *room = known ? read_room(r, sizeof *room) : NULL;
	if (room == NULL) {
		r->refused += !known;
		table->cut = true; /* a route that is not known may take any packet */
		return;
	}
	route.blackhole = span_is(s[2].text, "blackhole");
	route.propagated = span_is(s[3].text, "propagated");
	while (read_each(r, &s[4], &item))
		if (read_pick(r, KEYS_ATTACHMENT, &item, a)) {
			route.object = ways == 0 ? read_named(r, VPC_ATTACHMENT, &a[0]) : NULL;
			ways++;
		}
	route.next = table->routes;
	*room = route;
	table->routes = room;
}

static struct vpc_object *transit_table(struct reader *r, const struct json_value *id)
{
	struct vpc_object *o = read_named(r, VPC_TRANSIT_TABLE, id);
	if (o == NULL)
		read_warn(r,
			"of which transit gateway's route table? Name the file after it "
			"(tgw-rtb-...)",
			(struct span){0});
	return o;
}

static void read_routes(struct reader *r, struct vpc_object *table, const struct json_value *routes,
	const struct json_value *more)
{
	struct json_value item = {0};
	if (read_true(more)) {
		table->cut = true;
		read_warn(r,
			"AdditionalRoutesAvailable: routes are missing, ask for less at a time",
			(struct span){0});
	}
	while (read_each(r, routes, &item))
		read_transit_route(r, table, &item);
}

void read_transit_routes(struct reader *r, const struct json_value *id,
	const struct json_value *routes, const struct json_value *more)
{
	struct vpc_object *table = transit_table(r, id);
	if (table == NULL || table->searched)
		return;
	table->searched = true;
	read_routes(r, table, routes, more);
}

void read_static_routes(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	struct vpc_object *table =
		read_pick(r, KEYS_TRANSIT_TABLE, object, s) ? transit_table(r, &s[0]) : NULL;
	if (table == NULL || table->searched || table->statics)
		return;
	table->statics = true;
	read_routes(r, table, &s[1], &s[2]);
}

void read_propagated(struct reader *r, const struct json_value *id, const struct json_value *list)
{
	struct json_value a[PATHS_MAX], item = {0};
	struct vpc_object *table = transit_table(r, id);
	if (table == NULL || table->spread)
		return;
	table->spread = true;
	while (read_each(r, list, &item)) {
		if (!read_pick(r, KEYS_ATTACHMENT, &item, a) || span_begins(a[4].text, "disabl"))
			continue;
		struct vpc_object *o = read_named(r, VPC_ATTACHMENT, &a[0]);
		if (o != NULL && o->type == NULL)
			o->type = read_text(r, &a[2]);
		if (o != NULL && o->vpc == NULL && span_is(a[2].text, "vpc"))
			o->vpc = read_named(r, VPC_NETWORK, &a[3]);
		read_member(r, table, o);
	}
}

void read_propagations(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	if (read_pick(r, KEYS_TRANSIT_TABLE, object, s))
		read_propagated(r, &s[0], &s[3]);
}
