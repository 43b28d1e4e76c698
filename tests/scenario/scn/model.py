# SPDX-License-Identifier: Apache-2.0
"""From words to things: reads a scenario and puts its hosts, servers and behaviours on the stage."""
import datetime
import re

from . import background, clients, lang
from .lang import Option, near
from .sim import DNS_KINDS, Answer, Clause, Host, Port, Range, Resolver, Server, Sim, Trouble
from .stack import STACKS
from .talk import SERVICES, UDP_SERVICES, Target
from .tls import PROFILES

BLOCKS_MAX = 500
LENGTH_MAX = 40 * 86400.0
NUMBERED = {"tls-alert": (0, 255, 40), "http": (100, 599, 503)}  # kind: least, most, when not said
PLAIN = ("answers", "refuses", "silent", "resets", "closes", "stalls", "vanishes", "nxdomain", "servfail", "dns-silent")
KINDS = (*PLAIN, *NUMBERED, "unreachable", "slow")


def behaviour(line):
    word = line.take("a behaviour such as refuses")
    if word.text in NUMBERED:
        low, high, usual = NUMBERED[word.text]
        following = line.peek()
        given = following is not None and following.text.isdigit()
        return Answer(word.text, lang.number(low, high)(line) if given else usual)
    if word.text == "unreachable":
        for why in ("host", "net", "port", "admin"):
            if line.accept(why):
                return Answer(word.text, word=why)
        return Answer(word.text, word="host")
    if word.text == "slow":
        return Answer(word.text, seconds=lang.duration(line))
    if word.text not in PLAIN:
        word.fail(f"'{word.text}' is not a behaviour" + near(word.text, KINDS))
    return Answer(word.text)


def clause(start, end, chance, line):
    values = {"answer": behaviour(line), "start": start, "end": end, "chance": chance}
    while line.peek():
        word = line.take("v4, v6, tcp, udp, port or at")
        if word.text in ("v4", "v6"):
            values["family"] = int(word.text[1])
        elif word.text in ("tcp", "udp"):
            values["transport"] = word.text
        elif word.text == "port":
            values["port"] = lang.number(1, 65535)(line)
        elif word.text == "at":
            values["address"] = lang.address(line)
        else:
            word.fail(f"'{word.text}' does not narrow a behaviour: v4, v6, tcp, udp, 'port N' or 'at ADDRESS' does")
    return Clause(**values)


def from_clause(line):
    start, end, word = lang.duration(line), float("inf"), line.peek()
    if line.accept("until"):
        end = lang.duration(line)
        if end <= start:
            word.fail("'until' is not later than 'from': swap them")
    return clause(start, end, 1.0, line)


CLAUSES = {
    "from": Option(from_clause, repeat=True),
    "until": Option(lambda line: clause(0.0, lang.duration(line), 1.0, line), repeat=True),
    "always": Option(lambda line: clause(0.0, float("inf"), 1.0, line), repeat=True),
    "chance": Option(lambda line: clause(0.0, float("inf"), lang.percent(line), line), repeat=True),
}


def port(line):
    number = lang.number(1, 65535)(line)
    service = lang.one_of(*SERVICES)(line)
    return Port(number, service, bool(line.accept("quic")))


RESOLVER = {"address": Option(lang.address, required=True), "rtt": Option(lang.span), **CLAUSES}
HOST = {
    "address": Option(lang.family(4), required=True), "address6": Option(lang.family(6)), "mac": Option(lang.mac),
    "stack": Option(lang.one_of(*STACKS)), "resolver": Option(lang.many(lang.reference), repeat=True),
    "search": Option(lang.many(lang.name), repeat=True),
}
SERVER = {
    "name": Option(lang.many(lang.name), repeat=True), "address": Option(lang.many(lang.address), repeat=True, required=True),
    "port": Option(port, repeat=True, required=True), "rtt": Option(lang.span), "ttl": Option(lang.duration),
    "hops": Option(lang.number(0, 50)), "cname": Option(lang.many(lang.name), repeat=True),
    "tls": Option(lang.one_of("1.2", "1.3")), "domain": Option(lang.name), "rotates": Option(lang.flag), **CLAUSES,
}


