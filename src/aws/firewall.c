/* Network Firewalls on a packet's way, and whether replies come back through them. */
#include <stdio.h>
#include <string.h>

#include "aws/way.h"
#include "base/out.h"

void vpc_set_inspector(struct vpc *v, const struct vpc_inspector *inspector)
{
	v->inspector = *inspector;
}

bool vpc_has_networks(const struct vpc *v)
{
	return v->first[VPC_SUBNET] != NULL || v->first[VPC_GROUP] != NULL ||
	       v->first[VPC_ACL] != NULL || v->first[VPC_TABLE] != NULL ||
	       v->first[VPC_INTERFACE] != NULL;
}

bool vpc_has_firewalls(const struct vpc *v)
{
	return v->first[VPC_FIREWALL] != NULL;
}

struct addr way_last(const struct addr *first, uint8_t open)
{
	struct addr last = *first;
	for (unsigned bit = 0; bit < open; bit++)
		last.byte[15 - bit / 8] |= (uint8_t)(1u << (bit % 8));
	return last;
}

static void write_home(const struct vpc_object *network, struct out *o)
{
	char text[ADDR_TEXT_BYTES];
	for (const struct vpc_net *n = network == NULL ? NULL : network->nets; n != NULL;
		n = n->next)
		out_printf(o, "%s%s/%u", o->len == 0 ? "[" : ",", addr_text(&n->net.net, text),
			addr_is_v4(&n->net.net) ? n->net.bits - 96u : n->net.bits);
	if (o->len > 0)
		out_text(o, "]");
}

static void inspect(struct way *w, const struct vpc_object *endpoint)
{
	const struct vpc_object *firewall = endpoint->firewall;
	struct out home = {0};
	write_home(firewall->vpc, &home);
	struct vpc_inspection i = {.policy = firewall->policy,
		.firewall = firewall->id,
		.home = home.len == 0 || home.failed ? NULL : out_string(&home),
		.src = w->p.src,
		.dst = w->p.dst,
		.proto = w->p.proto,
		.port = w->p.low,
		.src_port = w->translated ? 0 : w->src_port,
		.type = w->p.type,
		.said = w->said};
	if (w->p.src_free > 0)
		i.src_last = way_last(&w->p.src, w->p.src_free);
	struct vpc_stage *s = way_stage(w, "firewall");
	s->object = firewall->id;
	(void)snprintf(s->reason, sizeof s->reason,
		"judged by the firewall's policy, which was not read: add what aws "
		"network-firewall describe-firewall-policy and describe-rule-group print");
	if (w->v->inspector.inspect != NULL)
		w->v->inspector.inspect(w->v->inspector.context, &i, s);
	out_fini(&home);
}

/* That Amazon asks a firewall subnet's ACL of what goes through the endpoint is not written
 * anywhere: what it denies is undecided. */
static void cross_softly(
	struct way *w, const struct vpc_object *subnet, const struct packet *p, bool egress)
{
	struct vpc_stage *s = way_stage(w, "network ACL of the firewall");
	vpc_judge_acl(subnet, p, egress, s);
	if (s->verdict == VPC_SHUT)
		s->verdict = VPC_UNDECIDED;
}

static void go_on(struct way *w, const struct vpc_object *subnet)
{
	struct packet reply;
	if (subnet != w->subnet) {
		cross_softly(w, subnet, &w->p, false);
		cross_softly(w, subnet, &w->p, true);
		if (way_reply(&w->p, CLIENT_LOW, &reply)) {
			cross_softly(w, subnet, &reply, false);
			cross_softly(w, subnet, &reply, true);
		}
	}
	const struct vpc_object *before = w->subnet;
	w->subnet = subnet;
	const struct vpc_route *on =
		way_take_route(w, subnet, &w->p.dst, "route of the firewall's subnet");
	if (on != NULL)
		way_follow(w, on);
	w->subnet = before;
}

static enum vpc_verdict least_from(const struct vpc_answer *a, size_t mark)
{
	enum vpc_verdict least = VPC_OPEN;
	for (size_t i = mark; i < a->stages; i++)
		least = a->stage[i].verdict < least ? a->stage[i].verdict : least;
	return least;
}

