# SPDX-License-Identifier: Apache-2.0
"""postern guard --cases: what was told is in a file, whatever ended the guard."""
import contextlib
import json
import signal
import sqlite3
import subprocess
import time
import unittest

import gateway
from gateway import HOST, OTHER, SERVERS, Guard, Names, Net, ladder
from receivers import wait_for
from support import DONE, NOTHING, USAGE, Case, Run, parsed

DEAD = [f"{addr}:443" for addr in SERVERS[:7]]
FALLBACK = SERVERS[7]
# asks for many names, one after the other
ASK_ALL = r"""
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
for n in range(int(sys.argv[3]), int(sys.argv[4])):
    name = b"".join(bytes([len(p)]) + p.encode() for p in f"n{n}.example".split("."))
    s.sendto(struct.pack(">HHHHHH", n, 0x100, 1, 0, 0, 0) + name + b"\0" + struct.pack(">HH", 1, 1), (sys.argv[2], 53))
    time.sleep(0.01)
"""


def rows(path):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [parsed(text) for text, in db.execute("SELECT text FROM told ORDER BY ordinal")]


@gateway.NEEDS
class TestGuardCases(Case):
    def setUp(self):
        self.net = Net()
        self.addCleanup(self.net.close)
        self.file = self.folder / f"{self._testMethodName}.db"

    def guard(self, *args):
        guard = Guard(self.net, "--cases", self.file, *args)
        wait_for(lambda: self.file.exists() and self.file.stat().st_size > 0, 10)  # it captures
        return guard

    def finding(self, *args):
        """A guard that has told one."""
        gateway.serve(self.net, f"{FALLBACK}:8080")
        guard = self.guard(*args)
        ladder(self.net, HOST, *DEAD, f"{FALLBACK}:8080")
        guard.change("would", FALLBACK)
        return guard

    def many(self):
        """Names on a list, as many addresses; and who asks for them."""
        names = Names(self.net, SERVERS[0], {f"n{n}.example": f"198.18.{100 + n // 200}.{n % 200 + 1}" for n in range(1000)})
        bad = self.path("bad", "".join(f"n{n}.example\n" for n in range(1000)).encode())
        args = "--block-known", "--intel", bad, "--max-changes", "3000", "--max-blocked", "4000", "--never-block", "198.18.100.3"
        return args, lambda first, last: self.net.start(self.net.host, "/usr/bin/python3", "-c", ASK_ALL, HOST, names.addr, str(first), str(last))

    def in_file(self, told):
        kept = [json.dumps(row, sort_keys=True) for row in rows(self.file)]
        for line in told:
            # a change's time is that of its being written, once in the file and once in the line
            wanted = {k: v for k, v in line.items() if k != "time"}
            self.assertTrue(any(wanted == {k: v for k, v in json.loads(row).items() if k != "time"} for row in kept), line)
        return kept

    def test_what_was_told_is_there_after_kill(self):
        args, ask = self.many()
        for first in (0, 300):
            before = len(rows(self.file)) if self.file.exists() else 0
            guard = self.guard(*args)
            ask(first, first + 300)
            wait_for(lambda guard=guard: len(guard.all) > 60, 10)
            guard.end(signal.SIGKILL)
            told = [line for line in guard.all if line["type"] != "cut"]
            self.assertLess(len(guard.changes("would")), 600)  # in the middle of it
            self.assertGreaterEqual(len(self.in_file(told)) - before, len(told))
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        types = {row["type"] for row in rows(self.file)}
        self.assertEqual(types, {"known-bad", "change", "left"})
        self.assertIn("never-block", {row["why"] for row in rows(self.file) if row["type"] == "left"})

    def test_the_story_is_read_without_a_guard(self):
        guard = self.finding()
        running = Run("guard", "explain", HOST, "--cases", self.file, "--json")
        self.assertEqual(running.code, DONE, running)
        self.assertEqual(guard.end(), DONE)
        self.in_file(guard.all)
        self.assertEqual({line["status"] for line in guard.all if line["type"] == "finding"}, {"provisional", "final"})
        story = [json.loads(line) for line in Run("guard", "explain", HOST, "--cases", self.file, "--json").out.splitlines()]
        self.assertEqual(story, rows(self.file))
        self.assertEqual(len(guard.all), len([row for row in story if row["type"] != "left"]))  # each once
        text = Run("guard", "explain", HOST, "--cases", self.file).out.decode()
        self.assertRegex(text, rf"(?m)^peer +{FALLBACK}$")
        self.assertEqual(Run("guard", "explain", OTHER, "--cases", self.file).out, b"")
        # a restart goes on with it
        self.assertEqual(self.guard().end(), DONE)
        self.assertEqual(rows(self.file), story)
        # and one that keeps nothing so long takes them out
        again = self.guard("--cases-days", "0.00001")
        wait_for(lambda: rows(self.file) == [], 5)
        self.assertEqual(again.end(), DONE)

    def test_text_is_told_as_well(self):
        gateway.serve(self.net, f"{FALLBACK}:8080")
        process = self.net.start(self.net.gateway, gateway.POSTERN, "guard", "-i", "in0", "--act-e", "0.1", "--cases", self.file, stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        ladder(self.net, HOST, *DEAD, f"{FALLBACK}:8080")
        line = ""
        while not line.startswith("would"):
            line = process.stdout.readline()
        process.kill()
        self.assertIn(FALLBACK, line)
        kept = rows(self.file)
        self.assertEqual(kept[0]["type"], "finding")
        self.assertEqual([row["peer"] for row in kept if row["type"] == "change"], [FALLBACK])

    def full_disk(self, written):
        """The disk fills when this many rows are in the file; nothing that is told then is lost."""
        disk, control = self.folder / f"disk{written}", self.folder / f"control{written}"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        self.file = disk / "guard.db"
        args, ask = self.many()
        guard = self.guard("--control", control, *args)

        def status():
            return json.loads(Run("guard", "status", "--control", control, "--json").out)

        ask(900, 900 + written)
        wait_for(lambda: status()["cases"]["written"] >= written, 10)
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        ask(0, 40)
        wait_for(lambda: len(guard.changes("would")) >= 60, 10)  # it goes on
        wait_for(lambda: status()["cases"]["waiting"] > 60, 5)
        full = status()
        self.assertTrue(full["cases"]["failed"], full)
        self.assertIn("cases", full["ill"])
        filler.unlink()
        wait_for(lambda: not status()["cases"]["failed"], 5)
        well = status()
        self.assertEqual((well["ill"], well["cases"]["waiting"], well["cases"]["dropped"]), (None, 0, 0))
        self.assertEqual(guard.end(), DONE)
        self.assertEqual(guard.words().count("the disk is full"), 1, guard.words())
        self.in_file(guard.all)

    def test_a_disk_that_fills(self):
        self.full_disk(1)

    def test_a_disk_that_was_full_before_the_first_row(self):
        self.full_disk(0)

    def refused(self, file, words):
        guard = Guard(self.net, "--cases", file)
        self.assertEqual(guard.process.wait(20), NOTHING)
        self.assertIn(words, guard.words())

    def test_what_is_no_such_file_is_left_alone(self):
        text, other, cut = self.path("notes.txt", b"not a database, but long enough to be looked at" * 9), self.folder / "other.db", self.folder / "cut.db"
        with contextlib.closing(sqlite3.connect(other)) as db:
            db.execute("CREATE TABLE told(x)")
        guard = self.guard()
        self.refused(self.file, "another guard writes it")
        self.assertEqual(guard.end(), DONE)
        cut.write_bytes(self.file.read_bytes()[:5000])
        more = self.folder / "more.db"
        more.write_bytes(self.file.read_bytes())
        with contextlib.closing(sqlite3.connect(more)) as db:
            db.execute("CREATE VIEW v AS SELECT 1")
        for file in map(str, (text, other, cut, more)):
            with open(file, "rb") as opened:
                before = opened.read()
            self.refused(file, "left alone")
            run = Run("guard", "explain", HOST, "--cases", file)
            self.assertEqual((run.code, "left alone" in run.err), (NOTHING, True), run)
            with open(file, "rb") as opened:
                self.assertEqual(opened.read(), before, file)

    def test_wrong_words(self):
        run = Run("guard", "status", "--cases", self.file)
        self.assertEqual((run.code, "explain HOST" in run.err), (USAGE, True), run)
        run = Run("guard", "explain", HOST, "--cases", self.file)
        self.assertEqual((run.code, "No such file" in run.err), (NOTHING, True), run)
        self.assertFalse(self.file.exists())


if __name__ == "__main__":
    unittest.main()
