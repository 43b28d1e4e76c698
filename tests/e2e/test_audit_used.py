# SPDX-License-Identifier: Apache-2.0
"""postern audit --flow-logs of Amazon's boundaries: which rules no connection of the logs used, and of which that is not known."""
import json
import unittest

from support import Case, DONE, Run, USAGE

HEAD = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags\n"
WEB, DB, IDLE = "10.0.1.5", "10.0.2.6", "10.0.2.7"


def allow(proto, low, high, net, group=None):
    row = {"IpProtocol": proto, "FromPort": low, "ToPort": high}
    row["UserIdGroupPairs" if group else "IpRanges"] = [{"GroupId": group} if group else {"CidrIp": net}]
    return row


def group(name, ingress, egress):
    return {"GroupId": name, "VpcId": "vpc-1", "IpPermissions": ingress, "IpPermissionsEgress": egress}


def entry(number, egress, action, low, high, net="0.0.0.0/0"):
    return {"RuleNumber": number, "Egress": egress, "RuleAction": action, "Protocol": "6", "PortRange": {"From": low, "To": high}, "CidrBlock": net}


def interface(name, subnet, address, *groups):
    return {"NetworkInterfaceId": name, "SubnetId": subnet, "VpcId": "vpc-1", "InterfaceType": "interface", "PrivateIpAddress": address,
            "PrivateIpAddresses": [{"PrivateIpAddress": address}], "Groups": [{"GroupId": one} for one in groups]}


ACCOUNT = {
    "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
    "Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"}, {"SubnetId": "subnet-2", "VpcId": "vpc-1", "CidrBlock": "10.0.2.0/24"}],
    "SecurityGroups": [
        group("sg-web", [allow("tcp", 22, 22, "0.0.0.0/0")], [allow("tcp", 443, 443, "0.0.0.0/0"), allow("tcp", 5432, 5432, "10.0.2.0/24"), allow("udp", 53, 53, "0.0.0.0/0")]),
        group("sg-more", [], [allow("tcp", 5432, 5432, "10.0.2.6/32")]),
        group("sg-db", [allow("tcp", 5432, 5432, None, "sg-web"), allow("tcp", 5432, 5432, "192.168.0.0/16"), allow("tcp", 6000, 6000, "0.0.0.0/0")], []),
        group("sg-idle", [allow("tcp", 1, 2, "0.0.0.0/0")], [])],
    "NetworkInterfaces": [interface("eni-web", "subnet-1", WEB, "sg-web", "sg-more"), interface("eni-db", "subnet-2", DB, "sg-db"), interface("eni-idle", "subnet-2", IDLE, "sg-db", "sg-idle")],
    "NetworkAcls": [
        {"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": False, "Associations": [{"SubnetId": "subnet-1"}], "Entries": [
            entry(100, True, "allow", 5432, 5432), entry(110, True, "deny", 25, 25), entry(120, True, "allow", 0, 65535), entry(130, True, "allow", 443, 443),
            entry(100, False, "allow", 40000, 40009), entry(110, False, "allow", 1024, 39999), entry(120, False, "allow", 0, 65535)]},
        {"NetworkAclId": "acl-2", "VpcId": "vpc-1", "IsDefault": True, "Entries": [entry(100, True, "allow", 0, 65535), entry(100, False, "allow", 0, 65535)]},
        {"NetworkAclId": "acl-9", "VpcId": "vpc-9", "IsDefault": True, "Entries": [entry(100, True, "allow", 0, 65535)]}]}


def record(at, interface_id, src, sport, dst, dport, action="ACCEPT", flags=2):
    """Both directions of a connection; what is rejected has no answer."""
    rows = [f"3 1 {interface_id} {src} {dst} {sport} {dport} 6 5 500 {at} {at + 5} {action} OK {flags}"]
    if action == "ACCEPT":
        rows.append(f"3 1 {interface_id} {dst} {src} {dport} {sport} 6 5 500 {at} {at + 5} ACCEPT OK {flags | 16}")
    return "\n".join(rows) + "\n"


def findings(run, kind):
    return {row["text"].split(": ")[0]: row["text"] for row in run.lines() if row["type"] == "finding" and row["kind"] == kind}


