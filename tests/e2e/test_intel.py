# SPDX-License-Identifier: Apache-2.0
"""postern intel, hunt --intel: what lists know to be bad, told beside the findings and without a change of E."""
import gzip
import json
import pathlib
import time
import unittest

import zeeklogs
from support import DONE, FINDINGS, NOTHING, PARTIAL, TIME, USAGE, Case, Run, scenario_bytes
from test_watch import Watch

KWAMPIRS = "attack/S0236-kwampirs"  # www.amberfield.example fails first, then a walk over twelve more
HOST = "10.1.0.21"


def bundle(*patterns, **more):
    objects = [{"type": "indicator", "id": f"indicator--{i}", "pattern_type": "stix", "pattern": p, **more} for i, p in enumerate(patterns)]
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects}).encode()


class Hunt(Case):
    def lists(self, text, name="list.txt"):
        return self.path(name, text.encode() if isinstance(text, str) else text)

    def capture(self):
        return self.path("k.pcap", scenario_bytes(KWAMPIRS))

    def test_a_match_is_told_with_what_it_is_part_of(self):
        path = self.lists("domain,malware,confidence,tlp\nwww.amberfield.example,Kwampirs,90,amber\n203.0.113.250,,,\n", "feed.csv")
        findings, summary = self.hunt(self.capture(), options=["--intel", path])
        self.assertEqual(summary["indicators"], 1)
        [bad] = summary["known_bad"]
        self.assertEqual({key: bad[key] for key in ("kind", "indicator", "line", "confidence", "tlp", "note", "host", "name", "seen_as", "peer")},
                         {"kind": "name", "indicator": "www.amberfield.example", "line": 2, "confidence": 90, "tlp": "amber", "note": "Kwampirs",
                          "host": HOST, "name": "www.amberfield.example", "seen_as": ["query"], "peer": None})
        self.assertEqual(bad["finding"], findings[0]["id"])
        self.assertRegex(bad["first"], TIME)
        self.assertEqual((bad["count"], bad["failures"]), (1, 1))

    def test_e_does_not_change(self):
        without, _ = self.hunt(self.capture(), options=["--all"])
        path = self.lists("*.amberfield.example\n198.51.100.0/24\n203.0.113.0/24\n")
        findings, summary = self.hunt(self.capture(), options=["--all", "--intel", path])
        self.assertGreater(len(summary["known_bad"]), 0)
        told = [x for finding in findings for x in finding["evidence"] if x["kind"] == "intel"]
        self.assertGreater(len(told), 0)
        self.assertEqual({x["bits"] for x in told}, {0})
        for finding in findings:
            finding["evidence"] = [x for x in finding["evidence"] if x["kind"] != "intel"]
        self.assertEqual(findings, without)

    def test_an_indicator_counts_until_it_expires(self):
        row = "203.0.113.102,2026-03-02T08:10:0{}Z\n"
        for second, count in ((0, 0), (9, 0)):  # the first contact is later than both
            path = self.lists("ip,valid_until\n" + row.format(second))
            self.assertEqual(len(self.hunt(self.capture(), options=["--intel", path])[1]["known_bad"]), count)
        path = self.lists("ip,valid_until\n203.0.113.102,2026-03-02T09:00:00Z\n")
        self.assertEqual(len(self.hunt(self.capture(), options=["--intel", path])[1]["known_bad"]), 1)

    def test_what_belongs_together_is_asked_together(self):
        both = "[domain-name:value = 'www.cottonlake.example' AND ipv4-addr:value = '{}']"
        for addr, count in (("203.0.113.102", 2), ("203.0.113.103", 0)):
            path = self.lists(bundle(both.format(addr)), "b.json")
            self.assertEqual(len(self.hunt(self.capture(), options=["--intel", path])[1]["known_bad"]), count)

    def test_urls_of_captures(self):
        # the scenario's requests ask each server for the same
        text = (pathlib.Path(__file__).parent.parent / f"scenario/{KWAMPIRS}.scn").read_text(encoding="utf-8")
        target = next(line.split('"')[1] for line in text.splitlines() if line.strip().startswith("path"))
        path = self.lists(f"http://www.cottonlake.example{target}\nhttp://www.cottonlake.example{target}x\n")
        _, summary = self.hunt(self.capture(), options=["--intel", path])
        self.assertEqual([bad["indicator"] for bad in summary["known_bad"]], [f"www.cottonlake.example{target}"])
        self.assertEqual(summary["known_bad"][0]["seen_as"], ["request"])

    def test_what_can_not_be_seen_is_said(self):
        path = self.lists("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n")
        _, summary = self.hunt(self.capture(), options=["--intel", path])
        self.assertTrue(any("1 hashes of files" in off for off in summary["off"]), summary["off"])

    def test_people_are_told_too(self):
        path = self.lists("domain,note\nwww.amberfield.example,\"<script>alert(1)</script>\x1b[31m\"\n", "feed.csv")
        page = self.folder / "page.html"
        run = Run("hunt", "--report", page, "--intel", path, self.capture())
        self.assertEqual(run.code, DONE, run)
        text = run.out.decode()
        self.assertIn("known bad", text)
        self.assertIn("amberfield.example was known to be bad: name www.amberfield.example of", " ".join(text.split()))
        self.assertNotIn("\x1b", text)
        html = page.read_text(encoding="utf-8")
        self.assertIn("<h2>Known bad</h2>", html)
        self.assertIn("&#60;script", html[html.index("<h2>Known bad"):])
        self.assertNotIn("<script>alert", html)
        run = Run("hunt", "--intel", self.lists("192.0.2.1\n"), self.capture())
        self.assertIn("nothing of 1 indicator was seen", run.out.decode())

    def test_lists_that_are_none(self):
        for text, says in (("", "no list of indicators"), ("{\"a\": 1}", "no list of indicators"), ("{\"type\":\"bundle\",", "not JSON")):
            run = Run("hunt", "--intel", self.lists(text), self.capture())
            self.assertEqual(run.code, USAGE, run)
            self.assertIn(says, run.err)
        run = Run("hunt", "--intel", "/no/such/list", self.capture())
        self.assertEqual(run.code, USAGE, run)
        self.assertIn("/no/such/list: No such file", run.err)


