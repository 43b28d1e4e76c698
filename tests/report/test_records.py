# SPDX-License-Identifier: Apache-2.0
"""Records for other programs: STIX, EVE, ECS, OCSF, CEF, syslog, MISP, CSV."""
import csv
import io
import json
import re
import unittest
import uuid

import jsonschema
from records import CASES, complaints, lines, ours, sample, theirs

STIX_SPACE = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
T1008 = "attack-pattern--f24faf46-3b26-4dbb-98f2-63460498e433"


def everything(name):
    for case in CASES:
        for line in lines(case, name, "all"):
            yield f"{case} {name}", line


class Schemas(unittest.TestCase):
    def test_ours(self):
        for name in ("stix", "eve", "ecs", "ocsf", "misp"):
            validator, seen = ours(name), 0
            for where, document in everything(name):
                self.assertEqual(complaints(validator, document), [], where)
                seen += 1
            self.assertGreaterEqual(seen, 9, name)


class Stix(unittest.TestCase):
    def bundle(self, *args):
        return lines(args[0], "stix", *args[1:])[0]

    def test_observables_have_the_ids_of_the_standard(self):
        parts = {"ipv4-addr": ("value",), "ipv6-addr": ("value",), "domain-name": ("value",),
                 "network-traffic": ("start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols")}
        seen = set()
        for case in CASES:
            for item in self.bundle(case)["objects"]:
                if item["type"] in parts:
                    name = json.dumps({key: item[key] for key in parts[item["type"]] if key in item}, sort_keys=True,
                                      separators=(",", ":"), ensure_ascii=False)  # RFC 8785 for what is in there
                    self.assertEqual(item["id"], f"{item['type']}--{uuid.uuid5(STIX_SPACE, name)}")
                    seen.add(item["type"])
        self.assertEqual(seen, set(parts))

    def test_references_lead_somewhere(self):
        for case in CASES:
            objects = self.bundle(case)["objects"]
            ids = [item["id"] for item in objects]
            self.assertEqual(len(ids), len(set(ids)), case)
            for item in objects:
                refs = [v for k, v in item.items() if k.endswith("_ref")] + [r for k, v in item.items() if k.endswith("_refs") for r in v]
                for ref in refs:
                    self.assertTrue(ref in ids or ref.startswith("attack-pattern--"), f"{case}: {ref}")

    def test_story(self):
        objects = self.bundle("emotet")["objects"]
        by_type = {}
        for item in objects:
            by_type.setdefault(item["type"], []).append(item)
        indicator, = by_type["indicator"]
        self.assertEqual(indicator["pattern"], "[ipv4-addr:value = '203.0.113.194' OR ipv4-addr:value = '198.51.100.4']")
        self.assertEqual(indicator["created"], "2021-01-06T16:42:34.457Z")
        self.assertIn((indicator["id"], "indicates", T1008),
                      [(r["source_ref"], r["relationship_type"], r["target_ref"]) for r in by_type["relationship"]])
        sighting, = by_type["sighting"]
        self.assertEqual((sighting["count"], sighting["sighting_of_ref"]), (6, indicator["id"]))
        self.assertEqual(by_type["observed-data"][0]["number_observed"], 23)

    def test_only_what_is_reported(self):
        self.assertEqual([o["type"] for o in self.bundle("nothing", "all")["objects"]], ["identity"])
        self.assertEqual(sum(o["type"] == "indicator" for o in self.bundle("ruled", "all")["objects"]), 2)

    def test_dga_and_others_name_their_technique_too(self):
        targets = {o.get("target_ref") for o in self.bundle("shared")["objects"]}
        self.assertIn("attack-pattern--f7827069-0bf2-4764-af4f-23fae0d181b7", targets)


