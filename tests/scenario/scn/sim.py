# SPDX-License-Identifier: Apache-2.0
"""The stage: hosts, servers and resolvers, the clock, and the frames on their way to the file.

Behaviours are generators that yield the second at which they go on. They are resumed in order of time,
so frames older than the clock are complete and can be written: memory stays small however long the day."""
import heapq
import ipaddress
import random
from dataclasses import dataclass, field

from .stack import STACKS
from .wire import mac_bytes

FLUSH_FRAMES = 20000     # frames held before the finished ones are written
FRAMES_MAX = 20_000_000  # a scenario that makes more is a mistake
STUCK_MAX = 100_000      # steps at one instant
DNS_KINDS = ("nxdomain", "servfail", "dns-silent")
NOISE_BYTES = 1 << 18
SIZE_MAX = 1 << 24       # largest request or response of one exchange
GATEWAY_MAC = mac_bytes("02:00:00:00:00:01")
LOCAL = tuple(ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


class Trouble(Exception):
    """The scenario asks for what can't be; line and column say where."""

    def __init__(self, line, column, text):
        super().__init__(text)
        self.line, self.column, self.text = line, column, text


@dataclass(frozen=True)
class Range:
    low: float
    high: float

    def draw(self, rng):
        return self.low if self.low == self.high else rng.uniform(self.low, self.high)

    def count(self, rng):
        return int(self.low) if self.low == self.high else rng.randint(int(self.low), int(self.high))


@dataclass(frozen=True)
class Answer:
    kind: str = "answers"
    number: int = 0
    word: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Clause:
    answer: Answer
    start: float = 0.0
    end: float = float("inf")
    chance: float = 1.0
    family: int = 0
    transport: str = ""
    port: int = 0
    address: object = None


@dataclass
class Port:
    number: int
    service: str
    quic: bool = False


@dataclass
class Server:
    name: str
    names: list = field(default_factory=list)
    addresses: list = field(default_factory=list)
    ports: list = field(default_factory=list)
    clauses: list = field(default_factory=list)
    rtt: Range = Range(0.03, 0.04)
    ttl: float = 300
    hops: int = 12
    cnames: list = field(default_factory=list)
    tls: int = 0x0304
    domain: str = ""
    rotates: bool = False
    turn: int = 0

    def state(self, t, rng, dns=False, address=None, port=0, transport="tcp"):
        """What it does now: the last clause that fits wins."""
        family = address.version if address else 0
        for clause in reversed(self.clauses):
            if (clause.answer.kind in DNS_KINDS) != dns or not clause.start <= t < clause.end:
                continue
            if clause.family and clause.family != family or clause.port and clause.port != port:
                continue
            if clause.transport and clause.transport != transport or clause.address and clause.address != address:
                continue
            if clause.chance >= 1 or rng.random() < clause.chance:
                return clause.answer
        return Answer()


@dataclass
class Resolver:
    name: str
    address: object = None
    rtt: Range = Range(0.001, 0.02)
    clauses: list = field(default_factory=list)
    state = Server.state


class Host:
    def __init__(self, name, number, address, address6=None, mac=None, stack="windows", resolvers=(), search=()):
        self.name, self.address, self.address6 = name, address, address6
        self.mac = mac or bytes([2, 0, 0x5E, 0x10, number >> 8, number & 255])
        self.stack = STACKS[stack]
        self.resolvers, self.search = list(resolvers), list(search)
        self.cache = {}
        self.used = set()
        self.next_port = 49152 if stack.startswith("win") or stack in ("macos", "ios") else 32768
        self.next_port += number * 97 % 4000
        self.first_port = 49152 if self.next_port >= 49152 else 32768

    def port(self, peer, number):
        """An ephemeral port that never talked to this peer and port before."""
        for _ in range(32768):
            self.next_port += 1
            if self.next_port > (65535 if self.first_port == 49152 else 60999):
                self.next_port = self.first_port
            key = (self.next_port, peer, number)
            if key not in self.used:
                self.used.add(key)
                return self.next_port
        raise Trouble(0, 0, f"host {self.name}: no free port towards {peer}:{number}: shorten the scenario")

    @property
    def system(self):
        return self.stack.name.split("-")[0]


class Wait:
    """Yielded by a behaviour that begins after another: actor has failed, worked or ended so often."""

    def __init__(self, actor, what, count, delay):
        self.actor, self.what, self.count, self.delay = actor, what, count, delay

    def ready(self):
        actor = self.actor
        have = {"fails": actor.fails, "works": actor.works, "ends": int(actor.ended)}[self.what]
        return have >= self.count


class Sim:
    def __init__(self, seed, start_ns, length, sink):
        self.seed, self.start_ns, self.length, self.sink = seed, start_ns, length, sink
        self.heap, self.order, self.now = [], 0, 0.0
        self.frames, self.count, self.written_to = [], 0, -1
        self.ident = 0
        self.noise = self.rng("noise").randbytes(NOISE_BYTES)
        self.waiting = []
        self.world = {}

    def rng(self, name):
        """Each behaviour has its own: adding one does not change what the others do."""
        return random.Random(f"{self.seed}/{name}")

    def bytes(self, rng, size):
        size = min(size, SIZE_MAX)
        if size > NOISE_BYTES // 2:
            return (self.noise * (size // NOISE_BYTES + 1))[:size]
        at = rng.randrange(NOISE_BYTES - size)
        return self.noise[at:at + size]

    def router(self, v6):
        return ipaddress.ip_address("2001:db8:ffff::1" if v6 else "192.0.2.1").packed

    def mac_of(self, address):
        """Peers on the local network have their own MAC, all others the gateway's."""
        if address.version == 4 and any(address in net for net in LOCAL):
            return b"\x02\0" + address.packed
        return GATEWAY_MAC

    def emit(self, t, frame):
        if t >= self.length:  # the capture was stopped
            return
        time_ns = self.start_ns + round(t * 1e9)
        if time_ns < self.written_to:
            raise AssertionError(f"a frame for {t:.6f} s came after that time was written")
        self.count += 1
        if self.count > FRAMES_MAX:
            raise Trouble(0, 0, f"more than {FRAMES_MAX} frames: shorten the scenario")
        self.frames.append((time_ns, self.count, frame))

    def flush(self, t):
        limit = self.start_ns + int(t * 1e9)
        self.frames.sort()
        done = 0
        for time_ns, _, frame in self.frames:
            if time_ns >= limit:
                break
            self.sink.frame(time_ns, frame)
            done += 1
        del self.frames[:done]
        self.written_to = limit

    def spawn(self, t, generator):
        self.order += 1
        heapq.heappush(self.heap, (t, self.order, generator))

    def call(self, t, function):
        def once():
            function()
            yield from ()
        self.spawn(t, once())

    def notify(self, t):
        """An actor's counters changed: those who waited for it go on."""
        ready = [entry for entry in self.waiting if entry[0].ready()]
        for entry in ready:
            self.waiting.remove(entry)
            wait, generator = entry
            self.spawn(max(t, self.now) + wait.delay, generator)

    def run(self):
        floor, stuck = FLUSH_FRAMES, 0
        while self.heap:
            t, _, generator = heapq.heappop(self.heap)
            if t >= self.length:
                continue
            stuck = stuck + 1 if t == self.now else 0
            if stuck > STUCK_MAX:
                raise Trouble(0, 0, f"nothing moves on at {t:.3f} s: a behaviour repeats without a wait; raise its 'every' or 'wait'")
            self.now = t
            if len(self.frames) >= floor:
                self.flush(t)
                floor = len(self.frames) + FLUSH_FRAMES
            wish = next(generator, None)
            if isinstance(wish, Wait):
                self.waiting.append((wish, generator))
                self.notify(t)
            elif wish is not None:
                self.spawn(max(wish, t), generator)
        self.flush(self.length + 1)
        return self.count
