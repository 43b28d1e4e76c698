# SPDX-License-Identifier: Apache-2.0
"""postern guard --respond probe, in network namespaces of the test's own: who has a fallback is found out by blocks and shams."""
import json
import signal
import subprocess
import time
import unittest

import gateway
from gateway import HOST, SERVERS, Client, Guard, Lines, Net
from support import DONE, USAGE, Case, Run

DEAD = [f"{addr}:443" for addr in SERVERS[:7]]
FALLBACKS = SERVERS[7:10]
GOOD = SERVERS[12]
SLOT = 4
SEED = "213f"  # for this host: a sham, then blocks and shams by turns
# an inert client: a contact every 0.3 s, with the next server when one does not answer; or with the first that does, for ever
BEACON = r"""
import socket, sys, time
stays, servers, at, met = sys.argv[2] == "stays", [word.split(":") for word in sys.argv[3:]], 0, False
while True:
    addr, port = servers[at % len(servers)]
    with socket.socket() as s:
        s.settimeout(0.7)
        try:
            s.bind((sys.argv[1], 0))
            s.connect((addr, int(port)))
            s.sendall(b"hello there\n")
            what = "answered" if s.recv(100) else "left"
        except OSError:
            what = "left"
    print(what, addr, time.time(), flush=True)
    met = met or what == "answered"
    at += what == "left" and not (stays and met)
    time.sleep(0.3 if what == "answered" else 0.2)
"""


