# SPDX-License-Identifier: Apache-2.0
"""Capture files: pcap (microseconds), pcap-ns and pcapng (nanoseconds). Frames come in order of time."""
import struct

LINKTYPE_ETHERNET = 1
SNAPLEN = 262144
FORMATS = ("pcap", "pcapng", "pcap-ns")


class Pcap:
    """magic a1b2c3d4 (microseconds) or a1b23c4d (nanoseconds), little-endian."""

    def __init__(self, file, nanoseconds):
        self.file = file
        self.unit = 1 if nanoseconds else 1000
        magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
        file.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, SNAPLEN, LINKTYPE_ETHERNET))

    def frame(self, time_ns, frame):
        seconds, rest = divmod(time_ns, 1_000_000_000)
        self.file.write(struct.pack("<IIII", seconds, rest // self.unit, len(frame), len(frame)) + frame)


class Pcapng:
    """One section, one interface with if_tsresol 9 (draft-ietf-opsawg-pcapng, 4.1 to 4.3)."""

    def __init__(self, file):
        self.file = file
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        self._block(0x0A0D0D0A, section)
        options = struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HH", 0, 0)
        self._block(1, struct.pack("<HHI", LINKTYPE_ETHERNET, 0, SNAPLEN) + options)

    def _block(self, kind, body):
        total = 12 + len(body)
        self.file.write(struct.pack("<II", kind, total) + body + struct.pack("<I", total))

    def frame(self, time_ns, frame):
        head = struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(frame), len(frame))
        self._block(6, head + frame + bytes(-len(frame) % 4))


def writer(file, form):
    if form == "pcapng":
        return Pcapng(file)
    return Pcap(file, form == "pcap-ns")
