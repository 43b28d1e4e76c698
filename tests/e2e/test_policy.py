# SPDX-License-Identifier: Apache-2.0
"""The egress policy through the binary: errors with their place, remarks, answers and exit codes."""
import json
import re
import unittest

import captures
import packets
import zeeklogs
from support import DONE, FINDINGS, NOTHING, PARTIAL, ROOT, USAGE, Case, Run, scenario_bytes

EXAMPLE = re.search(r"```yaml\n(.*?)```", (ROOT / "docs/POLICY.md").read_text(), re.S)[1]
WEB = "tcp:192.0.2.10:40000>203.0.113.9:443"
AT = ("--at", "2026-11-25")


class Policy(Case):
    def example(self, *changes):
        text = EXAMPLE
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new, 1)
        return self.path("p.yaml", text.encode())

    def ask(self, *args, **options):
        run = Run("policy", "test", self.example(), *AT, "--json", *args, **options)
        self.assertEqual(run.code, DONE, run)
        return [(line["verdict"], line["rule"]) for line in run.lines()]

    def test_the_example_of_the_manual_is_good(self):
        run = Run("policy", "check", *AT, "--exit-code", self.example())
        self.assertIn(": unused: ping: ", run.out.decode())
        self.assertEqual(run.code, FINDINGS, run)
        self.assertTrue(all(re.match(r".*p\.yaml:\d+:\d+: [a-z ]+: \S+: .", line) for line in run.out.decode().splitlines()), run.out)

    def test_answers(self):
        self.assertEqual(self.ask(WEB), [("undecided", "never-block")])
        self.assertEqual(self.ask(WEB, "--sni", "www.Vendor.example."), [("allowed", "vendor-web")])
        self.assertEqual(self.ask(WEB, "--http-host", "www.vendor.example"), [("denied", "default office")])
        self.assertEqual(self.ask(WEB, "--dns-name", "www.vendor.example"), [("undecided", "vendor-web")])
        self.assertEqual(self.ask(WEB, "--dns-name", "www.vendor.example", "--as", "tls"), [("allowed", "vendor-web")])
        self.assertEqual(self.ask("udp:192.0.2.200:40000>198.51.100.53:53"), [("allowed", "names")])
        self.assertEqual(self.ask("icmp:[2001:db8:1::1]>[2001:db8:2::1]:128", "--dns-name", "x.example"), [("denied", "default office")])
        self.assertEqual(self.ask("tcp:203.0.113.1:1>203.0.113.2:2", "--dns-name", "x.example"), [("undecided", None)])

    def test_a_line_a_flow_in_order(self):
        flows = [f"udp:192.0.2.{n}:40000>198.51.100.{53 + n % 2}:53" for n in range(1, 120)]
        run = Run("policy", "test", self.example(), "--json", "--dns-name", "x.example", "-", stdin="\n".join(flows).encode())
        self.assertEqual(run.code, DONE, run)
        self.assertEqual([line["flow"] for line in run.lines()], flows)
        for line in run.lines():
            self.assertEqual(list(line), ["flow", "verdict", "rule", "reason"])
            self.assertEqual(line["verdict"], "allowed" if line["flow"].endswith(".53:53") else "denied")

    def test_time(self):
        for at, verdict in (("2027-06-30T23:59:59Z", "allowed"), ("2027-07-01", "denied")):
            run = Run("policy", "test", self.example(), "--json", "--at", at, "--sni", "vendor.example", WEB)
            self.assertEqual(run.lines()[0]["verdict"], verdict, run)
        run = Run("policy", "check", "--json", "--at", "2027-07-01", self.example())
        self.assertIn(("expired", "vendor-web"), [(line["kind"], line["id"]) for line in run.lines()])

    def test_exit_codes(self):
        args = "policy", "test", self.example(), "--exit-code", "--dns-name", "x.example"
        self.assertEqual(Run(*args, "udp:192.0.2.1:1>198.51.100.54:53").code, FINDINGS)
        self.assertEqual(Run(*args, "udp:192.0.2.1:1>198.51.100.53:53").code, DONE)

    def refused(self, run, words):
        self.assertEqual((run.code, run.out), (USAGE, b""), run)
        self.assertIn(words, run.err)

    def test_what_is_wrong_has_a_place(self):
        path = self.example(("to: vendor\n", "to: vendr\n"))
        line = EXAMPLE[:EXAMPLE.index("to: vendor\n")].count("\n") + 1
        self.refused(Run("policy", "check", path), f"p.yaml:{line}:9: 'vendr' is no destination, zone or network")
        self.refused(Run("policy", "test", path, WEB), f"p.yaml:{line}:9: ")
        bomb = "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))
        self.refused(Run("policy", "check", self.path("bomb.yaml", bomb.encode())), "bomb.yaml:1:4: anchors are not taken")
        self.refused(Run("policy", "check", self.path("big.yaml", b"#" * (1 << 20) + b"\n")), "big.yaml: over 1 MB")
        self.refused(Run("policy", "check", self.path("esc.yaml", b"version: 1\n\"\\e[31m\": 2\n")), "esc.yaml:2:1: a policy has no '\\x1b[31m'")
        self.refused(Run("policy", "check", self.folder / "none.yaml"), "none.yaml: No such file or directory")

    def test_usage(self):
        path = self.example()
        self.refused(Run("policy"), "say what to do with which file")
        self.refused(Run("policy", "chek", path), "'chek': no such action: check, test, compile or draft")
        self.refused(Run("policy", "test", path), "no flow: give one such as")
        self.refused(Run("policy", "test", path, "tcp:1"), "'tcp:1' is no flow: write tcp:SRC:PORT>DST:PORT")
        self.refused(Run("policy", "test", path, "-", stdin=WEB.encode() + b"\n\nx\n"), "-:3: 'x' is no flow")
        self.refused(Run("policy", "test", path, WEB, "--sni", "a.example", "--dns-name", "b.example"), "differ")
        run = Run("policy", "test", path, WEB, "--iif", "eth0")
        self.assertEqual(run.code, DONE)
        self.assertIn("--iif changes nothing", run.err)

    def test_lint_is_exact(self):
        rules = "".join(f"  - {{id: r{n}, owner: o, why: w, from: office, to: 203.0.113.{n * 64}/26, service: https, action: deny}}\n" for n in range(4))
        last = "  - {id: last, owner: o, why: w, from: office, to: 203.0.113.0/24, service: https, action: allow}\n"
        for gone, kinds in ((None, {"shadowed"}), (2, set())):
            kept = "".join(line for line in rules.splitlines(True) if f"id: r{gone}," not in line)
            run = Run("policy", "check", "--json", *AT, self.path(f"{gone}.yaml", (EXAMPLE + kept + last).encode()))
            found = {line["kind"] for line in map(json.loads, run.out.splitlines()) if line["id"] == "last"}
            self.assertEqual(found - {"target"}, kinds, run.out)


