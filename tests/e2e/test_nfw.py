# SPDX-License-Identifier: Apache-2.0
"""AWS Network Firewall: public samples, all read or refused with a reason; their classic holes shown; answers and messages of the verb."""
import json
import re
import unittest

from support import DATA, DONE, FINDINGS, NOTHING, PARTIAL, USAGE, Case, Run

NFW = DATA / "cloud/aws-nfw"
FLOW = "tcp:10.0.0.5:40000>203.0.113.9:443"


def lines(run):
    return [json.loads(line) for line in run.out.splitlines()]


def channels(*args):
    """Verdicts by channel, IPv4, of the only policy."""
    rows = [row for row in lines(Run("nfw", "-q", "--json", *args)) if row["type"] == "channel" and row["family"] == "ipv4"]
    return {row["channel"]: row["verdict"] for row in rows}


class Samples(Case):
    def setUp(self):
        if not NFW.is_dir():
            self.skipTest(f"{NFW} is not there")

    def test_all_are_read_or_refused(self):
        read, refused, total = 0, 0, dict.fromkeys(["policies", "groups", "stateless_rules", "stateful_rules", "unsupported", "left_out"], 0)
        for path in sorted(p for p in NFW.rglob("*") if p.is_file()):
            run = Run("nfw", "-q", "--json", path)
            with self.subTest(path=path.name):
                self.assertIn(run.code, (DONE, NOTHING), run.err)
                if run.code == NOTHING:
                    refused += 1
                    self.assertRegex(run.err, "no rule group and no policy|terraform show -json|no rules of Suricata")
                    self.assertNotRegex(path.suffix, r"\.rules$")
                    continue
                read += 1
                summary = lines(run)[-1]
                for key in total:
                    total[key] += summary[key]
        self.assertEqual((read, refused), (41, 45), "docs/NFW.md says so")
        self.assertEqual(total["left_out"], 1, "a semicolon in quotes")
        self.assertEqual(total["policies"], 35)

    def test_yaml_is_as_json(self):
        for path in sorted((NFW / "cfn-raw").glob("*.yaml")):
            made = NFW / "cfn-converted" / (path.stem.replace("distibuted", "distributed") + ".json")
            made = made if made.exists() else NFW / "cfn-converted" / (path.stem + ".json")
            if not made.exists():
                continue
            raw, converted = Run("nfw", "-q", "--json", path), Run("nfw", "-q", "--json", made)
            with self.subTest(path=path.name):
                self.assertEqual(raw.code, converted.code)
                if raw.code == DONE:
                    self.assertEqual({k: v for k, v in lines(raw)[-1].items()}, {k: v for k, v in lines(converted)[-1].items()})

    def test_no_default_lets_all_pass(self):
        found = channels(next((NFW / "cfn-converted").glob("multi_endpoint*")))
        self.assertEqual(set(found.values()), {"allowed"})

    def test_udp_and_icmp_are_open_beside_a_domain_list(self):
        found = channels("--home", "10.0.0.0/8", NFW / "cfn-converted/outbound_inspection_with_aws_cloud_wan__region1_resources.json")
        for name, verdict in found.items():
            udp = re.search("udp|icmp", name)
            self.assertEqual(verdict, "allowed" if udp else "denied", name)

    def test_the_template_of_the_best_practices(self):
        rules = NFW / "rules/aws-best-practices-template.rules"
        found = channels("--strict", rules)
        for name in ("tls 443", "http 80", "raw tcp 47808", "dns udp 53", "quic udp 443"):
            self.assertEqual(found[name], "denied", name)
        by = {"evil.example": "sid:999991", "192.0.2.7": "sid:202501027", "a.ru": "sid:202501036"}
        for name, sid in by.items():
            answer = lines(Run("nfw", "-q", "--json", "--strict", "--home", "10.0.0.0/8", "--sni", name, "--flow", FLOW, rules))[0]
            self.assertEqual(answer["verdict"], "denied")
            self.assertIn(sid, answer["rule"])

    def test_the_rules_of_domain_lists_are_amazons(self):
        for kind in ("DENYLIST", "http-ALLOWLIST", "tls-ALLOWLIST"):
            source, made = NFW / f"doc-json/rulegroup-{kind}.json", NFW / f"doc-json/rulegroup-{kind}.generated.rules"
            for app, port in (("--sni", 443), ("--http-host", 80), ("--dns-name", 53)):
                for name in ("a.amazon.com", "amazon.com", "EXAMPLE.com".lower(), "notamazon.com", "evil.com", "www.evil.com"):
                    ask = ["nfw", "-q", "--json", "--home", "10.0.0.0/8", app, name, "--flow", f"tcp:10.0.0.5:4000>203.0.113.9:{port}"]
                    ours, theirs = lines(Run(*ask, source))[0], lines(Run(*ask, made))[0]
                    with self.subTest(kind=kind, app=app, name=name):
                        self.assertEqual(ours["verdict"], theirs["verdict"])


