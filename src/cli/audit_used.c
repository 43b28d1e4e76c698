/* Which rules no connection of the logs used: of a firewall in chains that they came to, of a VPC
 * in groups and ACLs, of a Network Firewall. */
#include <string.h>

#include "cli/audit.h"
#include "cli/message.h"
#include "cli/policy.h"

enum { MET = 1, HIT = 2 };

struct using
{
	const struct target *target;
	struct vpc_use *vpc; /* NULL: of another kind, as nfw */
	struct nfw_use *nfw;
	bool full; /* out of memory */
	const struct audit_call *call;
	enum boundary_path path;
	uint8_t *rule; /* by number: MET, HIT */
	uint64_t connections;
	int64_t first_ns, last_ns;
};

const char *audit_path(const struct audit_call *c, const struct target *t)
{
	if (t->rules == NULL || c->path_given)
		return t->rules == NULL ? NULL : c->path;
	return boundary_has_hook(t->rules, BOUNDARY_FORWARD) ? "forward" : c->path;
}

static void met(void *context, const struct boundary_rule *rule, bool hit)
{
	struct using *u = context;
	u->rule[rule->number] |= (uint8_t)(MET | (hit ? HIT : 0));
}

static void note_in_vpc(struct using *u, const struct conn *conn)
{
	static const struct target_said nothing = {.as = NULL};
	bool icmp = conn->transport == TRANSPORT_ICMP;
	struct vpc_flow flow = {.src = conn->client,
		.dst = conn->server,
		.proto = conn->ip_proto,
		.src_port = icmp ? 0 : conn->client_port,
		.port = icmp ? 0 : conn->server_port,
		.type = icmp ? conn->client_port : -1,
		.code = icmp ? conn->server_port : -1,
		.said = &nothing};
	vpc_use_begin(u->vpc, conn->start_ns, conn->outcome == OUTCOME_DENIED);
	vpc_use_note(u->vpc, &flow);
	if (!conn->inferred)
		return;
	struct vpc_flow other = {.src = flow.dst, /* it may have been the client */
		.dst = flow.src,
		.proto = flow.proto,
		.src_port = flow.port,
		.port = flow.src_port,
		.type = -1,
		.code = -1,
		.said = &nothing};
	vpc_use_note(u->vpc, &other);
}

static void note_in_nfw(struct using *u, const struct conn *conn)
{
	bool icmp = conn->transport == TRANSPORT_ICMP;
	struct nfw_flow flow = {.flow = {.src = conn->client,
					.dst = conn->server,
					.proto = conn->ip_proto,
					.src_port = icmp ? 0 : conn->client_port,
					.port = icmp ? conn->client_port : conn->server_port}};
	u->full = nfw_use_note(u->nfw, &flow) < 0 || u->full;
	if (!conn->inferred || icmp)
		return;
	struct nfw_flow other = flow; /* it may have been the client */
	other.flow.src = flow.flow.dst;
	other.flow.dst = flow.flow.src;
	other.flow.src_port = flow.flow.port;
	other.flow.port = flow.flow.src_port;
	u->full = nfw_use_note(u->nfw, &other) < 0 || u->full;
}

static void count(struct using *u, int64_t start_ns)
{
	if (u->connections++ == 0)
		u->first_ns = u->last_ns = start_ns;
	u->first_ns = start_ns < u->first_ns ? start_ns : u->first_ns;
	u->last_ns = start_ns > u->last_ns ? start_ns : u->last_ns;
}

