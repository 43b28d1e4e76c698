# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: the binary, the scenarios' captures, what a hunt must always keep."""
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

try:
    import jsonschema
except ImportError:  # the Python on PATH may not be Debian's
    raise SystemExit(f"{sys.executable} has no jsonschema: run the tests by /usr/bin/python3, after tools/packages test")

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCENARIOS = ROOT / "tests/scenario"
SCHEMA = json.loads((ROOT / "tests/schema/finding.schema.json").read_text())
DATA = pathlib.Path(os.environ.get("POSTERN_DATA", ROOT.parent / "shared/data"))
E_MAX = 0.1
RUN_SECONDS = 120
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
SUMMARY = {"type", "inputs", "records", "rejected", "hosts", "host_days", "connections", "findings", "explained", "seconds", "partial", "off",
           "calibration"}
DONE, FINDINGS, USAGE, NOTHING, PARTIAL = range(5)
SANITIZER_EXIT = 99

sys.path.insert(0, str(SCENARIOS))
sys.dont_write_bytecode = True
import scenario  # noqa: E402


def binary():
    given = os.environ.get("POSTERN")
    path = pathlib.Path(given).resolve() if given else ROOT / "build/postern"
    if not os.access(path, os.X_OK):
        raise SystemExit(f"{path}: not there: build it (./demo does) or name another in POSTERN")
    return path


POSTERN = binary()
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
               "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:abort_on_error=0:allocator_may_return_null=1",
               "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:exitcode={SANITIZER_EXIT}"}


def parsed(line):
    """A JSON text, in which no object has a name twice: parsers would differ in what they take (RFC 8259, section 4)."""
    def unique(pairs):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), f"twice in one object: {names}"
        return dict(pairs)
    return json.loads(line, object_pairs_hook=unique)


class Run:
    """One run of the binary: exit code, bytes on stdout, text on stderr."""

    def __init__(self, *args, stdin=b"", timeout=RUN_SECONDS, prefix=(), program=POSTERN):
        self.args = [str(arg) for arg in args]
        done = subprocess.run([*prefix, program, *self.args], input=stdin, capture_output=True, timeout=timeout,
                              env=ENVIRONMENT, check=False)
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr.decode(errors="replace")
        words = "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "CHECK failed"
        if self.code == SANITIZER_EXIT or self.code < 0 or any(word in self.err for word in words):
            raise AssertionError(f"postern {' '.join(self.args)}: exit code {self.code}\n{self.err[-4000:]}")

    def lines(self):
        """The JSON Lines on stdout."""
        return [parsed(line) for line in self.out.decode().splitlines()]

    def __str__(self):
        return f"postern {' '.join(self.args)}: exit code {self.code}\n{self.err}"


class Case(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="postern-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)

    def path(self, name, data):
        """Writes a file of this test; returns its path."""
        path = self.folder / f"{self._testMethodName}-{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def valid(self, finding):
        jsonschema.Draft202012Validator(SCHEMA).validate(finding)
        times = [finding["first"], finding["last"]]
        times += [channel[key] for channel in finding["channels"] for key in ("first", "last")]
        times += [switch["at"] for switch in finding["switches"]]
        for when in times:
            self.assertRegex(when, TIME)
        self.assertLessEqual(finding["first"], finding["last"])
        for switch in finding["switches"]:
            self.assertLess(max(switch["from"], switch["to"]), len(finding["channels"]))

    def hunt(self, *inputs, options=(), stdin=b"", codes=(DONE,)):
        """Hunts with --json; returns (findings, summary) after what must hold of any output."""
        run = Run("hunt", "--json", *options, *inputs, stdin=stdin)
        self.assertIn(run.code, codes, run)
        return self.checked(run, "--all" in options)

    def checked(self, run, everything=False):
        *findings, summary = run.lines()
        self.assertEqual(summary["type"], "summary")
        self.assertLessEqual(SUMMARY, summary.keys())
        for finding in findings:
            self.valid(finding)
            if not everything:
                self.assertIsNone(finding["explained"])
        values = [finding["e_value"] for finding in findings]
        self.assertEqual(values, sorted(values))
        self.assertEqual(len({finding["id"] for finding in findings}), len(findings))
        if not everything:
            self.assertEqual(summary["findings"], len(findings))
        else:
            self.assertEqual(summary["explained"], sum(finding["explained"] is not None for finding in findings))
        return findings, summary


@functools.lru_cache(maxsize=None)
def scenario_bytes(name, form="pcap", seed=None, start=None, told=str):
    """The capture of tests/scenario/NAME.scn; told: what makes another scenario of its text."""
    import io
    file = io.BytesIO()
    scenario.write(told((SCENARIOS / f"{name}.scn").read_text(encoding="utf-8")), file, form, seed, start)
    return file.getvalue()


def names(pattern):
    return sorted(str(path.relative_to(SCENARIOS))[:-4] for path in SCENARIOS.glob(pattern))


def endpoint(channel):
    return channel["endpoint"] if channel["port"] is None else f"{channel['endpoint']}:{channel['port']}"