class OfAVpc(Case):
    def ask(self, *records, account=ACCOUNT):
        log = self.path("flow.log", (HEAD + "".join(records)).encode())
        run = Run("audit", "--json", "-q", "--flow-logs", log, self.path("account.json", json.dumps(account).encode()))
        self.assertEqual(run.code, DONE, run.err)
        return findings(run, "never-hit"), findings(run, "use-unknown")

    def test_each_rule_that_may_have_let_a_connection_pass_is_used(self):
        unused, unknown = self.ask(record(1700000000, "eni-web", WEB, 40001, DB, 5432))
        self.assertEqual(set(unused), {
            "ingress sg-web 6/22-22 0.0.0.0/0", "egress sg-web 6/443-443 0.0.0.0/0", "egress sg-web 17/53-53 0.0.0.0/0",  # not its second rule, nor that of the interface's other group
            "ingress sg-db 6/5432-5432 192.168.0.0/16", "ingress sg-db 6/6000-6000 0.0.0.0/0",
            "egress acl-1 110", "egress acl-1 120", "egress acl-1 130", "ingress acl-1 110", "ingress acl-1 120"})  # the reply went to 40001: the first entry of ingress decided
        self.assertRegex(unused["ingress sg-db 6/6000-6000 0.0.0.0/0"],
                         r"^ingress sg-db 6/6000-6000 0\.0\.0\.0/0: none of the 1 connections that nobody denied of eni-db \(1 of 2 interfaces\) from 2023-11-14T22:13:20\S+ to 2023\S+ used it$")
        self.assertIn("of subnet-1 (1 of 1 subnets)", unused["egress acl-1 130"])
        self.assertEqual(set(unknown), {"sg-idle", "acl-9"})
        self.assertIn("whether its 1 rules are used is not known: the logs show no connection that nobody denied of the 1 interfaces", unknown["sg-idle"])

    def test_each_connection_takes_its_own_rule_off_the_list(self):
        first = record(1700000000, "eni-web", WEB, 40001, DB, 5432)
        before, _ = self.ask(first)
        for more, gone in ((record(1700000100, "eni-web", WEB, 40002, "203.0.113.9", 443), {"egress sg-web 6/443-443 0.0.0.0/0", "egress acl-1 120"}),
                           (record(1700000100, "eni-web", WEB, 2000, "203.0.113.9", 443), {"egress sg-web 6/443-443 0.0.0.0/0", "egress acl-1 120", "ingress acl-1 110"}),
                           (record(1700000100, "eni-db", "198.51.100.7", 40003, DB, 6000), {"ingress sg-db 6/6000-6000 0.0.0.0/0"}),
                           (record(1700000100, "eni-web", "198.51.100.7", 40003, WEB, 22), {"ingress sg-web 6/22-22 0.0.0.0/0", "egress acl-1 120", "ingress acl-1 120"})):
            after, _ = self.ask(first, more)
            with self.subTest(more=more):
                self.assertEqual(set(before) - set(after), gone)
                self.assertEqual(set(after) - set(before), set())

    def test_what_was_denied_uses_only_what_denies(self):
        first = record(1700000000, "eni-web", WEB, 40001, DB, 5432)
        before, _ = self.ask(first)
        after, _ = self.ask(first, record(1700000100, "eni-db", "198.51.100.7", 40003, DB, 6000, "REJECT"))
        self.assertEqual(set(after), set(before))
        self.assertIn("none of the 1 connections", after["ingress sg-db 6/6000-6000 0.0.0.0/0"])
        after, _ = self.ask(first, record(1700000100, "eni-web", WEB, 40004, "203.0.113.9", 25, "REJECT"))
        self.assertEqual(set(before) - set(after), {"egress acl-1 110"})

    def test_an_address_of_two_interfaces_uses_the_rules_of_both(self):
        account = json.loads(json.dumps(ACCOUNT))
        account["Vpcs"].append({"VpcId": "vpc-2", "CidrBlock": "10.0.0.0/16"})
        account["Subnets"].append({"SubnetId": "subnet-3", "VpcId": "vpc-2", "CidrBlock": "10.0.1.0/24"})
        account["SecurityGroups"].append(dict(group("sg-twin", [], [allow("tcp", 443, 443, "0.0.0.0/0")]), VpcId="vpc-2"))
        account["NetworkInterfaces"].append(dict(interface("eni-twin", "subnet-3", WEB, "sg-twin"), VpcId="vpc-2"))
        unused, unknown = self.ask(record(1700000100, "eni-web", WEB, 40002, "203.0.113.9", 443), account=account)
        self.assertNotIn("egress sg-web 6/443-443 0.0.0.0/0", unused)
        self.assertNotIn("egress sg-twin 6/443-443 0.0.0.0/0", unused)
        self.assertNotIn("sg-twin", unknown)
        self.assertIn("ingress sg-web 6/22-22 0.0.0.0/0", unused)

    def test_the_id_stays_while_the_logs_grow(self):
        def ids(*records):
            log = self.path("flow.log", (HEAD + "".join(records)).encode())
            rows = Run("audit", "--json", "-q", "--flow-logs", log, self.path("account.json", json.dumps(ACCOUNT).encode())).lines()
            return {row["rule"]: row["id"] for row in rows if row["type"] == "finding" and row["kind"] == "never-hit"}
        first = record(1700000000, "eni-web", WEB, 40001, DB, 5432)
        self.assertEqual(ids(first), ids(first, record(1700000500, "eni-web", WEB, 40002, DB, 5432)))


