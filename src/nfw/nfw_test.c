/* Classic holes and traps, each a policy of a few lines. */
#include "nfw/nfw.h"

#include <stdio.h>
#include <string.h>

#include "base/scan.h"
#include "base/testing.h"

#define FORWARD                                                 \
	"\"StatelessDefaultActions\":[\"aws:forward_to_sfe\"]," \
	"\"StatelessFragmentDefaultActions\":[\"aws:forward_to_sfe\"]"
#define STRICT "\"StatefulEngineOptions\":{\"RuleOrder\":\"STRICT_ORDER\"}"
#define REF(name, more) \
	"{\"ResourceArn\":\"arn:aws:network-firewall:x:1:stateful-rulegroup/" name "\"" more "}"
#define GROUP(name, source)                                                              \
	"{\"RuleGroupResponse\":{\"RuleGroupName\":\"" name "\",\"Type\":\"STATEFUL\"}," \
	"\"RuleGroup\":{\"RulesSource\":{" source "}}}"
#define STRING(rules) "\"RulesString\":\"" rules "\""
#define LIST(kind, types, targets)                                                         \
	"\"RulesSourceList\":{\"GeneratedRulesType\":\"" kind "\",\"TargetTypes\":[" types \
	"],\"Targets\":[" targets "]}"
#define POLICY(more) "{\"FirewallPolicyName\":\"p\",\"FirewallPolicy\":{" FORWARD more "}}"
#define ONE(more)    POLICY(",\"StatefulRuleGroupReferences\":[" REF("g", "") "]" more)

#define HOST "10.0.0.5"
#define TO   "203.0.113.9"

static struct nfw *read_texts(const char *const *text)
{
	struct nfw *n = NULL;
	struct fail why = {0};
	assert_int_equal(nfw_new(&n, (size_t)1 << 20), 0);
	for (; *text != NULL; text++)
		if (nfw_read(n, "test", span_of(*text), &why) < 0)
			fail_msg("%s: %s", *text, why.text);
	assert_int_equal(nfw_set_home(n, span_of("10.0.0.0/16"), &why), 0);
	return n;
}

static struct nfw_answer last;

/* The verdict of the first policy. */
static enum nfw_verdict ask(
	const struct nfw *n, const char *words, const char *as, const char *name)
{
	struct nfw_flow flow = {0};
	struct fail why = {0};
	if (policy_flow_parse(span_of(words), &flow.flow, &why) < 0)
		fail_msg("%s: %s", words, why.text);
	flow.flow.as = as;
	flow.flow.name = name;
	const struct nfw_policy *policy = nfw_next_policy(n, NULL);
	assert_non_null(policy);
	assert_int_equal(nfw_ask(n, policy, &flow, &last), 0);
	return last.verdict;
}

#define TLS443  "tcp:" HOST ":40000>" TO ":443"
#define TLS8443 "tcp:" HOST ":40000>" TO ":8443"
#define SPOKE   "tcp:10.9.0.5:40000>" TO ":443"
#define DNS     "udp:" HOST ":40000>" TO ":53"
#define PING    "icmp:" HOST ">" TO ":8"

static void check(const char *policy, const char *group, const char *flow, const char *as,
	const char *name, enum nfw_verdict want)
{
	const char *texts[] = {policy, group, NULL};
	struct nfw *n = read_texts(texts);
	enum nfw_verdict got = ask(n, flow, as, name);
	if (got != want)
		fail_msg("%s by %s: %s, %s: %s", flow, group, nfw_verdict_name(got),
			last.decides->name, last.decides->reason);
	nfw_free(n);
}

