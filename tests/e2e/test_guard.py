# SPDX-License-Identifier: Apache-2.0
"""postern guard between a host and its servers, in network namespaces of the test's own."""
import json
import os
import pwd
import signal
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

import gateway
from gateway import HOST, OTHER, SERVERS, Client, Guard, Net, ladder
from receivers import Datagrams, wait_for
from support import DONE, NOTHING, USAGE, Case, Run
from test_enforcer import FOREIGN

DEAD = [f"{addr}:443" for addr in SERVERS[:7]]
FALLBACKS = SERVERS[7:10]
GOOD = SERVERS[12:16]
FORGE = gateway.POSTERN.parent / "tests" / "e2e" / "forge"


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def rights(pid):
    """Sets of capabilities, whether more may be gained, whether calls are filtered, and as whom: of each thread."""
    threads = []
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        ret = {}
        for line in status.read_text().splitlines():
            name, _, value = line.partition(":\t")
            if name[:3] == "Cap" or name in ("NoNewPrivs", "Seccomp", "Uid"):
                ret[name] = int(value.split()[0], 16 if name[:3] == "Cap" else 10)
        if ret not in threads:
            threads.append(ret)
    return threads


@gateway.NEEDS
class TestGuard(Case):
    def setUp(self):
        self.net = Net()
        self.addCleanup(self.net.close)
        gateway.serve(self.net, *(f"{addr}:8080" for addr in FALLBACKS), *(f"{addr}:443" for addr in GOOD))
        self.trail = self.folder / f"{self._testMethodName}.jsonl"

    def client(self):
        return ladder(self.net, HOST, *DEAD, *(f"{addr}:8080" for addr in FALLBACKS))

    def acts(self):
        return [json.loads(line) for line in self.trail.read_text().splitlines()]

    def test_every_fallback_is_cut_and_nothing_else(self):
        net = self.net
        net.run(net.gateway, "nft", "-f", "-", input=FOREIGN)
        before = net.ruleset()
        guard = Guard(net, "--enforce", "--trail", self.trail)
        good = [Client(net, source, addr, 443) for source in (HOST, OTHER) for addr in GOOD]
        client = self.client()
        for addr in FALLBACKS:
            guard.change("made", addr)
        client.wait(lambda line: line[:2] == ("left", FALLBACKS[-1]))
        for addr in FALLBACKS:
            opened = client.wait(lambda line, addr=addr: line[:2] == ("open", addr))[2]
            last = max(at for what, where, at in client.all if what == "answered" and where == addr)
            # the first waits until refusals are final: a RST may be followed by another try for 1 s
            self.assertLess(last - opened, 3.0 if addr == FALLBACKS[0] else 1.0, addr)
        time.sleep(6)  # it tries all of them again
        self.assertEqual([line for line in client.all if line[0] == "open"].__len__(), len(FALLBACKS), client.all)
        self.assertEqual({c.say() for c in good}, {"answered"})
        self.assertEqual({(c["host"], c["peer"]) for c in guard.changes("made")}, {(HOST, addr) for addr in FALLBACKS})
        self.assertEqual(guard.end(), DONE)
        # the drops are failures of their own kind
        self.assertTrue(any("denied" in json.dumps(line) for line in guard.all if line["type"] == "finding"), guard.all)
        self.assertEqual(net.ruleset(), before)
        made = [c for c in self.acts() if c["act"] == "made"]
        self.assertEqual([c["id"] for c in made], [1, 2, 3])
        self.assertEqual([c.get("follows") for c in made], [None, 1, 2])

    def test_a_dry_run_changes_nothing(self):
        net, before = self.net, self.net.ruleset()
        guard = Guard(net)
        client = self.client()
        guard.change("would", FALLBACKS[0])
        self.assertEqual(net.ruleset(), before)
        answers = len(client.all)
        time.sleep(1)
        self.assertGreater(len(client.all), answers)
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(guard.changes("made"), [])
        self.assertIn("a dry run: nothing is changed", guard.words())

    def test_what_is_never_blocked(self):
        guard = Guard(self.net, "--enforce", "--trail", self.trail, "--never-block", f"{FALLBACKS[0]}/24")
        client = self.client()
        client.wait(lambda line: line[0] == "open")
        time.sleep(4)
        self.assertEqual(client.all[-1][:2], ("answered", FALLBACKS[0]))
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(guard.changes("made"), [])
        self.assertIn("is left alone: never-block", guard.words())

    @unittest.skipUnless(FORGE.exists(), "needs tests/e2e/forge of the build")
    def test_forged_resets_block_nothing(self):
        net, self.control = self.net, self.folder / "control"
        guard = Guard(net, "--enforce", "--trail", self.trail, "--control", self.control)
        good = [Client(net, source, addr, 443) for source in (HOST, OTHER) for addr in GOOD]
        forge = net.start(net.server, FORGE, HOST, "100000", "4", *GOOD, *SERVERS[:4], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        more = [Client(net, HOST, addr, 443) for addr in GOOD]
        self.assertEqual({c.say() for c in good + more}, {"answered"})
        sent, seconds = map(float, forge.communicate(timeout=60)[0].split())
        self.assertEqual({c.say() for c in good + more}, {"answered"})
        time.sleep(2)
        watch = self.answer("status")["watch"]
        print(f"# {sent / seconds:.0f} resets a second for {seconds:.0f} s; taken {watch['packets']}, lost {watch['packets_lost']}")
        self.assertGreater(sent, 10000)  # as many as a busy machine sends
        self.assertGreater(watch["packets"] + watch["packets_lost"], 0.9 * sent)  # what is not looked at is known
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(guard.changes("made"), [])

    def policy(self, *lines):
        return self.path("policy.yaml", ("version: 1\nzones:\n  office: {networks: 10.77.0.0/24}\nservices:\n  web: {protocol: tcp, ports: 443}\n"
                                         + "".join(f"{line}\n" for line in lines)).encode())

    def allow(self, number):
        return f'  - {{id: good, owner: net, why: work, from: office, to: "{GOOD[number]}", service: web, action: allow}}'

    def reload(self, guard, words):
        guard.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 20
        while words not in guard.words() and time.monotonic() < until:
            time.sleep(0.05)
        self.assertIn(words, guard.words())
        return self.answer("status")

    def read_anew(self, on_exit):
        net, self.control = self.net, self.folder / "control"
        policy = self.policy("rules:", self.allow(0))
        guard = Guard(net, "--enforce", "--trail", self.trail, "--respond", "contain", "--policy", policy, "--control", self.control,
                      "--on-exit", on_exit)
        kept = Client(net, HOST, GOOD[0], 443)
        self.client()
        guard.wait(lambda line: line["type"] == "change" and line["action"] == "contain" and line["act"] == "made")
        first = self.answer("status")["policy"]
        # a broken one: nothing changes
        self.policy("rules:", self.allow(1), "  - {id: broken, colour: red}")
        status = self.reload(guard, "the one before holds")
        self.assertRegex(guard.words(), r":8:\d+: a rule has no .colour.")
        self.assertIn(":8:", status["policy"]["not_loaded"])
        self.assertEqual((status["policy"]["loaded"], status["policy"]["rules"]), (first["loaded"], first["rules"]))
        self.assertEqual((kept.say(), Client(net, HOST, GOOD[1], 443).state), ("answered", "failed"))
        # another: what it no longer names is cut, what it names is let through
        self.policy("rules:", self.allow(1))
        status = self.reload(guard, "the policy was read anew")
        self.assertGreater(status["policy"]["loaded"], first["loaded"])
        self.assertIsNone(status["policy"]["not_loaded"])
        self.assertEqual((kept.say(), Client(net, HOST, GOOD[1], 443).state), ("silent", "open"))
        blocks = [change for change in status["in_force"] if change["action"] == "block"]
        self.assertTrue(blocks)
        self.assertEqual(status["enforcer"], "up")
        # what it names never-block is let go, and blocked no more
        self.policy(f"never-block: {{networks: {HOST}/32}}", "rules:", self.allow(1))
        status = self.reload(guard, "blocks of them were ended")
        self.assertEqual((status["in_force"], [Client(net, HOST, addr, 443).state for addr in GOOD[:2]]), ([], ["open"] * 2))
        self.assertEqual({line["why"] for line in guard.changes("ended")}, {"never-block"})
        time.sleep(5)
        self.assertEqual(self.answer("status")["in_force"], [])
        # and is not any more when it names it no more
        self.policy("rules:", self.allow(1))
        guard.process.send_signal(signal.SIGHUP)
        made = len(guard.changes("made"))
        guard.wait(lambda line: len(guard.changes("made")) > made)
        self.assertEqual(guard.changes("refused"), [])
        self.assertEqual(guard.end(), DONE)

    def test_the_policy_is_read_anew(self):
        self.read_anew("open")

    def test_the_policy_is_read_anew_with_a_table_that_stays(self):
        self.read_anew("closed")

    def test_nothing_gets_through_while_the_policy_is_read_anew(self):
        net, self.control = self.net, self.folder / "while-control"
        self.policy("never-block: {networks: 203.0.113.0/24}", "rules:", self.allow(0))
        guard = Guard(net, "--enforce", "--trail", self.trail, "--respond", "contain", "--policy", self.policy("rules:", self.allow(0)), "--control", self.control)
        self.client()
        guard.wait(lambda line: line["type"] == "change" and line["action"] == "contain" and line["act"] == "made")
        guard.change("made", FALLBACKS[0])
        time.sleep(1)
        enforcer = children(children(guard.process.pid)[0])
        knockers = [gateway.Knocker(net, HOST, *words) for words in ((FALLBACKS[0], 8080), (GOOD[1], 443), (GOOD[0], 443))]
        for n in range(8):
            self.policy(f"never-block: {{networks: 203.0.{n}.0/24}}", "rules:", self.allow(0))
            loaded = self.answer("status")["policy"]["loaded"]
            guard.process.send_signal(signal.SIGHUP)
            wait_for(lambda loaded=loaded: self.answer("status")["policy"]["loaded"] > loaded, 10)
        said = [knocker.stop() for knocker in knockers]
        print("# tries and let in: blocked, contained, allowed:", said)
        self.assertGreater(min(tries for tries, _ in said), 100)
        self.assertEqual([opened for _, opened in said[:2]], [0, 0])
        self.assertGreaterEqual(said[2][1], said[2][0] - 1)
        self.assertEqual(children(children(guard.process.pid)[0]), enforcer)
        self.assertEqual((guard.end(), guard.changes("refused")), (DONE, []))

    def test_long_lists(self):
        """More than the sockets between the halves hold at once."""
        net, self.control = self.net, self.folder / "long-control"
        far = [f"203.{n // 100}.{n % 100 * 2}.7" for n in range(900)]
        never = [f"192.0.{n // 64}.{n % 64 * 4}/32" for n in range(900)]
        many = f"destinations: {{far: {{networks: [{', '.join(far)}]}}}}", f"never-block: {{networks: [{', '.join(never)}]}}"
        policy = self.policy(*many, "rules:", self.allow(0), self.allow(0).replace("good", "far").replace(GOOD[0], "far"))
        guard = Guard(net, "--enforce", "--trail", self.trail, "--respond", "contain", "--policy", policy, "--control", self.control)
        wait_for(lambda: Run("guard", "status", "--control", self.control).code == DONE, 30)
        self.client()
        guard.wait(lambda line: line["type"] == "change" and line["action"] == "contain" and line["act"] == "made", 40)
        wait_for(lambda: Client(net, HOST, GOOD[1], 443).state == "failed", 40)
        self.assertEqual(Client(net, HOST, GOOD[0], 443).state, "open")
        self.policy(*many, "rules:", self.allow(1), self.allow(1).replace("good", "far").replace(GOOD[1], "far"))
        self.reload(guard, "the policy was read anew")
        wait_for(lambda: Client(net, HOST, GOOD[1], 443).state == "open", 40)
        self.assertEqual(Client(net, HOST, GOOD[0], 443).state, "failed")
        self.assertEqual((guard.end(), guard.changes("refused")), (DONE, []))

    def test_a_block_ends(self):
        guard = Guard(self.net, "--enforce", "--trail", self.trail, "--expiry", "3")
        client = ladder(self.net, HOST, *DEAD, f"{FALLBACKS[0]}:8080", f"{FALLBACKS[0]}:8080")
        made = guard.change("made", FALLBACKS[0])
        client.wait(lambda line: line[:2] == ("left", FALLBACKS[0]))
        self.assertEqual(guard.change("ended", FALLBACKS[0], 15)["id"], made["id"])
        self.assertEqual(guard.end(), DONE)

    def test_one_stranger_too_many_is_cut_at_its_first_packet(self):
        net = self.net
        policy = self.policy("rules:", self.allow(0))
        guard = Guard(net, "--enforce", "--trail", self.trail, "--policy", policy, "--strangers", "1", "--hold", "6")
        self.assertEqual(Client(net, HOST, FALLBACKS[0], 8080).say(), "answered")  # that many are let pass
        self.assertEqual(Client(net, HOST, GOOD[0], 443).say(), "answered")  # the policy names it: no stranger
        second = Client(net, HOST, FALLBACKS[1], 8080)
        change = guard.change("made", FALLBACKS[1])
        time.sleep(0.5)  # it is told before it is made
        self.assertNotEqual(second.say(), "answered")
        self.assertIn("1 channels that nobody has named are in use", change["switch"])
        self.assertNotIn("e_value", change)
        self.assertEqual([Client(net, OTHER, FALLBACKS[1], 8080).say(), Client(net, HOST, FALLBACKS[0], 8080).say()], ["answered"] * 2)
        guard.change("ended", FALLBACKS[1])  # it ends by itself
        self.assertEqual(guard.end(), DONE)
        self.assertEqual({c["peer"] for c in guard.changes("made")}, {FALLBACKS[1]})

    def test_wrong_words_about_strangers(self):
        for words in (["--strangers", "1"], ["--strangers", "1", "--policy", self.policy("rules:", self.allow(0)), "--hold", "0"]):
            run = Run("guard", "-i", "lo", *words)
            self.assertEqual(run.code, USAGE, run)
            self.assertIn("--strangers needs a policy or a baseline", run.err)

    def test_contained_a_host_reaches_what_the_policy_names(self):
        net = self.net
        policy = self.policy("rules:", self.allow(0))
        guard = Guard(net, "--enforce", "--trail", self.trail, "--respond", "contain", "--policy", policy)
        kept, other = Client(net, HOST, GOOD[0], 443), Client(net, OTHER, GOOD[1], 443)
        self.client()
        guard.wait(lambda line: line["type"] == "change" and line["action"] == "contain" and line["act"] == "made")
        time.sleep(0.5)
        self.assertEqual((kept.say(), other.say()), ("answered", "answered"))
        self.assertEqual([Client(net, HOST, addr, 443).state for addr in GOOD[:3]], ["open", "failed", "failed"])
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(guard.changes("refused"), [])

    def baseline(self, *entries):
        return self.path("office.baseline", ("postern baseline 1\nwindow 2026-03-02 2026-03-08\nrules min-days 2 min-hosts 1 shared 3 max-e 1\nzone office 10.77.0.0/24\n"
                                             "columns zone host endpoint service transport port first last days hosts sent got why\n"
                                             + "".join(f"office {host} {endpoint} - tcp 443 2026-03-02 2026-03-08 7 1 20K 5M {why}\n"
                                                       for host, endpoint, why in entries)).encode())

    def test_contained_a_host_reaches_what_the_baseline_names(self):
        net, self.control = self.net, self.folder / "baseline-control"
        gateway.serve(net, *(f"{addr}:443" for addr in (*SERVERS[16:18], SERVERS[19])))
        names = gateway.Names(net, SERVERS[0], {"www.vendor.example": GOOD[0], "other.example": GOOD[3], "denied.example": SERVERS[17]})
        own = gateway.Names(net, SERVERS[18], {"www.vendor.example": SERVERS[19]})  # a resolver that nobody has named
        policy = self.policy("destinations: {shut: {names: denied.example}}", "rules:", self.allow(1),
                             "  - {id: shut, owner: net, why: work, from: office, to: shut, service: web, action: deny}")
        baseline = self.baseline(("*", "vendor.example", "seen"), (HOST, GOOD[2], "asked:2026-03-08"), (OTHER, GOOD[3], "seen"),
                                 ("*", SERVERS[16], "held:days"), ("*", "denied.example", "seen"))
        guard = Guard(net, "--enforce", "--trail", self.trail, "--respond", "contain", "--policy", policy, "--baseline", baseline,
                      "--never-block", SERVERS[0], "--control", self.control)
        for name in "www.vendor.example", "other.example", "denied.example":
            self.assertNotIn(names.ask(name), ("FAILED", "SILENT"))
        self.assertEqual(own.ask("www.vendor.example"), SERVERS[19])
        kept = [Client(net, HOST, addr, 443) for addr in GOOD[:3]]
        self.client()
        guard.wait(lambda line: line["type"] == "change" and line["action"] == "contain" and line["act"] == "made")
        time.sleep(0.5)

        def reached():
            return [Client(net, HOST, addr, 443).state for addr in (*GOOD, *SERVERS[16:18], SERVERS[19])]

        # by its name, by the policy, for the host itself; not for another host, nor what is held back, nor what the policy denies by name, nor
        # what is called by a name that is allowed only where the host has asked a resolver of its own
        self.assertEqual([client.say() for client in kept], ["answered"] * 3)
        self.assertEqual(reached(), ["open"] * 3 + ["failed"] * 4)
        self.assertEqual(self.answer("status")["policy"]["entries"], 5)
        # a broken one changes nothing, not even with another policy
        self.policy("rules: []")
        self.baseline(("*", GOOD[3], "because"))
        status = self.reload(guard, "the one before holds")
        self.assertRegex(status["policy"]["not_loaded"], r":6:\d+: .because. is not")
        self.assertEqual((status["policy"]["entries"], status["policy"]["rules"]), (5, 2))
        self.assertEqual(reached(), ["open"] * 3 + ["failed"] * 4)
        # another, and back: which addresses names had is not forgotten
        self.baseline((HOST, GOOD[3], "seen"))
        self.reload(guard, "1 entries of the baseline")
        self.assertEqual(reached(), ["failed"] * 3 + ["open"] + ["failed"] * 3)
        self.baseline((HOST, GOOD[3], "seen"), (HOST, "vendor.example", "seen"))
        self.reload(guard, "2 entries of the baseline")
        self.assertEqual(reached(), ["open", "failed", "failed", "open"] + ["failed"] * 3)
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(guard.changes("refused"), [])

    def test_what_the_baseline_names_is_no_fallback(self):
        baseline = self.baseline(*(("*", addr, "seen") for addr in SERVERS[:10]))
        baseline.write_text(baseline.read_text() + baseline.read_text().partition("why\n")[2].replace("tcp 443", "tcp 8080"))
        guard = Guard(self.net, "--baseline", baseline)
        client = self.client()
        client.wait(lambda line: line[0] == "open")
        time.sleep(6)
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(guard.all, [])  # the finding is explained

    def test_a_baseline_that_is_none(self):
        for data, words in ((b"postern baseline 1\n", "no rules line"), (b"version: 1\n", "postern baseline"), (None, "No such file")):
            path = self.path("none", data) if data is not None else self.folder / "missing"
            run = Run("guard", "-i", "lo", "--baseline", path)
            self.assertEqual((run.code, words in run.err), (USAGE, True), run)

    def test_either_half_is_killed(self):
        net = self.net
        args = "--enforce", "--trail", self.trail, "--on-exit", "closed", "--state", self.folder / "state"
        guard = Guard(net, *args)
        client = self.client()
        guard.change("made", FALLBACKS[0])
        guard.end(signal.SIGKILL)
        self.assertEqual(Client(net, HOST, FALLBACKS[0], 8080).state, "failed")  # closed
        again = Guard(net, *args)
        made = again.change("made", FALLBACKS[1], 40)
        self.assertEqual(made["id"], 2)
        self.assertIn("1 changes of an earlier run are in force", again.words())
        os.kill(children(children(again.process.pid)[0])[0], signal.SIGKILL)
        client.wait(lambda line: line[:2] == ("open", FALLBACKS[2]), 40)
        again.change("made", FALLBACKS[2], 40)
        self.assertEqual([Client(net, HOST, addr, 8080).state for addr in FALLBACKS[:2]], ["failed"] * 2)
        self.assertEqual(again.end(), DONE)
        self.assertIn(gateway.TABLE, net.ruleset())

    def confined(self, uid, *more):
        """What each process may do, while it works; and the enforcer is started again by what may."""
        folder = self.folder / f"run-{uid}"
        folder.mkdir()
        self.folder.chmod(0o711)
        os.chown(folder, uid, -1)
        guard = Guard(self.net, "--enforce", "--trail", folder / "trail", "--state", folder / "state", "--control", folder / "control",
                      "--alert", f"eve:{folder}/eve.json", "--alert", f"journal:{folder}/nobody", "--cases", folder / "cases.db", *more)
        ladder(self.net, HOST, *DEAD, *(f"{addr}:8080" for addr in FALLBACKS[:2]))
        guard.change("made", FALLBACKS[0])
        spawner, = children(guard.process.pid)
        enforcer, = children(spawner)
        admin, none = 1 << 12, {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": 0, "CapAmb": 0, "NoNewPrivs": 1, "Seccomp": 2}
        self.assertEqual(rights(guard.process.pid), [{**none, "Uid": uid}])
        self.assertEqual(rights(spawner), [{**dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), admin), "NoNewPrivs": 1, "Seccomp": 0, "Uid": 0}])
        self.assertEqual(rights(enforcer), [{**none, "CapPrm": admin, "CapEff": admin, "CapBnd": admin, "Uid": 0}])
        os.kill(enforcer, signal.SIGKILL)
        guard.change("made", FALLBACKS[1], 40)
        self.assertNotEqual(children(spawner), [enforcer])
        os.kill(spawner, signal.SIGKILL)
        time.sleep(1)
        self.assertIn("what starts postern-enforcer has ended", guard.words())
        status = json.loads(Run("guard", "status", "--control", folder / "control", "--json").out)
        self.assertEqual((status["enforcer"], status["restart_needed"]), ("up", True))
        self.assertEqual(guard.end(), DONE)
        time.sleep(1)  # nobody is left to wait for the enforcer
        self.assertNotIn(gateway.TABLE, self.net.ruleset())

    def test_the_half_that_reads_packets_may_do_nothing_else(self):
        self.confined(0)

    def test_it_becomes_a_user_of_its_own(self):
        self.confined(pwd.getpwnam("nobody").pw_uid, "--user", "nobody")

    def test_who_can_not_become_the_user(self):
        for args, words in ((("--user", "no-such-user"), "no such user"),
                            (("--enforce", "--trail", self.trail, "--enforcer", "/nonexistent/enforcer"), "postern-enforcer can't be started")):
            guard = Guard(self.net, *args)
            self.assertEqual(guard.process.wait(20), NOTHING)
            self.assertIn(words, guard.words())

    LIST = "bad.example;a test's\n{0}\n*.cdn.example\n", "ip,valid_until\n{1},2020-01-01T00:00:00Z\n"

    def lists(self, *servers):
        return [arg for n, text in enumerate(self.LIST)
                for arg in ("--intel", self.path(f"list{n}", text.format(*servers).encode()))]

    def test_what_lists_know_is_blocked_at_once(self):
        net, control = self.net, self.folder / "known-control"
        address, expired, named = SERVERS[1:4]
        gateway.serve(net, *(f"{addr}:443" for addr in (address, expired, named)))
        names = gateway.Names(net, SERVERS[0], {"bad.example": named, "good.example": GOOD[0], "x.cdn.example": GOOD[1]})
        guard = Guard(net, "--enforce", "--trail", self.trail, "--block-known", *self.lists(address, expired), "--control", control,
                      "--never-block", GOOD[1])
        self.assertEqual(names.ask("good.example"), GOOD[0])
        self.assertEqual(names.ask("bad.example"), named)
        self.assertEqual(names.ask("x.cdn.example"), GOOD[1])
        made = guard.change("made", named, 5)
        self.assertEqual(made["known"].split(" of ")[0], "name bad.example")
        self.assertIn(", line 1 (a test's)", made["known"])
        self.assertRegex(made["finding"], "^[0-9a-f]{32}$")
        self.assertEqual((made["host"], made["port"]), (HOST, 0))
        bad = Client(net, HOST, address, 443)  # the first packets may pass: what is bad is known when it is spoken to
        self.assertEqual(bad.say(), "answered")
        guard.change("made", address, 5)
        wait_for(lambda: bad.say() == "silent", 5)
        self.assertEqual([Client(net, HOST, addr, 443).state for addr in (address, named, expired, GOOD[0], GOOD[1])],
                         ["failed", "failed", "open", "open", "open"])
        self.assertEqual(Client(net, OTHER, named, 443).state, "open")  # who did not ask for it
        told = json.loads(Run("guard", "status", "--control", control, "--json").out)
        self.assertEqual({c["peer"] for c in told["in_force"]}, {address, named})
        self.assertEqual(guard.end(), DONE)
        self.assertEqual({c["proto"] for c in guard.changes("made")}, {6, 17})
        self.assertIn("is left alone: never-block", guard.words())
        # the next one has it from the trail, and blocks what is not blocked any more
        again = Guard(net, "--enforce", "--trail", self.trail, "--block-known", *self.lists(address, expired))
        self.assertEqual(Client(net, HOST, named, 443).state, "failed")
        self.assertEqual(again.end(), DONE)
        self.assertEqual(again.changes("made"), [])

    def test_known_bad_without_the_word_is_only_told(self):
        net = self.net
        gateway.serve(net, f"{SERVERS[1]}:443")
        guard = Guard(net, "--enforce", "--trail", self.trail, *self.lists(SERVERS[1], SERVERS[2]))
        self.assertEqual(Client(net, HOST, SERVERS[1], 443).say(), "answered")
        guard.wait(lambda line: line["type"] == "known-bad")
        time.sleep(1)
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(guard.changes("made"), [])

    def test_alerts_of_changes(self):
        eve, control = self.folder / "guard-eve.json", self.folder / "alerts-control"
        journal = Datagrams(self.folder / "guard-journal")
        self.addCleanup(journal.close)
        guard = Guard(self.net, "--enforce", "--trail", self.trail, "--control", control, "--alert", f"eve:{eve}", "--alert",
                      f"journal:{self.folder}/guard-journal", "--alert", "webhook:http://127.0.0.1:9/secret", "--alert-spool", self.folder / "guard-spool")
        self.client()
        made = guard.change("made", FALLBACKS[0])
        wait_for(lambda: eve.exists() and '"blocked"' in eve.read_text())
        alert = next(line for line in map(json.loads, eve.read_text().splitlines()) if line["alert"]["action"] == "blocked")
        self.assertEqual((alert["src_ip"], alert["dest_ip"], alert["dest_port"], alert["proto"]), (HOST, FALLBACKS[0], 8080, "TCP"))
        self.assertEqual(alert["alert"]["metadata"]["finding"], [made["finding"]])
        while "POSTERN_TYPE=change\n" not in (entry := journal.next()):
            pass
        self.assertIn(f"POSTERN_PEER={FALLBACKS[0]}\n", entry)
        status = json.loads(Run("guard", "status", "--control", control, "--json").out)
        states = {sink["target"]: sink for sink in status["alerts"]}
        self.assertEqual(states["webhook:http://127.0.0.1:9"]["state"], "down")
        self.assertGreater(states["webhook:http://127.0.0.1:9"]["waiting"], 0)
        self.assertEqual((states[f"eve:{eve}"]["state"], states[f"eve:{eve}"]["lost"]), ("up", 0))
        self.assertNotIn("secret", json.dumps(status))
        self.assertEqual(guard.end(), DONE)

    def ask(self, *words, code=DONE):
        run = Run("guard", *words, "--control", self.control)
        self.assertEqual(run.code, code, run)
        return run

    def answer(self, *words):
        return json.loads(self.ask(*words, "--json").out)

    def test_it_can_be_asked_and_told_to_undo(self):
        self.control = self.folder / "control"
        guard = Guard(self.net, "--enforce", "--trail", self.trail, "--control", self.control, "--max-blocked", "7")
        self.assertEqual(self.control.stat().st_mode & 0o777, 0o600)
        empty = self.answer("status")
        self.assertEqual((empty["enforcer"], empty["in_force"], empty["limits"]["blocked"]), ("up", [], {"now": 0, "max": 7}))
        client = ladder(self.net, HOST, *DEAD, f"{FALLBACKS[0]}:8080")
        made = guard.change("made", FALLBACKS[0])
        client.wait(lambda line: line[:2] == ("left", FALLBACKS[0]))
        full = self.answer("status")
        self.assertEqual([(c["id"], c["host"], c["peer"]) for c in full["in_force"]], [(made["id"], HOST, FALLBACKS[0])])
        self.assertEqual((full["limits"]["blocked"]["now"], full["changes"]["made"]), (1, 1))
        self.assertGreater(full["watch"]["packets"], 10)
        told = self.answer("explain", HOST)
        # a busy machine may first have found too little to act on
        self.assertEqual([entry["type"] for entry in told["story"] if entry["type"] != "left"][:2], ["finding", "change"])
        self.assertEqual(told["story"][0]["finding"], made["finding"])
        self.assertEqual(self.answer("explain", OTHER)["story"], [])
        self.assertIn("no such change is in force", self.ask("undo", "99", code=NOTHING).err)
        undone = self.answer("undo", str(made["id"]))
        self.assertEqual((undone["act"], undone["by"], undone["id"]), ("ended", "operator", made["id"]))
        seen = len(client.all)
        client.wait(lambda line: line[:2] == ("answered", FALLBACKS[0]) and client.all.index(line) >= seen, 40)
        time.sleep(6)  # its finding is looked at again
        self.assertEqual(self.answer("status")["in_force"], [])
        self.assertEqual(len(guard.changes("made")), 1)
        self.assertIn("an operator has undone it", {entry.get("why") for entry in self.answer("explain", HOST)["story"]})
        text = self.ask("explain", HOST).out.decode()
        self.assertIn(f"peer             {FALLBACKS[0]}\n", text)
        self.assertIn("by               operator\n", text)
        self.assertEqual(guard.end(), DONE)
        self.assertFalse(self.control.exists())
        self.assertEqual([c["act"] for c in self.acts()], ["made", "ended"])

    def test_hostile_programs_do_not_hold_it_up(self):
        self.control = self.folder / "control"
        guard = Guard(self.net, "--control", self.control)
        clients = []
        for n in range(40):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(0.2)
            try:
                s.connect(str(self.control))
                s.sendall((b"", b"{", b"x" * 4000, b'{"do":"status"}\n')[n % 4])  # says nothing, half, too much; does not listen
            except OSError:
                pass
            clients.append(s)
        self.client()
        guard.change("would", FALLBACKS[0], 20)
        time.sleep(5)  # they have had their time
        self.assertEqual(self.answer("status")["enforcer"], "dry run")
        for request, why in ((b"[]", "object"), (b'{"do":"x"}', "status, undo or explain"), (b'{"do":"undo"}', "id"),
                             (b'{"do":"explain","host":"h"}', "address"), (b"{" * 600, "too long")):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(3)
                s.connect(str(self.control))
                s.sendall(request + b"\n")
                answer = json.loads(s.makefile().readline())
                self.assertEqual(answer["type"], "error")
                self.assertIn(why, answer["why"])
        for s in clients:
            s.close()
        second = Run("guard", "-i", "lo", "--control", self.control)
        self.assertIn("another guard listens there", second.err)
        self.assertEqual(guard.end(), DONE)

    def test_stopped_while_it_begins(self):
        """A signal is heeded when the enforcer has answered: it is no failure to start."""
        begun = self.folder / "begun"
        slow = self.path("slow-enforcer", f"#!/bin/sh\ntouch {begun}\nsleep 1\nexec {gateway.ENFORCER}\n".encode())
        slow.chmod(0o755)
        guard = Guard(self.net, "--enforce", "--trail", self.trail, "--enforcer", slow, waits=False)
        wait_for(begun.exists)
        for number in signal.SIGHUP, signal.SIGTERM:
            guard.process.send_signal(number)
        self.assertEqual(guard.process.wait(20), DONE)
        self.assertEqual(guard.words(), "")

    def test_all_that_is_never_blocked_has_room(self):
        networks = ", ".join(f"198.18.{n // 64}.{n % 64 * 4}/32" for n in range(1100))
        policy = self.path("many.yaml", ("version: 1\nzones: {lan: {networks: 192.0.2.0/24}}\n"
                                         f"never-block: {{networks: [{networks}]}}\nrules: []\n").encode())
        run = Run("guard", "-i", "lo", "--policy", policy)
        self.assertIn(run.code, (USAGE, NOTHING))
        self.assertIn("more than 1024 networks are never to be blocked", run.err)

    def test_wrong_words(self):
        for args, words in (((), "name the interface"), (("-i", "lo", "--respond", "x"), "choose alert, block, contain or probe"),
                            (("-i", "lo", "--respond", "contain"), "need a policy (--policy FILE) or a baseline"), (("-i", "lo", "--enforce"), "needs a trail"),
                            (("-i", "lo", "log"), "watch follows logs"), (("-i", "lo", "--on-exit", "x"), "choose open or closed"),
                            (("-i", "lo", "--block-known"), "needs lists"), (("status",), "--control PATH"), (("undo", "x", "--control", "y"), "number of a change"),
                            (("explain", "x", "--control", "y"), "host's address")):
            run = Run("guard", *args)
            self.assertEqual(run.code, USAGE, run)
            self.assertIn(words, run.err)


class Answer(Case):
    """Who listens at a path may be anybody."""

    def test_nothing_of_it_reaches_a_terminal_as_it_came(self):
        path = self.folder / "control"
        for answer in ('{"type":"status","na\u009bme\u202e":"\u009bval"}', '{"type":"error","why":"\u009bno"}'):
            with socket.socket(socket.AF_UNIX) as listener:
                path.unlink(missing_ok=True)
                listener.bind(str(path))
                listener.listen(1)

                def talk():
                    with listener.accept()[0] as client:
                        client.recv(512)
                        client.sendall(answer.encode() + b"\n")

                thread = threading.Thread(target=talk)
                thread.start()
                run = Run("guard", "status", "--control", path)
                thread.join()
            said = run.out.decode() + run.err
            self.assertIn("\\x", said)
            for bad in "\u009b", "\u202e":
                self.assertNotIn(bad, said)


if __name__ == "__main__":
    unittest.main()
