# SPDX-License-Identifier: Apache-2.0
"""policy compile for Amazon's boundaries: three forms of the same, read back and asked the policy's questions; quotas; what is told."""
import ipaddress
import json
import re
import unittest

from support import DONE, NOTHING, USAGE, Case, Run, scenario_bytes

POLICY = """version: 1
zones:
  office: {networks: [10.0.0.0/24, "2001:db8:1::/64"]}
  lab: {networks: 10.0.1.0/24, default: allow}
services:
  web: {protocol: tcp, ports: [80, 443], as: tls}
  ssh: {protocol: tcp, ports: 22}
  mail: {protocol: tcp, ports: 25}
  dns: {protocol: [tcp, udp], ports: 53}
  ping: {protocol: icmp, types: 8}
destinations:
  vendor: {names: [vendor.example, "*.vendor.example"]}
  hosts: {networks: [203.0.113.0/25, "2001:db8:9::/48"]}
rules:
  - {id: no-mail, owner: o, why: "spam; \\"really\\" ${x}", from: any, to: any, service: mail, action: deny}
  - {id: names, owner: o, why: w, from: office, to: 198.51.100.53, service: dns, action: allow}
  - {id: one, owner: o, why: w, from: 10.0.0.5, to: hosts, service: ssh, action: allow}
  - {id: vendor, owner: o, why: w, from: office, to: vendor, service: web, action: allow}
  - {id: ping, owner: o, why: w, from: office, to: hosts, service: ping, action: allow}
"""
FORMS = "cli", "cloudformation", "terraform"
FLOWS = [f"{proto}:{src}:40000>{dst}:{port}"
         for src in ("10.0.0.5", "10.0.0.6", "10.0.1.7") for dst in ("203.0.113.0", "203.0.113.127", "203.0.113.128", "198.51.100.53")
         for proto, port in (("tcp", 22), ("tcp", 23), ("tcp", 25), ("tcp", 53), ("udp", 53), ("tcp", 443))]
FLOWS += [f"icmp:{src}>{dst}:{kind}" for src in ("10.0.0.5", "10.0.1.7") for dst in ("203.0.113.1", "203.0.113.200") for kind in (8, 13)]
ICMP = {"icmp", "icmpv6", "1", "58"}
PORTS = {"tcp", "udp", "6", "17"}


class Writing(Case):
    def compiled(self, target, form, *options, text=POLICY):
        path = self.folder / f"{self._testMethodName}-{target}-{form}.json"
        run = Run("policy", "compile", self.path("p.yaml", text.encode()), "--to", target, "--form", form, "-o", path, *options)
        self.assertEqual(run.code, DONE, run)
        return json.loads(path.read_text()), run.err

    def verdicts(self, target, flows, *options):
        run = Run("policy", "test", target, "--json", *options, "-", stdin="\n".join(flows).encode())
        self.assertEqual(run.code, DONE, run)
        return [line["verdict"] for line in run.lines()]


def groups_of(form, document):
    """Names, and rules as describe-security-groups has them."""
    if form == "cli":
        found = {call["input"]["GroupName"]: [] for call in document["calls"] if call["operation"] == "create-security-group"}
        for call in document["calls"]:
            if call["operation"] == "authorize-security-group-egress":
                found[call["input"]["GroupId"].removeprefix("GROUP:")] += call["input"]["IpPermissions"]
        return found
    found = {}
    if form == "cloudformation":
        for resource in document["Resources"].values():
            rules = [rule for rule in resource["Properties"]["SecurityGroupEgress"] if rule.get("CidrIp") != "127.0.0.1/32"]
            found[resource["Properties"]["GroupName"]] = [permission(rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"),
                                                          rule.get("CidrIp"), rule.get("CidrIpv6"), rule["Description"]) for rule in rules]
        return found
    for block in document["resource"]["aws_security_group"].values():
        found[block["name"]] = [permission(rule["protocol"], rule["from_port"], rule["to_port"], *rule["cidr_blocks"], *([None] if rule["ipv6_cidr_blocks"] else []),
                                           *rule["ipv6_cidr_blocks"], *([None] if rule["cidr_blocks"] else []), rule["description"]) for rule in block["egress"]]
    return found


