# SPDX-License-Identifier: Apache-2.0
"""postern cover: what a policy leaves open, counted."""
import unittest

from support import DONE, USAGE, Case, Run

POLICY = """\
version: 1
zones: {lan: {networks: 10.0.0.0/24}}
services: {web: {protocol: tcp, ports: [80, 443]}, tls: {protocol: tcp, ports: 443, as: tls}}
destinations: {one: {networks: 203.0.113.0/28}, named: {names: vendor.example}}
rules:
  - {id: one, owner: o, why: w, expires: 2026-01-01T00:00:00Z, from: lan, to: one, service: web, action: allow}
  - {id: named, owner: o, why: w, from: lan, to: named, service: tls, action: allow}
"""
SERVICES = 2 * 65536 + 256 + 253
OUTSIDE = 2**32 - 2**8


class Cover(Case):
    def setUp(self):
        self.policy = self.path("p.yaml", POLICY.encode())

    def covered(self, *words):
        return {line["family"]: line for line in Run("cover", self.policy, "--json", *words).lines()}

    def test_counts_are_exact(self):
        v4 = self.covered("--at", "2025-06-01T00:00:00Z")["IPv4"]
        self.assertEqual((int(v4["open"]), int(v4["some"])), (32, OUTSIDE - 16))
        self.assertEqual(int(v4["open"]) + int(v4["some"]) + int(v4["shut"]), OUTSIDE * SERVICES)
        self.assertEqual({line["region"]: line["count"] for line in v4["largest_open"]},
                         {"203.0.113.0/28 tcp 80": "16", "203.0.113.0/28 tcp 443": "16"})

    def test_what_has_ended_is_shut(self):
        both = self.covered("--at", "2026-06-01T00:00:00Z")
        self.assertEqual((both["IPv4"]["open"], int(both["IPv4"]["some"])), ("0", OUTSIDE))
        self.assertEqual((both["IPv6"]["open"], int(both["IPv6"]["some"])), ("0", 2**128 - 2**32))

    def test_text(self):
        run = Run("cover", self.policy, "--at", "2025-06-01T00:00:00Z")
        self.assertEqual((run.code, run.err), (DONE, ""), run)
        self.assertIn("lan, IPv4: of all destinations and services\n  open  32 (", run.out.decode())
        self.assertIn("    open: 203.0.113.0/28 tcp 443\n", run.out.decode())

    def test_wrong_words(self):
        self.assertEqual(Run("cover").code, USAGE)
        run = Run("cover", self.path("bad.yaml", b"version: 1\nzones: 3\n"))
        self.assertEqual((run.code, run.out), (USAGE, b""), run)
        self.assertIn("bad.yaml:2:", run.err)


if __name__ == "__main__":
    unittest.main()
