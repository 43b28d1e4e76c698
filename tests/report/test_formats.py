# SPDX-License-Identifier: Apache-2.0
"""What holds of every format: strangers' text is inert, the same case gives the same bytes, nothing grows without bound."""
import json
import subprocess
import unicodedata
import unittest

import records
from records import CASES, sample

FORMATS = subprocess.run([records.SAMPLE, "formats"], capture_output=True, text=True, check=True, timeout=60).stdout.split()
# control characters that belong to the format itself
OWN = {"csv": "\n\r", "zeek-intel": "\n\t", "html": "\n\t", "syslog": "\n\ufeff", "nft-set": "\n\t"}
JSON_LINES = {"json", "veris", "veris-1.4.1", "veris-1.4.0", "veris-1.3.7", "veris-1.3.5", "eve", "ecs", "ocsf"}
JSON = {"stix", "misp", "navigator", "mapex", "oscal"}
BYTES_MAX = 100_000  # of `poison`, five of whose strings have 65,536 bytes


class Formats(unittest.TestCase):
    def test_inert(self):
        for name in FORMATS:
            for case in ("hostile", "poison", *(f"any-{seed}" for seed in range(8))):
                text = sample(case, name, "all")
                bad = {c for c in text if c not in OWN.get(name, "\n") and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")}
                self.assertEqual(bad, set(), f"{name} {case}")

    def test_long_names_are_cut(self):
        for name in FORMATS:
            self.assertLess(len(sample("poison", name, "all")), BYTES_MAX, name)

    def test_a_line_each(self):
        """No name begins a line of its own: one finding is as many lines as it should be."""
        for name in ("cef", "syslog", "eve", "ecs", "ocsf", "veris"):
            self.assertEqual(sample("poison", name).count("\n"), 1, name)

    def test_parses(self):
        for name in FORMATS:
            for case in CASES:
                text = sample(case, name, "all")
                if name in JSON_LINES:
                    for line in text.splitlines():
                        json.loads(line, parse_constant=self.fail)
                if name in JSON:
                    json.loads(text, parse_constant=self.fail)

    def test_same_case_same_bytes(self):
        for name in FORMATS:
            self.assertEqual(sample("all", name, "all"), sample("all", name, "all"), name)

    def test_each_is_in_the_documentation(self):
        text = (records.HERE.parent.parent / "docs/FORMATS.md").read_text(encoding="utf-8")
        self.assertEqual([name for name in FORMATS if f"`{name}`" not in text], [])

    def test_names_are_known(self):
        self.assertLessEqual(JSON_LINES, set(FORMATS))
        self.assertEqual(len(FORMATS), len(set(FORMATS)))


if __name__ == "__main__":
    unittest.main()
