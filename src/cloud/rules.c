/* The policy as Suricata's rules in strict order, for Network Firewall, whose default drops what is
 * established.
 *
 * Until a rule asks for a name or an application protocol, a flow is decided on its first packet:
 * rules of addresses and ports alone act on the whole flow (docs/SURICATA.md). After one, a TCP
 * flow's handshake must pass before anything is known of it: rules of addresses and ports then are
 * of packets of their direction, and a pass has a second rule for what comes back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/model.h"

/* Of one list in a rule: two of them and the options stay below CLOUD_RULE_BYTES. */
#define LIST_BYTES 3000u
#define SID_FIRST  9000001u
#define WHY_BYTES  160u

struct rules {
	const struct cloud_call *call;
	struct rule_groups *to;
	const struct policy_rule *rule; /* NULL: a zone's default */
	const char *id, *reason;
	enum policy_action action;
	bool late; /* a rule that asks for what the first packet does not show came before */
	int err;
};

/* Networks in chunks; any: all. */
struct list {
	const struct cidr *net;
	size_t count;
	bool any;
};

struct match { /* of one rule */
	const char *action, *proto, *src, *dst, *ports, *options;
	bool back; /* of what comes back */
};

/* ---- one rule ---- */

static void say_msg(struct out *o, const struct rules *r)
{
	out_printf(o, "msg:\"postern %s", r->id);
	const char *c = r->reason == NULL ? "" : r->reason;
	out_text(o, *c == '\0' ? "" : ": ");
	for (size_t i = 0; c[i] != '\0' && i < WHY_BYTES; i++) {
		if (c[i] == ';' || c[i] == '"' || c[i] == '\\')
			out_text(o, "\\");
		out_bytes(o, c[i] < ' ' || c[i] > '~' ? "?" : &c[i], 1);
	}
	out_text(o, "\"; ");
}

static struct rule_group *room_for(struct rules *r, size_t bytes)
{
	struct rule_groups *to = r->to;
	struct rule_group *g = to->groups == 0 ? NULL : &to->group[to->groups - 1];
	if (g == NULL || g->bytes + bytes > CLOUD_GROUP_BYTES || g->rules == CLOUD_NFW_RULES)
		g = to->groups < CLOUD_NFW_GROUPS ? &to->group[to->groups++] : NULL;
	return g;
}

static void put(struct rules *r, const struct match *m)
{
	struct out line = {0};
	out_printf(&line, "%s %s ", m->action, m->proto);
	if (m->back)
		out_printf(&line, "%s %s -> %s any (", m->dst, m->ports, m->src);
	else
		out_printf(&line, "%s any -> %s %s (", m->src, m->dst, m->ports);
	say_msg(&line, r);
	out_printf(&line, "%s%ssid:%zu; rev:1;)\n", m->options, *m->options == '\0' ? "" : " ",
		SID_FIRST + r->to->rules);
	/* a variable counts as what it stands for, which is at most a list */
	bool home = strcmp(m->src, "$HOME_NET") == 0;
	struct rule_group *g = room_for(r, line.len);
	if (line.len + (home ? LIST_BYTES : 0) > CLOUD_RULE_BYTES) {
		r->err = fail_set(r->call->why, -EDQUOT,
			"rule %s: a rule of %zu bytes, and Network Firewall takes %u: use fewer "
			"ports, or ranges",
			r->id, line.len, CLOUD_RULE_BYTES);
	} else if (g == NULL) {
		r->err = fail_set(r->call->why, -EDQUOT,
			"its rules need more than %u groups of %u bytes: use fewer, wider networks",
			CLOUD_NFW_GROUPS, CLOUD_GROUP_BYTES);
	} else {
		out_bytes(&g->text, out_string(&line), line.len);
		g->bytes += line.len;
		g->rules++;
		r->to->rules++;
		if (line.failed || g->text.failed)
			r->err = -ENOMEM;
	}
	out_fini(&line);
}

/* ---- lists ---- */

/* The next networks that fit one rule; family 4, 6 or 0 for both. False: no more. */
static bool next_chunk(
	const struct rules *r, const struct list *l, unsigned family, size_t *at, struct out *ret)
{
	size_t count = 0, from = *at;
	out_clear(ret);
	if (l->any) {
		out_text(ret, "any");
		return (*at)++ == 0;
	}
	for (; *at < l->count && ret->len < LIST_BYTES - 64; (*at)++) {
		bool v4 = policy_net_is_v4(&l->net[*at]);
		if (family != 0 && v4 != (family == 4))
			continue;
		out_text(ret, count++ == 0 ? "[" : ",");
		form_net(ret, &l->net[*at]);
	}
	out_text(ret, "]");
	if (l->net == r->to->home && from == 0 && *at == l->count && family == 0) {
		out_clear(ret);
		out_text(ret, "$HOME_NET");
	}
	return count > 0;
}

