# SPDX-License-Identifier: Apache-2.0
"""postern cover: what a boundary leaves open, counted, and what that stops of T1008."""
import json
import pathlib
import unittest

import jsonschema

from support import DATA, DONE, USAGE, Case, Run

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
        return {line["family"]: line for line in Run("cover", self.policy, "--json", *words).lines() if line["type"] == "surface"}

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


MAPEX = DATA / "cloud/ctid/mapex-unified-data-schema.json"  # the Center's own; ours is of what hunt writes
SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schema"


def nft(*rules, policy="drop"):
    """The JSON of nft -j list ruleset: one chain of the output hook."""
    return json.dumps({"nftables": [
        {"table": {"family": "inet", "name": "t"}},
        {"chain": {"family": "inet", "table": "t", "name": "out", "type": "filter", "hook": "output", "prio": 0, "policy": policy}},
        *({"rule": {"family": "inet", "table": "t", "chain": "out", "handle": at, "expr": rule}} for at, rule in enumerate(rules, 4))]}).encode()


def match(protocol, field, right):
    return {"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}


ACCEPT, DROP = {"accept": None}, {"drop": None}


class Stops(Case):
    def told(self, rules, *words):
        run = Run("cover", self.path("rules.json", rules), "--json", *words)
        self.assertEqual(run.code, DONE, run.err)
        return run.lines()

    def score(self, rules, *words):
        return next(line["value"] for line in self.told(rules, *words) if line["type"] == "score")

    def verdicts(self, rules, kind, *words):
        return {line.get("way", line.get("id")): line.get("verdict", line.get("status"))
                for line in self.told(rules, *words) if line["type"] == kind}

    def test_scores(self):
        known_bad = [match("ip", "daddr", {"prefix": {"addr": "198.51.100.0", "len": 24}}), DROP]
        self.assertEqual(self.score(nft(policy="accept")), "minimal")
        self.assertEqual(self.score(nft(known_bad, policy="accept")), "partial")  # as CTID scores it
        self.assertEqual(self.score(nft()), "partial")  # the resolver is not known
        self.assertEqual(self.score(nft(), "--resolver", "filtered"), "significant")
        self.assertEqual(self.score(nft(), "--resolver", "open"), "partial")

    def test_one_open_port(self):
        rules = nft([match("tcp", "dport", 8443), ACCEPT])
        ways = self.verdicts(rules, "way")
        self.assertEqual({way for way, verdict in ways.items() if verdict == "allowed"}, {"any port of TCP"})
        procedures = self.verdicts(rules, "procedure", "--resolver", "filtered")
        self.assertEqual(len(procedures), 53)
        self.assertEqual((procedures["S0117"], procedures["S0236"], procedures["C0002"]), ("allowed", "denied", "undecided"))
        controls = self.verdicts(rules, "control")
        self.assertEqual((controls["sc-7.5"], controls["cm-7"], controls["ca-7"]), ("not satisfied", "satisfied", "not assessed"))

    def test_what_is_not_known_is_not_claimed(self):
        limited = nft([match("tcp", "dport", 443), {"limit": {"rate": 5, "per": "second"}}, ACCEPT])
        self.assertEqual(self.verdicts(limited, "way")["TLS on tcp 443"], "undecided")
        self.assertEqual(self.verdicts(limited, "control")["sc-7.5"], "not assessed")

    def test_an_address_that_rules_name_is_not_unknown(self):
        fastly = nft([match("ip", "daddr", {"prefix": {"addr": "151.101.0.0", "len": 16}}), ACCEPT])
        self.assertEqual(self.verdicts(fastly, "way")["TLS on tcp 443"], "denied")

    def test_where_all_is_named_nothing_is_claimed(self):
        halves = nft(*([match("ip", "daddr", {"prefix": {"addr": half, "len": 1}}), DROP] for half in ("0.0.0.0", "128.0.0.0")))
        places = next(line["places"] for line in self.told(halves) if line["type"] == "way")
        self.assertEqual([place["verdict"] for place in places], ["undecided", "denied"])
        rules = "".join(f"  - {{id: r{n}, owner: o, why: w, from: 10.0.{n // 128}.{n % 128 * 2}, to: one, service: web, action: allow}}\n" for n in range(600))
        zone = POLICY.partition("rules:\n")[0].replace("10.0.0.0/24", "10.0.0.0/16")
        lines = Run("cover", "--to", "markdown", self.path("hosts.yaml", (zone + "rules:\n" + rules).encode())).out.decode()
        self.assertIn("| TLS on tcp 443 | undecided |", lines)

    def test_records(self):
        for name, schema in ("navigator", SCHEMAS / "navigator.schema.json"), ("oscal", SCHEMAS / "oscal.schema.json"), ("mapex", MAPEX):
            for rules in nft(), nft(policy="accept"):
                run = Run("cover", self.path("rules.json", rules), "--to", name)
                self.assertEqual(run.code, DONE, run.err)
                if schema.exists():
                    jsonschema.validate(json.loads(run.out), json.loads(schema.read_text()))
        mapping = json.loads(run.out)["mapping_objects"][0]
        self.assertEqual((mapping["attack_object_id"], mapping["score_category"], mapping["score_value"]), ("T1008", "protect", "minimal"))
        text = Run("cover", self.path("rules.json", nft()), "--to", "markdown").out.decode()
        self.assertEqual(text.count("| S") + text.count("| G") + text.count("| C0"), 53)
        self.assertEqual(Run("cover", "--to", "html", self.path("rules.json", nft())).code, USAGE)

    def test_policy(self):
        policy = self.path("zones.yaml", POLICY.encode())
        lines = [line for line in Run("cover", policy, "--json", "--resolver", "filtered").lines() if line["type"] != "surface"]
        self.assertEqual({line["verdict"] for line in lines if line["type"] == "way"}, {"denied"})
        policy = self.path("wide.yaml", POLICY.replace("10.0.0.0/24}", "10.0.0.0/24, default: allow}").encode())
        lines = Run("cover", policy, "--json").lines()
        self.assertEqual([line["verdict"] for line in lines if line["type"] == "way"][:3], ["allowed"] * 3)


if __name__ == "__main__":
    unittest.main()