def permission(proto, low, high, net, net6, words):
    peer = {"IpRanges": [{"CidrIp": net, "Description": words}]} if net else {"Ipv6Ranges": [{"CidrIpv6": net6, "Description": words}]}
    ports = {"FromPort": low, "ToPort": high} if proto in ICMP | PORTS else {}
    return {"IpProtocol": proto, **ports, **peer}


def acls_of(form, document):
    """Names, and entries as describe-network-acls has them."""
    found = {}
    if form == "cli":
        for call in document["calls"]:
            if call["operation"] == "create-network-acl-entry":
                entry = dict(call["input"])
                found.setdefault(entry.pop("NetworkAclId").removeprefix("ACL:"), []).append(entry)
    elif form == "cloudformation":
        resources = document["Resources"]
        for resource in resources.values():
            if resource["Type"] == "AWS::EC2::NetworkAclEntry":
                entry = dict(resource["Properties"])
                name = resources[entry.pop("NetworkAclId")["Ref"]]["Properties"]["Tags"][0]["Value"]
                entry["Protocol"] = str(entry["Protocol"])
                if "Icmp" in entry:
                    entry["IcmpTypeCode"] = entry.pop("Icmp")
                found.setdefault(name, []).append(entry)
    else:
        for block in document["resource"]["aws_network_acl"].values():
            found[block["tags"]["Name"]] = [acl_entry(rule, way == "egress") for way in ("egress", "ingress") for rule in block[way]]
    return {name: sorted(entries, key=lambda entry: (entry["Egress"], entry["RuleNumber"])) for name, entries in found.items()}


def acl_entry(rule, egress):
    net = {"CidrBlock": rule["cidr_block"]} if rule["cidr_block"] else {"Ipv6CidrBlock": rule["ipv6_cidr_block"]}
    service = {}
    if rule["protocol"] in PORTS:
        service = {"PortRange": {"From": rule["from_port"], "To": rule["to_port"]}}
    elif rule["protocol"] in ICMP:
        service = {"IcmpTypeCode": {"Type": rule["icmp_type"], "Code": rule["icmp_code"]}}
    return {"RuleNumber": rule["rule_no"], "Egress": egress, "Protocol": rule["protocol"], "RuleAction": rule["action"], **net, **service}


