# SPDX-License-Identifier: Apache-2.0
"""The baseline through the binary: learned, held back, merged day by day, kept, brought back."""
import hashlib
import os
import random
import unittest

import captures
import zeeklogs
from support import DONE, FINDINGS, NOTHING, PARTIAL, USAGE, Case, Run, scenario_bytes

DAY = 86400
FIRST = "2023-11-14"  # of zeeklogs.START
HOSTS = ("10.0.0.5", "10.0.0.6", "10.0.0.7")
COMMON, OWN, ONCE, DEAD = "198.51.100.1", "203.0.113.9", "192.0.2.77", "203.0.113.10"


class Log:
    """Rows of conversations, told in the order of their time."""

    def __init__(self):
        self.rows = []

    def conn(self, day, host, server, port=443, state="SF", at=0.0):
        number = len(self.rows)
        when = zeeklogs.START + day * DAY + at + number / 1000
        self.rows.append((when, zeeklogs.conn(when, number, host, 40000 + number % 20000, server, port, state, 0.5)))
        return self

    def bytes(self):
        return (zeeklogs.head() + "".join(row for _, row in sorted(self.rows))).encode()


def normal(days, log=None):
    """What three hosts share every day, what is one host's own, what never answers."""
    log = log or Log()
    for day in days:
        for i in range(4):
            for host in HOSTS:
                log.conn(day, host, COMMON, at=300 * i)
        log.conn(day, HOSTS[0], OWN, 22, at=2000)
        log.conn(day, HOSTS[0], DEAD, 25, "REJ", at=3000)
    return log


class Book(Case):
    def learn(self, *args, code=DONE):
        run = Run("baseline", "learn", *args)
        self.assertEqual(run.code, code, run)
        return run

    def entries(self, path, *options):
        """{(host or *, endpoint, port): entry} of a file."""
        run = Run("baseline", "show", path, "--json", *options)
        self.assertEqual(run.code, DONE, run)
        return {(entry["host"] or "*", entry["endpoint"], entry["port"]): entry for entry in run.lines()}

    def new(self, name):
        return self.folder / f"{self._testMethodName}-{name}"


