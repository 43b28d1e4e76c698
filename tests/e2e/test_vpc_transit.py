# SPDX-License-Identifier: Apache-2.0
"""Transit gateways and endpoint policies: every rule of docs/VPC.md by a spoke, an egress VPC with a NAT gateway, and another spoke."""
import copy
import json

from support import DONE, Case, Run

ACCEPT = [{"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"} for egress in (True, False)]
ALL = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
TGW = {"TransitGatewayId": "tgw-1"}


def table(name, vpc, subnets, *routes):
    return {"RouteTableId": name, "VpcId": vpc, "Associations": [{"SubnetId": subnet} for subnet in subnets],
            "Routes": [{"DestinationCidrBlock": net, "State": "active", **target} for net, target in routes]}


def subnet(name, vpc, net, zone="a"):
    return {"SubnetId": name, "VpcId": vpc, "CidrBlock": net, "AvailabilityZone": zone}


def attachment(letter, table_id, **more):
    return {"TransitGatewayAttachmentId": f"tgw-attach-{letter}", "TransitGatewayId": "tgw-1", "ResourceType": "vpc",
            "ResourceId": f"vpc-{letter}", "State": "available", "Association": {"State": "associated", "TransitGatewayRouteTableId": table_id}, **more}


def door(letter, *subnets, appliance="disable"):
    return {"TransitGatewayAttachmentId": f"tgw-attach-{letter}", "TransitGatewayId": "tgw-1", "VpcId": f"vpc-{letter}", "State": "available",
            "SubnetIds": list(subnets), "Options": {"ApplianceModeSupport": appliance}}


def route(net, letter, kind="static", state="active"):
    return {"DestinationCidrBlock": net, "Type": kind, "State": state,
            "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": f"tgw-attach-{letter}", "ResourceType": "vpc", "ResourceId": f"vpc-{letter}"}]}


