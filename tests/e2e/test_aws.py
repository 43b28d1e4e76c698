# SPDX-License-Identifier: Apache-2.0
"""Amazon's boundary read whole: groups, ACLs, routes and the firewall on the way, as the API, CloudFormation and Terraform tell of one network."""
import copy
import json
import unittest

from support import DONE, Case, Run

ANY = "0.0.0.0/0"
POLICY_ARN = "arn:aws:network-firewall:us-east-1:1:firewall-policy/egress"
GROUP_ARN = "arn:aws:network-firewall:us-east-1:1:stateful-rulegroup/names"
RULES = ('pass tls $HOME_NET any -> $EXTERNAL_NET 443 (tls.sni; dotprefix; content:".example.com"; endswith; sid:1;)\n'
         'drop tcp 10.0.0.66 any -> any 443 (sid:2;)\n'
         'pass ntp $HOME_NET any -> any 123 (sid:3;)\n')
SUBNETS = {"app": "10.0.0.0/24", "fw": "10.0.1.0/24", "pub": "10.0.2.0/24"}
ROUTES = {"app": {ANY: "vpce-1"}, "fw": {ANY: "nat-1"}, "pub": {ANY: "igw-1", "10.0.0.0/24": "vpce-1"}}
PORTS = {443: "tcp", 8443: "tcp", 123: "udp"}  # what the group lets out


def route(to, target):
    key = {"vpce": "GatewayId", "igw": "GatewayId", "nat": "NatGatewayId"}[target.split("-")[0]]
    return {"DestinationCidrBlock": to, key: target, "State": "active"}


def described():
    """What describe-* and describe-firewall-policy print, by file."""
    return {
        "vpcs": {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]},
        "subnets": {"Subnets": [{"SubnetId": f"subnet-{name}", "VpcId": "vpc-1", "CidrBlock": net} for name, net in SUBNETS.items()]},
        "acls": {"NetworkAcls": [{"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": True, "Entries": [
            {"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": ANY} for egress in (True, False)]}]},
        "groups": {"SecurityGroups": [{"GroupId": "sg-1", "VpcId": "vpc-1", "IpPermissionsEgress": [
            {"IpProtocol": proto, "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": ANY}]} for port, proto in PORTS.items()]}]},
        "tables": {"RouteTables": [{"RouteTableId": f"rtb-{name}", "VpcId": "vpc-1", "Associations": [{"SubnetId": f"subnet-{name}"}],
                                    "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}] +
                                    [route(to, target) for to, target in routes.items()]} for name, routes in ROUTES.items()]},
        "nats": {"NatGateways": [{"NatGatewayId": "nat-1", "SubnetId": "subnet-pub", "VpcId": "vpc-1", "State": "available"}]},
        "interfaces": {"NetworkInterfaces": [{"NetworkInterfaceId": f"eni-{last}", "SubnetId": "subnet-app", "VpcId": "vpc-1",
                                              "PrivateIpAddress": f"10.0.0.{last}", "Groups": [{"GroupId": "sg-1"}]} for last in (5, 66)]},
        "firewall": {"Firewall": {"FirewallName": "edge", "FirewallArn": "arn:aws:network-firewall:us-east-1:1:firewall/edge",
                                  "FirewallPolicyArn": POLICY_ARN, "VpcId": "vpc-1", "SubnetMappings": [{"SubnetId": "subnet-fw"}]},
                     "FirewallStatus": {"SyncStates": {"us-east-1a": {"Attachment": {
                         "SubnetId": "subnet-fw", "EndpointId": "vpce-1", "Status": "READY"}}}}},
        "policy": {"FirewallPolicyResponse": {"FirewallPolicyName": "egress", "FirewallPolicyArn": POLICY_ARN}, "FirewallPolicy": {
            "StatelessDefaultActions": ["aws:forward_to_sfe"], "StatelessFragmentDefaultActions": ["aws:forward_to_sfe"],
            "StatefulDefaultActions": ["aws:drop_established"], "StatefulEngineOptions": {"RuleOrder": "STRICT_ORDER"},
            "StatefulRuleGroupReferences": [{"ResourceArn": GROUP_ARN, "Priority": 1}]}},
        "names": {"RuleGroupResponse": {"RuleGroupName": "names", "RuleGroupArn": GROUP_ARN, "Type": "STATEFUL"}, "RuleGroup": {
            "RulesSource": {"RulesString": RULES}, "StatefulRuleOptions": {"RuleOrder": "STRICT_ORDER"}}},
    }


