/* Network Firewall: a policy in strict order, and its rule groups. */
#include "cloud/model.h"

#include <errno.h>

#define POLICY_NAME "postern"

/* A group can't grow after it was made: some room. */
static size_t capacity_of(const struct rule_group *g)
{
	size_t room = (g->rules + g->rules / 4 + 100) / 100 * 100;
	return room > CLOUD_NFW_RULES ? CLOUD_NFW_RULES : room;
}

static void say_home(struct emit *e, const struct rule_groups *g, const char *key)
{
	struct out net = {0};
	emit_open(e, key, '[');
	for (size_t i = 0; i < g->homes; i++) {
		out_clear(&net);
		form_net(&net, &g->home[i]);
		emit_text(e, NULL, out_string(&net), SIZE_MAX);
	}
	emit_close(e, ']');
	e->out->failed |= net.failed;
	out_fini(&net);
}

static void say_group_name(struct emit *e, const char *key, size_t number)
{
	struct out name = {0};
	form_name(&name, "rules", number);
	emit_said(e, key, &name);
}

/* ---- the command line and CloudFormation ---- */

static void say_group(
	struct emit *e, const struct cloud_call *c, const struct rule_groups *g, size_t number)
{
	const struct rule_group *group = &g->group[number - 1];
	say_group_name(e, "RuleGroupName", number);
	emit_text(e, "Type", "STATEFUL", SIZE_MAX);
	emit_text(e, "Description", "Made by postern policy compile", SIZE_MAX);
	emit_count(e, "Capacity", capacity_of(group));
	emit_open(e, "RuleGroup", '{');
	emit_open(e, "RuleVariables", '{');
	emit_open(e, "IPSets", '{');
	emit_open(e, "HOME_NET", '{');
	say_home(e, g, "Definition");
	emit_close(e, '}');
	emit_close(e, '}');
	emit_close(e, '}');
	emit_open(e, "RulesSource", '{');
	form_lines(e, c->ask->form, "RulesString", out_string(&group->text));
	emit_close(e, '}');
	emit_open(e, "StatefulRuleOptions", '{');
	emit_text(e, "RuleOrder", "STRICT_ORDER", SIZE_MAX);
	emit_close(e, '}');
	emit_close(e, '}');
}

static void say_arn(struct emit *e, const struct cloud_call *c, size_t number)
{
	struct out arn = {0};
	if (c->ask->form == CLOUD_FORMATION) {
		out_printf(&arn, "PosternRules%zu", number);
		emit_open(e, "ResourceArn", '{');
		emit_said(e, "Ref", &arn);
		emit_close(e, '}');
		return;
	}
	out_text(&arn, "arn:aws:network-firewall:REGION:ACCOUNT:stateful-rulegroup/");
	form_name(&arn, "rules", number);
	emit_said(e, "ResourceArn", &arn);
}

static void say_defaults(struct emit *e, bool snake)
{
	static const char *const forward[] = {"aws:forward_to_sfe"};
	static const char *const drop[] = {"aws:drop_established", "aws:alert_established"};
	emit_texts(e, snake ? "stateless_default_actions" : "StatelessDefaultActions", forward, 1,
		SIZE_MAX);
	emit_texts(e,
		snake ? "stateless_fragment_default_actions" : "StatelessFragmentDefaultActions",
		forward, 1, SIZE_MAX);
	emit_texts(e, snake ? "stateful_default_actions" : "StatefulDefaultActions", drop,
		ARRAY_LEN(drop), SIZE_MAX);
	emit_open(e, snake ? "stateful_engine_options" : "StatefulEngineOptions", '{');
	emit_text(e, snake ? "rule_order" : "RuleOrder", "STRICT_ORDER", SIZE_MAX);
	emit_close(e, '}');
}

static void say_policy(struct emit *e, const struct cloud_call *c, const struct rule_groups *g)
{
	emit_text(e, "FirewallPolicyName", POLICY_NAME, SIZE_MAX);
	emit_text(e, "Description", "Made by postern policy compile", SIZE_MAX);
	emit_open(e, "FirewallPolicy", '{');
	say_defaults(e, false);
	emit_open(e, "StatefulRuleGroupReferences", '[');
	for (size_t i = 1; i <= g->groups; i++) {
		emit_open(e, NULL, '{');
		say_arn(e, c, i);
		emit_count(e, "Priority", i);
		emit_close(e, '}');
	}
	emit_close(e, ']');
	emit_open(e, "PolicyVariables", '{');
	emit_open(e, "RuleVariables", '{');
	emit_open(e, "HOME_NET", '{');
	say_home(e, g, "Definition");
	emit_close(e, '}');
	emit_close(e, '}');
	emit_close(e, '}');
	emit_close(e, '}');
}