class Spared(unittest.TestCase):
    def test_nobody_else_is_hurt(self):
        """Of ten endpoints two may be acted on; the others are resolvers, operators, public services, neighbours, or beside."""
        attributes = lines("shared", "misp")[0]["Event"]["Attribute"]
        self.assertEqual([a["value"] for a in attributes], ["bad.example", "203.0.113.66|443"])
        pattern = next(o["pattern"] for o in lines("shared", "stix")[0]["objects"] if o["type"] == "indicator")
        self.assertEqual(pattern, "[domain-name:value = 'bad.example' OR ipv4-addr:value = '203.0.113.66']")


class Eve(unittest.TestCase):
    def test_their_schema(self):
        schema = json.loads(theirs(self, "suricata-doc/schema.json").read_text())
        validator = jsonschema.Draft202012Validator(schema)
        for where, event in everything("eve"):
            self.assertEqual(complaints(validator, event), [], where)

    def test_an_alert_for_each_switch(self):
        events = lines("emotet", "eve")
        self.assertEqual(len(events), 6)
        first = events[0]
        self.assertEqual((first["timestamp"], first["src_ip"], first["dest_ip"], first["dest_port"], first["proto"]),
                         ("2021-01-06T16:42:48.292000+0000", "10.1.6.206", "198.51.100.4", 8080, "TCP"))
        self.assertEqual(first["alert"]["metadata"]["from"], ["203.0.113.194:443"])
        self.assertEqual(first["alert"]["metadata"]["mitre_technique_name"], ["Fallback_Channels"])


class Ecs(unittest.TestCase):
    def leaves(self, node, path=""):
        for key, value in node.items():
            if isinstance(value, dict):
                yield from self.leaves(value, f"{path}{key}.")
            else:
                yield path + key, value

    def test_their_fields(self):
        with open(theirs(self, "ecs/fields.csv"), encoding="utf-8", newline="") as file:
            fields = {row["Field"]: row for row in csv.DictReader(file)}
        shapes = {"long": int, "float": (int, float), "keyword": str, "ip": str, "date": str, "match_only_text": str, "wildcard": str}
        seen = set()
        for where, document in everything("ecs"):
            for name, value in self.leaves(document):
                if name.startswith("postern."):
                    continue
                self.assertIn(name, fields, where)
                self.assertEqual(isinstance(value, list), fields[name]["Normalization"] == "array", f"{where} {name}")
                for one in value if isinstance(value, list) else [value]:
                    self.assertIsInstance(one, shapes[fields[name]["Type"]], f"{where} {name}")
                seen.add(name)
        self.assertLessEqual({"threat.technique.subtechnique.id", "network.community_id", "related.hosts", "process.name"}, seen)

    def test_values(self):
        document = lines("hostile", "ecs")[0]
        self.assertEqual(document["threat"]["technique"]["id"], ["T1008", "T1568"])
        self.assertEqual(document["threat"]["technique"]["subtechnique"]["id"], ["T1568.002"])
        self.assertEqual(document["threat"]["technique"]["subtechnique"]["reference"], ["https://attack.mitre.org/techniques/T1568/002/"])
        self.assertEqual(document["destination"]["ip"], "203.0.113.9")


