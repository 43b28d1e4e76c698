# SPDX-License-Identifier: Apache-2.0
"""postern scan -i: what passes an interface, while it passes; rules that change under way; and what cover makes of the state that it keeps."""
import json
import os
import signal
import time
import unittest
from pathlib import Path

from support import DONE, FINDINGS, NOTHING, PARTIAL, USAGE, Case, Run
from test_scan import BODY, MARK, RULE, sha
from test_watch import PATIENCE, Watch, can_unshare

OTHER = b'rule other_mark { strings: $a = "POSTERN-OTHER-MARK" condition: $a }\n'
# serves on one address of its loopback; fetches what files named want-* in the folder say, each once
CLIENT = r"""
import http.server, pathlib, socket, sys, threading, time, urllib.request
folder = pathlib.Path(sys.argv[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (folder / ("body" + self.path[1:])).read_bytes()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(("10.0.0.5", 8080), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
def flood(bodies):
    with socket.create_server(("10.0.0.5", 8081)) as listener, socket.create_connection(("10.0.0.5", 8081)) as client:
        peer, _ = listener.accept()
        client.sendall(b"GET /flood HTTP/1.1\r\n\r\n"); peer.recv(100)
        peer.sendall(b"".join(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies))
        while len(client.recv(1 << 20)) == 1 << 20: pass
        time.sleep(1); peer.close()
while True:
    for path in sorted(folder.glob("want-*")):
        name = path.name[5:]; path.unlink()
        if name == "flood":
            flood([b"HANG" + bytes(2000)] + [b"%08d" % number for number in range(5000)])
            continue
        urllib.request.urlopen("http://10.0.0.5:8080/" + name).read()
    time.sleep(0.05)
"""
SCRIPT = r"""
ip link set lo up; ip address add 10.0.0.5/32 dev lo
/usr/bin/python3 "$1" "$2" & client=$!; pid=$2.pid; shift 2
"$@" & child=$!; echo $child >$pid
trap "kill -TERM $child" TERM
while :; do wait $child; code=$?; kill -0 $child 2>/dev/null || break; done
kill $client; exit $code
"""


