# SPDX-License-Identifier: Apache-2.0
"""The egress policy through the binary: errors with their place, remarks, answers and exit codes."""
import json
import re
import unittest

from support import DONE, FINDINGS, ROOT, USAGE, Case, Run

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
        self.refused(Run("policy", "chek", path), "'chek': no such action: check, test or compile")
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


if __name__ == "__main__":
    unittest.main()
