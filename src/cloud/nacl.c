/* Network ACLs: entries in order, the first that matches decides; for each direction its own, as an
 * ACL knows no connections. One for each zone, to be associated with its subnets. */
#include "cloud/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_STEP 10u
/* What clients (and Amazon's NAT gateways) use; docs/VPC.md. */
#define CLIENT_LOW  1024
#define CLIENT_HIGH 65535

struct acl {
	const struct policy_zone *zone;
	struct entries out[2], in[2]; /* IPv4, IPv6 */
};

struct writer {
	const struct cloud_call *call;
	struct emit e;
	unsigned quota;
	size_t id;
};

/* ---- entries ---- */

/* Denials behind the last allowance change nothing. */
static void cut_tail(struct entries *e)
{
	while (e->count > 0 && !e->entry[e->count - 1].allow)
		e->count--;
}

/* What comes back of what an entry lets out. False: nothing. */
static bool answer_of(const struct entry *e, struct entry *ret)
{
	*ret = *e;
	ret->id = "answers";
	if (e->proto == 6 || e->proto == 17) {
		ret->low = CLIENT_LOW;
		ret->high = CLIENT_HIGH;
	} else if ((e->proto == 1 || e->proto == 58) && e->low >= 0) {
		bool echo = e->low == (e->proto == 1 ? 8 : 128);
		ret->low = ret->high = e->proto == 1 ? 0 : 129;
		return echo;
	}
	return true;
}

/* any: from anywhere, which takes fewest. */
static int add_answers(const struct entries *out, bool any, struct entries *ret)
{
	int err = 0;
	entries_fini(ret);
	for (size_t i = 0; i < out->count && err == 0; i++) {
		struct entry answer;
		if (!out->entry[i].allow || !answer_of(&out->entry[i], &answer))
			continue;
		if (any && policy_net_is_v4(&answer.net))
			answer.net = (struct cidr){addr_v4(0), 96};
		else if (any)
			answer.net = (struct cidr){.bits = 0};
		err = entries_add(ret, &answer);
	}
	/* whatever its order: no denial is among them */
	for (int turn = 0; turn < 2; turn++) {
		entries_prune(ret);
		for (size_t i = 0; i < ret->count / 2; i++) {
			struct entry swap = ret->entry[i];
			ret->entry[i] = ret->entry[ret->count - 1 - i];
			ret->entry[ret->count - 1 - i] = swap;
		}
	}
	return err;
}

/* In the order of the rules, or what is allowed alone: whichever takes fewer. */
static int add_family(struct writer *w, const struct place *place, struct acl *acl)
{
	struct entries plain = {0}, *out = &acl->out[!place->v4], *in = &acl->in[!place->v4];
	struct parts ordered = {0}, allowed = {0};
	int err = parts_in_order(w->call, place, &ordered);
	if (err == 0)
		err = parts_allowed(&ordered, &allowed);
	parts_join(&ordered, false);
	parts_join(&allowed, false);
	if (err == 0)
		err = entries_of(&ordered, place->v4, out);
	if (err == 0)
		err = entries_of(&allowed, place->v4, &plain);
	entries_prune(&plain);
	cut_tail(out);
	if (plain.count <= out->count) {
		struct entries swap = *out;
		*out = plain;
		plain = swap;
	}
	if (err == 0)
		err = add_answers(out, false, in);
	if (err == 0 && in->count + 1 > w->quota)
		err = add_answers(out, true, in);
	parts_fini(&ordered);
	parts_fini(&allowed);
	entries_fini(&plain);
	return err;
}

static int check_quota(struct writer *w, const struct acl *acl)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (int in = 0; in < 2; in++) {
			size_t count = (in ? acl->in[v6].count : acl->out[v6].count) + 1;
			if (count <= w->quota)
				continue;
			return fail_set(w->call->why, -EDQUOT,
				"zone %s: its ACL needs %zu %s rules of %s, its denial of all else "
				"among them: %zu over the quota of %u (--quota, which Amazon "
				"raises to %u at most); use fewer, wider networks, or security "
				"groups",
				acl->zone->name, count, in ? "inbound" : "outbound",
				v6 ? "IPv6" : "IPv4", count - w->quota, w->quota, CLOUD_NACL_MAX);
		}
	return 0;
}

/* ---- the three forms ---- */

static void say_net(struct emit *e, const char *key, const struct cidr *net)
{
	struct out o = {0};
	form_net(&o, net);
	emit_said(e, key, &o);
}