@unittest.skipUnless(can_unshare(), "needs the right to make a network namespace")
class Live(Case):
    def started(self, *args):
        self.site = self.folder / f"{self._testMethodName}-site"
        self.site.mkdir()
        client = self.path("client.py", CLIENT.encode())
        watch = Watch(*args, verb=("scan", "-i", "lo", "--filter", "tcp portrange 8080-8081"), prefix=["unshare", "-n", "sh", "-c", SCRIPT, "sh", client, self.site])
        self.said(watch, "scanning what passes lo")
        return watch

    def read_again(self):
        os.kill(int(Path(f"{self.site}.pid").read_text()), signal.SIGHUP)

    def said(self, watch, words):
        until = time.monotonic() + PATIENCE
        while not any(words in line for _, line in watch.errors):
            if any("CAP_NET_RAW" in line for _, line in watch.errors):
                self.skipTest("needs CAP_NET_RAW")
            self.assertLess(time.monotonic(), until, watch.errors)
            time.sleep(0.05)

    def fetch(self, watch, name, body):
        (self.site / f"body{name}").write_bytes(body)
        (self.site / f"want-{name}").touch()
        return watch.wait(lambda line: line.get("uri") == f"/{name}")[1]

    def state(self):
        return json.loads((self.folder / "scan.state").read_text())

    def test_files_are_told_as_they_pass_and_rules_change(self):
        rules, state, kept = self.path("rules.yar", RULE), self.folder / "scan.state", self.folder / "kept"
        kept.mkdir()
        watch = self.started("--all", "--rules", rules, "--state", state, "--quarantine", kept, "--exit-code")
        first = self.state()
        self.assertEqual((first["rules"], first["files"], first["interface"], first["last_match"]), (1, 0, "lo", None))
        file = self.fetch(watch, "a", BODY)
        self.assertEqual((file["sha256"], file["path"], [match["name"] for match in file["matches"]], file["gap"]), (sha(BODY), "lo", ["own_mark"], None))
        other = b"x POSTERN-OTHER-MARK"
        self.assertEqual(self.fetch(watch, "b", other)["matches"], [])
        rules.write_bytes(b"rule broken {")
        self.read_again()
        self.said(watch, "rules and lists stay as they were")
        self.assertEqual([match["name"] for match in self.fetch(watch, "c", MARK)["matches"]], ["own_mark"])
        rules.write_bytes(RULE + OTHER)
        self.read_again()
        self.said(watch, "were read again: 2 rules")
        self.assertEqual([match["name"] for match in self.fetch(watch, "d", other)["matches"]], ["other_mark"])
        for number in range(40):
            (self.site / f"bodymany{number}").write_bytes(MARK + b"%d" % number)
        for number in range(40):
            (self.site / f"want-many{number}").touch()
        for number in range(40):
            watch.wait(lambda line, uri=f"/many{number}": line.get("uri") == uri)
        *_, summary = watch.end()
        self.assertEqual(watch.child.returncode, FINDINGS)
        self.assertEqual((summary["type"], summary["files"], summary["matching"], summary["files_lost"], summary["packets_lost"], summary["partial"]),
                         ("summary", 44, 43, 0, 0, False))
        last = self.state()
        self.assertEqual((last["rules"], last["files"], last["matching"], last["last_match"]["name"]), (2, 44, 43, "own_mark"))
        self.assertEqual({path.name for path in kept.iterdir()} & {sha(BODY), sha(other)}, {sha(BODY), sha(other)})

    def test_what_comes_faster_than_it_is_looked_at_is_counted(self):
        hang = b'rule hang { condition: uint32be(0) == 0x48414e47 and for all i in (1..2000000000) : (uint8(i % filesize) < 256) }\n'
        watch = self.started("--limit-depth", "0", "--timeout", "4", "--rules", self.path("rules.yar", hang))
        (self.site / "want-flood").touch()
        watch.wait(lambda line: "stopped after 4 s" in (line.get("gap") or ""))
        *_, summary = watch.end()
        self.assertEqual((summary["files"] + summary["files_lost"], summary["partial"], watch.child.returncode), (5001, True, PARTIAL))
        self.assertEqual(summary["files_lost"], 5000 - 4096)

    def test_results_are_added_to_a_file(self):
        found = self.path("found.jsonl", b'{"before": 1}\n')
        watch = self.started("--all", "--rules", self.path("rules.yar", RULE), "-o", found)
        (self.site / "bodya").write_bytes(BODY)
        (self.site / "want-a").touch()
        until = time.monotonic() + PATIENCE
        while b"own_mark" not in found.read_bytes():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        watch.end()
        self.assertEqual([line.get("type") for line in map(json.loads, found.read_text().splitlines())], [None, "file", "summary"])