ANY = [{"RuleNumber": 100, "Egress": egress, "RuleAction": "allow", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"} for egress in (True, False)]


def described(groups=None, acls=None, attached=lambda _: []):
    """A VPC of a subnet for each zone, with what was written in it."""
    hosts = {"10.0.0.5": "office", "10.0.0.6": "office", "10.0.1.7": "lab"}
    return {
        "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
        "Subnets": [{"SubnetId": f"subnet-{zone}", "VpcId": "vpc-1", "CidrBlock": net} for zone, net in (("office", "10.0.0.0/24"), ("lab", "10.0.1.0/24"))],
        "RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": True}],
                         "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}]}],
        "SecurityGroups": [{"GroupId": name, "VpcId": "vpc-1", "IpPermissionsEgress": rules} for name, rules in (groups or {}).items()] +
                          [{"GroupId": "open", "VpcId": "vpc-1", "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}],
        "NetworkInterfaces": [{"NetworkInterfaceId": f"eni-{host}", "SubnetId": f"subnet-{zone}", "VpcId": "vpc-1", "InterfaceType": "interface",
                               "PrivateIpAddress": host, "Association": {"PublicIp": "198.51.100.9"},
                               "Groups": [{"GroupId": name} for name in attached(host)] or [{"GroupId": "open"}]} for host, zone in hosts.items()],
        "NetworkAcls": [{"NetworkAclId": name, "VpcId": "vpc-1", "IsDefault": False, "Associations": [{"SubnetId": name.replace("postern", "subnet")}],
                         "Entries": entries} for name, entries in (acls or {}).items()] +
                       [{"NetworkAclId": "acl-0", "VpcId": "vpc-1", "IsDefault": True, "Entries": ANY}],
    }


class Vpc(Writing):
    def test_groups_in_three_forms(self):
        written = [groups_of(form, self.compiled("sg", form)[0]) for form in FORMS]
        self.assertEqual(written[0], written[1])
        self.assertEqual(written[0], written[2])
        # 10.0.0.5, the rest of the office, its IPv6; the lab takes five: all but TCP to port 25 is a rule for each other protocol
        self.assertEqual(len(written[0]), 8)
        hosts = {call["input"]["GroupName"]: call["input"]["Description"] for call in self.compiled("sg", "cli")[0]["calls"]
                 if call["operation"] == "create-security-group"}
        self.assertEqual(len({words for words in hosts.values()}), 4)
        self.ask(groups=written[0], attached=lambda host: [name for name, words in hosts.items() if holds(words, host)])

    def test_acls_in_three_forms(self):
        text = POLICY.replace("from: 10.0.0.5", "from: office")
        written = [acls_of(form, self.compiled("nacl", form, "--quota", "40", text=text)[0]) for form in FORMS]
        self.assertEqual(written[0], written[1])
        self.assertEqual(written[0], written[2])
        self.assertEqual(set(written[0]), {"postern-office", "postern-lab"})
        self.ask(acls=written[0], text=text)

    def ask(self, text=POLICY, **parts):
        """Names and protocols are not told: what the policy would decide by them is shut."""
        target = self.path("vpc.json", json.dumps(described(**parts)).encode())
        want = ["allowed" if verdict == "allowed" else "denied" for verdict in self.verdicts(self.path("p.yaml", text.encode()), FLOWS)]
        self.assertEqual(dict(zip(FLOWS, self.verdicts(target, FLOWS))), dict(zip(FLOWS, want)))
        self.assertLess(10, want.count("allowed"))
        self.assertLess(10, want.count("denied"))

    def test_what_is_left_open_is_asked_for(self):
        for options, found in (((), False), (("--wider",), True)):
            document, told = self.compiled("sg", "cli", *options)
            rules = [rule for rules in groups_of("cli", document).values() for rule in rules]
            self.assertEqual(any(rule.get("FromPort") == 443 and rule["IpRanges"][0]["CidrIp"] == "0.0.0.0/0" for rule in rules if "IpRanges" in rule), found)
            self.assertIn("passes too: wider than the policy" if found else "is left shut", told)
            for line in document["NotAsThePolicySays"]:
                self.assertIn(line, told)

    def test_names_by_the_addresses_that_they_had(self):
        capture = self.path("day.pcap", scenario_bytes("benign-office-day"))
        baseline, draft = self.folder / "d.txt", self.folder / "d.yaml"
        self.assertEqual(Run("baseline", "learn", "--min-days", "1", "-o", baseline, capture).code, DONE)
        self.assertEqual(Run("policy", "draft", "--baseline", baseline, "-o", draft).code, DONE)
        name = re.search(r'"?\*\.([\w.-]+)', draft.read_text())[1]
        text = POLICY.replace(", as: tls", "").replace("vendor.example", name).replace("10.0.0.0/24", "10.1.0.0/16").replace("10.0.0.5", "10.1.0.31")
        for dns, known in (((), False), (("--dns", capture), True)):
            run = Run("policy", "compile", self.path("n.yaml", text.encode()), "--to", "sg", *dns)
            self.assertEqual(run.code, DONE, run)
            rules = [rule for rules in groups_of("cli", json.loads(run.out)).values() for rule in rules if "IpRanges" in rule]
            nets = {rule["IpRanges"][0]["CidrIp"] for rule in rules if rule["IpRanges"][0]["Description"] == "postern vendor"}
            self.assertEqual(bool(nets), known, run.err)
            self.assertTrue(all(net.endswith("/32") for net in nets), nets)
            self.assertIn("stand for the addresses that were seen" if known else "no address of", run.err)

    def test_quotas(self):
        for target, count, words in (("sg", 400, "400 rules for its IPv4 hosts take 7 groups of 60, and an interface has 5 groups"),
                                     ("nacl", 40, "its ACL needs 41 outbound rules of IPv4, its denial of all else among them: 21 over the quota of 20")):
            nets = ", ".join(f"203.0.{n // 100}.{n % 100 * 2}" for n in range(count))
            text = "version: 1\nzones: {z: {networks: 10.0.0.0/24}}\nservices: {s: {protocol: tcp, ports: 443}}\nrules:\n" \
                   f"  - {{id: r, owner: o, why: w, from: z, to: [{nets}], service: s, action: allow}}\n"
            out = self.folder / f"{target}.json"
            run = Run("policy", "compile", self.path("q.yaml", text.encode()), "--to", target, "-o", out)
            self.assertEqual(run.code, NOTHING, run)
            self.assertIn(words, run.err)
            self.assertFalse(out.exists())
        path = self.path("q.yaml", POLICY.encode())
        self.assertIn("no ACL has more than 40 rules", Run("policy", "compile", path, "--to", "nacl", "--quota", "41").err)
        run = Run("policy", "compile", path, "--to", "nfw", "--quota", "3")
        self.assertRegex(run.err, r"\d+ rules of Network Firewall, \d+ over the quota of 3 a policy")
        self.assertEqual((run.code, run.out), (NOTHING, b""))
        ports = ", ".join(str(2 * n) for n in range(1, 3000))
        run = Run("policy", "compile", self.path("q.yaml", POLICY.replace("ports: 25}", f"ports: [{ports}]}}").encode()), "--to", "nfw")
        self.assertRegex(run.err, r"rule no-mail: a rule of \d+ bytes, and Network Firewall takes 8192")
        self.assertEqual((run.code, run.out), (NOTHING, b""))


def holds(words, host):
    """Whether a group's description names the host."""
    for first, _, last in (part.partition("-") for part in words.split(": ", 1)[1].split(", ")):
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last or first)
        if low.version == 4 and low <= ipaddress.ip_address(host) <= high:
            return True
    return False


class Firewall(Writing):
    def targets(self, text=POLICY):
        for form in FORMS:
            document, _ = self.compiled("nfw", form, text=text)
            whole = json.dumps(document)
            if form == "terraform":  # as Terraform itself reads it
                whole = whole.replace("$${", "${")
            yield self.path(f"{form}.json", whole.encode())

    def test_three_forms_say_what_the_policy_says(self):
        policy = self.path("p.yaml", POLICY.encode())
        asked = [("--as", "ssh"), ("--sni", "vendor.example"), ("--sni", "www.vendor.example"), ("--sni", "xvendor.example"), ("--http-host", "vendor.example")]
        tcp = [flow for flow in FLOWS if flow.startswith("tcp:")]
        for target in self.targets():
            for options in asked:
                given = options if options[0] != "--as" else (*options, "--dns-name", "other.example")
                want = self.verdicts(policy, tcp, *given)
                self.assertEqual(dict(zip(tcp, self.verdicts(target, tcp, *given))), dict(zip(tcp, want)), options)
                self.assertIn("allowed", want)
                self.assertIn("denied", want)

    def test_many_names_are_several_groups(self):
        names = ", ".join(f"n{n}.example" for n in range(16000))
        text = "version: 1\nzones: {z: {networks: 10.0.0.0/24}}\nservices: {s: {protocol: tcp, ports: 443, as: tls}}\n" \
               f"destinations: {{d: {{names: [{names}]}}}}\nrules:\n  - {{id: r, owner: o, why: w, from: z, to: d, service: s, action: allow}}\n"
        document, _ = self.compiled("nfw", "cli", text=text)
        groups = [call["input"] for call in document["calls"] if call["operation"] == "create-rule-group"]
        self.assertEqual(len(groups), 2)
        for group in groups:
            rules = group["RuleGroup"]["RulesSource"]["RulesString"]
            self.assertLessEqual(len(rules), 2_000_000)
            self.assertLess(rules.count("\n"), group["Capacity"])
        target = self.path("nfw.json", json.dumps(document).encode())
        for name, verdict in (("n0.example", "allowed"), ("n15999.example", "allowed"), ("n16000.example", "denied")):
            self.assertEqual(self.verdicts(target, ["tcp:10.0.0.5:40000>203.0.113.1:443"], "--sni", name), [verdict], name)

    def test_the_words_of_a_reason_are_harmless(self):
        document, _ = self.compiled("nfw", "terraform")
        rules = document["resource"]["aws_networkfirewall_rule_group"]["postern_1"]["rule_group"]["rules_source"]["rules_string"]
        self.assertIn(r'msg:"postern no-mail: spam\; \"really\" $${x}"', rules)

    def test_a_draft_of_a_capture(self):
        capture = self.path("office.pcap", scenario_bytes("benign-office-day"))
        baseline, policy = self.folder / "b.txt", self.folder / "draft.yaml"
        self.assertEqual(Run("baseline", "learn", "--min-days", "1", "-o", baseline, capture).code, DONE)
        self.assertEqual(Run("policy", "draft", "--baseline", baseline, "-o", policy).code, DONE)
        names = re.findall(r'"?\*\.([\w.-]+)', policy.read_text())
        self.assertLess(3, len(names))
        host = re.search(r"from: \[?\"?([\d.]+)", policy.read_text())[1]
        for target in self.targets(policy.read_text()):
            for name in [*names[:6], "fallback.invalid"]:
                flows = [f"tcp:{host}:40000>203.0.113.250:{port}" for port in (443, 8080)]
                self.assertEqual(self.verdicts(target, flows, "--sni", name), self.verdicts(policy, flows, "--sni", name), name)


class Found(Writing):
    """What was found is shut, by the same writer: the reserve of demo-emotet-like is 198.51.100.178, HTTP at port 8080."""

    def test_a_finding_becomes_rules(self):
        capture, case, policy = self.path("c.pcap", scenario_bytes("demo-emotet-like")), self.folder / "c.db", self.folder / "found.yaml"
        self.assertEqual(Run("hunt", "--case", case, capture).code, DONE)
        self.assertEqual(Run("report", case, "--to", "policy", "-o", policy).code, DONE)
        self.assertEqual(Run("policy", "check", policy).code, DONE)
        host = re.search(r'hosts: \{networks: \["([\d.]+)"', policy.read_text())[1]
        flows = [f"tcp:{host}:40000>{to}:8080" for to in ("198.51.100.178", "203.0.113.200")]
        document, _ = self.compiled("nfw", "cli", "--wider", text=policy.read_text())
        target = self.path("nfw.json", json.dumps(document).encode())
        for asked in (policy, target):
            self.assertEqual(self.verdicts(asked, flows, "--http-host", "other.example"), ["denied", "allowed"])
        for to in ("sg", "nacl"):
            self.compiled(to, "cli", "--wider", "--quota", "40", text=policy.read_text())


class Usage(Writing):
    def test_how_it_is_asked(self):
        path = self.path("p.yaml", POLICY.encode())
        for args, words in ((("--to", "gcp"), "say for what to compile"), (("--to", "sg", "--form", "yaml"), "say for what to compile"),
                            (("--to", "nft", "--form", "cli"), "say for what to compile"), (("--to", "nfw", "--dns", "x.pcap"), "rpz and nfw need no inputs"),
                            (("--to", "sg", "--quota", "0"), "quota")):
            run = Run("policy", "compile", path, *args)
            self.assertEqual((run.code, run.out), (USAGE, b""), run)
            self.assertIn(words, run.err)


if __name__ == "__main__":
    unittest.main()