static void say_camel(
	struct emit *e, enum cloud_form form, const struct entry *entry, bool egress, size_t number)
{
	char proto[8];
	bool icmp = entry->proto == 1 || entry->proto == 58;
	(void)snprintf(proto, sizeof proto, "%d", entry->proto);
	emit_count(e, "RuleNumber", number);
	emit_bool(e, "Egress", egress);
	if (form == CLOUD_CLI)
		emit_text(e, "Protocol", proto, SIZE_MAX);
	else
		form_number(e, "Protocol", entry->proto);
	emit_text(e, "RuleAction", entry->allow ? "allow" : "deny", SIZE_MAX);
	say_net(e, policy_net_is_v4(&entry->net) ? "CidrBlock" : "Ipv6CidrBlock", &entry->net);
	if (icmp) {
		emit_open(e, form == CLOUD_CLI ? "IcmpTypeCode" : "Icmp", '{');
		form_number(e, "Type", entry->low);
		emit_number(e, "Code", -1);
		emit_close(e, '}');
	} else if (entry->proto == 6 || entry->proto == 17) {
		emit_open(e, "PortRange", '{');
		form_number(e, "From", entry->low);
		form_number(e, "To", entry->high);
		emit_close(e, '}');
	}
}

/* An argument that is a list of objects: each must have every attribute. */
static void say_snake(struct emit *e, const struct entry *entry, size_t number)
{
	bool icmp = entry->proto == 1 || entry->proto == 58, v4 = policy_net_is_v4(&entry->net);
	bool ports = entry->proto == 6 || entry->proto == 17;
	char proto[8];
	(void)snprintf(proto, sizeof proto, "%d", entry->proto);
	emit_open(e, NULL, '{');
	emit_count(e, "rule_no", number);
	emit_text(e, "action", entry->allow ? "allow" : "deny", SIZE_MAX);
	emit_text(e, "protocol", proto, SIZE_MAX);
	say_net(e, v4 ? "cidr_block" : "ipv6_cidr_block", &entry->net);
	emit_text(e, v4 ? "ipv6_cidr_block" : "cidr_block", NULL, 0);
	form_number(e, "from_port", ports ? entry->low : 0);
	form_number(e, "to_port", ports ? entry->high : 0);
	form_number(e, "icmp_type", icmp ? entry->low : 0);
	form_number(e, "icmp_code", icmp ? -1 : 0);
	emit_close(e, '}');
}

static void say_entry(struct writer *w, const struct acl *acl, const struct entry *entry,
	bool egress, size_t number)
{
	struct emit *e = &w->e;
	char text[POLICY_ID_BYTES + 32];
	if (w->call->ask->form == CLOUD_CLI) {
		form_call(e, "ec2", "create-network-acl-entry");
		(void)snprintf(text, sizeof text, "ACL:postern-%s", acl->zone->name);
		emit_text(e, "NetworkAclId", text, SIZE_MAX);
		say_camel(e, CLOUD_CLI, entry, egress, number);
		form_call_end(e);
	} else if (w->call->ask->form == CLOUD_FORMATION) {
		(void)snprintf(text, sizeof text, "PosternAcl%zu%s%zu", w->id,
			egress ? "Out" : "In", number);
		form_resource(e, text, "AWS::EC2::NetworkAclEntry");
		(void)snprintf(text, sizeof text, "PosternAcl%zu", w->id);
		emit_open(e, "NetworkAclId", '{');
		emit_text(e, "Ref", text, SIZE_MAX);
		emit_close(e, '}');
		say_camel(e, CLOUD_FORMATION, entry, egress, number);
		form_resource_end(e);
	} else {
		say_snake(e, entry, number);
	}
}

static void say_direction(struct writer *w, const struct acl *acl, bool egress)
{
	size_t number = 0;
	bool terraform = w->call->ask->form == CLOUD_TERRAFORM;
	if (terraform)
		emit_open(&w->e, egress ? "egress" : "ingress", '[');
	for (int v6 = 0; v6 < 2; v6++) {
		const struct entries *list = egress ? &acl->out[v6] : &acl->in[v6];
		for (size_t i = 0; i < list->count; i++)
			say_entry(w, acl, &list->entry[i], egress, number += NUMBER_STEP);
	}
	if (terraform)
		emit_close(&w->e, ']');
}