static void an_empty_strict_policy_without_a_default_lets_all_pass(void **state)
{
	(void)state;
	const char *none = POLICY("," STRICT), *unused = GROUP("x", STRING(""));
	check(none, unused, TLS443, "tls", "a.example", NFW_ALLOWED);
	const char *alert =
		POLICY("," STRICT ",\"StatefulDefaultActions\":[\"aws:alert_established\"]");
	check(alert, unused, TLS443, "tls", "a.example", NFW_ALLOWED);
	const char *drop = POLICY("," STRICT ",\"StatefulDefaultActions\":[\"aws:drop_strict\"]");
	check(drop, unused, TLS443, "tls", "a.example", NFW_DENIED);
	assert_string_equal(last.decides->name, "SYN");
	check(drop, unused, DNS, "dns", "a.example", NFW_DENIED);
	/* in action order no default is asked */
	const char *action = POLICY(",\"StatefulDefaultActions\":[\"aws:drop_strict\"]");
	check(action, unused, TLS443, "tls", "a.example", NFW_ALLOWED);
}

static void defaults_leak(void **state)
{
	(void)state;
	const char *unused = GROUP("x", STRING(""));
	const char *est =
		POLICY("," STRICT ",\"StatefulDefaultActions\":[\"aws:drop_established\"]");
	check(est, unused, TLS443, "tls", "a.example", NFW_DENIED);
	assert_string_equal(last.decides->name, "TLS hello");
	check(est, unused, DNS, "dns", "a.example", NFW_ALLOWED); /* the first datagram leaves */
	assert_int_equal(last.stage[1].verdict, NFW_DENIED);
	check(est, unused, PING, NULL, NULL, NFW_ALLOWED);
	const char *app = POLICY(
		"," STRICT ",\"StatefulDefaultActions\":[\"aws:drop_established_app_layer\"]");
	check(app, unused, TLS443, "tls", "a.example", NFW_DENIED);
	check(app, unused, TLS443, "", NULL, NFW_UNDECIDED);
	const char *server = POLICY(
		"," STRICT
		",\"StatefulDefaultActions\":[\"aws:drop_established_app_layer_to_server\"]");
	check(server, unused, TLS443, "tls", "a.example", NFW_DENIED);
	const char *odd = POLICY("," STRICT ",\"StatefulDefaultActions\":[\"aws:new\"]");
	check(odd, unused, TLS443, "tls", "a.example", NFW_UNDECIDED);
}

static void domain_lists_speak_of_their_protocols_alone(void **state)
{
	(void)state;
	const char *list = GROUP("g",
		LIST("ALLOWLIST", "\"TLS_SNI\",\"HTTP_HOST\"", "\".example.com\",\"exact.org\""));
	check(ONE(""), list, TLS443, "tls", "www.example.com", NFW_ALLOWED);
	check(ONE(""), list, TLS443, "tls", "EXAMPLE.com", NFW_ALLOWED);
	check(ONE(""), list, TLS443, "tls", "exact.org", NFW_ALLOWED);
	check(ONE(""), list, TLS443, "tls", "www.exact.org", NFW_DENIED);
	check(ONE(""), list, TLS443, "tls", "badexample.com", NFW_DENIED);
	check(ONE(""), list, TLS8443, "tls", "bad.org", NFW_DENIED);
	check(ONE(""), list, TLS443, "tls", "", NFW_DENIED);
	check(ONE(""), list, TLS443, "tls", NULL, NFW_UNDECIDED);
	check(ONE(""), list, TLS443, "http", "bad.org", NFW_DENIED);
	check(ONE(""), list, TLS443, "http", "www.example.com", NFW_ALLOWED);
	check(ONE(""), list, TLS443, "", NULL, NFW_ALLOWED); /* the hole */
	check(ONE(""), list, TLS443, "ssh", NULL, NFW_ALLOWED);
	check(ONE(""), list, DNS, "dns", "bad.org", NFW_ALLOWED);
	check(ONE(""), list, "udp:" HOST ":4000>" TO ":443", "quic", "bad.org", NFW_ALLOWED);
	check(ONE(""), list, SPOKE, "tls", "bad.org", NFW_ALLOWED); /* HOME_NET misses it */
	const char *deny = GROUP("g", LIST("DENYLIST", "\"TLS_SNI\"", "\"evil.com\""));
	check(ONE(""), deny, TLS443, "tls", "evil.com", NFW_DENIED);
	check(ONE(""), deny, TLS443, "tls", "www.evil.com", NFW_ALLOWED);
	check(ONE(""), GROUP("g", LIST("DENYLIST", "\"TLS_SNI\"", "\"a\\\"b\"")), TLS443, "tls",
		"x", NFW_UNDECIDED);
}

