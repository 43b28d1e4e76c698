/* A firewall policy: its defaults, its order and the groups that it refers to. */
#include "nfw/order.h"

#include <string.h>

static unsigned read_ways(struct reader *r, const struct json_value *object, const char *name)
{
	struct json_value list, action = {0};
	unsigned way = 0;
	(void)get(r, object, name, &list);
	while (json_each(r->n->json, &list, &action)) {
		if (span_is(action.text, "aws:pass"))
			way = WAY_PASS;
		else if (span_is(action.text, "aws:drop"))
			way = WAY_DROP;
		else if (span_is(action.text, "aws:forward_to_sfe"))
			way = WAY_FORWARD;
	}
	if (way == 0)
		warn(r, "not understood: ", span_of(name));
	return way;
}

static unsigned read_defaults(struct reader *r, const struct json_value *object)
{
	static const struct {
		const char *name;
		unsigned is;
	} names[] = {{"aws:drop_strict", DEFAULT_DROP_STRICT},
		{"aws:drop_established", DEFAULT_DROP_ESTABLISHED},
		{"aws:drop_established_app_layer", DEFAULT_DROP_APP},
		{"aws:drop_established_app_layer_to_server", DEFAULT_DROP_APP_TO_SERVER},
		{"aws:alert_strict", 0}, {"aws:alert_established", 0},
		{"aws:alert_established_app_layer", 0},
		{"aws:alert_established_app_layer_to_server", 0}};
	struct json_value list, action = {0};
	unsigned defaults = 0;
	(void)get(r, object, "StatefulDefaultActions", &list);
	while (json_each(r->n->json, &list, &action)) {
		size_t i = 0;
		while (i < ARRAY_LEN(names) && !span_is(action.text, names[i].name))
			i++;
		defaults |= i < ARRAY_LEN(names) ? names[i].is : (unsigned)DEFAULT_UNKNOWN;
		if (i == ARRAY_LEN(names))
			warn(r, "a stateful default that is not known: ", action.text);
	}
	return defaults;
}

static void read_refs(struct reader *r, const struct json_value *object, const char *name,
	bool is_stateless, struct nfw_policy *policy)
{
	struct json_value list, item = {0}, value, override;
	if (!get(r, object, name, &list))
		return;
	for (size_t count = 0; json_each(r->n->json, &list, &item) && count < 1000; count++) {
		struct nfw_ref *ref = nfw_room(r, sizeof *ref);
		struct span to = {0};
		uint64_t priority = count; /* in action order there is none */
		if (ref == NULL)
			return;
		ref->is_stateless = is_stateless;
		if (get(r, &item, "ResourceArn", &value))
			(void)get_text(r, &value, &to);
		ref->to = copy_text(r, to.len > 0 ? to : span_of("a group that is not named"));
		ref->managed = span_find(to, ":aws-managed:") < to.len ||
		               span_find(to, "aws-managed") < to.len;
		if (get(r, &item, "Priority", &value) &&
			scan_max(value.text, UINT32_MAX, &priority) < 0)
			warn(r, "no priority: ", value.text);
		ref->priority = (uint32_t)priority;
		ref->to_alert = get_object(r, &item, "Override", &override) &&
		                get(r, &override, "Action", &value) &&
		                span_is(value.text, "DROP_TO_ALERT");
		*policy->ref_end = ref;
		policy->ref_end = &ref->next;
	}
}

/* EXTERNAL_NET is what the policy's HOME_NET is not, whatever a group says HOME_NET is. */
static void add_external(struct reader *r, struct nfw_policy *policy)
{
	const struct suricata_variable *home = policy->scope.first;
	while (home != NULL && strcmp(home->name, "HOME_NET") != 0)
		home = home->next;
	struct suricata_variable *v = nfw_room(r, sizeof *v);
	struct suricata_item *item = nfw_room(r, sizeof *item);
	if (home == NULL || home->item == NULL || v == NULL || item == NULL)
		return;
	*item = (struct suricata_item){.kind = ITEM_LIST, .negated = true, .child = home->item};
	*v = (struct suricata_variable){
		.name = "EXTERNAL_NET", .item = item, .next = policy->scope.first};
	policy->scope.first = v;
}

void read_firewall_policy(
	struct reader *r, const struct json_value *policy, const struct json_value *around)
{
	struct json_value response, part, value;
	struct span name;
	struct nfw_policy *p = nfw_room(r, sizeof *p);
	struct nfw_order *order = nfw_room(r, sizeof *order);
	if (p == NULL || order == NULL)
		return;
	p->order = order;
	r->found++;
	const struct json_value *told =
		get_object(r, around, "FirewallPolicyResponse", &response) ? &response : around;
	p->ref_end = &p->ref;
	p->id = r->id;
	if ((get(r, told, "FirewallPolicyName", &value) || get(r, told, "name", &value)) &&
		get_text(r, &value, &name))
		p->name = copy_text(r, name);
	if (get(r, told, "FirewallPolicyArn", &value) || get(r, told, "arn", &value))
		p->arn = value.type == JSON_STRING ? copy_text(r, value.text) : NULL;
	if (p->name == NULL)
		p->name = r->id != NULL ? r->id : copy_text(r, span_of(r->name));
	p->stateless_default = read_ways(r, policy, "StatelessDefaultActions");
	p->fragment_default = read_ways(r, policy, "StatelessFragmentDefaultActions");
	p->defaults = read_defaults(r, policy);
	if (get_object(r, policy, "StatefulEngineOptions", &part) &&
		get(r, &part, "RuleOrder", &value))
		p->strict = span_is(value.text, "STRICT_ORDER");
	read_refs(r, policy, "StatelessRuleGroupReferences", true, p);
	read_refs(r, policy, "StatelessRuleGroupReference", true, p);
	read_refs(r, policy, "StatefulRuleGroupReferences", false, p);
	read_refs(r, policy, "StatefulRuleGroupReference", false, p);
	if (get_object(r, policy, "PolicyVariables", &part))
		read_variables(r, &part, &p->scope);
	add_external(r, p);
	p->next_generation = get(r, policy, "FirewallRuleGroupReferences", &value) ||
	                     get(r, policy, "BypassIPSEnabled", &value);
	if (get(r, policy, "TLSInspectionConfigurationArn", &value))
		warn(r,
			"TLS inspection is not followed: what rules see of decrypted flows is not "
			"known",
			(struct span){0});
	*r->n->policy_end = p;
	r->n->policy_end = &p->next;
	r->n->policies++;
}
