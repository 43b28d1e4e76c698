# SPDX-License-Identifier: Apache-2.0
"""VERIS: each version against its own words, the newest against VERIS's schema and rules."""
import ast
import copy
import csv
import datetime
import json
import logging
import re
import types
import unittest

import jsonschema
from records import CASES, complaints, lines, ours, theirs

FORMATS = {"veris": "1.4.1", "veris-1.4.1": "1.4.1", "veris-1.4.0": "1.4.0", "veris-1.3.7": "1.3.7", "veris-1.3.5": "1.3.5"}


def incidents():
    for name, version in FORMATS.items():
        for case in CASES:
            for incident in lines(case, name, "all"):
                yield f"{case} {name}", version, incident


class Veris(unittest.TestCase):
    def test_our_schema(self):
        validator, seen = ours("veris"), 0
        for where, version, incident in incidents():
            self.assertEqual(incident["schema_version"], version, where)
            self.assertEqual(complaints(validator, incident), [], where)
            seen += 1
        self.assertEqual(seen, 5 * 11)

    def test_their_schema(self):
        """verisc-merged.json is 1.4.1's; 1.4.0 and 1.3.7 use words that are in it too."""
        schema = json.loads(theirs(self, "veris/verisc-merged.json").read_text())
        jsonschema.Draft4Validator.check_schema(schema)
        validator = jsonschema.Draft4Validator(schema)
        for where, version, incident in incidents():
            found = complaints(validator, incident)
            if version == "1.3.5":  # words that later versions dropped, and nothing else
                self.assertEqual([line.split(":")[0] for line in found], ["action/hacking/variety/0", "action/hacking/vector/0"], where)
            else:
                self.assertEqual(found, [], where)

    def test_words_are_those_that_are_mapped_to_t1008(self):
        """Every word that CTID maps to T1008 in that version is there."""
        files = {"1.3.5": "ctid/veris-1.3.5_attack-9.0-enterprise.json", "1.3.7": "ctid/veris-1.3.7_attack-12.1-enterprise.json",
                 "1.4.0": "ctid/veris-1.4.0_attack-16.1-enterprise.json"}
        mapped = {version: {row["capability_id"] for row in json.loads(theirs(self, path).read_text())["mapping_objects"]
                            if row["attack_object_id"] == "T1008"} for version, path in files.items()}
        with open(theirs(self, "veris/mappings/veris-1.4.1_attack-19.1-enterprise.csv"), encoding="utf-8", newline="") as file:
            mapped["1.4.1"] = {row["capability_id"] for row in csv.DictReader(file) if row["attack_object_id"] == "T1008"}
        for where, version, incident in incidents():
            words = {f"action.{kind}.{key}.{word}" for kind in ("hacking", "malware") for key in ("variety", "vector")
                     for word in incident["action"][kind][key]}
            self.assertEqual(mapped[version] - words, set(), where)

    def test_rules(self):
        """bin/rules.py and bin/checkValidity.py of VERIS, as far as they speak of what we write."""
        for where, version, incident in incidents():
            malware = incident["action"]["malware"]
            self.assertIn("Software installation", incident["attribute"]["integrity"]["variety"], where)
            if version != "1.3.5":
                self.assertIn("Backdoor or C2", malware["variety"], where)
            self.assertTrue("C2" not in malware["vector"] or "C2" in incident["value_chain"]["non-distribution services"]["variety"])
            self.assertTrue(incident["value_chain"]["development"]["variety"])
            self.assertEqual(incident["asset"]["total_amount"], sum(a["amount"] for a in incident["asset"]["assets"]))

    def test_their_rules(self):
        """The checks of VERIS' own bin/checkValidity.py have nothing to say, not even to recommend."""
        tree = ast.parse(theirs(self, "veris/bin/checkValidity.py").read_text())
        checks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("check") and
                  [arg.arg for arg in node.args.args] == ["inDict"]]
        self.assertGreater(len(checks), 10)
        space = {"ValidationError": jsonschema.ValidationError, "date": datetime.date}
        exec(compile(ast.Module(checks, []), "checkValidity.py", "exec"), space)  # the functions alone: the program wants what Debian lacks
        for where, _, incident in incidents():
            for check in checks:
                self.assertEqual([error.message for error in space[check.name](incident)], [], f"{where} {check.name}")

    def test_their_implications(self):
        """addRules() of bin/rules.py adds what an incident implies and lacks: nothing."""
        tree = ast.parse(theirs(self, "veris/bin/rules.py").read_text())
        rules = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Rules")
        space = {"LooseVersion": lambda text: tuple(int(part) for part in text.split(".")), "datetime": datetime.datetime, "date": datetime.date,
                 "logging": logging.getLogger("veris"), "veris_logger": types.SimpleNamespace(updateLogger=lambda cfg: None)}
        exec(compile(ast.Module([rules], []), "rules.py", "exec"), space)
        config = {"countryfile": [], "vcdb": True, "force_analyst": False, "version": "1.4.1", "year": 2026}
        for where, version, incident in incidents():
            known = copy.deepcopy(incident)
            told = space["Rules"](config).addRules(copy.deepcopy(incident))
            for kind in ("hacking", "malware"):
                self.assertEqual(told["action"][kind], known["action"][kind], where)
            for key in ("attribute", "asset", "actor", "value_chain", "victim"):
                self.assertEqual(told[key], known[key], f"{where} {key}")

    def test_a_person_confirms(self):
        said = [(i["security_incident"], i["confidence"], i["plus"].get("analyst")) for i in lines("ruled", "veris", "all")]
        self.assertEqual(said, [("Suspected", "Medium", None), ("Confirmed", "High", "ann"), ("False positive", "None", None)])
        confirmed = lines("ruled", "veris")[1]
        self.assertEqual(confirmed["timeline"]["discovery"], {"unit": "Days", "value": 3})
        self.assertEqual(confirmed["notes"], "the host held Emotet <b>")
        self.assertEqual([i["security_incident"] for i in lines("ruled", "veris")], ["Suspected", "Confirmed"])

    def test_values(self):
        incident = lines("emotet", "veris")[0]
        self.assertEqual(incident["timeline"]["incident"], {"year": 2021, "month": 1, "day": 6})
        self.assertEqual([i["indicator"] for i in incident["ioc"]], ["203.0.113.194", "198.51.100.4"])
        self.assertEqual(incident["plus"]["master_id"], "5f3c2a9b7d1e4c60a1b2c3d4e5f60718")
        self.assertTrue(re.fullmatch(r"[0-9a-f-]{36}", incident["incident_id"]))


if __name__ == "__main__":
    unittest.main()
