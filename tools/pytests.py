#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/pytests.py [-j N] FILE...: runs unittest files, N at a time, each in a process of its own.

Each case is one line, `ok NAME`, `FAILED NAME` and why, or `skipped NAME: reason`; the last line is
`N passed, N failed, N skipped`. A case counts once, however many of its subtests fail. A file that dies or
holds no case is a failure. Exit code 1 when any failed."""
import argparse
import concurrent.futures
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.why = []
        self.reasons = []
        self.begun = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.why, self.reasons, self.begun = [], [], time.monotonic()

    def addError(self, test, err):
        super().addError(test, err)
        self.why.append(self.errors[-1][1])
        if not isinstance(test, unittest.TestCase):  # setUpClass, a module that can't be loaded
            self.tell("failed", str(test), 0.0)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.why.append(self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            where = self.failures if issubclass(err[0], test.failureException) else self.errors
            self.why.append(f"{subtest._subDescription()}\n{where[-1][1]}")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.why.append("it was expected to fail\n")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.reasons.append(reason)
        if not isinstance(test, unittest.TestCase):  # a skipped setUpClass
            self.tell("skipped", str(test), 0.0)

    def stopTest(self, test):
        seconds = time.monotonic() - self.begun
        super().stopTest(test)
        name = f"{type(test).__name__}.{test._testMethodName}"
        if not self.why and self.reasons:
            self.tell("skipped", name, seconds)
        else:
            self.tell("failed" if self.why else "passed", name, seconds)

    def tell(self, what, name, seconds):
        self.counts[what] += 1
        if what == "failed":
            print(f"FAILED {name} ({seconds:.1f} s)\n" + "\n".join(self.why), flush=True)
        elif what == "skipped":
            print(f"skipped {name}: {'; '.join(sorted(set(self.reasons)))}", flush=True)
        else:
            print(f"ok {name} ({seconds:.1f} s)", flush=True)
        self.why, self.reasons = [], []


def run_here(path):
    path = pathlib.Path(path).resolve()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    result = Result()
    unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
    print(json.dumps(result.counts), flush=True)


def run_apart(path):
    done = subprocess.run([sys.executable, os.path.abspath(__file__), "--here", path], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    *lines, last = done.stdout.splitlines() or [""]
    try:
        counts = json.loads(last)
    except ValueError:
        return [*lines, last, f"FAILED {path}: it died (exit code {done.returncode})"], {"failed": 1}
    if sum(counts.values()) == 0:
        return [*lines, f"FAILED {path}: it holds no test"], {"failed": 1}
    return lines, counts


def main():
    parser = argparse.ArgumentParser(description="run unittest files and count what happened")
    parser.add_argument("-j", type=int, default=1, help="files at a time")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("file", nargs="+")
    args = parser.parse_args()
    if args.here:
        return run_here(args.file[0])
    total = {"passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(args.j, 1)) as pool:
        for lines, counts in pool.map(run_apart, args.file):
            print("\n".join(lines), flush=True)
            for key, value in counts.items():
                total[key] += value
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**total))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
