# SPDX-License-Identifier: Apache-2.0
"""An inert stand-in for what falls back: only its traffic, to the lab's own servers, bounded in count and time.

It holds a list of ways and knows when to go to the next; no commands, no files, no payload but random bytes. A shape
is how the list looks and what makes it move; a procedure (repertoire.py) is a shape with numbers."""
import os
import random
import time

from contact import Truth, attempt, endpoint, way

CONTACTS_MAX = 2000
RARE = [f"198.18.{n}.{7 * n % 250 + 3}" for n in range(1, 40)]  # a network each: neighbours would be taken for one party's
DEAD_DROPS = {"pastebin.com": "198.51.100.90", "api.github.com": "198.51.100.91", "steamcommunity.com": "198.51.100.92",
              "docs.google.com": "198.51.100.93", "twitter.com": "198.51.100.94", "graph.microsoft.com": "198.51.100.95"}
NAMES = {f"{word}.example": RARE[n] for n, word in enumerate(
    "harbour quill meadow lantern copper willow granite saffron".split())}
DGA_LIVE = "qmvhtrkeabw.example"
DGA_ADDRESS = "198.19.7.77"


def by_name(kind, count, port=None):
    return [way(kind, name, port) for name in list(NAMES)[:count]]


def by_address(kind, count, port=None):
    return [way(kind, address, port) for address in RARE[10:10 + count]]


def generated(seed, count):
    """Names as a DGA makes them; the last is the one that exists."""
    rnd = random.Random(seed)
    return ["".join(rnd.choices("abcdefghijklmnopqrstuvwxyz", k=rnd.randrange(9, 14))) + ".example"
            for _ in range(count - 1)] + [DGA_LIVE]


class Implant:
    """ways[0] is the primary. The lab kills it at `dies` seconds (None: never); the implant learns it as software does."""

    def __init__(self, truth, shape, seconds, seed=1):
        self.truth = truth
        self.p = shape
        self.rnd = random.Random(seed)
        self.begun = time.monotonic()
        self.end = self.begun + seconds
        self.count = 0
        self.at = 0
        self.known_good = set()

    def left(self):
        return self.end - time.monotonic()

    def sleep(self, seconds):
        time.sleep(max(0.0, min(seconds, self.left())))

    def pause(self):
        self.sleep(self.p["period"] * self.rnd.uniform(1 - self.p["jitter"], 1 + self.p["jitter"]))

    def touch(self, one, role, what="contact", **more):
        """One contact, logged before and after: `try` is when its first packet goes out."""
        self.count += 1
        if self.count > CONTACTS_MAX:
            raise RuntimeError("the implant has made all contacts that it may")
        began = time.time()
        self.truth.note("try", way=endpoint(one), role=role)
        outcome, got = attempt(one, timeout=self.p["timeout"], **more)
        self.truth.note(what, way=endpoint(one), role=role, outcome=outcome, bytes=got, began=round(began, 6))
        return outcome == "ok"

    def role(self, index):
        return "primary" if index == 0 else "fallback"

    def payload(self):
        return os.urandom(self.p["body"]) if self.p["body"] else None

    def beacon(self, one, role):
        if one["kind"] in ("http", "https"):
            return self.touch(one, role, body=self.payload(), path=self.p["path"])
        return self.touch(one, role, size=self.p["size"])

    # ---- what moves it ----

    def on_failure(self):
        """Walks the list when the present way fails; each failure may have to happen `patience` times. `once`: the last is kept."""
        failed = 0
        while self.left() > 0:
            one = self.p["ways"][self.at]
            if self.beacon(one, self.role(self.at)):
                failed = 0
                self.pause()
                continue
            failed += 1
            if failed < self.p["patience"]:
                self.pause()
                continue
            failed = 0
            if self.p["once"] and self.at + 1 == len(self.p["ways"]):
                self.pause()
                continue
            self.before_next()
            self.at = (self.at + 1) % len(self.p["ways"])
            self.sleep(self.p["wait"])
            if self.at == 0:  # the whole list is dead: it begins anew at its next turn
                self.pause()

    def before_next(self):
        if (page := self.p["page"]) is not None:
            self.touch(way("https", page), "carrier", path="/1k")
        if self.p["names"] and self.at == 0:
            self.generate()

    def generate(self):
        for name in generated(self.p["seed"], self.p["names"]):
            if self.touch(way("https", name), "fallback"):
                return
            self.sleep(self.p["gap"])

    def on_count(self):
        """The next way after so many contacts, without any failure; `once`: and never again."""
        while self.left() > 0:
            for _ in range(self.p["turn"]):
                self.beacon(self.p["ways"][self.at], self.role(self.at))
                self.pause()
                if self.left() <= 0:
                    return
            if not (self.p["once"] and self.at + 1 == len(self.p["ways"])):
                self.before_next()
                self.at = (self.at + 1) % len(self.p["ways"])

    def in_pieces(self):
        """One volume over several parties, each piece under the threshold."""
        while self.left() > 0:
            for index, one in enumerate(self.p["ways"]):
                self.touch(one, self.role(index), path="/up", body=os.urandom(self.p["piece"]))
                self.pause()
                if self.left() <= 0:
                    return

    def roll_call(self):
        """Which ways are open now: each is asked once, at the end."""
        everything = self.p["ways"] + ([way("https", DGA_LIVE)] if self.p["names"] else [])
        for index, one in enumerate(everything):
            self.touch(one, self.role(index), what="roll-call")

    def live(self):
        getattr(self, self.p["moves"])()
        if self.p["roll_call"]:
            self.p["timeout"] = 1.0
            self.roll_call()


def run(path, host, shape, seconds):
    truth = Truth(path, "implant", host)
    Implant(truth, shape, seconds, shape["seed"]).live()