static void home_net_of_the_policy_and_of_the_group(void **state)
{
	(void)state;
	const char *list = LIST("DENYLIST", "\"TLS_SNI\"", "\"evil.com\"");
	char group[1024];
	const char *wide = ONE(",\"PolicyVariables\":{\"RuleVariables\":{\"HOME_NET\":{"
			       "\"Definition\":[\"10.0.0.0/8\"]}}}");
	(void)snprintf(group, sizeof group, GROUP("g", "%s"), list);
	check(wide, group, SPOKE, "tls", "evil.com", NFW_DENIED);
	(void)snprintf(group, sizeof group,
		"{\"RuleGroupName\":\"g\",\"RuleGroup\":{\"RuleVariables\":{\"IPSets\":{\"HOME_"
		"NET\":{\"Definition\":[\"10.9.0.0/16\"]}}},\"RulesSource\":{%s}}}",
		list);
	check(wide, group, SPOKE, "tls", "evil.com", NFW_DENIED);
	check(wide, group, TLS443, "tls", "evil.com", NFW_ALLOWED);
	/* EXTERNAL_NET follows the policy's */
	check(wide, group, "tcp:10.9.0.5:4000>10.8.0.1:443", "tls", "evil.com", NFW_ALLOWED);
}

static void rules_of_addresses_let_the_whole_flow_go(void **state)
{
	(void)state;
	const char *wrong = GROUP(
		"g", STRING("reject http any any -> any 80 (http.host; content:\\\"bad.com\\\"; "
			    "sid:1;)\\npass tcp any any -> any 80 (sid:2;)"));
	const char *right = GROUP(
		"g", STRING("reject http any any -> any 80 (http.host; content:\\\"bad.com\\\"; "
			    "sid:1;)\\npass tcp any any -> any 80 (flow:to_server; sid:2;)"));
	const char *http = "tcp:" HOST ":40000>" TO ":80";
	check(ONE("," STRICT), wrong, http, "http", "bad.com", NFW_ALLOWED);
	assert_string_equal(last.decides->name, "SYN");
	check(ONE("," STRICT), right, http, "http", "bad.com", NFW_DENIED);
	/* asked once for each direction, and passed then: never again */
	const char *late = GROUP("g", STRING("pass tcp any any <> any 443 (flow:not_established; "
					     "sid:1;)\\ndrop ip any any -> any any (sid:3;)"));
	check(ONE(""), late, TLS443, "tls", "a.example", NFW_ALLOWED);
}

static void orders(void **state)
{
	(void)state;
	const char *rules =
		GROUP("g", STRING("drop tls any any -> any any (tls.sni; "
				  "content:\\\"a.example\\\"; sid:1;)\\npass tls any any -> any "
				  "any (tls.sni; content:\\\"example\\\"; sid:2;)"));
	check(ONE("," STRICT), rules, TLS443, "tls", "a.example", NFW_DENIED);
	check(ONE(""), rules, TLS443, "tls", "a.example", NFW_ALLOWED);
	const char *alert = POLICY("," STRICT ",\"StatefulRuleGroupReferences\":[" REF(
		"g", ",\"Priority\":1,\"Override\":{\"Action\":\"DROP_TO_ALERT\"}") "]");
	check(alert, rules, TLS443, "tls", "a.example", NFW_ALLOWED);
}

