#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `postern guard --respond probe` does: whoever has a fallback is confirmed by experiment, or is over his limit, and has
no way left; honest software that moved once is cleared, and what the policy names is never asked. docs/LAB.md, "Measuring a guard"."""
import argparse
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]
sys.path.append(str(HERE.parent / "e2e"))
import measure  # noqa: E402
import repertoire  # noqa: E402
import world  # noqa: E402
from support import POSTERN, Case  # noqa: E402

SECONDS = 420.0
PERIOD = 1.5
DIES_AT = 0.22  # so long the host is watched before; the rest is for blocks and shams
WHY_NOT = world.why_not()
GUARD = (f"{POSTERN} guard -i {{lan}} --policy {{policy}} --respond probe --slot 5 --enforce --local 192.0.2.0/24 --json "
         "--seed 8 --trail {folder}/trail.jsonl --rpz {rpz} --rpz-reload '{reload}'")
LIMITED = f"{GUARD} --strangers 1"
BY_COUNT = {"rotation", "handover", "split"}  # nothing fails: only the limit can know
CONFIRMED_LEAST = 6  # of nine; who is over his limit first is not asked
MOVED = 2


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Asked(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # the guard's seccomp filter does not let it look
        args = argparse.Namespace(seconds=SECONDS, period=PERIOD, dies_at=DIES_AT, settle=6.0)
        plays = [(name, LIMITED) for name in repertoire.SHAPES] + [("moved", GUARD)] * MOVED
        rows = measure.play_all(plays, cls.folder, args, 300, len(plays))
        cls.shapes, cls.moved = rows[:-MOVED], rows[-MOVED:]

    def test_no_shape_has_a_way_left(self):
        for row in self.shapes:
            with self.subTest(row["shape"]):
                self.assertEqual(row["guard_exit"], 0, row["guard_said"])
                self.assertEqual(row["open_at_end"], [], row)
                self.assertGreater(row["ways"], 1)

    def test_who_falls_back_is_confirmed(self):
        told = {row["shape"]: row["experiments"]["suspect"] for row in self.shapes}
        self.assertTrue({verdict for all_of in told.values() for verdict in all_of} <= {"confirmed"}, told)
        self.assertGreaterEqual(sum(told[name] == ["confirmed"] for name in told.keys() - BY_COUNT), CONFIRMED_LEAST, told)

    def test_who_only_moved_is_cleared(self):
        for row in self.moved:
            self.assertEqual(row["experiments"]["suspect"], ["cleared"], row)  # and it is not asked again for the finding
            self.assertEqual(len(row["open_at_end"]), 1, row)

    def test_nothing_honest_is_asked_or_shut(self):
        for row in self.shapes + self.moved:
            with self.subTest(row["shape"]):
                self.assertEqual(row["experiments"]["honest"], [], row)
                self.assertEqual(row["honest_shut"], [], row)
                self.assertGreater(row["honest"], 200, row)
                self.assertLessEqual(row["honest_cut"], row["honest"] // 50, row["honest_cut_examples"])


if __name__ == "__main__":
    unittest.main()
