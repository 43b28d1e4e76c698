# SPDX-License-Identifier: Apache-2.0
"""A month of fifty hosts, as fast as it can be read: nothing grows that does not stop growing."""
import random
import time
import unittest
from pathlib import Path

import zeeklogs
from support import DONE, POSTERN, Case
from test_watch import Watch

# A sanitizer tells at the end what was lost; but its own memory hides what is only kept, and it is slow.
SANITIZED = b"__asan_init" in POSTERN.read_bytes()
HOSTS, DAYS, DAY, ROUNDS = 50, 8 if SANITIZED else 30, 86400, 48
SETTLED = 4          # days: a fallback reaches back three (docs/DETECTION.md)
GROWTH = 2_000_000   # bytes, from then on: five in a hundred of the 40 MB that are in use then


def dead_list(at, host, day):
    """What zeeklogs.ladder() is, with servers of the day's own."""
    servers = [f"203.{n}.{day}.{10 + host}" for n in range(5)]
    return [zeeklogs.conn(at + 0.204 * i, 900000 + i, f"10.0.0.{5 + host}", 50000 + i, server, 8080, "SF" if i == 4 else "REJ", 0.2)
            for i, server in enumerate(servers)], servers[-1]


def day_of(day, chance):
    """Rows in order, and where the day's fallback ended: each host has its ten servers, and every fifth time it goes to one of a
    thousand others."""
    start, rows = zeeklogs.START + day * DAY, []
    for turn in range(ROUNDS):
        for host in range(HOSTS):
            number = (day * ROUNDS + turn) * HOSTS + host
            server = f"198.51.{100 + host}.{1 + turn % 10}" if turn % 5 else f"60.{chance.randrange(1000) // 250}.{chance.randrange(250)}.9"
            state = "REJ" if chance.random() < 0.01 else "SF"
            rows.append(zeeklogs.conn(start + turn * (DAY - 600) / ROUNDS + host, number, f"10.0.0.{5 + host}", 1024 + number % 60000, server, 443, state, 2.0))
    ladder, end = dead_list(start + DAY - 500, day % HOSTS, day)
    return rows + ladder, end


def memory(pid):
    """Bytes that the process has asked for. Those in use (RSS) grow until all of its tables, of fixed size, were touched once."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmData:")[2].split()[0]) * 1024


class Months(Case):
    def test_a_month_leaks_nothing(self):
        log, state = self.folder / "conn.log", self.folder / "state"
        log.write_text(zeeklogs.head())
        watch = Watch("--state", state, "--limit-memory", "64M", log)
        chance, taken, files = random.Random(1), [], []
        for day in range(DAYS):
            rows, end = day_of(day, chance)
            with log.open("a", encoding="utf-8") as file:
                file.write("".join(rows))
            watch.wait(lambda line, end=end: any(c["endpoint"] == end for c in line["channels"]))  # on the last day as on the first
            if day % 10 == 9:
                time.sleep(1.5)  # it stores once a second, and only then lets go what is old
            taken.append(memory(watch.child.pid))
            files.append(sum(path.stat().st_size for path in self.folder.glob("state*")))
        watch.end()
        self.assertEqual(watch.child.returncode, DONE, watch.errors)
        if SANITIZED:
            return
        print("# MB by day:", " ".join(f"{each / 1e6:.1f}" for each in taken))
        print("# kB kept in files by day:", " ".join(f"{each / 1e3:.0f}" for each in files))
        self.assertLess(taken[-1] - taken[SETTLED], GROWTH)
        # what is older than three days goes
        self.assertTrue(any(now < before for before, now in zip(files, files[1:])), files)


if __name__ == "__main__":
    unittest.main()
