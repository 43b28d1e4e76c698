# SPDX-License-Identifier: Apache-2.0
"""postern watch: logs that grow, whatever is done to them, and what the kernel and an interface show."""
import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

import zeeklogs
from support import ENVIRONMENT, POSTERN, USAGE, Case, Run, parsed

PROMPT_SECONDS = 2.0  # what the issue allows
PATIENCE = 20.0       # for a busy machine with sanitizers


class Watch:
    """A running watch; its lines as they come, each with the time it came."""

    # prefix: a command whose last words are the watch
    def __init__(self, *args, prefix=(), verb=("watch",), form=("--json",), reads=parsed):
        self.child = subprocess.Popen([*prefix, POSTERN, *verb, *form, *map(str, args)], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, env=ENVIRONMENT, text=True)
        self.lines, self.errors = [], []
        self.readers = [threading.Thread(target=self.read, args=(self.child.stdout, self.lines, reads), daemon=True),
                        threading.Thread(target=self.read, args=(self.child.stderr, self.errors, str), daemon=True)]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def read(file, to, form):
        for line in file:
            to.append((time.monotonic(), form(line)))

    def wait(self, wanted, seconds=PATIENCE):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for when, line in list(self.lines):
                if wanted(line):
                    return when, line
            if self.child.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"not told: {self.lines}\n{self.errors}")

    def end(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        self.child.wait(60)
        for reader, file in zip(self.readers, (self.child.stdout, self.child.stderr)):
            reader.join(10)
            file.close()
        return [line for _, line in self.lines]


def to_end(line):
    return line["status"] == "provisional" and any(c["endpoint"] == zeeklogs.LADDER_END for c in line["channels"])


class Records(Case):
    """--to: what hunt --to writes of a case, as it comes."""

    def watched(self, to, reads):
        log = self.path(f"{to}.log", (zeeklogs.head() + "".join(zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100))).encode())
        watch = Watch(log, form=("--to", to), reads=reads)
        watch.wait(lambda line: zeeklogs.LADDER_END in json.dumps(line))
        return log, watch.end()

    def test_the_last_record_is_that_of_a_hunt(self):
        for to in ("eve", "ecs", "ocsf", "cef", "syslog", "veris"):
            log, lines = self.watched(to, str)
            hunted = Run("hunt", "--to", to, log).out.decode().splitlines(True)
            self.assertTrue(hunted, to)
            self.assertEqual(lines[-len(hunted):], hunted)

    def test_wrong_words(self):
        for words in (("--to", "html"), ("--to", "nothing"), ("--json", "--to", "eve")):
            run = Run("watch", *words, self.path("x.log", b""))
            self.assertEqual((run.code, run.out), (USAGE, b""), run)
            self.assertIn("--to", run.err)


class Logs(Case):
    def log(self, name, text, mode="a"):
        folder = self.folder / self._testMethodName
        folder.mkdir(exist_ok=True)
        with open(folder / name, mode, encoding="utf-8") as file:
            file.write(text)
        return folder

    def test_a_fallback_is_told_at_once_and_once_more_at_the_end(self):
        folder = self.log("conn.log", zeeklogs.head() + "".join(zeeklogs.day()))
        watch = Watch(folder)
        time.sleep(1)
        self.assertEqual(watch.lines, [])
        self.log("conn.log", "".join(zeeklogs.ladder(zeeklogs.START + 12100)))
        written = time.monotonic()
        when, line = watch.wait(to_end)
        self.valid(line)
        self.assertLess(when - written, PROMPT_SECONDS * (5 if "san" in os.environ.get("POSTERN", "") else 2))
        lines = watch.end()
        self.assertEqual(watch.child.returncode, 0)
        self.assertEqual([(x["status"], x["id"]) for x in lines if x["id"] == line["id"]],
                         [("provisional", line["id"]), ("final", line["id"])])

    def test_hunt_follows_too(self):
        folder = self.log("conn.log", zeeklogs.head() + "".join(zeeklogs.day()))
        watch = Watch(folder, verb=("hunt", "--follow"))
        time.sleep(0.5)
        self.log("conn.log", "".join(zeeklogs.ladder(zeeklogs.START + 12100)))
        watch.wait(to_end)
        watch.end()
        self.assertEqual(watch.child.returncode, 0)

    def test_rotated_truncated_and_made_anew(self):
        head = zeeklogs.head()
        rows = zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100)
        folder = self.log("conn.log", head + "".join(rows[:10]))
        watch = Watch(folder / "conn.log")
        time.sleep(1)
        self.log("conn.log", "".join(rows[10:20]))
        os.rename(folder / "conn.log", folder / "conn.1.log")
        self.log("conn.log", head + "".join(rows[20:30]))
        time.sleep(1)
        self.log("conn.log", "", "w")  # copytruncate
        self.log("conn.log", head + "".join(rows[30:42]))
        time.sleep(1)
        os.unlink(folder / "conn.log")
        self.log("conn.log", head + "".join(rows[42:]))
        watch.wait(to_end)
        lines = watch.end()
        whole = self.path("whole.log", (head + "".join(rows)).encode())
        findings, _ = self.hunt(whole)
        self.assertEqual({f["id"] for f in findings}, {x["id"] for x in lines if x["status"] == "final"})

    def test_killed_at_any_moment_it_misses_and_repeats_nothing(self):
        rng = random.Random(20261125)
        head = zeeklogs.head()
        rows = zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100)
        rows += zeeklogs.day("10.0.0.6") + zeeklogs.ladder(zeeklogs.START + 12300, "10.0.0.6", 2000)
        folder = self.log("conn.log", head)
        state = folder / "state"
        told = []
        at = 0
        while at < len(rows):
            watch = Watch("--state", state, folder / "conn.log")
            time.sleep(rng.uniform(0.2, 1.2))
            more = rng.randint(5, 25)
            self.log("conn.log", "".join(rows[at:at + more]))
            at += more
            time.sleep(rng.uniform(0, 1.5))
            told += watch.end(signal.SIGKILL)
        watch = Watch("--state", state, folder / "conn.log")
        time.sleep(3)
        told += watch.end()
        self.assertEqual(watch.child.returncode, 0, watch.errors)
        whole = self.path("whole.log", (head + "".join(rows)).encode())
        findings, _ = self.hunt(whole)
        self.assertEqual(len(findings), 2)
        final = [x["id"] for x in told if x["status"] == "final"]
        for f in findings:
            self.assertIn(f["id"], {x["id"] for x in told})
        self.assertEqual(sorted(set(final)), sorted(final), "told as final twice")

    def test_what_cannot_be_watched_is_said(self):
        for args, code, words in ((("-",), 2, "does not grow"), ((), 2, "nothing to watch"),
                                  (("--filter", "tcp", "--host"), 2, "needs an interface"),
                                  (("-i", "no-such-interface-0"), 3, "no-such-interface-0"),
                                  ((self.folder / "nowhere/x.log",), 3, "nowhere")):
            with self.subTest(args=args):
                run = subprocess.run([POSTERN, "watch", *map(str, args)], capture_output=True, env=ENVIRONMENT, text=True,
                                     timeout=60, check=False)
                self.assertEqual(run.returncode, code, run.stderr)
                self.assertIn(words, run.stderr)