static void say_calls(struct emit *e, const struct cloud_call *c, const struct rule_groups *g)
{
	for (size_t i = 1; i <= g->groups; i++) {
		form_call(e, "network-firewall", "create-rule-group");
		say_group(e, c, g, i);
		form_call_end(e);
	}
	form_call(e, "network-firewall", "create-firewall-policy");
	say_policy(e, c, g);
	form_call_end(e);
}

static void say_template(struct emit *e, const struct cloud_call *c, const struct rule_groups *g)
{
	char id[32];
	emit_open(e, "Resources", '{');
	for (size_t i = 1; i <= g->groups; i++) {
		(void)snprintf(id, sizeof id, "PosternRules%zu", i);
		form_resource(e, id, "AWS::NetworkFirewall::RuleGroup");
		say_group(e, c, g, i);
		form_resource_end(e);
	}
	form_resource(e, "PosternPolicy", "AWS::NetworkFirewall::FirewallPolicy");
	say_policy(e, c, g);
	form_resource_end(e);
	emit_close(e, '}');
}

/* ---- Terraform ---- */

static void say_variable(struct emit *e, const struct rule_groups *g, const char *key)
{
	emit_open(e, key, '[');
	emit_open(e, NULL, '{');
	emit_text(e, "key", "HOME_NET", SIZE_MAX);
	emit_open(e, "ip_set", '{');
	say_home(e, g, "definition");
	emit_close(e, '}');
	emit_close(e, '}');
	emit_close(e, ']');
}

static void say_block(
	struct emit *e, const struct cloud_call *c, const struct rule_groups *g, size_t number)
{
	char id[32];
	const struct rule_group *group = &g->group[number - 1];
	(void)snprintf(id, sizeof id, "postern_%zu", number);
	emit_open(e, id, '{');
	say_group_name(e, "name", number);
	emit_text(e, "type", "STATEFUL", SIZE_MAX);
	emit_text(e, "description", "Made by postern policy compile", SIZE_MAX);
	emit_count(e, "capacity", capacity_of(group));
	emit_open(e, "rule_group", '{');
	emit_open(e, "rule_variables", '{');
	say_variable(e, g, "ip_sets");
	emit_close(e, '}');
	emit_open(e, "rules_source", '{');
	form_lines(e, c->ask->form, "rules_string", out_string(&group->text));
	emit_close(e, '}');
	emit_open(e, "stateful_rule_options", '{');
	emit_text(e, "rule_order", "STRICT_ORDER", SIZE_MAX);
	emit_close(e, '}');
	emit_close(e, '}');
	emit_close(e, '}');
}

static void say_policy_block(struct emit *e, const struct rule_groups *g)
{
	struct out arn = {0};
	emit_open(e, "postern", '{');
	emit_text(e, "name", POLICY_NAME, SIZE_MAX);
	emit_text(e, "description", "Made by postern policy compile", SIZE_MAX);
	emit_open(e, "firewall_policy", '{');
	say_defaults(e, true);
	emit_open(e, "stateful_rule_group_reference", '[');
	for (size_t i = 1; i <= g->groups; i++) {
		emit_open(e, NULL, '{');
		out_printf(&arn, "${aws_networkfirewall_rule_group.postern_%zu.arn}", i);
		emit_said(e, "resource_arn", &arn);
		emit_count(e, "priority", i);
		emit_close(e, '}');
	}
	emit_close(e, ']');
	emit_open(e, "policy_variables", '{');
	say_variable(e, g, "rule_variables");
	emit_close(e, '}');
	emit_close(e, '}');
	emit_close(e, '}');
}

static void say_terraform(struct emit *e, const struct cloud_call *c, const struct rule_groups *g)
{
	emit_open(e, "resource", '{');
	emit_open(e, "aws_networkfirewall_rule_group", '{');
	for (size_t i = 1; i <= g->groups; i++)
		say_block(e, c, g, i);
	emit_close(e, '}');
	emit_open(e, "aws_networkfirewall_firewall_policy", '{');
	say_policy_block(e, g);
	emit_close(e, '}');
	emit_close(e, '}');
}

int cloud_nfw(const struct cloud_call *c, struct out *text)
{
	struct rule_groups g = {0};
	struct emit e = {.out = text};
	int err = rules_of_policy(c, &g);
	if (err == 0) {
		form_open(&e, c->ask->form);
		if (c->ask->form == CLOUD_CLI)
			say_calls(&e, c, &g);
		else if (c->ask->form == CLOUD_FORMATION)
			say_template(&e, c, &g);
		else
			say_terraform(&e, c, &g);
		form_close(&e, c);
	}
	rules_fini(&g);
	return err;
}