class Learn(Book):
    def test_what_is_normal_and_what_is_held_back(self):
        log = normal(range(5)).conn(1, HOSTS[1], ONCE)
        source, book, held = self.path("conn.log", log.bytes()), self.new("book"), self.new("held")
        run = self.learn("-o", book, "--held", held, source)
        self.assertIn("2 entries in the baseline; held back: 0 touched by findings, 1 on too few days, 0 of too few hosts, "
                      "1 that never answered", run.err)
        entries = self.entries(book)
        self.assertEqual(set(entries), {("*", COMMON, 443), (HOSTS[0], OWN, 22)})
        common = entries["*", COMMON, 443]
        self.assertEqual((common["zone"], common["days"], common["hosts"], common["first"], common["last"], common["why"]),
                         ("local", 5, 3, FIRST, "2023-11-18", "seen"))
        self.assertEqual((common["bytes_out_a_day"], common["bytes_in_a_day"]), (5000, 50000))  # 12 of 300 and 4000
        self.assertEqual({key: entry["why"] for key, entry in self.entries(held).items()},
                         {(HOSTS[1], ONCE, 443): "held:days", (HOSTS[0], DEAD, 25): "held:failed"})
        text = book.read_text()
        self.assertIn(f"input {hashlib.sha256(source.read_bytes()).hexdigest()} {source.name}\n", text)
        self.assertIn("window 2023-11-14 2023-11-18\n", text)

    def test_without_a_file_for_it_what_is_held_back_is_told(self):
        source = self.path("conn.log", normal(range(2)).conn(1, HOSTS[1], ONCE).bytes())
        run = self.learn(source)
        self.assertIn(f"held back: local {HOSTS[1]}: {ONCE} tcp/443: seen on too few days\n", run.err)
        self.assertIn(f"held back: local {HOSTS[0]}: {DEAD} tcp/25: every attempt failed\n", run.err)
        self.assertTrue(run.out.startswith(b"postern baseline 1\n"))

    def test_the_same_input_gives_the_same_bytes_in_any_order(self):
        log = normal(range(3))
        whole = self.learn(self.path("conn.log", log.bytes())).out
        rows = [row for _, row in sorted(log.rows)]
        a, b = self.path("a.log", (zeeklogs.head() + "".join(rows[::2])).encode()), self.path(
            "b.log", (zeeklogs.head() + "".join(rows[1::2])).encode())
        one, other = self.learn(a, b).out, self.learn(b, a).out
        self.assertEqual(one, other)
        self.assertEqual(one.split(b"columns")[1], whole.split(b"columns")[1])

    def test_names_and_services_of_a_capture(self):
        """A scenario's office day, twice: names by DNS and SNI, services as they were spoken."""
        pairs = captures.frames(scenario_bytes("benign-office-day"))
        day = 10 ** 9 * DAY
        length = (pairs[-1][0] - pairs[0][0]) // day + 1
        data = captures.pcap(pairs + captures.shifted(pairs, length * day))
        book = self.new("book")
        self.learn("-o", book, self.path("twice.pcap", data))
        entries = self.entries(book)
        named = [key for key in entries if any(letter.isalpha() for letter in key[1]) and ":" not in key[1]]
        self.assertGreater(len(named), 10)
        self.assertTrue(any(entry["service"] == "tls" for entry in entries.values()))
        self.assertTrue(all(entry["days"] >= 2 for entry in entries.values()))

    def test_what_a_finding_touches_is_learned_by_name_only(self):
        """A list of servers, four dead and one that answers, on each of four days: as regular as can be."""
        log = normal(range(4))
        for day in range(4):
            for row in zeeklogs.ladder(zeeklogs.START + day * DAY + 5000, first=9000 + 20 * day):
                log.rows.append((float(row.split("\t")[0]), row))
        source, book, held = self.path("conn.log", log.bytes()), self.new("book"), self.new("held")
        self.learn("-o", book, "--held", held, source)
        end = (HOSTS[0], zeeklogs.LADDER_END, 443)
        self.assertEqual(set(self.entries(book)), {("*", COMMON, 443), (HOSTS[0], OWN, 22)})
        self.assertEqual(self.entries(held)[end]["why"], "held:finding")
        self.learn("-o", book, "--include", zeeklogs.LADDER_END, source)
        self.assertEqual(self.entries(book)[end]["why"], "asked:2023-11-17")

    def test_what_is_asked_for_and_not_there_is_told(self):
        run = self.learn("--include", "nobody.example", self.path("conn.log", normal(range(2)).bytes()))
        self.assertIn("--include: 'nobody.example' was not reached", run.err)

    def test_zones(self):
        log = Log()
        for day in range(2):
            for host in ("10.1.0.1", "10.1.0.2", "10.2.0.1"):
                log.conn(day, host, COMMON)
        book = self.new("book")
        self.learn("-o", book, "--shared", "2", "--zone", "office=10.1.0.0/16", "--zone", "lab=10.2.0.0/16,2001:db8::/32",
                   self.path("conn.log", log.bytes()))
        entries = self.entries(book)
        self.assertEqual({(entry["zone"], key[0]) for key, entry in entries.items()}, {("office", "*"), ("lab", "10.2.0.1")})
        self.assertIn("zone lab 10.2.0.0/16,2001:db8::/32\n", book.read_text())
        self.assertEqual(set(self.entries(book, "--zone", "lab")), {("10.2.0.1", COMMON, 443)})
        self.assertEqual(set(self.entries(book, "--host", "10.1.0.9")), {("*", COMMON, 443)})
        self.assertEqual(self.entries(book, "--host", "10.2.0.9"), {})
        self.assertIn("office, all hosts\n", Run("baseline", "show", book).out.decode())

    def test_inbound_and_internal_are_no_reach(self):
        log = Log()
        for day in range(3):
            log.conn(day, "198.51.100.99", HOSTS[0], 443)
            log.conn(day, HOSTS[0], HOSTS[1], 443)
            log.conn(day, HOSTS[0], OWN, 22)
        book = self.new("book")
        self.learn("-o", book, self.path("conn.log", log.bytes()))
        self.assertEqual(set(self.entries(book)), {(HOSTS[0], OWN, 22)})

    def test_a_flood_of_endpoints_leaves_the_rest(self):
        """One host goes to a new address with each of 6,000 conversations: its own give way, counted."""
        log = normal(range(2))
        rng = random.Random(1)
        for i in range(6000):
            log.conn(i % 2, "10.0.0.66", f"198.18.{i >> 8}.{i & 255}", rng.choice((80, 443)), at=100 + i)
        book, held = self.new("book"), self.new("held")
        run = self.learn("-o", book, "--held", held, self.path("conn.log", log.bytes()))
        self.assertEqual(set(self.entries(book)), {("*", COMMON, 443), (HOSTS[0], OWN, 22)})
        self.assertRegex(run.err, r"\d+ contacts found no room")
        dropped = next(line for line in book.read_text().splitlines() if line.startswith("dropped "))
        self.assertGreaterEqual(int(dropped.split()[1]), 6000 - 4096)
        self.assertLessEqual(len(self.entries(held)), 4096 + 1)

    def test_json(self):
        book = self.new("book")
        run = self.learn("-o", book, "--json", self.path("conn.log", normal(range(2)).bytes()))
        *lines, summary = run.lines()
        self.assertEqual([line["type"] for line in lines], ["entry", "entry", "held"])
        self.assertEqual(summary, {"type": "summary", "entries": 2, "held": {"days": 0, "hosts": 0, "finding": 0, "failed": 1},
                                   "dropped": 0, "forgotten": 0})


