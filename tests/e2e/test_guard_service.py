# SPDX-License-Identifier: Apache-2.0
"""The guard as a service: its units, what it tells systemd, its metrics and its health."""
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import gateway
from gateway import HOST, SERVERS, Guard, Lines, Net, ladder
from receivers import wait_for
from support import DONE, NOTHING, POSTERN, USAGE, Case, Run
from test_guard import DEAD, children, rights

UNITS = Path(__file__).parents[2] / "systemd"
FALLBACK = SERVERS[7]
PORT = 9477
# asks as its words say, one line each: the status and the body, as JSON
ASK = r"""
import json, sys, urllib.error, urllib.request
for path in sys.argv[2:]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}{path}", timeout=20) as answer:
            print(json.dumps([answer.status, answer.headers["Content-Type"], answer.read().decode()]))
    except urllib.error.HTTPError as wrong:
        print(json.dumps([wrong.code, wrong.headers["Content-Type"], wrong.read().decode()]))
"""
# says nothing, half, too much, never reads, drips; as many as there is room for, three times over; says when all is open
HOSTILE = r"""
import socket, sys, time
words = b"", b"GET /metrics HT", b"GET /" + b"x" * 100000, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 200, b"\x16\x03\x01\x02\x00\x01", b"POST /metrics HTTP/1.1\r\n" \
    b"Host: a\r\nContent-Length: 99999999999\r\n\r\n", b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 20000
clients = []
for n in range(48):
    s = socket.socket()
    s.settimeout(0.1)
    try:
        s.connect(("127.0.0.1", int(sys.argv[1])))
        s.sendall(words[n % len(words)])
    except OSError:
        pass
    clients.append(s)
print("open", flush=True)
while True:
    time.sleep(1)
    for s in clients:
        try:
            s.send(b"x")
        except OSError:
            pass
"""


def unit(name):
    return (UNITS / f"{name}.in").read_text().replace("@bindir@", str(POSTERN.parent))


class TestUnits(Case):
    def write(self, *names):
        for name in names:
            text = (UNITS / name).read_text() if (UNITS / name).exists() else unit(name)
            (self.folder / name).write_text(text)
        return [self.folder / name for name in names]

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_systemd_reads_them_and_finds_them_tight(self):
        units = self.write("postern-guard.service", "postern-evidence.service", "postern-evidence.timer")
        for path in units:
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path], capture_output=True, text=True, check=False)
            ours = [line for line in (done.stdout + done.stderr).splitlines() if "postern-" in line]
            self.assertEqual(ours, [])
        for path, most in (units[0], 2.0), (units[1], 0.6):
            done = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", path], capture_output=True, text=True, check=True)
            score = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)[1])
            self.assertLessEqual(score, most, done.stdout)

    def words(self, name):
        line, = re.findall(r"^ExecStart=(.*)$", unit(name), re.M)
        return line.replace("%%", "%").replace("$$", "$").replace("/var/lib/postern", str(self.folder)).replace("/run/postern", str(self.folder))

    def test_what_they_start_is_understood(self):
        words = self.words("postern-guard.service").replace("$GUARD_OPTIONS", "-i nosuch0 --metrics 127.0.0.1:9478 --enforce").split()
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, NOTHING, done)
        self.assertIn("nosuch0", done.stderr)
        for line in re.findall(r"^#?GUARD_OPTIONS=(.*)$", (UNITS / "guard.conf").read_text(), re.M):
            self.assertEqual(Run("guard", *line.replace("eth1", "nosuch0").split(), "--trail", self.folder / "t").code, USAGE)  # there is no policy

    def test_evidence_is_all_or_nothing(self):
        (self.folder / "evidence").mkdir()
        words = self.words("postern-evidence.service").split(" ", 2)
        done = subprocess.run([words[0], words[1], words[2].strip("'")], capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)  # no guard runs
        self.assertEqual(list((self.folder / "evidence").glob("*.json")), [])


