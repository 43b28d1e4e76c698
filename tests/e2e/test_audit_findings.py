# SPDX-License-Identifier: Apache-2.0
"""postern audit: findings, their proof, drift and SARIF; no rule that is called of no use has any."""
import json
import pathlib
import re
import time
import unittest

import zeeklogs
from support import Case, DATA, DONE, FINDINGS, Run, USAGE

SAVE = """*filter
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
[9:540] -A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT
[5:300] -A FORWARD -p udp -m udp --dport 53 -m comment --comment "owner=net 2024-01-01" -j ACCEPT
[0:0] -A FORWARD -d 192.0.2.1/32 -p udp -m udp --dport 53 -j DROP
COMMIT
"""
SHUT = "*filter\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n-A FORWARD -d 192.0.2.1/32 -p tcp -m tcp --dport 443 -j ACCEPT\nCOMMIT\n"
LIST = ('pass tls $HOME_NET any -> $EXTERNAL_NET any (tls.sni; content:"example.com"; endswith; sid:1;)\n'
        "drop tls $HOME_NET any -> $EXTERNAL_NET any (sid:2;)\n")
POLICY = """version: 1
zones:
  office: {networks: 10.1.0.0/16, default: deny}
services:
  web: {protocol: tcp, ports: 443}
  ssh: {protocol: tcp, ports: 22}
rules:
  - {id: shut, owner: net-team, why: orders, from: office, to: [203.0.113.0/24], service: ssh, action: allow}
  - {id: open, owner: sec-team, why: banned, from: office, to: [198.51.100.0/24], service: web, action: deny}
  - {id: fine, owner: sec-team, why: fine, from: office, to: [192.0.2.0/24], service: web, action: allow}
"""
BASELINE = """postern baseline 1
window 2026-03-02 2026-03-08
rules min-days 2 min-hosts 1 shared 3 max-e 1
zone office 10.1.0.0/16
columns zone host endpoint service transport port first last days hosts sent got why
office * 203.0.113.9 tls tcp 8443 2026-03-02 2026-03-08 7 12 20K 5M seen
office * 203.0.113.9 tls tcp 443 2026-03-02 2026-03-08 7 12 20K 5M seen
office 10.1.0.5 vendor.example tls tcp 443 2026-03-02 2026-03-08 5 1 20K 1M seen
"""
ACCOUNT = {
    "SecurityGroups": [{"GroupId": "sg-1", "VpcId": "vpc-1", "IpPermissions": [], "IpPermissionsEgress": [
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "203.0.113.0/24"}]},
        {"IpProtocol": "udp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]}]}],
    "NetworkAcls": [{"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": True, "Entries": [
        {"RuleNumber": 100, "Egress": True, "RuleAction": "allow", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"},
        {"RuleNumber": 110, "Egress": True, "RuleAction": "deny", "Protocol": "6", "PortRange": {"From": 22, "To": 22}, "CidrBlock": "0.0.0.0/0"},
        {"RuleNumber": 90, "Egress": False, "RuleAction": "deny", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}]}]}
PROBES = [f"{proto}:{src}:40000>{dst}:{port}" for proto in ("tcp", "udp") for src in ("10.0.0.5", "192.168.1.9", "10.6.0.7")
          for dst in ("198.51.100.7", "10.0.0.1", "10.8.0.4") for port in (22, 53, 80, 443, 8080, 51820)]
WAYS = [("output", "-", "eth0"), ("forward", "eth1", "eth0"), ("forward", "wg0", "docker0"), ("input", "lo", "-"), ("input", "eth0", "-")]
SARIF_LEVELS = {"none", "note", "warning", "error"}


def findings(run):
    return [row for row in run.lines() if row["type"] == "finding"]


class Findings(Case):
    def file(self, name, text):
        return self.path(name, text.encode())

    def kinds(self, text, *options, name="rules"):
        run = Run("audit", "--json", "-q", *options, self.file(name, text))
        self.assertEqual(run.code, DONE, run.err)
        return {row["kind"]: row for row in findings(run)}

    def test_each_brings_its_proof(self):
        kinds = self.kinds(SAVE)
        self.assertEqual(set(kinds), {"udp-through", "dns-to-anyone", "direct-ip", "shadowed", "never-hit"})
        for name in "udp-through", "dns-to-anyone", "direct-ip":
            flow = kinds[name]["passes"].replace("any", "10.0.0.5:40000")
            run = Run("audit", "--json", "--path", "forward", "--flow", flow, self.file("rules", SAVE))
            self.assertEqual(run.lines()[0]["verdict"], "allowed", flow)
            self.assertEqual(run.lines()[0]["rule"], kinds[name]["rule"])
        shut = kinds["udp-through"]["shut"].replace("any", "10.0.0.5:40000")
        self.assertEqual(Run("audit", "--json", "--path", "forward", "--flow", shut, self.file("rules", SAVE)).lines()[0]["verdict"], "denied")
        self.assertEqual((kinds["dns-to-anyone"]["owner"], kinds["dns-to-anyone"]["since"]), ("net", "2024-01-01"))
        self.assertEqual((kinds["shadowed"]["line"], kinds["shadowed"]["rule"]), (6, "filter FORWARD line 6"))
        self.assertEqual(self.kinds(SHUT), {})
        run = Run("audit", self.file("rules", SHUT))
        # it is of IPv4 alone: what IPv6 does is not known
        self.assertRegex(run.out.decode(), r"\nno findings\n20 answers above are undecided, with what is missing: ")

    def test_rules_for_nothing_that_leaves_let_all_of_it_pass(self):
        rules = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n"
        self.assertEqual(self.kinds(rules)["all-open"]["level"], "error")
        filtered = "*mangle\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"
        self.assertEqual(self.kinds(filtered)["all-open"]["rule"], "policy of filter FORWARD")

    def test_of_several_targets_each_is_compared_with_itself(self):
        targets = self.file("open", "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"), self.file("shut", "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n")
        then = self.path("then", Run("audit", "--json", *targets).out)
        run = Run("audit", "--json", "--since", then, "--exit-code", *targets)
        self.assertEqual((run.code, [row for row in run.lines() if "before" in row]), (DONE, []))
        changed = targets[0], self.file("shut", "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n")
        run = Run("audit", "--json", "--since", then, "--exit-code", *changed)
        before = {(row["file"], row["before"]) for row in run.lines() if "before" in row}
        self.assertEqual((run.code, before), (FINDINGS, {(str(changed[1]), "denied")}))

    def test_a_network_firewall(self):
        kinds = self.kinds(LIST, "--home", "10.0.0.0/8", name="a.rules")
        self.assertEqual(kinds["substring-name"]["passes"], "tls to notexample.com")
        self.assertIn("list-ignores-ports", kinds)
        self.assertIn("home-net-misses", kinds)
        kinds = self.kinds(LIST, "--home", "10.0.0.0/8", "--spokes", "10.9.0.0/16", name="a.rules")
        self.assertNotIn("home-net-misses", kinds)
        kinds = self.kinds(LIST, "--home", "10.0.0.0/8", "--spokes", "172.20.0.0/16", name="a.rules")
        self.assertEqual(kinds["home-net-misses"]["passes"], "tls to fallback.invalid from 172.20.0.1")

    def test_rules_of_a_network_firewall_that_never_decide(self):
        def found(rules, strict=True):
            group = {"RuleGroupResponse": {"RuleGroupName": "g"}, "RuleGroup": {"RulesSource": {"RulesString": rules}, "StatefulRuleOptions": {
                "RuleOrder": "STRICT_ORDER" if strict else "DEFAULT_ACTION_ORDER"}}}
            rows = findings(Run("audit", "--json", "--home", "10.0.0.0/8", self.file("x.json", json.dumps(group))))
            return [(row["kind"], row["text"].split(" ")[1].rstrip(":")) for row in rows if row["kind"] in ("shadowed", "redundant")], rows
        wide, drop = "pass tcp $HOME_NET any -> 203.0.113.0/24 443 (sid:1;)\n", 'drop tcp $HOME_NET any -> 203.0.113.7 443 (sid:2; msg:"owner=net 2024-05-06";)\n'
        kinds, rows = found(wide + drop)
        self.assertEqual(kinds, [("shadowed", "sid:2")])
        row = next(row for row in rows if row["kind"] == "shadowed")
        self.assertEqual((row["owner"], row["since"]), ("net", "2024-05-06"))
        self.assertEqual(found(drop + wide)[0], [])
        self.assertEqual(found(drop + wide, strict=False)[0], [("shadowed", "sid:2")], "what passes is asked first")
        for other, want in (("pass tcp $HOME_NET any -> [203.0.113.1,203.0.113.128/25] [443] (sid:2;)", [("redundant", "sid:2")]),
                            ("pass tcp any any -> 203.0.113.7 443 (sid:2;)", []), ("pass tcp $HOME_NET any -> 203.0.112.0/23 443 (sid:2;)", []),
                            ("pass tcp $HOME_NET any -> 203.0.113.7 443:444 (sid:2;)", []), ("pass udp $HOME_NET any -> 203.0.113.7 443 (sid:2;)", []),
                            ("pass tcp $HOME_NET any <> 203.0.113.7 443 (sid:2;)", []), ("pass tcp $HOME_NET any -> !203.0.113.7 443 (sid:2;)", []),
                            ("alert tcp $HOME_NET any -> 203.0.113.7 443 (sid:2;)", []), ("drop tcp $HOME_NET any -> 203.0.113.7 443 (flow:to_server; sid:2;)", []),
                            ("drop tls $HOME_NET any -> 203.0.113.7 443 (sid:2;)", [])):
            self.assertEqual(found(wide + other)[0], want, other)
        self.assertEqual(found(wide.replace("(", "(flow:to_server; ") + drop)[0], [])

        def stateless(priority, net, action, ports=None, protocols=(6,)):
            match = {"Destinations": [{"AddressDefinition": net}], "Protocols": list(protocols)}
            if ports:
                match["DestinationPorts"] = [{"FromPort": ports[0], "ToPort": ports[1]}]
            return {"Priority": priority, "RuleDefinition": {"Actions": [action], "MatchAttributes": match}}
        group = {"RuleGroupResponse": {"RuleGroupName": "g", "Type": "STATELESS"}, "RuleGroup": {"RulesSource": {"StatelessRulesAndCustomActions": {"StatelessRules": [
            stateless(30, "10.1.0.0/16", "aws:drop", (80, 90)), stateless(10, "10.0.0.0/8", "aws:pass", (1, 1024), (6, 17)), stateless(20, "10.2.0.0/16", "aws:pass", (443, 443)),
            stateless(40, "10.3.0.0/16", "aws:drop"), stateless(50, "10.3.0.0/16", "aws:drop", (5, 6), (1, 6))]}}}}
        rows = findings(Run("audit", "--json", self.file("g.json", json.dumps(group))))
        self.assertEqual([(row["kind"], row["rule"]) for row in rows if row["kind"] in ("shadowed", "redundant")],
                         [("redundant", "g priority:20"), ("shadowed", "g priority:30")])

    def test_a_vpc(self):
        run = Run("audit", "--json", "-q", self.file("account.json", json.dumps(ACCOUNT)))
        self.assertEqual({(row["kind"], row["place"], row["rule"]) for row in findings(run)},
                         {("redundant", "egress", "sg-1 6/443-443 203.0.113.0/24"), ("shadowed", "egress", "acl-1 110")})

    def test_whose_a_rule_of_a_vpc_is(self):
        account = json.loads(json.dumps(ACCOUNT))
        account["NetworkAcls"][0]["Tags"] = [{"Key": "created-by", "Value": "ops"}, {"Key": "Creation_Date", "Value": "2024-05-06T07:08:09Z"}, {"Key": "Name", "Value": "2020-01-01"}]
        account["SecurityGroups"][0]["Tags"] = [{"Key": "Owner", "Value": "web"}]

        def whose():
            run = Run("audit", "--json", "-q", self.file("tagged.json", json.dumps(account)))
            return {row["rule"].split(" ")[0]: (row["owner"], row["since"]) for row in findings(run)}
        self.assertEqual(whose(), {"acl-1": ("ops", "2024-05-06"), "sg-1": ("web", None)})
        for permission in account["SecurityGroups"][0]["IpPermissionsEgress"]:
            for net in permission["IpRanges"]:
                net["Description"] = "owner=shop, since 2025-01-02"
        self.assertEqual(whose()["sg-1"], ("shop", "2025-01-02"))

    def test_deviations(self):
        policy, baseline = self.file("policy.yaml", POLICY), self.file("baseline.txt", BASELINE)
        run = Run("audit", "--json", "--policy", policy, "--baseline", baseline, self.file("rules", SAVE))
        self.assertEqual(run.code, DONE, run.err)
        self.assertIn("1 entries are names", run.err)
        rows = {(row["kind"], row["place"]): row for row in findings(run)}
        self.assertEqual(rows["policy-shut", "shut"]["shut"], "tcp:10.1.0.1:40000>203.0.113.1:22")
        self.assertEqual(rows["policy-shut", "shut"]["owner"], "net-team")
        self.assertEqual((rows["policy-open", "open"]["passes"], rows["policy-open", "open"]["rule"]),
                         ("tcp:10.1.0.1:40000>198.51.100.1:443", "filter FORWARD line 4"))
        self.assertEqual(rows["policy-open", "default office"]["passes"], "tcp:10.1.0.1:40000>151.101.1.9:443")
        self.assertNotIn("fine", {place for _, place in rows})
        shut = [row for row in rows.values() if row["kind"] == "baseline-shut"]
        self.assertEqual([row["shut"] for row in shut], ["tcp:10.1.0.1:40000>203.0.113.9:8443"])
        self.assertEqual([row["passes"] for row in rows.values() if row["kind"] == "unused-open"], ["udp:any>151.101.1.9:53"])
        for option, name in (("--policy", "no.yaml"), ("--baseline", "no.txt")):
            self.assertEqual(Run("audit", option, name, self.file("rules", SAVE)).code, USAGE)

    def test_what_no_connection_used(self):
        rules = SAVE.replace("[9:540] ", "").replace("[5:300] ", "").replace("[0:0] -A", "-A")
        log = self.file("conn.log", zeeklogs.head() + zeeklogs.conn(1577836800, 1, "10.0.0.5", 40000, "203.0.113.9", 443, "SF")
                        + zeeklogs.conn(1577836900, 2, "10.0.0.5", 40001, "203.0.113.9", 443, "SF"))
        run = Run("audit", "--json", "--flow-logs", log, self.file("rules", rules))
        self.assertEqual(run.code, DONE, run.err)
        unused = [row for row in findings(run) if row["kind"] == "never-hit"]
        self.assertEqual({row["line"] for row in unused}, {5, 6})
        log = self.file("conn.log", log.read_text()
                        + zeeklogs.conn(1577837000, 3, "10.0.0.5", 40001, "203.0.113.9", 53, "SF").replace("\ttcp\t", "\tudp\t"))
        run = Run("audit", "--json", "--flow-logs", log, self.file("rules", rules))
        unused = {row["line"]: row["text"] for row in findings(run) if row["kind"] == "never-hit"}
        self.assertEqual(set(unused), {6})
        self.assertIn("none of the 3 connections from 2020-01-01T00:00:00.000000Z to 2020-01-01T00:03:20.000000Z used it", unused[6])
        self.assertEqual(Run("audit", "--flow-logs", log, self.file("policy.yaml", POLICY)).code, USAGE)

    def test_drift(self):
        rules = self.file("rules", SAVE)
        then = self.file("then.jsonl", Run("audit", "--json", rules).out.decode())
        moved = SAVE.replace("[9:540]", "[10:600]").replace(":OUTPUT", ":x - [0:0]\n:OUTPUT")
        run = Run("audit", "--json", "--since", then, "--exit-code", self.file("rules", moved))
        self.assertEqual(run.code, DONE, run.out)
        self.assertEqual([row for row in findings(run) if row["new"]], [])
        opened = moved.replace("COMMIT", "[1:60] -A FORWARD -p udp -m udp --dport 443 -j ACCEPT\nCOMMIT").replace("[0:0] -A FORWARD -d 192.0.2.1/32", "-A FORWARD -s 192.0.2.1/32")
        run = Run("audit", "--json", "--since", then, "--exit-code", self.file("rules", opened))
        self.assertEqual(run.code, FINDINGS)
        self.assertIn("quic", {row["kind"] for row in findings(run) if row["new"]})
        self.assertIn("never-hit", {row["kind"] for row in run.lines() if row["type"] == "gone"})
        self.assertEqual({(row["flow"], row["before"]) for row in run.lines() if "before" in row}, {("udp:any>151.101.1.9:443", "denied")})
        text = Run("audit", "--since", then, self.file("rules", opened)).out.decode()
        self.assertRegex(text, r"(?m)^new  warning quic ")
        self.assertRegex(text, r"(?m)^gone never-hit-[0-9a-f]{16}: ")
        self.assertRegex(text, r"  was denied  allowed by ")
        self.assertEqual(Run("audit", "--exit-code", rules).code, FINDINGS)
        self.assertEqual(Run("audit", "--exit-code", self.file("rules", SHUT)).code, DONE)
        run = Run("audit", "--since", self.file("bad", "{}\n{"), rules)
        self.assertEqual(run.code, USAGE)
        self.assertRegex(run.err, "bad:2: ")

    def check_sarif(self, log):
        """What the schema of SARIF 2.1.0 requires, and what code hosts do beyond it."""
        self.assertEqual((log["version"], set(log) - {"$schema", "version", "runs"}), ("2.1.0", set()))
        self.assertRegex(log["$schema"], "sarif-schema-2.1.0.json$")
        (run,) = log["runs"]
        driver = run["tool"]["driver"]
        self.assertIsInstance(driver["name"], str)
        rules = [rule["id"] for rule in driver["rules"]]
        self.assertEqual(len(rules), len(set(rules)))
        for rule in driver["rules"]:
            self.assertTrue(rule["shortDescription"]["text"] and rule["help"]["text"])
            self.assertIn(rule["defaultConfiguration"]["level"], SARIF_LEVELS)
        for result in run["results"]:
            self.assertTrue(result["message"]["text"])
            self.assertTrue(all(isinstance(value, str) for value in result["partialFingerprints"].values()))
            for location in result["locations"]:
                self.assertRegex(location["physicalLocation"]["artifactLocation"]["uri"], r"^[A-Za-z0-9._~/%:-]+$")
                self.assertGreaterEqual(location["physicalLocation"].get("region", {"startLine": 1})["startLine"], 1)
            if result.get("baselineState") != "absent":
                self.assertEqual(rules[result["ruleIndex"]], result["ruleId"])
                self.assertIn(result["level"], SARIF_LEVELS)
            self.assertIn(result.get("baselineState", "new"), {"new", "unchanged", "updated", "absent"})
        return run["results"]

    def test_sarif(self):
        rules = self.file("rules with blank", SAVE)
        run = Run("audit", "--to", "sarif", rules)
        self.assertEqual(run.code, DONE, run.err)
        results = self.check_sarif(json.loads(run.out))
        said = findings(Run("audit", "--json", rules))
        self.assertEqual([result["partialFingerprints"]["postern/v1"] for result in results], [row["id"] for row in said])
        shadowed = next(result for result in results if result["ruleId"] == "shadowed")["locations"][0]["physicalLocation"]
        self.assertEqual(shadowed["region"], {"startLine": 6})
        self.assertTrue(shadowed["artifactLocation"]["uri"].endswith("rules%20with%20blank"))
        then = self.file("then.jsonl", Run("audit", "--json", rules).out.decode())
        run = Run("audit", "--to", "sarif", "--since", then, self.file("rules", SHUT))
        self.assertEqual({result["baselineState"] for result in self.check_sarif(json.loads(run.out))}, {"absent"})
        self.assertEqual(Run("audit", "--to", "sarif", "--flow", "tcp:10.0.0.5:1>192.0.2.1:1", rules).code, USAGE)
        self.assertEqual(Run("audit", "--to", "xml", rules).code, USAGE)

    def test_the_kinds_are_in_the_document(self):
        root = pathlib.Path(__file__).resolve().parent.parent.parent
        rows = re.findall(r"^\| `([a-z0-9-]+)` \| (note|warning|error) \| (.*?) \| (.*?) \|$", (root / "docs/AUDIT.md").read_text(), re.M)
        rules = json.loads(Run("audit", "--to", "sarif", self.file("rules", SHUT)).out)["runs"][0]["tool"]["driver"]["rules"]
        self.assertEqual(rows, [(rule["id"], rule["defaultConfiguration"]["level"], rule["shortDescription"]["text"], rule["help"]["text"]) for rule in rules])

    def test_nfts_own_words(self):
        rules = {"nftables": [{"table": {"family": "inet", "name": "t"}},
                              {"chain": {"family": "inet", "table": "t", "name": "o", "type": "filter", "hook": "output", "prio": 0, "policy": "drop"}},
                              {"rule": {"family": "inet", "table": "t", "chain": "o", "handle": 4, "expr": [
                                  {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "wan0"}},
                                  {"match": {"op": "!=", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": {"prefix": {"addr": "203.0.113.0", "len": 24}}}},
                                  {"match": {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [80, {"range": [440, 450]}]}}},
                                  {"counter": {"packets": 7, "bytes": 420}}, {"accept": None}]}}]}
        run = Run("audit", "--json", "--out", "wan0", "--flow", "tcp:10.0.0.5:1>192.0.2.1:443", self.file("rules", json.dumps(rules)))
        self.assertEqual(run.lines()[0]["reason"],
                         'allowed by inet t o handle 4: oifname "wan0" ip daddr != 203.0.113.0/24 tcp dport { 80, 440-450 } counter accept')

    def test_rules_of_no_use_have_none(self):
        """Without a rule that is called shadowed, redundant or never matching, all flows fare the same."""
        folder = DATA / "cloud/nft/github-json"
        if not folder.is_dir():
            self.skipTest(f"{folder}: not there")
        flows = self.file("flows", "".join("\t".join((*way, flow)) + "\n" for way in WAYS for flow in PROBES))
        useless = 0
        for path in sorted(folder.glob("*.json")):
            found = {row["rule"] for row in findings(Run("audit", "--json", path)) if row["kind"] in ("shadowed", "redundant", "never-matches")}
            if not found:
                continue
            before = [(row["flow"], row["verdict"]) for row in Run("audit", "--json", "--flows", flows, path).lines()]
            ruleset = json.loads(path.read_text())
            for name in sorted(found)[:6]:  # one at a time: two may stand for each other
                useless += 1
                family, table, chain, _, handle = name.rsplit(" ", 4) if name.count(" ") == 4 else (None,) * 5
                left = [item for item in ruleset["nftables"] if not ("rule" in item and family is not None and all(
                    str(item["rule"].get(key)) == value for key, value in (("family", family), ("table", table), ("chain", chain), ("handle", handle))))]
                self.assertEqual(len(left), len(ruleset["nftables"]) - 1, (path.name, name))
                run = Run("audit", "--json", "--flows", flows, self.file("less.json", json.dumps({"nftables": left})))
                self.assertEqual([(row["flow"], row["verdict"]) for row in run.lines()], before, (path.name, name))
        self.assertGreater(useless, 50)

    def test_hostile_rulesets_end(self):
        line = "-A FORWARD -s 10.0.0.0/9 -p tcp -m tcp --dport 1:{} -o e{} -j ACCEPT\n"
        jumps = "".join(f":c{i} - [0:0]\n" for i in range(3000)) + "".join(f"-A c{i} -j c{(i + 1) % 3000}\n" * 2 for i in range(3000))
        for name, text, words in (("overlap", "".join(line.format(i, i % 5) for i in range(1, 20000)), "too-many"), ("cycle", ":FORWARD DROP [0:0]\n" + jumps, ""),
                                  ("dnat", "COMMIT\n*nat\n" + "".join(f"-A PREROUTING -p tcp --dport {i + 1} -j DNAT --to-destination 8.8.8.8:{i + 1}\n"
                                                                     for i in range(30000)), "too-many"),
                                  ("million", "-A FORWARD -j ACCEPT\n" * 1000000, "over 8 MB")):
            begun = time.monotonic()
            run = Run("audit", "--json", self.file(name, f"*filter\n{text}COMMIT\n"))
            self.assertLess(time.monotonic() - begun, 60, name)
            self.assertIn(words, run.err + run.out.decode(), name)
            self.assertEqual(run.code, USAGE if name == "million" else DONE, name)


if __name__ == "__main__":
    unittest.main()