static void a_default_deny_of_rules(void **state)
{
	(void)state;
	const char *rules = GROUP("g",
		STRING("pass tcp $HOME_NET any -> any any (flow:not_established, to_server; "
		       "sid:1;)\\n"
		       "pass tls $HOME_NET any -> any any (tls.sni; "
		       "content:\\\"www.example.com\\\"; startswith; nocase; endswith; "
		       "flow:to_server; sid:2;)\\n"
		       "reject tls $HOME_NET any -> any any (ssl_state:client_hello; ja4.hash; "
		       "content:\\\"_\\\"; flowbits:set,blocked; flow:to_server; sid:3;)\\n"
		       "reject tcp $HOME_NET any -> any any (flowbits:isnotset,blocked; "
		       "flow:to_server; sid:4;)\\n"
		       "drop udp $HOME_NET any -> any any (flow:to_server; sid:5;)"));
	check(ONE("," STRICT), rules, TLS443, "tls", "www.example.com", NFW_ALLOWED);
	check(ONE("," STRICT), rules, TLS443, "tls", "evil.example", NFW_DENIED);
	assert_non_null(strstr(last.decides->rule, "sid:3"));
	check(ONE("," STRICT), rules, "tcp:" HOST ":40000>" TO ":4444", "", NULL, NFW_DENIED);
	assert_non_null(strstr(last.decides->rule, "sid:4"));
	check(ONE("," STRICT), rules, DNS, "dns", "x.example", NFW_DENIED);
	check(ONE("," STRICT), rules, PING, NULL, NULL, NFW_ALLOWED);
}

static void what_was_not_read_may_do_anything(void **state)
{
	(void)state;
	const char *unused = GROUP("x", STRING(""));
	check(ONE(""), unused, TLS443, "tls", "a.example", NFW_UNDECIDED);
	const char *managed =
		POLICY("," STRICT ",\"StatefulDefaultActions\":[\"aws:drop_strict\"],"
		       "\"StatefulRuleGroupReferences\":[{\"ResourceArn\":\"arn:aws:"
		       "network-firewall:x:aws-managed:stateful-rulegroup/BotNet\"}]");
	check(managed, unused, TLS443, "tls", "a.example", NFW_DENIED); /* it can only drop too */
	const char *open = POLICY(",\"StatefulRuleGroupReferences\":[{\"ResourceArn\":\"arn:aws:"
				  "network-firewall:x:aws-managed:stateful-rulegroup/BotNet\"}]");
	check(open, unused, TLS443, "tls", "a.example", NFW_UNDECIDED);
	check(ONE(""), GROUP("g", STRING("drop tcp any any -> any any (sid:x;)")), TLS443, "tls",
		"a", NFW_UNDECIDED);
	check(ONE(""), GROUP("g", STRING("drop ip any any -> any any (geoip:dst,RU; sid:1;)")),
		TLS443, "tls", "a", NFW_UNDECIDED);
	check(ONE(""), GROUP("g", STRING("drop tcp @LIST any -> any any (sid:1;)")), TLS443, "tls",
		"a", NFW_UNDECIDED);
	check(ONE(",\"BypassIPSEnabled\":true"), GROUP("g", STRING("")), TLS443, "tls", "a",
		NFW_UNDECIDED);
}

#define STATELESS_RULE(priority, action, match)                                        \
	"{\"Priority\":" priority ",\"RuleDefinition\":{\"Actions\":[\"" action "\"]," \
	"\"MatchAttributes\":{" match "}}}"
#define STATELESS(rules)                                                                   \
	"{\"RuleGroupName\":\"s\",\"Type\":\"STATELESS\",\"RuleGroup\":{\"RulesSource\":{" \
	"\"StatelessRulesAndCustomActions\":{\"StatelessRules\":[" rules "]}}}}"
#define STATELESS_POLICY                                                                         \
	POLICY(",\"StatelessRuleGroupReferences\":[{\"Priority\":1,\"ResourceArn\":\"arn:aws:x:" \
	       "stateless-rulegroup/s\"}]")