class Verb(Case):
    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def test_a_flow_stage_by_stage(self):
        rules = self.write("e.rules", 'pass tls any any -> any any (tls.sni; content:"ok.example"; sid:1;)\n'
                           'drop tls any any -> any any (msg:"no"; sid:2;)\n')
        run = Run("nfw", "--flow", FLOW, "--sni", "no.example", "--exit-code", rules)
        self.assertEqual(run.code, FINDINGS, run.err)
        self.assertIn(b"denied    TLS hello, e.rules:2 sid:2: drop (no)", run.out)
        run = Run("nfw", "--flow", FLOW, "--sni", "ok.example", "--exit-code", rules)
        self.assertEqual(run.code, DONE, run.err)
        self.assertEqual(lines(Run("nfw", "--json", "--flow", FLOW, rules))[0]["verdict"], "undecided")

    def test_a_rule_that_is_wrong_is_told_with_its_place(self):
        rules = self.write("bad.rules", "alert tcp any any -> any any (sid:1;)\ndrop tcp any any -> any any (flow:to_sever; sid:2;)\n")
        run = Run("nfw", rules)
        self.assertEqual(run.code, DONE)
        self.assertRegex(run.err, r"bad\.rules: 2:35: rule left out: .*no word of flow")
        self.assertIn(b"undecided", run.out)

    def test_what_is_unsupported_is_named(self):
        rules = self.write("geo.rules", "drop ip any any -> any any (geoip:dst,RU; sid:1;)\n")
        answer = lines(Run("nfw", "--json", "--flow", FLOW, "--app", "none", rules))[0]
        self.assertEqual(answer["verdict"], "undecided")
        self.assertIn("unsupported: geoip", answer["reason"])

    def test_usage(self):
        rules = self.write("e.rules", "alert tcp any any -> any any (sid:1;)\n")
        self.assertEqual(Run("nfw").code, USAGE)
        self.assertEqual(Run("nfw", "--flow", "x", rules).code, USAGE)
        self.assertEqual(Run("nfw", "--home", "x", rules).code, USAGE)
        self.assertEqual(Run("nfw", "--from", "x", rules).code, USAGE)
        self.assertEqual(Run("nfw", "--sni", "a", "--dns-name", "b", "--flow", FLOW, rules).code, USAGE)
        other = self.write("x.json", '{"a": 1}')
        self.assertEqual(Run("nfw", other).code, NOTHING)
        run = Run("nfw", other, rules)
        self.assertEqual(run.code, PARTIAL)
        self.assertIn("x.json: no rule group and no policy", run.err)
        cut = self.write("cut.json", '{"RuleGroup": {"RulesSource": {"RulesString": "drop tcp any any -> any any (sid:1;)"')
        self.assertEqual(Run("nfw", cut).code, NOTHING)


RULES = """\
pass tls $HOME_NET any -> any 443 (tls.sni; content:"vendor.example"; endswith; sid:1;)
drop tcp $HOME_NET any -> any 443 (flow:established,to_server; sid:2;)
drop udp $HOME_NET any -> any any (sid:3;)
"""


