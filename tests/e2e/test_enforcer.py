# SPDX-License-Identifier: Apache-2.0
"""postern-enforcer, spoken to as postern guard does, in network namespaces of the test's own."""
import subprocess
import time
import unittest

import gateway
from gateway import (ALLOW, BLOCK, CLOSE, CONTAIN, DENIED, DONE, FLUSH, GATEWAY, GATHER, HELLO, HOST, NEVER, OTHER, RELEASE, REPLACE, SERVERS, TCP,
                     UDP, UNBLOCK, Client, Enforcer, Knocker, Net)
from support import Case

FOREIGN = """
table inet fence {
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
		ip saddr 10.77.0.0/24 accept
	}
}
table ip postern {
	chain mine {
	}
}
"""


@gateway.NEEDS
class TestEnforcer(Case):
    def setUp(self):
        self.net = Net()
        self.addCleanup(self.net.close)
        gateway.serve(self.net, *(f"{addr}:{port}" for addr in SERVERS[:3] for port in (443, 8080)))

    def test_a_block_cuts_what_is_established_and_nothing_else(self):
        net = self.net
        net.run(net.gateway, "nft", "-f", "-", input=FOREIGN)
        before = net.ruleset()
        enforcer = Enforcer(net)
        bad, port, neighbour = (Client(net, *words) for words in ((HOST, SERVERS[0], 443), (HOST, SERVERS[0], 8080), (OTHER, SERVERS[0], 443)))
        self.assertEqual([c.say() for c in (bad, port, neighbour)], ["answered"] * 3)
        reply = enforcer.ask(BLOCK, HOST, SERVERS[0], TCP, 443)
        self.assertEqual((reply["kind"], reply["count"]), (DONE, 1))
        self.assertEqual([c.say() for c in (bad, port, neighbour)], ["silent", "answered", "answered"])
        self.assertEqual(Client(net, HOST, SERVERS[0], 443).state, "failed")
        denied = enforcer.denials()
        self.assertEqual({(d["kind"], d["host"], d["peer"], d["port"], d["proto"]) for d in denied},
                         {(DENIED, gateway.mapped(HOST), gateway.mapped(SERVERS[0]), 443, TCP)})
        self.assertEqual(enforcer.ask(UNBLOCK, HOST, SERVERS[0], TCP, 443)["kind"], DONE)
        self.assertEqual(Client(net, HOST, SERVERS[0], 443).state, "open")
        self.assertEqual(enforcer.end(), 0)
        self.assertEqual(net.ruleset(), before)

    def test_the_table_goes_with_its_process_or_stays(self):
        net = self.net
        enforcer = Enforcer(net)
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[0], TCP, 443)["kind"], DONE)
        self.assertIn(gateway.TABLE, net.ruleset())
        enforcer.process.kill()
        enforcer.process.wait()
        time.sleep(0.3)
        self.assertNotIn(gateway.TABLE, net.ruleset())
        enforcer = Enforcer(net, persistent=1)
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[0], TCP, 443)["kind"], DONE)
        enforcer.process.kill()
        enforcer.process.wait()
        self.assertEqual(Client(net, HOST, SERVERS[0], 443).state, "failed")
        enforcer = Enforcer(net, persistent=1)  # goes on with it
        self.assertEqual(Client(net, HOST, SERVERS[0], 443).state, "failed")
        self.assertEqual(enforcer.ask(FLUSH)["kind"], DONE)
        self.assertEqual(Client(net, HOST, SERVERS[0], 443).state, "open")
        self.assertEqual(enforcer.ask(CLOSE)["kind"], DONE)
        self.assertEqual(enforcer.process.wait(timeout=20), 0)
        self.assertNotIn(gateway.TABLE, net.ruleset())

    def test_every_block_ends(self):
        enforcer = Enforcer(self.net)
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[0], TCP, 443, expiry=1)["kind"], DONE)
        # the same again: its time begins anew
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[0], TCP, 443, expiry=5)["kind"], DONE)
        time.sleep(1.5)
        self.assertEqual(Client(self.net, HOST, SERVERS[0], 443).state, "failed")
        time.sleep(2.5)
        self.assertEqual(Client(self.net, HOST, SERVERS[0], 443).state, "open")

    def test_limits(self):
        enforcer = Enforcer(self.net, channels=4, changes=8)
        self.assertEqual(enforcer.ask(HELLO)["reason"], gateway.ORDER)
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[0], TCP, 443, version=2)["reason"], gateway.FORM)
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[0], TCP, 443, expiry=0)["reason"], gateway.EXPIRY)
        self.assertEqual([enforcer.ask(BLOCK, HOST, addr, TCP, 443)["reason"] for addr in SERVERS[:5]],
                         [gateway.NONE] * 4 + [gateway.FULL])
        self.assertEqual([enforcer.ask(BLOCK, HOST, SERVERS[0], TCP, 443)["reason"] for _ in range(4)],
                         [gateway.NONE] * 3 + [gateway.RATE])
        self.assertEqual(enforcer.ask(UNBLOCK, HOST, SERVERS[0], TCP, 443)["kind"], DONE)
        self.assertEqual(enforcer.ask(UNBLOCK, HOST, SERVERS[9], TCP, 443)["kind"], DONE)  # was none

    def test_what_is_never_blocked(self):
        enforcer = Enforcer(self.net)
        for net, bits in ((GATEWAY, 128), ("198.18.1.0", 120), (SERVERS[0], 128), (SERVERS[0], 128), ("198.18.0.0", 112),
                          ("198.18.1.0", 120)):
            self.assertEqual(enforcer.ask(NEVER, peer=net, bits=bits)["kind"], DONE, net)
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[1], TCP, 443)["reason"], gateway.NEVER_BLOCK)
        self.assertEqual(enforcer.ask(CONTAIN, HOST)["kind"], DONE)
        self.assertEqual(Client(self.net, HOST, SERVERS[0], 443).state, "open")

    def test_contained_a_host_reaches_what_was_allowed(self):
        net = self.net
        net.run(net.gateway, "nft", "-f", "-", input=FOREIGN)  # connections are tracked
        enforcer = Enforcer(net)
        good, bad = Client(net, HOST, SERVERS[1], 443), Client(net, HOST, SERVERS[0], 443)
        for peer, bits, port, last in ((SERVERS[1], 128, 443, 443), ("203.0.113.0", 120, 1, 65535)):
            for _ in range(2):
                self.assertEqual(enforcer.ask(ALLOW, HOST, peer, TCP, port, last, bits)["kind"], DONE)
        reply = enforcer.ask(CONTAIN, HOST)
        self.assertEqual((reply["kind"], reply["count"]), (DONE, 1))
        self.assertEqual([good.say(), bad.say()], ["answered", "silent"])
        self.assertEqual([Client(net, *words).state for words in ((HOST, SERVERS[2], 443), (HOST, SERVERS[1], 8080), (HOST, SERVERS[1], 443),
                                                                  (OTHER, SERVERS[2], 443))], ["failed", "failed", "open", "open"])
        ping = subprocess.run(["ip", "netns", "exec", net.host, "ping", "-c1", "-W1", "-I", HOST, SERVERS[1]], capture_output=True, check=False)
        self.assertNotEqual(ping.returncode, 0)
        self.assertEqual(enforcer.ask(RELEASE, HOST)["kind"], DONE)
        self.assertEqual(Client(net, HOST, SERVERS[2], 443).state, "open")

    def test_lists_are_replaced_while_nothing_gets_through(self):
        net = self.net
        net.run(net.gateway, "nft", "-f", "-", input=FOREIGN)  # connections are tracked
        enforcer = Enforcer(net)

        def lists(never, *allowed):
            enforcer.ask(GATHER)
            for peer, bits in ("203.0.113.0", 120), ("203.0.113.7", 128), ("203.0.0.0", 104), ("2001:db8::", 32), never:
                self.assertEqual(enforcer.ask(NEVER, peer=peer, bits=bits)["kind"], DONE)
            for peer, port in (("203.0.113.9", 53), *allowed):
                self.assertEqual(enforcer.ask(ALLOW, HOST, peer, TCP, port)["kind"], DONE)
            enforcer.ask(ALLOW, "2001:db9::1", "2001:db9:1::", TCP, 443, bits=48)
            reply = enforcer.ask(REPLACE)
            self.assertEqual((reply["kind"], reply["reason"]), (DONE, gateway.NONE), reply)
            return reply["count"]

        self.assertEqual(enforcer.ask(REPLACE)["reason"], gateway.ORDER)
        self.assertEqual(enforcer.ask(BLOCK, OTHER, SERVERS[0], TCP, 443)["kind"], DONE)
        lists((GATEWAY, 128), (SERVERS[1], 443))
        self.assertEqual(enforcer.ask(CONTAIN, HOST)["kind"], DONE)
        kept = Client(net, HOST, SERVERS[1], 443)
        blocked, contained, allowed = Knocker(net, OTHER, SERVERS[0], 443), Knocker(net, HOST, SERVERS[2], 443), Knocker(net, HOST, SERVERS[1], 443)
        for n in range(40):
            self.assertEqual(lists((GATEWAY, 128) if n % 2 else ("192.0.2.0", 120), (SERVERS[1], 443), ("203.0.113.10", 1 + n)), 0)
            time.sleep(0.05)
        said = [knocker.stop() for knocker in (blocked, contained, allowed)]
        print("# tries and let in: blocked, contained, allowed:", said)
        self.assertGreater(min(tries for tries, _ in said), 100)
        self.assertEqual([opened for _, opened in said[:2]], [0, 0])
        self.assertGreaterEqual(said[2][1], said[2][0] - 1)  # the last may be on its way
        self.assertEqual(kept.say(), "answered")
        # what was allowed and is not any more is cut, also where others' rules and flow tables would let it; its time goes on
        before = net.ruleset().count("expires")
        self.assertGreaterEqual(lists((SERVERS[2], 128)), 1)
        self.assertEqual(kept.say(), "silent")
        self.assertEqual([Client(net, HOST, addr, 443).state for addr in SERVERS[1:3]], ["failed", "open"])
        self.assertGreater(before, 2)
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[2], TCP, 443)["reason"], gateway.NEVER_BLOCK)
        self.assertEqual(enforcer.ask(NEVER, peer="198.18.0.0", bits=112)["kind"], DONE)  # as ever, at once
        self.assertEqual(Client(net, OTHER, SERVERS[0], 443).state, "open")

    def test_any_port_of_a_protocol(self):
        enforcer = Enforcer(self.net)
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[0], TCP)["kind"], DONE)
        self.assertEqual(enforcer.ask(BLOCK, HOST, SERVERS[0], UDP)["kind"], DONE)
        self.assertEqual([Client(self.net, HOST, SERVERS[0], port).state for port in (443, 8080)], ["failed"] * 2)

    def test_of_version_6(self):
        enforcer = Enforcer(self.net)
        self.assertEqual(enforcer.ask(NEVER, peer="2001:db8::", bits=32)["kind"], DONE)
        self.assertEqual(enforcer.ask(ALLOW, "2001:db9::1", "2001:db9:1::", TCP, 443, bits=48)["kind"], DONE)
        self.assertEqual(enforcer.ask(CONTAIN, "2001:db9::1")["kind"], DONE)
        self.assertEqual(enforcer.ask(BLOCK, "2001:db9::1", "2001:db9::2", TCP, 443)["kind"], DONE)
        self.assertEqual(enforcer.ask(BLOCK, "2001:db9::1", "2001:db9::2", 58)["kind"], DONE)
        self.assertEqual(enforcer.ask(BLOCK, "2001:db9::1", "2001:db8::2", TCP, 443)["reason"], gateway.NEVER_BLOCK)
        self.assertIn("2001:db9::1 . 2001:db9::2 . tcp . 443", self.net.ruleset())

    def test_what_it_may_do(self):
        enforcer = Enforcer(self.net)
        status = dict(line.split(":\t", 1) for line in open(f"/proc/{enforcer.process.pid}/status", encoding="ascii") if ":\t" in line)
        self.assertEqual((int(status["CapEff"], 16), int(status["CapPrm"], 16), int(status["CapBnd"], 16)), (1 << 12, 1 << 12, 0))
        self.assertEqual((status["NoNewPrivs"].strip(), status["Seccomp"].strip()), ("1", "2"))

    def test_started_by_hand(self):
        done = subprocess.run([gateway.ENFORCER], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stderr), (2, "postern-enforcer: postern guard starts it: see postern help guard\n"))


if __name__ == "__main__":
    unittest.main()
