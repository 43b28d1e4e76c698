# SPDX-License-Identifier: Apache-2.0
"""Suricata's rules over captures: alerts and drops of its own verification tests, and captures of our own."""
import collections
import re
import unittest

import yaml

import captures
import packets
from support import DATA, DONE, NOTHING, USAGE, Case, Run

VERIFY = DATA / "cloud/suricata-verify"
HOME = "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]"  # of Suricata's own configuration
FOLLOWED = {"event_type", "alert.signature_id", "alert.signature", "alert.action", "alert.severity", "pcap_cnt", "drop.reason", "gid"}
CONFIGURED = {"outputs", "action-order", "logging", "stats", "vars"}


def yaml_of(path):
    return yaml.safe_load(path.read_text()) or {} if path.exists() else {}


def events(rules, capture, *options):
    return Run("nfw", "--json", "--home", HOME, *options, "--read", capture, rules)


def wanted(event, match, names):
    """Whether one of ours is one that a check counts."""
    if "alert.signature" in match and names.get(event.get("sid")) != match["alert.signature"]:
        return False
    if "drop.reason" in match and (event.get("reason") == "flow") != match["drop.reason"].startswith("flow"):
        return False
    return (event["type"] == match["event_type"] and match.get("alert.signature_id", event.get("sid")) == event.get("sid")
            and match.get("pcap_cnt", event["packet"]) == event["packet"])


def outside(folder, test):
    """Why a test is none that we can be asked, before it is run; else its rules and capture."""
    rules = sorted(folder.glob("*.rules"))
    given = folder / test["pcap"] if isinstance(test.get("pcap"), str) else next(iter(sorted([*folder.glob("*.pcap"), *folder.glob("*.pcapng")])), None)
    if len(rules) != 1:
        return "no single file of rules"
    if re.search(r"^(accept|\w+:\w|\w+ \w+:)", rules[0].read_text(), re.M):
        return "firewall mode"
    if given is None or not given.exists():
        return "no capture"
    if re.sub(r"-k none|--simulate-ips", "", " ".join(map(str, test.get("args") or []))).strip():
        return "engine options"
    if set(yaml_of(folder / "suricata.yaml")) - CONFIGURED or list(folder.glob("threshold.config")):
        return "engine configuration"
    return rules[0], given


def judge(folder):
    """(what became of it, disagreements)."""
    test = yaml_of(folder / "test.yaml")
    found = outside(folder, test)
    if isinstance(found, str):
        return found, []
    rules, capture = found
    options = ["--ips"] if "--simulate-ips" in " ".join(map(str, test.get("args") or [])) else []
    order = yaml_of(folder / "suricata.yaml").get("action-order")
    run = events(rules, capture, *options, *(["--action-order", ",".join(order)] if order else []))
    if run.code != DONE:
        return f"exit code {run.code}: {run.err}", ["failed"]
    if "rule left out" in run.err:
        return "unsupported syntax", []
    ours = run.lines()
    doubts = [event for event in ours if event["type"] == "undecided"]
    if doubts:
        return "unsupported: " + (doubts[0].get("unsupported") or "protocol not followed"), []
    names = {}
    for line in rules.read_text().splitlines():
        if (sid := re.search(r"sid:\s*(\d+)", line)) and (msg := re.search(r'msg:\s*"([^"]*)"', line)):
            names[int(sid[1])] = msg[1]
    wrong, asked = [], 0
    for check in test.get("checks") or []:
        rule = check.get("filter") or {"match": {}}
        match = rule["match"]
        if match.get("event_type") not in ("alert", "drop") or set(match) - FOLLOWED:
            continue
        count = sum(wanted(event, match, names) for event in ours)
        asked += 1
        if count != rule["count"]:
            wrong.append(f"{match}: {count} for {rule['count']}")
    return "within" if asked > 0 else "no check that is followed", wrong


class Verify(Case):
    def test_all_within_the_subset_agree(self):
        if not VERIFY.is_dir():
            self.skipTest(f"{VERIFY} is not there")
        became = collections.Counter()
        for path in sorted(VERIFY.rglob("test.yaml")):
            what, wrong = judge(path.parent)
            became[what] += 1
            with self.subTest(test=str(path.parent.relative_to(VERIFY))):
                self.assertEqual(wrong, [])
        self.assertEqual(became["within"], 11, "docs/BOUNDARIES.md says so")