class State(Case):
    POLICY = "version: 1\nzones: {lan: {networks: 10.0.0.0/24}}\nservices: {}\ndestinations: {}\nrules: []\n"

    def si_3(self, state, at="2026-03-02T12:00:00Z"):
        run = Run("cover", "--json", "--at", at, *(() if state is None else ("--scan-state", self.path("s.json", json.dumps(state).encode()))),
                  self.path("p.yaml", self.POLICY.encode()))
        self.assertEqual(run.code, DONE, run)
        [control] = [line for line in run.lines() if line.get("id") == "si-3" or line.get("control") == "si-3"]
        return control

    def test_cover_takes_the_state_for_evidence(self):
        state = {"type": "scan-state", "at": "2026-03-02T11:59:30Z", "begun": "2026-03-01T00:00:00Z", "interface": "eth0", "clamd": False, "rules": 12, "indicators": 0,
                 "rules_newest": "2026-02-28T00:00:00Z", "lists_newest": None, "files": 90, "matching": 1, "gaps": 2, "files_lost": 0, "packets_lost": 0,
                 "last_match": {"at": "2026-03-02T10:00:00Z", "name": "own_mark", "sha256": "a3" * 32}}
        satisfied = self.si_3(state)
        self.assertEqual(satisfied["status"], "satisfied")
        for words in ("eth0", "12 rules (the newest of 2026-02-28", "90 files looked at, 1 matched, 2 not seen whole", f"own_mark (sha256 {'a3' * 32})"):
            self.assertIn(words, satisfied["evidence"])
        for change, status, words in (({"interface": None}, "not assessed", "scan of files"), ({"at": "2026-03-01T11:00:00Z"}, "not satisfied", "more than a day"),
                                      ({"rules": 0}, "not satisfied", "nothing that it looks for"), ({"rules_newest": "2026-01-01T00:00:00Z"}, "not satisfied", "last 30 days"),
                                      ({"rules": 0, "clamd": True}, "satisfied", "ClamAV"), ({"files_lost": 3}, "not assessed", "lost 3 files")):
            got = self.si_3({**state, **change})
            self.assertEqual((got["status"], words in got["evidence"]), (status, True), (change, got))
        self.assertEqual(self.si_3(None)["status"], "not assessed")

    def test_what_is_no_state(self):
        policy = self.path("p.yaml", self.POLICY.encode())
        for text in (b"", b"{}", b"nonsense", b'{"type":"scan-state"}', b"x" * 70000):
            run = Run("cover", "--scan-state", self.path("s.json", text), policy)
            self.assertEqual(run.code, USAGE, run)
            self.assertIn("s.json", run.err)
            run = Run("scan", "--state", self.path("s.json", text), "--rules", self.path("r.yar", RULE), policy)
            self.assertEqual(run.code, USAGE, run)
        self.assertEqual(Run("cover", "--scan-state", "/no/such", policy).code, USAGE)

    def test_a_scan_of_files_keeps_it_too(self):
        state, rules = self.folder / "state", self.path("r.yar", RULE)
        self.assertEqual(Run("scan", "--state", state, "--rules", rules, self.path("x", BODY)).code, DONE)
        first = json.loads(state.read_text())
        self.assertEqual((first["interface"], first["rules"], first["files"], first["last_match"]["sha256"]), (None, 1, 1, sha(BODY)))
        self.assertEqual(Run("scan", "--state", state, "--rules", rules, self.path("y", b"nothing")).code, DONE)
        self.assertEqual(json.loads(state.read_text())["last_match"], first["last_match"])
        self.assertEqual(Run("scan", "--state", "/no/such/folder/x", "--rules", rules, self.path("x", BODY)).code, NOTHING)

    def test_age(self):
        rules, file = self.path("r.yar", RULE), self.path("x", b"nothing")
        run = Run("scan", "--json", "--max-age", "7", "--rules", rules, file)
        self.assertEqual((run.code, run.err, run.lines()[-1]["stale"]), (DONE, "", False))
        old = time.time() - 9 * 86400
        os.utime(rules, (old, old))
        run = Run("scan", "--json", "--max-age", "7", "--rules", rules, file)
        self.assertEqual((run.code, run.lines()[-1]["stale"], run.lines()[-1]["partial"]), (PARTIAL, True, True))
        self.assertIn("rules was changed 9 days ago", run.err)
        self.assertEqual(run.lines()[-1]["rules_newest"][:19], time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(old)))
        self.assertIn("newest rules of", Run("scan", "--rules", rules, file).out.decode())

    def test_usage(self):
        rules = self.path("r.yar", RULE)
        for words in (("-i", "lo", "x"), ("--filter", "tcp", "x"), ("-i", "lo", "--since", "2026-01-01T00:00:00Z"), ("--state", rules, rules)):
            self.assertEqual(Run("scan", "--rules", rules, *words).code, USAGE, words)
        run = Run("scan", "--rules", rules, "-i", "no-such-if")
        self.assertEqual(run.code, NOTHING, run)


if __name__ == "__main__":
    unittest.main()
