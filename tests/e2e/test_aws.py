# SPDX-License-Identifier: Apache-2.0
"""Amazon's boundary read whole: groups, ACLs, routes and the firewall on the way, as the API, CloudFormation and Terraform tell of one network."""
import copy
import json
import time
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


def stack():
    """The same network as a template of CloudFormation."""
    def ref(name):
        return {"Ref": name}
    endpoint = {"Fn::Select": [1, {"Fn::Split": [":", {"Fn::Select": ["0", {"Fn::GetAtt": ["Edge", "EndpointIds"]}]}]}]}
    keys = {"vpce-1": ("VpcEndpointId", endpoint), "nat-1": ("NatGatewayId", ref("Nat")), "igw-1": ("GatewayId", ref("Igw"))}
    policy, group = described()["policy"]["FirewallPolicy"], described()["names"]["RuleGroup"]
    policy["StatefulRuleGroupReferences"] = [{"ResourceArn": ref("Names"), "Priority": 1}]
    resources = {
        "Vpc": ("EC2::VPC", {"CidrBlock": {"Fn::Join": ["/", ["10.0.0.0", ref("Bits")]]}}),
        "Igw": ("EC2::InternetGateway", {}),
        "Nat": ("EC2::NatGateway", {"SubnetId": ref("Subpub")}),
        "Group": ("EC2::SecurityGroup", {"VpcId": ref("Vpc"), "SecurityGroupEgress": [
            {"IpProtocol": proto, "FromPort": port, "ToPort": port, "CidrIp": ANY} for port, proto in PORTS.items()]}),
        "Edge": ("NetworkFirewall::Firewall", {"FirewallName": "edge", "FirewallPolicyArn": ref("Egress"), "VpcId": ref("Vpc"),
                                               "SubnetMappings": [{"SubnetId": ref("Subfw")}]}),
        "Egress": ("NetworkFirewall::FirewallPolicy", {"FirewallPolicyName": "egress", "FirewallPolicy": policy}),
        "Names": ("NetworkFirewall::RuleGroup", {"RuleGroupName": "names", "Type": "STATEFUL", "RuleGroup": group}),
    }
    for number, (name, net) in enumerate(SUBNETS.items()):
        block = {"Fn::Select": [number, {"Fn::Cidr": [{"Fn::GetAtt": ["Vpc", "CidrBlock"]}, 3, 8]}]} if number else {"Fn::Sub": net}
        resources[f"Sub{name}"] = ("EC2::Subnet", {"VpcId": {"Fn::GetAtt": ["Vpc", "VpcId"]}, "CidrBlock": block})
        resources[f"Tab{name}"] = ("EC2::RouteTable", {"VpcId": ref("Vpc")})
        resources[f"Ass{name}"] = ("EC2::SubnetRouteTableAssociation", {"SubnetId": ref(f"Sub{name}"), "RouteTableId": ref(f"Tab{name}")})
        for number, (to, target) in enumerate(ROUTES[name].items()):
            resources[f"Way{name}{number}"] = ("EC2::Route", {
                "RouteTableId": ref(f"Tab{name}"), "DestinationCidrBlock": to,
                keys[target][0]: {"Fn::If": ["Always", keys[target][1], {"Ref": "AWS::NoValue"}]}})
    for last in (5, 66):
        resources[f"Host{last}"] = ("EC2::Instance", {"SubnetId": ref("Subapp"), "SecurityGroupIds": [ref("Group")],
                                                      "PrivateIpAddress": f"10.0.0.{last}"})
    return {"Parameters": {"Bits": {"Type": "String", "Default": "16"}},
            "Conditions": {"Always": {"Fn::Equals": [{"Ref": "Bits"}, "16"]}},
            "Resources": {name: {"Type": f"AWS::{kind}", "Properties": own} for name, (kind, own) in resources.items()}}