def session(data, port=80):
    """A TCP conversation: handshake, then (up, bytes) one segment each."""
    client, server, up, down = "10.0.0.5", "203.0.113.9", (40000, port), (port, 40000)
    sent = {True: 1001, False: 9001}
    out = [packets.tcp(client, server, up, packets.SYN, (1000, 0)),
           packets.tcp(server, client, down, packets.SYN | packets.ACK, (9000, 1001)),
           packets.tcp(client, server, up, packets.ACK, (1001, 9001))]
    for is_up, part in data:
        ends = (client, server, up) if is_up else (server, client, down)
        out.append(packets.tcp(*ends, packets.ACK | packets.PSH, (sent[is_up], sent[not is_up]), part))
        sent[is_up] += len(part)
    return out


class Replay(Case):
    def run_rules(self, rules, frames, *options):
        capture = self.path("x.pcap", captures.pcap([(10 ** 18 + i * packets.MS, packets.framed(frame)) for i, frame in enumerate(frames)]))
        run = events(self.path("x.rules", rules.encode()), capture, *options)
        self.assertEqual(run.code, DONE, run)
        return [(event["type"], event.get("sid", 0), event["packet"]) for event in run.lines() if event["type"] != "summary"]

    GET = b"GET /a HTTP/1.1\r\nHost: %s\r\nUser-Agent: x\r\n\r\n"

    def test_a_request_in_two_segments(self):
        whole = self.GET % b"bad.example"
        frames = session([(True, whole[:20]), (True, whole[20:])])
        rule = 'alert http any any -> any any (http.host; content:"bad.example"; startswith; endswith; sid:1;)\n'
        self.assertEqual(self.run_rules(rule, frames), [("alert", 1, 5)])
        self.assertEqual(self.run_rules(rule.replace("bad", "good"), frames), [])

    def test_a_dropped_flow_stays_dropped(self):
        frames = session([(True, self.GET % b"bad.example"), (False, b"HTTP/1.1 200 OK\r\n\r\n"), (True, b"more")])
        rule = 'drop http any any -> any any (http.host; content:"bad"; sid:1;)\n'
        self.assertEqual(self.run_rules(rule, frames, "--ips"), [("alert", 1, 4), ("drop", 1, 4), ("drop", 0, 5), ("drop", 0, 6)])
        self.assertEqual(self.run_rules(rule, frames), [("alert", 1, 4)])

    def test_orders(self):
        frames = session([(True, self.GET % b"a.example")])
        rules = 'drop http any any -> any any (http.host; content:"a"; sid:1;)\npass http any any -> any any (http.host; content:"a"; sid:2;)\n'
        self.assertEqual(self.run_rules(rules, frames, "--ips"), [])
        self.assertEqual([e[0] for e in self.run_rules(rules, frames, "--ips", "--strict")], ["alert", "drop"])

    def test_second_request_of_a_connection(self):
        frames = session([(True, self.GET % b"a.example"), (False, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), (True, self.GET % b"b.example")])
        rule = 'alert http any any -> any any (http.host; content:"b.example"; sid:1;)\n'
        self.assertEqual(self.run_rules(rule, frames), [("alert", 1, 6)])

    def test_bits_over_packets(self):
        frames = session([(True, b"SSH-2.0-x\r\n"), (False, b"SSH-2.0-y\r\n")], 22)
        rules = ('alert ssh any any -> any any (ssh.proto; content:"2.0"; flow:to_server; flowbits:set,a; noalert; sid:1;)\n'
                 'alert ssh any any -> any any (ssh.software; content:"y"; flow:to_client; flowbits:isset,a; sid:2;)\n')
        self.assertEqual(self.run_rules(rules, frames), [("alert", 2, 5)])

    def test_what_is_not_followed_is_undecided(self):
        frames = session([(True, b"\x00\x01\x02\x03")], 4444)
        self.assertEqual(self.run_rules("alert ssh any any -> any any (flow:to_server; sid:1;)\n", frames), [("undecided", 1, 4)])
        run = events(self.path("y.rules", b"alert tcp any any -> any any (flow:to_server; frobnicate:1; sid:1;)\n"),
                     self.path("y.pcap", captures.pcap([(10 ** 18, packets.framed(frames[0]))])))
        self.assertEqual(run.lines()[0]["unsupported"], "frobnicate")

    def test_usage(self):
        rules = self.path("e.rules", b"alert tcp any any -> any any (sid:1;)\n")
        capture = self.path("e.pcap", captures.pcap([(10 ** 18, packets.framed(session([])[0]))]))
        self.assertEqual(Run("nfw", "--read", capture, "--action-order", "pass,drop", rules).code, USAGE)
        self.assertEqual(Run("nfw", "--read", capture, rules, rules).code, USAGE)
        self.assertEqual(Run("nfw", "--read", rules, rules).code, NOTHING)
        self.assertIn(b"1 sid:1: 1 alerts, 0 drops, 0 undecided", Run("nfw", "--read", capture, rules).out)


if __name__ == "__main__":
    unittest.main()
