# SPDX-License-Identifier: Apache-2.0
"""postern audit: what nftables and iptables let pass; against verdicts of the kernel, it is never wrong."""
import collections
import csv
import json
import pathlib
import tempfile
import unittest

from support import DATA, DONE, FINDINGS, USAGE, Run

RULES = {"nftables": [
    {"table": {"family": "inet", "name": "t"}},
    {"chain": {"family": "inet", "table": "t", "name": "out", "type": "filter", "hook": "output", "prio": 0, "policy": "drop"}},
    {"rule": {"family": "inet", "table": "t", "chain": "out", "handle": 4, "expr": [
        {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 443}}, {"accept": None}]}}]}
SAVE = "*filter\n:OUTPUT DROP [0:0]\n-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT\nCOMMIT\n"
FLOW = "tcp:10.0.0.5:40000>203.0.113.9:%d"
ORACLE = DATA / "cloud/nft/oracle/verdicts.tsv"
PATHS = {"output": ("output", "-", "eth0"), "forward-lan-to-wan": ("forward", "eth1", "eth0"), "input-wan": ("input", "eth0", "-"),
         "input-lan": ("input", "eth1", "-")}
DECIDED = 3487  # of 3,712, docs/BOUNDARIES.md


def flow_of(row):
    src = "198.51.100.1" if row["src"] == "self" else row["src"]
    if row["proto"] == "icmp":
        return f"icmp:{src}>{row['dst']}:8"
    return f"{row['proto']}:{src}:40000>{row['dst']}:{row['dport']}"


class Audit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name, text):
        path = pathlib.Path(self.folder.name) / name
        path.write_text(text)
        return path

    def test_one_flow(self):
        for text in json.dumps(RULES), SAVE:
            path = self.file("rules", text)
            run = Run("audit", path, "--flow", FLOW % 443, "--json")
            self.assertEqual((run.code, json.loads(run.out)["verdict"]), (DONE, "allowed"))
            run = Run("audit", path, "--flow", FLOW % 80, "--json", "--exit-code")
            self.assertEqual((run.code, json.loads(run.out)["verdict"]), (FINDINGS, "denied"))

    def test_catalogue(self):
        run = Run("audit", self.file("rules", json.dumps(RULES)), "--json")
        rows = [json.loads(line) for line in run.out.splitlines()]
        self.assertEqual(len(rows), 20)
        self.assertEqual({row["flow"].split(":")[0] + row["flow"].rpartition(":")[2] for row in rows if row["verdict"] == "allowed"}, {"tcp443"})

    def test_what_is_refused(self):
        for text, words in (("table inet t {}", "neither JSON"), ("{}", "nft -j list ruleset"), ("*filter\n-X\n", "2: not as")):
            run = Run("audit", self.file("rules", text))
            self.assertEqual(run.code, USAGE)
            self.assertIn(words, run.err)
        rules = self.file("rules", SAVE)
        for flows, words in (("output\t-\n", "line 1: not PATH"), ("input\t-\t-\tx\n", "line 1: ")):
            run = Run("audit", rules, "--flows", self.file("flows", flows))
            self.assertEqual(run.code, USAGE)
            self.assertIn(words, run.err)

    def test_the_kernel_agrees(self):
        if not ORACLE.exists():
            self.skipTest(f"{ORACLE}: not there: the kernel's verdicts are not part of the repository")
        rulesets = collections.defaultdict(list)
        with ORACLE.open() as file:
            for row in csv.DictReader(file, delimiter="\t"):
                rulesets[row["ruleset"]].append(row)
        decided = rows = 0
        for name, asked in sorted(rulesets.items()):
            flows = self.file("flows", "".join("\t".join((*PATHS[row["path"]], flow_of(row))) + "\n" for row in asked))
            run = Run("audit", DATA / "cloud/nft/github-json" / f"{name}.json", "--flows", flows, "--json")
            self.assertEqual(run.code, DONE, run.err)
            answers = [json.loads(line) for line in run.out.splitlines()]
            self.assertEqual(len(answers), len(asked))
            for row, answer in zip(asked, answers):
                rows += 1
                if answer["verdict"] == "undecided":
                    continue
                decided += 1
                self.assertEqual(answer["verdict"], "allowed" if row["kernel_verdict"] == "pass" else "denied", (name, row, answer))
        self.assertGreater(rows, 3000)
        self.assertGreaterEqual(decided, DECIDED)


if __name__ == "__main__":
    unittest.main()