static void stateless_rules(void **state)
{
	(void)state;
	const char *ssh = "tcp:" HOST ":40000>" TO ":22";
	const char *both = STATELESS(STATELESS_RULE("1", "aws:drop",
		"\"SourcePorts\":[{\"FromPort\":22,\"ToPort\":22}],\"DestinationPorts\":[{"
		"\"FromPort\":22,\"ToPort\":22}],\"Protocols\":[6]"));
	check(STATELESS_POLICY, both, ssh, "ssh", NULL, NFW_ALLOWED); /* of both ports: never */
	const char *right = STATELESS(STATELESS_RULE("1", "aws:drop",
		"\"DestinationPorts\":[{\"FromPort\":22,\"ToPort\":22}],\"Protocols\":[6]"));
	check(STATELESS_POLICY, right, ssh, "ssh", NULL, NFW_DENIED);
	check(STATELESS_POLICY, right, "tcp:" HOST ":40000>" TO ":23", "", NULL, NFW_ALLOWED);
	const char *order = STATELESS(STATELESS_RULE("20", "aws:drop", "") "," STATELESS_RULE(
		"10", "aws:forward_to_sfe", "\"Protocols\":[6]"));
	check(STATELESS_POLICY, order, ssh, "ssh", NULL, NFW_ALLOWED);
	check(STATELESS_POLICY, order, DNS, "dns", "a", NFW_DENIED);
	const char *half = STATELESS(STATELESS_RULE("1", "aws:pass",
		"\"DestinationPorts\":[{\"FromPort\":443,\"ToPort\":443}],\"Protocols\":[6]"));
	check(STATELESS_POLICY, half, TLS443, "tls", "a", NFW_UNDECIDED);
	const char *syn = STATELESS(STATELESS_RULE("1", "aws:drop",
		"\"Protocols\":[6],\"TCPFlags\":[{\"Flags\":[\"SYN\"],\"Masks\":[\"SYN\",\"ACK\"]}"
		"]"));
	check(STATELESS_POLICY, syn, TLS443, "tls", "a", NFW_DENIED);
}