@gateway.NEEDS
class TestService(Case):
    def setUp(self):
        self.net = Net()
        self.addCleanup(self.net.close)
        gateway.serve(self.net, f"{FALLBACK}:8080")
        self.trail = self.folder / f"{self._testMethodName}.jsonl"
        self.control = self.folder / "control"

    def client(self):
        return ladder(self.net, HOST, *DEAD, f"{FALLBACK}:8080")

    def status(self):
        run = Run("guard", "status", "--control", self.control, "--json")
        self.assertEqual(run.code, DONE, run)
        return json.loads(run.out)

    def ask(self, *paths):
        out = self.net.run(self.net.gateway, "/usr/bin/python3", "-c", ASK, PORT, *paths)
        return [json.loads(line) for line in out.splitlines()]

    def test_what_systemd_is_told(self):
        path = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(20)

            def hear(wanted):
                while wanted not in (said := manager.recv(4096).decode()):
                    pass
                return said

            with mock.patch.dict(os.environ, {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "900000"}):
                guard = Guard(self.net, "--enforce", "--trail", self.trail, waits=False)
            hear("READY=1")
            self.assertIn("enforcer: up", hear("STATUS="))
            begun = time.monotonic()
            hear("WATCHDOG=1")
            hear("WATCHDOG=1")
            self.assertLess(time.monotonic() - begun, 0.9 + 0.5)
            guard.process.send_signal(signal.SIGHUP)
            self.assertRegex(hear("RELOADING=1"), r"MONOTONIC_USEC=\d+")
            hear("READY=1")
            # what only a new start heals is not told to be alive
            spawner, = children(guard.process.pid)
            enforcer, = children(spawner)
            os.kill(spawner, signal.SIGKILL)
            os.kill(enforcer, signal.SIGKILL)
            self.assertIn("restart the guard", hear("STATUS=what"))
            manager.settimeout(2)
            with self.assertRaises(TimeoutError):
                hear("WATCHDOG=1")
            manager.settimeout(20)
            guard.process.terminate()
            hear("STOPPING=1")
            guard.process.wait(20)

    def test_it_is_ready_when_what_was_in_force_is_so_again(self):
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        peers = [f"198.18.{n // 200}.{n % 200 + 1}" for n in range(400)]
        self.trail.write_text("".join(json.dumps({"type": "change", "time": until, "act": "made", "id": n + 1, "action": "block", "host": HOST, "peer": peer, "proto": 6,
                                                  "port": 443, "made": until, "until": until, "finding": "0" * 32, "e_value": 0.001, "named": False}) + "\n"
                                      for n, peer in enumerate(peers)))
        guard = Guard(self.net, "--enforce", "--max-blocked", "400", "--trail", self.trail)  # waits until it says so
        self.assertEqual(self.net.ruleset().count(f"{HOST} . "), len(peers))
        self.assertEqual(guard.end(), DONE)

    def test_as_a_user_with_the_two_capabilities_alone(self):
        nobody, folder = pwd.getpwnam("nobody"), self.folder / "own"
        folder.mkdir()
        self.folder.chmod(0o711)
        os.chown(folder, nobody.pw_uid, -1)
        both = "+net_raw,+net_admin"
        with tempfile.TemporaryFile("w+") as err:
            process = self.net.start(
                self.net.gateway, "setpriv", "--reuid", nobody.pw_uid, "--regid", nobody.pw_gid, "--clear-groups", "--inh-caps", f"-all,{both}", "--ambient-caps",
                f"-all,{both}", "--bounding-set", f"-all,{both}", "--no-new-privs", POSTERN, "guard", "-i", "in0", "--json", "--act-e", "0.1", "--enforce", "--trail", folder / "trail",
                "--state", folder / "state", stdout=subprocess.PIPE, stderr=err, text=True, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
            guard = Lines(process, json.loads)
            time.sleep(1.5)
            err.seek(0)
            self.assertIsNone(process.poll(), err.read())
            client = self.client()
            guard.wait(lambda line: line["type"] == "change" and line["act"] == "made")
            client.wait(lambda line: line[:2] == ("left", FALLBACK))
            spawner, = children(process.pid)
            enforcer, = children(spawner)
            self.assertEqual({name: n for name, n in rights(process.pid)[0].items() if name in ("CapPrm", "CapEff", "CapAmb", "CapInh")},
                             dict.fromkeys(("CapPrm", "CapEff", "CapAmb", "CapInh"), 0))
            self.assertEqual((rights(spawner)[0]["CapPrm"], rights(enforcer)[0]["CapPrm"]), (1 << 12, 1 << 12))
            process.terminate()
            self.assertEqual(process.wait(30), DONE)

    def samples(self, text):
        """Of Prometheus' text format: each sample; what the format forbids fails."""
        families, of, found = {}, None, {}
        for line in text.splitlines():
            if head := re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line):
                if head[1] == "HELP":
                    self.assertNotIn(head[2], families)
                    of = head[2]
                self.assertEqual(head[2], of)
                families[of] = head[3]
                continue
            sample = re.fullmatch(r'([a-z_]+)(\{[a-z_]+="[^"\\]+"\})? (\S+)', line)
            self.assertIsNotNone(sample, line)
            self.assertEqual(sample[1], of)  # a family's samples stand together, behind its TYPE
            self.assertNotIn(sample[1] + (sample[2] or ""), found)
            self.assertEqual(families[of] == "counter", of.endswith("_total"))
            self.assertIn(families[of], ("counter", "gauge"))
            found[sample[1] + (sample[2] or "")] = float(sample[3])
        self.assertTrue(text.endswith("\n"))
        return found

    def test_metrics_say_what_status_says(self):
        guard = Guard(self.net, "--enforce", "--trail", self.trail, "--control", self.control, "--metrics", f"127.0.0.1:{PORT}", "--max-blocked", "7",
                      "--cases", self.folder / "metrics.db")
        self.client()
        guard.change("made", FALLBACK)
        time.sleep(1)
        (code, kind, text), health, missing = self.ask("/metrics", "/health", "/etc/passwd")
        status = self.status()
        self.assertEqual((code, kind), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertEqual((health[0], health[2], missing[0]), (200, "ok\n", 404))
        of = self.samples(text)
        for name, limit in status["limits"].items():
            self.assertEqual((of[f'postern_guard_used{{limit="{name}"}}'], of[f'postern_guard_limit{{limit="{name}"}}']), (limit["now"], limit["max"]))
        for name, count in status["changes"].items():
            self.assertEqual(of[f'postern_guard_changes_total{{act="{name}"}}'], count)
        self.assertEqual(sum(count for name, count in of.items() if "findings_total" in name), sum(status["findings"].values()))
        self.assertEqual((of['postern_guard_changes_total{act="made"}'], of["postern_guard_enforcer_up"], of["postern_guard_healthy"]), (1, 1, 1))
        self.assertEqual(of[f'postern_build_info{{version="{status["version"]}"}}'], 1)
        self.assertGreater(of["postern_guard_packets_total"], 10)
        self.assertEqual(of["postern_guard_given_up_total"], 0)
        self.assertGreater(status["cases"]["written"], 1)
        self.assertEqual([of[f"postern_guard_cases_{name}"] for name in ("written_total", "waiting", "dropped_total", "failed")],
                         [status["cases"]["written"], 0, 0, 0])
        self.assertGreater(of["postern_guard_memory_peak_bytes"], 10_000_000)
        self.assertGreater(of["postern_guard_cpu_seconds_total"], 0)
        # what is wrong is told; without its spawner the enforcer stays away
        spawner, = children(guard.process.pid)
        enforcer, = children(spawner)
        os.kill(spawner, signal.SIGKILL)
        os.kill(enforcer, signal.SIGKILL)
        time.sleep(1)
        (code, _, text), (_, _, metrics) = self.ask("/health", "/metrics")
        self.assertEqual((code, self.status()["ill"] + "\n"), (503, text))
        self.assertIn("restart the guard", text)
        of = self.samples(metrics)
        self.assertEqual((of["postern_guard_enforcer_up"], of["postern_guard_healthy"], of["postern_guard_enforcer_ends_total"]), (0, 0, 1))
        self.assertEqual(guard.end(), DONE)

    def test_hostile_programs_do_not_hold_up_metrics(self):
        guard = Guard(self.net, "--control", self.control, "--metrics", f"127.0.0.1:{PORT}")
        hostile = self.net.start(self.net.gateway, "/usr/bin/python3", "-c", HOSTILE, PORT, stdout=subprocess.PIPE, text=True)
        self.assertEqual(hostile.stdout.readline(), "open\n")
        self.client()
        guard.change("would", FALLBACK, 20)
        time.sleep(8)  # they drip on; each has had its time
        self.assertEqual(self.ask("/health")[0][0], 200)
        self.assertLess(self.status()["watch"]["behind_s"], 5)
        post = self.net.run(self.net.gateway, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "x=y", f"http://127.0.0.1:{PORT}/metrics")
        self.assertEqual(post, "405")
        self.assertEqual(guard.end(), DONE)

    def test_where_metrics_may_be(self):
        for where, words in (("0.0.0.0:9477", "--metrics-exposed"), ("[::]:9477", "--metrics-exposed"), ("127.0.0.1", "127.0.0.1:PORT"), ("127.0.0.1:0", "127.0.0.1:PORT"),
                             ("host:9", "127.0.0.1:PORT"), ("127.0.0.1:70000", "127.0.0.1:PORT")):
            run = Run("guard", "-i", "lo", "--metrics", where)
            self.assertEqual(run.code, NOTHING, run)
            self.assertIn(words, run.err)
        guard = Guard(self.net, "--metrics", f"10.77.0.1:{PORT}", "--metrics-exposed")
        asked = self.net.run(self.net.host, "curl", "-s", f"http://10.77.0.1:{PORT}/health")
        self.assertEqual(asked, "ok\n")
        with self.assertRaises(subprocess.CalledProcessError) as second:
            self.net.run(self.net.gateway, POSTERN, "guard", "-i", "in0", "--metrics", f"10.77.0.1:{PORT}", "--metrics-exposed")
        self.assertIn("Address already in use", second.exception.stderr)
        self.assertEqual(guard.end(), DONE)


if __name__ == "__main__":
    unittest.main()