class Whole(Case):
    def ask(self, files, flow, *options):
        folder = self.folder / f"{self._testMethodName}-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        for name, content in files.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        run = Run("policy", "test", "--json", *options, folder, flow)
        self.assertEqual((run.code, run.err), (DONE, ""), run.err)
        return json.loads(run.out)

    def test_the_firewall_is_a_stage(self):
        files, to = described(), "tcp:10.0.0.5:40000>203.0.113.7:"
        answer = self.ask(files, to + "443", "--sni", "www.example.com")
        self.assertEqual(answer["verdict"], "allowed", answer)
        stages = [stage["stage"] for stage in answer["stages"]]
        self.assertLess(stages.index("firewall"), stages.index("NAT gateway"))
        self.assertLess(stages.index("NAT gateway"), stages.index("internet gateway"))
        answer = self.ask(files, to + "443", "--sni", "c2.invalid")
        self.assertEqual((answer["verdict"], answer["rule"].split()[0]), ("denied", "egress"), answer)
        self.assertIn("firewall", answer["reason"])
        self.assertEqual(self.ask(files, to + "443")["verdict"], "undecided")
        answer = self.ask(files, to + "80", "--http-host", "www.example.com")
        self.assertEqual((answer["verdict"], answer["reason"].split(",")[0]), ("denied", "security group egress"))
        answer = self.ask(files, "tcp:10.0.0.66:40000>203.0.113.7:443", "--sni", "www.example.com")
        self.assertEqual((answer["verdict"], "sid:2" in answer["rule"]), ("denied", True), answer)

    def test_replies_have_to_come_back_through_it(self):
        flow = "tcp:10.0.0.5:40000>203.0.113.7:443"
        files = described()
        files["tables"]["RouteTables"][2]["Routes"] = [route(ANY, "igw-1"), route("10.0.0.0/16", "vpce-1")]
        self.assertEqual(self.ask(files, flow, "--sni", "www.example.com")["verdict"], "allowed")
        files["tables"]["RouteTables"][2]["Routes"] = [route("10.0.0.0/16", "igw-1"), route(ANY, "igw-1")]
        self.assertEqual(self.ask(files, flow, "--sni", "www.example.com")["verdict"], "undecided")
        files["tables"]["RouteTables"][2]["Routes"][1:] = [route(ANY, "igw-1")]
        answer = self.ask(files, flow, "--sni", "www.example.com")
        self.assertEqual((answer["verdict"], "half of the connection" in answer["reason"]), ("undecided", True), answer)
        self.assertEqual(self.ask(files, flow, "--sni", "c2.invalid")["verdict"], "denied")
        files = described()
        files["tables"]["RouteTables"][0]["Routes"] = [route(ANY, "nat-1")]  # only replies pass the firewall
        answer = self.ask(files, flow, "--sni", "www.example.com")
        self.assertEqual((answer["verdict"], "does not pass" in answer["reason"]), ("undecided", True), answer)

    def test_the_gateways_own_table(self):
        flow = "tcp:10.0.0.5:40000>203.0.113.7:443"
        files = described()
        files["interfaces"]["NetworkInterfaces"][0]["Association"] = {"PublicIp": "198.51.100.5"}
        files["tables"]["RouteTables"][1]["Routes"][1:] = [route(ANY, "igw-1")]
        edge = {"RouteTableId": "rtb-edge", "VpcId": "vpc-1", "Associations": [{"GatewayId": "igw-1"}],
                "Routes": [route("10.0.0.0/24", "vpce-1")]}
        answer = self.ask(files, flow, "--sni", "www.example.com")
        self.assertEqual((answer["verdict"], "half" in answer["reason"]), ("undecided", True), answer)
        files["tables"]["RouteTables"].append(edge)
        self.assertEqual(self.ask(files, flow, "--sni", "www.example.com")["verdict"], "allowed")
        self.assertEqual(self.ask(files, flow, "--sni", "c2.invalid")["verdict"], "denied")

    def test_home_is_the_firewalls_vpc(self):
        files, flow = described(), "tcp:10.0.0.5:40000>203.0.113.7:443"
        files["vpcs"]["Vpcs"][0]["CidrBlock"] = "10.9.0.0/16"  # the firewall's VPC does not hold the source
        self.assertEqual(self.ask(files, flow, "--sni", "www.example.com")["verdict"], "denied")
        self.assertEqual(self.ask(files, flow, "--sni", "www.example.com", "--home", "10.0.0.0/16")["verdict"], "allowed")

    def test_what_was_not_read(self):
        flow = "tcp:10.0.0.5:40000>203.0.113.7:443"
        for missing, words in ("firewall", "no firewall that was read"), ("policy", "was not read"):
            files = copy.deepcopy(described())
            del files[missing]
            answer = self.ask(files, flow, "--sni", "www.example.com")
            self.assertEqual((answer["verdict"], words in answer["reason"]), ("undecided", True), answer)

    def test_channels(self):
        folder = self.folder / "channels"
        folder.mkdir()
        for name, content in described().items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        rows = [json.loads(line) for line in Run("audit", "--json", folder).out.splitlines()]
        verdict = {row["flow"]: row["verdict"] for row in rows}
        self.assertEqual(verdict["ipv4 tcp 22"], "denied")
        self.assertEqual(verdict["ipv4 udp 123"], "allowed")  # a first datagram
        run = Run("cover", "--json", folder)
        self.assertEqual(run.code, DONE, run.err)


if __name__ == "__main__":
    unittest.main()
