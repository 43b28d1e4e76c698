/* What a boundary of Amazon's can't tell, and what comes of it. */
#include <string.h>

#include "cloud/model.h"

const struct policy_service service_of_all = {.tcp = true, .udp = true, .icmp = true, .any = true};

size_t services_of(const struct policy_rule *rule)
{
	return rule->service_any ? 1 : rule->services;
}

const struct policy_service *service_at(const struct policy_rule *rule, size_t i)
{
	return rule->service_any ? &service_of_all : rule->service[i];
}

const char *as_of(const struct policy_rule *rule, const struct policy_service *service)
{
	return rule->as != NULL ? rule->as : service->as;
}

const struct app *app_of(const char *name)
{
	static const struct app apps[] = {
		{"tls", true, false, false},
		{"http", true, false, false},
		{"quic", false, true, false},
		{"dns", true, true, false},
		{"ssh", true, false, true},
		{"smtp", true, false, true},
		{"ftp", true, false, true},
		{"imap", true, false, true},
		{"smb", true, false, false},
		{"ntp", false, true, false},
	};
	for (size_t i = 0; name != NULL && i < ARRAY_LEN(apps); i++)
		if (strcmp(apps[i].name, name) == 0)
			return &apps[i];
	return NULL;
}

/* What becomes of flows about which the boundary can't tell whether the rule means them. */
static const char *comes_of(const struct cloud_call *c, const struct policy_rule *rule)
{
	bool allow = rule->action == POLICY_ALLOW;
	if (allow)
		return c->ask->wider ? "passes too: wider than the policy"
		                     : "is left shut, unless a later rule allows it";
	return c->ask->wider ? "gets what follows: wider than the policy" : "is denied too";
}

bool shows_names(const char *as)
{
	return as == NULL ||
	       (strcmp(as, "tls") == 0 || strcmp(as, "http") == 0 || strcmp(as, "quic") == 0);
}

static void tell_nfw(const struct cloud_call *c, const struct policy_rule *rule)
{
	bool names = false, drops = false;
	for (size_t i = 0; i < services_of(rule); i++) {
		const struct policy_service *s = service_at(rule, i);
		const char *as = as_of(rule, s);
		if (as != NULL && app_of(as) == NULL)
			out_printf(c->losses,
				"rule %s: Network Firewall can't tell %s from other protocols: "
				"what its ports carry %s\n",
				rule->id, as, comes_of(c, rule));
		names |= rule->to_names.count > 0 && (as == NULL || !shows_names(as));
		drops |= rule->action == POLICY_REJECT && (s->any || s->udp || s->icmp);
	}
	if (names)
		out_printf(c->losses,
			"rule %s: names are seen in TLS, HTTP and QUIC only: what else its "
			"services carry %s\n",
			rule->id, comes_of(c, rule));
	if (drops)
		out_printf(c->losses,
			"rule %s: only TCP can be rejected: the rest is dropped in silence\n",
			rule->id);
}

static bool was_seen(const struct cloud_ask *ask, const char *pattern)
{
	for (size_t i = 0; i < ask->seens; i++)
		if (policy_name_matches(pattern, ask->seen[i].name))
			return true;
	return false;
}

static void tell_addresses(const struct cloud_call *c, const struct policy_rule *rule)
{
	size_t unseen = 0, seen = 0;
	const char *first = NULL, *what = c->ask->target == CLOUD_SG ? "security groups" : "ACLs";
	for (size_t i = 0; i < services_of(rule); i++) {
		const char *as = as_of(rule, service_at(rule, i));
		if (as == NULL)
			continue;
		out_printf(c->losses,
			"rule %s: %s can't tell %s from other protocols: what its ports carry "
			"%s\n",
			rule->id, what, as, comes_of(c, rule));
		break;
	}
	for (size_t i = 0; i < rule->to_names.count; i++) {
		bool known = was_seen(c->ask, rule->to_names.name[i]);
		seen += known;
		unseen += !known;
		if (!known && first == NULL)
			first = rule->to_names.name[i];
	}
	if (seen > 0)
		out_printf(c->losses,
			"rule %s: its names stand for the addresses that were seen, whoever else "
			"has them: compile again when they change\n",
			rule->id);
	if (unseen > 0)
		out_printf(c->losses,
			"rule %s: %s know no names, and no address of %s%s is known: what its "
			"services carry to anywhere %s\n",
			rule->id, what, first, unseen > 1 ? " and others" : "", comes_of(c, rule));
}

static void tell_rule(const struct cloud_call *c, const struct policy_rule *rule)
{
	if (!policy_rule_holds(rule, c->ask->at_ns)) {
		out_printf(c->losses, "rule %s: expired: left out\n", rule->id);
		return;
	}
	if (rule->expires_ns != 0)
		out_printf(c->losses, "rule %s: it has an end: compile again by then\n", rule->id);
	if (c->ask->target == CLOUD_NFW) {
		tell_nfw(c, rule);
		return;
	}
	if (rule->action == POLICY_REJECT)
		out_printf(c->losses, "rule %s: nothing is rejected, but dropped in silence\n",
			rule->id);
	tell_addresses(c, rule);
}

void tell_losses(const struct cloud_call *c)
{
	const struct policy *p = c->ask->policy;
	for (size_t i = 0; i < p->rules; i++)
		tell_rule(c, &p->rule[i]);
	if (c->ask->target == CLOUD_NFW)
		return;
	out_text(c->losses,
		"Amazon's own resolver, time and metadata servers are reached whatever groups and "
		"ACLs say: shut names with Route 53 Resolver DNS Firewall\n");
	if (c->ask->target == CLOUD_NACL)
		out_text(c->losses,
			"answers come back by ports 1024 to 65535, which whom the ACL lets answer "
			"can also begin with: security groups must hold them\n");
}
