/* Network Firewalls, as far as they stand in a VPC. */
#include "aws/read.h"

void read_member(struct reader *r, struct vpc_object *o, struct vpc_object *member)
{
	struct vpc_member *m = member == NULL ? NULL : read_room(r, sizeof *m);
	if (m == NULL)
		return;
	*m = (struct vpc_member){o->members, member};
	o->members = m;
}

/* describe-firewall: which endpoints are its own. */
void read_firewall(
	struct reader *r, const struct json_value *object, const struct json_value *states)
{
	struct json_value s[PATHS_MAX], m[PATHS_MAX], item = {0};
	struct span zone;
	if (!read_pick(r, KEYS_FIREWALL, object, s))
		return;
	struct vpc_object *o =
		read_described(r, VPC_FIREWALL, s[0].type == JSON_STRING ? &s[0] : &s[1]);
	if (o == NULL)
		return;
	o->policy = read_text(r, &s[2]);
	o->vpc = read_named(r, VPC_NETWORK, &s[3]);
	while (read_each(r, &s[4], &item))
		if (read_pick(r, KEYS_MAPPING, &item, m))
			read_member(r, o, read_named(r, VPC_SUBNET, &m[0]));
	item = (struct json_value){0};
	while (states->type == JSON_OBJECT && json_member(r->v->json, states, &zone, &item)) {
		struct vpc_object *endpoint = read_pick(r, KEYS_SYNC, &item, m)
		                                      ? read_named(r, VPC_ENDPOINT, &m[1])
		                                      : NULL;
		if (endpoint == NULL)
			continue;
		endpoint->firewall = o;
		endpoint->subnet = read_named(r, VPC_SUBNET, &m[0]);
		endpoint->several = read_true(&m[2]);
	}
}

void read_told_firewall(struct reader *r, const struct json_value *object)
{
	struct json_value s[PATHS_MAX];
	if (read_pick(r, KEYS_TOLD, object, s) && s[0].type == JSON_OBJECT)
		read_firewall(r, &s[0], &s[1]);
}
