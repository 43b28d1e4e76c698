# SPDX-License-Identifier: Apache-2.0
"""What hosts do all day besides: browsing, mail, updates, probes, clocks, push channels; peers; things.

All names end in .example or are the well-known probe names of operating systems; Internet addresses are
from 198.18.0.0/15 and 2001:db8::/32."""
import ipaddress

from .clients import WORDS
from .sim import Answer, Clause, Port, Range, Server
from .talk import Client, Target

SITES = 320
THIRD_PARTIES = 90
SHARED_ADDRESSES = 12        # addresses of two content networks that many names share
BAD_SHARE = 0.03             # of the third parties never work
FLAKY_CHANCE = 0.002         # of connections to the others fail
KEEP_OPEN_S = (20.0, 90.0)   # a browser's idle connections
PEERS_MAX = 4000
PEER_WORDS = {  # BEP 3 handshake (its reserved bytes, hash and id are noise) and BEP 5 ping
    "raw": (b"\x13BitTorrent protocol" + bytes(28), b"") * 2,
    "udp": (b"d1:ad2:id20:", b"e1:q4:ping1:t2:aa1:y1:qe", b"d1:rd2:id20:", b"e1:t2:aa1:y1:re"),
}
NET4, NET6 = int(ipaddress.ip_address("198.18.0.0")), int(ipaddress.ip_address("2001:db8:100::"))
HOURS = (0.9, 1.0, 1.1, 1.0, 0.5, 0.9, 1.0, 0.8)  # activity of the hours of a working day


