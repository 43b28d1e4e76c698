# SPDX-License-Identifier: Apache-2.0
"""One attempt of a client: find the name, open the connection, say hello, ask, learn how it went.

Everything here is computed forward from a start time; the outcome words are those of the contract."""
import struct
from dataclasses import dataclass

from . import dns, http, tls
from .sim import Range, Trouble
from .tcp import Tcp
from .wire import UDP, Path

EYEBALLS_S = 0.25         # RFC 8305 section 5
QUIC_HEAD_START_S = 0.3
UDP_TRIES = (0, 1, 3)     # a plain client's repeats
UDP_GIVES_UP = 5.0
STALL_PATIENCE_S = 30.0
TUNNEL_LABEL_BYTES = 30   # payload bytes of one tunnel query (two labels of hex)
TUNNEL_QUERIES_MAX = 400
DATAGRAM_MAX = 1200
NO_FRAME = (b"", b"", b"", b"")
BANNERS = {"smtp": b"220 mail.example ESMTP ready\r\n", "ftp": b"220 files.example ready\r\n",
           "imap": b"* OK ready\r\n"}
UDP_SERVICES = ("udp", "ntp", "dns-tunnel", "icmp", "ping")
SERVICES = ("tls", "http", "raw", *UDP_SERVICES, *BANNERS)


@dataclass
class Target:
    server: object
    port: object
    name: str = ""          # instead of the server's own first name
    via: object = None      # Target of an HTTP proxy
    tls: str = ""
    agent: str = ""
    tries: int = 0
    stay: int = 0
    wait: object = None

    @property
    def host_name(self):
        return self.name or (self.server.names[0] if self.server.names else "")


@dataclass
class Result:
    outcome: str
    t: float
    channel: object = None

    @property
    def ok(self):
        return self.outcome == "ok"