def terraform():
    """The same as Terraform's resources: {address: (values, {attribute: the resource it refers to})}."""
    targets = {"vpce-1": ("vpc_endpoint_id", "aws_networkfirewall_firewall.edge.firewall_status"),
               "nat-1": ("nat_gateway_id", "aws_nat_gateway.nat.id"), "igw-1": ("gateway_id", "aws_internet_gateway.igw.id")}
    vpc = {"vpc_id": "aws_vpc.net.id"}
    made = {
        "aws_vpc.net": ({"cidr_block": "10.0.0.0/16"}, {}),
        "aws_internet_gateway.igw": ({}, vpc),
        "aws_nat_gateway.nat": ({"connectivity_type": "public"}, {"subnet_id": "aws_subnet.pub.id"}),
        "aws_security_group.sg": ({"ingress": [], "egress": [
            {"protocol": proto, "from_port": port, "to_port": port, "cidr_blocks": [ANY], "self": False} for port, proto in PORTS.items()]}, vpc),
        "aws_networkfirewall_firewall.edge": ({"name": "edge", "subnet_mapping": [{}]}, dict(
            vpc, firewall_policy_arn="aws_networkfirewall_firewall_policy.egress.arn")),
        "aws_networkfirewall_firewall_policy.egress": ({"name": "egress", "firewall_policy": [{
            "stateless_default_actions": ["aws:forward_to_sfe"], "stateless_fragment_default_actions": ["aws:forward_to_sfe"],
            "stateful_default_actions": ["aws:drop_established"], "stateful_engine_options": [{"rule_order": "STRICT_ORDER"}],
            "stateful_rule_group_reference": [{"priority": 1, "resource_arn": GROUP_ARN}]}]}, {}),
        "aws_networkfirewall_rule_group.names": ({"name": "names", "arn": GROUP_ARN, "type": "STATEFUL", "rule_group": [{
            "rules_source": [{"rules_string": RULES}], "stateful_rule_options": [{"rule_order": "STRICT_ORDER"}]}]}, {}),
    }
    for name, net in SUBNETS.items():
        made[f"aws_subnet.{name}"] = ({"cidr_block": net, "map_public_ip_on_launch": False}, vpc)
        made[f"aws_route_table.{name}"] = ({}, vpc)
        made[f"aws_route_table_association.{name}"] = ({}, {"subnet_id": f"aws_subnet.{name}.id", "route_table_id": f"aws_route_table.{name}.id"})
        for number, (to, target) in enumerate(ROUTES[name].items()):
            made[f"aws_route.{name}{number}"] = ({"destination_cidr_block": to}, {
                "route_table_id": f"aws_route_table.{name}.id", targets[target][0]: targets[target][1]})
    for last in (5, 66):
        made[f"aws_instance.host{last}"] = ({"private_ip": f"10.0.0.{last}"}, {
            "subnet_id": "aws_subnet.app.id", "vpc_security_group_ids": "aws_security_group.sg.id"})
    return made


def base_of(reference):
    return ".".join(reference.split(".")[:2])


def plan():
    """terraform show -json of a plan: what is not known yet stands in the configuration."""
    resources, configured = [], []
    for address, (values, references) in terraform().items():
        resources.append({"address": address, "mode": "managed", "type": address.split(".")[0], "name": address.split(".")[1], "values": values})
        expressions = {key: {"references": [to, base_of(to)]} for key, to in references.items()}
        if address == "aws_networkfirewall_firewall.edge":
            expressions["subnet_mapping"] = [{"subnet_id": {"references": ["aws_subnet.fw.id", "aws_subnet.fw"]}}]
        configured.append({"address": address, "mode": "managed", "type": address.split(".")[0], "expressions": expressions})
    return {"format_version": "1.2", "terraform_version": "1.5.0", "planned_values": {"root_module": {"resources": resources}},
            "configuration": {"root_module": {"resources": configured}}}


