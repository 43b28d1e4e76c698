#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/lab/measure.py --guard CMD [--seconds N] [--period S] [--dies-at SHARE] [--seed N] [-j N] [--json F] [SHAPE|PROCEDURE...]

What a guard does to each shape: CMD runs in the gateway's namespace, with {lan} (the clients' interface), {folder} (an
empty folder of the lab's), {policy} (a policy that names what the lab's honest software needs), {rpz} (the zone file that
the lab's resolver honours) and {reload} (the command that makes it do so) put in. For example

    tests/lab/measure.py --guard 'build/postern guard -i {lan} --policy {policy} --respond contain --enforce --trail {folder}/trail.jsonl'

Measured from what truly happened: seconds from the fallback's first packet to its last answered contact (0: none was
answered; `-`: it never tried), how many ways are open at the end when each is asked once, honest connections that failed and should not have, and what the same
shape reaches without a guard. Without a guard to run it says so and ends with 0. --none measures no guard at all."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
import benign  # noqa: E402
import outcome  # noqa: E402
import repertoire  # noqa: E402
import services  # noqa: E402
import world  # noqa: E402

POLICY = """version: 1
zones:
  clients: {{networks: [192.0.2.0/24]}}
services:
  dns: {{protocol: [udp, tcp], ports: 53}}
  time: {{protocol: udp, ports: 123}}
  web: {{protocol: tcp, ports: [80, 443]}}
  vpn: {{protocol: udp, ports: 1194}}
destinations:
  resolver: {{networks: [{resolver}]}}
  known: {{networks: [{known}]}}
never-block: {{networks: [{resolver}]}}
rules:
  - {{id: names, owner: lab, why: names, from: clients, to: resolver, service: dns, action: allow}}
  - {{id: clock, owner: lab, why: time, from: clients, to: known, service: time, action: allow}}
  - {{id: web, owner: lab, why: work, from: clients, to: known, service: web, action: allow}}
  - {{id: vpn, owner: lab, why: work, from: clients, to: known, service: vpn, action: allow}}
"""


def policy():
    return POLICY.format(resolver=world.RESOLVER, known=", ".join(sorted({*benign.NAMES.values(), *services.TIME_SERVERS})))


def missing(command):
    """Why the guard can't be run, or None."""
    program = shlex.split(command)[0]
    path = shutil.which(program) or (program if os.access(program, os.X_OK) else None)
    if path is None:
        return f"{program}: not there"
    if os.path.basename(program) == "postern":
        done = subprocess.run([path, "help", "guard"], capture_output=True, check=False)
        if done.returncode != 0:
            return f"{program} has no guard: {done.stderr.decode().strip()[:200]}"
    return None


def absolute(command):
    words = shlex.split(command)
    return shlex.join([shutil.which(words[0]) or os.path.abspath(words[0]), *words[1:]])


def play(name, folder, command, args, seed):
    stem = pathlib.Path(folder) / f"{name.split(' ')[0]}-{seed}"  # the same may be played more than once
    words = [sys.executable, HERE / "lab.py", "run", "--shape", name.split(" ")[0], "--seconds", args.seconds, "--seed", seed,
             "--truth", f"{stem}.truth", "--live", f"{stem}.live", "--roll-call", "--pcap", f"{stem}.pcap"]
    for option in "period", "dies_at":
        if getattr(args, option):
            words += [f"--{option.replace('_', '-')}", getattr(args, option)]
    if command:
        words += ["--watch", command.replace("{policy}", f"{folder}/policy.yaml"), "--settle", args.settle]
    done = subprocess.run(list(map(str, words)), capture_output=True, timeout=args.seconds + 180, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.decode()[-2000:]}")
    return row(name, outcome.Truth(f"{stem}.truth"), json.loads(done.stdout), pathlib.Path(f"{stem}.live.err"))


def play_all(plays, folder, args, seed, jobs):
    """A row for each (shape, command) in turn, so many at a time."""
    pathlib.Path(folder, "policy.yaml").write_text(policy())
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda each: play(each[1][0], folder, each[1][1], args, seed + each[0]), enumerate(plays)))