def try_line(line):
    """TARGET [via PROXY] [tls PROFILE] [agent TEXT] [name NAME] [tries N] [stay N] [wait SPAN]"""
    values = {"target": line.take("a server, or server:port")}
    kinds = {"via": lang.reference, "tls": lang.one_of(*PROFILES), "agent": lang.text, "name": lang.name,
             "tries": lang.number(1, 100), "stay": lang.number(1, 100000), "wait": lang.span}
    while line.peek():
        word = line.take("an option of the try")
        if word.text not in kinds:
            word.fail(f"'{word.text}' is not an option of try" + near(word.text, kinds))
        values[word.text] = kinds[word.text](line)
    return values


def after(line):
    values = {"actor": line.take("the name of a behaviour"), "what": lang.one_of("fails", "works", "ends")(line),
              "count": 1, "delay": 0.0}
    if line.peek() and values["what"] != "ends" and line.peek().text.isdigit():
        values["count"] = lang.number(1, 100000)(line)
    if line.accept("wait"):
        values["delay"] = lang.span(line)
    return values


ACTOR = {
    "host": Option(lang.reference, required=True), "from": Option(lang.span), "until": Option(lang.duration),
    "after": Option(after), "request": Option(lang.size), "response": Option(lang.size), "think": Option(lang.span),
    "tls": Option(lang.one_of(*PROFILES)), "agent": Option(lang.text), "method": Option(lang.one_of("GET", "POST", "PUT", "HEAD")),
    "path": Option(lang.text), "via": Option(lang.reference), "patience": Option(lang.duration), "linger": Option(lang.span),
    "no-dns": Option(lang.flag), "mail-for": Option(lang.name), "fails-on": Option(lang.many(lang.one_of(*clients.FAILURES)), repeat=True),
}
EVERY, TARGETS = Option(lang.span, required=True), Option(lang.many(lang.reference), repeat=True)
TRIES = {"servers": TARGETS, "try": Option(try_line, repeat=True), "tries": Option(lang.number(1, 1000)),
         "retry-wait": Option(lang.span), "wait": Option(lang.span), "rounds": Option(lang.number(1, 100000)),
         "round-wait": Option(lang.span), "every": EVERY, "stay": Option(lang.number(1, 100000)),
         "after-success": Option(lang.one_of("stick", "restart", "stop")),
         "order": Option(lang.one_of("given", "shuffled", "random"))}
ACTORS = {
    "beacon": (clients.Beacon, {"server": Option(lang.reference, required=True), "every": EVERY, "hold": Option(lang.flag),
                                "gives-up": Option(lang.number(1, 100000)), "count": Option(lang.number(1, 1000000))}),
    "list": (clients.Walk, TRIES),
    "pair": (clients.Pair, {"primary": Option(lang.reference, required=True), "backup": Option(lang.reference, required=True),
                            "every": EVERY, "tries": Option(lang.number(1, 1000)), "retry-wait": Option(lang.span),
                            "wait": Option(lang.span), "return": Option(lang.span)}),
    "dga": (clients.Dga, {"server": Option(lang.reference, required=True), "letters": Option(lang.size), "words": Option(lang.size),
                          "tld": Option(lang.many(lang.name), repeat=True), "count": Option(lang.number(1, 100000)),
                          "spacing": EVERY, "hits": Option(lang.many(lang.number(1, 100000)), repeat=True),
                          "every": Option(lang.span), "polls": Option(lang.number(1, 100000))}),
    "rotate": (clients.Rotate, {"servers": Option(lang.many(lang.reference), repeat=True, required=True), "every": EVERY,
                                "by": Option(clients.rotation)}),
    "deaddrop": (clients.DeadDrop, {"drop": Option(lang.reference, required=True),
                                    "servers": Option(lang.many(lang.reference), repeat=True, required=True),
                                    "every": EVERY, "wait": Option(lang.span), "beats": Option(lang.number(1, 1000000))}),
    "split": (clients.Split, {"servers": Option(lang.many(lang.reference), repeat=True, required=True),
                              "total": Option(lang.volume, required=True), "piece": Option(lang.size, required=True),
                              "wait": EVERY}),
    "page": (clients.Page, {"servers": Option(lang.many(lang.reference), repeat=True, required=True), "every": EVERY}),
    "scan": (clients.Scan, {"network": Option(clients.network, required=True), "spacing": EVERY,
                            "ports": Option(lang.many(lang.number(1, 65535)), repeat=True, required=True),
                            "open": Option(lang.percent), "refused": Option(lang.percent), "rounds": Option(lang.number(1, 1000)),
                            "round-wait": Option(lang.span)}),
}
THINGS = {"host": HOST, "server": SERVER, "resolver": RESOLVER}
HEADS = (*THINGS, *ACTORS, "background", "start", "length", "seed")