class Check(Case):
    def test_what_a_list_holds(self):
        good = self.path("good", b"198.51.100.7\n# c\n10.0.0.1\n*.bad.example\nnonsense here\n198.51.100.7\n")
        run = Run("intel", "check", "--json", good)
        self.assertEqual(run.code, DONE, run)
        [line] = run.lines()
        self.assertEqual(line["kinds"], {"address": 1, "name": 1})
        self.assertEqual((line["format"], line["repeated"], line["left_out"]), ("list", 1, 2))
        self.assertEqual([reason["lines"] for reason in line["reasons"]], [[3], [5]])
        run = Run("intel", "check", good, self.path("bad", b"\x00\x01"))
        self.assertEqual(run.code, PARTIAL, run)
        self.assertIn("1 address, 1 name", run.out.decode())
        self.assertIn("(line 5)", run.out.decode())
        self.assertEqual(Run("intel", "check", self.path("bad", b"\x00\x01")).code, NOTHING)

    def test_our_own_lists_are_read(self):
        capture = self.path("k.pcap", scenario_bytes(KWAMPIRS))
        for form, kind in (("zeek-intel", "zeek"), ("stix", "stix"), ("misp", "misp")):
            told = Run("hunt", "--to", form, capture)
            run = Run("intel", "check", "--json", self.path(form, told.out))
            self.assertEqual(run.code, DONE, run)
            [line] = run.lines()
            self.assertEqual(line["format"], kind)
            self.assertGreater(line["indicators"], 0, line)

    def test_usage(self):
        for args, says in ((("intel",), "check and lists"), (("intel", "look", "x"), "check and lists"), (("intel", "check"), "check and lists"),
                           (("intel", "check", "--exit-code", "x"), "--exit-code")):
            run = Run(*args)
            self.assertEqual(run.code, USAGE, run)
            self.assertIn(says, run.err)


