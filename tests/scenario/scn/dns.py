# SPDX-License-Identifier: Apache-2.0
"""DNS messages (RFC 1035): questions and answers as bytes."""
import ipaddress
import struct

A, CNAME, SOA, MX, TXT, AAAA = 1, 5, 6, 15, 16, 28
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
QUESTION_POINTER = b"\xc0\x0c"


def name_bytes(name):
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def question(ident, name, qtype):
    return struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0) + name_bytes(name) + struct.pack("!HH", qtype, 1)


def record(owner, rtype, ttl, data):
    return owner + struct.pack("!HHIH", rtype, 1, ttl, len(data)) + data


def soa(name, ttl=900):
    """The authority of a negative answer (RFC 2308): the last two labels, or the root for a single label."""
    zone = ".".join(name.rstrip(".").split(".")[-2:]) if "." in name.rstrip(".") else ""
    mname = name_bytes("ns1." + zone if zone else "a.root-servers.example")
    rname = name_bytes("hostmaster." + zone if zone else "nstld.example")
    return record(name_bytes(zone), SOA, ttl, mname + rname + struct.pack("!IIIII", 2026030201, 7200, 900, 1209600, ttl))


def exchanger(ident, name, host, ttl=300):
    """The answer to a question for mail exchangers (RFC 1035 3.3.9): one host."""
    head = struct.pack("!HHHHHH", ident, 0x8180, 1, 1, 0, 0) + name_bytes(name) + struct.pack("!HH", MX, 1)
    return head + record(QUESTION_POINTER, MX, ttl, struct.pack("!H", 10) + name_bytes(host))


def answer(ident, name, qtype, rcode=NOERROR, addresses=(), ttl=300, cnames=(), texts=()):
    records, owner = [], QUESTION_POINTER
    for cname in cnames:
        records.append(record(owner, CNAME, ttl, name_bytes(cname)))
        owner = name_bytes(cname)
    for address in addresses:
        packed = ipaddress.ip_address(address).packed
        if len(packed) == (4 if qtype == A else 16):
            records.append(record(owner, qtype, ttl, packed))
    for text in texts:
        records.append(record(owner, TXT, ttl, bytes([len(text)]) + text))
    negative = rcode == NXDOMAIN or (rcode == NOERROR and len(records) == len(cnames))
    authority = [soa(cnames[-1] if cnames else name)] if negative else []
    head = struct.pack("!HHHHHH", ident, 0x8180 | rcode, 1, len(records), len(authority), 0)
    body = name_bytes(name) + struct.pack("!HH", qtype, 1)
    return head + body + b"".join(records) + b"".join(authority)
