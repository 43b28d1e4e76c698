# SPDX-License-Identifier: Apache-2.0
"""A host, its gateway and servers, each in a network namespace of the test's own; nothing leaves them."""
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from support import POSTERN, parsed

ENFORCER = POSTERN.parent / "postern-enforcer"
HOST, OTHER, GATEWAY = "10.77.0.10", "10.77.0.11", "10.77.0.1"
SERVERS = [f"198.18.{i}.10" for i in range(20)]  # no two in one network: those would be one operator's
HELLO, NEVER, BLOCK, ALLOW, CONTAIN, UNBLOCK, RELEASE, FLUSH, CLOSE, GATHER, REPLACE = range(1, 12)
DONE, REFUSED, DENIED = 1, 2, 3
NONE, FORM, ORDER, EXPIRY, NEVER_BLOCK, RATE, FULL, KERNEL = range(8)
TABLE = "postern_guard"
TCP, UDP, ICMP = 6, 17, 1


def can_make_namespaces():
    name = f"pg{os.getpid()}try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", name], check=False)
    return made


NEEDS = unittest.skipUnless(can_make_namespaces(), "needs the right to make network namespaces")


def mapped(addr):
    if ":" in addr:
        return socket.inet_pton(socket.AF_INET6, addr)
    return bytes(10) + b"\xff\xff" + socket.inet_pton(socket.AF_INET, addr)