def modules():
    """The plan with its networks in a module, and what leads out in another, which is given the subnet: outputs and variables between them."""
    whole = plan()
    inside = {"aws_vpc": "net", "aws_subnet": "net", "aws_route_table": "net", "aws_nat_gateway": "way", "aws_internet_gateway": "way"}
    planned, configured = {"": [], "net": [], "way": []}, {"": {}, "net": {}, "way": {}}

    def address(own, module):
        return f"module.{module}.{own}" if module else own

    def through(module, references):
        """The references as the module writes them, and outputs and variables that it takes."""
        kind = references[0].split(".")[0]
        owner = inside.get(kind, "")
        if owner == module:
            return references
        word = references[0].replace(".", "_")
        if owner:
            configured[owner].setdefault("outputs", {})[word] = {"expression": {"references": references}}
            references = [f"module.{owner}.{word}", f"module.{owner}"]
        if module:
            configured[""].setdefault("module_calls", {}).setdefault(module, {}).setdefault("expressions", {})[word] = {"references": references}
            references = [f"var.{word}"]
        return references

    for resource, told in zip(whole["planned_values"]["root_module"]["resources"], whole["configuration"]["root_module"]["resources"]):
        module = inside.get(resource["type"], "")
        planned[module].append(dict(resource, address=address(resource["address"], module)))
        for expression in [told["expressions"]] + told["expressions"].get("subnet_mapping", []):
            for value in expression.values():
                if "references" in value:
                    value["references"] = through(module, value["references"])
        configured[module].setdefault("resources", []).append(told)
    for module in "net", "way":
        configured[""]["module_calls"].setdefault(module, {})["module"] = configured[module]
    return dict(whole, configuration={"root_module": configured[""]}, planned_values={"root_module": {
        "resources": planned[""], "child_modules": [{"address": f"module.{module}", "resources": planned[module]} for module in ("net", "way")]}})


def state():
    """terraform.tfstate of the same: every id is known."""
    resources = []
    for address, (values, references) in terraform().items():
        attributes = dict(values)
        for key, to in references.items():
            attributes[key] = "vpce-9" if "firewall_status" in to else "id-" + base_of(to)
        attributes["id"] = "id-" + address
        if "vpc_security_group_ids" in attributes:
            attributes["vpc_security_group_ids"] = [attributes["vpc_security_group_ids"]]
        if address == "aws_networkfirewall_firewall.edge":
            attributes["subnet_mapping"] = [{"subnet_id": "id-aws_subnet.fw"}]
            attributes["firewall_policy_arn"] = POLICY_ARN
            attributes["firewall_status"] = [{"sync_states": [{"attachment": [{"endpoint_id": "vpce-9", "subnet_id": "id-aws_subnet.fw"}]}]}]
        if address == "aws_networkfirewall_firewall_policy.egress":
            attributes["arn"] = POLICY_ARN
        kind, name = address.split(".")
        resources.append({"mode": "managed", "type": kind, "name": name, "instances": [{"attributes": attributes}]})
    return {"version": 4, "terraform_version": "1.5.0", "resources": resources}