static struct list sources(const struct rules *r)
{
	if (r->rule == NULL || !r->rule->from_any)
		return (struct list){
			r->rule == NULL ? NULL : r->rule->from.net, r->rule->from.count, false};
	return (struct list){r->to->home, r->to->homes, false};
}

/* The rule for all that the lists hold, and with `back` for what comes back. */
static void put_all(struct rules *r, const struct list *from, const struct list *to,
	const struct match *like, bool back)
{
	struct out src = {0}, dst = {0};
	struct match m = *like;
	unsigned family = strcmp(m.proto, "icmpv4") == 0   ? 4
	                  : strcmp(m.proto, "icmpv6") == 0 ? 6
	                                                   : 0;
	for (size_t s = 0; r->err == 0 && next_chunk(r, from, family, &s, &src);)
		for (size_t d = 0; r->err == 0 && next_chunk(r, to, family, &d, &dst);) {
			m.src = out_string(&src);
			m.dst = out_string(&dst);
			m.back = false;
			m.options = like->options;
			put(r, &m);
			m.back = true;
			m.options = "flow:to_client;";
			if (back && r->err == 0)
				put(r, &m);
		}
	out_fini(&src);
	out_fini(&dst);
}

static void say_ports(struct out *o, const struct policy_service *s)
{
	out_text(o, s->ports == 0 || s->icmp ? "any" : "[");
	for (size_t i = 0; i < s->ports && !s->icmp; i++) {
		const struct policy_ports *p = &s->port[i];
		out_printf(o, i == 0 ? "%u" : ",%u", p->first);
		if (p->last > p->first)
			out_printf(o, ":%u", p->last);
	}
	if (s->ports > 0 && !s->icmp)
		out_text(o, "]");
}

/* ---- addresses and ports alone ---- */

static const char *word_of(const struct rules *r, bool tcp)
{
	return r->action == POLICY_ALLOW           ? "pass"
	       : r->action == POLICY_REJECT && tcp ? "reject"
	                                           : "drop";
}

/* A rule of packets has to say so, and to let answers pass. */
static void put_plain(struct rules *r, const struct list *from, const struct list *to,
	const char *proto, const char *ports, const char *more)
{
	char options[128];
	bool tcp = strcmp(proto, "tcp") == 0, packets = r->late || *more != '\0';
	(void)snprintf(options, sizeof options, "%s%s%s", packets ? "flow:to_server;" : "",
		packets && *more != '\0' ? " " : "", more);
	const struct match m = {
		.action = word_of(r, tcp), .proto = proto, .ports = ports, .options = options};
	put_all(r, from, to, &m, packets && r->action == POLICY_ALLOW);
}

static void put_icmp(struct rules *r, const struct list *from, const struct list *to,
	const struct policy_service *s)
{
	static const char *const protos[] = {"icmpv4", "icmpv6"};
	char more[32];
	for (size_t f = 0; f < ARRAY_LEN(protos) && r->err == 0; f++) {
		if (s->ports == 0)
			put_plain(r, from, to, protos[f], "any", "");
		for (size_t i = 0; i < s->ports; i++)
			for (unsigned t = s->port[i].first; t <= s->port[i].last; t++) {
				(void)snprintf(more, sizeof more, "itype:%u;", t);
				put_plain(r, from, to, protos[f], "any", more);
			}
	}
}

static void put_hard(struct rules *r, const struct list *from, const struct list *to,
	const struct policy_service *s)
{
	struct out ports = {0};
	if (s->any) {
		if (r->action == POLICY_REJECT)
			put_plain(r, from, to, "tcp", "any", "");
		put_plain(r, from, to, "ip", "any", "");
		return;
	}
	say_ports(&ports, s);
	if (s->tcp)
		put_plain(r, from, to, "tcp", out_string(&ports), "");
	if (s->udp)
		put_plain(r, from, to, "udp", out_string(&ports), "");
	if (s->icmp)
		put_icmp(r, from, to, s);
	r->err = ports.failed ? -ENOMEM : r->err;
	out_fini(&ports);
}

/* ---- application protocols and names ---- */

static const struct list anywhere = {.any = true};

