# SPDX-License-Identifier: Apache-2.0
"""Every procedure of tests/scenario/attack/: its capture is hunted without harm and all that is told is valid.

Which of them are found: tests/e2e/procedures.py."""
import unittest

import procedures
from support import Case, names


class Procedures(Case):
    def test_all_are_hunted(self):
        chosen = names("attack/*.scn")
        self.assertGreater(len(chosen), 40)
        for name in chosen:
            with self.subTest(name):
                verdict, _, _ = procedures.judge(name, case=self)
                self.assertIn(verdict, procedures.ORDER)


if __name__ == "__main__":
    unittest.main()