class Whole(Case):
    def test_every_description_of_one_network_is_answered_alike(self):
        told = {"described": described(), "stack": {"stack": stack()}, "plan": {"plan": plan()},
                "modules": {"plan": modules()}, "state": {"terraform": state()}}
        flows = [(f"{proto}:10.0.0.{last}:40000>{to}:{port}", options)
                 for last in (5, 66) for to in ("203.0.113.7", "10.0.2.9") for proto, port in (("tcp", 443), ("tcp", 8443), ("tcp", 80), ("udp", 123))
                 for options in ((), ("--sni", "www.example.com"), ("--sni", "c2.invalid"))]
        verdicts = {}
        for kind, files in told.items():
            folder = self.folder / kind
            folder.mkdir()
            for name, content in files.items():
                (folder / f"{name}.json").write_text(json.dumps(content))
            for options in sorted({options for _, options in flows}):
                asked = [flow for flow, given in flows if given == options]
                run = Run("policy", "test", "--json", *options, folder, *asked)
                self.assertEqual((run.code, run.err), (DONE, ""), run.err)
                verdicts.setdefault(kind, []).extend(json.loads(line)["verdict"] for line in run.out.splitlines())
        self.assertEqual(set(verdicts["described"]), {"allowed", "denied", "undecided"})
        for kind in told:
            with self.subTest(kind=kind):
                self.assertEqual(verdicts[kind], verdicts["described"])

    def test_a_host_of_a_template_is_asked_by_name(self):
        template = stack()
        del template["Resources"]["Host5"]["Properties"]["PrivateIpAddress"]
        flow = "tcp:Host5>203.0.113.7:443"
        answer = self.ask({"stack": template}, flow, "--sni", "www.example.com")
        self.assertEqual(answer["verdict"], "undecided", answer)  # a rule drops 10.0.0.66: is it that?
        names = template["Resources"]["Names"]["Properties"]["RuleGroup"]["RulesSource"]
        names["RulesString"] = RULES.splitlines()[0]
        self.assertEqual(self.ask({"stack": template}, flow, "--sni", "www.example.com")["verdict"], "allowed")
        self.assertEqual(self.ask({"stack": template}, flow, "--sni", "c2.invalid")["verdict"], "denied")

    def test_what_a_template_leaves_open_is_undecided(self):
        flow, sni = "tcp:10.0.0.5>203.0.113.7:443", ("--sni", "www.example.com")
        for name, key, value in (("Group", "SecurityGroupEgress", {"Fn::ImportValue": "x"}), ("Wayapp0", "VpcEndpointId", {"Ref": "Nowhere"}),
                                 ("Wayapp0", "RouteTableId", {"Fn::ImportValue": "x"}), ("Host5", "SecurityGroupIds", {"Ref": "Nowhere"}),
                                 ("Edge", "FirewallPolicyArn", {"Fn::ImportValue": "x"})):
            template = stack()
            template["Resources"][name]["Properties"][key] = value
            with self.subTest(name=name, key=key):
                self.assertEqual(self.ask({"stack": template}, flow, *sni, quiet=True)["verdict"], "undecided")
        template = stack()
        del template["Resources"]["Group"]["Properties"]["SecurityGroupEgress"]  # Amazon's default: all
        self.assertEqual(self.ask({"stack": template}, flow, *sni)["verdict"], "allowed")
        planned = plan()
        for resource in planned["planned_values"]["root_module"]["resources"]:
            if resource["type"] == "aws_security_group":
                resource["values"] = {}  # the provider takes the default away
        self.assertEqual(self.ask({"plan": planned}, flow, *sni)["verdict"], "denied")

    def test_what_a_module_is_given_may_be_anything_that_is_no_resource(self):
        flow, sni = "tcp:10.0.0.5>203.0.113.7:443", ("--sni", "www.example.com")

        def expect(verdict, change):
            told = modules()
            change(told["configuration"]["root_module"]["module_calls"])
            self.assertEqual(self.ask({"plan": told}, flow, *sni, quiet=True)["verdict"], verdict)
        expect("allowed", lambda calls: None)
        for change in (lambda calls: calls["net"]["module"]["outputs"].pop("aws_route_table_app_id"),
                       lambda calls: calls["net"]["module"]["outputs"]["aws_route_table_app_id"].update(expression={"constant_value": "rtb-1"}),
                       lambda calls: calls["net"]["module"]["outputs"]["aws_route_table_app_id"]["expression"]["references"].append("aws_route_table.fw.id"),
                       lambda calls: calls["way"]["expressions"].pop("aws_subnet_pub_id")):
            expect("undecided", change)
        loop = modules()
        loop["configuration"]["root_module"]["module_calls"]["way"]["expressions"]["aws_subnet_pub_id"] = {"references": ["module.way.again"]}
        loop["configuration"]["root_module"]["module_calls"]["way"]["module"]["outputs"] = {"again": {"expression": {"references": ["var.aws_subnet_pub_id"]}}}
        self.assertEqual(self.ask({"plan": loop}, flow, *sni, quiet=True)["verdict"], "undecided")

    def test_a_gateway_endpoint_is_a_route_of_the_tables_that_it_names(self):
        """To a service whose addresses no template says: so any address may be its own."""
        flow, sni = "tcp:10.0.0.5>203.0.113.7:443", ("--sni", "www.example.com")
        for tables, kind, verdict in (([{"Ref": "Tabapp"}], None, "undecided"), ([{"Ref": "Tabpub"}], "Gateway", "undecided"),
                                      ({"Fn::ImportValue": "x"}, None, "undecided"), ([{"Fn::ImportValue": "x"}], None, "undecided"),
                                      ([], None, "allowed"), ({"Fn::ImportValue": "x"}, "Interface", "allowed")):
            template = stack()
            template["Resources"]["Store"] = {"Type": "AWS::EC2::VPCEndpoint", "Properties": {
                "VpcId": {"Ref": "Vpc"}, "ServiceName": "com.amazonaws.us-east-1.s3", "RouteTableIds": tables}}
            if kind is not None:
                template["Resources"]["Store"]["Properties"]["VpcEndpointType"] = kind
            with self.subTest(tables=tables, kind=kind):
                self.assertEqual(self.ask({"stack": template}, flow, *sni, quiet=True)["verdict"], verdict)

    def test_what_may_be_there_or_not_is_named(self):
        template = stack()
        template["Conditions"]["Maybe"] = {"Fn::Equals": [{"Fn::ImportValue": "x"}, "1"]}
        template["Resources"]["Assapp"]["Condition"] = "Maybe"
        path = self.folder / "doubtful.json"
        path.write_text(json.dumps(template))
        run = Run("policy", "test", "--json", path, "tcp:10.0.0.5>203.0.113.7:443")
        self.assertRegex(run.err, r"doubtful.json: its condition is not known, .*: Assapp\n")
        self.assertNotIn("Asspub", run.err)

    def ask(self, files, flow, *options, quiet=False):
        folder = self.folder / f"{self._testMethodName}-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        for name, content in files.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        run = Run("policy", "test", "--json", *options, folder, flow)
        self.assertEqual((run.code, quiet or run.err), (DONE, quiet or ""), run.err)
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