class Reader:
    def __init__(self, source):
        self.length, self.seed, self.start = 3600.0, 1, "2026-03-02T08:00:00Z"
        self.hosts, self.servers, self.resolvers, self.actors = {}, {}, {}, {}
        self.actor_values, self.backgrounds = [], []
        blocks = lang.blocks_of(source)
        if len(blocks) > BLOCKS_MAX:
            raise Trouble(blocks[BLOCKS_MAX][0].number, 1, f"more than {BLOCKS_MAX} blocks: split the scenario")
        for head, lines in blocks:
            self.block(head, lines)

    def block(self, head, lines):
        word = head.take("a keyword")
        if word.text not in HEADS:
            word.fail(f"'{word.text}' begins nothing" + near(word.text, HEADS))
        if word.text in ("start", "length", "seed", "background"):
            if lines:
                lines[0].words[0].fail(f"'{word.text}' has no options: begin this line at the left margin")
            getattr(self, word.text + "_line")(head)
            head.done()
            return
        name = head.take(f"the name of this {word.text}")
        head.done()
        if any(name.text in table for table in (self.hosts, self.servers, self.resolvers, self.actors)):
            name.fail(f"'{name.text}' is already the name of something: choose another")
        table = THINGS.get(word.text) or {**ACTOR, **ACTORS[word.text][1]}
        values = lang.options_of(word, table, lines)
        if word.text in THINGS:
            getattr(self, word.text + "_block")(name.text, values)
            if word.text == "server":
                self.names_needed(name, self.servers[name.text])
        else:
            self.actors[name.text] = None
            self.actor_values.append((name, word, values))

    @staticmethod
    def names_needed(word, server):
        if any(port.service == "dns-tunnel" for port in server.ports) and not server.domain:
            word.fail(f"server '{word.text}' has a dns-tunnel but no 'domain': add one, under which the questions go")
        dns = [clause.answer.kind for clause in server.clauses if clause.answer.kind in DNS_KINDS]
        if dns and not (server.names or server.domain):
            word.fail(f"nobody looks up server '{word.text}', so it can't be {dns[0]}: add a 'name'")

    def start_line(self, line):
        self.start = start_of(line.take("a time such as 2026-03-02T08:00:00Z"))

    def length_line(self, line):
        word = line.peek()
        self.length = lang.duration(line)
        if not 0 < self.length <= LENGTH_MAX:
            word.fail("the length must be over 0 and at most 40d")

    def seed_line(self, line):
        self.seed = lang.number(0, 999999999)(line)

    def background_line(self, line):
        kind, share = lang.one_of(*background.KINDS)(line), lang.fraction(line)
        on = lang.many(lang.reference)(line) if line.accept("on") else None
        self.backgrounds.append((line.number, kind, share, on))

    def resolver_block(self, name, values):
        clauses = clauses_of(values)
        self.resolvers[name] = Resolver(name, values["address"], values.get("rtt", Range(0.001, 0.02)), clauses)

    def host_block(self, name, values):
        resolvers = [self.find(word, self.resolvers, "resolver") for word in values.get("resolver", [])]
        self.hosts[name] = Host(name, len(self.hosts) + 1, values["address"], values.get("address6"), values.get("mac"),
                                values.get("stack", "windows"), resolvers, values.get("search", []))

    def server_block(self, name, values):
        keys = {"name": "names", "address": "addresses", "port": "ports", "rtt": "rtt", "ttl": "ttl", "hops": "hops",
                "cname": "cnames", "domain": "domain", "rotates": "rotates"}
        server = Server(name, **{keys[key]: value for key, value in values.items() if key in keys})
        server.tls = 0x0303 if values.get("tls") == "1.2" else 0x0304
        server.clauses = clauses_of(values)
        self.servers[name] = server

    def find(self, word, table, what):
        if word.text not in table:
            word.fail(f"no {what} is called '{word.text}'" + (near(word.text, table) if table else ": define one before"))
        return table[word.text]

    def target(self, word, **more):
        """server or server:port"""
        name, colon, number = word.text.partition(":")
        server = self.find(lang.Word(name, word.line, word.column), self.servers, "server")
        found = [port for port in server.ports if not colon or str(port.number) == number]
        if not found:
            known = ", ".join(str(port.number) for port in server.ports)
            word.fail(f"server '{name}' has no port {number}: it has {known}")
        return Target(server, found[0], **more)

    def tries(self, values):
        for word in values.get("servers", []):
            yield self.target(word)
        for value in values.get("try", []):
            more = {key: value[key] for key in ("tls", "agent", "name", "tries", "stay", "wait") if key in value}
            if "via" in value:
                more["via"] = self.target(value["via"])
            target = self.target(value["target"], **more)
            if target.via and target.port.service in UDP_SERVICES:
                value["via"].fail(f"{target.port.service} does not go through an HTTP proxy: remove 'via'")
            yield target

    def resolver_needed(self, host, word, values):
        if not host.resolvers and not values.get("no-dns") and word.text != "scan":
            values["host"].fail(f"host '{host.name}' has no resolver: add 'resolver NAME' to it, or 'no-dns' here")

    def stage(self, sink, seed=None, start=None):
        sim = Sim(self.seed if seed is None else seed, nanoseconds(start or self.start), self.length, sink)
        for name, word, values in self.actor_values:
            host = self.find(values["host"], self.hosts, "host")
            self.resolver_needed(host, word, values)
            for key in ("server", "primary", "backup", "drop"):
                if key in values:
                    values[key] = self.target(values[key])
            via = self.target(values["via"]) if "via" in values else None
            targets = list(self.tries(values))
            if word.text == "list" and not targets:
                word.fail("this list is empty: add 'servers NAME...' or 'try NAME'")
            for target in targets + [values[key] for key in ("server", "primary", "backup") if key in values]:
                target.via = target.via or via
            self.actors[name.text] = ACTORS[word.text][0](sim, name.text, host, targets, values)
        for name, _, values in self.actor_values:
            actor, wait = self.actors[name.text], values.get("after")
            if wait:
                actor.wait_for(self.find(wait["actor"], self.actors, "behaviour"), wait)
            sim.spawn(actor.begin, actor.life())
        for number, (line, kind, share, on) in enumerate(self.backgrounds):
            hosts = [self.find(word, self.hosts, "host") for word in on] if on else list(self.hosts.values())
            for host in hosts:
                if not host.resolvers:
                    raise Trouble(line, 1, f"host '{host.name}' has no resolver, which a background needs: add 'resolver NAME'")
                background.start(sim, kind, share, host, number)
        return sim


def clauses_of(values):
    """In the order of the file, so that later lines win; 'chance' and 'from' narrow what 'always' says."""
    return [item for key in ("always", "until", "from", "chance") for item in values.get(key, [])]


def start_of(word):
    try:
        nanoseconds(word.text)
    except ValueError:
        word.fail(f"'{word.text}' is not a time: write it as 2026-03-02T08:00:00Z")
    return word.text


def nanoseconds(text):
    """RFC 3339, UTC or with an offset, to nanoseconds since 1970."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", text)
    if not match:
        raise ValueError(text)
    moment = datetime.datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    whole = int((moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)).total_seconds())
    if not 0 <= whole < 2 ** 32:
        raise ValueError(text)
    return whole * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))
