#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `postern guard --respond contain` does to each shape of falling back, beside honest software that the policy names.

Times and ways are of what truly happened (measure.py), not of what the guard says. The machine may be slow: that is why a
share of honest connections may fail, but none may be shut. docs/LAB.md, "Measuring a guard"."""
import argparse
import os
import pathlib
import statistics
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]
sys.path.append(str(HERE.parent / "e2e"))
import measure  # noqa: E402
import repertoire  # noqa: E402
import world  # noqa: E402
from support import POSTERN, Case  # noqa: E402

SECONDS = 30.0
JOBS = 12
KILLED = "14,26"  # seconds of the guard, that begins 6 s early: before the first channel dies, and after the second was cut
WHY_NOT = world.why_not()
GUARD = (f"{POSTERN} guard -i {{lan}} --policy {{policy}} --respond contain --strangers 1 --enforce --local 192.0.2.0/24 --json "
         "--trail {folder}/trail.jsonl --rpz {rpz} --rpz-reload '{reload}'")


class Measured(Case):
    def rows(self, command, seed):
        """One for each shape."""
        os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # the guard's seccomp filter does not let it look
        args = argparse.Namespace(seconds=SECONDS, period=None, dies_at=None, settle=6.0)
        return measure.play_all([(name, command) for name in repertoire.SHAPES], self.folder, args, seed, JOBS)

    def check_rows(self, rows):
        for row in rows:
            with self.subTest(row["shape"]):
                self.assertEqual(row["guard_exit"], 0, row["guard_said"])
                self.assertEqual(row["open_at_end"], [], row)
                self.assertGreater(row["ways"], 1)
                self.assertLessEqual(row["cut_after_s"], 3.0, row)
                self.assertGreater(row["honest"], 20, row)
                self.assertEqual(row["honest_shut"], [], row)
                self.assertLessEqual(row["honest_cut"], row["honest"] // 50, row["honest_cut_examples"])
        self.assertLess(statistics.median(row["cut_after_s"] for row in rows), 1.0, rows)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Cut(Measured):
    def test_every_shape_is_cut_in_time_and_nothing_honest(self):
        self.check_rows(self.rows(GUARD, 8))

    def test_also_when_the_analyst_half_is_killed_twice(self):
        killed = f"{HERE / 'killed.py'} {KILLED} {GUARD} --state {{folder}}/state --on-exit closed"
        self.check_rows(self.rows(killed, 31))


if __name__ == "__main__":
    unittest.main()
