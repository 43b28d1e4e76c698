/* Security groups: allowances alone, of which any group's counts; so what is denied is taken out of
 * what is allowed. A set of groups for each place, to be attached to its interfaces. */
#include "cloud/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sets {                        /* of a zone's IPv4 and IPv6 hosts, so far */
	size_t number[2], groups[2]; /* the last one's; the most that one place has */
};

struct writer {
	const struct cloud_call *call;
	struct emit e;
	struct sets *sets; /* of the zones */
	size_t id;
	unsigned quota, most;
};

struct group {
	const struct place *place;
	const struct entry *entry;
	size_t entries;
	char name[POLICY_ID_BYTES + 64];
};

static void say_hosts(struct emit *e, const char *key, const struct group *g)
{
	struct out o = {0};
	char first[ADDR_TEXT_BYTES], last[ADDR_TEXT_BYTES];
	const struct place *p = g->place;
	out_printf(&o, "postern, zone %s: ", p->zone->name);
	for (size_t i = 0; i < p->srcs && o.len < 200; i++) {
		struct addr a = addr_of_wide(p->src[i].first), b = addr_of_wide(p->src[i].last);
		out_printf(&o, "%s%s", i == 0 ? "" : ", ", addr_text(&a, first));
		if (!addr_eq(&a, &b))
			out_printf(&o, "-%s", addr_text(&b, last));
	}
	emit_text(e, key, out_string(&o), 255);
	out_fini(&o);
}

static void say_proto(struct emit *e, const char *key, int proto)
{
	char text[8];
	const char *name = proto == 6    ? "tcp"
	                   : proto == 17 ? "udp"
	                   : proto == 1  ? "icmp"
	                   : proto == 58 ? "icmpv6"
	                                 : text;
	(void)snprintf(text, sizeof text, "%d", proto);
	emit_text(e, key, name, SIZE_MAX);
}

static void say_said(struct emit *e, const char *key, const struct entry *entry, const char *prefix)
{
	struct out o = {0};
	out_text(&o, prefix);
	if (*prefix == '\0')
		form_net(&o, &entry->net);
	else
		out_text(&o, entry->id);
	emit_said(e, key, &o);
}

static void say_ports(struct emit *e, const struct entry *entry, bool snake)
{
	bool icmp = entry->proto == 1 || entry->proto == 58;
	bool ports = entry->proto == 6 || entry->proto == 17;
	if (!icmp && !ports && !snake)
		return;
	/* ICMP: its type, and any code */
	form_number(e, snake ? "from_port" : "FromPort", icmp || ports ? entry->low : 0);
	form_number(e, snake ? "to_port" : "ToPort", icmp ? -1 : ports ? entry->high : 0);
}

/* ---- the command line ---- */

static void say_id(struct emit *e, const struct group *g)
{
	struct out o = {0};
	out_printf(&o, "GROUP:%s", g->name);
	emit_said(e, "GroupId", &o);
}

static void say_permissions(struct emit *e, const struct entry *entry, size_t count)
{
	emit_open(e, "IpPermissions", '[');
	for (size_t i = 0; i < count; i++) {
		bool v4 = policy_net_is_v4(&entry[i].net);
		emit_open(e, NULL, '{');
		say_proto(e, "IpProtocol", entry[i].proto);
		say_ports(e, &entry[i], false);
		emit_open(e, v4 ? "IpRanges" : "Ipv6Ranges", '[');
		emit_open(e, NULL, '{');
		say_said(e, v4 ? "CidrIp" : "CidrIpv6", &entry[i], "");
		say_said(e, "Description", &entry[i], "postern ");
		emit_close(e, '}');
		emit_close(e, ']');
		emit_close(e, '}');
	}
	emit_close(e, ']');
}