@gateway.NEEDS
class TestProbe(Case):
    def setUp(self):
        self.net = Net()
        self.addCleanup(self.net.close)
        gateway.serve(self.net, *(f"{addr}:8080" for addr in FALLBACKS), f"{GOOD}:443")
        stem = self._testMethodName
        self.trail, self.control = self.folder / f"{stem}.jsonl", self.folder / f"{stem}.socket"
        self.policy = self.path("probe.yaml", f"""version: 1
zones:
  office: {{networks: 10.77.0.0/24}}
services:
  web: {{protocol: tcp, ports: 443}}
rules:
  - {{id: good, owner: net, why: work, from: office, to: "{GOOD}", service: web, action: allow}}
""".encode())

    def guard(self, *more):
        return Guard(self.net, "--respond", "probe", "--policy", self.policy, "--slot", SLOT, "--control", self.control, "--seed", SEED, *more)

    def enforcing(self, *more):
        return self.guard("--enforce", "--trail", self.trail, *more)

    def client(self, how, dead=DEAD):
        def reads(line):
            what, addr, at = line.split()
            return what, addr, float(at)
        words = [*dead, *(f"{addr}:8080" for addr in FALLBACKS)]
        return Lines(self.net.start(self.net.host, "/usr/bin/python3", "-c", BEACON, HOST, how, *words, stdout=subprocess.PIPE, text=True), reads)

    def told(self):
        return [json.loads(line) for line in self.trail.read_text().splitlines()]

    def answer(self, *words):
        run = Run("guard", *words, "--control", self.control, "--json")
        self.assertEqual(run.code, DONE, run)
        return json.loads(run.out)

    @staticmethod
    def news(guard, act, seconds):
        return guard.wait(lambda line: line["type"] == "experiment" and line["act"] == act, seconds)

    @staticmethod
    def coins(told):
        """What each slot was: blocks and shams in order, those of one moment once."""
        seen = []
        for line in told:
            if line["type"] == "change" and line["act"] in ("made", "sham") and line["action"] == "block" and (line["until"], line["act"]) not in seen:
                seen.append((line["until"], line["act"]))
        return [act for _, act in seen]

    def test_an_implant_is_confirmed_and_its_tree_cut(self):
        net = self.net
        guard = self.enforcing()
        client = self.client("goes")
        begun = self.news(guard, "begun", 40)
        self.assertEqual((begun["host"], begun["channel"], begun["experiment"]), (HOST, f"tcp/{FALLBACKS[0]}/8080", 1))
        status = self.answer("status")
        self.assertEqual([(one["host"], one["verdict"], one["over"]) for one in status["experiments"]], [(HOST, "open", False)])
        confirmed = self.news(guard, "confirmed", 200)
        self.assertGreaterEqual(confirmed["log_e"], 9.2)
        self.assertLessEqual(confirmed["sham_hits"], 1)
        ended = self.news(guard, "ended", 200)
        self.assertEqual(ended["verdict"], "confirmed")
        ways = {one["channel"] for one in ended["channels"] if one["way"]}
        self.assertEqual(ways, {f"tcp/{addr}/8080" for addr in FALLBACKS})
        guard.wait(lambda line: line["type"] == "change" and line["action"] == "contain" and line["act"] == "made")
        time.sleep(2)
        seen = len(client.all)
        time.sleep(5)
        self.assertEqual([line for line in client.all[seen:] if line[0] == "answered"], [])
        self.assertEqual([Client(net, HOST, addr, port).state for addr, port in ((GOOD, 443), *((addr, 8080) for addr in FALLBACKS))],
                         ["open", "failed", "failed", "failed"])
        explained = self.answer("explain", HOST)
        self.assertEqual(explained["experiment"]["verdict"], "confirmed")
        self.assertIn("confirmed: it has a fallback", explained["experiment"]["words"][0])
        text = Run("guard", "explain", HOST, "--control", self.control).out.decode()
        self.assertIn("confirmed: it has a fallback\n", text)
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(guard.changes("refused"), [])
        told = self.told()
        self.assertEqual(told[0]["seed"], SEED.rjust(32, "0"))
        self.assertIn("sham", self.coins(told))
        self.assertEqual({line["experiment"] for line in told if line["type"] == "change"}, {1})
        self.assertEqual([line["act"] for line in told if line["type"] == "experiment"], ["begun", "confirmed", "ended"])

    def test_who_has_no_fallback_is_cleared(self):
        guard = self.enforcing()
        client = self.client("stays")
        ended = self.news(guard, "ended", 240)
        self.assertEqual((ended["verdict"], ended["block_hits"]), ("cleared", 0), ended)
        time.sleep(2)  # the last block's second
        self.assertNotIn("elements", self.net.ruleset().split("set channels4")[1].split("}")[0])
        self.assertEqual(client.all[-1][:2], ("answered", FALLBACKS[0]))
        self.assertEqual(guard.end(), DONE)
        self.assertEqual([line for line in guard.all if line["type"] == "change" and line["action"] == "contain"], [])
        self.assertEqual(self.coins(self.told())[:2], ["sham", "made"])  # as the seed has it

    def test_a_switch_is_asked_about_before_there_is_a_finding(self):
        net = self.net
        guard = self.enforcing()
        self.client("goes", dead=[])
        time.sleep(50)  # by then something new in just that second is no chance
        net.run(net.server, "nft", "-f", "-", input=f"table ip dead {{ chain refuses {{ type filter hook input priority 0; "
                                                    f"ip daddr {FALLBACKS[0]} tcp dport 8080 reject with tcp reset\n}}\n}}\n")
        begun = self.news(guard, "begun", 20)
        self.assertEqual((begun["host"], begun["channel"]), (HOST, f"tcp/{FALLBACKS[1]}/8080"))
        self.assertIn(f"new, and after {FALLBACKS[0]} port 8080 protocol 6: it failed", begun["switch"])
        self.assertNotIn("e_value", begun)
        self.assertEqual(guard.changes("made"), [])  # nothing is held meanwhile
        made = guard.wait(lambda line: line["type"] == "change" and line["act"] == "made", 120)
        self.assertEqual((made["peer"], made["experiment"], made["switch"]), (FALLBACKS[1], 1, begun["switch"]))
        guard.wait(lambda line: line["type"] == "change" and line["act"] == "ended", 30)
        self.assertEqual(guard.end(), DONE)

    def test_a_dry_run_only_shams(self):
        before = self.net.ruleset()
        guard = self.guard("--trail", self.trail)
        client = self.client("goes")
        self.news(guard, "begun", 40)
        guard.wait(lambda line: line["type"] == "change" and line["act"] == "sham")
        guard.wait(lambda line: line["type"] == "change" and line["act"] == "sham" and line["id"] > 2, 60)
        self.assertEqual(self.net.ruleset(), before)
        self.assertEqual(client.all[-1][:2], ("answered", FALLBACKS[0]))
        told = self.answer("explain", HOST)["experiment"]
        self.assertTrue(told["dry"])
        self.assertEqual((told["blocks"], told["log_odds"], told["verdict"]), (0, 0, "open"))
        self.assertIn("a dry run: shams only, so nothing is decided", told["words"])
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(set(self.coins(self.told())), {"sham"})
        self.assertEqual({line["act"] for line in guard.all if line["type"] == "change"}, {"sham"})

    def test_a_killed_guard_goes_on_with_it(self):
        more = "--state", self.folder / "state"
        guard = self.enforcing(*more)
        self.client("goes")
        self.news(guard, "begun", 40)
        made = guard.wait(lambda line: line["type"] == "change" and line["act"] == "made", 90)
        time.sleep(SLOT + 1)  # that slot is counted
        guard.end(signal.SIGKILL)
        again = self.enforcing(*more)
        status = self.answer("status")["experiments"]
        self.assertEqual([(one["host"], one["experiment"], one["block_hits"]) for one in status], [(HOST, 1, 1)])
        self.assertEqual(self.news(again, "confirmed", 200)["experiment"], made["experiment"])
        again.wait(lambda line: line["type"] == "change" and line["action"] == "contain" and line["act"] == "made", 200)
        self.assertEqual(again.end(), DONE)
        self.assertEqual([line["act"] for line in self.told() if line["type"] == "experiment"], ["begun", "confirmed", "ended"])

    def test_an_operator_stops_it(self):
        guard = self.enforcing()
        self.client("goes")
        made = guard.wait(lambda line: line["type"] == "change" and line["act"] == "made", 120)
        self.answer("undo", str(made["id"]))
        self.assertEqual(self.news(guard, "ended", 10)["verdict"], "stopped")
        time.sleep(3 * SLOT)
        self.assertEqual(len(guard.changes("made")), 1)
        self.assertEqual(self.answer("status")["in_force"], [])
        self.assertEqual(guard.end(), DONE)

    def test_a_broken_file_is_told(self):
        (self.folder / "broken.experiments").write_bytes(b"TRL1 and no more")
        guard = self.enforcing("--state", self.folder / "broken")
        self.assertEqual(guard.end(), DONE)
        self.assertIn("the saved experiments are broken", guard.words())


class TestWords(Case):
    def test_wrong_words(self):
        policy = self.path("words.yaml", b"version: 1\nzones: {lan: {networks: 192.0.2.0/24}}\nrules: []\n")
        for args, words in (((), "need a policy"), (("--policy", policy, "--seed", "g"), "hexadecimal"),
                            (("--policy", policy, "--max-hosts", "0.5"), "--max-hosts of 1 or more"), (("--slot", "0"), "--slot")):
            run = Run("guard", "-i", "lo", "--respond", "probe", *args)
            self.assertEqual(run.code, USAGE, run)
            self.assertIn(words, run.err)


if __name__ == "__main__":
    unittest.main()