class Net:
    """host (two addresses) -- gateway -- server (addresses of SERVERS)."""

    def __init__(self):
        self.host, self.gateway, self.server = (f"pg{os.getpid()}{name}" for name in ("h", "g", "s"))
        self.running = []
        for name in (self.host, self.gateway, self.server):
            subprocess.run(["ip", "netns", "add", name], check=True)
            self.run(name, "ip", "link", "set", "lo", "up")
        self.pair(self.host, "up0", self.gateway, "in0")
        self.pair(self.gateway, "out0", self.server, "net0")
        for where, device, *addrs in ((self.host, "up0", HOST, OTHER), (self.gateway, "in0", GATEWAY),
                                      (self.gateway, "out0", "198.18.255.1"), (self.server, "net0", *SERVERS)):
            for addr in addrs:
                self.run(where, "ip", "addr", "add", f"{addr}/{24 if addr.startswith('10.') else 16}", "dev", device)
            self.run(where, "ip", "link", "set", device, "up")
        self.run(self.host, "ip", "route", "add", "default", "via", GATEWAY)
        self.run(self.server, "ip", "route", "add", "default", "via", "198.18.255.1")
        self.run(self.gateway, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def pair(self, a, device, b, other):
        self.run(a, "ip", "link", "add", device, "type", "veth", "peer", "name", other, "netns", b)

    def run(self, where, *words, **more):
        return subprocess.run(["ip", "netns", "exec", where, *map(str, words)], check=True, capture_output=True, text=True, **more).stdout

    def start(self, where, *words, **more):
        process = subprocess.Popen(["ip", "netns", "exec", where, *map(str, words)], **more)
        self.running.append(process)
        return process

    def ruleset(self, where=None):
        return self.run(where or self.gateway, "nft", "list", "ruleset")

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
        for name in (self.host, self.gateway, self.server):
            subprocess.run(["ip", "netns", "del", name], check=False)


class Enforcer:
    """postern-enforcer in a namespace, and the guard's end of its pair."""

    def __init__(self, net, where=None, **hello):
        self.here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.here.settimeout(20)
        fd = there.fileno()
        self.process = net.start(where or net.gateway, ENFORCER, pass_fds=[3] if fd == 3 else [fd, 3],
                                 preexec_fn=lambda: os.dup2(fd, 3, inheritable=True) if fd != 3 else None,
                                 stderr=subprocess.PIPE, text=True, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        there.close()
        self.serial, self.denied = 0, []
        if hello is not None and hello.pop("greet", True):
            reply = self.ask(HELLO, **hello)
            assert reply["kind"] == DONE, (reply, self.process.stderr.read())

    def ask(self, kind, host="::", peer="::", proto=0, port=0, port_last=0, bits=128, expiry=60, channels=16, hosts=4, changes=100,
            persistent=0, version=1):
        self.serial += 1
        self.here.send(struct.pack("=IIQ16s16s16sIIIIHHBBB17s", version, kind, self.serial, mapped(host), mapped(peer), bytes(16),
                                   expiry, channels, hosts, changes, port, port_last or port, proto, bits, persistent, bytes(17)))
        while True:
            reply = self.hear()
            if reply["kind"] != DENIED:
                assert reply["serial"] == self.serial
                return reply
            self.denied.append(reply)

    def hear(self):
        fields = "version kind serial host peer time_ns reason error_number count lost host_port port proto".split()
        data = self.here.recv(200)
        assert len(data) == 88, data
        return dict(zip(fields, struct.unpack("=IIQ16s16sqIIIIHHB11x", data)))

    def denials(self, seconds=1.0):
        """Those that come within the time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.here.settimeout(left)
            try:
                self.denied.append(self.hear())
            except TimeoutError:
                break
        self.here.settimeout(20)
        return self.denied

    def end(self):
        self.here.close()
        return self.process.wait(timeout=20)


# a server that answers each line, and a client that says for each line whether it was answered in time
ECHO = r"""
import socket, sys, threading
def talk(s):
    with s:
        while data := s.recv(1000):
            s.sendall(data)
def listen(addr, port):
    with socket.create_server((addr, port), backlog=64) as server:
        while True:
            threading.Thread(target=talk, args=server.accept()[:1], daemon=True).start()
for word in sys.argv[1:]:
    addr, port = word.split(":")
    threading.Thread(target=listen, args=(addr, int(port))).start()
print("ready", flush=True)
"""
LINES = r"""
import socket, sys
s = socket.socket()
s.settimeout(2)
s.bind((sys.argv[1], 0))
try:
    s.connect((sys.argv[2], int(sys.argv[3])))
    print("open", flush=True)
except OSError as wrong:
    print("failed", flush=True)
    sys.exit()
for line in sys.stdin:
    try:
        s.sendall(line.encode())
        print("answered" if s.recv(100) else "closed", flush=True)
    except OSError:
        print("silent", flush=True)
        break
"""


# begins a connection every 5 ms, each with one SYN; says of how many, until it is told to stop, how many were opened
KNOCK = r"""
import select, socket, sys, time
source, addr, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
sockets, poll, tries, opened = {}, select.poll(), 0, 0
while not select.select([sys.stdin], [], [], 0.005)[0]:
    s = socket.socket()
    s.setblocking(False)
    s.bind((source, 0))
    s.connect_ex((addr, port))
    sockets[s.fileno()] = s, time.monotonic()
    poll.register(s, select.POLLOUT)
    tries += 1
    for fd, what in poll.poll(0):
        opened += what == select.POLLOUT
        poll.unregister(fd)
        sockets.pop(fd)[0].close()
    for fd, (s, begun) in list(sockets.items()):
        if time.monotonic() - begun > 0.5:  # before it sends another
            poll.unregister(fd)
            sockets.pop(fd)[0].close()
time.sleep(0.4)
opened += sum(what == select.POLLOUT for fd, what in poll.poll(0))
print(tries, opened)
"""


class Knocker:
    def __init__(self, net, source, addr, port):
        self.process = net.start(net.host, "/usr/bin/python3", "-c", KNOCK, source, addr, str(port), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self):
        """How often it tried, and was let in."""
        return tuple(map(int, self.process.communicate("\n", timeout=20)[0].split()))


class Client:
    """A connection that stays."""

    def __init__(self, net, source, addr, port):
        self.process = net.start(net.host, "/usr/bin/python3", "-c", LINES, source, addr, port, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.state = self.process.stdout.readline().strip()

    def say(self):
        self.process.stdin.write("x\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def serve(net, *words):
    process = net.start(net.server, "/usr/bin/python3", "-c", ECHO, *words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"


# an inert client: a list of servers, one after the other; it stays with one while that answers
LADDER = r"""
import socket, sys, time
servers, at = [word.split(":") for word in sys.argv[2:]], 0
while True:
    addr, port = servers[at % len(servers)]
    with socket.socket() as s:
        s.settimeout(1)
        try:
            s.bind((sys.argv[1], 0))
            s.connect((addr, int(port)))
            print("open", addr, time.time(), flush=True)
            while s.sendall(b"hello there\n") is None and s.recv(100):
                print("answered", addr, time.time(), flush=True)
                time.sleep(0.1)
        except OSError:
            pass
    print("left", addr, time.time(), flush=True)
    at += 1
    time.sleep(0.2)
"""


# a name server that knows a few names, and a question to it
NAMES = r"""
import json, socket, struct, sys
known = json.loads(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    query, peer = s.recvfrom(4096)
    parts, at = [], 12
    while query[at]:
        parts.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    name, is_a = ".".join(parts), query[at + 1:at + 3] == b"\0\1"
    addr = next((to for of, to in known.items() if name == of or of[:1] == "*" and name.endswith(of[1:])), None)
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(addr) if addr and is_a else b""
    s.sendto(query[:2] + struct.pack(">HHHHH", 0x8580 + (0 if addr else 3), 1, 1 if answer else 0, 0, 0) + query[12:at + 5] + answer, peer)
"""
ASK = r"""
import random, socket, struct, sys
source, server, name = sys.argv[1:]
query = struct.pack(">HHHHHH", random.getrandbits(16), 0x100, 1, 0, 0, 0) + b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(3)
    s.bind((source, 0))
    s.connect((server, 53))
    s.send(query + b"\0" + struct.pack(">HH", 1, 1))
    try:
        answer = s.recv(4096)
        print({0: socket.inet_ntoa(answer[-4:]), 3: "NXDOMAIN"}.get(answer[3] & 15, "FAILED"))
    except TimeoutError:
        print("SILENT")
"""


class Names:
    """A name server beside the servers."""

    def __init__(self, net, addr, known):
        self.net, self.addr = net, addr
        process = net.start(net.server, "/usr/bin/python3", "-c", NAMES, addr, json.dumps(known), stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"

    def ask(self, name, source=HOST, server=None):
        return self.net.run(self.net.host, "/usr/bin/python3", "-c", ASK, source, server or self.addr, name).strip()


class Lines:
    """What a program prints, as it does."""

    def __init__(self, process, reads):
        self.process, self.all = process, []
        self.thread = threading.Thread(target=lambda: [self.all.append(reads(line)) for line in process.stdout], daemon=True)
        self.thread.start()

    def wait(self, wanted, seconds=30):
        """The first that is wanted."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := next((line for line in list(self.all) if wanted(line)), None):
                return found
            time.sleep(0.02)
        raise AssertionError(f"nothing in {seconds} s of what was wanted: {self.all[-12:]}")


def ladder(net, source, *words):
    """Lines of (what, address, time)."""
    def reads(line):
        what, addr, at = line.split()
        return what, addr, float(at)
    return Lines(net.start(net.host, "/usr/bin/python3", "-c", LADDER, source, *words, stdout=subprocess.PIPE, text=True), reads)


def told(line):
    """Who is killed may have written half a line."""
    return parsed(line) if line.endswith("\n") else {"type": "cut"}


class Ready:
    """The socket on which a service says that it works (sd_notify(3))."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o755)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = f"{self.folder.name}/notify"
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.socket.settimeout(0.2)
        return self

    def wait(self, process, seconds=60):
        """Or it has ended."""
        until = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in self.socket.recv(4096):
                    return

    def __exit__(self, *error):
        self.socket.close()
        self.folder.cleanup()


class Guard(Lines):
    def __init__(self, net, *args, before=(), waits=True):
        with Ready() as ready:
            self.begin(net, args, before, ready)
            if waits:
                ready.wait(self.process)

    def begin(self, net, args, before, ready):
        self.err = tempfile.TemporaryFile("w+")
        process = net.start(net.gateway, *before, POSTERN, "guard", "-i", "in0", "--json", "--act-e", "0.1", *args, stdout=subprocess.PIPE, stderr=self.err, text=True,
                            env={"NOTIFY_SOCKET": ready.path, **os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        super().__init__(process, told)

    def changes(self, act):
        return [line for line in list(self.all) if line["type"] == "change" and line["act"] == act]

    def change(self, act, peer, seconds=30):
        return self.wait(lambda line: line["type"] == "change" and line["act"] == act and line.get("peer") == peer, seconds)

    def words(self):
        self.err.seek(0)
        return self.err.read()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.thread.join(10)
        return code