static void tuples_and_templates(void **state)
{
	(void)state;
	const char *tuple = GROUP("g",
		"\"StatefulRules\":[{\"Action\":\"DROP\",\"Header\":{\"Protocol\":\"TCP\","
		"\"Source\":\"ANY\",\"SourcePort\":\"ANY\",\"Direction\":\"FORWARD\","
		"\"Destination\":\"203.0.113.0/"
		"24\",\"DestinationPort\":\"443\"},\"RuleOptions\":[{\"Keyword\":\"sid:9\"}]}]");
	check(ONE(""), tuple, TLS443, "tls", "a", NFW_DENIED);
	check(ONE(""), tuple, TLS8443, "tls", "a", NFW_ALLOWED);
	const char *yaml = "AWSTemplateFormatVersion: '2010-09-09'\n"
			   "Parameters: {Net: {Type: String, Default: 203.0.113.0/24}}\n"
			   "Resources:\n"
			   "  Group:\n"
			   "    Type: AWS::NetworkFirewall::RuleGroup\n"
			   "    Properties:\n"
			   "      RuleGroup:\n"
			   "        RulesSource:\n"
			   "          RulesString: !Sub |\n"
			   "            drop tcp any any -> ${Net} 443 (sid:1;)\n"
			   "            drop tcp any any -> ${Elsewhere} 8443 (sid:2;)\n"
			   "  Policy:\n"
			   "    Type: AWS::NetworkFirewall::FirewallPolicy\n"
			   "    Properties:\n"
			   "      FirewallPolicy:\n"
			   "        StatelessDefaultActions: [aws:forward_to_sfe]\n"
			   "        StatelessFragmentDefaultActions: [aws:forward_to_sfe]\n"
			   "        StatefulRuleGroupReferences:\n"
			   "          - ResourceArn: !GetAtt Group.RuleGroupArn\n";
	check(yaml, GROUP("x", STRING("")), TLS443, "tls", "a", NFW_DENIED);
	check(yaml, GROUP("x", STRING("")), TLS8443, "tls", "a", NFW_UNDECIDED);
	/* the same, by the names that templates like */
	const char *alike =
		"{\"Resources\":{\"RuleGroup\":{\"Type\":\"AWS::NetworkFirewall::RuleGroup\","
		"\"Properties\":{\"RuleGroup\":{\"RulesSource\":{\"RulesString\":"
		"\"drop tcp any any -> 203.0.113.0/24 443 (sid:1;)\"}}}},"
		"\"FirewallPolicy\":{\"Type\":\"AWS::NetworkFirewall::FirewallPolicy\","
		"\"Properties\":{\"FirewallPolicy\":{"
		"\"StatelessDefaultActions\":[\"aws:forward_to_sfe\"],"
		"\"StatelessFragmentDefaultActions\":[\"aws:forward_to_sfe\"],"
		"\"StatefulRuleGroupReferences\":[{\"ResourceArn\":{\"Ref\":\"RuleGroup\"}}]}}}}}";
	check(alike, GROUP("x", STRING("")), TLS443, "tls", "a", NFW_DENIED);
	check(alike, GROUP("x", STRING("")), TLS8443, "tls", "a", NFW_ALLOWED);
	const char *terraform =
		"{\"format_version\":\"1.0\",\"values\":{\"root_module\":{\"resources\":["
		"{\"address\":\"aws_networkfirewall_rule_group.g\",\"type\":\"aws_networkfirewall_"
		"rule_group\",\"values\":{\"arn\":\"arn:g\",\"name\":\"g\",\"type\":\"STATEFUL\","
		"\"rule_group\":[{\"rule_variables\":[{\"ip_sets\":[{\"key\":\"BAD\",\"ip_set\":[{"
		"\"definition\":[\"203.0.113.0/"
		"24\"]}]}],\"port_sets\":[]}],\"stateful_rule_options\":[],"
		"\"rules_source\":[{\"rules_string\":\"drop tcp any any -> $BAD 443 "
		"(sid:1;)\",\"rules_source_list\":[],\"stateful_rule\":[]}]}]}},"
		"{\"address\":\"aws_networkfirewall_firewall_policy.p\","
		"\"type\":\"aws_networkfirewall_firewall_policy\",\"values\":{\"name\":\"p\","
		"\"firewall_policy\":[{\"stateless_default_actions\":[\"aws:forward_to_sfe\"],"
		"\"stateless_fragment_default_actions\":[\"aws:forward_to_sfe\"],\"stateful_rule_"
		"group_reference\":[{\"priority\":null,\"resource_arn\":\"arn:g\"}]}]}}]}}}";
	check(terraform, GROUP("x", STRING("")), TLS443, "tls", "a", NFW_DENIED);
	check(terraform, GROUP("x", STRING("")), TLS8443, "tls", "a", NFW_ALLOWED);
}

static void refused(const char *text, const char *words)
{
	struct nfw *n = NULL;
	struct fail why = {0};
	assert_int_equal(nfw_new(&n, 65536), 0);
	assert_true(nfw_read(n, "test", span_of(text), &why) < 0);
	if (strstr(why.text, words) == NULL)
		fail_msg("%s: %s", text, why.text);
	assert_null(nfw_next_policy(n, NULL));
	nfw_free(n);
}

static void what_is_no_firewall_is_refused(void **state)
{
	(void)state;
	refused("{\"a\":1}", "no rule group and no policy");
	refused("{\"a\":", "no JSON");
	refused("resource \"aws_networkfirewall_rule_group\" \"g\" {}", "terraform show -json");
	refused("hello", "no rules of Suricata");
	refused("a: AWS::NetworkFirewall\nb: *c\n", "alias");
	refused("a: [AWS::NetworkFirewall\n", "no YAML");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_strict_policy_without_a_default_lets_all_pass),
		cmocka_unit_test(defaults_leak),
		cmocka_unit_test(domain_lists_speak_of_their_protocols_alone),
		cmocka_unit_test(home_net_of_the_policy_and_of_the_group),
		cmocka_unit_test(rules_of_addresses_let_the_whole_flow_go),
		cmocka_unit_test(orders),
		cmocka_unit_test(a_default_deny_of_rules),
		cmocka_unit_test(what_was_not_read_may_do_anything),
		cmocka_unit_test(stateless_rules),
		cmocka_unit_test(tuples_and_templates),
		cmocka_unit_test(what_is_no_firewall_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