/* A new group lets everything out, of IPv6 where the VPC has it (else the second call fails). */
static void say_calls(struct emit *e, const struct group *g)
{
	static const struct entry all[] = {
		{.net = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}}, 96},
			.id = "default",
			.proto = -1},
		{.id = "default", .proto = -1}};
	form_call(e, "ec2", "create-security-group");
	emit_text(e, "GroupName", g->name, SIZE_MAX);
	say_hosts(e, "Description", g);
	emit_text(e, "VpcId", "VPC", SIZE_MAX);
	form_call_end(e);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		form_call(e, "ec2", "revoke-security-group-egress");
		say_id(e, g);
		say_permissions(e, &all[i], 1);
		form_call_end(e);
	}
	if (g->entries == 0)
		return;
	form_call(e, "ec2", "authorize-security-group-egress");
	say_id(e, g);
	say_permissions(e, g->entry, g->entries);
	form_call_end(e);
}

/* ---- CloudFormation ---- */

static void say_egress(struct emit *e, const struct entry *entry)
{
	emit_open(e, NULL, '{');
	say_proto(e, "IpProtocol", entry->proto);
	say_ports(e, entry, false);
	say_said(e, policy_net_is_v4(&entry->net) ? "CidrIp" : "CidrIpv6", entry, "");
	say_said(e, "Description", entry, "postern ");
	emit_close(e, '}');
}

static void say_resource(struct emit *e, const struct group *g, size_t id)
{
	/* without a rule CloudFormation lets everything out: one that allows nothing */
	static const struct entry none = {
		.net = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}}, 128},
		.id = "nothing",
		.proto = -1};
	char name[32];
	(void)snprintf(name, sizeof name, "PosternGroup%zu", id);
	form_resource(e, name, "AWS::EC2::SecurityGroup");
	emit_text(e, "GroupName", g->name, SIZE_MAX);
	say_hosts(e, "GroupDescription", g);
	emit_open(e, "VpcId", '{');
	emit_text(e, "Ref", "VpcId", SIZE_MAX);
	emit_close(e, '}');
	emit_open(e, "SecurityGroupEgress", '[');
	for (size_t i = 0; i < g->entries; i++)
		say_egress(e, &g->entry[i]);
	if (g->entries == 0)
		say_egress(e, &none);
	emit_close(e, ']');
	form_resource_end(e);
}

/* ---- Terraform ---- */

static void say_none(struct emit *e, const char *key)
{
	emit_open(e, key, '[');
	emit_close(e, ']');
}

/* An argument that is a list of objects: each must have every attribute. */
static void say_attribute(struct emit *e, const struct entry *entry)
{
	bool v4 = policy_net_is_v4(&entry->net);
	emit_open(e, NULL, '{');
	say_proto(e, "protocol", entry->proto);
	say_ports(e, entry, true);
	emit_open(e, v4 ? "cidr_blocks" : "ipv6_cidr_blocks", '[');
	say_said(e, NULL, entry, "");
	emit_close(e, ']');
	say_none(e, v4 ? "ipv6_cidr_blocks" : "cidr_blocks");
	say_none(e, "prefix_list_ids");
	say_none(e, "security_groups");
	emit_bool(e, "self", false);
	say_said(e, "description", entry, "postern ");
	emit_close(e, '}');
}

static void say_block(struct emit *e, const struct group *g, size_t id)
{
	char name[32];
	(void)snprintf(name, sizeof name, "postern_%zu", id);
	emit_open(e, name, '{');
	emit_text(e, "name", g->name, SIZE_MAX);
	say_hosts(e, "description", g);
	emit_text(e, "vpc_id", "${var.vpc_id}", SIZE_MAX);
	emit_open(e, "egress", '[');
	for (size_t i = 0; i < g->entries; i++)
		say_attribute(e, &g->entry[i]);
	emit_close(e, ']');
	emit_close(e, '}');
}

/* ---- places ---- */

static void say_group(struct writer *w, const struct group *g)
{
	w->id++;
	if (w->call->ask->form == CLOUD_CLI)
		say_calls(&w->e, g);
	else if (w->call->ask->form == CLOUD_FORMATION)
		say_resource(&w->e, g, w->id);
	else
		say_block(&w->e, g, w->id);
}

