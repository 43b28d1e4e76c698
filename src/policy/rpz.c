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

/* The first rule that decides about all of the pattern and that a resolver can carry out; NULL
 * none. */
static const struct policy_rule *decider(const struct zone_file *z, const char *pattern)
{
	for (size_t i = 0; i < z->policy->rules; i++) {
		const struct policy_rule *rule = &z->policy->rule[i];
		if (!policy_rule_holds(rule, z->at_ns) || !speaks_of(rule, pattern))
			continue;
		if (rule->action == POLICY_ALLOW || is_for_all(rule))
			return rule;
	}
	return NULL;
}

/* ---- rows ---- */

/* Names of the zone. A wildcard does not reach below a name that is there, nor below one that
 * merely has others below it (RFC 4592, 2.2): so each name, and all above it, stand in the zone
 * themselves and as wildcards. */
struct names {
	char **name;
	size_t count, room;
};

static void names_fini(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->name[i]);
	free(n->name);
}

/* Fails: -ENOMEM. */
static int add_name(struct names *n, const char *prefix, const char *name)
{
	if (n->count == n->room) {
		size_t room = n->room == 0 ? 64 : n->room * 2;
		char **bigger = realloc(n->name, room * sizeof *bigger);
		if (bigger == NULL)
			return -ENOMEM;
		n->name = bigger;
		n->room = room;
	}
	if (asprintf(&n->name[n->count], "%s%s", prefix, name) < 0)
		return -ENOMEM;
	n->count++;
	return 0;
}

static int add_above(struct names *n, const char *pattern)
{
	const char *at = strncmp(pattern, "*.", 2) == 0 ? pattern + 2 : pattern;
	int err = 0;
	while (at != NULL && err == 0) {
		err = add_name(n, "", at);
		if (err == 0)
			err = add_name(n, "*.", at);
		at = strchr(at, '.');
		at = at == NULL ? NULL : at + 1;
	}
	return err;
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

static void say_row(struct zone_file *z, const char *pattern, bool deny_rest)
{
	const struct policy_rule *rule = decider(z, pattern);
	if (rule != NULL)
		out_printf(&z->rows, "%s CNAME %s ; %s\n", pattern,
			rule->action == POLICY_ALLOW ? "rpz-passthru." : ".", rule->id);
	else if (deny_rest)
		out_printf(&z->rows, "%s CNAME . ; default\n", pattern);
}

/* Fails: -ENOMEM. */
static int say_rows(struct zone_file *z, bool deny_rest)
{
	struct names names = {0};
	int err = 0;
	for (size_t i = 0; i < z->policy->rules; i++) {
		const struct policy_rule *rule = &z->policy->rule[i];
		for (size_t k = 0; k < rule->to_names.count && err == 0; k++) {
			const char *pattern = rule->to_names.name[k];
			if (decider(z, pattern) != NULL && strlen(pattern) <= RPZ_NAME_MAX)
				err = add_above(&names, pattern);
		}
	}
	if (names.count > 0)
		qsort(names.name, names.count, sizeof *names.name, by_text);
	for (size_t i = 0; i < names.count && err == 0; i++)
		if (i == 0 || strcmp(names.name[i - 1], names.name[i]) != 0)
			say_row(z, names.name[i], deny_rest);
	if (deny_rest)
		out_text(&z->rows, "* CNAME . ; default\n");
	names_fini(&names);
	return err;
}

/* ---- what is lost ---- */

static void say_losses(struct zone_file *z, size_t number)
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
		if (strlen(rule->to_names.name[i]) > RPZ_NAME_MAX)
			out_printf(z->losses,
				"rule %s: %.40s... is too long for a policy zone: left out\n",
				rule->id, rule->to_names.name[i]);
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
		say_losses(&z, i);
	int err = say_rows(&z, denies_rest(&z));
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
	if (z.rows.failed || text->failed || losses->failed)
		err = -ENOMEM;
	out_fini(&z.rows);
	return err;
}
