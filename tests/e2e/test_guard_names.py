# SPDX-License-Identifier: Apache-2.0
"""postern guard --rpz: a tunnel through a resolver that has to be reached is cut where it is asked for. With a real Unbound."""
import json
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import gateway
from gateway import GATEWAY, HOST, OTHER, SERVERS, Guard, Names, Net
from receivers import wait_for
from support import DONE, NOTHING, USAGE, Case, Run

UNBOUND = """
server:
  module-config: "respip iterator"
  interface: {gateway}
  access-control: 10.77.0.0/24 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
remote-control:
  control-enable: yes
  control-interface: "{folder}/unbound.sock"
  control-use-cert: no
forward-zone:
  name: "."
  forward-addr: {upstream}
rpz:
  name: "guard.rpz"
  zonefile: "{folder}/guard.rpz"
"""
# a channel that fails, then data in names, many questions a second
TUNNEL = r"""
import os, socket, struct, sys, time
source, dead, resolver, domain = sys.argv[1:]
for attempt in range(3):
    with socket.socket() as s:
        s.settimeout(1)
        s.bind((source, 0))
        try:
            s.connect((dead, 443))
        except OSError:
            pass
    time.sleep(0.3)
time.sleep(1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
s.bind((source, 0))
s.connect((resolver, 53))
while True:
    name = os.urandom(15).hex() + "." + os.urandom(15).hex() + "." + domain
    query = os.urandom(2) + struct.pack(">HHHHH", 0x100, 1, 0, 0, 0) + b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    s.send(query + b"\0" + struct.pack(">HH", 1, 1))
    try:
        print({0: "answered", 3: "nxdomain"}.get(s.recv(4096)[3] & 15, "failed"), time.time(), flush=True)
    except OSError:
        print("silent", time.time(), flush=True)
    time.sleep(0.02)
"""