# what zeeklogs' host always reaches, but not what its ladder tries
DAY = """version: 1
zones: {all: 10.0.0.0/8}
services: {https: {protocol: tcp, ports: 443}}
destinations: {usual: {networks: [198.51.100.1, 198.51.100.2]}}
rules:
  - {id: usual, owner: o, why: w, from: all, to: usual, service: https, action: allow}
"""


class Inputs(Case):
    def setUp(self):
        self.policy = self.path("p.yaml", DAY.encode())
        rows = zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100)
        self.log = self.path("conn.log", (zeeklogs.head() + "".join(rows)).encode())
        self.capture = self.path("day.pcap", captures.pcap([(at, packets.framed(packet)) for at, packet in packets.walk()]))

    def judged(self, *inputs, code=DONE):
        run = Run("policy", "test", self.policy, "--json", "--read", *inputs)
        self.assertEqual(run.code, code, run)
        *rows, summary = run.lines()
        return rows, summary

    def test_a_log_and_a_capture_of_the_same(self):
        for source in (self.log, self.capture):
            rows, summary = self.judged(source)
            self.assertEqual([row["type"] for row in rows], ["violation"] * 5)
            self.assertEqual([row["address"] for row in rows],
                             ["203.0.113.10", "192.0.2.20", "198.18.0.30", "203.0.114.40", zeeklogs.LADDER_END])
            self.assertEqual({row["rule"] for row in rows}, {"default all"})
            self.assertEqual([row["flow"] for row in rows][:1], ["tcp:10.0.0.5:50000>203.0.113.10:8080"])
            self.assertEqual(summary, {"type": "summary", "connections": 45, "allowed": 40, "denied": 5, "undecided": 0,
                                       "violations": 5, "dropped": 0, "partial": False})

    def test_the_flow_told_gets_the_same_answer(self):
        for row in self.judged(self.log)[0]:
            run = Run("policy", "test", self.policy, "--json", row["flow"])
            self.assertEqual((run.lines()[0]["verdict"], run.lines()[0]["rule"]), ("denied", row["rule"]))

    def test_many_of_a_kind_are_one_line(self):
        rows = [zeeklogs.conn(zeeklogs.START + n * 40, n, "10.0.0.5", 40000 + n, "203.0.113.9", 8443, "SF") for n in range(300)]
        found, summary = self.judged(self.path("many.log", (zeeklogs.head() + "".join(rows)).encode()))
        told = [row for row in found if row["type"] == "violation"]
        self.assertEqual([(row["count"], row["port"]) for row in told], [(300, 8443)])
        self.assertEqual([row["type"] for row in found if row not in told], ["unused"])
        self.assertEqual((summary["denied"], summary["violations"]), (300, 1))

    def test_exit_codes(self):
        args = "policy", "test", self.policy, "--exit-code", "--read"
        self.assertEqual(Run(*args, self.log).code, FINDINGS)
        quiet = self.path("quiet.log", (zeeklogs.head() + "".join(zeeklogs.day())).encode())
        self.assertEqual(Run(*args, quiet).code, DONE)
        self.assertEqual(Run(*args, quiet, self.folder / "none.pcap").code, PARTIAL)
        run = Run(*args, self.folder / "none.pcap")
        self.assertEqual((run.code, run.out), (NOTHING, b""), run)
        self.assertEqual(Run(*args, quiet, "--sni", "a.example").code, USAGE)

    def test_text(self):
        run = Run("policy", "test", self.policy, "--read", self.log)
        self.assertEqual((run.code, run.err), (DONE, ""), run)
        lines = run.out.decode().splitlines()
        self.assertEqual(lines[-1], "45 connections: 40 allowed, 5 denied, 0 undecided")
        self.assertRegex(lines[0], r"^denied    10\.0\.0\.5 > 203\.0\.113\.10:8080/tcp  1  \S+Z  no rule speaks of it, and the default")