static void take(void *context, const struct event *event)
{
	struct using *u = context;
	const struct conn *conn = &event->conn;
	struct boundary_answer answer;
	if (event->kind != EVENT_CONN || !conn->ended || conn->rest)
		return; /* each once, when all is known of it */
	count(u, conn->start_ns);
	if (u->vpc != NULL)
		note_in_vpc(u, conn);
	if (u->nfw != NULL)
		note_in_nfw(u, conn);
	if (u->target->rules == NULL)
		return;
	bool icmp = conn->transport == TRANSPORT_ICMP;
	struct boundary_flow flow = {.flow = {.src = conn->client,
					     .dst = conn->server,
					     .proto = conn->ip_proto,
					     .src_port = icmp ? 0 : conn->client_port,
					     .port = icmp ? conn->client_port : conn->server_port},
		.path = u->path,
		.iif = u->call->in,
		.oif = u->call->out,
		.met = met,
		.context = u};
	boundary_ask(u->target->rules, &flow, &answer);
}

static void say_none_used(struct out *words, const struct using *u)
{
	out_printf(
		words, ": none of the %llu connections from ", (unsigned long long)u->connections);
	out_time(words, u->first_ns);
	out_text(words, " to ");
	out_time(words, u->last_ns);
	out_text(words, " used it");
}

static void say_unused(struct audit *a, const struct using *u)
{
	const struct boundary *b = u->target->rules;
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL; r = r->next) {
			bool walked = u->rule[c->rule->number] != 0; /* the chain was */
			if (!walked || (u->rule[r->number] & HIT) != 0)
				continue;
			struct out words = {0};
			out_text(&words, r->text);
			say_none_used(&words, u);
			audit_add_rule(a, b, r,
				&(struct audit_finding){
					.kind = AUDIT_NEVER_HIT, .words = out_string(&words)});
			out_fini(&words);
		}
}

static void say_unused_object(struct out *words, const struct vpc_unused *u)
{
	const char *place = u->acl ? "subnet" : "interface";
	if (u->rule == NULL) {
		out_printf(words,
			": whether its %zu rules are used is not known: the logs show no "
			"connection%s of the %zu %ss that were read with it",
			u->rules, u->acl ? "" : " that nobody denied", u->places, place);
		return;
	}
	out_printf(words, ": none of the %llu connections%s of ",
		(unsigned long long)u->connections, u->acl ? "" : " that nobody denied");
	for (size_t i = 0; i < u->seen && i < VPC_PLACES; i++) {
		out_text(words, i == 0 ? "" : ", ");
		out_safe(words, u->place[i], VPC_NAME_BYTES);
	}
	out_printf(words, "%s (%zu of %zu %ss) from ", u->seen > VPC_PLACES ? ", ..." : "", u->seen,
		u->places, place);
	out_time(words, u->first_ns);
	out_text(words, " to ");
	out_time(words, u->last_ns);
	out_text(words, " used it");
}

static void add_unused(void *context, const struct vpc_unused *u)
{
	struct audit *a = context;
	struct out rule = {0}, words = {0}, key = {0};
	out_safe(&rule, u->object, VPC_NAME_BYTES);
	if (u->rule != NULL) {
		out_text(&rule, " ");
		out_safe(&rule, u->rule, VPC_RULE_BYTES);
		out_text(&key, u->egress ? "egress " : "ingress ");
	}
	out_text(&key, out_string(&rule));
	out_text(&words, out_string(&key));
	say_unused_object(&words, u);
	struct audit_finding f = {.kind = u->rule == NULL ? AUDIT_USE_UNKNOWN : AUDIT_NEVER_HIT,
		.place = u->rule == NULL ? NULL
	                 : u->egress     ? "egress"
	                                 : "ingress",
		.rule = out_string(&rule),
		.words = out_string(&words)};
	audit_read_note(a, u->note, &f);
	audit_add(a, &f, out_string(&key));
	out_fini(&rule);
	out_fini(&words);
	out_fini(&key);
}

static enum exit_code find_in_vpc(struct audit *a, const struct audit_call *c, struct using *u)
{
	static const struct policy nobody = {.zones = 0};
	if (vpc_use_new(&u->vpc, u->target->vpc) < 0) {
		message("out of memory");
		return EXIT_NOTHING;
	}
	enum exit_code code =
		policy_call_read(&nobody, c->flow_logs.text, c->flow_logs.count, take, u);
	if (code != EXIT_NOTHING)
		vpc_use_each_unused(u->vpc, add_unused, a);
	vpc_use_free(u->vpc);
	return code;
}