class Elsewhere(Case):
    def test_a_firewall_whose_policy_is_in_another_stack(self):
        template = stack()
        for name in ("Egress", "Names"):
            del template["Resources"][name]
        template["Resources"]["Edge"]["Properties"]["FirewallPolicyArn"] = POLICY_ARN
        path = self.folder / "networks.json"
        path.write_text(json.dumps(template))
        run = Run("policy", "test", "--json", path, "tcp:10.0.0.5>203.0.113.7:443")
        self.assertEqual((run.code, run.err), (DONE, ""))
        self.assertEqual(json.loads(run.out)["verdict"], "undecided")


class Hostile(Case):
    """Templates that would take forever, or all memory, are refused or undecided at once."""

    def audit(self, resources, parameters=None):
        path = self.folder / f"{self._testMethodName}-{len(list(self.folder.iterdir()))}.json"
        path.write_text(json.dumps({"Parameters": parameters or {}, "Resources": resources}))
        began = time.monotonic()
        run = Run("audit", path)
        self.assertLess(time.monotonic() - began, 30)
        return run

    def test_texts_that_grow(self):
        parameters = {"A": {"Type": "String", "Default": "x" * 1_000_000}, "L": {"Type": "CommaDelimitedList", "Default": "," * 100_000}}
        for text in ({"Fn::Sub": "${A}" * 20_000}, {"Fn::Join": [{"Ref": "A"}, {"Ref": "L"}]}):
            self.audit({"V": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": text}}}, parameters)
        group = {"RulesSource": {"RulesString": {"Fn::Sub": "${A}" * 20_000}}}
        run = self.audit({"G": {"Type": "AWS::NetworkFirewall::RuleGroup", "Properties": {"RuleGroup": group}}}, parameters)
        self.assertNotEqual(run.code, DONE)

    def test_resources_that_ask_about_each_other(self):
        hosts = {f"H{i}": {"Type": "AWS::EC2::Instance", "Properties": {"SubnetId": f"S{i}"}} for i in range(2000)}
        self.audit({**hosts, **{f"E{i}": {"Type": "AWS::EC2::EIP", "Properties": {"InstanceId": f"none{i}"}} for i in range(2000)}})
        tables = [{"address": f"aws_route_table.t{i}", "type": "aws_route_table", "values": {}} for i in range(8000)]
        path = self.folder / "state.json"
        path.write_text(json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": tables}}}))
        self.assertIn("too many resources that may belong to each other", Run("audit", path).err)

    def test_lists_beyond_what_is_kept(self):
        firewall = {"Type": "AWS::NetworkFirewall::Firewall", "Properties": {"SubnetMappings": [{}] * 600_000}}
        way = {"Type": "AWS::EC2::Route", "Properties": {"VpcEndpointId": {"Fn::Join": [",", {"Fn::GetAtt": ["F", "EndpointIds"]}]}}}
        self.assertIn("too much to be kept", self.audit({"R": way, "F": firewall}).err)


if __name__ == "__main__":
    unittest.main()