/* Nothing is known of a stream before its handshake is over. */
static void put_handshake(struct rules *r, const struct list *from, const struct list *to,
	const struct policy_service *s, const char *ports)
{
	static const struct match m = {
		.action = "pass", .proto = "tcp", .options = "flow:to_server,not_established;"};
	struct match with = m;
	with.ports = ports;
	if (r->action == POLICY_ALLOW && (s->tcp || s->any))
		put_all(r, from, to, &with, false);
}

static void put_app(struct rules *r, const struct list *from, const struct list *to,
	const struct policy_service *s, const char *ports, const struct app *app)
{
	char options[128] = "flow:to_server;";
	bool tcp = app->tcp && (s->tcp || s->any), udp = app->udp && (s->udp || s->any);
	struct match m = {.action = word_of(r, tcp && !udp),
		.proto = app->name,
		.ports = ports,
		.options = options};
	if (app->tcp && app->udp && tcp != udp) { /* its own header would be of both */
		m.proto = tcp ? "tcp" : "udp";
		(void)snprintf(options, sizeof options, "flow:to_server; app-layer-protocol:%s;",
			app->name);
	}
	if (tcp || udp)
		put_all(r, from, to, &m, r->action == POLICY_ALLOW && app->server_first);
}

struct soft { /* a service of a rule that names whom it is for */
	const struct list *from;
	const struct policy_service *service;
	const char *ports, *as;
};

/* One name in what shows it. dot: the domain and all below it. */
static void put_name(struct rules *r, const struct soft *soft, const char *name, bool dot)
{
	static const struct {
		const char *proto, *buffer, *end;
		bool tcp;
	} shown[] = {{"tls", "tls.sni", " nocase;", true}, {"http", "http.host", "", true},
		{"quic", "quic.sni", " nocase;", false}};
	const struct policy_service *s = soft->service;
	struct out o = {0};
	bool below = strncmp(name, "*.", 2) == 0;
	for (size_t i = 0; i < ARRAY_LEN(shown) && r->err == 0; i++) {
		bool spoken = s->any || (shown[i].tcp ? s->tcp : s->udp);
		if (!spoken || (soft->as != NULL && strcmp(soft->as, shown[i].proto) != 0))
			continue;
		out_clear(&o);
		out_printf(&o, "flow:to_server; %s; %scontent:\"%s\"; %sendswith;%s",
			shown[i].buffer, dot ? "dotprefix; " : "", below ? name + 1 : name,
			below ? "" : "startswith; ", shown[i].end);
		const struct match m = {.action = word_of(r, shown[i].tcp),
			.proto = shown[i].proto,
			.ports = soft->ports,
			.options = out_string(&o)};
		put_all(r, soft->from, &anywhere, &m, false);
	}
	r->err = o.failed ? -ENOMEM : r->err;
	out_fini(&o);
}

/* What carries no name that is seen. */
static void put_nameless(struct rules *r, const struct soft *soft)
{
	static const char tcp[] = "app-layer-protocol:!tls; app-layer-protocol:!http;";
	static const struct match early = {.action = "pass",
		.proto = "tcp",
		.options = "flow:to_server,established; app-layer-protocol:unknown;"};
	const struct policy_service *s = soft->service;
	struct match with = early;
	with.ports = soft->ports;
	if (s->tcp || s->any)
		put_plain(r, soft->from, &anywhere, "tcp", soft->ports, tcp);
	if ((s->tcp || s->any) && r->action == POLICY_ALLOW)
		put_all(r, soft->from, &anywhere, &with, false);
	if (s->udp || s->any)
		put_plain(
			r, soft->from, &anywhere, "udp", soft->ports, "app-layer-protocol:!quic;");
	if (s->icmp && !s->any)
		put_icmp(r, soft->from, &anywhere, s);
	if (s->any)
		put_plain(r, soft->from, &anywhere, "ip", "any", "ip_proto:!tcp; ip_proto:!udp;");
}

static bool is_pair(const char *a, const char *b)
{
	return strncmp(a, "*.", 2) == 0 && strcmp(a + 2, b) == 0;
}

static void put_names(struct rules *r, const struct soft *soft)
{
	const struct policy_names *n = &r->rule->to_names;
	bool shown = shows_names(soft->as), wide = r->call->ask->wider;
	for (size_t i = 0; i < n->count && r->err == 0 && shown; i++) {
		const char *next = i + 1 < n->count ? n->name[i + 1] : "";
		bool after = is_pair(next, n->name[i]), pair = after || is_pair(n->name[i], next);
		put_name(r, soft, after ? next : n->name[i], pair);
		i += pair;
	}
	if ((r->action == POLICY_ALLOW) != wide)
		return;
	const struct app *app = app_of(soft->as);
	if (soft->as == NULL)
		put_nameless(r, soft);
	else if (!shown && app != NULL)
		put_app(r, soft->from, &anywhere, soft->service, soft->ports, app);
}

