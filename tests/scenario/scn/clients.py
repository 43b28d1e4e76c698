# SPDX-License-Identifier: Apache-2.0
"""How clients behave: polls, lists, pairs, generated names, rotation, dead drops, splits, pages, scans."""
import ipaddress

from . import lang
from .sim import Answer, Clause, Range, Server, Trouble, Wait
from .sim import Port as ServerPort
from .talk import Client, Target
from .tcp import Tcp

FAILURES = ("refused", "silent", "unreachable", "reset", "stalled", "nxdomain", "servfail", "dns-silent", "tls-alert",
            "http-error")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("amber anchor apple arrow autumn basket beacon birch bottle branch bridge bright brook button candle canyon "
         "cedar circle cloud clover copper coral cotton crystal daisy desert dolphin dream eagle early ember falcon "
         "feather field flower forest garden gentle glass golden grape harbor hazel hidden honey island ivory jungle "
         "kettle ladder lantern lemon little maple marble meadow mellow mirror morning mountain noble ocean olive "
         "orange orchid paper pebble pepper pillow planet plum pocket pond purple quiet rabbit rain river robin rocket "
         "saddle sail shadow silver simple sky snow spring spruce star stone summer sunny tall thunder tiger timber "
         "tulip valley velvet violet walnut water willow winter wonder yellow").split()
SCAN_MAX = 65536


def network(line):
    word = line.take("a network such as 10.1.0.0/24")
    try:
        found = ipaddress.ip_network(word.text)
    except ValueError:
        word.fail(f"'{word.text}' is not a network: write 10.1.0.0/24, with host bits zero")
    if found.num_addresses > SCAN_MAX:
        word.fail(f"'{word.text}' has over {SCAN_MAX} addresses: write a smaller one")
    return found


def rotation(line):
    """by turn | by count N | by time SPAN"""
    how = lang.one_of("turn", "count", "time")(line)
    return how, lang.number(1, 1000000)(line) if how == "count" else lang.span(line) if how == "time" else 1


class Actor:
    """What all behaviours share: begin, end, and the count of what went well."""

    def __init__(self, sim, name, host, targets, values):
        self.sim, self.name, self.host, self.targets, self.values = sim, name, host, targets, values
        self.rng = sim.rng("actor " + name)
        options = {key: value for key, value in values.items() if key != "host"}
        self.client = Client(sim, host, self.rng, **options)
        self.begin = values.get("from", Range(0, 0)).draw(self.rng)
        self.until = values.get("until", float("inf"))
        self.fails_on = frozenset(values.get("fails-on", FAILURES))
        self.fails = self.works = 0
        self.ended = False
        self.wait = None

    def wait_for(self, actor, spec):
        delay = spec["delay"].draw(self.rng) if spec["delay"] else 0.0
        self.wait = Wait(actor, spec["what"], spec["count"], delay)

    def draw(self, option, default=0.0):
        value = self.values.get(option)
        return value.draw(self.rng) if value is not None else default

    def life(self):
        if self.wait:
            yield self.wait
        yield from self.run(self.sim.now)
        self.ended = True
        self.sim.notify(self.sim.now)

    def note(self, ok, t):
        """Counts an attempt; fails counts those in a row. Told when the client knows."""
        self.works += ok
        self.fails = 0 if ok else self.fails + 1
        if self.sim.waiting:
            self.sim.call(t, lambda: self.sim.notify(t))

    def attempt(self, target, t):
        result = self.client.contact(target, t)
        ok = result.outcome not in self.fails_on
        self.note(ok, result.t)
        return ok, result.t

    def poll(self, target, t, count=None, tries=1):
        """Asks every now and then until `tries` failures in a row, or count polls; returns (went well, end)."""
        bad = done = 0
        end = t
        while t < self.until and (count is None or done < count):
            yield t
            ok, end = self.attempt(target, t)
            done += 1
            bad = 0 if ok else bad + 1
            if bad >= tries:
                return False, end
            pause = self.draw("every") if ok else self.draw("retry-wait", 1.0)
            t = max(t + pause, end) if ok else end + pause
        return True, max(t, end)


