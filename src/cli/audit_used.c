/* Which rules of a firewall no connection of the logs used, in chains that they came to. */
#include <string.h>

#include "cli/audit.h"
#include "cli/message.h"
#include "cli/policy.h"

enum { MET = 1, HIT = 2 };

struct using
{
	const struct target *target;
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

static void take(void *context, const struct event *event)
{
	struct using *u = context;
	const struct conn *conn = &event->conn;
	struct boundary_answer answer;
	if (event->kind != EVENT_CONN || !conn->ended || conn->rest)
		return; /* each once, when all is known of it */
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
	if (u->connections++ == 0)
		u->first_ns = u->last_ns = conn->start_ns;
	u->first_ns = conn->start_ns < u->first_ns ? conn->start_ns : u->first_ns;
	u->last_ns = conn->start_ns > u->last_ns ? conn->start_ns : u->last_ns;
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
			out_printf(&words, "%s: none of the %llu connections from ", r->text,
				(unsigned long long)u->connections);
			out_time(&words, u->first_ns);
			out_text(&words, " to ");
			out_time(&words, u->last_ns);
			out_text(&words, " used it");
			audit_add_rule(a, b, r,
				&(struct audit_finding){
					.kind = AUDIT_NEVER_HIT, .words = out_string(&words)});
			out_fini(&words);
		}
}

enum exit_code audit_find_used(struct audit *a, const struct audit_call *c, const struct target *t)
{
	static const struct policy nobody = {.zones = 0}; /* private addresses are the local ones */
	struct using u = {.target = t, .call = c, .path = BOUNDARY_PATH_FORWARD};
	if (t->rules == NULL) {
		message("--flow-logs: of a firewall's rules only, nft's or iptables-save's");
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
