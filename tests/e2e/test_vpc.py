# SPDX-License-Identifier: Apache-2.0
"""Amazon VPCs: every rule of docs/VPC.md by a small network of ours, and the verdicts of Batfish's own tests, none contradicted."""
import csv
import json
import re
import unittest

from support import DATA, DONE, FINDINGS, NOTHING, PARTIAL, USAGE, Case, Run

CLOUD = DATA / "cloud/aws-ec2"
OPEN = {"ACCEPTED", "EXITS_NETWORK"}
INTERNET, ELSEWHERE = "8.8.8.8", "198.51.100.9"
ADDRESS = r"\d+\.\d+\.\d+\.\d+"


def flow_of(words):
    """A flow of Batfish's tests as we write it, or None: the table does not hold all of it."""
    call = re.match(r"\s*get(Any|Tcp)Flow\((.*)\)$", words)
    if not call:
        return None
    parts = [re.sub(r'Ip\.parse\("(.*)"\)', r"\1", part.strip()) for part in call[2].split(",")]
    parts = [part for part in parts if part != "_batfish"]
    source, rest = parts[0], parts[1:]
    if not source.startswith("i-"):
        source = INTERNET if "INTERNET" in source else ELSEWHERE
    if call[1] == "Tcp":
        if len(rest) == 3:
            source, *rest = rest
        port = rest[1].replace("NamedPort.SSH.number()", "22")
        rest = rest[:1]
    if not re.fullmatch(ADDRESS, rest[0]):
        return None
    return f"tcp:{source}>{rest[0]}:{port}" if call[1] == "Tcp" else f"0:{source}>{rest[0]}"


class Batfish(Case):
    def setUp(self):
        if not CLOUD.is_dir():
            self.skipTest(f"{CLOUD} is not there")

    def test_never_contradicted(self):
        asked = decided = 0
        rows = list(csv.DictReader((CLOUD / "EXPECT-batfish.tsv").open(), delimiter="\t", quoting=csv.QUOTE_NONE))
        self.assertEqual(len(rows), 56)
        for row in rows:
            flow = flow_of(row["flow"])
            if flow is None:
                continue
            run = Run("audit", "--json", "-q", "--flow", flow, CLOUD / "batfish" / row["snapshot_dir"])
            self.assertEqual(run.code, DONE, run.err)
            answer = json.loads(run.out)
            asked += 1
            decided += answer["verdict"] != "undecided"
            wrong = "denied" if row["expected_disposition"] in OPEN else "allowed"
            with self.subTest(snapshot=row["snapshot_dir"], flow=flow):
                self.assertNotEqual(answer["verdict"], wrong, answer)
        self.assertEqual((asked, decided), (47, 31), "docs/VPC.md says so")

    def test_every_file_is_read(self):
        files = sorted(CLOUD.rglob("*.json"))
        self.assertGreater(len(files), 400)
        for folder in sorted({path.parent for path in files}):
            run = Run("audit", "-q", folder)
            self.assertIn(run.code, (DONE, PARTIAL, NOTHING), run.err)


ACCOUNT = {
    "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
    "Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}],
    "NetworkAcls": [{"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": True, "Entries": [
        {"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"} for egress in (True, False)]}],
    "RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": True}],
                     "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}]}],
    "SecurityGroups": [{"GroupId": f"sg-{port}", "VpcId": "vpc-1", "IpPermissionsEgress": [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]} for port in (443, 8443)],
    "NetworkInterfaces": [{"NetworkInterfaceId": f"eni-{port}", "SubnetId": "subnet-1", "VpcId": "vpc-1", "PrivateIpAddress": address,
                           "Groups": [{"GroupId": f"sg-{port}"}], "Association": {"PublicIp": "198.51.100.5"}}
                          for port, address in ((443, "10.0.0.5"), (8443, "10.0.0.6"))],
}


class Ours(Case):
    def account(self):
        folder = self.folder / self._testMethodName
        (folder / "deep").mkdir(parents=True)
        for number, (name, items) in enumerate(ACCOUNT.items()):
            (folder / ("deep" if number % 2 else ".") / f"{name}.json").write_text(json.dumps({name: items}, indent=1))
        return folder

    def test_flows(self):
        folder = self.account()
        flows = ["tcp:10.0.0.5:40000>203.0.113.1:%d" % port for port in (443, 80)]
        run = Run("policy", "test", "--json", "--exit-code", folder, *flows)
        self.assertEqual(run.code, FINDINGS, run.err)
        self.assertEqual(run.err, "")
        first, second = map(json.loads, run.out.splitlines())
        self.assertEqual((first["verdict"], second["verdict"]), ("allowed", "denied"))
        self.assertEqual((second["rule"], second["reason"].split(",")[0]), ("eni-443", "security group egress"))
        self.assertEqual(first["stages"][0]["rule"], "6/443-443 0.0.0.0/0")
        self.assertEqual(first["stages"][-1]["stage"], "internet gateway")
        text = Run("audit", "--flow", flows[0], folder).out.decode()
        self.assertTrue(text.startswith(f"allowed   {flows[0]}  security group egress, sg-443 "), text)

    def test_where_the_source_is(self):
        folder = self.account()

        def ask(*options, source="10.0.0.5"):
            run = Run("policy", "test", "--json", *options, folder, f"tcp:{source}:40000>203.0.113.1:443")
            self.assertEqual(run.code, DONE, run.err)
            answer = json.loads(run.out)
            return answer["verdict"], answer["rule"], answer["reason"]
        for options in (), ("--subnet", "subnet-1"), ("--vpc", "vpc-1"), ("--eni", "eni-443"):
            self.assertEqual(ask(*options)[0], "allowed", options)
        self.assertEqual(ask("--eni", "eni-8443", source="10.0.0.6")[0], "denied")
        for options in ("--subnet", "subnet-2"), ("--vpc", "vpc-2"), ("--eni", "eni-8443"):
            self.assertEqual(ask(*options)[0], "undecided", options)
        run = Run("policy", "test", "--hook", "forward", folder, "tcp:10.0.0.5:40000>203.0.113.1:443")
        self.assertIn("--hook changes nothing", run.err)

    def test_channels(self):
        run = Run("audit", "--json", self.account())
        self.assertEqual(run.code, DONE, run.err)
        rows = [row for row in run.lines() if row["type"] == "answer"]
        self.assertEqual({row["flow"]: row["interface"] for row in rows if row["verdict"] == "allowed"},
                         {"ipv4 tcp 443": "eni-443", "ipv4 tcp any high port": "eni-8443"})
        self.assertEqual({row["verdict"] for row in rows}, {"allowed", "denied"})

    def test_what_is_wrong_is_said(self):
        folder = self.account()
        self.assertEqual(Run("audit").code, USAGE)
        self.assertEqual(Run("audit", "--flow", "tcp:x", folder).code, USAGE)
        (folder / "notes.txt").write_text("x")
        (folder / "bad.json").write_text("{")
        (folder / "odd.json").write_text('{"Surprises": [], "Subnets": [{"SubnetId": 7}]}')
        run = Run("audit", folder)
        self.assertEqual(run.code, PARTIAL)
        for word in ("notes.txt: passed by", "bad.json: no JSON", "Surprises", "not what they should be: 1"):
            self.assertIn(word, run.err)
        (folder / "bad.json").write_text('{"Subnets": [{} {}]}')
        run = Run("audit", folder)
        self.assertEqual((run.code, run.out), (NOTHING, b""))


if __name__ == "__main__":
    unittest.main()
