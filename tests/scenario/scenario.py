#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scenario.py IN.scn OUT.pcap: writes the capture that a scenario describes (README.md has the language).

Exit codes: 0 written, 2 the scenario or the command line is wrong, 3 a file can't be read or written."""
import argparse
import os
import sys

sys.dont_write_bytecode = True
from scn import capture, model  # noqa: E402
from scn.sim import Trouble  # noqa: E402

SCENARIO_BYTES_MAX = 1 << 20


def arguments(argv):
    parser = argparse.ArgumentParser(description="write the capture that a scenario describes")
    parser.add_argument("scenario", metavar="IN.scn")
    parser.add_argument("output", metavar="OUT.pcap", help="- for standard output")
    parser.add_argument("--seed", type=int, help="instead of the scenario's own")
    parser.add_argument("--format", choices=capture.FORMATS, default="pcap")
    parser.add_argument("--start", metavar="RFC3339", help="instead of the scenario's own")
    return parser.parse_args(argv)


def write(source, file, form="pcap", seed=None, start=None):
    """Reads the text of a scenario and writes its capture; returns the number of frames. Raises Trouble."""
    reader = model.Reader(source)
    return reader.stage(capture.writer(file, form), seed, start).run()


def main(argv=None):
    args = arguments(argv)
    if args.start:
        try:
            model.nanoseconds(args.start)
        except ValueError:
            print(f"scenario.py: --start {args.start}: write it as 2026-03-02T08:00:00Z", file=sys.stderr)
            return 2
    partial = args.output + ".part"
    try:
        with open(args.scenario, encoding="utf-8") as file:
            source = file.read(SCENARIO_BYTES_MAX + 1)
        if len(source) > SCENARIO_BYTES_MAX:
            raise Trouble(1, 1, f"over {SCENARIO_BYTES_MAX} characters: split the scenario")
        if args.output == "-":
            write(source, sys.stdout.buffer, args.format, args.seed, args.start)
            return 0
        with open(partial, "wb") as file:
            write(source, file, args.format, args.seed, args.start)
        os.replace(partial, args.output)
    except UnicodeDecodeError as error:
        print(f"{args.scenario}: not UTF-8 text (byte {error.start}): is this a scenario?", file=sys.stderr)
        return 2
    except Trouble as trouble:
        if os.path.exists(partial):
            os.unlink(partial)
        place = f":{trouble.line}:{trouble.column}" if trouble.line else ""
        print(f"{args.scenario}{place}: {trouble.text}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"scenario.py: {error.filename}: {error.strerror}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