class Match(Case):
    def matches(self, bad, *inputs, codes=(DONE,), options=()):
        run = Run("scan", "--json", "--intel", bad, *options, *inputs)
        self.assertIn(run.code, codes, run)
        *lines, summary = run.lines()
        lines = [line for line in lines if line["type"] == "match"]
        self.assertEqual((summary["type"], summary["endpoints"], summary["partial"]), ("summary", len(lines), run.code in (PARTIAL, NOTHING)))
        return lines

    def test_captures_and_cases(self):
        bad = self.path("bad", b"203.0.113.102\n198.51.100.250\n")
        capture, case = self.path("k.pcap", scenario_bytes(KWAMPIRS)), self.folder / "match.db"
        [line] = self.matches(bad, capture)
        self.assertEqual((line["host"], line["peer"], line["port"], line["seen_as"]), (HOST, "203.0.113.102", 80, ["server", "answer"]))
        self.assertEqual(Run("hunt", "-q", "--case", case, capture).code, DONE)
        [kept] = self.matches(bad, case)
        self.assertEqual((kept["host"], kept["indicator"], kept["finding"]), (HOST, "203.0.113.102", line["finding"]))
        self.assertEqual(Run("scan", "--exit-code", "--intel", bad, case).code, FINDINGS)
        nothing = self.path("nothing", b"192.0.2.77\n")
        self.assertEqual(self.matches(nothing, capture, case, options=["--exit-code"]), [])
        self.assertEqual(self.matches(bad, capture, options=["--until", "2026-03-02T08:00:00Z"]), [])
        self.matches(bad, "/no/such/capture", codes=(NOTHING,))

    def test_packed_captures_and_logs(self):
        bad = self.path("bad", f"203.0.113.102\n{zeeklogs.LADDER_END}\n".encode())
        log = (zeeklogs.head() + "".join(zeeklogs.ladder(zeeklogs.START))).encode()
        capture = self.path("k.pcap.gz", gzip.compress(scenario_bytes(KWAMPIRS)))
        lines = self.matches(bad, capture, self.path("conn.log", log))
        self.assertEqual({line["indicator"] for line in lines}, {"203.0.113.102", zeeklogs.LADDER_END})
        # what begins like a log is still looked at by rules
        rules = self.path("rules.yar", b'rule own { strings: $a = "POSTERN-HARMLESS-MARK" condition: $a }\n')
        run = Run("scan", "--json", "--intel", bad, "--rules", rules, self.path("x.log", log + b"#POSTERN-HARMLESS-MARK\n"))
        self.assertEqual([line["matches"][0]["name"] for line in run.lines() if line["type"] == "file"], ["own"])

    def test_journals(self):
        folder = self.folder / "logs"
        folder.mkdir()
        (folder / "conn.log").write_text(zeeklogs.head() + "".join(zeeklogs.day()) + "".join(zeeklogs.ladder(zeeklogs.START + 12100)))
        state, end = self.folder / "state", zeeklogs.LADDER_END
        watch = Watch("--state", state, folder)
        watch.wait(lambda line: line["type"] == "finding")
        time.sleep(1.5)
        watch.end()
        bad = self.path("bad", f"{end}\n".encode())
        journals = [f"{state}.journal.0", f"{state}.journal.1"]
        before = [pathlib.Path(path).read_bytes() for path in journals]
        lines = self.matches(bad, *journals, codes=(DONE, PARTIAL))
        self.assertEqual({line["indicator"] for line in lines}, {end})
        self.assertEqual(before, [pathlib.Path(path).read_bytes() for path in journals])
        full = max(before, key=len)
        cut = self.path("cut", full[:-3])
        self.assertEqual({line["indicator"] for line in self.matches(bad, cut, codes=(PARTIAL,))} - {end}, set())
        self.matches(bad, self.path("version", full[:8] + b"\x01" + full[9:]), codes=(NOTHING,))


class Live(Case):
    """Lists beside a watch."""

    def test_told_at_once_and_read_again(self):
        folder = self.folder / "live"
        folder.mkdir()
        log = folder / "conn.log"
        log.write_text(zeeklogs.head() + "".join(zeeklogs.day()))
        bad = self.path("bad", b"192.0.2.200\n")
        watch = Watch("--intel", bad, folder)
        time.sleep(1)
        end = zeeklogs.LADDER_END
        bad.write_text(f"{end}\n")
        until = time.monotonic() + 30
        while not any("read again: 1 indicators" in line for _, line in watch.errors) and time.monotonic() < until:
            time.sleep(0.1)
        with log.open("a") as file:
            file.write("".join(zeeklogs.ladder(zeeklogs.START + 12100)))
        _, line = watch.wait(lambda line: line["type"] == "known-bad")
        self.assertEqual((line["indicator"], line["kind"]), (end, "address"))
        bad.write_bytes(b"\x00")
        until = time.monotonic() + 30
        while not any("stay as they were" in line for _, line in watch.errors) and time.monotonic() < until:
            time.sleep(0.1)
        watch.end()
        self.assertEqual(watch.child.returncode, 0)
        self.assertTrue(any("stay as they were" in line for _, line in watch.errors), watch.errors)
        self.assertEqual(sum(x["type"] == "known-bad" for _, x in watch.lines), 1)


if __name__ == "__main__":
    unittest.main()
