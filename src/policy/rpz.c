/* The policy's names as a response policy zone (draft-vixie-dnsop-dns-rpz): what a resolver
 * answers, whoever asks and whatever for. In RPZ the narrowest pattern of a zone decides, not the
 * first. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "policy/policy.h"

/* With the zone's own name behind it a name must stay below 255 bytes. */
#define RPZ_NAME_MAX 200u

struct zone_file {
	const struct policy *policy;
	int64_t at_ns;
	struct out rows, *losses;
};

/* All that the pattern stands for is of the other too. */
static bool is_within(const char *pattern, const char *other)
{
	if (strcmp(pattern, other) == 0)
		return true;
	return policy_name_matches(other, strncmp(pattern, "*.", 2) == 0 ? pattern + 1 : pattern);
}

static bool speaks_of(const struct policy_rule *rule, const char *pattern)
{
	for (size_t i = 0; i < rule->to_names.count; i++)
		if (is_within(pattern, rule->to_names.name[i]))
			return true;
	return false;
}

/* For all hosts and services: the only denial that a resolver can carry out. */
static bool is_for_all(const struct policy_rule *rule)
{
	bool any = rule->service_any && rule->as == NULL;
	return any && rule->from_any;
}

enum fate { FATE_NONE, FATE_PASS, FATE_BLOCK };

/* The first rule that decides about all of the pattern and that a resolver can carry out. */
static enum fate fate_of(const struct zone_file *z, const char *pattern)
{
	for (size_t i = 0; i < z->policy->rules; i++) {
		const struct policy_rule *rule = &z->policy->rule[i];
		if (!policy_rule_holds(rule, z->at_ns) || !speaks_of(rule, pattern))
			continue;
		if (rule->action == POLICY_ALLOW)
			return FATE_PASS;
		if (is_for_all(rule))
			return FATE_BLOCK;
	}
	return FATE_NONE;
}

static void say_name(struct zone_file *z, const struct policy_rule *rule, const char *pattern)
{
	enum fate fate = fate_of(z, pattern);
	if (strlen(pattern) > RPZ_NAME_MAX)
		out_printf(z->losses, "rule %s: %.40s... is too long for a policy zone: left out\n",
			rule->id, pattern);
	else if (fate != FATE_NONE)
		out_printf(&z->rows, "%s CNAME %s ; %s\n", pattern,
			fate == FATE_PASS ? "rpz-passthru." : ".", rule->id);
}

/* Said by an earlier rule, or earlier in its own list. */
static bool is_said(const struct policy *p, size_t rule, size_t name)
{
	const char *pattern = p->rule[rule].to_names.name[name];
	for (size_t i = 0; i <= rule; i++)
		for (size_t k = 0; k < p->rule[i].to_names.count; k++) {
			if (i == rule && k == name)
				return false;
			if (strcmp(p->rule[i].to_names.name[k], pattern) == 0)
				return true;
		}
	return false;
}

static void say_rule(struct zone_file *z, size_t number)
{
	const struct policy_rule *rule = &z->policy->rule[number];
	if (!policy_rule_holds(rule, z->at_ns)) {
		out_printf(z->losses, "rule %s: expired: left out\n", rule->id);
		return;
	}
	if (rule->to_names.count == 0)
		return;
	if (rule->action == POLICY_ALLOW && !rule->never && !is_for_all(rule))
		out_printf(z->losses,
			"rule %s: a resolver knows neither zones nor services: its names resolve "
			"for all\n",
			rule->id);
	if (rule->action != POLICY_ALLOW && !is_for_all(rule))
		out_printf(z->losses,
			"rule %s: a resolver can deny only to all and for any service: its names "
			"get what follows\n",
			rule->id);
	for (size_t i = 0; i < rule->to_names.count; i++)
		if (!is_said(z->policy, number, i))
			say_name(z, rule, rule->to_names.name[i]);
}

/* Whether what no rule names may be refused. Says why not. */
static bool denies_rest(struct zone_file *z)
{
	const struct policy *p = z->policy;
	for (size_t i = 0; i < p->zones; i++)
		if (p->zone[i].fallback == POLICY_ALLOW) {
			out_printf(z->losses,
				"zone %s: its default is allow: names that no rule speaks of "
				"resolve\n",
				p->zone[i].name);
			return false;
		}
	for (size_t i = 0; i < p->rules; i++)
		if (policy_rule_holds(&p->rule[i], z->at_ns) && p->rule[i].to_any &&
			p->rule[i].action == POLICY_ALLOW) {
			out_printf(z->losses,
				"rule %s: it allows to any: names that no rule speaks of resolve\n",
				p->rule[i].id);
			return false;
		}
	return true;
}

int policy_compile_rpz(const struct policy *p, int64_t at_ns, struct out *text, struct out *losses)
{
	struct zone_file z = {.policy = p, .at_ns = at_ns, .losses = losses};
	for (size_t i = 0; i < p->rules; i++)
		say_rule(&z, i);
	if (denies_rest(&z))
		out_text(&z.rows, "* CNAME . ; default\n");
	out_text(text,
		"; Made by postern policy compile: a response policy zone for Unbound, BIND and "
		"Knot Resolver.\n");
	const char *line = out_string(losses);
	for (const char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
		out_printf(text, "; not as the policy says: %.*s\n", (int)(end - line), line);
		line = end + 1;
	}
	out_printf(text,
		"$TTL 60\n@ SOA localhost. root.localhost. %u 3600 600 86400 60\n@ NS localhost.\n",
		(unsigned)(uint32_t)(at_ns / NS_PER_S));
	out_text(text, out_string(&z.rows));
	int err = z.rows.failed || text->failed || losses->failed ? -ENOMEM : 0;
	out_fini(&z.rows);
	return err;
}
