# SPDX-License-Identifier: Apache-2.0
"""The power goes at any moment: what postern guard has told is in its files, and what it has done is in its trail."""
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import struct
import time
import unittest
from pathlib import Path

import gateway
import power
from gateway import BLOCK, HOST, SERVERS, Guard, Names, Net
from receivers import wait_for
from support import DONE, Case, Run

NAMES = 24
SEED = 20261127


def bare(line):
    # a change's time is that of its being written, once in the file and once in the line
    return json.dumps({k: v for k, v in line.items() if k != "time"}, sort_keys=True)


def lines(data):
    """JSON of whole lines; the last may be cut."""
    return [json.loads(line) for line in data.decode().split("\n")[:-1]]


def rows(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path
        return [json.loads(text) for text, in db.execute("SELECT text FROM told ORDER BY ordinal")]


@gateway.NEEDS
@unittest.skipUnless(shutil.which("strace"), "needs strace")
class TestPower(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.net = Net()
        cls.addClassCleanup(cls.net.close)
        cls.files, trace = cls.folder / "files", cls.folder / "strace"
        cls.files.mkdir()
        names = Names(cls.net, SERVERS[0], {f"n{n}.example": f"198.18.100.{n + 1}" for n in range(NAMES)})
        bad = cls.folder / "bad"
        bad.write_text("".join(f"n{n}.example\n" for n in range(NAMES)))
        guard = Guard(cls.net, "--enforce", "--trail", cls.files / "trail", "--cases", cls.files / "cases", "--block-known", "--intel", bad,
                      "--never-block", "198.18.100.3", before=power.strace(trace))
        wait_for(lambda: (cls.files / "cases").exists() and (cls.files / "cases").stat().st_size > 0, 30)
        time.sleep(2)
        for n in range(NAMES):
            names.ask(f"n{n}.example")
        guard.change("made", f"198.18.100.{NAMES}")
        strace = guard.process.pid
        traced, = Path(f"/proc/{strace}/task/{strace}/children").read_text().split()
        os.kill(int(traced), signal.SIGKILL)  # who kills strace lets it go on
        assert guard.process.wait(20) != DONE
        guard.thread.join(10)
        cls.calls = list(power.calls(trace))

    def moments(self, heeds=True):
        """After each call that changed something: the disk, what was told on standard output, how many blocks were ordered."""
        disk, told, blocks = power.Disk(self.files, heeds), b"", 0
        for call in self.calls:
            changed = disk.take(call)
            if call.name == "write" and call.fd == 1:
                told += call.data[:call.ret]
            elif call.name == "sendto" and call.ret == 104:
                blocks += struct.unpack("=II", call.data[:8])[1] == BLOCK
            elif not changed:
                continue
            yield disk, told, blocks

    def left(self, disk, kept, chance):
        to = self.folder / "left"
        shutil.rmtree(to, ignore_errors=True)
        disk.crash(to, kept, chance)
        return to

    def missing(self, left, told, blocks, binary=False):
        """What was told and is not in the file; how many blocks were ordered that no trail knows."""
        kept = []
        if not (left / "cases").exists():
            pass
        elif binary:
            run = Run("guard", "explain", HOST, "--cases", left / "cases", "--json")
            # a file that was just begun is refused, and has nothing in it that was told
            if run.code == DONE or told:
                self.assertEqual(run.code, DONE, run)
                kept = run.lines()
        else:
            with contextlib.suppress(sqlite3.OperationalError if not told else ()):
                kept = rows(left / "cases")
        have = set(map(bare, kept))
        trail = lines((left / "trail").read_bytes()) if (left / "trail").exists() else []
        made = [line for line in trail if line["act"] == "made"]
        acted = {bare(line) for line in trail}
        lost = [line for line in lines(told) if bare(line) not in have or (line["type"] == "change" and bare(line) not in acted)]
        return lost, max(0, blocks - len(made))

    def test_nothing_that_was_told_is_lost(self):
        chance, tried, most = random.Random(SEED), 0, 0
        for disk, told, blocks in self.moments():
            for kept in ("nothing", "all", "some", "some", "torn"):
                left = self.left(disk, kept, chance)
                self.assertEqual(self.missing(left, told, blocks), ([], 0), (kept, tried))
                tried += 1
            most = max(most, len(lines(told)))
        print(f"# {tried} disks, of {len(self.calls)} calls; {most} lines told, {blocks} blocks ordered")
        self.assertGreater(most, NAMES)
        self.assertGreaterEqual(blocks, 2 * (NAMES - 1))
        self.assertGreater(tried, 500)

    def test_by_the_program_itself(self):
        chance = random.Random(SEED + 1)
        count = sum(1 for _ in self.moments())
        wanted, tried = set(chance.sample(range(count), 12)) | {count - 1}, 0
        for n, (disk, told, blocks) in enumerate(self.moments()):
            if n in wanted:
                for kept in "nothing", "some", "torn":
                    self.assertEqual(self.missing(self.left(disk, kept, chance), told, blocks, binary=True), ([], 0), (kept, n))
                    tried += 1
        # and a guard goes on with what is left of the last
        made = sum(line["type"] == "change" and line["act"] == "made" for line in lines(told))
        left = self.left(disk, "nothing", chance)
        guard = Guard(self.net, "--enforce", "--trail", left / "trail", "--cases", left / "cases")
        wait_for(lambda: "changes of an earlier run are in force" in guard.words(), 20)
        self.assertGreaterEqual(int(guard.words().split(" changes of an earlier run")[0].split()[-1]), made)
        wait_for(lambda: f"{HOST} . 198.18.100.{NAMES} . udp" in self.net.ruleset(), 20)  # and they are
        self.assertEqual(guard.end(), DONE, guard.words())
        self.assertEqual(self.missing(left, told, blocks, binary=True), ([], 0))

    def test_that_a_disk_that_syncs_nothing_loses(self):
        """What the tests above see is the syncs' work."""
        for disk, told, blocks in self.moments(heeds=False):
            pass
        lost, unknown = self.missing(self.left(disk, "nothing", random.Random(SEED)), told, blocks)
        self.assertEqual((len(lost), unknown), (len(lines(told)), blocks))
        self.assertGreater(blocks, 0)


if __name__ == "__main__":
    unittest.main()
