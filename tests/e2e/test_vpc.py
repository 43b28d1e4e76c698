# SPDX-License-Identifier: Apache-2.0
"""Amazon VPCs: every rule of docs/VPC.md by a small network of ours, and the verdicts of Batfish's own tests, none contradicted."""
import csv
import json
import pathlib
import re
import sys
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
            run = Run("vpc", "--json", "-q", "--flow", flow, CLOUD / "batfish" / row["snapshot_dir"])
            self.assertEqual(run.code, DONE, run.err)
            answer = json.loads(run.out)
            asked += 1
            decided += answer["verdict"] != "undecided"
            wrong = "shut" if row["expected_disposition"] in OPEN else "open"
            print(f"{answer['verdict']:9} {row['expected_disposition']:14} {row['snapshot_dir']} {flow}: {answer['reason']}", file=sys.stderr)
            with self.subTest(snapshot=row["snapshot_dir"], flow=flow):
                self.assertNotEqual(answer["verdict"], wrong, answer)
        print(f"Batfish: {decided} of {asked} decided", file=sys.stderr)

    def test_every_file_is_read(self):
        files = sorted(CLOUD.rglob("*.json"))
        self.assertGreater(len(files), 400)
        for folder in sorted({path.parent for path in files}):
            run = Run("vpc", "-q", folder)
            self.assertIn(run.code, (DONE, PARTIAL, NOTHING), run.err)


if __name__ == "__main__":
    unittest.main()