class Wide(Case):
    """Least functionality: rules that are open to more hosts, or more ports, than needed them."""

    POLICY = """\
version: 1
zones: {lan: {networks: 10.0.0.0/24}}
services: {web: {protocol: tcp, ports: [80, 443, 8000-8010]}, tls: {protocol: tcp, ports: 443}}
destinations: {one: {networks: 203.0.113.9}, two: {networks: 203.0.113.10}, all: {networks: 203.0.113.0/24}}
rules:
  - {id: one, owner: o, why: w, from: lan, to: one, service: web, action: allow}
  - {id: two, owner: o, why: w, from: lan, to: two, service: tls, action: allow}
  - {id: all, owner: o, why: w, from: any, to: all, service: tls, action: allow}
"""

    def told(self, users):
        rows = [zeeklogs.conn(zeeklogs.START + n, n, f"10.0.0.{n}", 40000 + n, "203.0.113.10", 443, "SF") for n in range(1, 6)]
        rows += [zeeklogs.conn(zeeklogs.START + 60 + n, 60 + n, f"10.0.0.{n}", 41000 + n, "203.0.113.9", 443, "SF") for n in range(1, users + 1)]
        rows.append(zeeklogs.conn(zeeklogs.START + 90, 90, "10.0.0.1", 42000, "203.0.113.77", 443, "SF"))
        run = Run("policy", "test", self.path("p.yaml", self.POLICY.encode()), "--json", "--read",
                  self.path("conn.log", (zeeklogs.head() + "".join(rows)).encode()))
        return {line["rule"]: line["reason"] for line in run.lines() if line["type"] == "wide"}

    def test_few_hosts_and_ports(self):
        self.assertEqual(self.told(1), {"one": "1 of the 5 hosts seen that it speaks of needed it: 10.0.0.1; nothing needed web 80, web 8000-8010"})
        self.assertEqual(self.told(2), {"one": "2 of the 5 hosts seen that it speaks of needed it; nothing needed web 80, web 8000-8010"})

    def test_more_than_half(self):
        self.assertEqual(self.told(3), {"one": "nothing needed web 80, web 8000-8010"})


class Large(Case):
    def test_many_rules_of_names_and_networks(self):
        """Names cross networks: taking such rules apart takes minutes; each has a flow that shows that it matters."""
        lines = ["version: 1", "zones: {a: {networks: 10.0.0.0/16}}", "services: {web: {protocol: tcp, ports: [80, 443]}}", "destinations:"]
        lines += [f'  d{n}: {{names: [n{n}.example, "*.n{n}.example"], networks: [198.{n % 250}.{n // 250}.0/28, 203.{n % 250}.{n // 250}.64/28]}}'
                  for n in range(300)]
        lines += ["rules:", *(f"  - {{id: r{n}, owner: o, why: w, from: a, to: d{n}, service: web, action: allow}}" for n in range(300)),
                  "  - {id: again, owner: o, why: w, from: a, to: d7, service: web, action: allow}"]
        run = Run("policy", "check", "--json", self.path("p.yaml", "\n".join(lines).encode()))
        told = [(line["kind"], line["id"]) for line in run.lines() if line["kind"] != "target"]
        self.assertEqual(told, [("redundant", "r7"), ("redundant", "again")])


