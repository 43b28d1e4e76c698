# SPDX-License-Identifier: Apache-2.0
"""Frames: Ethernet, IPv4 and IPv6, UDP, ICMP, with right checksums. Knows nothing of who talks or why."""
import ipaddress
import struct

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    """RFC 1071. The ones' complement sum of 16-bit words is the number itself modulo 65535."""
    if len(data) & 1:
        data += b"\0"
    rest = int.from_bytes(data, "big") % 0xFFFF
    return 0xFFFF - rest if rest else 0


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(":"))


class Path:
    """Two addresses and the wire between them, seen beside the client: side 0 is the client."""

    def __init__(self, sim, host, peer, mac, rtt, peer_ttl):
        self.sim, self.host, self.rtt = sim, host, rtt
        self.peer = ipaddress.ip_address(peer)
        self.v6 = self.peer.version == 6
        self.client = host.address6 if self.v6 else host.address
        ends = (self.client.packed, self.peer.packed)
        self.ends = ends
        ethertype = b"\x86\xdd" if self.v6 else b"\x08\x00"
        self.eth = (mac + host.mac + ethertype, host.mac + mac + ethertype)
        self.ttl = (host.stack.ttl, peer_ttl)

    def header(self, side, proto, length, ttl=None, source=None):
        source = source or self.ends[side]
        ttl = ttl or self.ttl[side]
        if self.v6:
            return struct.pack("!IHBB", 0x60000000, length, proto, ttl) + source + self.ends[1 - side]
        # RFC 6864: with DF the id means nothing, so one counter of the whole run serves.
        self.sim.ident = (self.sim.ident + 1) & 0xFFFF
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, self.sim.ident, 0x4000, ttl, proto, 0)
        head += source + self.ends[1 - side]
        return head[:10] + checksum(head).to_bytes(2, "big") + head[12:]

    def pseudo(self, proto, length):
        return self.ends[0] + self.ends[1] + struct.pack("!HH", proto, length)

    def send(self, side, t, proto, body):
        self.sim.emit(t, self.eth[side] + self.header(side, proto, len(body)) + body)

    def udp(self, side, t, ports, payload):
        """ports: (client's, server's). Returns the datagram for an ICMP error to quote."""
        source, target = ports if side == 0 else ports[::-1]
        length = 8 + len(payload)
        head = struct.pack("!HHH", source, target, length)
        total = checksum(self.pseudo(UDP, length) + head + b"\0\0" + payload) or 0xFFFF
        body = head + total.to_bytes(2, "big") + payload
        self.send(side, t, UDP, body)
        return body

    def unreachable(self, t, proto, body, why, router=None):
        """An ICMP error about the client's packet, from the router or (port) from the peer itself."""
        quoted = self.header(0, proto, len(body), ttl=max(self.ttl[0] - 3, 1)) + body
        source = self.ends[1] if why == "port" else (router or self.ends[1])
        if self.v6:  # RFC 4443 3.1
            code = {"host": 3, "port": 4, "admin": 1, "net": 0}[why]
            text = struct.pack("!BBHI", 1, code, 0, 0) + quoted[:1232]
            pseudo = source + self.ends[0] + struct.pack("!II", len(text), ICMP6)
            proto = ICMP6
        else:  # RFC 792, RFC 1812 4.3.2.3
            code = {"net": 0, "host": 1, "port": 3, "admin": 13}[why]
            text = struct.pack("!BBHI", 3, code, 0, 0) + quoted[:548]
            pseudo, proto = b"", ICMP
        text = text[:2] + checksum(pseudo + text).to_bytes(2, "big") + text[4:]
        self.sim.emit(t, self.eth[1] + self.header(1, proto, len(text), ttl=62, source=source) + text)

    def echo(self, side, t, ident, sequence, payload):
        kind = ((8, 0), (128, 129))[self.v6][side]
        text = struct.pack("!BBHHH", kind, 0, 0, ident, sequence) + payload
        proto = ICMP6 if self.v6 else ICMP
        pseudo = self.ends[0] + self.ends[1] + struct.pack("!II", len(text), proto) if self.v6 else b""
        self.send(side, t, proto, text[:2] + checksum(pseudo + text).to_bytes(2, "big") + text[4:])
