#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail if the tree holds what must not be in it, or lacks what must. Run by ./check (words).

- no path of one person's machine, no host of a package registry, in any tracked file;
- every parser (src/STAGE/NAME_fuzz.c) has inputs in tests/corpus/NAME and is registered; so is every NAME_test.c;
- no input folder without its parser;
- scripts and Python files say their licence (SPDX), and scripts can be run;
- C files are under 600 lines, and nothing tracked is over a megabyte."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOREIGN = re.compile(rb"(?<![\w.~*/-])/(?:root|work|farm|home/\w+|tmp/\w)/[\w.-]"
                     rb"|\b(?:deb|security|snapshot)\.debian\.org|registry\.npmjs\.|files\.pythonhosted\.|pypi\.org")
C_LINES_MAX = 600
FILE_BYTES_MAX = 1 << 20


def tracked():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return sorted({ROOT / name for name in names if name and (ROOT / name).is_file()})
    return sorted(path for path in ROOT.rglob("*") if path.is_file()  # a tarball
                  and not re.match(r"build|demo-out|\.git/", str(path.relative_to(ROOT))))


def words(files):
    for path in files:
        if path == pathlib.Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
            if found := FOREIGN.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: a path or host of one machine: {found[0].decode(errors='replace')}"


def registered(kind):
    """Names that the stages' meson.build add to `units` or `fuzzers`."""
    text = "\n".join(path.read_text() for path in sorted(ROOT.glob("src/*/meson.build")))
    names = {name for block in re.findall(rf"{kind} \+= \[(.*?)\]", text, re.S) for name in re.findall(r"'([^']+)'", block)}
    # these link more than the stages do, or less, so they list their own
    for own in ("cli", "enforcer") if kind == "units" else ():
        for block in re.findall(r"foreach unit : \[(.*?)\]", (ROOT / "src" / own / "meson.build").read_text()):
            names |= {f"{own}/{name}" for name in re.findall(r"'([^']+)'", block)}
    return names


def parsers(files):
    fuzzers, units = registered("fuzzers"), registered("units")
    for path in files:
        name = str(path.relative_to(ROOT))
        if found := re.fullmatch(r"src/(\w+/(\w+))_fuzz\.c", name):
            corpus = ROOT / "tests/corpus" / found[2]
            if not corpus.is_dir() or not any(corpus.iterdir()):
                yield f"{name}: no inputs in tests/corpus/{found[2]}"
            if found[1] not in fuzzers:
                yield f"{name}: not in `fuzzers` of its stage's meson.build"
        if (found := re.fullmatch(r"src/(\w+/\w+)_test\.c", name)) and found[1] not in units:
            yield f"{name}: not in `units` of its stage's meson.build"
    fuzzed = {name.split("/")[1] for name in fuzzers}
    for corpus in sorted((ROOT / "tests/corpus").iterdir()):
        if corpus.name not in fuzzed:
            yield f"tests/corpus/{corpus.name}: no parser replays it"


def manners(files):
    for path in files:
        name = str(path.relative_to(ROOT))
        data = path.read_bytes()
        if len(data) > FILE_BYTES_MAX:
            yield f"{name}: {len(data)} bytes: too large for the tree"
        if name.endswith((".c", ".h")) and data.count(b"\n") >= C_LINES_MAX:
            yield f"{name}: {data.count(b'%c' % 10)} lines: split it ({C_LINES_MAX} at most)"
        script = data.startswith(b"#!")
        if (script or name.endswith(".py")) and data and b"SPDX-License-Identifier: Apache-2.0" not in data[:200]:
            yield f"{name}: no SPDX line"
        if script and not name.endswith(".py") and not path.stat().st_mode & 0o100:
            yield f"{name}: a script that can't be run: chmod +x"


def main():
    files = tracked()
    bad = [*words(files), *parsers(files), *manners(files)]
    print("\n".join(bad) if bad else f"{len(files)} files")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
