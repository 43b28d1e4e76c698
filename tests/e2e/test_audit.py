# SPDX-License-Identifier: Apache-2.0
"""postern audit: what nftables and iptables let pass; against verdicts of the kernel, it is never wrong."""
import collections
import csv
import json
import subprocess
import unittest

from support import Case, DATA, DONE, FINDINGS, Run, USAGE

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
TEXTS = 97  # that nft 1.0.6 takes and whose JSON is there
DECIDED = 3487  # of 3,712, docs/BOUNDARIES.md


def flow_of(row):
    src = "198.51.100.1" if row["src"] == "self" else row["src"]
    if row["proto"] == "icmp":
        return f"icmp:{src}>{row['dst']}:8"
    return f"{row['proto']}:{src}:40000>{row['dst']}:{row['dport']}"


class Audit(Case):
    def file(self, name, text):
        return self.path(name, text.encode())

    def test_one_flow(self):
        for text in json.dumps(RULES), SAVE:
            path = self.file("rules", text)
            run = Run("audit", path, "--flow", FLOW % 443, "--json")
            self.assertEqual((run.code, json.loads(run.out)["verdict"]), (DONE, "allowed"))
            run = Run("audit", path, "--flow", FLOW % 80, "--json", "--exit-code")
            self.assertEqual((run.code, json.loads(run.out)["verdict"]), (FINDINGS, "denied"))

    def test_catalogue(self):
        run = Run("audit", self.file("rules", json.dumps(RULES)), "--json")
        rows = [row for row in run.lines() if row["type"] == "answer"]
        self.assertEqual(len(rows), 20)
        self.assertEqual({row["flow"].split(":")[0] + row["flow"].rpartition(":")[2] for row in rows if row["verdict"] == "allowed"}, {"tcp443"})

    def test_what_is_refused(self):
        for text, words in (('{"nftables": 7}', "nft -j list ruleset"), ("*filter\n-X\n", "2: not as")):
            run = Run("audit", self.file("rules", text))
            self.assertEqual(run.code, USAGE)
            self.assertIn(words, run.err)
        policy = self.file("policy", "version: 1\n")
        self.assertEqual(Run("audit", policy).code, USAGE)
        rules = self.file("rules", SAVE)
        for flows, words in (("output\t-\n", "line 1: not PATH"), ("input\t-\t-\tx\n", "line 1: ")):
            run = Run("audit", rules, "--flows", self.file("flows", flows))
            self.assertEqual(run.code, USAGE)
            self.assertIn(words, run.err)

    def test_one_verb_asks_all(self):
        for text in json.dumps(RULES), SAVE:
            run = Run("policy", "test", "--json", self.file("rules", text), FLOW % 443, "-", stdin=(FLOW % 80 + "\n").encode())
            self.assertEqual(run.code, DONE, run.err)
            self.assertEqual([json.loads(line)["verdict"] for line in run.out.splitlines()], ["allowed", "denied"])
        run = Run("policy", "test", "--hook", "nowhere", self.file("rules", SAVE), FLOW % 443)
        self.assertEqual(run.code, USAGE)
        self.assertIn("output, forward or input", run.err)
        run = Run("policy", "test", "--sni", "a.example", self.file("rules", SAVE), FLOW % 443)
        self.assertIn("--sni changes nothing", run.err)

    def test_text(self):
        before = subprocess.run(["nft", "list", "ruleset"], capture_output=True, check=False).stdout
        for expr, options, verdicts in (("tcp dport 443 accept", (), ("allowed", "denied")),
                                        ('oif "wan9" accept', ("--oif", "wan9"), ("allowed", "allowed")),
                                        ('oif "wan9" tcp dport 443 accept', ("--oif", "lan0"), ("denied", "denied"))):
            rules = self.file("rules.nft", f"#!/usr/sbin/nft -f\n# ours\nflush ruleset\ntable inet t {{\n chain o {{\n"
                                           f"type filter hook output priority 0; policy drop;\n{expr}\n }}\n}}\n")
            run = Run("policy", "test", "--json", *options, rules, FLOW % 443, FLOW % 80)
            if "may not be made" in run.err:
                self.skipTest("no network namespace may be made here")
            self.assertEqual(run.code, DONE, run.err)
            self.assertEqual(tuple(json.loads(line)["verdict"] for line in run.out.splitlines()), verdicts, expr)
        run = Run("audit", self.file("rules.nft", "table inet t {\n chain o { type foo\n }\n}\n"))
        self.assertEqual(run.code, USAGE)
        self.assertIn("nft says: 2:", run.err)
        self.assertEqual(subprocess.run(["nft", "list", "ruleset"], capture_output=True, check=False).stdout, before)

    def test_text_says_what_its_json_says(self):
        folder = DATA / "cloud/nft"
        if not folder.is_dir():
            self.skipTest(f"{folder}: not there")
        same = 0
        for text in sorted(folder.glob("github/*.nft")):
            listed = folder / "github-json" / f"{text.name}.json"
            run = Run("audit", "--json", text)
            if "may not be made" in run.err:
                self.skipTest("no network namespace may be made here")
            if run.code != DONE or not listed.exists():
                continue
            rows = [[(row["path"], row["flow"], row["verdict"]) for row in answers.lines() if row["type"] == "answer"]
                    for answers in (run, Run("audit", "--json", listed))]
            self.assertEqual(*rows, text)
            same += 1
        self.assertGreaterEqual(same, TEXTS)

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
