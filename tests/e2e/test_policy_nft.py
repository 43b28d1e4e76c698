# SPDX-License-Identifier: Apache-2.0
"""Compiled policies, asked of Linux itself: in a network namespace of the test's own, the kernel passes what the evaluator allows."""
import json
import random
import shutil
import subprocess
import sys
import unittest

import zeeklogs
from support import DONE, USAGE, Case, Run

SEED = 20261125
PROBES = 2500  # of each policy
POLICIES = 4
# UDP to addresses that all are the namespace's own: what is dropped or rejected on its way out is an error of sendto()
PROBER = r"""
import json, socket, subprocess, sys
rules, flows = sys.argv[1], json.load(open(sys.argv[2]))
def ip(*words):
    subprocess.run(["ip", *words], check=True)
ip("link", "set", "lo", "up")
for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"):
    ip("route", "add", "local", net, "dev", "lo")
for net in ("2001:db8:1::/64", "2001:db8:2::/64"):
    ip("-6", "route", "add", "local", net, "dev", "lo")
subprocess.run(["nft", "-f", rules], check=True)
subprocess.run(["nft", "-f", rules], check=True)  # again: it replaces itself
listeners = [socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
             for port in sorted({flow[3] for flow in flows if flow[0] == "tcp"})]
passed = []
for proto, src, dst, port in flows:
    family = socket.AF_INET6 if ":" in src else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_IP if family == socket.AF_INET else socket.IPPROTO_IPV6,
                     15 if family == socket.AF_INET else 78, 1)  # IP(V6)_FREEBIND
        s.settimeout(0.3)
        s.bind((src, 0))
        try:
            if proto == "udp":
                s.sendto(b"x", (dst, port))
            else:
                s.connect((dst, port))
            passed.append(True)
        except OSError:
            passed.append(False)
print(json.dumps(passed))
"""

# a resolver over one upstream that knows every name, both in the namespace
UNBOUND = r"""
server:
  module-config: "respip iterator"
  interface: 127.0.0.1
  port: 5353
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "FOLDER"
  pidfile: "FOLDER/unbound.pid"
  use-syslog: no
  do-not-query-localhost: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@5300
rpz:
  name: "rpz.example"
  zonefile: "FOLDER/rpz.zone"
"""
RESOLVE = r"""
import json, socket, struct, subprocess, sys, threading, time
folder, names = sys.argv[1], sys.argv[2:]
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
upstream.bind(("127.0.0.1", 5300))
def serve():
    while True:
        query, peer = upstream.recvfrom(4096)
        end = query.index(0, 12) + 5
        is_a = query[end - 4:end - 2] == b"\0\1"
        answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([198, 51, 100, 7]) if is_a else b""
        upstream.sendto(query[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_a), 0, 0) + query[12:end] + answer, peer)
threading.Thread(target=serve, daemon=True).start()
resolver = subprocess.Popen(["unbound", "-c", folder + "/unbound.conf"], stderr=subprocess.DEVNULL)
def ask(name):
    query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    for attempt in range(40):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)
            s.connect(("127.0.0.1", 5353))
            try:
                s.send(query + b"\0" + struct.pack(">HH", 1, 1))
                return s.recv(4096)[3] & 15
            except OSError:  # not up yet
                time.sleep(0.2)
try:
    print(json.dumps([ask(name) for name in names]))
finally:
    resolver.terminate()
    resolver.wait()
"""