@gateway.NEEDS
@unittest.skipUnless(shutil.which("unbound") and shutil.which("unbound-control"), "unbound is not installed (tools/packages test)")
class TestNames(Case):
    def setUp(self):
        self.net = Net()
        self.addCleanup(self.net.close)
        self.at = self.folder / self._testMethodName
        self.at.mkdir(mode=0o755)
        self.folder.chmod(0o755)
        self.zone, self.trail, self.control = self.at / "guard.rpz", self.at / "trail.jsonl", self.at / "control"
        (self.at / "unbound.conf").write_text(UNBOUND.format(gateway=GATEWAY, folder=self.at, upstream=SERVERS[0]))
        self.names = Names(self.net, SERVERS[0], {"*.tun.example": SERVERS[5], "tun.example": SERVERS[5], "good.example": SERVERS[6],
                                                  "*.good.example": SERVERS[6], "example": SERVERS[7]})
        self.reload = f"unbound-control -c {self.at}/unbound.conf auth_zone_reload guard.rpz"

    def guard(self, *more):
        return Guard(self.net, "--enforce", "--trail", self.trail, "--rpz", self.zone, "--rpz-reload", self.reload, "--control", self.control, *more)

    def unbound(self):
        self.net.start(self.net.gateway, "unbound", "-c", self.at / "unbound.conf", stderr=subprocess.DEVNULL)
        wait_for((self.at / "unbound.sock").exists)
        time.sleep(0.3)

    def tunnel(self, domain="tun.example"):
        def reads(line):
            what, at = line.split()
            return what, float(at)
        return gateway.Lines(self.net.start(self.net.host, "/usr/bin/python3", "-c", TUNNEL, HOST, SERVERS[1], GATEWAY, domain,
                                            stdout=subprocess.PIPE, text=True), reads)

    def ask(self, name):
        return self.names.ask(name, server=GATEWAY)

    def status(self):
        return json.loads(Run("guard", "status", "--control", self.control, "--json").out)

    def serial(self):
        return int(re.search(r"root.localhost. (\d+)", self.zone.read_text())[1])

    def made(self, guard):
        return guard.wait(lambda line: line["type"] == "change" and line["act"] == "made" and line["action"] == "name", 60)

    def test_a_tunnel_is_cut_and_other_names_resolve(self):
        guard = self.guard()
        self.unbound()  # it reads the zone that is there
        wait_for(lambda: not self.status()["rpz"]["reload_failed"])
        self.assertEqual(self.ask("tun.example"), SERVERS[5])
        first = self.serial()
        tunnel = self.tunnel()
        made = self.made(guard)
        cut = tunnel.wait(lambda line: line[0] == "nxdomain", 10)[1]
        self.assertEqual((made["name"], made["host"]), ("tun.example", HOST))
        at = time.mktime(time.strptime(made["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0" + made["time"][19:-1])
        self.assertLess(cut - at, 1.0)
        print(f"cut {cut - at:.2f} s after it was decided")
        self.assertEqual((self.ask("tun.example"), self.ask("good.example"), self.ask("www.good.example")), ("NXDOMAIN", SERVERS[6], SERVERS[6]))
        self.assertGreater(self.serial(), first)
        status = self.status()
        self.assertEqual((status["rpz"]["names"], status["rpz"]["reload_failed"], [c["name"] for c in status["in_force"]]), (1, False, ["tun.example"]))
        if shutil.which("named-checkzone"):
            subprocess.run(["named-checkzone", "guard.rpz", self.zone], check=True, capture_output=True)
        # killed: it is blocked still, and the next guard goes on with it
        guard.end(signal.SIGKILL)
        self.assertEqual(self.ask("tun.example"), "NXDOMAIN")
        again = self.guard()
        wait_for(lambda: self.status()["rpz"]["names"] == 1)
        self.assertEqual(self.ask("x.tun.example"), "NXDOMAIN")
        undone = json.loads(Run("guard", "undo", str(made["id"]), "--control", self.control, "--json").out)
        self.assertEqual((undone["act"], undone["name"]), ("ended", "tun.example"))
        wait_for(lambda: self.ask("tun.example") == SERVERS[5], 10)
        time.sleep(3)  # its finding is looked at again
        self.assertEqual(self.status()["in_force"], [])
        self.assertEqual(again.end(), DONE)

    def test_a_name_is_let_go_in_time_and_at_the_end(self):
        self.zone.write_text("")
        self.unbound()
        guard = self.guard("--expiry", "12")
        self.tunnel()
        made = self.made(guard)
        wait_for(lambda: self.ask("tun.example") == "NXDOMAIN", 5)
        self.assertEqual(guard.end(), DONE)  # open
        wait_for(lambda: self.ask("tun.example") == SERVERS[5], 5)
        again = self.guard()
        wait_for(lambda: self.ask("tun.example") == "NXDOMAIN", 5)
        again.wait(lambda line: line.get("act") == "ended" and line["id"] == made["id"], 15)
        wait_for(lambda: self.ask("tun.example") == SERVERS[5], 5)
        self.assertEqual(again.end(), DONE)

    def test_what_many_ask_for_and_what_the_policy_names_is_left_alone(self):
        self.zone.write_text("")
        self.unbound()
        policy = self.path("policy.yaml", b"""version: 1
zones:
  office: {networks: 10.77.0.0/24}
services:
  web: {protocol: tcp, ports: 443}
destinations:
  vendor: {names: www.tun.example}
rules:
  - {id: tun, owner: net, why: work, from: office, to: vendor, service: web, action: allow}
""")
        guard = self.guard("--policy", policy)
        tunnel = self.tunnel()
        wait_for(lambda: "tun.example is left alone: never-block" in guard.words(), 60)
        guard.end()
        tunnel.process.kill()
        self.assertEqual(guard.changes("made"), [])
        busy = self.guard("--popular", "1")
        self.assertEqual(self.names.ask("www.tun.example", OTHER, GATEWAY), SERVERS[5])
        self.tunnel()
        wait_for(lambda: "tun.example is left alone: many hosts reach it" in busy.words(), 60)
        busy.end()
        self.assertEqual(busy.changes("made"), [])

    def test_a_reload_that_fails_or_hangs_is_told_and_holds_nothing_up(self):
        for command, words in (("/bin/false", "it failed"), ("/nowhere/rndc reload", "No such file"), ("sleep 100", "it did not end, and was killed")):
            guard = Guard(self.net, "--enforce", "--trail", self.trail, "--rpz", self.zone, "--rpz-reload", command, "--control", self.control)
            began = time.monotonic()
            self.status()
            self.assertLess(time.monotonic() - began, 3)
            wait_for(lambda words=words, guard=guard: words in guard.words(), 20)
            self.assertTrue(self.status()["rpz"]["reload_failed"])
            self.assertEqual(guard.end(), DONE)

    def test_a_zone_that_cannot_be_written_is_told(self):
        guard = Guard(self.net, "--enforce", "--trail", self.trail, "--rpz", "/proc/zone", "--rpz-reload", "true", "--control", self.control)
        wait_for(lambda: "the names that are blocked are those of before" in guard.words())
        self.assertTrue(self.status()["rpz"]["write_failed"])
        self.assertEqual(guard.end(), DONE)

    def test_wrong_words(self):
        for words, said, code in ((("--rpz", "z"), "go together", USAGE),
                                  (("--enforce", "--trail", self.trail, "--rpz", "z", "--rpz-reload", "  "), "write the program", NOTHING)):
            run = Run("guard", "-i", "lo", *words)
            self.assertEqual(run.code, code, run)
            self.assertIn(said, run.err)


if __name__ == "__main__":
    unittest.main()
