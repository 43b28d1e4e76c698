# SPDX-License-Identifier: Apache-2.0
"""What the tests of the formats share: the hand-made cases, our small schemas, and the schemas that others wrote."""
import json
import os
import pathlib
import subprocess
import sys

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent
SCHEMAS = HERE.parent / "schema"
DATA = pathlib.Path(os.environ.get("POSTERN_DATA", HERE.parent.parent.parent / "shared/data")) / "cloud"
CASES = ("emotet", "ladder", "hostile", "nothing", "all", "empty", "ruled", "poison", "shared")
SAMPLE = os.environ.get("REPORT_SAMPLE") or sys.exit("REPORT_SAMPLE names no tests/report/report-sample of a build")


def sample(*args):
    run = subprocess.run([SAMPLE, *map(str, args)], capture_output=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    return run.stdout.decode("utf-8")  # every format is UTF-8, whatever went in


def lines(*args):
    return [json.loads(line) for line in sample(*args).splitlines()]


def ours(name):
    """Our own schema of what must be there, with the formats (times, addresses) checked too."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def theirs(test, path):
    """A file of the collection of others' schemas; skips where that is missing."""
    full = DATA / path
    if not full.exists():
        test.skipTest(f"no {path}: POSTERN_DATA names no folder of public schemas")
    return full


def complaints(validator, document):
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validator.iter_errors(document)]
