/* postern policy test --read: each connection of captures and logs is asked about; what is denied
 * or undecided is told once for each (host, endpoint, port, protocol) and rule. */
#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/strings.h"
#include "cli/message.h"
#include "cli/policy.h"
#include "cli/policy_used.h"
#include "report/emit.h"

/* More kinds of violation than a person will read; the rest is counted. */
#define GROUPS_MAX  65536u
#define SLOTS       ((size_t)2 * GROUPS_MAX) /* a power of two */
#define NAMES_BYTES ((size_t)16 << 20)
#define NAMES_COUNT ((size_t)4 * GROUPS_MAX)
/* Addresses whose name is remembered, by their hash: a later one may take the place of another,
 * whose name is not known then. A power of two. */
#define ANSWERS_MAX ((size_t)65536)

struct group_key { /* compared as bytes: made all zero first */
	struct addr host, server;
	uint32_t name; /* strings number; with a name, the server is left out */
	uint32_t proto, port, verdict;
	const void *rule, *zone;
};

struct group {
	struct group_key key;
	struct policy_flow flow;     /* the first; its name and protocol are not kept there */
	struct policy_answer answer; /* to it */
	uint64_t count;
	int64_t first_ns, last_ns;
	uint32_t process; /* strings number */
	char community[COMMUNITY_ID_BYTES];
};

struct answered { /* the last name that DNS gave the address */
	struct addr addr;
	uint32_t name; /* strings number; 0 free */
};

struct judge_inputs {
	const struct policy_call *call;
	const struct policy *policy;
	struct strings *strings;
	struct hash_key hash;
	uint32_t *slot; /* index + 1 */
	struct group *group;
	uint64_t verdicts[3]; /* connections, by enum policy_verdict */
	struct policy_used *used;
	struct answered *answered;
	uint64_t dropped; /* denied or undecided, in no group */
	size_t groups, denied_groups;
};

static struct policy_flow flow_of(const struct conn *conn)
{
	bool icmp = conn->transport == TRANSPORT_ICMP;
	return (struct policy_flow){.src = conn->client,
		.dst = conn->server,
		.proto = conn->ip_proto,
		.src_port = icmp ? 0 : conn->client_port,
		.port = icmp ? conn->client_port : conn->server_port,
		.name = conn->name,
		.as = conn->service,
		.at_ns = conn->start_ns};
}

/* The group, made when there is room; NULL else. */
static struct group *find(struct judge_inputs *j, const struct group_key *key)
{
	uint64_t at = hash_bytes(&j->hash, key, sizeof *key);
	for (;; at++) {
		uint32_t *slot = &j->slot[at & (SLOTS - 1)];
		if (*slot != 0 && memcmp(&j->group[*slot - 1].key, key, sizeof *key) == 0)
			return &j->group[*slot - 1];
		if (*slot != 0)
			continue;
		if (j->groups == GROUPS_MAX)
			return NULL;
		*slot = (uint32_t)++j->groups;
		j->group[*slot - 1] = (struct group){.key = *key};
		return &j->group[*slot - 1];
	}
}

static void file(struct judge_inputs *j, const struct conn *conn, const struct policy_flow *flow,
	const struct policy_answer *answer)
{
	struct group_key key;
	memset(&key, 0, sizeof key);
	key.host = flow->src;
	key.name = strings_add(j->strings, flow->name);
	if (key.name == 0)
		key.server = flow->dst;
	key.proto = flow->proto;
	key.port = flow->port;
	key.verdict = answer->verdict;
	key.rule = answer->rule;
	key.zone = answer->zone;
	struct group *g = find(j, &key);
	if (g == NULL) {
		j->dropped++;
		return;
	}
	if (g->count++ == 0) {
		g->flow = *flow;
		g->answer = *answer;
		g->flow.name = strings_get(j->strings, key.name);
		g->flow.as = NULL; /* borrowed from the event, and said by the reason alone */
		g->first_ns = conn->start_ns;
		(void)community_id(conn, g->community);
	}
	if (g->process == 0)
		g->process = strings_add(j->strings, conn->process);
	g->first_ns = conn->start_ns < g->first_ns ? conn->start_ns : g->first_ns;
	int64_t last_ns = conn->end_ns > conn->start_ns ? conn->end_ns : conn->start_ns;
	g->last_ns = last_ns > g->last_ns ? last_ns : g->last_ns;
}