class Beacon(Actor):
    def run(self, t):
        values = self.values
        limit, count = values.get("gives-up", float("inf")), values.get("count", float("inf"))
        done, channel = 0, None
        target = values["server"]
        while t < self.until and self.fails < limit and done < count:
            yield t
            done += 1
            if values.get("hold"):
                channel, end = self.held(target, channel, t)
            else:
                _, end = self.attempt(target, t)
            t = max(t + self.draw("every"), end)
        if channel and t < self.sim.length:
            yield t
            channel.close(t)

    def held(self, target, channel, t):
        """One question on a connection that stays open; opened again when it broke."""
        outcome = "ok"
        if channel is None:
            result = self.client.open(target, t)
            channel, outcome, t = result.channel, result.outcome, result.t
        if outcome == "ok":
            outcome, t = channel.ask(t)
        if outcome != "ok":
            channel = None
        else:
            t = channel.rest()
        self.note(outcome not in self.fails_on, t)
        return channel, t


class Walk(Actor):
    """A list of servers, ports or protocols, tried in turn until one works."""

    def plan(self):
        targets = list(self.targets)
        if self.values.get("order") == "shuffled":
            self.rng.shuffle(targets)
        return targets

    def run(self, t):
        values = self.values
        rounds, then = values.get("rounds", float("inf")), values.get("after-success", "stick")
        targets, at, done = self.plan(), 0, 0
        while t < self.until and done < rounds:
            target = targets[at] if values.get("order") != "random" else self.rng.choice(targets)
            ok, t = yield from self.try_one(target, t)
            if ok and then == "stop":
                return
            if ok and then == "restart":
                at, done = 0, done + 1
                if self.more_polls(target):
                    _, t = yield from self.poll(target, t + self.draw("every"), self.more_polls(target))
                t += self.draw("every")
                continue
            if ok and self.more_polls(target, None) != 0:
                _, t = yield from self.poll(target, t + self.draw("every"), self.more_polls(target, None), self.tries(target))
            at += 1
            if at < len(targets):
                t += target.wait.draw(self.rng) if target.wait else self.draw("wait", 1.0)
                continue
            at, done = 0, done + 1
            t += self.draw("round-wait", self.draw("wait", 1.0))

    def tries(self, target):
        return target.tries or self.values.get("tries", 1)

    def more_polls(self, target, default=0):
        """How often a server that works is asked again before the list goes on."""
        stay = target.stay or self.values.get("stay")
        return stay - 1 if stay else default

    def try_one(self, target, t):
        for number in range(self.tries(target)):
            yield t
            ok, t = self.attempt(target, t)
            if ok:
                return True, t
            t += self.draw("retry-wait", 1.0) if number + 1 < self.tries(target) else 0
        return False, t


class Pair(Actor):
    """A primary, and a backup while it fails; 'return' says when the primary is tried again."""

    def run(self, t):
        primary, backup, tries = self.values["primary"], self.values["backup"], self.values.get("tries", 1)
        while t < self.until:
            _, t = yield from self.poll(primary, t, None, tries)
            t += self.draw("wait", 1.0)
            limit = t + self.draw("return", float("inf"))
            while t < min(limit, self.until):
                yield t
                _, end = self.attempt(backup, t)
                t = max(t + self.draw("every"), end)