RULES = """pass tcp $HOME_NET any -> 203.0.113.0/24 443 (sid:1;)
pass tcp $HOME_NET any -> 203.0.113.0/24 8443 (sid:2; msg:"owner=net 2024-05-06";)
drop tls $HOME_NET any -> any any (tls.sni; content:"bad.example"; sid:3;)
pass tcp $HOME_NET any -> 203.0.113.9 443 (sid:4;)
drop udp $HOME_NET any -> any 53 (sid:5;)
"""


def stateless(priority, net, action):
    return {"Priority": priority, "RuleDefinition": {"Actions": [action], "MatchAttributes": {"Destinations": [{"AddressDefinition": net}], "Protocols": [6]}}}


FIREWALL = [
    {"FirewallPolicyResponse": {"FirewallPolicyName": "p", "FirewallPolicyArn": "arn:p"}, "FirewallPolicy": {
        "StatelessDefaultActions": ["aws:forward_to_sfe"], "StatelessFragmentDefaultActions": ["aws:drop"], "StatefulEngineOptions": {"RuleOrder": "STRICT_ORDER"},
        "StatelessRuleGroupReferences": [{"ResourceArn": "arn:less", "Priority": 1}], "StatefulRuleGroupReferences": [{"ResourceArn": "arn:full", "Priority": 1}]}},
    {"RuleGroupResponse": {"RuleGroupName": "full", "RuleGroupArn": "arn:full", "Type": "STATEFUL"}, "RuleGroup": {
        "RulesSource": {"RulesString": RULES}, "StatefulRuleOptions": {"RuleOrder": "STRICT_ORDER"}}},
    {"RuleGroupResponse": {"RuleGroupName": "less", "RuleGroupArn": "arn:less", "Type": "STATELESS"}, "RuleGroup": {"RulesSource": {"StatelessRulesAndCustomActions": {"StatelessRules": [
        stateless(10, "203.0.113.0/24", "aws:forward_to_sfe"), stateless(20, "192.0.2.0/24", "aws:forward_to_sfe"), stateless(30, "198.51.100.0/24", "aws:drop")]}}}}]


class OfANetworkFirewall(Case):
    def ask(self, *records, texts=FIREWALL, code=DONE):
        log = self.path("flow.log", (HEAD + "".join(records)).encode())
        folder = self.path("firewall/0.json", b"{}").parent
        for i, text in enumerate(texts):
            (folder / f"{i}.json").write_text(json.dumps(text))
        run = Run("audit", "--json", "-q", "--home", "10.0.0.0/8", "--flow-logs", log, folder)
        self.assertEqual(run.code, code, run.err)
        return run if code != DONE else (findings(run, "never-hit"), findings(run, "use-unknown"))

    def test_rules_of_addresses_and_ports(self):
        unused, unknown = self.ask(record(1700000000, "eni-web", WEB, 40001, "203.0.113.9", 443))
        self.assertEqual(set(unused), {"full sid:2", "full sid:4", "full sid:5", "less priority:20"})  # 1 decides before 4
        self.assertIn("none of the 1 connections from 2023-11-14T22:13:20", unused["full sid:2"])
        self.assertEqual({name: text.split(": ")[1] for name, text in unknown.items()},
                         {"full": "whether 1 of its rules are used is not decided by these logs", "less": "whether 1 of its rules are used is not decided by these logs"})
        self.assertIn("names or contents", unknown["full"])
        self.assertIn("pass or drop", unknown["less"])
        more, _ = self.ask(record(1700000000, "eni-web", WEB, 40001, "203.0.113.9", 443), record(1700000000, "eni-web", WEB, 40002, "203.0.113.7", 8443))
        self.assertEqual(set(unused) - set(more), {"full sid:2"})

    def test_logs_that_no_rule_fits_say_nothing(self):
        texts = [json.loads(json.dumps(text)) for text in FIREWALL]
        texts[1]["RuleGroup"]["RulesSource"]["RulesString"] = RULES.splitlines()[0]
        unused, unknown = self.ask(record(1700000000, "eni-web", WEB, 40001, "100.64.0.9", 22), texts=texts)
        self.assertEqual((unused, set(unknown)), ({}, {"full", "less"}))
        self.assertIn("no connection of them matches any rule", unknown["full"])

    def test_of_several_policies_one_has_to_be_given(self):
        other = json.loads(json.dumps(FIREWALL[0]))
        other["FirewallPolicyResponse"].update(FirewallPolicyName="q", FirewallPolicyArn="arn:q")
        run = self.ask(record(1700000000, "eni-web", WEB, 40001, "203.0.113.9", 443), texts=[*FIREWALL, other], code=USAGE)
        self.assertIn("which of several policies", run.err)


if __name__ == "__main__":
    unittest.main()