static struct answered *answered_of(const struct judge_inputs *j, const struct addr *addr)
{
	return &j->answered[hash_bytes(&j->hash, addr, sizeof *addr) & (ANSWERS_MAX - 1)];
}

static void learn(struct judge_inputs *j, const struct lookup *l)
{
	uint32_t name = l->outcome == OUTCOME_OK ? strings_add(j->strings, l->name) : 0;
	for (size_t i = 0; i < l->answers && name != 0; i++)
		if (!addr_is_none(&l->answer[i].addr))
			*answered_of(j, &l->answer[i].addr) =
				(struct answered){l->answer[i].addr, name};
}

static void take(void *context, const struct event *event)
{
	struct judge_inputs *j = context;
	if (event->kind == EVENT_LOOKUP)
		learn(j, &event->lookup);
	if (event->kind != EVENT_CONN || !event->conn.ended || event->conn.rest)
		return; /* each once, when all is known of it */
	if (j->call->reached && (event->conn.outcome != OUTCOME_OK ||
					policy_zone_of(j->policy, &event->conn.server) != NULL))
		return;
	struct policy_flow flow = flow_of(&event->conn);
	const struct answered *known = answered_of(j, &flow.dst);
	if (flow.name == NULL && addr_eq(&known->addr, &flow.dst))
		flow.name = strings_get(j->strings, known->name);
	if (flow.name == NULL && event->conn.ja3 != NULL)
		flow.name = ""; /* a hello that asks for nobody: no name is what it has */
	struct policy_answer answer = policy_ask(j->policy, &flow);
	j->verdicts[answer.verdict]++;
	policy_used_take(j->used, &flow, answer.verdict == POLICY_ALLOWED ? answer.rule : NULL);
	if (answer.verdict != POLICY_ALLOWED)
		file(j, &event->conn, &flow, &answer);
}

/* Denied first; by time, then by what they are of, so that no order depends on a hash. */
static int by_time(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	if (x->key.verdict != y->key.verdict)
		return x->key.verdict < y->key.verdict ? -1 : 1;
	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	int order = addr_cmp(&x->key.host, &y->key.host);
	if (order == 0)
		order = addr_cmp(&x->flow.dst, &y->flow.dst);
	if (order == 0 && x->key.port != y->key.port)
		order = x->key.port < y->key.port ? -1 : 1;
	return order != 0 ? order : (x->key.name > y->key.name) - (x->key.name < y->key.name);
}

static void say_end(struct out *o, const struct addr *addr)
{
	char text[ADDR_TEXT_BYTES];
	out_printf(o, addr_is_v4(addr) ? "%s" : "[%s]", addr_text(addr, text));
}

static const char *protocol(uint8_t proto, char buf[static 8])
{
	if (proto == 6 || proto == 17)
		return proto == 6 ? "tcp" : "udp";
	if (proto == 1 || proto == 58)
		return "icmp";
	(void)snprintf(buf, 8, "ip%u", proto);
	return buf;
}

/* As policy test takes it. */
static void say_flow(struct out *o, const struct policy_flow *flow)
{
	char number[8];
	bool icmp = flow->proto == 1 || flow->proto == 58;
	out_printf(o, "%s:", protocol(flow->proto, number));
	say_end(o, &flow->src);
	if (!icmp)
		out_printf(o, ":%u", flow->src_port);
	out_text(o, ">");
	say_end(o, &flow->dst);
	out_printf(o, ":%u", flow->port);
}

static void say_text(struct judge_inputs *j, struct out *o, const struct group *g)
{
	char number[8];
	out_printf(o, "%-9s ", policy_verdict_name(g->answer.verdict));
	say_end(o, &g->flow.src);
	out_text(o, " > ");
	if (g->flow.name != NULL)
		out_safe(o, g->flow.name, 255);
	else
		say_end(o, &g->flow.dst);
	out_printf(o, ":%u/%s  %llu  ", g->flow.port, protocol(g->flow.proto, number),
		(unsigned long long)g->count);
	out_time(o, g->first_ns);
	out_text(o, "  ");
	policy_say_reason(o, &g->answer, &g->flow);
	if (g->process != 0) {
		out_text(o, "  ");
		out_safe(o, strings_get(j->strings, g->process), 128);
	}
	out_text(o, "\n");
}

