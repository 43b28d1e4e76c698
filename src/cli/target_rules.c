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

/* ---- channels ---- */

/* What fallback channels use. */
static const struct {
	const char *name;
	uint8_t proto;
	uint16_t port;
} catalogue[] = {{"tcp", 6, 443}, {"tcp", 6, 80}, {"tcp", 6, 53}, {"tcp", 6, 22}, {"tcp", 6, 47808},
	{"udp", 17, 53}, {"udp", 17, 443}, {"udp", 17, 123}, {"udp", 17, 47808}, {"icmp", 1, 8}};

/* Addresses that documentation keeps for itself stand in many lists of what to refuse. */
static const char *const servers[] = {"151.101.1.9", "2a04:4e42::9"};

static bool has_hook(const struct boundary *b, enum boundary_path path)
{
	static const enum boundary_hook hooks[] = {
		BOUNDARY_OUTPUT, BOUNDARY_FORWARD, BOUNDARY_INPUT};
	for (const struct boundary_chain *c = b->chain; c != NULL; c = c->next)
		if (c->hook == hooks[path] && !c->dormant)
			return true;
	return false;
}

size_t target_each_rules(const struct target *t, const struct target_ask *ask,
	void (*tell)(void *context, const struct target_channel *channel,
		const struct target_answer *answer),
	void *context)
{
	size_t places = 0;
	for (size_t i = 0; i < 2 * (ARRAY_LEN(path_names) - 1) * ARRAY_LEN(catalogue); i++) {
		size_t at = i / 2 % ARRAY_LEN(catalogue);
		bool v6 = i % 2 == 1;
		struct boundary_flow flow = {.iif = ask->iif, .oif = ask->oif};
		struct target_answer a = {0};
		struct out text = {0};
		flow.path = (enum boundary_path)(i / 2 / ARRAY_LEN(catalogue));
		if (!has_hook(t->rules, flow.path))
			continue;
		places += i % (2 * ARRAY_LEN(catalogue)) == 0;
		flow.flow.proto = catalogue[at].proto;
		flow.flow.port = v6 && flow.flow.proto == 1 ? 128 : catalogue[at].port;
		CHECK(addr_parse(servers[v6], &flow.flow.dst) == 0);
		out_printf(&text, v6 ? "%s:any>[%s]:%u" : "%s:any>%s:%u", catalogue[at].name,
			servers[v6], flow.flow.port);
		answer(t, &flow, &a);
		tell(context,
			&(struct target_channel){
				.place = path_names[flow.path], .text = out_string(&text)},
			&a);
		out_fini(&text);
		target_answer_fini(&a);
	}
	return places;
}
