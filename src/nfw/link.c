/* Policies find the groups that they refer to. */
#include "nfw/order.h"

#include <string.h>

/* ${aws_networkfirewall_rule_group.NAME.arn}: Terraform's own words. */
static bool is_terraform_name(const char *to, const char *id)
{
	static const char head[] = "${aws_networkfirewall_rule_group.", tail[] = ".arn}";
	size_t len = strlen(id);
	return strncmp(to, head, sizeof head - 1) == 0 &&
	       strncmp(to + sizeof head - 1, id, len) == 0 &&
	       strcmp(to + sizeof head - 1 + len, tail) == 0;
}

static bool is_named(const struct nfw_ref *ref, const struct nfw_group *g)
{
	if (g->id != NULL && (strcmp(ref->to, g->id) == 0 || is_terraform_name(ref->to, g->id)))
		return true;
	if (g->arn != NULL)
		return strcmp(ref->to, g->arn) == 0;
	const char *last = strrchr(ref->to, '/');
	return strncmp(ref->to, "arn:", 4) == 0 && last != NULL && g->name != NULL &&
	       strcmp(last + 1, g->name) == 0;
}

static const struct nfw_group *find(const struct nfw *n, const struct nfw_ref *ref)
{
	for (const struct nfw_group *g = n->group; g != NULL; g = g->next)
		if (g->is_stateless == ref->is_stateless && is_named(ref, g))
			return g;
	return NULL;
}

/* As if one policy referred to all groups, in the order in which they were read. */
static void link_all(struct nfw *n)
{
	struct nfw_policy *p = &n->all;
	uint32_t priority = 0;
	p->name = "all rule groups together";
	p->alone = true;
	p->strict = n->strict;
	p->stateless_default = p->fragment_default = WAY_FORWARD;
	p->ref = NULL;
	p->ref_end = &p->ref;
	for (const struct nfw_group *g = n->group; g != NULL; g = g->next) {
		struct nfw_ref *ref = ARENA_NEW(&n->arena, struct nfw_ref, 1);
		if (ref == NULL) {
			n->full = true;
			return;
		}
		*ref = (struct nfw_ref){.to = g->name,
			.is_stateless = g->is_stateless,
			.priority = ++priority,
			.group = g};
		*p->ref_end = ref;
		p->ref_end = &ref->next;
		p->strict = p->strict || g->strict;
	}
}

void link_groups(struct nfw *n)
{
	for (struct nfw_policy *p = n->policy; p != NULL; p = p->next) {
		order_fini(p->order);
		for (struct nfw_ref *ref = p->ref; ref != NULL; ref = ref->next)
			ref->group = find(n, ref);
	}
	order_fini(n->all.order);
	if (n->policy == NULL)
		link_all(n);
}

const struct nfw_policy *nfw_next_policy(const struct nfw *n, const struct nfw_policy *last)
{
	if (last != NULL)
		return last->next;
	if (n->policy != NULL)
		return n->policy;
	return n->group == NULL ? NULL : &n->all;
}

/* A document that does not say its ARN is known by the name at the end of one. */
bool nfw_policy_is(const struct nfw_policy *policy, const char *to)
{
	const char *last = strrchr(to, '/');
	if (policy->arn != NULL)
		return strcmp(policy->arn, to) == 0;
	if (policy->id != NULL && strcmp(policy->id, to) == 0)
		return true;
	return strncmp(to, "arn:", 4) == 0 && last != NULL && policy->name != NULL &&
	       strcmp(last + 1, policy->name) == 0;
}

const char *nfw_policy_name(const struct nfw_policy *policy)
{
	return policy->name;
}

const struct suricata_rules *nfw_next_rules(const struct nfw_policy *policy, const void **at)
{
	const struct nfw_ref *ref = *at == NULL ? policy->ref : ((const struct nfw_ref *)*at)->next;
	while (ref != NULL && (ref->group == NULL || ref->group->rules == NULL))
		ref = ref->next;
	*at = ref;
	return ref == NULL ? NULL : ref->group->rules;
}