static void name_group(struct group *g, size_t number, size_t part)
{
	int len = snprintf(g->name, sizeof g->name, "postern-%s-%s-%zu", g->place->zone->name,
		g->place->v4 ? "ipv4" : "ipv6", number);
	if (part > 0 && len > 0)
		(void)snprintf(g->name + len, sizeof g->name - (size_t)len, "-%zu", part + 1);
}

/* One at least: without a group Amazon attaches the VPC's own. */
static size_t groups_for(const struct writer *w, size_t entries)
{
	CHECK(w->quota > 0);
	return entries == 0 ? 1 : (entries + w->quota - 1) / w->quota;
}

static int check_quota(struct writer *w, const struct place *place, size_t entries)
{
	struct sets *s = &w->sets[place->zone - w->call->ask->policy->zone];
	size_t groups = groups_for(w, entries);
	bool v6 = !place->v4;
	if (groups > s->groups[v6])
		s->groups[v6] = groups;
	s->number[v6]++;
	if (s->groups[0] + s->groups[1] <= w->most)
		return 0;
	return fail_set(w->call->why, -EDQUOT,
		"zone %s: %zu rules for its %s hosts take %zu groups of %u, and an interface has "
		"%u groups of both families: %zu too many; use fewer, wider networks, or a quota "
		"that Amazon raised (--quota)",
		place->zone->name, entries, place->v4 ? "IPv4" : "IPv6", groups, w->quota, w->most,
		s->groups[0] + s->groups[1] - w->most);
}

static int say_place(struct writer *w, const struct place *place)
{
	struct parts ordered = {0}, allowed = {0};
	struct entries entries = {0};
	struct group g = {.place = place};
	const struct sets *sets = &w->sets[place->zone - w->call->ask->policy->zone];
	int err = parts_in_order(w->call, place, &ordered);
	if (err == 0)
		err = parts_allowed(&ordered, &allowed);
	for (int any = 0; any < 2 && err == 0; any++) {
		if (any == 1 && entries.count <= w->quota)
			break;
		entries_fini(&entries);
		parts_join(&allowed, any == 1);
		err = entries_of(&allowed, place->v4, &entries);
		entries_prune(&entries);
	}
	if (err == 0)
		err = check_quota(w, place, entries.count);
	for (size_t i = 0; err == 0 && i < groups_for(w, entries.count); i++) {
		size_t at = i * w->quota, rest = entries.count - at;
		name_group(&g, sets->number[!place->v4], i);
		g.entry = rest == 0 ? NULL : &entries.entry[at];
		g.entries = rest < w->quota ? rest : w->quota;
		say_group(w, &g);
	}
	parts_fini(&ordered);
	parts_fini(&allowed);
	entries_fini(&entries);
	return err;
}

int cloud_sg(const struct cloud_call *c, struct out *text)
{
	struct places places = {0};
	struct writer w = {.call = c,
		.e = {.out = text},
		.quota = c->ask->quota == 0 ? CLOUD_SG_RULES : c->ask->quota};
	CHECK(w.quota > 0);
	if (w.quota > CLOUD_SG_ALL)
		return fail_set(
			c->why, -EDQUOT, "no group has more than %u rules: --quota", CLOUD_SG_ALL);
	w.most = CLOUD_SG_ALL / w.quota;
	if (w.most > CLOUD_SG_GROUPS)
		w.most = CLOUD_SG_GROUPS;
	w.sets = calloc(c->ask->policy->zones + 1, sizeof *w.sets);
	int err = w.sets == NULL ? -ENOMEM : places_of(c, true, &places);
	form_open(&w.e, c->ask->form);
	form_vpc(&w.e, c->ask->form, "aws_security_group");
	for (size_t i = 0; i < places.count && err == 0; i++)
		err = say_place(&w, &places.place[i]);
	form_vpc_end(&w.e, c->ask->form);
	form_close(&w.e, c);
	places_fini(&places);
	free(w.sets);
	return err;
}
