#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/procedures.py [--markdown] [--seed N] [NAME...]: which procedures of tests/scenario/attack/ are found.

One line each: `found` (E within the line), `weak` (a finding of its servers over the line), `explained` (told as
benign) or `missed`; then what was told. A finding counts when it is of a host of the scenario and names one of
the scenario's own servers. `also` counts reported findings that do not. Informative: nothing is asserted here."""
import argparse
import pathlib
import sys

from support import E_MAX, NOTHING, SCENARIOS, Run, endpoint, names, scenario_bytes

ORDER = ["found", "weak", "explained", "missed"]


def own(name):
    """(addresses and names of the scenario's servers, addresses of its hosts), from its text."""
    servers, hosts, block = set(), set(), ""
    for line in (SCENARIOS / f"{name}.scn").read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if not line.startswith(" "):
            block = words[0]
        elif block in ("server", "host") and words[0] in ("address", "address6", "name", "domain"):
            (servers if block == "server" else hosts).update(words[1:])
    return servers, hosts


def involves(finding, servers, hosts):
    if finding["host"] not in hosts:
        return False
    for channel in finding["channels"]:
        mine = {channel["endpoint"], *channel["addresses"], *channel["names"]}
        if mine & servers or any(server.endswith(f".{channel['endpoint']}") for server in servers):
            return True
    return False


def judge(name, seed=None, case=None):
    """(verdict, finding or None, number of other reported findings). case: a support.Case that checks the output."""
    run = Run("hunt", "--json", "--all", "-", stdin=scenario_bytes(name, seed=seed))
    if case is not None:
        case.assertNotEqual(run.code, NOTHING, run)
        findings, _ = case.checked(run, everything=True)
    else:
        findings = [line for line in run.lines() if line["type"] == "finding"]
    servers, hosts = own(name)
    best, others = ("missed", None), 0
    for finding in findings:
        reported = finding["e_value"] <= E_MAX and finding["explained"] is None
        if not involves(finding, servers, hosts):
            others += reported
            continue
        verdict = "found" if reported else "explained" if finding["explained"] else "weak"
        if ORDER.index(verdict) < ORDER.index(best[0]):
            best = verdict, finding
    return *best, others


def summary_of(finding):
    if finding is None:
        return "", "", ""
    way = [endpoint(channel) for channel in finding["channels"]]
    if len(way) > 3:
        way = [way[0], f"{len(way) - 2} more", way[-1]]
    told = " > ".join(way)
    if finding["explained"]:
        told = f"{finding['explained']}: {told}"
    return finding["kind"], f"{finding['e_value']:.2g}", told



def main():
    parser = argparse.ArgumentParser(description="which procedures are found")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--seed", type=int, help="instead of each scenario's own")
    parser.add_argument("name", nargs="*", help="beginning of a scenario's name: S0266, rotation")
    args = parser.parse_args()
    chosen = [name for name in names("attack/*.scn")
              if not args.name or any(pathlib.Path(name).name.startswith(word) for word in args.name)]
    counts = dict.fromkeys(ORDER, 0)
    form = "| {:28} | {:9} | {:9} | {:>8} | {:>4} | {} |" if args.markdown else "{:28} {:9} {:9} {:>8} {:>4}  {}"
    print(form.format("procedure", "verdict", "kind", "E", "also", "channels"))
    if args.markdown:
        print("| --- | --- | --- | --- | --- | --- |")
    for name in chosen:
        verdict, finding, others = judge(name, args.seed)
        counts[verdict] += 1
        kind, value, told = summary_of(finding)
        print(form.format(pathlib.Path(name).name, verdict, kind, value, others or "", told).rstrip())
    print("\n" * args.markdown + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + f" of {len(chosen)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