class Client:
    """A program on a host: how it introduces itself and how big its messages are."""

    def __init__(self, sim, host, rng, **options):
        self.sim, self.host, self.rng = sim, host, rng
        get = options.get
        system = host.system
        self.tls = get("tls") or {"windows": "chrome", "linux": "firefox"}.get(system, "safari")
        self.agent = get("agent", http.AGENTS[system])
        self.method, self.path = get("method") or "GET", get("path") or "/"
        self.request, self.response = get("request") or Range(300, 600), get("response") or Range(500, 3000)
        self.think = get("think") or Range(0.005, 0.06)
        self.patience = get("patience") or float("inf")
        self.linger = get("linger") or Range(0.01, 0.3)
        self.quiet = get("no-dns", False)
        self.mail_for = get("mail-for")  # the domain whose exchangers are asked for
        self.frame = get("frame", {})  # service: how its messages begin and end, the client's and the server's

    # Names ---------------------------------------------------------------------------------------------

    def resolve(self, name, server, t):
        """Returns (outcome, addresses, time). The resolver's cache on the host serves until the TTL is over."""
        host = self.host
        kept = host.cache.get(name)
        if kept and kept[0] <= t < kept[1]:
            return "ok", kept[2], t
        families = (6, 4) if host.address6 else (4,)
        state = server.state(t, self.rng, dns=True)
        if self.mail_for:
            _, t = self.lookup(self.mail_for, server, t, [dns.MX], state)
        types = [dns.A] + ([dns.AAAA] if host.address6 or host.stack.both_families else [])
        outcome, t = self.lookup(name, server, t, types, state)
        if outcome == "nxdomain" and host.search:
            for suffix in host.search:
                _, t = self.lookup(f"{name}.{suffix}", None, t + 0.001, types, None)
        if outcome != "ok":
            return outcome, [], t
        addresses = [address for family in families for address in self.offered(server, family)]
        host.cache[name] = (t, t + server.ttl, addresses)
        return "ok", addresses, t

    def offered(self, server, family):
        found = [address for address in server.addresses if address.version == family]
        if server.rotates and found:
            server.turn += 1
            at = server.turn % len(found)
            found = found[at:] + found[:at]
        return found

    def lookup(self, name, server, t, types, state, texts=()):
        """Asks every type at once, each from its own port. server None: a name that does not exist."""
        ends = [self.ask_name(name, server, t + step * 0.0002, qtype, state, texts) for step, qtype in enumerate(types)]
        return ends[0][0], max(end for _, end in ends)

    def ask_name(self, name, server, t, qtype, state, texts):
        host, rng = self.host, self.rng
        if not host.resolvers:
            raise Trouble(0, 0, f"host {host.name} has no resolver but asks for {name}: add 'resolver NAME'")
        port, ident = host.port("dns", 53), rng.getrandbits(16)
        query = dns.question(ident, name, qtype)
        sent = set()
        moment, servfail = t, None
        for when, index in host.stack.resolver_times:
            if index is None:
                return ("servfail", servfail) if servfail else ("dns-silent", t + when)
            moment = t + when if servfail is None else max(servfail, moment)
            chosen = host.resolvers if index == "all" else [host.resolvers[index % len(host.resolvers)]]
            for resolver in chosen:
                end = self.ask_resolver(resolver, moment, (port, 53), query, state)
                sent.add(resolver.name)
                if end is None:
                    continue
                path, back, reply = end
                if reply == "refused-port":
                    continue
                rcode = {"servfail": dns.SERVFAIL, "nxdomain": dns.NXDOMAIN}.get(reply, dns.NOERROR)
                message = self.answer_bytes(ident, name, qtype, rcode, server, texts)
                path.udp(1, back, (port, 53), message)
                if rcode != dns.SERVFAIL:
                    return ("nxdomain" if rcode == dns.NXDOMAIN else "ok"), back
                servfail = back
            if servfail is not None and len(sent) >= len(host.resolvers):
                return "servfail", servfail
        return "dns-silent", moment

    def ask_resolver(self, resolver, t, ports, query, state):
        """Sends the question; (path, time of the reply, what it says), or None for silence."""
        host, rng = self.host, self.rng
        path = Path(self.sim, host, resolver.address, self.sim.mac_of(resolver.address), resolver.rtt.draw(rng), 64)
        datagram = path.udp(0, t, ports, query)
        own = resolver.state(t, rng)
        if own.kind == "silent":
            return None
        if own.kind == "refuses":
            path.unreachable(t + path.rtt, UDP, datagram, "port")
            return path, t + path.rtt, "refused-port"
        broken = resolver.state(t, rng, dns=True).kind
        what = broken if broken != "answers" else "nxdomain" if state is None else state.kind
        if what == "dns-silent":
            return None
        return path, t + path.rtt + own.seconds, what

    def answer_bytes(self, ident, name, qtype, rcode, server, texts):
        if rcode != dns.NOERROR or server is None:
            return dns.answer(ident, name, qtype, rcode)
        if qtype == dns.MX:
            return dns.exchanger(ident, name, server.names[0], int(server.ttl))
        family = 4 if qtype == dns.A else 6
        found = [address for address in server.addresses if address.version == family]
        if server.rotates and found:
            at = (server.turn + 1) % len(found)
            found = found[at:] + found[:at]
        return dns.answer(ident, name, qtype, rcode, [str(address) for address in found],
                          int(server.ttl), server.cnames, texts)

    # Connections ---------------------------------------------------------------------------------------

    def wire(self, server, address):
        return Path(self.sim, self.host, address, self.sim.mac_of(address), server.rtt.draw(self.rng), 64 - server.hops)

    def contact(self, target, t):
        """A whole attempt: open, one question, close."""
        if target.port.service in UDP_SERVICES:
            return self.datagrams(target, t)
        result = self.open(target, t)
        if not result.ok:
            return result
        outcome, t = result.channel.ask(result.t)
        if outcome == "ok":
            result.channel.close(t + self.linger.draw(self.rng))
        return Result(outcome, t)

    def addresses(self, target, t):
        server, name = target.server, target.host_name
        if name and not self.quiet:
            return self.resolve(name, server, t)
        found = [address for address in server.addresses if address.version == 4 or self.host.address6]
        return "ok", found, t

    def open(self, target, t):
        """Name and connection and hello; Result.channel when it stands."""
        if target.via:
            return self.open_by_proxy(target, t)
        outcome, addresses, t = self.addresses(target, t)
        if outcome != "ok":
            return Result(outcome, t)
        if not addresses:
            return Result("nxdomain", t)
        if target.port.quic:
            result = self.quic(target, addresses[0], t)
            if result.ok:
                return result
            t = result.t
        mixed = len({address.version for address in addresses}) > 1
        result = Result("silent", t)
        for at, address in enumerate(addresses):
            server, port = target.server, target.port
            answer = server.state(t, self.rng, address=address, port=port.number)
            tcp = Tcp(self.wire(server, address), self.host.port(address, port.number), port.number, self.rng)
            hurry = mixed and at + 1 < len(addresses)
            outcome, t = tcp.open(t, answer, EYEBALLS_S if hurry else self.patience)
            result = Result(outcome, t)
            if outcome == "ok":
                channel = Channel(self, target, tcp, answer)
                outcome, t = channel.greet(t)
                return Result(outcome, t, channel if outcome == "ok" else None)
        return result

    def open_by_proxy(self, target, t):
        proxy = target.via
        result = self.open(Target(proxy.server, proxy.port, agent=target.agent), t)
        if not result.ok:
            return result
        tcp, server, name = result.channel.tcp, target.server, target.host_name or str(target.server.addresses[0])
        answer = server.state(result.t, self.rng, address=server.addresses[0], port=target.port.number)
        channel = Channel(self, target, tcp, answer)
        status = {"refuses": 502, "unreachable": 502, "silent": 504}.get(answer.kind, 200)
        if server.state(result.t, self.rng, dns=True).kind != "answers":
            status = 503
        t = result.t
        if target.port.service != "http" or status != 200:
            head = http.connect(f"{name}:{target.port.number}", target.agent or self.agent)
            t = tcp.data(0, t, head)
            t = tcp.data(1, t + tcp.path.rtt + (20.0 if status == 504 else 0.03),
                         b"HTTP/1.1 200 Connection established\r\n\r\n" if status == 200 else http.response(status, b"\n"))
        if status != 200:
            return Result("http-error", tcp.close(t + 0.001, 1))
        outcome, t = channel.greet(t + 0.0005)
        return Result(outcome, t, channel if outcome == "ok" else None)

    # Datagrams -----------------------------------------------------------------------------------------

    def datagrams(self, target, t):
        service = target.port.service
        if service == "dns-tunnel":
            return self.tunnel(target, t)
        outcome, addresses, t = self.addresses(target, t)
        if outcome != "ok" or not addresses:
            return Result(outcome if outcome != "ok" else "nxdomain", t)
        address, number = addresses[0], target.port.number
        path = self.wire(target.server, address)
        answer = target.server.state(t, self.rng, address=address, port=number, transport="udp")
        ports = (self.host.port(address, number), number)
        if service in ("icmp", "ping"):
            return self.ping(path, answer, service, t)
        request, response = self.messages(service)
        for when in (moment for moment in UDP_TRIES if moment < self.patience):
            datagram = path.udp(0, t + when, ports, request)
            back = t + when + path.rtt
            if answer.kind in ("refuses", "unreachable"):
                why = "port" if answer.kind == "refuses" else answer.word or "host"
                path.unreachable(back, UDP, datagram, why, self.sim.router(path.v6))
                return Result("unreachable", back)
            if answer.kind == "answers" or answer.kind == "slow":
                back += answer.seconds
                for part in range(0, max(len(response), 1), DATAGRAM_MAX):
                    path.udp(1, back, ports, response[part:part + DATAGRAM_MAX])
                    back += 0.0002
                return Result("ok", back)
        return Result("silent", t + min(UDP_GIVES_UP, self.patience))

    def messages(self, service):
        if service == "ntp":  # RFC 5905: version 4, client (3) and server (4)
            stamp = struct.pack("!Q", int((self.sim.start_ns / 1e9 + self.sim.now + 2208988800) * 2 ** 32) & (2 ** 64 - 1))
            client = b"\x23\0\6\xec" + bytes(36) + stamp
            server = b"\x24\2\6\xec" + struct.pack("!II", 0x10, 0x20) + b"GPS\0" + stamp * 4
            return client, server
        rng = self.rng
        first, last, back_first, back_last = self.frame.get(service, NO_FRAME)
        return (first + self.sim.bytes(rng, min(self.request.count(rng), DATAGRAM_MAX)) + last,
                back_first + self.sim.bytes(rng, self.response.count(rng)) + back_last)

    def ping(self, path, answer, service, t):
        ident, size = self.rng.getrandbits(16), min(self.request.count(self.rng), DATAGRAM_MAX)
        payload = self.sim.bytes(self.rng, size)
        if service == "ping":  # iputils: when it was sent, and bytes that count up
            stamp = struct.pack("<QQ", *divmod(int((self.sim.start_ns / 1e9 + t) * 1e6), 1_000_000))
            payload = (stamp + bytes(number & 255 for number in range(16, max(size, 16))))[:size]
        for sequence in range(1, 4):
            path.echo(0, t, ident, sequence, payload)
            if answer.kind in ("answers", "slow"):
                path.echo(1, t + path.rtt, ident, sequence, payload)
                return Result("ok", t + path.rtt)
            t += 1
        return Result("silent", t)

    def tunnel(self, target, t):
        """Request bytes in labels of TXT questions under the server's domain, answers in TXT records."""
        server, rng = target.server, self.rng
        count = min(self.request.count(rng) // TUNNEL_LABEL_BYTES + 1, TUNNEL_QUERIES_MAX)
        back = self.response.count(rng) // count
        for _ in range(count):
            noise = rng.randbytes(TUNNEL_LABEL_BYTES).hex()
            name = f"{noise[:30]}.{noise[30:]}.{target.name or server.domain}"
            state = server.state(t, rng, dns=True)
            text = rng.randbytes(min(max(back // 2, 4), 100)).hex().encode()
            outcome, t = self.lookup(name, server, t, [dns.TXT], state, (text,))
            if outcome != "ok":
                return Result(outcome, t)
            t += self.think.draw(rng)
        return Result("ok", t)

    def quic(self, target, address, t):
        """A long header (RFC 9000 17.2) over noise: it can't be decrypted, which no observer needs."""
        number = target.port.number
        answer = target.server.state(t, self.rng, address=address, port=number, transport="udp")
        path, ports = self.wire(target.server, address), (self.host.port(address, number), number)
        ident = self.rng.randbytes(8)

        def initial(target_id, source_id):
            head = b"\xc3\0\0\0\1" + tls.vector(target_id, 1) + tls.vector(source_id, 1) + b"\0"
            room = DATAGRAM_MAX + 50 - len(head) - 2
            return head + struct.pack("!H", 0x4000 | room) + self.sim.bytes(self.rng, room)

        if answer.kind not in ("answers", "slow"):
            datagram = path.udp(0, t, ports, initial(ident, b""))
            if answer.kind == "refuses":
                path.unreachable(t + path.rtt, UDP, datagram, "port")
                return Result("unreachable", t + path.rtt)
            path.udp(0, t + QUIC_HEAD_START_S - 0.05, ports, initial(ident, b""))
            path.udp(0, t + 3 * QUIC_HEAD_START_S, ports, initial(ident, b""))
            return Result("silent", t + QUIC_HEAD_START_S)
        path.udp(0, t, ports, initial(ident, b""))
        t += path.rtt
        for _ in range(3):
            path.udp(1, t, ports, initial(b"", ident))
            t += 0.0002
        return Result("ok", t + 0.001, Datagrams(self, path, ports, ident))


class Datagrams:
    """An open QUIC connection: short headers (RFC 9000 17.3) over noise."""

    def __init__(self, client, path, ports, ident):
        self.client, self.path, self.ports, self.ident, self.last = client, path, ports, ident, 0.0

    def ask(self, t, request=None, response=None):
        client, rng = self.client, self.client.rng
        size = request or client.request.count(rng)
        self.path.udp(0, t, self.ports, b"\x43" + self.ident + client.sim.bytes(rng, min(size, DATAGRAM_MAX)))
        t += self.path.rtt + client.think.draw(rng)
        left = response or client.response.count(rng)
        while left > 0:
            self.path.udp(1, t, self.ports, b"\x43" + client.sim.bytes(rng, min(left, DATAGRAM_MAX)))
            left -= DATAGRAM_MAX
            t += 0.00015
        self.last = t
        return "ok", t

    def rest(self):
        return self.last

    def close(self, t):
        return t


class Channel:
    """An open TCP connection that speaks a service."""

    def __init__(self, client, target, tcp, answer):
        self.client, self.target, self.tcp, self.answer = client, target, tcp, answer
        self.fresh = True

    def greet(self, t):
        """The hello of the service; (outcome, time)."""
        service, client = self.target.port.service, self.client
        if service == "tls":
            return self.greet_tls(t)
        if service in BANNERS and self.answer.kind == "answers":
            return "ok", self.tcp.data(1, t + client.think.draw(client.rng), BANNERS[service]) + 0.001
        return "ok", t

    def greet_tls(self, t):
        client, tcp, target = self.client, self.tcp, self.target
        hello = tls.Hello(target.tls or client.tls, target.host_name, client.rng)
        bad = self.trouble(t, hello.client())
        if bad:
            return bad
        t = tcp.data(0, t, hello.client())
        if self.answer.kind == "tls-alert":
            t = tcp.data(1, t + tcp.path.rtt, tls.alert(self.answer.number or 40))
            return "tls-alert", tcp.close(t + 0.0005, 1)
        version = min(target.server.tls, 0x0303 if hello.old else 0x0304)
        self.version = version
        name = target.host_name or str(target.server.addresses[0])
        for side, flight in hello.flights(version, tls.certificate(name)):
            pause = tcp.path.rtt + client.think.draw(client.rng) / 4 if side else 0.0008
            t = tcp.data(side, t + pause, flight)
        return "ok", t + (0.0005 if version == 0x0304 else 0.001)

    def trouble(self, t, payload):
        """What the server does instead of answering this; None when it answers."""
        tcp, kind = self.tcp, self.answer.kind
        wait = min(self.client.patience, STALL_PATIENCE_S)
        if kind in ("resets", "refuses"):
            t = tcp.data(0, t, payload)
            return "reset", tcp.reset(t + tcp.path.rtt + 0.0002, 1)
        if kind == "closes":
            t = tcp.data(0, t, payload)
            return "stalled", tcp.close(t + tcp.path.rtt + 0.0002, 1)
        if kind == "stalls":
            t = tcp.data(0, t, payload)
            return "stalled", tcp.close(t + wait, 0)
        if kind in ("vanishes", "silent", "unreachable"):
            return "stalled", tcp.unheard(t, payload, wait)
        return None

    def ask(self, t, request=None, response=None):
        """One question and its answer; (outcome, time of the answer's last byte)."""
        client, rng, tcp, target = self.client, self.client.rng, self.tcp, self.target
        if not self.fresh:
            self.answer = target.server.state(t, rng, address=tcp.path.peer, port=target.port.number)
        self.fresh = False
        size = request or client.request.count(rng)
        back = response or client.response.count(rng)
        service, outcome = target.port.service, "ok"
        status = self.answer.number or 404 if self.answer.kind == "http" else 200
        if status >= 400:
            outcome, back = "http-error", min(back, 600)
        if service == "tls":
            over = tls.OVERHEAD[self.version]
            question = tls.record(tls.CONTENT_DATA, client.sim.bytes(rng, size + over))
            reply = tls.record(tls.CONTENT_DATA, client.sim.bytes(rng, back + over))
        elif service == "http":
            question, reply = self.http_bytes(size), http.response(status, client.sim.bytes(rng, back))
        else:
            first, last, back_first, back_last = client.frame.get(service, NO_FRAME)
            question, outcome = first + client.sim.bytes(rng, size) + last, "ok"
            reply = back_first + client.sim.bytes(rng, back) + back_last
            if service in BANNERS:
                question, reply = b"NOOP\r\n", b"250 OK\r\n" if service != "imap" else b"* OK\r\n"
        bad = self.trouble(t, question)
        if bad:
            return bad
        t = tcp.data(0, t, question)
        t = tcp.data(1, t + tcp.path.rtt + client.think.draw(rng) + self.answer.seconds, reply)
        if outcome != "ok":
            t = self.close(t + client.linger.draw(rng))
        return outcome, t

    def http_bytes(self, size):
        client, target = self.client, self.target
        host = target.host_name or str(target.server.addresses[0])
        if target.port.number != 80:
            host += f":{target.port.number}"
        where = client.path if not target.via else f"http://{host}{client.path}"
        body = client.sim.bytes(client.rng, max(size - 200, 0)) if client.method in ("POST", "PUT") else b""
        return http.request(client.method, where, host, target.agent or client.agent, body)

    def rest(self):
        """The connection stays open and quiet: acknowledgements that are owed are written now."""
        tcp = self.tcp
        for side in (0, 1):
            tcp.settle(side, float("inf"))
        return tcp.last

    def close(self, t, first=0):
        return self.tcp.close(t, first)