NET = r"""
set -e
ip link set lo up
ip address add 10.0.0.5/32 dev lo
for a in 203.0.113.10 192.0.2.20 198.18.0.30 203.0.114.40 192.0.100.50; do ip address add $a/32 dev lo; done
exec "$@"
"""

# Four servers that take a quarter of a second to hang up on whoever asks, and one that answers.
CLIENT = r"""
import socket, struct, threading, time
DEAD = "203.0.113.10", "192.0.2.20", "198.18.0.30", "203.0.114.40"
def serve(address, port, answers):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port)); s.listen()
    while True:
        c, _ = s.accept(); c.recv(100)
        if answers:
            c.sendall(b"x" * 500)
        else:
            time.sleep(0.25); c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
for address in DEAD:
    threading.Thread(target=serve, args=(address, 8080, False), daemon=True).start()
threading.Thread(target=serve, args=("192.0.100.50", 4443, True), daemon=True).start()
time.sleep(0.3)
for server, port in [(address, 8080) for address in DEAD] + [("192.0.100.50", 4443)]:
    s = socket.socket(); s.bind(("10.0.0.5", 0))
    try:
        s.connect((server, port)); s.sendall(b"hello"); s.recv(1000)
    except OSError:
        pass
    s.close()
"""


def can_unshare():
    return subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(can_unshare(), "needs the right to make a network namespace")
class Live(Case):
    """In a network namespace of the test's own; the servers are addresses of its loopback."""

    def started(self, *args):
        """A shell in a new namespace that runs a watch and then, when a line comes on its input, the client."""
        client = self.path("client.py", CLIENT.encode())
        go = self.folder / f"{self._testMethodName}-go"
        script = f'"$0" "$@" & child=$!; trap "kill $child" TERM; while ! [ -e {go} ]; do sleep 0.1; done; /usr/bin/python3 {client}; wait $child; wait $child'
        watch = Watch(*args, prefix=["unshare", "-n", "sh", "-c", NET, "sh", "sh", "-c", script])
        time.sleep(2)
        return watch, go

    def ends(self, *args, process):
        watch, go = self.started(*args)
        if watch.child.poll() is not None and any("BPF" in line or "CAP_" in line or "built without" in line for _, line in watch.errors):
            self.skipTest(watch.errors[0][1])
        go.touch()
        _, line = watch.wait(to_end)
        self.valid(line)
        self.assertEqual({c["failure"] for c in line["channels"]}, {"reset", None})
        self.assertEqual(line["process"], process and {"name": process})
        watch.end()

    def test_an_interface(self):
        self.ends("-i", "lo", "--max-e", "1", process=None)

    def test_the_kernel(self):
        self.ends("--host", "--max-e", "1", process="python3")


if __name__ == "__main__":
    unittest.main()