static void put_soft(struct rules *r, const struct list *from, const struct list *to,
	const struct policy_service *s, const char *as)
{
	struct out ports = {0};
	say_ports(&ports, s);
	const struct app *app = app_of(as);
	r->late = true;
	if (app != NULL && to != NULL) {
		put_handshake(r, from, to, s, out_string(&ports));
		put_app(r, from, to, s, out_string(&ports), app);
	}
	if (r->rule->to_names.count > 0 && !r->rule->to_any) {
		if (shows_names(as) || r->call->ask->wider)
			put_handshake(r, from, &anywhere, s, out_string(&ports));
		put_names(r, &(struct soft){from, s, out_string(&ports), as});
	}
	r->err = ports.failed ? -ENOMEM : r->err;
	out_fini(&ports);
}

/* ---- the policy ---- */

static void put_service(struct rules *r, const struct list *from, const struct policy_service *s)
{
	const struct policy_rule *rule = r->rule;
	const struct list nets = {rule->to.net, rule->to.count, rule->to_any};
	const struct list *to = nets.any || nets.count > 0 ? &nets : NULL;
	const char *as = as_of(rule, s);
	bool never = rule->as != NULL && s->as != NULL && strcmp(rule->as, s->as) != 0;
	if (never) /* two protocols at once */
		return;
	if (as != NULL && app_of(as) == NULL) {
		/* not told apart: all or nothing */
		if ((rule->action == POLICY_ALLOW) != r->call->ask->wider)
			return;
		put_hard(r, from, rule->to_names.count > 0 ? &anywhere : to, s);
		return;
	}
	if (as == NULL && to != NULL)
		put_hard(r, from, to, s);
	if (as != NULL || (rule->to_names.count > 0 && !rule->to_any))
		put_soft(r, from, to, s, as);
}

static void put_rule(struct rules *r, const struct policy_rule *rule)
{
	r->rule = rule;
	r->id = rule->id;
	r->reason = rule->why;
	r->action = rule->action;
	const struct list from = sources(r);
	for (size_t i = 0; i < services_of(rule) && r->err == 0; i++)
		put_service(r, &from, service_at(rule, i));
}

static void put_default(struct rules *r, const struct policy_zone *zone)
{
	char id[POLICY_ID_BYTES + 16];
	const struct list from = {zone->nets.net, zone->nets.count, false};
	(void)snprintf(id, sizeof id, "default %s", zone->name);
	r->rule = NULL;
	r->id = id;
	r->reason = NULL;
	r->action = zone->fallback;
	put_hard(r, &from, &anywhere, &service_of_all);
}

static int collect_home(const struct policy *p, struct rule_groups *ret)
{
	size_t count = 0;
	for (size_t i = 0; i < p->zones; i++)
		count += p->zone[i].nets.count;
	ret->home = calloc(count + 1, sizeof *ret->home);
	for (size_t i = 0; i < p->zones && ret->home != NULL; i++)
		for (size_t k = 0; k < p->zone[i].nets.count; k++)
			ret->home[ret->homes++] = p->zone[i].nets.net[k];
	return ret->home == NULL ? -ENOMEM : 0;
}

int rules_of_policy(const struct cloud_call *c, struct rule_groups *ret)
{
	const struct policy *p = c->ask->policy;
	struct rules r = {.call = c, .to = ret};
	r.err = collect_home(p, ret);
	for (size_t i = 0; i < p->rules && r.err == 0; i++)
		if (policy_rule_holds(&p->rule[i], c->ask->at_ns))
			put_rule(&r, &p->rule[i]);
	for (size_t i = 0; i < p->zones && r.err == 0; i++)
		put_default(&r, &p->zone[i]);
	unsigned quota = c->ask->quota == 0 ? CLOUD_NFW_RULES : c->ask->quota;
	if (r.err == 0 && ret->rules > quota)
		return fail_set(c->why, -EDQUOT,
			"%zu rules of Network Firewall, %zu over the quota of %u a policy: use "
			"wildcards and wider networks, or a quota that Amazon raised (--quota)",
			ret->rules, ret->rules - quota, quota);
	return r.err;
}

void rules_fini(struct rule_groups *g)
{
	for (size_t i = 0; i < g->groups; i++)
		out_fini(&g->group[i].text);
	free(g->home);
}