static void say_tags(struct emit *e, const char *name)
{
	emit_open(e, "Tags", '[');
	emit_open(e, NULL, '{');
	emit_text(e, "Key", "Name", SIZE_MAX);
	emit_text(e, "Value", name, SIZE_MAX);
	emit_close(e, '}');
	emit_close(e, ']');
}

/* What the entries are of. In Terraform they stand in it. */
static void say_head(struct writer *w, const char *name)
{
	struct emit *e = &w->e;
	char id[32];
	if (w->call->ask->form == CLOUD_CLI) {
		form_call(e, "ec2", "create-network-acl");
		emit_text(e, "VpcId", "VPC", SIZE_MAX);
		emit_open(e, "TagSpecifications", '[');
		emit_open(e, NULL, '{');
		emit_text(e, "ResourceType", "network-acl", SIZE_MAX);
		say_tags(e, name);
		emit_close(e, '}');
		emit_close(e, ']');
		form_call_end(e);
	} else if (w->call->ask->form == CLOUD_FORMATION) {
		(void)snprintf(id, sizeof id, "PosternAcl%zu", w->id);
		form_resource(e, id, "AWS::EC2::NetworkAcl");
		emit_open(e, "VpcId", '{');
		emit_text(e, "Ref", "VpcId", SIZE_MAX);
		emit_close(e, '}');
		say_tags(e, name);
		form_resource_end(e);
	} else {
		(void)snprintf(id, sizeof id, "postern_%zu", w->id);
		emit_open(e, id, '{');
		emit_text(e, "vpc_id", "${var.vpc_id}", SIZE_MAX);
		emit_open(e, "tags", '{');
		emit_text(e, "Name", name, SIZE_MAX);
		emit_close(e, '}');
	}
}

static void say_acl(struct writer *w, const struct acl *acl)
{
	char name[POLICY_ID_BYTES + 16];
	(void)snprintf(name, sizeof name, "postern-%s", acl->zone->name);
	w->id++;
	say_head(w, name);
	say_direction(w, acl, true);
	say_direction(w, acl, false);
	if (w->call->ask->form == CLOUD_TERRAFORM)
		emit_close(&w->e, '}');
}

static int say_zone(struct writer *w, const struct policy_zone *zone, const struct places *places)
{
	struct acl acl = {.zone = zone};
	bool found = false;
	int err = 0;
	for (size_t i = 0; i < places->count && err == 0; i++)
		if (places->place[i].zone == zone) {
			found = true;
			err = add_family(w, &places->place[i], &acl);
		}
	if (err == 0)
		err = check_quota(w, &acl);
	if (err == 0 && found)
		say_acl(w, &acl);
	for (int v6 = 0; v6 < 2; v6++) {
		entries_fini(&acl.out[v6]);
		entries_fini(&acl.in[v6]);
	}
	return err;
}

/* An ACL can't tell the hosts of a subnet apart. */
static void tell_some(const struct cloud_call *c, const struct places *places)
{
	for (size_t r = 0; r < c->ask->policy->rules; r++)
		for (size_t i = 0; i < places->count; i++)
			if (places->place[i].rule[r] == SPEAKS_SOME)
				out_printf(c->losses,
					"rule %s: it is of some hosts of zone %s (%s), and an ACL "
					"is of all: %s\n",
					c->ask->policy->rule[r].id, places->place[i].zone->name,
					places->place[i].v4 ? "IPv4" : "IPv6",
					(c->ask->policy->rule[r].action == POLICY_ALLOW) ==
							c->ask->wider
						? "it holds for all"
						: "it is left out");
}

int cloud_nacl(const struct cloud_call *c, struct out *text)
{
	struct places places = {0};
	struct writer w = {.call = c,
		.e = {.out = text},
		.quota = c->ask->quota == 0 ? CLOUD_NACL_RULES : c->ask->quota};
	int err = w.quota > CLOUD_NACL_MAX
	                  ? fail_set(c->why, -EDQUOT, "no ACL has more than %u rules: --quota",
				    CLOUD_NACL_MAX)
	                  : places_of(c, false, &places);
	if (err == 0)
		tell_some(c, &places);
	form_open(&w.e, c->ask->form);
	form_vpc(&w.e, c->ask->form, "aws_network_acl");
	for (size_t i = 0; i < c->ask->policy->zones && err == 0; i++)
		err = say_zone(&w, &c->ask->policy->zone[i], &places);
	form_vpc_end(&w.e, c->ask->form);
	form_close(&w.e, c);
	places_fini(&places);
	return err;
}
