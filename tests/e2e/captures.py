# SPDX-License-Identifier: Apache-2.0
"""Captures taken apart and put together: what the same frames look like in another file."""
import random
import struct

LINKTYPE_ETHERNET = 1


def frames(data):
    """[(nanoseconds, frame)] of a little-endian pcap file, as scenario.py writes it."""
    unit = 1 if data[:4] == struct.pack("<I", 0xA1B23C4D) else 1000
    at, found = 24, []
    while at < len(data):
        seconds, rest, length, _ = struct.unpack_from("<IIII", data, at)
        found.append((seconds * 10 ** 9 + rest * unit, data[at + 16:at + 16 + length]))
        at += 16 + length
    return found


def pcap(pairs, order="<", nanoseconds=False, linktype=LINKTYPE_ETHERNET, snap=1 << 18):
    unit = 1 if nanoseconds else 1000
    out = [struct.pack(order + "IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, snap, linktype)]
    for when, frame in pairs:
        out.append(struct.pack(order + "IIII", when // 10 ** 9, when % 10 ** 9 // unit, min(len(frame), snap), len(frame)) + frame[:snap])
    return b"".join(out)


def pcapng(pairs, order="<", resolution=6, sections=1):
    """sections: the frames are cut into so many, each with its own interface."""
    def block(kind, body):
        total = 12 + len(body)
        return struct.pack(order + "II", kind, total) + body + struct.pack(order + "I", total)

    pairs = list(pairs)
    unit = 10 ** (9 - resolution)
    out = []
    for part in range(sections):
        out.append(block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)))
        options = struct.pack(order + "HHB3x", 9, 1, resolution) + struct.pack(order + "HH", 0, 0)
        out.append(block(1, struct.pack(order + "HHI", LINKTYPE_ETHERNET, 0, 262144) + options))
        for when, frame in pairs[len(pairs) * part // sections:len(pairs) * (part + 1) // sections]:
            ticks = when // unit
            head = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
            out.append(block(6, head + frame + bytes(-len(frame) % 4)))
    return b"".join(out)


def microseconds(pairs):
    """The times as a pcap file of microseconds would keep them."""
    return [(when // 1000 * 1000, frame) for when, frame in pairs]


def distinct(pairs):
    """Times that differ, so that no order depends on the file: a microsecond is added where two are the same."""
    out, last = [], -1
    for when, frame in pairs:
        last = max(when, last + 1000)
        out.append((last, frame))
    return out


def shifted(pairs, nanoseconds):
    return [(when + nanoseconds, frame) for when, frame in pairs]


def disordered(pairs, window_ns, seed=1):
    """The same frames with the same times, written up to window_ns late."""
    rng = random.Random(seed)
    return [pair for _, pair in sorted(((pair[0] + rng.randrange(window_ns), pair) for pair in pairs), key=lambda late: late[0])]


def vlan(pairs, tag=5):
    """Each frame with an 802.1Q tag."""
    return [(when, frame[:12] + struct.pack(">HH", 0x8100, tag) + frame[12:]) for when, frame in pairs]


class Pcapng:
    """A little-endian pcapng file, block by block."""

    def __init__(self):
        self.out = []

    def block(self, kind, body):
        body += bytes(-len(body) % 4)
        total = struct.pack("<I", 12 + len(body))
        self.out.append(struct.pack("<I", kind) + total + body + total)

    def section(self):
        self.block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))

    def interface(self, linktype, resolution=None, offset=None):
        """resolution: a power of ten; offset: seconds."""
        options = b"" if resolution is None else struct.pack("<HHB3x", 9, 1, resolution)
        options += b"" if offset is None else struct.pack("<HHq", 14, 8, offset)
        self.block(1, struct.pack("<HHI", linktype, 0, 0) + options + struct.pack("<HH", 0, 0))

    def packet(self, interface, units, frame):
        self.block(6, struct.pack("<IIIII", interface, units >> 32, units & 0xFFFFFFFF, len(frame), len(frame)) + frame)

    def data(self):
        return b"".join(self.out)