static void say_json(struct judge_inputs *j, struct out *o, const struct group *g)
{
	struct emit e = {.out = o};
	struct out text = {0};
	char addr[ADDR_TEXT_BYTES], number[8];
	bool denied = g->answer.verdict == POLICY_DENIED;
	say_flow(&text, &g->flow);
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", denied ? "violation" : "undecided", SIZE_MAX);
	emit_text(&e, "flow", out_string(&text), SIZE_MAX);
	emit_text(&e, "host", addr_text(&g->flow.src, addr), SIZE_MAX);
	emit_text(&e, "address", addr_text(&g->flow.dst, addr), SIZE_MAX);
	emit_text(&e, "name", g->flow.name, 255);
	emit_count(&e, "port", g->flow.port);
	emit_text(&e, "transport", protocol(g->flow.proto, number), SIZE_MAX);
	emit_count(&e, "count", g->count);
	emit_time(&e, "first", g->first_ns);
	emit_time(&e, "last", g->last_ns);
	out_clear(&text);
	policy_say_rule(&text, &g->answer);
	emit_text(&e, "rule", text.len == 0 ? NULL : out_string(&text), SIZE_MAX);
	out_clear(&text);
	policy_say_reason(&text, &g->answer, &g->flow);
	emit_text(&e, "reason", out_string(&text), SIZE_MAX);
	emit_text(&e, "process", strings_get(j->strings, g->process), 255);
	emit_text(&e, "community_id", g->community[0] == '\0' ? NULL : g->community, SIZE_MAX);
	emit_close(&e, '}');
	out_text(o, "\n");
	out_fini(&text);
}

static void say_summary(const struct judge_inputs *j, struct out *o, bool partial)
{
	const uint64_t *v = j->verdicts;
	uint64_t all = v[POLICY_ALLOWED] + v[POLICY_DENIED] + v[POLICY_UNDECIDED];
	if (!j->call->json) {
		out_printf(o, "%llu connections: %llu allowed, %llu denied, %llu undecided\n",
			(unsigned long long)all, (unsigned long long)v[POLICY_ALLOWED],
			(unsigned long long)v[POLICY_DENIED],
			(unsigned long long)v[POLICY_UNDECIDED]);
		return;
	}
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "summary", SIZE_MAX);
	emit_count(&e, "connections", all);
	emit_count(&e, "allowed", v[POLICY_ALLOWED]);
	emit_count(&e, "denied", v[POLICY_DENIED]);
	emit_count(&e, "undecided", v[POLICY_UNDECIDED]);
	emit_count(&e, "violations", j->denied_groups);
	emit_count(&e, "dropped", j->dropped);
	emit_bool(&e, "partial", partial);
	emit_close(&e, '}');
	out_text(o, "\n");
}

static enum exit_code write_all(struct judge_inputs *j, enum exit_code code)
{
	struct out text = {0};
	qsort(j->group, j->groups, sizeof *j->group, by_time);
	for (size_t i = 0; i < j->groups; i++) {
		j->denied_groups += j->group[i].answer.verdict == POLICY_DENIED;
		(j->call->json ? say_json : say_text)(j, &text, &j->group[i]);
	}
	if (!j->call->reached)
		policy_used_say(j->used, &text, j->call->json);
	say_summary(j, &text, code == EXIT_PARTIAL);
	if (j->dropped > 0)
		message("%llu connections that are denied or undecided are of more than %u kinds: "
			"counted, not listed",
			(unsigned long long)j->dropped, GROUPS_MAX);
	if (j->call->exit_code && j->verdicts[POLICY_DENIED] > 0)
		code = EXIT_FINDINGS;
	code = policy_call_write(j->call, &text, code);
	out_fini(&text);
	return code;
}

enum exit_code policy_call_inputs(
	const struct policy_call *c, const struct policy *p, const char *const *path, size_t paths)
{
	struct judge_inputs j = {.call = c, .policy = p, .hash = hash_key_new()};
	enum exit_code code = EXIT_NOTHING;
	j.slot = calloc(SLOTS, sizeof *j.slot);
	j.group = calloc(GROUPS_MAX, sizeof *j.group);
	j.used = policy_used_new(p);
	j.answered = calloc(ANSWERS_MAX, sizeof *j.answered);
	if (j.slot == NULL || j.group == NULL || j.used == NULL || j.answered == NULL ||
		strings_new(&j.strings, NAMES_BYTES, NAMES_COUNT) < 0)
		message("out of memory");
	else
		code = policy_call_read(p, path, paths, take, &j);
	if (code != EXIT_NOTHING)
		code = write_all(&j, code);
	strings_free(j.strings);
	free(j.slot);
	free(j.group);
	policy_used_free(j.used);
	free(j.answered);
	return code;
}