class Dga(Actor):
    """Names by a generator, one after the other, until a registered one answers."""

    def label(self):
        rng = self.rng
        if "words" in self.values:
            return "".join(rng.choice(WORDS) for _ in range(self.values["words"].count(rng)))[:63]
        size = self.values.get("letters", Range(12, 12)).count(rng)
        return "".join(rng.choice(LETTERS) for _ in range(min(max(size, 1), 63)))

    def run(self, t):
        values, server = self.values, self.values["server"].server
        hits, count = set(values.get("hits", [])), values.get("count", 1000)
        dead = Server(server.name + " (unregistered)", addresses=list(server.addresses), ports=server.ports,
                      clauses=[Clause(Answer("nxdomain"))])
        tlds = values.get("tld", ["com"])
        for number in range(1, count + 1):
            if t >= self.until:
                return
            name = f"{self.label()}.{self.rng.choice(tlds)}"
            target = Target(server if number in hits else dead, values["server"].port, name=name)
            yield t
            ok, end = self.attempt(target, t)
            if ok and number in hits:
                if "every" not in values:
                    return
                ok, end = yield from self.poll(target, end + self.draw("every"), values.get("polls"))
                if not ok or "polls" not in values:
                    return
            t = max(t + self.draw("spacing"), end)


class Rotate(Actor):
    """Moves to the next server by turn, count or clock; no failure is needed."""

    def run(self, t):
        how, amount = self.values.get("by", ("turn", 1))
        at, done = 0, 0
        limit = t + amount.draw(self.rng) if how == "time" else 0
        while t < self.until:
            yield t
            _, end = self.attempt(self.targets[at], t)
            done += 1
            t = max(t + self.draw("every"), end)
            if (how == "time" and t >= limit) or (how != "time" and done >= amount):
                at, done = (at + 1) % len(self.targets), 0
                limit = t + amount.draw(self.rng) if how == "time" else 0


class DeadDrop(Actor):
    """Reads a public page, then polls the server it named; after a failure or `beats` polls reads again."""

    def run(self, t):
        at = 0
        while t < self.until:
            yield t
            ok, t = self.attempt(self.values["drop"], t)
            t += self.draw("wait", 2.0)
            if ok:
                _, t = yield from self.poll(self.targets[at], t, self.values.get("beats"), 2)
                at = (at + 1) % len(self.targets)
            else:
                t += self.draw("every")


class Split(Actor):
    """A volume in pieces, each to the next server."""

    def run(self, t):
        left, at = self.values["total"], 0
        while left > 0 and t < self.until:
            yield t
            piece = min(self.values["piece"].count(self.rng), left)
            if piece <= 0:
                raise Trouble(0, 0, f"split {self.name}: pieces of 0 bytes never end: write a larger 'piece'")
            self.client.request = Range(piece, piece)
            ok, end = self.attempt(self.targets[at], t)
            left -= piece if ok else 0
            at = (at + 1) % len(self.targets)
            t = end + self.draw("wait")


class Page(Actor):
    """Loads all its servers side by side, as a page does: if one fails, the others come all the same."""

    def run(self, t):
        while t < self.until:
            yield t
            end = max(self.attempt(target, t + self.rng.uniform(0, 0.4))[1] for target in self.targets)
            t = max(t + self.draw("every"), min(end, t + 5))


class Scan(Actor):
    """Connects to every address and port of a network."""

    def run(self, t):
        values, rng = self.values, self.rng
        is_open, refused = values.get("open", 0.01), values.get("refused", 0.3)
        for _ in range(values.get("rounds", 1)):
            for address in values["network"].hosts():
                if address == self.host.address:
                    continue
                for number in values["ports"]:
                    if t >= self.until:
                        return
                    yield t
                    self.knock(address, number, t, rng.random(), is_open, refused)
                    t += self.draw("spacing", 0.05)
            t += self.draw("round-wait", 600.0)

    def knock(self, address, number, t, dice, is_open, refused):
        kind = "answers" if dice < is_open else "refuses" if dice < is_open + refused else "silent"
        server = Server("scanned", addresses=[address], ports=[ServerPort(number, "raw")], rtt=Range(0.0002, 0.0009), hops=0)
        tcp = Tcp(self.client.wire(server, address), self.host.port(address, number), number, self.rng)
        outcome, t = tcp.open(t, Answer(kind), 2.0)
        if outcome == "ok":
            tcp.reset(t + 0.0001, 0)

