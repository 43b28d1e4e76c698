# SPDX-License-Identifier: Apache-2.0
"""Real captures, many of them made or found to break parsers: no sanitizer speaks, no run hangs, all output is valid.

Each file of ../shared/data/{hostile,malware,benign} (or POSTERN_DATA) is hunted by itself. Meant for the sanitizer build."""
import concurrent.futures
import os
import subprocess
import unittest

from support import DATA, DONE, NOTHING, PARTIAL, Case, Run

SECONDS_EACH = 60  # under a sanitizer, on a busy machine
WORKERS = os.cpu_count() or 2
FOLDERS = sorted({path.parent for top in ("hostile", "malware", "benign") for path in (DATA / top).rglob("*") if path.is_file()})


class Hostile(Case):
    def look(self, path):
        """What is wrong with the hunt of a file, or None."""
        try:
            # small tables: a sanitizer marks every byte of them at each start
            run = Run("hunt", "--json", "--all", "--limit-memory", "64M", path, timeout=SECONDS_EACH)
            if run.code not in (DONE, NOTHING, PARTIAL):
                return f"{path}: {run}"
            _, summary = self.checked(run, everything=True)
            if run.code == NOTHING and str(path) not in run.err and not summary["off"]:
                return f"{path}: read nothing and does not say why: {run}"
        except subprocess.TimeoutExpired:
            return f"{path}: over {SECONDS_EACH} s"
        except Exception as error:  # whatever it is, the file belongs to it
            return f"{path}: {type(error).__name__}: {str(error)[-1500:]}"
        return None

    def sweep(self, folder):
        paths = sorted(path for path in folder.iterdir() if path.is_file())
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            bad = [words for words in pool.map(self.look, paths) if words]
        self.assertEqual(bad, [], f"{len(bad)} of {len(paths)} files")

    @unittest.skipUnless(DATA.is_dir(), f"{DATA} is not there: real captures are not tried")
    def test_there_is_data(self):
        self.assertTrue(FOLDERS)

    @unittest.skipUnless(DATA.is_dir(), f"{DATA} is not there: real captures are not tried")
    def test_page_and_text(self):
        """The other formats, over all files of one folder at once."""
        run = Run("hunt", "--all", "--verbose", "--report", self.folder / "page.html", DATA / "malware", timeout=300)
        self.assertIn(run.code, (DONE, PARTIAL), run)
        self.assertNotIn(b"\x1b", run.out)
        self.assertTrue((self.folder / "page.html").read_text(encoding="utf-8").rstrip().endswith("</html>"))


def sweep_of(folder):
    return lambda self: self.sweep(folder)


for data_folder in FOLDERS:
    word = str(data_folder.relative_to(DATA)).replace("/", "_").replace("-", "_")
    setattr(Hostile, f"test_{word}", sweep_of(data_folder))

if __name__ == "__main__":
    unittest.main()