def account():
    """a: a spoke (tgw-rtb-1). b: the way out. c: another spoke. b and c have tgw-rtb-2."""
    local = {"GatewayId": "local"}
    return {
        "vpcs": {"Vpcs": [{"VpcId": f"vpc-{letter}", "CidrBlock": f"10.{number}.0.0/16"} for number, letter in enumerate("abc", 1)]},
        "subnets": {"Subnets": [
            subnet("subnet-a1", "vpc-a", "10.1.1.0/24"), subnet("subnet-a9", "vpc-a", "10.1.9.0/24"),
            subnet("subnet-b1", "vpc-b", "10.2.1.0/24"), subnet("subnet-b2", "vpc-b", "10.2.2.0/24"), subnet("subnet-b9", "vpc-b", "10.2.9.0/24"),
            subnet("subnet-b8", "vpc-b", "10.2.8.0/24", "b"), subnet("subnet-c1", "vpc-c", "10.3.1.0/24")]},
        "acls": {"NetworkAcls": [{"NetworkAclId": f"acl-{letter}", "VpcId": f"vpc-{letter}", "IsDefault": True, "Entries": ACCEPT} for letter in "abc"]},
        "groups": {"SecurityGroups": [{"GroupId": f"sg-{letter}", "VpcId": f"vpc-{letter}", "IpPermissionsEgress": ALL,
                                       "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}
                                      for letter in "abc"]},
        "interfaces": {"NetworkInterfaces": [
            {"NetworkInterfaceId": f"eni-{letter}", "SubnetId": f"subnet-{letter}1", "VpcId": f"vpc-{letter}", "InterfaceType": "interface",
             "PrivateIpAddress": f"10.{number}.1.5", "Groups": [{"GroupId": f"sg-{letter}"}]} for number, letter in ((1, "a"), (3, "c"))]},
        "nat": {"NatGateways": [{"NatGatewayId": "nat-b", "SubnetId": "subnet-b2", "VpcId": "vpc-b", "State": "available",
                                 "NatGatewayAddresses": [{"PrivateIp": "10.2.2.9", "PublicIp": "198.51.100.9"}]}]},
        "tables": {"RouteTables": [
            table("rtb-a", "vpc-a", ["subnet-a1", "subnet-a9"], ("10.1.0.0/16", local), ("0.0.0.0/0", TGW)),
            table("rtb-b9", "vpc-b", ["subnet-b8", "subnet-b9"], ("10.2.0.0/16", local), ("0.0.0.0/0", {"NatGatewayId": "nat-b"})),
            table("rtb-b2", "vpc-b", ["subnet-b2"], ("10.2.0.0/16", local), ("10.0.0.0/8", TGW), ("0.0.0.0/0", {"GatewayId": "igw-b"})),
            table("rtb-c", "vpc-c", ["subnet-c1"], ("10.3.0.0/16", local), ("0.0.0.0/0", TGW))]},
        "attachments": {"TransitGatewayAttachments": [attachment("a", "tgw-rtb-01"), attachment("b", "tgw-rtb-02"), attachment("c", "tgw-rtb-02")]},
        "doors": {"TransitGatewayVpcAttachments": [door("a", "subnet-a9"), door("b", "subnet-b9", "subnet-b8"), door("c", "subnet-c1")]},
        "tgw-rtb-01": {"Routes": [route("0.0.0.0/0", "b"), route("10.3.0.0/16", "c", "propagated"), route("10.3.7.0/24", "c", state="blackhole")],
                       "AdditionalRoutesAvailable": False},
        "tgw-rtb-02": {"Routes": [route("10.1.0.0/16", "a", "propagated"), route("10.3.0.0/16", "c", "propagated")]},
    }


OUT, OTHER = "tcp:eni-a>203.0.113.1:443", "tcp:eni-a>10.3.1.5:22"


class Transit(Case):
    def ask(self, flow, account_):
        folder = self.folder / "account"
        folder.mkdir(exist_ok=True)
        for name, text in account_.items():
            (folder / f"{name}.json").write_text(json.dumps(text))
        run = Run("policy", "test", "--json", folder, flow)
        self.assertEqual(run.code, DONE, run.err)
        self.assertEqual(run.err, "")
        return json.loads(run.out)

    def expect(self, flow, verdict, stage=None, words="", change=None):
        told = copy.deepcopy(account())
        if change:
            change(told)
        answer = self.ask(flow, told)
        self.assertEqual(answer["verdict"], verdict, answer)
        decides = next(s for s in answer["stages"] if s["verdict"] == verdict)
        if stage:
            self.assertEqual(decides["stage"], stage, answer)
        self.assertIn(words, decides["reason"])
        return answer

    def test_out_by_the_egress_vpc(self):
        answer = self.expect(OUT, "allowed")
        stages = [s["stage"] for s in answer["stages"]]
        self.assertEqual(stages[-1], "internet gateway")
        self.assertEqual(stages.count("route of the transit gateway"), 2)

        def drop(told):
            told["tgw-rtb-01"]["Routes"][0]["State"] = "blackhole"
        self.expect(OUT, "denied", "route of the transit gateway", "blackhole", drop)

        def forget(told):
            told["tgw-rtb-01"]["Routes"].pop(0)
        self.expect(OUT, "denied", "route of the transit gateway", "no route", forget)

        def no_nat(told):
            told["tables"]["RouteTables"][1]["Routes"][1] = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-b", "State": "active"}
        self.expect(OUT, "denied", "internet gateway", "only a NAT gateway", no_nat)

    def test_what_comes_back(self):
        def one_way(told):
            told["tgw-rtb-02"]["Routes"].pop(0)
        self.expect(OUT, "denied", "route of the transit gateway", "no route", one_way)

        def by_another(told):
            told["tgw-rtb-02"]["Routes"][0] = route("10.1.0.0/16", "c")
        self.expect(OUT, "undecided", "route of the transit gateway", "another way back", by_another)

        def nat_forgets(told):
            told["tables"]["RouteTables"][2]["Routes"].pop(1)
        self.expect(OUT, "undecided", "route of the reply", "another way back", nat_forgets)

    def test_spoke_to_spoke(self):
        self.expect(OTHER, "allowed")
        self.expect(OTHER.replace(":22", ":23"), "denied", "security group ingress")
        self.expect("tcp:eni-a>10.3.7.5:22", "denied", "route of the transit gateway", "blackhole")

        def more_specific(told):
            told["tgw-rtb-01"]["Routes"].append(route("10.3.1.0/24", "b"))
        self.expect(OTHER, "undecided", "NAT gateway", "another way", more_specific)

        def same(told): # a static route goes before one that is propagated
            told["tgw-rtb-01"]["Routes"].append(route("10.3.0.0/16", "x", state="blackhole"))
        self.expect(OTHER, "denied", "route of the transit gateway", "blackhole", same)

    def test_acls_of_the_attachments_subnets(self):
        def shut(told, name, egress):
            told["acls"]["NetworkAcls"].append({"NetworkAclId": "acl-x", "VpcId": "vpc-" + name[7], "Associations": [{"SubnetId": name}],
                                                "Entries": [entry for entry in ACCEPT if entry["Egress"] != egress]})
        for name, egress, verdict in (("subnet-a9", False, "denied"), ("subnet-a9", True, "denied"), ("subnet-b9", True, "denied"),
                                      ("subnet-b9", False, "denied"), ("subnet-b8", True, "allowed")):
            with self.subTest(subnet=name, egress=egress):
                self.expect(OUT, verdict, None, "", lambda told, name=name, egress=egress: shut(told, name, egress))

        def appliance(told): # any zone's subnet may take it
            told["doors"]["TransitGatewayVpcAttachments"][1]["Options"]["ApplianceModeSupport"] = "enable"
            shut(told, "subnet-b8", True)
        self.expect(OUT, "undecided", "transit gateway", "they differ", appliance)

    def test_what_was_not_read_is_not_guessed(self):
        for name, words in (("attachments", "which route table"), ("doors", "describe-transit-gateway-vpc-attachments"),
                            ("tgw-rtb-01", "search-transit-gateway-routes"), ("tgw-rtb-02", "search-transit-gateway-routes")):
            with self.subTest(without=name):
                told = account()
                del told[name]
                (self.folder / "account" / f"{name}.json").unlink(missing_ok=True)
                answer = self.ask(OUT, told)
                self.assertEqual(answer["verdict"], "undecided", answer)
                self.assertTrue(any(words in s["reason"] for s in answer["stages"]), answer)

        def elsewhere(told):
            told["subnets"]["Subnets"][1]["AvailabilityZone"] = "b"
        self.expect(OUT, "undecided", "transit gateway", "zone", elsewhere)

        def more(told):
            told["tgw-rtb-01"]["AdditionalRoutesAvailable"] = True
        folder = self.folder / "cut"
        folder.mkdir()
        told = account()
        more(told)
        for name, text in told.items():
            (folder / f"{name}.json").write_text(json.dumps(text))
        run = Run("policy", "test", "--json", folder, OUT)
        self.assertEqual(json.loads(run.out)["verdict"], "undecided")
        self.assertIn("AdditionalRoutesAvailable", run.err)

        def vpn(told):
            told["attachments"]["TransitGatewayAttachments"][1].update(ResourceType="vpn", ResourceId="vpn-1")
            told["doors"]["TransitGatewayVpcAttachments"].pop(1)
        self.expect(OUT, "undecided", "transit gateway", "VPN", vpn)


class Endpoints(Case):
    def ask(self, policy, flow="tcp:eni-a>192.0.2.7:443", kind="Gateway"):
        folder = self.folder / "account"
        folder.mkdir(exist_ok=True)
        told = {name: text for name, text in account().items() if name in ("vpcs", "subnets", "acls", "groups", "interfaces", "tables")}
        told["tables"]["RouteTables"][0]["Routes"].append({"DestinationPrefixListId": "pl-01", "GatewayId": "vpce-1", "State": "active"})
        told["lists"] = {"PrefixLists": [{"PrefixListId": "pl-01", "Cidrs": ["192.0.2.0/24"]}]}
        told["endpoints"] = {"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcEndpointType": kind, "VpcId": "vpc-a", "NetworkInterfaceIds": ["eni-e"] if kind == "Interface" else []}]}
        if policy is not None:
            told["endpoints"]["VpcEndpoints"][0]["PolicyDocument"] = policy if isinstance(policy, str) else json.dumps({"Statement": policy})
        told["interfaces"]["NetworkInterfaces"].append({"NetworkInterfaceId": "eni-e", "SubnetId": "subnet-a9", "VpcId": "vpc-a", "InterfaceType": "vpc_endpoint",
                                                        "PrivateIpAddress": "10.1.9.7", "Groups": [{"GroupId": "sg-a"}]})
        for name, text in told.items():
            (folder / f"{name}.json").write_text(json.dumps(text))
        run = Run("policy", "test", "--json", folder, flow)
        self.assertEqual((run.code, run.err), (DONE, ""))
        return json.loads(run.out)["verdict"]

    def test_policies(self):
        allow = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
        for policy, verdict in (([allow], "allowed"), (allow, "allowed"), ([{**allow, "Principal": {"AWS": ["*"]}}], "allowed"), ([], "denied"),
                                ([{**allow, "Effect": "Deny"}], "denied"), ([allow, {**allow, "Effect": "Deny", "Action": "s3:Put*"}], "undecided"),
                                ([{**allow, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}], "undecided"),
                                ([{**allow, "Resource": "arn:aws:s3:::ours/*"}], "undecided"), ([{**allow, "Principal": {"AWS": "arn:x"}}], "undecided"),
                                ([{"Effect": "Allow", "NotPrincipal": "*", "Principal": "*", "Action": "*", "Resource": "*"}], "undecided"),
                                (None, "undecided"), ("{", "undecided"), ("{}", "undecided")):
            with self.subTest(policy=policy):
                self.assertEqual(self.ask(policy), verdict)
                self.assertEqual(self.ask(policy, "tcp:eni-a>10.1.9.7:22", "Interface"), verdict)
        self.assertEqual(self.ask([allow], "tcp:eni-a>192.0.2.7:22"), "undecided")
        self.assertEqual(self.ask([], "tcp:eni-a>10.1.9.7:23", "Interface"), "denied")
