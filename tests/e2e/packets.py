# SPDX-License-Identifier: Apache-2.0
"""Packets of our own: what zeeklogs.py tells, as frames, and what carries them on real networks."""
import ipaddress
import struct

import zeeklogs

SYN, ACK, RST, PSH, FIN = 2, 16, 4, 8, 1
MS = 10 ** 6
CLIENT_MAC, SERVER_MAC = bytes.fromhex("020000000005"), bytes.fromhex("020000000001")


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip(src, dst, proto, body, number=0):
    one, other = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if one.version == 6:
        return struct.pack(">IHBB", 6 << 28, len(body), proto, 64) + one.packed + other.packed + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), number & 0xFFFF, 0x4000, 64, proto, 0) + one.packed + other.packed
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def tcp(src, dst, ports, flags, numbers, data=b"", number=0):
    """One segment. ports: (from, to); numbers: (sequence, acknowledged)."""
    one, other = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    segment = struct.pack(">HHIIBBHHH", *ports, numbers[0], numbers[1] if flags & ACK else 0, 5 << 4, flags, 64240, 0, 0) + data
    pseudo = one + other + struct.pack(">BBH", 0, 6, len(segment))
    return ip(src, dst, 6, segment[:16] + struct.pack(">H", checksum(pseudo + segment)) + segment[18:], number)


def udp(src, dst, ports, data):
    return ip(src, dst, 17, struct.pack(">HHHH", *ports, 8 + len(data), 0) + data)


def conversation(at, client, port, server, server_port, state, duration):
    """[(nanoseconds, IP packet)]: SF answered, REJ refused after `duration`, S0 three SYNs."""
    ports, back = (port, server_port), (server_port, port)
    seq, ack = 1000 + port, 9000 + port
    out, sent = [], [0]

    def send(after, up, flags, numbers, data=b""):
        sent[0] += 1
        src, dst, pair = (client, server, ports) if up else (server, client, back)
        out.append((at + after, tcp(src, dst, pair, flags, numbers, data, port * 16 + sent[0])))
    if state == "S0":
        for after in (0, 1000 * MS, 3000 * MS):
            send(after, True, SYN, (seq, 0))
        return out
    send(0, True, SYN, (seq, 0))
    if state == "REJ":
        send(duration, False, RST | ACK, (0, seq + 1))
        return out
    send(20 * MS, False, SYN | ACK, (ack, seq + 1))
    send(21 * MS, True, ACK, (seq + 1, ack + 1))
    send(22 * MS, True, ACK | PSH, (seq + 1, ack + 1), b"\xa7" * 300)
    for part in range(4):
        send((42 + part) * MS, False, ACK | PSH, (ack + 1 + 1000 * part, seq + 301), b"\xb9" * 1000)
    send(duration - 20 * MS, True, FIN | ACK, (seq + 301, ack + 4001))
    send(duration - 10 * MS, False, FIN | ACK, (ack + 4001, seq + 302))
    send(duration, True, ACK, (seq + 302, ack + 4002))
    return out


def conversations():
    """One for each row of zeeklogs.day() and zeeklogs.ladder()."""
    out = []
    for row in zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100):
        rec = zeeklogs.record(row)
        out.append(conversation(round(rec["ts"] * 10 ** 6) * 1000, rec["id.orig_h"], rec["id.orig_p"], rec["id.resp_h"], rec["id.resp_p"],
                                rec["conn_state"], round(rec["duration"] * 1000) * MS))
    return out


def walk():
    """[(nanoseconds, IP packet)] in the order of time."""
    return sorted((packet for each in conversations() for packet in each), key=lambda packet: packet[0])


def up(packet):
    return packet[12:13] == b"\x0a"  # 10.0.0.0/8 is the client's


def framed(packet, inner=b""):
    """Ethernet; inner: tags, each with the type of what it is itself."""
    kind = struct.pack(">H", 0x86DD if packet[0] >> 4 == 6 else 0x0800)
    way = SERVER_MAC + CLIENT_MAC if up(packet) else CLIENT_MAC + SERVER_MAC
    return way + inner + kind + packet


def tag(number, kind=0x8100):
    return struct.pack(">HH", kind, number)


def mapped(pairs, form):
    return [(when, form(packet)) for when, packet in pairs]


def carried(proto, head):
    """Between two machines of the network, behind the header of what carries it."""
    return lambda inner: framed(ip("172.16.0.1", "172.16.0.2", proto, head + inner))


def carried_udp(port, head):
    return lambda inner: framed(udp("172.16.0.1", "172.16.0.2", (49152, port), head + inner))