class Update(Book):
    """A window more, day by day."""

    def days(self, *days):
        return self.path(f"{'-'.join(map(str, days))}.log", normal(days).bytes())

    def test_day_by_day_is_the_whole(self):
        book, held, whole = self.new("book"), self.new("held"), self.new("whole")
        for day in range(4):
            self.learn("--update", book, "--held", held, self.days(day))
        self.learn("-o", whole, self.days(0, 1, 2, 3))
        self.assertEqual(self.entries(book), self.entries(whole))
        self.assertIn("window 2023-11-14 2023-11-17\n", book.read_text())

    def test_days_that_are_known_count_once(self):
        book = self.new("book")
        self.learn("--update", book, self.days(0, 1, 2))
        self.learn("--update", book, self.days(2, 3))
        self.assertEqual(self.entries(book)["*", COMMON, 443]["days"], 4)
        before = book.read_bytes()
        run = self.learn("--update", book, "--keep", "3", self.days(2, 3))
        self.assertIn("nothing changed", run.err)
        self.assertEqual(book.read_bytes(), before)
        self.assertFalse(os.path.exists(f"{book}.1"))

    def test_notes_survive(self):
        book = self.new("book")
        self.learn("--update", book, self.days(0, 1))
        lines = book.read_text().splitlines()
        lines[-1] += " # Ann's backup"
        lines.insert(-1, "# ticket 17")
        book.write_text("\n".join(lines) + "\n")
        self.learn("--update", book, self.days(2))
        text = book.read_text()
        self.assertRegex(text, r"# ticket 17\nlocal +10\.0\.0\.5 +203\.0\.113\.9 .* 3 +1 .* seen # Ann's backup\n")

    def test_versions_are_kept_and_brought_back(self):
        book, was = self.new("book"), []
        for day in range(5):
            self.learn("--update", book, "--keep", "3", self.days(day))
            was.append(book.read_bytes())
        self.assertEqual([self.folder.joinpath(f"{book}.{k}").read_bytes() for k in (1, 2, 3)], was[3:0:-1])
        self.assertFalse(os.path.exists(f"{book}.4"))
        run = Run("baseline", "restore", book, "--version", "2")
        self.assertEqual(run.code, DONE, run)
        self.assertEqual(book.read_bytes(), was[2])
        self.assertEqual(self.folder.joinpath(f"{book}.1").read_bytes(), was[4])  # nothing is lost
        self.assertEqual(self.folder.joinpath(f"{book}.3").read_bytes(), was[2])

    def test_a_crash_between_two_names_loses_nothing(self):
        """Whatever of the moves was done: the next learning keeps all that is there."""
        book = self.new("book")
        for day in range(3):
            self.learn("--update", book, "--keep", "5", self.days(day))
        now, one, two = book.read_bytes(), *(self.folder.joinpath(f"{book}.{k}").read_bytes() for k in (1, 2))
        os.rename(f"{book}.2", f"{book}.3")  # the first of the moves, and the machine stopped
        self.learn("--update", book, "--keep", "5", self.days(3))
        kept = [self.folder.joinpath(f"{book}.{k}").read_bytes() for k in (1, 2, 3)]
        self.assertEqual(kept, [now, one, two])

    def test_a_link_stays_one(self):
        book, link = self.new("book"), self.new("link")
        self.learn("-o", book, self.days(0, 1))
        link.symlink_to(book)
        self.learn("--update", link, "--keep", "1", self.days(2))
        self.assertTrue(link.is_symlink())
        self.assertEqual(self.entries(book)["*", COMMON, 443]["days"], 3)
        self.assertTrue(os.path.exists(f"{book}.1"))

    def test_the_rules_of_the_file_stay_unless_others_are_given(self):
        book = self.new("book")
        self.learn("--update", book, "--min-days", "3", self.days(0, 1))
        self.assertEqual(self.entries(book), {})
        self.learn("--update", book, self.days(2))
        self.assertIn("rules min-days 3 min-hosts 1 shared 3 max-e 1\n", book.read_text())
        self.learn("--update", book, "--min-days", "1", self.days(3))
        self.assertEqual(self.entries(book)["*", COMMON, 443]["days"], 1)


