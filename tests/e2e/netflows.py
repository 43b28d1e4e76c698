# SPDX-License-Identifier: Apache-2.0
"""NetFlow v9 and IPFIX of our own, of what zeeklogs.py tells: a record for each direction, a datagram for each conversation."""
import ipaddress
import math
import struct

import zeeklogs

BYTES, PACKETS, PROTO, FLAGS, SRC_PORT, SRC, DST_PORT, DST, LAST, FIRST = 1, 2, 4, 6, 7, 8, 11, 12, 21, 22
START_MS, END_MS, BOOT_MS = 152, 153, 160
WIDTH = {BYTES: 4, PACKETS: 4, PROTO: 1, FLAGS: 1, SRC_PORT: 2, SRC: 4, DST_PORT: 2, DST: 4, LAST: 4, FIRST: 4, START_MS: 8, END_MS: 8}
ENDS = [SRC, DST, SRC_PORT, DST_PORT, PROTO, FLAGS, PACKETS, BYTES]
UPTIMES, ABSOLUTE = ENDS + [FIRST, LAST], ENDS + [START_MS, END_MS]
BOOT = int(zeeklogs.START) - 1000
SIZES = {"SF": (6, 540, 7, 4280, 0x1B, 0x1B), "REJ": (1, 60, 1, 40, 0x02, 0x14)}


def conversations():
    """[(first ms, last ms, two records by element)]"""
    out = []
    for row in zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100):
        rec = zeeklogs.record(row)
        first = round(rec["ts"] * 1000)
        last = first + round(rec["duration"] * 1000)
        up_packets, up_bytes, down_packets, down_bytes, up_flags, down_flags = SIZES[rec["conn_state"]]
        client, server = (int(ipaddress.ip_address(rec[name])) for name in ("id.orig_h", "id.resp_h"))
        common = {PROTO: 6, START_MS: first, END_MS: last}
        out.append((first, last, [
            {SRC: client, DST: server, SRC_PORT: rec["id.orig_p"], DST_PORT: rec["id.resp_p"], FLAGS: up_flags, PACKETS: up_packets,
             BYTES: up_bytes, **common},
            {SRC: server, DST: client, SRC_PORT: rec["id.resp_p"], DST_PORT: rec["id.orig_p"], FLAGS: down_flags, PACKETS: down_packets,
             BYTES: down_bytes, **common}]))
    return out


def record(values, fields, boot):
    up = {FIRST: (values[START_MS] - boot * 1000) % 2 ** 32, LAST: (values[END_MS] - boot * 1000) % 2 ** 32}
    return b"".join({**up, **values}[field].to_bytes(WIDTH[field], "big") for field in fields)


def flowset(number, body):
    body += bytes(-len(body) % 4)
    return struct.pack(">HH", number, 4 + len(body)) + body


def template(fields, number=256, ipfix=False):
    body = struct.pack(">HH", number, len(fields)) + b"".join(struct.pack(">HH", field, WIDTH[field]) for field in fields)
    return flowset(2 if ipfix else 0, body)


def options_template(number=300):
    """A v9 template for what the exporter says of an interface: it is no flow."""
    return flowset(1, struct.pack(">HHHHHHH", number, 4, 4, 2, 4, 82, 4))


def v9(sets, seconds, boot=BOOT, source=1, uptime=None):
    uptime = (seconds - boot) * 1000 % 2 ** 32 if uptime is None else uptime
    return struct.pack(">HHIIII", 9, len(sets), uptime, seconds, 1, source) + b"".join(sets)


def ipfix(sets, seconds, domain=1):
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body), seconds, 1, domain) + body


def data(records, fields, boot=BOOT, number=256):
    return flowset(number, b"".join(record(each, fields, boot) for each in records))


def export_second(last_ms):
    """The exporter's clock when it tells of a conversation that ended then."""
    return math.ceil(last_ms / 1000) + 1