def namespace():
    """Why no namespace with nftables can be made, or None."""
    if not shutil.which("nft") or not shutil.which("ip") or not shutil.which("unshare"):
        return "nft, ip or unshare is not installed (tools/packages test)"
    tried = subprocess.run(["unshare", "-rn", "nft", "list", "tables"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "no network namespace with nftables can be made here"


WHY_NOT = namespace()
HEAD = """version: 1
zones:
  office: {networks: [192.0.2.0/25, "2001:db8:1::/112"]}
  lab: {networks: [192.0.2.128/26], default: allow}
  guests: {networks: [192.0.2.192/27], default: reject}
services:
  dns: {protocol: [tcp, udp], ports: 53}
  low: {protocol: udp, ports: [50-60, 55-70, 80]}
  web: {protocol: tcp, ports: [80, 443]}
  datagrams: {protocol: udp}
  ping: {protocol: icmp, types: [8, 128]}
  all: {protocol: any}
destinations:
  near: {networks: [198.51.100.0/25, 198.51.100.64/26, "2001:db8:2::/124"]}
  far: {networks: [203.0.113.7, 203.0.113.128/25, "2001:db8:2::8/125"]}
never-block: {networks: [203.0.113.53, "2001:db8:2::35"]}
rules:
"""


def random_policy(rnd):
    def rule(number):
        return (f"  - {{id: r{number}, owner: o, why: w, from: {rnd.choice(['office', 'lab', 'any', '[office, guests]', '192.0.2.0/26'])}, "
                f"to: {rnd.choice(['near', 'far', '[near, far]', 'any', '198.51.100.0/24', '203.0.113.0/24'])}, "
                f"service: {rnd.choice(['dns', 'low', 'web', 'datagrams', 'any', 'all', '[dns, low]', '[ping, low]', 'ping'])}, "
                f"action: {rnd.choice(['allow', 'deny', 'reject'])}}}\n")
    return HEAD + "".join(rule(n) for n in range(8))


def random_flow(rnd, proto="udp"):
    port = rnd.choice([50, 53, 54, 60, 61, 65, 70, 71, 80, 443])
    if rnd.random() < 0.3:
        last = rnd.choice([1, 7, 8, 15, 16, 0x35])
        return proto, f"2001:db8:1::{rnd.choice(['5', '1:5'])}", f"2001:db8:2::{last:x}", port
    return proto, f"192.0.2.{rnd.randrange(1, 255)}", rnd.choice(["198.51.100.", "203.0.113."]) + str(rnd.choice([7, 53, rnd.randrange(1, 255)])), port


def written(flow):
    proto, src, dst, port = flow
    return f"{proto}:[{src}]:1>[{dst}]:{port}" if ":" in src else f"{proto}:{src}:1>{dst}:{port}"


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Nft(Case):
    def kernel(self, name, policy, flows):
        path = self.path(name + ".yaml", policy.encode())
        rules = self.folder / (name + ".nft")
        run = Run("policy", "compile", path, "--to", "nft", "-o", rules)
        self.assertEqual((run.code, run.err), (DONE, ""), run)
        asked = self.path(name + ".json", json.dumps(flows).encode())
        prober = self.path("prober.py", PROBER.encode())
        done = subprocess.run(["unshare", "-rn", sys.executable, prober, rules, asked], capture_output=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        answers = Run("policy", "test", "--json", path, "-", stdin="\n".join(map(written, flows)).encode())
        self.assertEqual(answers.code, DONE, answers)
        return json.loads(done.stdout), answers.lines()

    def agree(self, policy, flows):
        passed, answers = self.kernel("p", policy, flows)
        self.assertEqual(len(passed), len(answers))
        for ok, answer in zip(passed, answers):
            # of a source in no zone the policy says nothing, and nothing is done to it
            self.assertEqual(ok, answer["verdict"] != "denied", f"{answer}\n{policy}")
        return passed

    def test_the_kernel_does_what_the_evaluator_says(self):
        rnd = random.Random(SEED)
        for number in range(POLICIES):
            with self.subTest(seed=SEED, policy=number):
                passed = self.agree(random_policy(rnd), [random_flow(rnd) for _ in range(PROBES)])
                self.assertGreater(sum(passed), PROBES // 20)
                self.assertLess(sum(passed), PROBES)

    def test_tcp(self):
        policy = HEAD + "  - {id: w, owner: o, why: w, from: office, to: near, service: web, action: allow}\n"
        flows = [("tcp", "192.0.2.10", "198.51.100.7", 443), ("tcp", "192.0.2.10", "198.51.100.7", 444),
                 ("tcp", "192.0.2.10", "198.51.100.200", 443), ("tcp", "2001:db8:1::5", "2001:db8:2::1", 80),
                 ("tcp", "2001:db8:1::5", "2001:db8:2::f:1", 80), ("tcp", "192.0.2.200", "198.51.100.7", 443)]
        self.assertEqual(self.agree(policy, flows), [True, False, False, True, False, False])


class Text(Case):
    def test_what_is_lost_is_said(self):
        policy = HEAD.replace("networks: [203.0.113.7,", "names: ['*.vendor.example'], networks: [203.0.113.7,") + (
            "  - {id: a, owner: o, why: w, from: office, to: far, service: web, as: tls, expires: 2027-01-01, action: allow}\n"
            "  - {id: b, owner: o, why: w, from: office, to: near, service: web, as: ssh, action: deny}\n"
            "  - {id: c, owner: o, why: w, from: lab, to: near, service: web, expires: 2026-01-01, action: deny}\n")
        run = Run("policy", "compile", self.path("p.yaml", policy.encode()), "--to", "nft", "--at", "2026-11-25")
        self.assertEqual(run.code, DONE, run)
        want = ["rule a: nftables can't tell tls from other protocols: any protocol passes on its ports",
                "rule a: it has an end: compile again by then",
                "rule a: no address of *.vendor.example is known: what goes there gets what follows",
                "rule b: nftables can't tell ssh from other protocols: left out, so what it denies gets what follows",
                "rule c: expired: left out"]
        self.assertEqual(run.err.splitlines(), ["postern: " + line for line in want])
        text = run.out.decode()
        self.assertEqual([line for line in text.splitlines() if "not as the policy says" in line],
                         ["# not as the policy says: " + line for line in want])
        self.assertIn('accept comment "a"', text)
        self.assertNotIn('comment "b"', text)

    def test_names_are_those_that_dns_answers_gave(self):
        policy = HEAD.replace("networks: [203.0.113.7,", "names: ['*.vendor.example', other.example], networks: [203.0.113.7,") + (
            "  - {id: a, owner: o, why: w, from: office, to: far, service: web, action: allow}\n")
        fields = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto trans_id query qtype qtype_name rcode rcode_name answers TTLs".split()
        row = [f"{zeeklogs.START:.6f}", "C1", "192.0.2.10", 40000, "198.51.100.53", 53, "udp", 7, "www.vendor.example", 1, "A", 0, "NOERROR",
               "198.51.100.201", "300.0"]
        log = self.path("dns.log", (zeeklogs.head("dns", fields) + "\t".join(map(str, row)) + "\n").encode())
        run = Run("policy", "compile", self.path("p.yaml", policy.encode()), "--to", "nft", "--dns", log)
        self.assertEqual(run.code, DONE, run)
        self.assertIn("198.51.100.201 . tcp . 443", run.out.decode())
        self.assertIn("rule a: no address of other.example is known", run.err)
        self.assertNotIn("no address of *.vendor.example", run.err)

    def test_usage(self):
        path = self.path("p.yaml", (HEAD + "  []\n").encode())
        self.assertEqual(Run("policy", "compile", path).code, USAGE)
        self.assertEqual(Run("policy", "compile", path, "--to", "pf").code, USAGE)


class Rpz(Case):
    POLICY = """version: 1
zones: {office: 192.0.2.0/24}
services: {https: {protocol: tcp, ports: 443}}
destinations:
  vendor: {names: [vendor.example, '*.vendor.example']}
  bad: {names: [bad.vendor.example, '*.bad.vendor.example']}
never-block: {names: update.example}
rules:
  - {id: bad, owner: o, why: w, from: any, to: bad, service: any, action: deny}
  - {id: vendor, owner: o, why: w, from: office, to: vendor, service: https, action: allow}
"""

    def compiled(self, policy):
        run = Run("policy", "compile", self.path("p.yaml", policy.encode()), "--to", "rpz", "--at", "2026-11-25")
        self.assertEqual(run.code, DONE, run)
        return run, [line.split(" ; ")[0] for line in run.out.decode().splitlines() if " CNAME " in line]

    def test_rows(self):
        run, rows = self.compiled(self.POLICY)
        passed = {row.split()[0] for row in rows if row.endswith(" rpz-passthru.")}
        self.assertEqual(passed, {"update.example", "vendor.example", "*.vendor.example"})
        # what is above or below a name that is there is not the wildcard's of the root
        self.assertEqual({row.split()[0] for row in rows} - passed, {"bad.vendor.example", "*.bad.vendor.example", "*.update.example", "example",
                                                                    "*.example", "*"})
        self.assertEqual(run.err, "postern: rule vendor: a resolver knows neither zones nor services: its names resolve for all\n")

    def test_what_may_go_anywhere_may_ask_for_any_name(self):
        run, rows = self.compiled(self.POLICY.replace("to: vendor, service", "to: any, service"))
        self.assertNotIn("* CNAME .", rows)
        self.assertIn("rule vendor: it allows to any", run.err)
        run, rows = self.compiled(self.POLICY.replace("office: 192.0.2.0/24", "office: {networks: 192.0.2.0/24, default: allow}"))
        self.assertNotIn("* CNAME .", rows)

    @unittest.skipUnless(shutil.which("named-checkzone"), "named-checkzone is not installed (tools/packages test)")
    def test_bind_takes_the_zone(self):
        run, _ = self.compiled(self.POLICY)
        checked = subprocess.run(["named-checkzone", "rpz.example", self.path("zone", run.out)], capture_output=True, timeout=60, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout.decode())

    @unittest.skipIf(WHY_NOT or not shutil.which("unbound"), WHY_NOT or "unbound is not installed (tools/packages test)")
    def test_unbound_obeys(self):
        run, _ = self.compiled(self.POLICY.replace("update.example", "update.vendor2.example"))
        (self.folder / "rpz.zone").write_bytes(run.out)
        (self.folder / "unbound.conf").write_text(UNBOUND.replace("FOLDER", str(self.folder)))
        want = {"vendor.example": 0, "www.vendor.example": 0, "bad.vendor.example": 3, "x.bad.vendor.example": 3, "other.example": 3,
                "update.vendor2.example": 0, "x.update.vendor2.example": 3}
        asked = subprocess.run(["unshare", "-rn", sys.executable, "-c", RESOLVE, self.folder, *want], capture_output=True, timeout=120, check=False)
        self.assertEqual(asked.returncode, 0, asked.stderr.decode())
        self.assertEqual(dict(zip(want, json.loads(asked.stdout))), want)


if __name__ == "__main__":
    unittest.main()
