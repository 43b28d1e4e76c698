# SPDX-License-Identifier: Apache-2.0
"""Transplant: the packets of a finding, moved in time and address onto a host of another capture.

Only classic captures of Ethernet are written; whatever is read is turned into that by editcap first."""
import io
import ipaddress
import pathlib
import struct
import subprocess

from truth_baselines import local

MAGIC, ETHERNET, SNAPLEN = 0xA1B2C3D4, 1, 262144
FORMS = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\xa1\xb2\xc3\xd4": (">", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\x3c\x4d": (">", 1)}
IPV4, VLAN, TCP, UDP, DNS_PORT = 0x0800, 0x8100, 6, 17, 53


def frames(path, folder):
    """[(ns, frame)] of a capture of Ethernet, or None."""
    data = pathlib.Path(path).read_bytes()
    if data[:4] not in FORMS:
        turned = pathlib.Path(folder) / "turned.pcap"
        if subprocess.run(["editcap", "-F", "pcap", str(path), str(turned)], capture_output=True, check=False).returncode:
            return None
        data = turned.read_bytes()
    if data[:4] not in FORMS:
        return None
    end, unit = FORMS[data[:4]]
    if struct.unpack_from(f"{end}I", data, 20)[0] & 0xFFFF != ETHERNET:
        return None
    at, found = 24, []
    while at + 16 <= len(data):
        seconds, rest, length, _ = struct.unpack_from(f"{end}IIII", data, at)
        found.append((seconds * 10 ** 9 + rest * unit, data[at + 16:at + 16 + length]))
        at += 16 + length
    return found


def capture(made):
    out = io.BytesIO()
    out.write(struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, SNAPLEN, ETHERNET))
    for when, frame in made:
        out.write(struct.pack("<IIII", when // 10 ** 9, when % 10 ** 9 // 1000, len(frame), len(frame)) + frame)
    return out.getvalue()


def ip_of(frame):
    """(offset of the IPv4 header, its length, protocol, source, destination), or None."""
    at = 14
    if len(frame) < 38:
        return None
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == VLAN:
        kind, at = struct.unpack_from("!H", frame, 16)[0], 18
    if kind != IPV4 or len(frame) < at + 28:
        return None
    return at, (frame[at] & 15) * 4, frame[at + 9], frame[at + 12:at + 16], frame[at + 16:at + 20]


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) // 2 * 2]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def moved(frame, old, new, macs):
    """The frame as if host `new` had sent or received it."""
    at, length, proto, src, dst = ip_of(frame)
    out = src == old
    host, router = macs
    packet = bytearray(frame[at:at + struct.unpack_from("!H", frame, at + 2)[0]])
    packet[12:16], packet[16:20] = (new, dst) if out else (src, new)
    packet[10:12] = b"\0\0"
    packet[10:12] = struct.pack("!H", checksum(bytes(packet[:length])))
    where = {TCP: 16, UDP: 6}.get(proto)
    if where is not None and len(packet) == struct.unpack_from("!H", packet, 2)[0] and len(packet) > length + where + 1:
        packet[length + where:length + where + 2] = b"\0\0"
        pseudo = bytes(packet[12:20]) + struct.pack("!BBH", 0, proto, len(packet) - length)
        packet[length + where:length + where + 2] = struct.pack("!H", checksum(pseudo + bytes(packet[length:])))
    return (router + host if out else host + router) + struct.pack("!H", IPV4) + bytes(packet)


def labels(name):
    """A name as DNS messages spell it."""
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))


def organ(made, finding):
    """The packets of the finding's channels and the look-ups of their names."""
    host = ipaddress.ip_address(finding["host"])
    if host.version != 4:
        return []
    servers, names = set(), set()
    for channel in finding["channels"]:
        servers.update(ipaddress.ip_address(text).packed for text in channel["addresses"])
        names.update(labels(name) for name in (*channel["names"], channel["endpoint"]) if not name[0].isdigit())
    found = []
    for when, frame in made:
        head = ip_of(frame)
        if head is None or host.packed not in (head[3], head[4]):
            continue
        at, length, proto, src, dst = head
        ports = struct.unpack_from("!HH", frame, at + length) if proto in (TCP, UDP) and len(frame) >= at + length + 4 else ()
        if DNS_PORT in ports and any(name in frame[at + length:].lower() for name in names):
            found.append((when, frame))
        elif (src if dst == host.packed else dst) in servers:
            found.append((when, frame))
    return found


def busiest(made):
    """(address, its MAC, its router's MAC) of the private IPv4 host that sends most."""
    count = {}
    for _, frame in made:
        head = ip_of(frame)
        if head is None:
            continue
        if local(head[3]) and not local(head[4]):
            count.setdefault(head[3], [0, frame[6:12], frame[0:6]])[0] += 1
    best = max(count, key=lambda host: count[host][0], default=None)
    return None if best is None else (best, count[best][1], count[best][2])


def graft(body, part, old, host, offset_ns):
    """(capture, address): the part of host `old`, from offset_ns after the body's beginning on, as the host's own traffic."""
    address, mac, router = host
    shift = body[0][0] + offset_ns - part[0][0]
    both = [(when + shift, moved(frame, old, address, (mac, router))) for when, frame in part] + body
    both.sort(key=lambda pair: pair[0])
    return capture(both), str(ipaddress.ip_address(address))