class World:
    """The Internet of a scenario: the same for all its hosts and for one seed."""

    def __init__(self, sim):
        self.rng = rng = sim.rng("world")
        self.next = 0
        self.used = set()
        shared = [self.address() for _ in range(SHARED_ADDRESSES)]
        self.sites = [self.site(f"www.{self.domain()}", shared if rng.random() < 0.4 else None) for _ in range(SITES)]
        kinds = ("cdn", "static", "img", "ads", "metrics", "tag", "fonts", "api", "pixel", "sync")
        self.parties = []
        for number in range(THIRD_PARTIES):
            server = self.site(f"{rng.choice(kinds)}{number % 7 or ''}.{self.domain()}", shared if rng.random() < 0.5 else None)
            if number % 33 == 7:  # a few are blocked or gone: trackers behind filters
                server.clauses = [Clause(Answer(("refuses", "silent", "nxdomain")[number // 33]))]
            self.parties.append(server)
        # A page always loads the same third parties; few are everywhere, most are rare.
        self.pages = {site.name: sorted({self.popular(THIRD_PARTIES) for _ in range(rng.randint(5, 25))}) for site in self.sites}
        self.named = {}

    def address(self):
        self.next += self.rng.randint(1, 190)
        return ipaddress.ip_address(NET4 + self.next % (1 << 17))

    def domain(self):
        while True:
            name = self.rng.choice(WORDS) + self.rng.choice(WORDS)
            if name not in self.used:
                self.used.add(name)
                return name + ".example"

    def popular(self, count):
        return min(int(count * self.rng.random() ** 2.2), count - 1)

    def site(self, name, shared=None, six=0.4):
        rng = self.rng
        addresses = [rng.choice(shared)] if shared else [self.address() for _ in range(rng.randint(1, 3))]
        if rng.random() < six:
            addresses.append(ipaddress.ip_address(NET6 + (int(addresses[0]) << 16 | 1)))
        low = rng.uniform(0.006, 0.09)
        server = Server(name, [name], addresses, [Port(443, "tls")], rtt=Range(low, low * 1.2), hops=rng.randint(6, 18))
        server.ttl = float(rng.choice((60, 120, 300, 300, 900, 3600)))
        server.tls = 0x0303 if rng.random() < 0.25 else 0x0304
        if shared:
            server.cnames = [f"{name.replace('.', '-')}.edge.contentnet.example"]
        server.clauses = [Clause(Answer(kind), chance=FLAKY_CHANCE) for kind in ("silent", "resets")]
        if rng.random() < 0.05 and len({address.version for address in addresses}) > 1:
            server.clauses.append(Clause(Answer("silent"), family=6))
        return server

    def service(self, name, number, service, six=0.3):
        """A server known by name to all who ask for it."""
        if name not in self.named:
            server = self.site(name, six=six)
            server.ports, server.clauses = [Port(number, service)], []
            self.named[name] = server
        return Target(self.named[name], self.named[name].ports[0])


def world_of(sim):
    if "world" not in sim.world:
        sim.world["world"] = World(sim)
    return sim.world["world"]


class Browser:
    """Keeps connections open between pages and uses them again."""

    def __init__(self, sim, host, rng):
        self.sim, self.rng, self.open = sim, rng, {}
        self.client = Client(sim, host, rng, request=Range(250, 900), think=Range(0.004, 0.12))

    def size(self):
        return int(min(max(self.rng.lognormvariate(8.0, 1.2), 120), 60000))

    def fetch(self, server, t, count):
        kept = self.open.get(server.name)
        if kept and kept[1] > t and kept[2] <= t:
            channel = kept[0]
        else:
            result = self.client.open(Target(server, server.ports[0]), t)
            if not result.ok:
                return result.t
            channel, t = result.channel, result.t
        for _ in range(count):
            outcome, t = channel.ask(t, None, self.size())
            if outcome != "ok":
                self.open.pop(server.name, None)
                return t
            t += self.rng.uniform(0, 0.3)
        free = max(channel.rest(), t)
        end = free + self.rng.uniform(*KEEP_OPEN_S)
        self.open[server.name] = (channel, end, free)
        self.sim.call(end, lambda: self.expire(server.name, channel, end))
        return t

    def expire(self, name, channel, end):
        kept = self.open.get(name)
        if kept is None or kept[0] is not channel:
            channel.close(end)
        elif kept[1] == end:
            del self.open[name]
            channel.close(end, int(self.rng.random() < 0.3))

    def page(self, site, parties, t):
        end = self.fetch(site, t, self.rng.randint(1, 4))
        for party in parties:
            if self.rng.random() < 0.85:
                self.fetch(party, min(t, end) + 0.05 + self.rng.expovariate(1 / 0.6), self.rng.randint(1, 2))
        return end


def browse(sim, host, rng, share):
    world, browser = world_of(sim), Browser(sim, host, rng)
    t = rng.expovariate(share / 240)
    while True:
        yield t
        site = world.sites[min(int(SITES * rng.random() ** 2.5), SITES - 1)]
        for _ in range(rng.randint(1, 7)):
            parties = [world.parties[number] for number in world.pages[site.name]]
            browser.page(site, parties, t)
            if rng.random() < 0.35:
                site = world.sites[min(int(SITES * rng.random() ** 2.5), SITES - 1)]
            t += min(max(rng.lognormvariate(3.2, 0.9), 3), 400)
            yield t
        busy = HOURS[int(t // 3600) % len(HOURS)]
        t += rng.expovariate(share * busy / 420)


def polls(sim, host, rng, target, every, **options):
    client = Client(sim, host, rng, **options)
    t = rng.uniform(0, every.high)
    while True:
        yield t
        end = client.contact(target, t).t
        t = max(t + every.draw(rng), end)


def push(sim, host, rng, target, every, **options):
    """A connection kept open with small messages; opened again at once if it breaks."""
    client = Client(sim, host, rng, request=Range(40, 80), response=Range(40, 80), **options)
    t = rng.uniform(1, 30)
    while True:
        yield t
        result = client.open(target, t)
        t = result.t
        while result.ok:
            outcome, _ = result.channel.ask(t)
            if outcome != "ok":
                break
            t = max(result.channel.rest(), t) + every.draw(rng)
            yield t
        t += 10


def office(sim, host, share):
    world, system = world_of(sim), host.system
    probe = {"windows": ("www.msftconnecttest.com", "/connecttest.txt", "Microsoft NCSI"),
             "linux": ("connectivity-check.ubuntu.com", "/", ""),
             }.get(system, ("captive.apple.com", "/hotspot-detect.html", "CaptiveNetworkSupport-443 wispr"))
    tls = {"windows": "schannel", "linux": "openssl"}.get(system, "safari")
    vendor = f"{system}update"
    for number in range(max(1, round(share))):
        yield f"browse {number}", lambda own: browse(sim, host, own, min(share, 1.0) if share < 1 else share / round(share))
    yield "probe", lambda own: polls(sim, host, own, world.service(probe[0], 80, "http"), Range(3000, 4200), path=probe[1],
                                     agent=probe[2], response=Range(22, 69))
    yield "mail", lambda own: polls(sim, host, own, world.service("mail.postoffice.example", 443, "tls"), Range(290, 330),
                                    response=Range(300, 6000), tls=tls)
    yield "push", lambda own: push(sim, host, own, world.service(f"push.{vendor}.example", 443, "tls"), Range(230, 250), tls=tls)
    yield "telemetry", lambda own: polls(sim, host, own, world.service(f"events.telemetry.{vendor}.example", 443, "tls"),
                                         Range(900, 2100), request=Range(900, 5000), response=Range(100, 300), tls=tls)
    yield "update", lambda own: polls(sim, host, own, world.service(f"download.{vendor}.example", 443, "tls"),
                                      Range(9000, 16000), request=Range(300, 900), response=Range(20000, 400000), tls=tls)
    for number in range(2):
        yield f"ntp {number}", lambda own, number=number: polls(
            sim, host, own, world.service(f"{number}.pool.ntp.example", 123, "ntp", six=0), Range(1020, 1030))


def server(sim, host, share):
    world = world_of(sim)
    yield "api", lambda own: polls(sim, host, own, world.service("api.partner.example", 443, "tls"), Range(50 / share, 70 / share), tls="go")
    yield "logs", lambda own: push(sim, host, own, world.service("logs.collector.example", 6514, "tls"), Range(5, 15), tls="go")
    yield "packages", lambda own: polls(sim, host, own, world.service("deb.mirror.example", 80, "http"), Range(10000, 20000),
                                        agent="Debian APT-HTTP/1.3 (2.6.1)", path="/debian/dists/stable/InRelease",
                                        response=Range(20000, 150000))
    yield "backup", lambda own: polls(sim, host, own, world.service("vault.backup.example", 443, "tls"), Range(3500, 3700),
                                      request=Range(100000, 600000), response=Range(200, 300), tls="python")
    for number in range(4):
        yield f"ntp {number}", lambda own, number=number: polls(
            sim, host, own, world.service(f"{number}.pool.ntp.example", 123, "ntp", six=0), Range(60, 1030))


def iot(sim, host, share):
    world = world_of(sim)
    yield "cloud", lambda own: push(sim, host, own, world.service("mqtt.thingcloud.example", 8883, "tls"), Range(55, 60), tls="openssl")
    yield "status", lambda own: polls(sim, host, own, world.service("status.thingcloud.example", 80, "http"),
                                      Range(280 / share, 320 / share), agent="thing/1.4", method="POST",
                                      request=Range(300, 500), response=Range(20, 60))
    yield "firmware", lambda own: polls(sim, host, own, world.service("firmware.thingcloud.example", 80, "http"),
                                        Range(20000, 30000), agent="thing/1.4", path="/latest.json")
    yield "ntp", lambda own: polls(sim, host, own, world.service("0.pool.ntp.example", 123, "ntp", six=0), Range(600, 620))


def swarm(sim, host, rng, share):
    """Peers by the hundred, most of them gone: TCP to odd ports and datagrams of a hash table."""
    world = world_of(sim)
    client = Client(sim, host, rng, request=Range(20, 20), response=Range(20, 20), patience=21.0, frame=PEER_WORDS)
    t = rng.uniform(1, 20)
    for _ in range(PEERS_MAX):
        yield t
        dice = rng.random()
        kind = "answers" if dice < 0.3 else "refuses" if dice < 0.45 else "unreachable" if dice < 0.5 else "silent"
        service = rng.choice(("raw", "udp", "udp"))
        peer = Server("peer", [], [world.address()], [Port(rng.choice((6881, 51413, rng.randint(49200, 65000))), service)], [Clause(Answer(kind))],
                      Range(0.02, 0.2))
        client.contact(Target(peer, peer.ports[0]), t)
        t += rng.expovariate(share / 4)


def p2p(sim, host, share):
    world = world_of(sim)
    yield "tracker", lambda own: polls(sim, host, own, world.service("tracker.swarm.example", 80, "http"), Range(1790, 1810),
                                       path="/announce?numwant=50", agent="Transmission/3.00")
    yield "swarm", lambda own: swarm(sim, host, own, share)


KINDS = {"office": office, "server": server, "iot": iot, "p2p": p2p}


def start(sim, kind, share, host, number):
    for name, make in KINDS[kind](sim, host, share):
        sim.spawn(0.0, make(sim.rng(f"background {number} {kind} {host.name} {name}")))
