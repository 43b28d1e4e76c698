#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench/make_capture.py MEGABYTES OUT.pcap: a mixed capture of about that size; the same size gives the same bytes.

Branch offices of six desks, servers and things each, at the same hour: browsing (DNS, TLS, QUIC, HTTP), small
remote calls, updates, clocks, peers, and what fails of it. About 350 bytes a packet and ten packets a conversation.
Each branch has its own seed, its own network and its own Internet. Made by tests/scenario, two at a time."""
import concurrent.futures
import heapq
import os
import pathlib
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/scenario"))
import scenario  # noqa: E402

BRANCH_BYTES = 58_000_000   # of an hour
BRANCHES_MAX = 10_000
STACKS = ("windows", "macos", "linux", "windows", "linux-6.5", "ios")
MIX = ("background office 1 on h0 h1 h3", "background server 6 on h2 h4", "background iot 20 on h5", "background p2p 3 on h2")


def branch(number, minutes):
    net = f"10.{number // 200}.{number % 200}"
    lines = [f"length {minutes}m", f"seed {1000 + number}",
             "resolver dns", f"    address {net}.2", "    rtt 1ms..20ms",
             "server video", f"    name www.video{number}.example", f"    address 198.51.100.{20 + number % 200}", "    port 443 tls quic",
             "server calls", f"    name rpc.inner{number}.example", f"    address 203.0.113.{20 + number % 200}", "    port 80 http"]
    for host, stack in enumerate(STACKS):
        lines += [f"host h{host}", f"    address {net}.{20 + host}", f"    stack {stack}", "    resolver dns",
                  f"beacon watch{host}", f"    host h{host}", "    server video", "    every 20s ±50%", "    response 5kB..30kB",
                  f"beacon call{host}", f"    host h{host}", "    server calls", "    every 2s ±50%", "    request 200..600",
                  "    response 100..900"]
    return "\n".join([*lines, *MIX]) + "\n"


def write_branch(number, minutes, path):
    with open(path, "wb") as file:
        return scenario.write(branch(number, minutes), file)


def records(path):
    """(time, record) of a pcap file, one after the other."""
    with open(path, "rb") as file:
        file.seek(24)
        while head := file.read(16):
            seconds, rest, length, _ = struct.unpack("<IIII", head)
            yield seconds * 10 ** 6 + rest, head + file.read(length)


def make(megabytes, out):
    """Writes the capture; returns (packets, bytes)."""
    size = megabytes * 10 ** 6
    branches = min(max(round(size / BRANCH_BYTES), 1), BRANCHES_MAX)
    minutes = max(round(60 * size / (branches * BRANCH_BYTES)), 1)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(out))) as folder:
        paths = [os.path.join(folder, f"{number}.pcap") for number in range(branches)]
        with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
            packets = sum(pool.map(write_branch, range(branches), [minutes] * branches, paths))
        partial = os.path.join(folder, "all")
        with open(partial, "wb") as file, open(paths[0], "rb") as first:
            file.write(first.read(24))
            # ties: by branch, so that the bytes repeat
            merged = heapq.merge(*(((when, number, record) for when, record in records(path)) for number, path in enumerate(paths)))
            for _, _, record in merged:
                file.write(record)
        os.replace(partial, out)
    return packets, os.path.getsize(out)


def main():
    if len(sys.argv) != 3 or not sys.argv[1].isdigit() or int(sys.argv[1]) == 0:
        print("usage: bench/make_capture.py MEGABYTES OUT.pcap", file=sys.stderr)
        return 2
    packets, size = make(int(sys.argv[1]), sys.argv[2])
    print(f"{sys.argv[2]}: {packets} packets, {size / 1e6:.0f} MB, {size / packets:.0f} bytes each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
