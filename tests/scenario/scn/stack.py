# SPDX-License-Identifier: Apache-2.0
"""How each operating system opens a connection: options, windows, timers. Seconds are since the first SYN."""
import struct
from dataclasses import dataclass

NOP, SACK_OK = b"\x01", b"\x04\x02"


def _mss(value):
    return b"\x02\x04" + struct.pack("!H", value)


def _scale(shift):
    return b"\x03\x03" + bytes([shift])


@dataclass(frozen=True)
class Stack:
    name: str
    ttl: int
    window: int          # in the SYN
    window_after: int    # as written in later segments, already scaled
    layout: str          # order of the SYN's options: m mss, n nop, w scale, s sack-permitted, t time stamps, e end
    scale: int
    retries: tuple       # when the SYN is sent again
    gives_up: float      # when connect() fails
    resyn: int           # further SYNs after a RST
    icmp_fatal: bool     # an ICMP error ends connect() at once
    data_tries: int      # retransmissions of data before the connection is dropped
    resolver_times: tuple  # (second, index of the resolver or "all"); the last entry is (second, None): stop
    both_families: bool  # asks AAAA even without an IPv6 address

    @property
    def stamps(self):
        return "t" in self.layout

    def options(self, v6, stamps):
        pieces = {"m": _mss(1440 if v6 else 1460), "n": NOP, "w": _scale(self.scale), "s": SACK_OK, "e": b"\0"}
        pieces["t"] = b"\x08\x0a" + struct.pack("!II", *stamps)
        return b"".join(pieces[letter] for letter in self.layout)


# Sources: Linux ip-sysctl (tcp_syn_retries, tcp_syn_linear_timeouts); Microsoft KB 170359 and
# netsh "maxsynretransmissions"; KB 2834226 for the Windows resolver; glibc resolv.h (RES_TIMEOUT 5, 2 rounds).
GLIBC = ((0, 0), (5, 1), (10, 0), (15, 1), (20, None))
DNSAPI = ((0, 0), (1, 1), (2, "all"), (4, "all"), (8, "all"), (11, None))
MDNSRESPONDER = ((0, 0), (1, 0), (4, 1), (8, 1), (13, 0), (30, None))
STACKS = {stack.name: stack for stack in (
    Stack("linux", 64, 64240, 502, "mstnw", 7, (1, 3, 7, 15, 31, 63), 127, 0, True, 15, GLIBC, True),
    Stack("linux-6.5", 64, 64240, 502, "mstnw", 7, (1, 2, 3, 4, 5, 7, 11, 19, 35, 67), 131, 0, True, 15, GLIBC, True),
    Stack("windows", 128, 64240, 1026, "mnwnns", 8, (1, 3, 7, 15), 21, 4, False, 5, DNSAPI, False),
    Stack("windows-classic", 128, 8192, 256, "mnwnns", 8, (3, 9), 21, 2, False, 5, DNSAPI, False),
    Stack("macos", 64, 65535, 2058, "mnwnntsee", 6, (1, 2, 3, 4, 5, 7, 11, 19, 35, 67), 75, 0, True, 12,
          MDNSRESPONDER, True),
    Stack("ios", 64, 65535, 2048, "mnwnntsee", 6, (1, 2, 3, 4, 5, 7, 11, 19, 35, 67), 75, 0, True, 12,
          MDNSRESPONDER, True),
)}
SERVER = Stack("server", 64, 65160, 509, "mstnw", 7, (), 0, 0, True, 5, GLIBC, True)