/* ---- a Network Firewall ---- */

struct adding {
	struct audit *a;
	const struct using *u;
};

static void add_unused_rule(void *context, const struct nfw_unused *r)
{
	const struct adding *to = context;
	struct out group = {0}, rule = {0}, words = {0};
	out_safe(&group, r->group == NULL ? "rules" : r->group, VPC_NAME_BYTES);
	out_text(&rule, out_string(&group));
	if (r->told)
		out_printf(&rule, " %s:%llu", r->stateless ? "priority" : "sid",
			(unsigned long long)r->rule);
	out_text(&words, out_string(&rule));
	if (r->told)
		say_none_used(&words, to->u);
	else
		out_printf(&words,
			": whether %zu of its rules are used is not decided by these logs: %s",
			r->unknown,
			!r->any        ? "no connection of them matches any rule of the policy"
			: r->stateless ? "the firewall logs nothing of what stateless rules pass "
					 "or drop"
				       : "they ask for names or contents");
	struct audit_finding f = {.kind = r->told ? AUDIT_NEVER_HIT : AUDIT_USE_UNKNOWN,
		.place = out_string(&group),
		.rule = out_string(&rule),
		.words = out_string(&words)};
	audit_read_note(to->a, r->msg, &f);
	audit_add(to->a, &f, out_string(&rule));
	out_fini(&group);
	out_fini(&rule);
	out_fini(&words);
}

static enum exit_code find_in_nfw(struct audit *a, const struct audit_call *c, struct using *u)
{
	static const struct policy nobody = {.zones = 0};
	const struct nfw *n = u->target->nfw;
	const struct nfw_policy *policy = nfw_next_policy(n, NULL);
	if (policy == NULL || nfw_next_policy(n, policy) != NULL) {
		message("--flow-logs: which of several policies the logs are of is not known: "
			"give one of them");
		return EXIT_USAGE;
	}
	u->full = nfw_use_new(&u->nfw, n, policy) < 0;
	enum exit_code code =
		u->full ? EXIT_NOTHING
			: policy_call_read(&nobody, c->flow_logs.text, c->flow_logs.count, take, u);
	if (u->full) {
		message("out of memory");
		code = EXIT_NOTHING;
	}
	struct adding to = {a, u};
	if (code != EXIT_NOTHING)
		nfw_use_each_unused(u->nfw, add_unused_rule, &to);
	nfw_use_free(u->nfw);
	return code;
}

enum exit_code audit_find_used(struct audit *a, const struct audit_call *c, const struct target *t)
{
	static const struct policy nobody = {.zones = 0}; /* private addresses are the local ones */
	struct using u = {.target = t, .call = c, .path = BOUNDARY_PATH_FORWARD};
	if (t->vpc != NULL)
		return find_in_vpc(a, c, &u);
	if (t->nfw != NULL)
		return find_in_nfw(a, c, &u);
	if (t->rules == NULL) {
		message("--flow-logs: not of a policy, which has no rules in force");
		return EXIT_USAGE;
	}
	const char *path = audit_path(c, t);
	u.path = strcmp(path, "output") == 0  ? BOUNDARY_PATH_OUTPUT
	         : strcmp(path, "input") == 0 ? BOUNDARY_PATH_INPUT
	                                      : BOUNDARY_PATH_FORWARD;
	u.rule = calloc(t->rules->rules + 1, sizeof *u.rule);
	if (u.rule == NULL) {
		message("out of memory");
		return EXIT_NOTHING;
	}
	enum exit_code code =
		policy_call_read(&nobody, c->flow_logs.text, c->flow_logs.count, take, &u);
	if (code != EXIT_NOTHING && u.connections > 0)
		say_unused(a, &u);
	free(u.rule);
	return code;
}