def experiments(live, suspect, began):
    """How a guard's experiments (--json) stand, of the stand-in's host (and how long after its fallback's first packet the first
    of them came how far) and of honest ones; and what was shut that is honest: of other hosts, or to whom the policy names."""
    last, first, steps, shut, named = {}, None, {}, [], {*benign.NAMES.values(), *services.TIME_SERVERS, world.RESOLVER}
    for line in outcome.lines(live) if live.exists() else []:
        try:
            one = json.loads(line["line"])
        except ValueError:
            continue
        if one.get("type") == "experiment":
            last[(one["host"], one["experiment"])] = one["verdict"]
            if one["host"] == suspect and began is not None:
                first = first or one["experiment"]
                steps |= {one["act"]: round(line["t"] - began, 1)} if one["experiment"] == first else {}
        if one.get("type") == "change" and one["act"] == "made" and (one["host"] != suspect or one.get("peer") in named):
            shut.append(f"{one['action']} {one['host']} {one.get('peer', one.get('name', ''))}")
    return {"suspect": sorted(verdict for (host, _), verdict in last.items() if host == suspect),
            "honest": sorted(verdict for (host, _), verdict in last.items() if host != suspect), "shut": shut, "after_s": steps}


def row(name, truth, facts, said):
    began = truth.fallback_began()
    answered = [line["t"] for line in truth.contacts("fallback") if line["bytes"] > 0]
    told, wrong = truth.honest()
    calls = [line for line in truth.implant if line["what"] == "roll-call"]
    asked = experiments(said.with_suffix(""), truth.host, began)
    return {
        "shape": name,
        "cut_after_s": None if began is None else round(max(answered, default=began) - began, 3),
        "ran_on_s": None if began is None else round(truth.implant[-1]["t"] - began, 3),
        "open_at_end": sorted({line["way"] for line in calls if line["outcome"] == "ok"}),
        "ways": len({line["way"] for line in calls}),
        "honest": len(told), "honest_cut": len(wrong),
        "honest_cut_examples": [{"way": line["way"], "host": line["host"], "outcome": line["outcome"]} for line in wrong[:5]],
        "honest_shut": asked.pop("shut"), "experiments": asked,
        "guard_exit": facts["live_exit"],
        "guard_said": said.read_text(errors="replace")[-500:] if said.exists() else "",
    }


def table(rows):
    yield "| shape | cut after | of | open at the end | honest connections cut |"
    yield "| --- | --- | --- | --- | --- |"
    for one in rows:
        cut = "-" if one["cut_after_s"] is None else f"{one['cut_after_s']:.2f} s"
        span = "-" if one["ran_on_s"] is None else f"{one['ran_on_s']:.1f} s"
        yield f"| {one['shape']} | {cut} | {span} | {len(one['open_at_end'])} of {one['ways']} | {one['honest_cut']} of {one['honest']} |"
        if one["experiments"]["suspect"] or one["experiments"]["honest"]:
            steps = ", ".join(f"{act} {after} s" for act, after in one["experiments"]["after_s"].items())
            yield f"|   experiments | {', '.join(one['experiments']['suspect']) or '-'} | {steps} | honest: {', '.join(one['experiments']['honest']) or '-'} | |"
    times = [one["cut_after_s"] for one in rows if one["cut_after_s"] is not None]
    if times:
        yield (f"\nmedian {statistics.median(times):.2f} s, longest {max(times):.2f} s; "
               f"{sum(len(one['open_at_end']) for one in rows)} ways open at the end; "
               f"{sum(one['honest_cut'] for one in rows)} of {sum(one['honest'] for one in rows)} honest connections cut")


def main():
    parser = argparse.ArgumentParser(description="measure a guard in the lab")
    parser.add_argument("--guard", default="", help="the command; see above")
    parser.add_argument("--none", action="store_true", help="no guard: what the shapes reach by themselves")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--period", type=float, help="seconds from contact to contact, instead of each shape's own")
    parser.add_argument("--dies-at", type=float, help="share of the run after which the first way dies, instead of each shape's own")
    parser.add_argument("--settle", type=float, default=2.0, help="seconds that the guard has to begin")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("-j", type=int, default=4, help="labs at a time")
    parser.add_argument("--json", help="the rows, with all numbers")
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    reason = world.why_not()
    if reason is None and not args.none:
        reason = missing(args.guard) if args.guard else "no --guard was given"
    if reason is not None:
        print(f"skipped: {reason}")
        return 0
    names = args.name or list(repertoire.SHAPES)
    command = None if args.none else absolute(args.guard)
    with tempfile.TemporaryDirectory(prefix="postern-lab-") as folder:
        rows = play_all([(name, command) for name in names], folder, args, args.seed, args.j)
    print("\n".join(table(rows)))
    for one in rows:
        if one["guard_exit"] not in (None, 0, -15):  # -15: it does not handle SIGTERM
            print(f"{one['shape']}: the guard ended with {one['guard_exit']}: {one['guard_said']}", file=sys.stderr)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
