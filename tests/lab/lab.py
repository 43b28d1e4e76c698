#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/lab/lab.py run --shape S|PROCEDURE [--seconds N] [--pcap F] [--truth F] [--live F --watch CMD] [--roll-call]
tests/lab/lab.py list

Makes a network of its own (docs/LAB.md), lets an inert stand-in fall back in the shape S while honest software works on
other hosts, and leaves the gateway's capture and a line for everything that truly happened. CMD runs in the gateway's
namespace all the time, {lan} in it is the clients'
interface, {folder} the lab's folder, {rpz} the resolver's zone of blocked names, {reload} what makes it read that; each line that it prints
goes into F with the time at which it came. Prints a JSON object of what was run. Root is needed; nothing is changed
outside, and nothing is left."""
import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import benign  # noqa: E402
import implant  # noqa: E402
import repertoire  # noqa: E402
import services  # noqa: E402
import world  # noqa: E402

CLIENTS = {name: f"192.0.2.{10 + n}" for n, name in enumerate(benign.HOSTS)}
SUSPECT = CLIENTS["suspect"]
SECONDS_MAX = 600
NAMES = {**benign.NAMES, **implant.NAMES, **implant.DEAD_DROPS, implant.DGA_LIVE: implant.DGA_ADDRESS}


def target(way):
    """What to kill for this way to die: (address, protocol, port)."""
    if way["kind"] == "dns":
        return services.TUNNEL_SINK, "udp", 53
    return NAMES.get(way["to"], way["to"]), "udp" if way["kind"] == "udp" else "tcp", way["port"]


def kill(here, way, how):
    address, protocol, port = target(way)
    here.kill(address, how, protocol, str(port))


class Live:
    """A program in the gateway's namespace, and when it said what."""

    def __init__(self, here, command, path):
        words = [word.format(lan="lan", folder=here.folder, rpz=here.folder / "rpz.zone", reload=services.reload_words(here))
                 for word in shlex.split(command)]
        self.process = here.start(world.GATEWAY, *words, stdout=subprocess.PIPE, stderr=open(f"{path}.err", "wb"))
        self.file = open(path, "w", encoding="utf-8")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.file.write(json.dumps({"t": round(time.time(), 6), "line": line.decode(errors="replace").rstrip("\n")}) + "\n")
            self.file.flush()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(5)
        self.file.close()
        return self.process.returncode


def capture(here, path):
    process = here.start(world.GATEWAY, "dumpcap", "-q", "-P", "-i", "lan", "-w", here.folder / "lan.pcap", stderr=subprocess.PIPE)
    for line in process.stderr:
        if line.startswith(b"File:"):
            break
    else:
        raise RuntimeError("dumpcap does not capture")
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return process, path


def honest_work(here, args):
    for address, how, protocol in benign.DEAD:
        here.kill(address, how, protocol)
    running = []
    for host, acts in benign.HOSTS.items():
        for act in acts if not args.alone else []:
            here.spawn(host, lambda host=host, act=act: benign.run(args.truth, host, CLIENTS[host], act, args.seconds, args.seed))
    for host in benign.CLOCKS if not args.alone else []:
        if (words := benign.clock(here.folder, host)) is not None:
            running.append(here.start(host, *words))
    return running


def play(here, args, shape):
    """The run itself; returns how the live program ended, or None."""
    truth = implant.Truth(args.truth, "lab", "gateway")
    for way in shape["ways"][1:1 + shape["dead"]]:
        kill(here, way, shape["dead_how"])
    recording = capture(here, args.pcap) if args.pcap else None
    live = Live(here, args.watch, args.live) if args.watch else None
    if live:
        time.sleep(args.settle)
    running = honest_work(here, args)
    begun = time.monotonic()
    acting = here.spawn("suspect", lambda: implant.run(args.truth, SUSPECT, shape, args.seconds))
    if shape["dies"] is not None:
        time.sleep(args.seconds * shape["dies_at"])
        kill(here, shape["ways"][0], shape["dies"])
        truth.note("dies", way=implant.endpoint(shape["ways"][0]), how=shape["dies"])
    _, status = os.waitpid(acting, 0)
    here.children.remove(acting)
    truth.note("end", code=os.waitstatus_to_exitcode(status), seconds=round(time.monotonic() - begun, 3))
    time.sleep(0.5)
    here.stop(1.0)
    ended = live.end() if live else None
    for process in running:
        process.terminate()
    if recording:
        recording[0].terminate()
        recording[0].wait(10)
        shutil.copy(here.folder / "lan.pcap", recording[1])
    return ended, os.waitstatus_to_exitcode(status)


def run(args):
    shape = repertoire.find(args.shape)
    shape.update(roll_call=args.roll_call, seed=args.seed, period=args.period or shape["period"], dies_at=args.dies_at or shape["dies_at"])
    world.enter()
    here = world.World(CLIENTS)
    services.start_all(here, NAMES)
    ended, code = play(here, args, shape)
    print(json.dumps({"shape": args.shape, "host": SUSPECT, "seconds": args.seconds, "pcap": args.pcap, "truth": args.truth,
                      "live": args.live, "live_exit": ended, "implant_exit": code,
                      "ways": [implant.endpoint(way) for way in shape["ways"]]}))
    return 0 if code == 0 else 1


def seconds(text):
    value = float(text)
    if not 5 <= value <= SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"from 5 to {SECONDS_MAX} s")
    return value


def main():
    parser = argparse.ArgumentParser(description="a lab of fallback channels in network namespaces")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="the shapes, and the procedures with theirs")
    one = verbs.add_parser("run", help="plays one shape")
    one.add_argument("--shape", required=True, help="a shape, or a procedure by its id")
    one.add_argument("--seconds", type=seconds, default=40.0)
    one.add_argument("--seed", type=int, default=8, help="of all that is random")
    one.add_argument("--period", type=float, help="seconds from contact to contact of the stand-in, instead of its shape's")
    one.add_argument("--dies-at", type=float, help="share of the run after which the first way dies, instead of its shape's")
    one.add_argument("--pcap", type=os.path.abspath, help="the gateway's capture")
    one.add_argument("--truth", type=os.path.abspath, help="what truly happened, JSON Lines (default lab-truth.jsonl)")
    one.add_argument("--watch", help="a command that runs in the gateway's namespace")
    one.add_argument("--live", type=os.path.abspath, help="its lines, with their times (default lab-live.jsonl)")
    one.add_argument("--settle", type=float, default=1.5, help="seconds that it has to begin")
    one.add_argument("--alone", action="store_true", help="no honest software beside it")
    one.add_argument("--roll-call", action="store_true", help="at the end, which ways are open is asked once")
    args = parser.parse_args()
    if args.verb == "list":
        print("\n".join(repertoire.SHAPES))
        print("\n".join(f"{title:28} {base}" for title, (base, _) in repertoire.PROCEDURES.items()))
        return 0
    args.truth = args.truth or os.path.abspath("lab-truth.jsonl")
    args.live = args.live or os.path.abspath("lab-live.jsonl")
    if os.environ.get(world.INSIDE) != "yes":
        if (reason := world.why_not()) is not None:
            raise SystemExit(f"lab: {reason}")
        for path in (args.truth, args.live, args.pcap):
            if path and os.path.exists(path):
                os.unlink(path)
    return run(args)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
