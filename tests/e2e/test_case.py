# SPDX-License-Identifier: Apache-2.0
"""Cases: what a hunt found is kept whole, comes out again as it went in, and nothing else is taken for one."""
import contextlib
import hashlib
import math
import os
import sqlite3
import stat
import unittest

from support import DONE, FINDINGS, NOTHING, ROOT, TIME, USAGE, Case, Run, scenario_bytes

APPLICATION = 0x506F7374
VERSION = 2


class Cases(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.captures = []
        for name in ("demo-emotet-like", "demo-dga", "benign-mirrors"):
            cls.captures.append(cls.folder / f"{name}.pcap")
            cls.captures[-1].write_bytes(scenario_bytes(name))
        cls.kept = cls.folder / "kept.db"
        hunt = Run("hunt", "-q", "--case", cls.kept, *cls.captures)
        assert hunt.code == DONE, hunt
        cls.bytes = cls.kept.read_bytes()

    def kept_copy(self, *statements):
        """A copy of the case, changed as a stranger might."""
        path = self.path("copy.db", self.bytes)
        with contextlib.closing(sqlite3.connect(path)) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()
        return path

    def refused(self, path, *words):
        """One line that names the file, and nothing else."""
        run = Run("report", path)
        self.assertEqual((run.code, run.out), (NOTHING, b""), run)
        self.assertEqual(len(run.err.splitlines()), 1, run)
        self.assertIn(path.name, run.err)
        for word in words:
            self.assertIn(word, run.err)
        return run


class Keeps(Cases):
    def same(self, *options, to, hunt_options=(), report_options=()):
        case, page = self.folder / "same.db", self.folder / "same.html"
        case.unlink(missing_ok=True)
        hunt = Run("hunt", "-q", "--case", case, *options, *hunt_options, *self.captures)
        self.assertEqual(hunt.code, DONE, hunt)
        report = Run("report", case, "--to", to, *report_options)
        self.assertEqual((report.code, report.err), (DONE, ""), report)
        wanted = page.read_bytes() if to == "html" else hunt.out
        self.assertEqual(report.out, wanted)
        self.assertGreater(len(report.out), 1000)

    def test_json(self):
        self.same("--json", to="json")

    def test_json_with_all(self):
        self.same("--json", "--all", to="json", report_options=("--all",))

    def test_text(self):
        self.same(to="text")

    def test_text_with_all(self):
        self.same("--all", "-v", to="text", report_options=("--all", "-v"))

    def test_html(self):
        self.same("--report", self.folder / "same.html", to="html")

    def test_safelist_and_line(self):
        vouched = self.path("list", b"# ours\n\n*.Vendor.example\n198.51.100.0/24 # the backup\n2001:db8::1\n")
        self.same("--json", "--all", "--safelist", vouched, "--max-e", "0.5", to="json", report_options=("--all",))
        self.same("--all", "--safelist", vouched, to="text", report_options=("--all",))

    def test_logs_and_damage(self):
        """What could not be read is kept with its words."""
        cut = self.path("cut.pcap", scenario_bytes("demo-emotet-like")[:-7])
        case = self.folder / "cut.db"
        hunt = Run("hunt", "-q", "--json", "--case", case, cut, self.path("nothing.txt", b"no log\n"))
        report = Run("report", case, "--json")
        self.assertEqual((report.code, report.out), (DONE, hunt.out), report)
        text = " ".join(Run("report", "-v", case).out.decode().split())
        self.assertIn("cut.pcap", text)
        self.assertIn("nothing.txt: not read", text)
        self.assertIn("not all of the input was read", text)

    def test_line_moves(self):
        strict = Run("report", self.kept, "--json", "--max-e", "0.0000001")
        self.assertEqual([line["type"] for line in strict.lines()], ["summary"])
        self.assertEqual(strict.lines()[0]["max_e"], 1e-7)

    def test_inputs(self):
        """The bytes that were read can be told from others later."""
        with contextlib.closing(sqlite3.connect(self.kept)) as db:
            rows = db.execute("SELECT path, format, bytes, sha256 FROM input ORDER BY ordinal").fetchall()
        self.assertEqual(sorted(rows), sorted((str(path), "pcap", path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
                                              for path in self.captures))

    def test_options(self):
        case = self.folder / "options.db"
        Run("hunt", "-q", "--case", case, "--local", "10.0.0.0/8,2001:db8::/32", "--budget", "2", "--until",
            "2030-01-01T00:00:00Z", *self.captures)
        with contextlib.closing(sqlite3.connect(case)) as db:
            self.assertEqual(dict(db.execute("SELECT name, value FROM option")),
                             {"local": "10.0.0.0/8,2001:db8::/32", "budget": "2", "until": "2030-01-01T00:00:00.000000Z"})
            self.assertEqual(db.execute("PRAGMA application_id").fetchone()[0], APPLICATION)
            self.assertEqual(db.execute("PRAGMA user_version").fetchone()[0], VERSION)

    def test_from_pipe(self):
        case = self.folder / "pipe.db"
        hunt = Run("hunt", "-q", "--json", "--case", case, "-", stdin=self.captures[0].read_bytes())
        self.assertEqual(Run("report", case, "--json").out, hunt.out)

    def test_output(self):
        page = self.folder / "page.html"
        run = Run("report", self.kept, "--to", "html", "-o", page)
        self.assertEqual((run.code, run.out), (DONE, b""), run)
        self.assertTrue(page.read_bytes().startswith(b"<!doctype html>"))


class Verdicts(Cases):
    def setUp(self):
        self.case = self.path("judged.db", self.bytes)
        self.ids = [line["id"] for line in Run("report", self.case, "--json", "--all").lines()[:-1]]
        self.first, self.second = [line["id"] for line in Run("report", self.case, "--json").lines()[:-1]]

    def judge(self, *words, code=DONE):
        run = Run("judge", self.case, *words)
        self.assertEqual(run.code, code, run)
        return run

    def report(self, *words):
        *findings, summary = Run("report", self.case, "--json", *words).lines()
        return {finding["id"]: finding for finding in findings}, summary

    def test_reject(self):
        self.judge("--reject", self.first[:6], "--why", "the backup's second site", "--by", "ann")
        findings, summary = self.report()
        self.assertEqual(list(findings), [self.second])
        self.assertIsNone(findings[self.second]["verdict"])
        self.assertEqual((summary["findings"], summary["findings_rejected"]), (1, 1))
        findings, _ = self.report("--all")
        verdict = findings[self.first]["verdict"]
        self.assertEqual((verdict["verdict"], verdict["why"], verdict["by"]), ("rejected", "the backup's second site", "ann"))
        self.assertRegex(verdict["at"], TIME)
        self.assertIsNone(findings[self.first]["explained"])
        text = Run("report", self.case).out.decode()
        self.assertIn("1 finding (E ≤ 0.1)", text)
        self.assertIn("1 rejected", text)
        self.assertNotIn("second site", text)
        for words in (("--all",), ("--all", "--to", "html")):
            self.assertIn("second site", " ".join(Run("report", self.case, *words).out.decode().split()).replace("&#39;", "'"))

    def test_accept_goes_before_all(self):
        """What a machine explained or found too weak is reported when a person says so."""
        other = next(id for id in self.ids if id not in (self.first, self.second))
        self.judge("--accept", other, "--why", "seen on the machine")
        findings, summary = self.report()
        self.assertEqual(set(findings), {self.first, self.second, other})
        self.assertEqual(summary["findings"], 3)
        self.assertIsNotNone(findings[other]["explained"])
        self.assertIsNone(findings[other]["verdict"]["by"])
        self.assertIn("verdict accepted, ", " ".join(Run("report", self.case).out.decode().split()))
        self.assertIn(b"<b>Verdict:</b> <bdi>accepted, ", Run("report", self.case, "--to", "html").out)

    def test_latest_counts_and_history_stays(self):
        self.judge("--reject", self.first, "--why", "one")
        self.judge("--accept", self.first, "--why", "two")
        self.assertEqual(self.report()[0][self.first]["verdict"]["why"], "two")
        self.judge("--undo", self.first)
        self.assertIsNone(self.report()[0][self.first]["verdict"])
        history = self.judge("--history").out.decode().splitlines()
        self.assertEqual([line.split()[1].strip(",") for line in history], ["rejected", "accepted", "undone"])

    def test_list(self):
        self.judge("--reject", self.first, "--why", "one", "--by", "ann")
        listed = self.judge().out.decode().splitlines()
        self.assertEqual([line.split()[1] for line in listed if line[0] != " "].count("rejected"), 1)
        self.assertEqual({line.split()[0] for line in listed if line[0] != " "}, {id[:12] for id in self.ids})
        self.assertTrue(any(line.startswith("   ") and "rejected by ann" in line for line in listed))

    def test_stay_through_another_hunt(self):
        self.judge("--reject", self.first, "--why", "one")
        hunt = Run("hunt", "-q", "--json", "--case", self.case, *self.captures)
        self.assertEqual([line["id"] for line in hunt.lines()[:-1]], [self.second])
        self.assertEqual(Run("report", self.case, "--json").out, hunt.out)
        self.assertIn(b"one", self.judge("--history").out)
        alarm = Run("hunt", "-q", "--exit-code", "--case", self.case, *self.captures)
        self.assertEqual(alarm.code, FINDINGS, alarm)
        self.judge("--reject", self.second, "--why", "two")
        self.assertEqual(Run("hunt", "-q", "--exit-code", "--case", self.case, *self.captures).code, DONE)

    def test_same_id_with_a_safelist(self):
        """Whom people vouch for does not change what a finding is."""
        vouched = self.path("list", b"10.0.0.0/8\n")
        self.judge("--reject", self.first, "--why", "one")
        hunt = Run("hunt", "-q", "--json", "--all", "--safelist", vouched, "--case", self.case, *self.captures)
        self.assertEqual({line["id"]: line["verdict"] is not None for line in hunt.lines()[:-1]}[self.first], True)

    def test_safelist(self):
        before = Run("report", self.case, "--json", "--all").out
        vouched = self.path("list", b"# ours\n10.1.0.0/16\nnobody.example\n")
        said = self.judge("--safelist", vouched).out.decode()
        self.assertIn("10.1.0.0/16 (line 2) hid 2 findings; 1 other line hid nothing", said)
        findings, summary = self.report("--all")
        self.assertEqual(summary["findings"], 0)
        self.assertEqual(findings[self.first]["explained"], "safelist")
        self.assertEqual(summary["safelist"]["hid"], [{"entry": "10.1.0.0/16", "line": 2, "findings": 2}])
        hunt = Run("hunt", "-q", "--json", "--all", "--safelist", vouched, *self.captures)
        self.assertEqual([finding for _, finding in sorted(findings.items())],
                         sorted(hunt.lines()[:-1], key=lambda line: line["id"]))
        self.judge("--safelist", self.path("empty", b"# nobody\n"))
        *after, last = Run("report", self.case, "--json", "--all").out.splitlines()
        self.assertEqual(after, before.splitlines()[:-1])
        self.assertEqual(Run("judge", self.case, "--safelist", self.path("bad", b"no such thing!\n")).code, USAGE)

    def test_usage(self):
        for words in (("--reject", self.first), ("--accept", self.first, "--why", "  "), ("--reject", self.first[:3], "--why", "x"),
                      ("--reject", "0000", "--why", "x"), ("--reject", "../x", "--why", "x"), ("--why", "x"), ("--by", "x"),
                      ("--reject", self.first, "--accept", self.second, "--why", "x"), ("--undo", self.first, "--history"),
                      ("--reject", self.first, "--why", "x" * 1001), ("--reject", self.first, "--why", "x", "--by", "y" * 101),
                      (self.case,)):
            run = self.judge(*words, code=USAGE)
            self.assertEqual(run.out, b"")
        self.assertEqual(self.case.read_bytes(), self.bytes)
        self.assertEqual(Run("judge", self.folder / "absent.db").code, NOTHING)

    def test_ambiguous(self):
        case = self.kept_copy("UPDATE finding SET id='abcd' || printf('%028d', ordinal)")
        run = Run("judge", case, "--reject", "ABCD0", "--why", "x")
        self.assertEqual(run.code, USAGE)
        self.assertIn("more than one", run.err)

    def test_strangers_words(self):
        self.judge("--reject", self.first, "--why", "\x1b[2J<script>alert(1)</script>", "--by", b"\xff".decode(errors="surrogateescape"))
        for words in (("report", "--all"), ("report", "--all", "--to", "html"), ("report", "--all", "--json"), ("judge",),
                      ("judge", "--history")):
            out = Run(words[0], self.case, *words[1:]).out
            self.assertNotIn(b"\x1b", out)
            out.decode()
        self.assertNotIn(b"<script>alert", Run("report", self.case, "--all", "--to", "html").out)

    def test_read_only(self):
        os.chmod(self.case, 0o400)
        if os.access(self.case, os.W_OK):
            self.skipTest("root may write anything")
        self.assertEqual(Run("report", self.case).code, DONE)
        self.judge("--reject", self.first, "--why", "x", code=NOTHING)


class Learning(Cases):
    """hunt --verdicts: what people said of earlier cases."""

    def judged(self, *statements):
        case = self.kept_copy(*statements)
        *findings, _ = Run("report", case, "--json").lines()
        return case, findings

    def hunt(self, *words, options=()):
        run = Run("hunt", "-q", "--json", "--all", *options, *(word for case in words for word in ("--verdicts", case)), *self.captures)
        self.assertEqual(run.code, DONE, run)
        *findings, summary = run.lines()
        return {finding["id"]: finding for finding in findings}, summary

    def test_rejected_before(self):
        """On any host: here the one that was judged had another address."""
        case, (first, second) = self.judged("UPDATE finding SET host='10.9.9.9'")
        Run("judge", case, "--reject", first["id"], "--why", "our updater", "--by", "ann")
        before, _ = self.hunt()
        after, summary = self.hunt(case)
        self.assertEqual(after[first["id"]]["explained"], "rejected-before")
        self.assertEqual(after[first["id"]]["explained_text"], "the same switch of 10.9.9.9 was rejected by ann: our updater")
        self.assertIsNone(after[first["id"]]["verdict"])
        self.assertEqual(after[second["id"]], before[second["id"]])
        self.assertEqual(summary["findings"], 1)
        text = Run("hunt", "--all", "--verdicts", case, *self.captures).out.decode()
        self.assertIn("rejected-before: the same switch", text)

    def test_accepted_or_nothing_said(self):
        case, (first, _) = self.judged()
        before, _ = self.hunt()
        self.assertEqual(self.hunt(case)[0], before)
        Run("judge", case, "--accept", first["id"], "--why", "seen on the machine")
        self.assertEqual(self.hunt(case)[0], before)
        Run("judge", case, "--reject", first["id"], "--why", "no, it is ours")
        Run("judge", case, "--undo", first["id"])
        self.assertEqual(self.hunt(case)[0], before)

    def text(self, site):
        return " ".join(Run("hunt", "-q", "--max-e", "1", "--verdicts", site, *self.captures).out.decode().split())

    def site(self, rejected):
        """A case of twelve judged findings like the first, to twelve places, at E 1e-6 and above; 24 host-days."""
        case = self.path("site.db", self.bytes)
        with contextlib.closing(sqlite3.connect(case)) as db:
            for table in ("channel", "channel_name", "channel_address", "move", "evidence", "tick", "community", "uid"):
                db.execute(f"DELETE FROM {table} WHERE finding>0")
            db.execute("DELETE FROM finding WHERE ordinal>0")
            db.execute("UPDATE hunt SET hosts=3, host_days=24.0")
            for table in ("finding", "channel", "move", "evidence", "tick"):
                columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
                key = "ordinal" if table == "finding" else "finding"
                for number in range(1, 12):
                    changed = {key: str(number), "id": f"printf('%032x',{number})", "endpoint": f"endpoint||'-{number}'"}
                    db.execute(f"INSERT INTO {table} SELECT {','.join(changed.get(name, name) for name in columns)} FROM {table} WHERE {key}=0")
            ids = [row[0] for row in db.execute("SELECT id FROM finding ORDER BY ordinal")]
            db.executemany("INSERT INTO ruling VALUES(?,?,?,'said',NULL,0)",
                           [(number, id, "rejected" if 0 < number <= rejected else "accepted") for number, id in enumerate(ids)])
            db.commit()
        return case

    def test_benign_rate(self):
        before, _ = self.hunt()
        site = self.site(3)
        # 3 in 24 host-days are more than one in ten: nothing passes the line any more
        self.assertEqual(self.hunt(site)[1]["findings"], 0)
        after, summary = self.hunt(site, options=("--max-e", "1"))
        reported = [finding for finding in after.values() if not finding["explained"] and finding["id"] in before]
        self.assertEqual((len(reported), summary["findings"]), (2, 2))
        for finding in reported:
            self.assertAlmostEqual(finding["e_value"], before[finding["id"]]["e_value"] + 3 / 24, places=6)
            self.assertAlmostEqual(sum(line["bits"] for line in finding["evidence"]), -math.log2(finding["e_value"]), places=3)
            self.assertIn("what people here rejected before is counted in", self.text(site))
            people = [line for line in finding["evidence"] if line["kind"] == "people"]
            self.assertEqual(len(people), 1)
            self.assertLess(people[0]["bits"], 0)
            self.assertIn("of 12 different findings as strong as this that people judged in earlier cases, in 24 host-days, 3 were benign",
                          people[0]["text"])

    def test_traffic_counts_once(self):
        site = self.site(3)
        once = self.hunt(site, options=("--max-e", "1"))[0]
        twice = self.hunt(site, site, options=("--max-e", "1"))[0]
        self.assertEqual(once, twice)

    def test_none_was_benign(self):
        self.assertEqual(self.hunt(self.site(0))[0], self.hunt()[0])

    def test_usage(self):
        run = Run("hunt", "-q", "--verdicts", self.folder / "absent.db", *self.captures)
        self.assertEqual((run.code, run.out), (USAGE, b""), run)
        self.assertIn("No such file", run.err)
        self.assertEqual(Run("hunt", "--follow", "--verdicts", self.kept, *self.captures).code, USAGE)


class Differences(Cases):
    def diff(self, old, new, *words):
        *changes, summary = Run("report", "diff", old, new, "--json", *words).lines()
        self.assertEqual(summary["type"], "summary")
        return [(change["change"], change["differs"], change["old"], change["new"]) for change in changes], summary

    def test_itself(self):
        changes, summary = self.diff(self.kept, self.kept)
        self.assertEqual((changes, summary), ([], {"type": "summary", "new": 0, "gone": 0, "changed": 0, "same": 2}))
        self.assertEqual(Run("report", "--diff", self.kept, self.kept).out, b"0 new, 0 gone, 0 changed, 2 the same\n")

    def test_new_and_gone(self):
        one = self.folder / "one.db"
        Run("hunt", "-q", "--case", one, self.captures[0])
        changes, _ = self.diff(one, self.kept)
        self.assertEqual([(change, old) for change, _, old, _ in changes], [("new", None)])
        self.assertEqual(changes[0][3]["kind"], "dga")
        changes, _ = self.diff(self.kept, one)
        self.assertEqual([(change, old["kind"], new) for change, _, old, new in changes], [("gone", "dga", None)])
        self.assertIn(b"gone ", Run("report", "diff", self.kept, one).out)

    def test_changed(self):
        for statement, differs in (("UPDATE finding SET e_value=e_value*2.9", None), ("UPDATE finding SET e_value=e_value*4.0", "e_value"),
                                   ("UPDATE channel SET port=444 WHERE port=443", "channels"), ("UPDATE finding SET kind='split'", "kind"),
                                   ("UPDATE finding SET explained='mirror' WHERE explained IS NULL", "explained")):
            changes, summary = self.diff(self.kept, self.kept_copy(statement))
            self.assertEqual([(change, what) for change, what, _, _ in changes], [("changed", [differs])] * 2 if differs else [], statement)
            self.assertEqual(summary["changed"] + summary["same"], 2)

    def test_matched_without_id(self):
        """An id tells of the kind too; who and where is enough."""
        swapped = self.kept_copy("UPDATE finding SET id=printf('%032x', ordinal), kind='split' WHERE ordinal=0",
                                 "UPDATE finding SET id=printf('%032x', ordinal) WHERE ordinal>0")
        changes, summary = self.diff(self.kept, swapped)
        self.assertEqual([(change, what) for change, what, _, _ in changes], [("changed", ["kind"])])
        self.assertEqual(summary["same"], 1)

    def test_verdict(self):
        judged = self.path("judged.db", self.bytes)
        first = Run("report", judged, "--json").lines()[0]["id"]
        Run("judge", judged, "--reject", first, "--why", "ours")
        changes, _ = self.diff(self.kept, judged)
        self.assertEqual([(change, what) for change, what, _, _ in changes], [("changed", ["verdict"])])
        self.assertIn("verdict: none → rejected", Run("report", "diff", self.kept, judged).out.decode())

    def test_words(self):
        named = self.folder / "diff"
        named.write_bytes(self.bytes)
        for words in (("diff", self.kept), ("--diff", self.kept), ("diff", self.kept, self.kept, self.kept),
                      ("diff", self.kept, self.kept, "--to", "html")):
            self.assertEqual(Run("report", *words).code, USAGE, words)
        self.assertEqual(Run("report", named).code, DONE)
        self.assertEqual(Run("report", "diff", self.kept, self.folder / "absent").code, NOTHING)


class Versions(Cases):
    """Cases of version 1 knew no verdicts."""

    def old(self):
        path = self.path("old.db", b"")
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.executescript((ROOT / "tests/e2e/case-1.sql").read_text())
            db.commit()
        return path

    def test_read(self):
        path = self.old()
        before = path.read_bytes()
        *findings, summary = Run("report", path, "--json").lines()
        self.assertEqual([finding["kind"] for finding in findings], ["dga"])
        self.assertIsNone(findings[0]["verdict"])
        self.assertEqual(Run("judge", path).code, DONE)
        self.assertEqual(path.read_bytes(), before)

    def test_raised_by_a_verdict(self):
        path = self.old()
        run = Run("judge", path, "--reject", "9a57121dd3f2", "--why", "x")
        self.assertEqual(run.code, DONE, run)
        with contextlib.closing(sqlite3.connect(path)) as db:
            self.assertEqual(db.execute("PRAGMA user_version").fetchone()[0], VERSION)
            self.assertEqual(db.execute("SELECT count(*) FROM ruling").fetchone()[0], 1)
        self.assertEqual(Run("report", path, "--json").lines()[0]["findings_rejected"], 1)

    def test_raised_by_a_hunt(self):
        path = self.old()
        hunt = Run("hunt", "-q", "--json", "--case", path, self.captures[0])
        self.assertEqual(hunt.code, DONE, hunt)
        self.assertEqual(Run("report", path, "--json").out, hunt.out)

    def test_not_with_tables_of_the_next(self):
        path = self.old()
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE ruling(a)")
            db.commit()
        self.refused(path, "not those of a case")


class Writes(Cases):
    def test_appears_whole(self):
        names = set(os.listdir(self.folder))
        self.assertEqual({name for name in names if name.startswith("kept.db")}, {"kept.db"})
        self.assertEqual(stat.S_IMODE(self.kept.stat().st_mode), 0o600)

    def test_again(self):
        """A second hunt takes the place of the first."""
        case = self.path("again.db", self.bytes)
        hunt = Run("hunt", "-q", "--json", "--case", case, self.captures[0])
        self.assertEqual(hunt.code, DONE, hunt)
        self.assertEqual(Run("report", case, "--json").out, hunt.out)
        self.assertEqual(len(hunt.lines()), 2)

    def test_nothing_read(self):
        case = self.folder / "none.db"
        run = Run("hunt", "-q", "--case", case, self.path("words", b"no capture\n"))
        self.assertEqual(run.code, NOTHING, run)
        self.assertFalse(case.exists())

    def test_what_is_no_case_stays(self):
        others = {"text": b"dear diary\n" * 20, "empty": b"", "zeros": bytes(8192), "capture": self.captures[0].read_bytes()[:4000]}
        for name, data in others.items():
            path = self.path(name, data)
            run = Run("hunt", "-q", "--case", path, self.captures[0])
            self.assertEqual((run.code, run.out), (USAGE, b""), run)
            self.assertIn("a case is what postern hunt --case F.db writes", run.err)
            self.assertEqual(path.read_bytes(), data)

    def test_other_database_stays(self):
        path = self.path("other.db", b"")
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE mine(a)")
            db.commit()
        before = path.read_bytes()
        run = Run("hunt", "-q", "--case", path, self.captures[0])
        self.assertEqual(run.code, USAGE, run)
        self.assertIn("a database of another program", run.err)
        self.assertEqual(path.read_bytes(), before)

    def test_inputs_stay(self):
        run = Run("hunt", "--case", self.captures[0], self.captures[0])
        self.assertEqual(run.code, USAGE, run)
        self.assertIn("names an input", run.err)
        for words in (("--case", "-"), ("--case", "x", "-o", "x"), ("--case", "x", "--report", "x"), ("--case", "x", "--follow")):
            self.assertEqual(Run("hunt", *words, self.captures[0]).code, USAGE, words)

    def test_no_folder(self):
        run = Run("hunt", "-q", "--case", self.folder / "nowhere/x.db", self.captures[0])
        self.assertEqual((run.code, run.out), (USAGE, b""), run)
        self.assertIn("No such file or directory", run.err)

    def test_killed_writer(self):
        """What it left half done is undone by the next that reads."""
        case, torn = self.path("whole.db", self.bytes), self.folder / "torn.db"
        with contextlib.closing(sqlite3.connect(case, isolation_level=None)) as db:
            db.execute("PRAGMA cache_size=1")
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE channel SET endpoint='half'")
            db.execute("UPDATE tick SET at_ns=0")
            db.execute("DELETE FROM evidence")
            torn.write_bytes(case.read_bytes())
            journal = self.folder / "torn.db-journal"
            journal.write_bytes((self.folder / f"{case.name}-journal").read_bytes())
        self.assertNotEqual(torn.read_bytes(), self.bytes)
        run = Run("report", torn, "--json")
        self.assertEqual((run.code, run.out), (DONE, Run("report", self.kept, "--json").out), run)
        self.assertFalse(journal.exists())

    def test_another_writer(self):
        case = self.path("busy.db", self.bytes)
        with contextlib.closing(sqlite3.connect(case, isolation_level=None)) as db:
            db.execute("BEGIN EXCLUSIVE")
            run = Run("hunt", "-q", "--case", case, self.captures[0])
            self.assertEqual(run.code, USAGE, run)
            self.assertIn("another program is writing", run.err)
            self.assertIn("another program is writing", Run("report", case).err)
        self.assertEqual(case.read_bytes(), self.bytes)


class Refuses(Cases):
    def test_usage(self):
        for words in ((), (self.kept, self.kept), (self.kept, "--to", "xml"), (self.kept, "-o", self.kept),
                      (self.kept, "--json", "--to", "html")):
            run = Run("report", *words)
            self.assertEqual((run.code, run.out), (USAGE, b""), run)
        self.assertEqual(self.kept.read_bytes(), self.bytes)

    def test_formats_are_listed(self):
        listed = [line.split()[0] for line in Run("report", "--to", "help").out.decode().splitlines()]
        self.assertLessEqual({"text", "json", "html"}, set(listed))

    def test_no_case(self):
        self.refused(self.folder / "absent.db", "No such file")
        self.refused(self.folder, "no file")
        self.refused(self.path("a.txt", b"x" * 5000), "no SQLite database")
        self.refused(self.path("b.db", b""), "empty")
        self.refused(self.kept_copy("PRAGMA application_id=1"), "another program")

    def test_later_version(self):
        self.refused(self.kept_copy("PRAGMA user_version=99"), "version 99", f"reads up to {VERSION}")

    def test_schema_of_a_stranger(self):
        """Nothing in a case can make the reader do more than read."""
        for statement in ("CREATE TABLE more(a)", "CREATE INDEX i ON finding(id)", "DROP TABLE tick",
                          "CREATE VIEW v AS SELECT 1", "CREATE TRIGGER t AFTER INSERT ON finding BEGIN DELETE FROM channel; END"):
            path = self.kept_copy(statement)
            self.refused(path, "not those of a case")
            self.assertEqual(Run("hunt", "-q", "--case", path, self.captures[0]).code, USAGE)

    def test_other_journal(self):
        data = bytearray(self.bytes)
        data[18:20] = b"\x02\x02"
        self.refused(self.path("wal.db", data), "journal_mode=DELETE")
        self.assertFalse([name for name in os.listdir(self.folder) if name.endswith(("-wal", "-shm"))])

    def test_hostile_values(self):
        for statement, words in (
                ("UPDATE finding SET kind='fridge' WHERE ordinal=0", ("table finding", "column kind")),
                ("UPDATE finding SET ordinal=99 WHERE ordinal=0", ("table finding", "column ordinal")),
                ("UPDATE finding SET id='../../etc'", ("no id",)),
                ("UPDATE finding SET host='here'", ("column host", "no address")),
                ("UPDATE finding SET e_value=-1.0", ("column e_value",)),
                ("UPDATE finding SET e_value=9e999", ("column e_value",)),
                ("UPDATE finding SET first_ns=9223372036854775807", ("column first_ns",)),
                ("UPDATE finding SET episodes=-1", ("column episodes",)),
                ("UPDATE finding SET measured=2", ("column measured",)),
                ("UPDATE finding SET explained=char(27)||'[2J'", ("column explained", "control")),
                ("UPDATE channel SET endpoint='a'||char(0)||'b'", ("column endpoint", "NUL")),
                ("UPDATE channel SET port=65536", ("column port",)),
                ("UPDATE channel SET failure='maybe'", ("column failure",)),
                ("UPDATE channel SET transport=''", ("column transport",)),
                ("UPDATE channel SET user_agent=CAST(zeroblob(100000) AS TEXT)", ("column user_agent",)),
                ("DELETE FROM channel", ()),
                ("DELETE FROM channel WHERE ordinal=0", ("table channel",)),
                ("UPDATE move SET to_channel=23", ("a move between channels",)),
                ("UPDATE move SET to_channel=24", ("column to_channel",)),
                ("UPDATE tick SET channel=23", ("an attempt without a channel",)),
                ("UPDATE tick SET at_ns=-at_ns", ("out of order",)),
                ("UPDATE evidence SET text=CAST(x'fffe' AS TEXT)", ("table evidence", "control")),
                ("UPDATE evidence SET bits=1e300", ("column bits",)),
                ("INSERT INTO evidence SELECT finding, ordinal+16, kind, bits, text FROM evidence", ("table evidence",)),
                ("DELETE FROM hunt", ("no hunt",)),
                ("UPDATE hunt SET seconds=1e200", ("column seconds",)),
                ("UPDATE input SET error=5", ("column error",)),
                ("UPDATE input SET sha256=printf('%100d', 1)", ("column sha256",)),
                ("INSERT INTO ruling VALUES(0, 'xyz', 'accepted', 'x', NULL, 0)", ("table ruling", "no id")),
                ("INSERT INTO ruling VALUES(0, printf('%032x', 7), 'maybe', 'x', NULL, 0)", ("table ruling", "column verdict")),
                ("INSERT INTO ruling VALUES(5, printf('%032x', 7), 'undone', '', NULL, 0)", ("table ruling", "column ordinal")),
                ("INSERT INTO off VALUES(77777, 'x')", ("table off",))):
            with self.subTest(statement):
                self.refused(self.kept_copy(statement), *words)

    def test_hostile_safelist(self):
        for line, entry in ((1 << 40, "a.example"), (3, "a.example#"), (1, "two words"), (2, "a.example\nb.example")):
            path = self.kept_copy("UPDATE hunt SET safelist='x'", f"INSERT INTO safelist VALUES({line}, '{entry}', 7)")
            self.refused(path, "safelist")

    def test_strangers_words(self):
        """Names may hold anything but NUL; on paper they are inert."""
        path = self.kept_copy("UPDATE channel SET endpoint=CAST(x'1b5b324a' AS TEXT), user_agent=CAST(x'fffefd' AS TEXT)",
                              "UPDATE finding SET process='<script>alert(1)</script>'")
        for to in ("text", "json", "html"):
            run = Run("report", path, "--to", to, "--all", "-v")
            self.assertEqual(run.code, DONE, run)
            self.assertNotIn(b"\x1b", run.out)
            run.out.decode()
        self.assertNotIn(b"<script>alert", Run("report", path, "--to", "html").out)

    def test_cut(self):
        """At every page, and in the middle of some."""
        for size in [*range(0, len(self.bytes), 4096), 50, 99, 100, 101, 5000]:
            self.refused(self.path("cut.db", self.bytes[:size]))

    def test_zeroed_pages(self):
        for at in range(4096, len(self.bytes), 4096):
            data = bytearray(self.bytes)
            data[at:at + 4096] = bytes(4096)
            self.refused(self.path("zeroed.db", data))

    def test_flipped_bytes(self):
        """Whatever becomes of it, it ends with an exit code."""
        for step in range(150):
            data = bytearray(self.bytes)
            at = (step * 7919 * 31) % len(data)
            data[at] ^= 1 << step % 8
            run = Run("report", self.path("flipped.db", data), "--all")
            self.assertIn(run.code, (DONE, NOTHING), run)


if __name__ == "__main__":
    unittest.main()