void way_try_each(struct way *w, const struct way_doors *doors)
{
	size_t mark = w->answer->stages;
	enum vpc_verdict least = VPC_OPEN;
	bool first = true;
	for (const struct vpc_member *m = doors->subnets; m != NULL; m = m->next) {
		if (doors->zone != NULL &&
			(m->object->zone == NULL || strcmp(m->object->zone, doors->zone) != 0))
			continue;
		if ((*w->tries)++ >= WAY_TRIES_MAX)
			break;
		struct way copy = *w;
		w->answer->stages = mark;
		doors->go(&copy, m->object);
		enum vpc_verdict now = least_from(w->answer, mark);
		if (!first && now != least) {
			w->answer->stages = mark;
			break;
		}
		first = false;
		least = now;
	}
	bool tired = *w->tries > WAY_TRIES_MAX;
	if (tired)
		w->answer->stages = mark;
	if (tired || first || w->answer->stages == mark)
		way_say(w, VPC_UNDECIDED, doors->name, doors->object,
			tired ? "there are too many subnets to try the ways on from each"
			      : doors->why);
}

void way_ask_policy(struct way *w, const struct vpc_object *endpoint)
{
	bool web = w->p.proto == PROTO_TCP && (w->p.low == 443 || w->p.low == 80);
	bool gateway = endpoint->type != NULL && strcmp(endpoint->type, "Gateway") == 0;
	struct vpc_stage *s = way_stage(w, "endpoint policy");
	s->object = endpoint->id;
	const char *why = "its policy allows anyone anything: any account's things there are "
			  "reached";
	if (w->transit != NULL && gateway)
		why = "a gateway endpoint is for its own VPC, and this comes from another";
	else if (endpoint->allows == ALLOWS_NONE)
		s->verdict = VPC_SHUT, why = "its policy allows nothing";
	else if (endpoint->allows == ALLOWS_UNKNOWN)
		why = "its policy, where it was read, hangs on who asks for what, which no packet "
		      "tells";
	else if (gateway && !web)
		why = "whether the service answers to this is not known";
	else
		s->verdict = VPC_OPEN;
	(void)snprintf(s->reason, sizeof s->reason, "%s", why);
}

void way_pass_endpoint(struct way *w, const struct vpc_object *endpoint)
{
	const char *type = endpoint == NULL || endpoint->type == NULL ? "" : endpoint->type;
	if (strcmp(type, "Gateway") == 0) {
		way_ask_policy(w, endpoint);
		return;
	}
	if (endpoint == NULL || endpoint->firewall == NULL) {
		way_say(w, VPC_UNDECIDED, "endpoint", endpoint,
			"judged by what stands behind it: of no firewall that was read "
			"(add aws network-firewall describe-firewall)");
		return;
	}
	if (++w->hops > WAY_HOPS_MAX) {
		way_say(w, VPC_UNDECIDED, "endpoint", endpoint,
			"routes lead through firewalls over and over");
		return;
	}
	inspect(w, endpoint);
	w->passed[w->passes++] = endpoint;
	if (endpoint->subnet != NULL)
		go_on(w, endpoint->subnet);
	else
		way_try_each(
			w, &(struct way_doors){.subnets = endpoint->firewall->members,
				   .go = go_on,
				   .name = "endpoint",
				   .object = endpoint,
				   .why = "which of the firewall's subnets it stands in is not "
					  "known, and they differ"});
}

/* ---- back ---- */

/* The firewall's own subnet has to lead replies on, to where they came from. */
static bool leads_home(const struct way *w, const struct vpc_object *endpoint)
{
	const struct vpc_object *subnet = endpoint->subnet;
	if (subnet == NULL && endpoint->firewall->members != NULL &&
		endpoint->firewall->members->next == NULL)
		subnet = endpoint->firewall->members->object;
	enum vpc_target target = TARGET_AWAY;
	enum vpc_target home = w->transit == NULL ? TARGET_LOCAL : TARGET_TRANSIT;
	return subnet == NULL || subnet->vpc != w->network ||
	       (way_peek_route(w->v, subnet, &w->p.src, &target) && target == home);
}

bool way_judge_back(struct way *w, const struct vpc_route *back, struct vpc_stage *s)
{
	const struct vpc_object *last = w->passes == 0 ? NULL : w->passed[w->passes - 1];
	bool to_endpoint = back != NULL && back->target == TARGET_ENDPOINT;
	const char *why = NULL;
	if (last == NULL && to_endpoint)
		why = "replies are led through an endpoint that the flow does not pass";
	else if (last != NULL && (!to_endpoint || back->object != last))
		why = "replies do not come back through the firewall's endpoint: it sees half of "
		      "the connection";
	else if (last != NULL && last->several && last->subnet == NULL)
		why = "whether replies come back through the endpoint of the same subnet is not "
		      "known";
	else if (last != NULL && !leads_home(w, last))
		why = "the firewall's subnet does not lead replies back";
	if (why == NULL)
		return last != NULL;
	s->verdict = VPC_UNDECIDED;
	(void)snprintf(s->reason, sizeof s->reason, "%s", why);
	return true;
}