class Target(Case):
    """Asked as any other boundary is."""

    def ask(self, target, *words, flow=FLOW):
        run = Run("policy", "test", "--json", "-q", "--home", "10.0.0.0/16", *words, target, flow)
        self.assertEqual(run.code, DONE, run.err)
        return json.loads(run.out)["verdict"]

    def test_policy_test(self):
        folder = self.folder / "firewall"
        folder.mkdir()
        (folder / "a.rules").write_text(RULES)
        (folder / "README.txt").write_text("no rules")
        for target in folder, folder / "a.rules":
            self.assertEqual(self.ask(target, "--sni", "www.vendor.example"), "allowed")
            self.assertEqual(self.ask(target, "--sni", "other.example"), "denied")
            self.assertEqual(self.ask(target, flow="udp:10.0.0.5:40000>203.0.113.9:53"), "denied")
        run = Run("policy", "test", "--hook", "forward", folder, FLOW)
        self.assertIn("a Network Firewall does not ask for it: --hook", run.err)

    def test_audit_and_cover(self):
        rules = self.path("a.rules", RULES.encode())
        run = Run("audit", "--json", "-q", "--home", "10.0.0.0/16", rules)
        self.assertEqual(run.code, DONE, run.err)
        rows = {row["flow"]: row["verdict"] for row in lines(run) if row["type"] == "answer"}
        self.assertEqual((rows["ipv4 tcp 443"], rows["ipv4 udp 53"], rows["ipv4 tcp 80"]), ("denied", "denied", "allowed"))
        rows = {row.get("way"): row.get("verdict") for row in lines(Run("cover", "--json", "-q", "--home", "10.0.0.0/16", rules))}
        self.assertEqual((rows["HTTP on tcp 80"], rows["any port of TCP"], rows["any port of UDP"]), ("allowed", "allowed", "undecided"))

    def test_an_address_that_rules_name_is_not_unknown(self):
        rules = self.path("named.rules", b"pass ip any any -> 151.101.0.0/16 any (sid:1;)\ndrop ip any any -> any any (sid:2;)\n")
        rows = {row.get("way"): row.get("verdict") for row in lines(Run("cover", "--json", "-q", rules))}
        self.assertEqual(rows["HTTP on tcp 80"], "undecided")


if __name__ == "__main__":
    unittest.main()


FORWARD = {"stateless_default_actions": ["aws:forward_to_sfe"], "stateless_fragment_default_actions": ["aws:forward_to_sfe"]}


