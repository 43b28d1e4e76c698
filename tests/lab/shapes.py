#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/lab/shapes.py [--seconds N] [--seed N] [-j N] [--json F] [SHAPE|PROCEDURE...]: plays shapes and says what is found of them.

Each is played once in a network of its own, watched live at the gateway by `postern watch -i`, and its capture is
hunted twice: as it was played, and with its seconds drawn apart to minutes (the lab's times are scaled down; the
detectors' are not). POSTERN names the binary. Informative: what must hold is in test_shapes.py."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "e2e"))
import outcome  # noqa: E402
import repertoire  # noqa: E402
import world  # noqa: E402
from support import ENVIRONMENT, POSTERN, Run  # noqa: E402

LOCAL = "192.0.2.0/24"


class Played:
    """One run of the lab, and what was found of it."""

    def __init__(self, name, folder, seconds, seed, period=None):
        self.name = name
        stem = pathlib.Path(folder) / name.split(" ")[0]
        self.pcap, truth, live = f"{stem}.pcap", f"{stem}.truth", f"{stem}.live"
        watch = f"{POSTERN} watch -i {{lan}} --json --all --local {LOCAL}"
        words = [sys.executable, HERE / "lab.py", "run", "--shape", name.split(" ")[0], "--seconds", seconds, "--seed", seed,
                 *(["--period", period] if period else []), "--pcap", self.pcap, "--truth", truth, "--live", live, "--watch", watch]
        done = subprocess.run(list(map(str, words)), capture_output=True, timeout=seconds + 120, check=False,
                              env={**ENVIRONMENT, "PATH": os.environ["PATH"]})
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr.decode()[-2000:]}")
        self.facts = json.loads(done.stdout)
        self.watch_said = pathlib.Path(f"{live}.err").read_text()
        self.truth = outcome.Truth(truth)
        self.live = outcome.sightings(live)
        self.run = Run("hunt", "--json", "--all", "--local", LOCAL, self.pcap)
        outcome.stretch(self.pcap, f"{stem}.natural.pcap")
        self.natural = Run("hunt", "--json", "--all", "--local", LOCAL, f"{stem}.natural.pcap")

    def verdicts(self):
        """What each of the three ways of looking says: name -> (verdict, finding, others)."""
        found = {"live": outcome.judge(self.truth, outcome.standing(self.live))}
        for way, run in (("played", self.run), ("natural", self.natural)):
            found[way] = outcome.judge(self.truth, [line for line in run.lines() if line["type"] == "finding"])
        return found

    def row(self):
        found = self.verdicts()
        seen = outcome.first_sight(self.truth, self.live)
        row = {"shape": self.name, "seen_after_s": None if seen is None else round(seen, 2)}
        for way, (verdict, finding, others) in found.items():
            row[way] = verdict
            row[f"{way}_kind"] = finding and (finding["explained"] or finding["kind"])
            row[f"{way}_e"] = finding and finding["e_value"]
            row[f"{way}_others"] = [(other["host"], other["e_value"]) for other in others]
        row["withdrawn_others"] = sum(1 for _, finding in self.live
                                      if finding["status"] == "provisional" and outcome.reported(finding)
                                      and not self.truth.involves(finding))
        return row


def play_all(names, folder, seconds, seed, jobs, period=None):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda each: Played(each[1], folder, seconds, seed + each[0], period), enumerate(names)))


def said(row, way):
    if row[way] == "missed":
        return "missed"
    return f"{row[way]} ({row[way + '_kind']}, {row[way + '_e']:.2g})"


def table(rows):
    yield "| shape | live | seen after | hunt, as played | hunt, natural time | honest hosts: live, played, natural |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in rows:
        seen = "" if row["seen_after_s"] is None else f"{row['seen_after_s']:.1f} s"
        others = ", ".join(str(len(row[f"{way}_others"])) for way in ("live", "played", "natural"))
        yield f"| {row['shape']} | {said(row, 'live')} | {seen} | {said(row, 'played')} | {said(row, 'natural')} | {others} |"


def main():
    parser = argparse.ArgumentParser(description="which shapes are found in the lab")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--period", type=float, help="seconds from contact to contact, instead of each shape's own")
    parser.add_argument("-j", type=int, default=6, help="labs at a time")
    parser.add_argument("--json", help="the rows, with all numbers")
    parser.add_argument("--procedures", action="store_true", help="all 53 procedures instead of the shapes")
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    if (reason := world.why_not()) is not None:
        raise SystemExit(f"shapes: {reason}")
    names = args.name or list(repertoire.PROCEDURES if args.procedures else repertoire.SHAPES)
    with tempfile.TemporaryDirectory(prefix="postern-lab-") as folder:
        rows = [played.row() for played in play_all(names, folder, args.seconds, args.seed, args.j, args.period)]
    print("\n".join(table(rows)))
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