class Diff(Book):
    """Two baselines: what is new, grown, gone."""

    def two(self):
        before, after = self.new("before"), self.new("after")
        self.learn("-o", before, self.path("1.log", normal(range(3)).bytes()))
        log = Log()
        for day in range(3, 6):
            for host in (*HOSTS, "10.0.0.8"):
                for i in range(40):
                    log.conn(day, host, COMMON, at=300 * i)
            log.conn(day, HOSTS[1], ONCE)
            log.conn(day, HOSTS[1], COMMON, 8443)
        self.learn("-o", after, self.path("2.log", log.bytes()))
        return before, after

    def test_what_changed_and_why_it_ranks_there(self):
        run = Run("baseline", "diff", "--json", *self.two())
        self.assertEqual(run.code, DONE, run)
        *lines, summary = run.lines()
        self.assertEqual([(line["rank"], line["change"], line["novelty"], line["endpoint"], line["port"]) for line in lines],
                         [(1, "new", "endpoint", ONCE, 443), (2, "new", "port", COMMON, 8443), (3, "grown", "host", COMMON, 443),
                          (4, "gone", None, OWN, 22)])
        self.assertEqual(lines[0]["why"], "the endpoint is new to all zones; 1 host on 3 days")
        self.assertEqual(lines[0]["host"], HOSTS[1])
        self.assertIn("hosts from 3 to 4, sent a day from 5K to 50K", lines[2]["why"])
        self.assertIsNone(lines[3]["after"])
        self.assertEqual(summary, {"type": "summary", "new": 2, "grown": 1, "gone": 1})

    def test_text_and_exit_code(self):
        before, after = self.two()
        run = Run("baseline", "diff", "--exit-code", before, after)
        self.assertEqual(run.code, FINDINGS, run)
        *lines, last = run.out.decode().splitlines()
        self.assertRegex(lines[0], r"^new   local    10\.0\.0\.6 +192\.0\.2\.77 +- tcp/443 +the endpoint is new to all zones; 1 host")
        self.assertEqual(last, "2 new, 1 grown, 1 gone")
        run = Run("baseline", "diff", "--exit-code", before, before)
        self.assertEqual((run.code, run.out), (DONE, b"0 new, 0 grown, 0 gone\n"))
        run = Run("baseline", "diff", "--factor", "100", before, after)
        self.assertNotIn("sent a day", run.out.decode())