class Templates(Case):
    """Groups are found by what a template or a plan says of them, functions and modules included."""

    def ask(self, document, *options):
        path = self.folder / "document.json"
        path.write_text(json.dumps(document))
        run = Run("nfw", "--json", "--home", "10.0.0.0/8", *options, "--flow", FLOW, path)
        self.assertEqual((run.code, run.err), (DONE, ""))
        return lines(run)[0]

    def plan(self, references, known=None, module=None, group=None):
        policy = {"address": "aws_networkfirewall_firewall_policy.p", "type": "aws_networkfirewall_firewall_policy", "values": {
            "name": "p", "firewall_policy": [{**FORWARD, "stateful_rule_group_reference": [{"priority": None, **({"resource_arn": known} if known else {})}]}]}}
        made = {"address": "aws_networkfirewall_rule_group.g", "type": "aws_networkfirewall_rule_group", "values": {"name": "g", "type": "STATEFUL", **(
            group or {"rule_group": [{"rules_source": [{"rules_string": "drop tcp any any -> any 443 (sid:7;)"}]}]})}}
        told = {"resources": [{"address": policy["address"], "expressions": {"firewall_policy": [{
            **{name: {"constant_value": value} for name, value in FORWARD.items()},
            "stateful_rule_group_reference": [{"resource_arn": {"references": references}}]}]}}]}
        root = {"resources": [policy, made]}
        if module:
            made["address"] = f"module.{module}.{made['address']}"
            root = {"resources": [policy], "child_modules": [{"address": f"module.{module}", "resources": [made]}]}
            told["module_calls"] = {module: {"module": {"outputs": {"arn": {"expression": {"references": [
                "aws_networkfirewall_rule_group.g.arn", "aws_networkfirewall_rule_group.g"]}}}}}}
        return {"format_version": "1.2", "planned_values": {"root_module": root}, "configuration": {"root_module": told}}

    def test_plans(self):
        own = ["aws_networkfirewall_rule_group.g.arn", "aws_networkfirewall_rule_group.g"]
        for name, document, verdict in (
                ("an ARN that is not known yet", self.plan(own), "denied"), ("of a module", self.plan(["module.m.arn", "module.m"], module="m"), "denied"),
                ("another one", self.plan(["data.aws_x.g.arn"]), "undecided"), ("the plan knows it", self.plan(own, "arn:aws:x:1:stateful-rulegroup/g"), "denied"),
                ("rules beside a group", self.plan(own, group={"rules": "drop tcp any any -> any 443 (sid:7;)", "rule_group": None}), "denied")):
            with self.subTest(name):
                answer = self.ask(document)
                self.assertEqual(answer["verdict"], verdict, answer)
                if verdict == "denied":
                    self.assertIn("sid:7", answer["rule"])

    def test_terraforms_own_words_are_linked(self):
        document = {"resource": {
            "aws_networkfirewall_rule_group": {"x": {"name": "x", "type": "STATEFUL", "rule_group": {"rules_source": {
                "rules_string": "drop tcp any any -> any 443 (sid:7;)"}}}, "xx": {"name": "xx", "type": "STATEFUL", "rule_group": {
                    "rules_source": {"rules_string": "pass tcp any any -> any 443 (sid:8;)"}}}},
            "aws_networkfirewall_firewall_policy": {"p": {"name": "p", "firewall_policy": {**FORWARD, "stateful_rule_group_reference": [
                {"resource_arn": "${aws_networkfirewall_rule_group.x.arn}"}]}}}}}
        self.assertIn("sid:7", self.ask(document)["rule"])
        document["resource"]["aws_networkfirewall_firewall_policy"]["p"]["firewall_policy"]["stateful_rule_group_reference"][0]["resource_arn"] = \
            "${aws_networkfirewall_rule_group.y.arn}"
        self.assertEqual(self.ask(document)["verdict"], "undecided")

    def test_functions_of_a_template(self):
        def stack(rules, **more):
            return {**more, "Resources": {"G": {"Type": "AWS::NetworkFirewall::RuleGroup", "Properties": {
                "RuleGroupName": "g", "Type": "STATEFUL", "RuleGroup": {"RulesSource": {"RulesString": rules}}}}}}
        drop = "drop tcp any any -> ${Net} 443 (sid:7;)"
        nets = {"Parameters": {"Net": {"Type": "String", "Default": "203.0.113.0/24"}}}
        for rules, more, verdict in (({"Fn::Sub": drop}, nets, "denied"), ({"Fn::Sub": [drop, {"Net": {"Fn::Select": [1, ["x", "203.0.113.9"]]}}]}, {}, "denied"),
                                     ({"Fn::Sub": drop}, {"Parameters": {"Net": {"Type": "String"}}}, "undecided"),
                                     ({"Fn::Sub": drop.replace("${Net}", "any") + "\npass ip any any -> ${AWS::Region} any (sid:8;)"}, {}, "undecided"),
                                     ({"Fn::Sub": drop + "\ndrop tcp any any -> any 443 (sid:9; msg:\"${AWS::StackName}\";)"}, nets, "denied"),
                                     ({"Fn::Join": ["", ["drop tcp any any -> ", {"Fn::If": ["Yes", "203.0.113.0/24", "192.0.2.0/24"]}, " 443 (sid:7;)"]]},
                                      {"Conditions": {"Yes": {"Fn::Equals": ["a", "a"]}}}, "denied"),
                                     ({"Fn::FindInMap": ["Rules", "all", "drop"]}, {"Mappings": {"Rules": {"all": {"drop": drop.replace("${Net}", "any")}}}}, "denied")):
            with self.subTest(rules=rules):
                self.assertEqual(self.ask(stack(rules, **more))["verdict"], verdict)

    def test_what_may_be_there_or_not_is_not_counted_and_named(self):
        path = self.folder / "maybe.json"
        path.write_text(json.dumps({"Conditions": {"Maybe": {"Fn::Equals": [{"Ref": "AWS::Region"}, "x"]}}, "Resources": {"G": {
            "Type": "AWS::NetworkFirewall::RuleGroup", "Condition": "Maybe", "Properties": {"RuleGroup": {"RulesSource": {"RulesString": ""}}}}}}))
        run = Run("nfw", "--json", path)
        self.assertIn("condition is not known, and it is taken for absent: G", run.err)
