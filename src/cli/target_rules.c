/* Targets that are a firewall's rules. */
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "cli/target.h"

static const char *const path_names[] = {"output", "forward", "input"};

static int path_of(const char *hook, enum boundary_path *ret, struct fail *why)
{
	*ret = BOUNDARY_PATH_OUTPUT;
	for (size_t i = 0; hook != NULL; i++) {
		if (i == ARRAY_LEN(path_names))
			return fail_set(why, -EINVAL, "the hook is output, forward or input");
		*ret = (enum boundary_path)i;
		if (strcmp(hook, path_names[i]) == 0)
			break;
	}
	return 0;
}

static void answer(
	const struct target *t, const struct boundary_flow *flow, struct target_answer *ret)
{
	static const enum policy_verdict verdicts[] = {[BOUNDARY_DENIED] = POLICY_DENIED,
		[BOUNDARY_ALLOWED] = POLICY_ALLOWED,
		[BOUNDARY_UNDECIDED] = POLICY_UNDECIDED};
	struct boundary_answer a;
	boundary_ask(t->rules, flow, &a);
	ret->verdict = verdicts[a.kind];
	boundary_say_rule(&ret->rule, t->rules, &a);
	boundary_say_reason(&ret->reason, t->rules, &a);
}

int target_ask_rules(const struct target *t, struct span text, const struct target_ask *ask,
	struct target_answer *ret, struct fail *why)
{
	struct boundary_flow flow = {.iif = ask->iif, .oif = ask->oif};
	int err = path_of(ask->hook, &flow.path, why);
	if (err == 0)
		err = policy_flow_parse(text, &flow.flow, why);
	if (err == 0)
		answer(t, &flow, ret);
	return err;
}

/* ---- ways out ---- */

#define RARE_PORT 47808 /* what is asked about first where any port would do */
#define PORTS_MAX 512u

static bool has_hook(const struct boundary *b, enum boundary_path path)
{
	static const enum boundary_hook hooks[] = {
		BOUNDARY_OUTPUT, BOUNDARY_FORWARD, BOUNDARY_INPUT};
	return boundary_has_hook(b, hooks[path]);
}

/* Whether a rule names the address, by anything but all addresses. */
static bool is_named(const struct boundary_step *s, const struct addr *a)
{
	for (size_t d = 0; d < s->dims; d++)
		for (size_t i = 0; i < s->boxes && s->field[d] == BOUNDARY_DADDR; i++) {
			const struct boundary_range *r = &s->box[i].range[d];
			bool all = r->first.byte[12] == 0 && r->last.byte[12] == 0xff &&
			           memcmp(r->first.byte + 13, "\0\0", 2) == 0;
			if (!all && memcmp(r->first.byte, a->byte, 16) <= 0 &&
				memcmp(a->byte, r->last.byte, 16) <= 0)
				return true;
		}
	return false;
}

/* NULL: rules name all of them. */
static const char *unknown(const struct boundary *b, bool v6)
{
	for (size_t i = 0; i < TARGET_UNKNOWNS; i++) {
		struct addr a;
		bool named = false;
		CHECK(addr_parse(target_unknown[v6][i], &a) == 0);
		for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
			for (const struct boundary_rule *r = c->rule; r != NULL; r = r->next)
				for (size_t s = 0; s < r->steps && !named; s++)
					named = is_named(&r->step[s], &a);
		if (!named)
			return target_unknown[v6][i];
	}
	return NULL;
}

/* Ports that rules may tell apart: where a range of them begins, or one has ended. */
struct ports {
	uint8_t bits[8192];
	size_t count;
};

static void add_port(struct ports *p, uint32_t port, const struct target_try *try)
{
	uint8_t bit = (uint8_t)(1u << (port % 8));
	if (port < try->low || port > try->high || (p->bits[port / 8] & bit) != 0)
		return;
	p->bits[port / 8] |= bit;
	p->count++;
}

static void add_ports(struct ports *p, const struct boundary_step *s, const struct target_try *try)
{
	for (size_t d = 0; d < s->dims; d++)
		for (size_t i = 0; i < s->boxes && s->field[d] == BOUNDARY_DPORT; i++) {
			const uint8_t *first = s->box[i].range[d].first.byte,
				      *last = s->box[i].range[d].last.byte;
			add_port(p, (uint32_t)first[14] << 8 | first[15], try);
			add_port(p, ((uint32_t)last[14] << 8 | last[15]) + 1, try);
		}
}

