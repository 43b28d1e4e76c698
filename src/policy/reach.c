/* What the policy lets one host reach, by addresses alone: for firewalls that contain it. */
#include <errno.h>

#include "policy/policy.h"

struct reach {
	const struct policy *policy;
	const struct policy_space *space;
	const struct policy_seen *seen;
	size_t seens;
	struct cidr host;
	struct region denied, *allowed;
};

static bool has_protocol(const struct policy_rule *rule)
{
	bool has = rule->as != NULL;
	for (size_t i = 0; i < rule->services; i++)
		has |= rule->service[i]->as != NULL;
	return has;
}

/* The rule's networks, and the addresses of its names. Fails: -ENOMEM. */
static int collect(const struct reach *r, const struct policy_rule *rule, struct policy_nets *ret)
{
	size_t room = rule->to.count;
	for (size_t i = 0; i < rule->to_names.count; i++)
		for (size_t k = 0; k < r->seens; k++)
			room += policy_name_matches(rule->to_names.name[i], r->seen[k].name);
	ret->net = calloc(room + 1, sizeof *ret->net);
	if (ret->net == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < rule->to.count; i++)
		ret->net[ret->count++] = rule->to.net[i];
	for (size_t i = 0; i < rule->to_names.count; i++)
		for (size_t k = 0; k < r->seens; k++)
			if (policy_name_matches(rule->to_names.name[i], r->seen[k].name))
				ret->net[ret->count++] =
					(struct cidr){.net = r->seen[k].addr, .bits = 128};
	return 0;
}

/* Without names and application protocols. */
static int flatten(const struct region *from, struct region *ret)
{
	int err = 0;
	for (size_t i = 0; i < from->count && err == 0; i++) {
		struct region_box box = from->box[i];
		const struct region_box all = region_box_all();
		box.axis[REGION_NAME] = all.axis[REGION_NAME];
		box.axis[REGION_AS] = all.axis[REGION_AS];
		err = region_add(ret, &box);
	}
	return err;
}

static int add_all(struct region *to, const struct region *from)
{
	int err = 0;
	for (size_t i = 0; i < from->count && err == 0; i++)
		err = region_add(to, &from->box[i]);
	return err;
}

static int add_rule(struct reach *r, const struct policy_rule *rule)
{
	struct policy_rule plain = *rule;
	struct region region = {0}, flat = {0};
	plain.from_any = false;
	plain.from = (struct policy_nets){.net = &r->host, .count = 1};
	plain.to = (struct policy_nets){0};
	plain.to_names = (struct policy_names){0};
	int err = rule->to_any ? 0 : collect(r, rule, &plain.to);
	if (err == 0 && (rule->to_any || plain.to.count > 0))
		err = policy_region_of_rule(r->space, &plain, &region);
	if (err == 0)
		err = flatten(&region, &flat);
	if (err == 0 && rule->action == POLICY_ALLOW)
		err = region_take(&flat, &r->denied);
	if (err == 0)
		err = add_all(rule->action == POLICY_ALLOW ? r->allowed : &r->denied, &flat);
	free(plain.to.net);
	region_fini(&region);
	region_fini(&flat);
	return err;
}

/* Through the rules that are the host's, in order. */
static int walk(struct reach *r, bool (*counts)(const struct policy_rule *), int64_t at_ns)
{
	struct policy_space *space = NULL;
	int err = policy_space_new(&space, r->policy);
	r->space = space;
	for (size_t i = 0; i < r->policy->rules && err == 0; i++) {
		const struct policy_rule *rule = &r->policy->rule[i];
		if (policy_rule_holds(rule, at_ns) && policy_rule_is_from(rule, &r->host.net) &&
			counts(rule))
			err = add_rule(r, rule);
	}
	policy_space_free(space);
	return err;
}

/* A denial of one protocol that can't be told leaves the others. */
static bool counts_for_reach(const struct policy_rule *rule)
{
	return rule->action == POLICY_ALLOW ? !rule->to_any : !has_protocol(rule);
}

static bool is_named_denial(const struct policy_rule *rule)
{
	return rule->action != POLICY_ALLOW && !rule->to_any && !has_protocol(rule);
}

int policy_reach_of(const struct policy *p, const struct addr *host, const struct policy_seen *seen,
	size_t seens, int64_t at_ns, struct region *ret)
{
	struct reach r = {
		.policy = p, .seen = seen, .seens = seens, .host = {*host, 128}, .allowed = ret};
	int err = walk(&r, counts_for_reach, at_ns);
	region_fini(&r.denied);
	return err;
}

int policy_denials_of(const struct policy *p, const struct addr *host,
	const struct policy_seen *seen, size_t seens, int64_t at_ns, struct region *ret)
{
	struct reach r = {.policy = p, .seen = seen, .seens = seens, .host = {*host, 128}};
	int err = walk(&r, is_named_denial, at_ns);
	*ret = r.denied;
	return err;
}