class Draft(Case):
    """learn, draft, check, test: what was reached passes, and no more."""

    def drafted(self, *options):
        capture = self.path("office.pcap", scenario_bytes("benign-office-day"))
        baseline, policy = self.folder / "b.txt", self.folder / "draft.yaml"
        self.assertEqual(Run("baseline", "learn", "--min-days", "1", "-o", baseline, capture).code, DONE)
        run = Run("policy", "draft", "--baseline", baseline, "-o", policy, *options, capture)
        return run, policy, capture

    def test_the_round_trip(self):
        run, policy, capture = self.drafted("--json")
        self.assertEqual(run.code, DONE, run)
        summary = run.lines()[-1]
        self.assertEqual((summary["denied"], summary["violations"]), (0, 0), run.out)
        self.assertGreater(summary["allowed"], 100)
        self.assertEqual(Run("policy", "check", policy).code, DONE)
        other = self.path("other.pcap", scenario_bytes("demo-emotet-like"))
        tested = Run("policy", "test", policy, "--json", "--read", other)
        cut = {line["address"] for line in tested.lines() if line["type"] == "violation"}
        self.assertIn("198.51.100.178", cut)

    def test_rules_that_nothing_needed(self):
        _, policy, _ = self.drafted()
        other = self.path("other.pcap", scenario_bytes("demo-emotet-like"))
        unused = [line for line in Run("policy", "test", policy, "--json", "--read", other).lines() if line["type"] == "unused"]
        self.assertTrue(unused)
        self.assertEqual(set(unused[0]), {"type", "rule", "owner", "reason"})

    def test_a_quota(self):
        run, policy, _ = self.drafted("--max-rules", "1")
        self.assertEqual(run.code, DONE, run)
        prefixes = [line.count("/") for line in policy.read_text().splitlines() if line.startswith("    networks: ")]
        self.assertLessEqual(sum(prefixes), 1)

    def test_how_it_is_asked(self):
        for args, words in ((("draft",), "say of which baseline"), (("draft", "--baseline", "none"), "none: No such file"),
                            (("draft", "--baseline", "none", "a.pcap"), "say where the draft goes")):
            run = Run("policy", *args)
            self.assertEqual(run.code, USAGE, run)
            self.assertIn(words, run.err)


class Hunt(Case):
    """What a policy says of a finding: the reserve of demo-emotet-like is 198.51.100.178, HTTP at port 8080."""
    TEXT = """version: 1
zones: {office: {networks: 10.1.0.0/16}}
services: {web: {protocol: tcp, ports: [443, 8080], as: %s}}
destinations: {reserve: {networks: %s}}
rules:
  - {id: reserve, owner: it, why: "the backup, ticket 7", from: office, to: reserve, service: web, action: allow}
"""

    def found(self, protocol, network):
        path = self.path("p.yaml", (self.TEXT % (protocol, network)).encode())
        findings, _ = self.hunt("-", options=["--all", "--policy", str(path)], stdin=scenario_bytes("demo-emotet-like"))
        return next(f for f in findings if "198.51.100.178" in {c["endpoint"] for c in f["channels"]})

    def test_whom_it_names_is_known(self):
        finding = self.found("http", "198.51.100.178")
        self.assertEqual((finding["explained"], finding["explained_text"]),
                         ("policy", "the policy names it: rule reserve: the backup, ticket 7"))

    def test_what_it_denies_is_said(self):
        for protocol, network, words in (("http", "198.51.100.0/28", "the default of zone office is deny"),
                                         ("tls", "198.51.100.178", "the default of zone office is deny")):
            finding = self.found(protocol, network)
            self.assertIsNone(finding["explained"])
            said = [e for e in finding["evidence"] if e["kind"] == "policy"]
            self.assertEqual([(e["bits"], e["text"].startswith("198.51.100.178 tcp/8080 is denied by the policy: ")) for e in said], [(0, True)])
            self.assertIn(words, said[0]["text"])

    def test_a_file_that_is_none(self):
        path = self.path("p.yaml", b"version: 1\nzones: 7\n")
        run = Run("hunt", "--policy", path, "-", stdin=scenario_bytes("demo-emotet-like"))
        self.assertEqual((run.code, run.out), (USAGE, b""))
        self.assertRegex(run.err, r"p\.yaml:2:8: ")


if __name__ == "__main__":
    unittest.main()
