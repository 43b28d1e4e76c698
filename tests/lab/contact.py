# SPDX-License-Identifier: Apache-2.0
"""One contact of one way, by real sockets, and the log of what truly happened.

A way: {"kind": "https"|"http"|"tcp"|"udp"|"dns"|"icmp", "to": name or address, "port": N}."""
import contextlib
import json
import os
import random
import socket
import ssl
import struct
import time

from world import RESOLVER

TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE
DEFAULT_PORTS = {"https": 443, "http": 80, "dns": 53, "icmp": 0}
BYTES_MAX = 1 << 20  # of one contact


def way(kind, to, port=None):
    return {"kind": kind, "to": to, "port": DEFAULT_PORTS.get(kind, 443) if port is None else port}


def endpoint(one):
    return f"{one['kind']}/{one['to']}:{one['port']}"


class Truth:
    """A line for each action, appended in one write, so that several processes share a file."""

    def __init__(self, path, actor, host):
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.fixed = {"actor": actor, "host": host}

    def note(self, what, **facts):
        line = {"t": round(time.time(), 6), **self.fixed, "what": what, **facts}
        os.write(self.file, (json.dumps(line) + "\n").encode())


def outcome_of(wrong):
    if isinstance(wrong, ConnectionRefusedError):
        return "refused"
    if isinstance(wrong, (TimeoutError, socket.timeout)):
        return "silent"
    if isinstance(wrong, socket.gaierror):
        return "nxdomain" if wrong.errno == socket.EAI_NONAME else "dns-silent"
    if isinstance(wrong, (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)):
        return "reset"
    return "unreachable" if isinstance(wrong, OSError) else type(wrong).__name__


def http(one, timeout, path="/c", body=None, agent="Mozilla/5.0 (Windows NT 6.1; WOW64)"):
    with contextlib.closing(socket.create_connection((one["to"], one["port"]), timeout=timeout)) as plain:
        link = TLS.wrap_socket(plain, server_hostname=one["to"]) if one["kind"] == "https" else plain
        method = "GET" if body is None else "POST"
        head = f"{method} {path} HTTP/1.1\r\nHost: {one['to']}\r\nUser-Agent: {agent}\r\nConnection: close\r\n"
        if body is not None:
            head += f"Content-Length: {len(body)}\r\n"
        link.sendall(head.encode() + b"\r\n" + (body or b""))
        got = first = link.recv(4096)
        total = len(got)
        while got and total < BYTES_MAX:
            got = link.recv(65536)
            total += len(got)
        if not first:
            raise ConnectionResetError
        if link is not plain:
            link.close()
        status = int(first.split(b" ", 2)[1])
        if status >= 400:
            raise RuntimeError("http-error")
        return total


def stream(one, timeout, data):
    with socket.create_connection((one["to"], one["port"]), timeout=timeout) as link:
        link.sendall(data)
        got = link.recv(4096)
        if not got:
            raise ConnectionResetError
        return len(got)


def datagram(one, timeout, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(timeout)
        link.connect((one["to"], one["port"]))
        link.send(data)
        return len(link.recv(4096))


def question(name, kind, number):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def tunnel(one, timeout, data):
    """Data in names below `to`, through the resolver, as every DNS tunnel does."""
    label = data.hex()
    name = ".".join(label[at:at + 60] for at in range(0, min(len(label), 180), 60)) + "." + one["to"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(timeout)
        link.connect((RESOLVER, 53))
        link.send(question(name, 16, random.randrange(65536)))
        answer = link.recv(4096)
    if answer[3] & 15:
        raise socket.gaierror(socket.EAI_NONAME, "nxdomain")
    return len(answer)


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def echo(one, timeout, data):
    data += b"\0" * (len(data) % 2)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as link:
        link.settimeout(timeout)
        head = struct.pack(">BBHHH", 8, 0, 0, os.getpid() & 0xffff, random.randrange(65536))
        link.sendto(head[:2] + struct.pack(">H", checksum(head + data)) + head[4:] + data, (one["to"], 0))
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            got = link.recv(4096)
            if got[20] == 0 and got[24:28] == head[4:8]:
                return len(got)
        raise TimeoutError


def attempt(one, timeout=1.5, size=64, **more):
    """(outcome, bytes that came back): `ok`, or the failure in the words of a finding."""
    try:
        if one["kind"] in ("http", "https"):
            return "ok", http(one, timeout, **more)
        act = {"tcp": stream, "udp": datagram, "dns": tunnel, "icmp": echo}[one["kind"]]
        return "ok", act(one, timeout, os.urandom(size))
    except RuntimeError as wrong:
        return str(wrong), 0
    except OSError as wrong:
        return outcome_of(wrong), 0