class Ocsf(unittest.TestCase):
    def test_their_classes(self):
        """What is required is there, and nothing is there that the class and its objects do not have."""
        def attributes(path):
            node = json.loads(theirs(self, f"ocsf/schema/{path}.json").read_text())
            return node["attributes"], node.get("constraints", {}).get("at_least_one", [])
        finding = {**attributes("events__findings__finding")[0], **attributes("events__findings__detection_finding")[0]}
        base = {"activity_id", "activity_name", "category_uid", "category_name", "class_uid", "class_name", "type_uid", "type_name",
                "severity_id", "severity", "time", "start_time", "end_time", "count", "message", "metadata", "status", "status_id",
                "unmapped", "device"}
        info, _ = attributes("objects__finding_info")
        evidence, one_of = attributes("objects__evidences")
        attack, attack_one_of = attributes("objects__attack")
        for where, event in everything("ocsf"):
            self.assertEqual(set(event) - set(finding) - base, set(), where)
            for key, value in {**finding, **info}.items():
                if isinstance(value, dict) and value.get("requirement") == "required":
                    self.assertTrue(key in event or key in event["finding_info"], f"{where} {key}")
            self.assertEqual(set(event["finding_info"]) - set(info), set(), where)
            for one in event["evidences"]:
                self.assertEqual(set(one) - set(evidence), set(), where)
                self.assertTrue(set(one) & set(one_of), where)
            for one in event["finding_info"]["attacks"]:
                self.assertEqual(set(one) - set(attack), set(), where)
                self.assertTrue(set(one) & set(attack_one_of), where)
            self.assertEqual(event["type_uid"], event["class_uid"] * 100 + event["activity_id"])
            self.assertIn(str(event["status_id"]), finding["status_id"]["enum"])

    def test_status(self):
        self.assertEqual([(e["severity"], e["status"], e["is_alert"]) for e in lines("ruled", "ocsf", "all")],
                         [("Medium", "New", True), ("High", "In Progress", True), ("Informational", "Suppressed", False)])


def cef_of(line):
    """The head's seven fields and the extension, by the format's rules."""
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
    pairs = re.findall(r"(?:^| )([A-Za-z0-9]+)=((?:\\.|[^\\=])*?)(?= [A-Za-z0-9]+=|$)", parts[7])
    return parts[:7], dict(pairs)


class Lines(unittest.TestCase):
    def test_cef(self):
        for case in CASES:
            for line in sample(case, "cef", "all").splitlines():
                head, pairs = cef_of(line)
                self.assertEqual(head[:3], ["CEF:0", "Postern", "Postern"], case)
                self.assertTrue(0 <= int(head[6]) <= 10)
                self.assertLessEqual({"rt", "start", "end", "externalId", "cs1", "cs2"}, set(pairs), case)
                for key in pairs:
                    self.assertRegex(key, r"^(rt|start|end|cnt|externalId|src|dst|c6a[23](Label)?|sproc|dhost|dpt|proto|app|out|in|"
                                          r"requestClientApplication|cs[1-5](Label)?|msg)$")
        self.assertEqual(cef_of(sample("ladder", "cef").splitlines()[0])[1]["c6a2"], "2001:db8::50")

    def test_syslog(self):
        value = r'"(?:[^"\\\]]|\\["\\\]])*"'
        form = re.compile(rf"<(\d{{1,3}})>1 (\S+) - postern - ([a-z]{{1,32}}) \[postern@32473((?: [a-z_]{{1,32}}={value})+)\] \ufeff(.*)")
        for case in CASES:
            for line in sample(case, "syslog", "all").splitlines():
                found = form.fullmatch(line)
                self.assertTrue(found, f"{case}: {line[:300]}")
                self.assertLessEqual(int(found[1]), 191)
                self.assertRegex(found[2], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z$")
        data = dict(re.findall(rf" ([a-z_]+)=({value})", sample("poison", "syslog")))
        self.assertEqual(data["process"], '"=1|2\\\\3"')

    def test_csv(self):
        for case in CASES:
            text = sample(case, "csv", "all")
            self.assertTrue(text.endswith("\r\n"))
            head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
            self.assertEqual(head[0], "id")
            for row in rows:
                self.assertEqual(len(row), len(head), case)
                for cell in row:
                    self.assertFalse(cell.startswith(("=", "+", "-", "@", "\t", "\r")), f"{case}: {cell[:40]}")
        rows = list(csv.DictReader(io.StringIO(sample("ruled", "csv", "all"), newline="")))
        self.assertEqual([row["standing"] for row in rows], ["reported", "reported", "rejected"])
        self.assertEqual(rows[1]["verdict"], "accepted by ann, 2021-01-09T16:42:34.000000Z: the host held Emotet <b>")


if __name__ == "__main__":
    unittest.main()