static void find_ports(const struct boundary *b, const struct target_try *try, struct ports *ret)
{
	*ret = (struct ports){.count = 0};
	add_port(ret, try->low == try->high ? try->low : RARE_PORT, try);
	for (const struct boundary_chain *c = b->chain; c != NULL && try->low < try->high;
		c = c->next)
		for (const struct boundary_rule *r = c->rule; r != NULL; r = r->next)
			for (size_t s = 0; s < r->steps; s++)
				add_ports(ret, &r->step[s], try);
}

/* The port that gets furthest, as an adversary can choose: the rarely named one first. */
static void ask_ports(const struct target *t, const struct target_try *try,
	struct boundary_flow *flow, struct target_answer *ret)
{
	struct ports ports;
	uint16_t best = try->low == try->high ? try->low : RARE_PORT;
	find_ports(t->rules, try, &ports);
	flow->flow.port = best;
	answer(t, flow, ret);
	for (uint32_t port = try->low, asked = 0;
		port <= try->high && ret->verdict != POLICY_ALLOWED && asked < PORTS_MAX; port++) {
		struct target_answer a = {0};
		if (port == RARE_PORT || (ports.bits[port / 8] >> (port % 8) & 1) == 0)
			continue;
		asked++;
		flow->flow.port = (uint16_t)port;
		answer(t, flow, &a);
		if (policy_verdict_reach(a.verdict) > policy_verdict_reach(ret->verdict)) {
			struct target_answer old = *ret;
			*ret = a;
			a = old;
			best = (uint16_t)port;
		}
		target_answer_fini(&a);
	}
	flow->flow.port = best;
	if (ret->verdict == POLICY_DENIED && ports.count > PORTS_MAX) {
		ret->verdict = POLICY_UNDECIDED;
		out_clear(&ret->reason);
		out_printf(&ret->reason, "the rules tell more than %u ports apart", PORTS_MAX);
	}
}

struct trying {
	const struct target *target;
	const struct target_ask *ask;
	target_tell *tell;
	void *context;
};

static void ask_try(const struct trying *t, enum boundary_path path, const struct target_try *try,
	struct target_channel *channel)
{
	struct boundary_flow flow = {.path = path, .iif = t->ask->iif, .oif = t->ask->oif};
	struct target_answer a = {0};
	struct out text = {0};
	bool echo = try->proto == 1, v6 = channel->ipv6;
	flow.flow.proto = try->proto;
	const char *server = unknown(t->target->rules, v6);
	flow.flow.port = echo ? (v6 ? 128 : 8) : try->low;
	if (server == NULL) {
		server = target_unknown[v6][0];
		a.verdict = POLICY_UNDECIDED;
		out_text(&a.reason, TARGET_NAMED);
	} else {
		CHECK(addr_parse(server, &flow.flow.dst) == 0);
		if (echo)
			answer(t->target, &flow, &a);
		else
			ask_ports(t->target, try, &flow, &a);
	}
	out_printf(&text, v6 ? "%s:any>[%s]:%u" : "%s:any>%s:%u",
		echo               ? "icmp"
		: try->proto == 17 ? "udp"
				   : "tcp",
		server, flow.flow.port);
	channel->text = out_string(&text);
	t->tell(t->context, channel, &a);
	out_fini(&text);
	target_answer_fini(&a);
}

size_t target_each_rules(const struct target *t, const struct target_ask *ask,
	const struct target_try *tries, size_t count, target_tell *tell, void *context)
{
	const struct trying trying = {t, ask, tell, context};
	size_t places = 0;
	bool any = false; /* chain for what leaves: without one all paths stand open */
	for (size_t path = 0; path < ARRAY_LEN(path_names) - 1; path++)
		any = any || has_hook(t->rules, (enum boundary_path)path);
	for (size_t path = 0; path < ARRAY_LEN(path_names) - 1; path++) {
		if (any && !has_hook(t->rules, (enum boundary_path)path))
			continue;
		places++;
		for (size_t i = 0; i < 2 * count; i++) {
			struct target_channel channel = {
				.place = path_names[path], .number = i / 2, .ipv6 = i % 2 == 1};
			ask_try(&trying, (enum boundary_path)path, &tries[i / 2], &channel);
		}
	}
	return places;
}