class Hunt(Book):
    """hunt --baseline: what is known is no first contact, what is new beside it weighs more."""

    NORMAL = [f"198.51.{100 + i // 8}.{10 + i % 8 * 20}" for i in range(40)]
    FALLBACK = "192.0.2.50", "203.0.114.40"

    def usual(self, log, day):
        """Forty servers, one every five minutes: each a first contact to whoever remembers no other day."""
        for i, server in enumerate(self.NORMAL):
            log.conn(day, HOSTS[0], server, at=300 * i)
        return log

    def past(self):
        log, book = Log(), self.new("book")
        for day in range(3):
            self.usual(log, day)
        self.learn("-q", "-o", book, self.path("past.log", log.bytes()))
        self.assertEqual(len(self.entries(book)), 40)
        return book

    def today(self):
        """The usual, and two servers that are tried one after the other refused."""
        log = self.usual(Log(), 4)
        first, second = self.FALLBACK
        log.conn(4, HOSTS[0], "203.0.113.10", 8080, "REJ", at=3700).conn(4, HOSTS[0], first, at=3702)
        log.conn(4, HOSTS[0], first, 443, "REJ", at=8700).conn(4, HOSTS[0], second, at=8702)
        return self.path("today.log", log.bytes())

    def test_what_is_new_beside_it_weighs_more(self):
        book, today = self.past(), self.today()
        plain, _ = self.hunt(today, options=["--max-e", "1"])
        self.assertEqual([one["kind"] for one in plain], ["ladder"])
        self.assertGreater(plain[0]["e_value"], 0.1)  # at this pace of new servers, two in a row are no news
        found, summary = self.hunt(today, options=["--baseline", book])
        self.assertEqual([one["kind"] for one in found], ["ladder"])
        self.assertEqual(found[0]["channels"][-1]["endpoint"], self.FALLBACK[1])
        self.assertLess(found[0]["e_value"], plain[0]["e_value"] / 10)
        self.assertFalse(any("baseline" in line for line in summary["off"]))

    def test_a_switch_to_what_is_known_is_none(self):
        book = self.past()
        lines = book.read_text().splitlines()
        pattern = next(line for line in lines if self.NORMAL[0] in line)
        lines += [pattern.replace(self.NORMAL[0], server) for server in self.FALLBACK]
        book.write_text("\n".join(lines) + "\n")
        found, _ = self.hunt(self.today(), options=["--all", "--baseline", book])
        self.assertEqual([one for one in found if one["explained"] != "baseline"], [])

    def test_what_only_leads_there_is_explained_with_the_entry(self):
        """Again and again to the same known server: that needs no first contact to be seen."""
        book = self.path("book", b"""postern baseline 1
rules min-days 2 min-hosts 1 shared 3 max-e 1
zone local private
columns zone host endpoint service transport port first last days hosts sent got why
local * 198.51.100.178 http tcp 8080 2020-01-01 2020-01-09 9 3 1K 1K seen # the backup
""")
        data = scenario_bytes("demo-emotet-like")
        found, summary = self.hunt("-", options=["--all", "--baseline", book], stdin=data)
        self.assertEqual(summary["findings"], 0)
        (known,) = [one for one in found if one["explained"] == "baseline"]
        self.assertEqual(known["explained_text"], "the baseline has 198.51.100.178 tcp/8080 for all hosts of zone local: 9 days "
                                                  "since 2020-01-01; the backup")
        other = self.path("other", book.read_bytes().replace(b"8080", b"8081"))
        found, summary = self.hunt("-", options=["--baseline", other], stdin=data)
        self.assertEqual((summary["findings"], found[0]["kind"]), (1, "ladder"))

    def test_a_baseline_of_the_same_days_is_told(self):
        book = self.past()
        _, summary = self.hunt(*self.folder.glob(f"{self._testMethodName}-past.log"), options=["--baseline", book])
        self.assertTrue(any("the baseline was learned on 4 of these 4 days" in line for line in summary["off"]), summary["off"])

    def test_an_attack_is_not_learned_away(self):
        """A demo's own traffic learned, however often it is seen: its findings stay."""
        for name in ("demo-emotet-like", "demo-dga", "demo-list"):
            pairs = captures.frames(scenario_bytes(name))
            shift = 10 ** 9 * DAY * ((pairs[-1][0] - pairs[0][0]) // (10 ** 9 * DAY) + 1)
            twice = self.path(f"{name}.pcap", captures.pcap(pairs + captures.shifted(pairs, shift)))
            book = self.new(f"{name}.book")
            self.learn("-q", "-o", book, "--min-days", "1", twice)
            found, _ = self.hunt("-", options=["--baseline", book], stdin=scenario_bytes(name))
            self.assertEqual(len(found), 1, name)

    def test_wrong_files(self):
        bad = self.path("bad", b"postern baseline 2\n")
        run = Run("hunt", "--baseline", bad, self.today())
        self.assertEqual((run.code, run.out), (USAGE, b""))
        self.assertIn("is of another version", run.err)
        run = Run("hunt", "--follow", "--baseline", bad, self.today())
        self.assertEqual(run.code, USAGE)


class Wrong(Book):
    def wrong(self, *args, says, code=USAGE):
        run = Run("baseline", *args)
        self.assertEqual((run.code, run.out), (code, b""), run)
        self.assertIn(says, run.err)

    def test_words_and_options(self):
        source = self.path("conn.log", normal(range(2)).bytes())
        self.wrong(says="say what to do")
        self.wrong("lern", source, says="did you mean learn?")
        self.wrong("learn", says="baseline learn: name captures, logs or folders")
        self.wrong("show", source, "--keep", "1", says="baseline show: takes no --keep")
        self.wrong("learn", "-o", "x", "--update", "y", source, says="give one of them")
        self.wrong("learn", "--keep", "1", source, says="--keep keeps what --update replaces")
        self.wrong("learn", "--min-days", "1.5", source, says="whole numbers")
        self.wrong("learn", "-o", source, source, says="names an input")
        self.wrong("learn", "--zone", "office", source, says="give NAME=CIDR")
        self.wrong("learn", "--zone", "other=10.0.0.0/8", source, says="--zone: 'other' is not a zone's name")
        self.wrong("learn", "--zone", "a=10.0.0.0/8", "--zone", "a=10.0.0.0/8", source, says="'a' is there twice")
        self.wrong("learn", "--json", source, says="--json prints to standard output")

    def test_files(self):
        source, none = self.path("conn.log", normal(range(2)).bytes()), self.folder / "none"
        bad = self.path("bad", b"postern baseline 1\nwidow 2026-03-01 2026-03-02\n")
        before = bad.read_bytes()
        self.wrong("learn", "--update", bad, source, says="bad:2:1: 'widow' is no line of a header")
        self.assertEqual(bad.read_bytes(), before)
        self.wrong("show", bad, says=":2:1: 'widow'", code=NOTHING)
        self.wrong("show", none, says="No such file", code=NOTHING)
        self.wrong("diff", bad, bad, says=":2:1: 'widow'", code=NOTHING)
        self.wrong("diff", bad, says="name two baselines")
        self.wrong("restore", bad, says="No such file", code=NOTHING)
        self.wrong("learn", none, says="nothing was read", code=NOTHING)
        book = self.new("book")
        self.learn("-o", book, source)
        self.wrong("learn", "--update", book, "--zone", "a=10.0.0.0/8", source, says="has its zones already")
        self.wrong("show", book, "--zone", "lab", says="'lab' is no zone of")
        self.wrong("show", book, "--host", "ten", says="'ten' is not an address")
        os.rename(book, f"{bad}.1")
        self.assertEqual(Run("baseline", "restore", bad).code, DONE)
        os.truncate(f"{bad}.1", 10)
        self.wrong("restore", bad, says="is not a baseline", code=NOTHING)

    def test_a_cut_input_is_learned_and_told(self):
        pairs = captures.frames(scenario_bytes("benign-office-day"))
        run = self.learn(self.path("cut.pcap", captures.pcap(pairs)[:-5]), code=PARTIAL)
        self.assertTrue(run.out.startswith(b"postern baseline 1\n"))


if __name__ == "__main__":
    unittest.main()
